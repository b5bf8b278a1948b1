"""Benchmarks on a CUDA device, each a fraction of the speed at which the device copies its own memory in the same run.

``python -m benchmarks.gpu --rows 1e8 --out FILE``. CuPy is the peer where it has a counterpart.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

GROUPS = (100, 10_000, 1_000_000)


def timed(work: Callable[[], Any], repeat: int = 7) -> dict[str, Any]:
    """First call and median of `repeat` more, in seconds, the device idle before and after each."""
    from cupy.cuda import runtime

    def once() -> float:
        runtime.deviceSynchronize()
        start = time.perf_counter()
        result = work()
        runtime.deviceSynchronize()
        seconds = time.perf_counter() - start
        del result
        return seconds

    first = once()
    times = [once() for _ in range(repeat)]
    return {"first": first, "median": statistics.median(times), "times": times}


def copy_bandwidth(gibibytes: float = 2.0) -> float:
    """Bytes per second of a copy on the device, reads and writes counted."""
    import cupy

    source = cupy.zeros(int(gibibytes * 2**27), cupy.float64)
    target = cupy.empty_like(source)
    return 2 * source.nbytes / timed(lambda: cupy.copyto(target, source))["median"]


def measure(rows: int) -> dict[str, Any]:
    """Filter and sum, group-by with few and many groups, and a join, over `rows` rows drawn from a fixed seed.

    Every entry has the seconds, the fewest bytes the work must move, and that as a fraction of `copy`; and ``right``:
    whether the answer is CuPy's.
    """
    import cupy

    import gpuflow as gf
    from gpuflow import col

    copy = copy_bandwidth()
    random = cupy.random.default_rng(7)
    price, discount = random.random(rows) * 1000, random.random(rows) * 0.1
    quantity = random.integers(1, 51, rows, dtype=cupy.int32)
    results: dict[str, Any] = {"copy_gb_per_s": copy / 1e9, "rows": rows, "work": {}}

    def add(name: str, timing: dict[str, Any], moved: int, right: bool, peer: dict[str, Any] | None = None) -> None:
        entry = timing | {"bytes": moved, "of_copy": moved / timing["median"] / copy, "right": right}
        results["work"][name] = entry | ({"cupy": peer, "ratio": peer["median"] / timing["median"]} if peer else {})

    def close(a: float, b: float) -> bool:
        return abs(a - b) <= 1e-9 * max(abs(a), abs(b), 1.0)

    sales = gf.from_cupy({"price": price, "discount": discount, "quantity": quantity})
    kept = (col("quantity") < 24) & (col("discount") > 0.05)
    revenue = sales.filter(kept).select((col("price") * col("discount")).sum().alias("revenue"))

    def by_cupy() -> Any:
        mask = (quantity < 24) & (discount > 0.05)
        return (price[mask] * discount[mask]).sum()

    answer = revenue.collect().to_arrow()["revenue"][0].as_py()
    moved = price.nbytes + discount.nbytes + quantity.nbytes
    add("filter, multiply, sum", timed(revenue.collect), moved, close(answer, float(by_cupy())), timed(by_cupy))

    for groups in GROUPS:
        keys = random.integers(0, groups, rows, dtype=cupy.int64)
        grouped = gf.from_cupy({"key": keys, "price": price}).group_by("key").agg(n=gf.len(), total=col("price").sum())
        table = grouped.collect().to_arrow()
        right = sum(table["n"].to_pylist()) == rows and close(sum(table["total"].to_pylist()), float(price.sum()))
        add(f"group by int64, {groups:,} groups", timed(grouped.collect), keys.nbytes + price.nbytes, right)

    small = max(rows // 10, 1)
    keys = random.integers(0, small, rows, dtype=cupy.int64)
    parents = gf.from_cupy({"key": random.permutation(small), "weight": cupy.ones(small)})
    joined = gf.from_cupy({"key": keys, "price": price}).join(parents, on="key")
    total = joined.select((col("price") * col("weight")).sum().alias("total"))
    answer = total.collect().to_arrow()["total"][0].as_py()
    add(f"join with {small:,} unique keys, sum", timed(total.collect), keys.nbytes + price.nbytes + small * 16,
        close(answer, float(price.sum())))  # fmt: skip
    return results


@click.command()
@click.option("--rows", type=float, default=1e8, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="JSON file to write.")
def main(rows: float, out: Path) -> None:
    """Measure on the first CUDA device, print, and write JSON; exit with 1 when an answer is wrong."""
    results = measure(int(rows))
    out.write_text(json.dumps(results, indent=1) + "\n")
    print(f"copy {results['copy_gb_per_s']:.0f} GB/s")
    for name, entry in results["work"].items():
        beside = f", {entry['ratio']:.1f} x CuPy" if "ratio" in entry else ""
        verdict = "" if entry["right"] else "  WRONG"
        print(f"{name:<34} {entry['median'] * 1e3:8.2f} ms  {entry['of_copy']:.0%} of copy{beside}{verdict}")
    raise SystemExit(0 if all(e["right"] for e in results["work"].values()) else 1)


if __name__ == "__main__":
    main()
