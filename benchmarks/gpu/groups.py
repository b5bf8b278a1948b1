"""G3 and G4: group-by with few groups and with many."""

from __future__ import annotations

from typing import Any

from benchmarks.gpu.bench import Bench, all_close

FEW = 4096
MANY = {10_000: 0.45, 1_000_000: 0.30, 100_000_000: 0.15}
"""Groups, and the fraction of copy that is aimed at."""
ODD = 0x9E3779B97F4A7C15
"""Multiplying by an odd number maps the 64-bit words onto themselves: keys far apart, from which the group can be told."""
CASES = (("count", None, 0.8), ("int32", "int32", 0.8), ("int64", "int64", 0.5), ("float64", "float64", 0.5))
CASES += (("skewed", "float64", None),)
HOT = 0.38
"""Part of the rows that has one key, where keys are skewed."""


def few(bench: Bench) -> None:
    """G3: int32 keys, sum, count and mean of int32, int64 and float64; the last also with one hot key."""
    import gpuflow as gf
    from gpuflow import col

    n, random = bench.rows(1_000_000_000, 12), bench.random()
    uniform = bench.below(random, FEW, n, "int32")
    medians: dict[str, float] = {}
    for case, dtype, target in CASES:
        keys = bench.xp.where(random.random(n) < HOT, 7, uniform).astype("int32") if case == "skewed" else uniform
        columns: dict[str, Any] = {"key": keys}
        aggregates: dict[str, Any] = {"n": gf.len()}
        if dtype is not None:
            columns["v"] = (random.random(n) * 1000).astype(dtype)
            aggregates |= {"total": col("v").sum(), "mean": col("v").mean()}
        query = bench.device.frame(columns).group_by("key").agg(**aggregates)

        def right(result: Any, columns: dict[str, Any] = columns) -> bool:
            answer = bench.device.arrays(result.collect())
            return matches(bench, answer, answer["key"], columns["key"], columns.get("v"))

        def by_arrays(xp: Any, columns: dict[str, Any] = columns) -> Any:
            def work() -> Any:
                counts = xp.bincount(columns["key"], minlength=FEW)
                if "v" not in columns:
                    return counts
                sums = xp.bincount(columns["key"], weights=columns["v"], minlength=FEW)
                return counts, sums, sums / counts

            return work

        def by_torch(torch: Any, columns: dict[str, Any] = columns) -> Any:
            return by_arrays(torch, {name: torch.as_tensor(a, device="cuda") for name, a in columns.items()})

        def by_cudf(cudf: Any, columns: dict[str, Any] = columns) -> Any:
            grouped = cudf.DataFrame(columns).groupby("key")
            return (lambda: grouped["v"].agg(["sum", "count", "mean"])) if "v" in columns else grouped.size

        moved = sum(a.nbytes for a in columns.values())
        record = bench.measure(
            f"group-by int32, {FEW:,} groups, {case}", n, query.persist, moved, right,
            {"cupy": by_arrays, "torch": by_torch, "cudf": by_cudf}, target=target,
        )  # fmt: skip
        if record is not None:
            medians[case] = record["median"]
    if {"skewed", "float64"} <= medians.keys():
        ratio = medians["skewed"] / medians["float64"]
        bench.emit(
            {
                "kind": "note",
                "text": f"{HOT:.0%} of the rows on one key take {ratio:.2f} times what uniform keys take (target 1.3)",
            }
        )


def many(bench: Bench) -> None:
    """G4: wide int64 keys of 1e4, 1e6 and 1e8 groups; count and sum of float64."""
    import gpuflow as gf
    from gpuflow import col

    xp = bench.xp
    for groups, target in MANY.items():
        n = bench.rows(1_000_000_000, 16)
        if n < 5 * groups:
            bench.emit({"kind": "note", "text": f"{groups:,} groups: not run: {n:,} rows are too few"})
            continue
        random = bench.random()
        numbers = bench.below(random, groups, n)
        keys = (numbers.astype("uint64") * xp.uint64(ODD)).view("int64")
        del numbers
        value = random.random(n)
        query = bench.device.frame({"key": keys, "v": value}).group_by("key").agg(n=gf.len(), total=col("v").sum())

        def right(result: Any, keys: Any = keys, value: Any = value) -> bool:
            answer = bench.device.arrays(result.collect())
            return matches(bench, answer, number_of(xp, answer["key"]), number_of(xp, keys), value)

        def by_arrays(xp: Any, keys: Any = keys, value: Any = value) -> Any:
            def work() -> Any:
                distinct, numbers, counts = xp.unique(keys, return_inverse=True, return_counts=True)
                return distinct, counts, xp.bincount(numbers, weights=value)

            return work

        def by_torch(torch: Any, keys: Any = keys, value: Any = value) -> Any:
            k, v = torch.as_tensor(keys, device="cuda"), torch.as_tensor(value, device="cuda")

            def work() -> Any:
                distinct, numbers, counts = torch.unique(k, return_inverse=True, return_counts=True)
                return distinct, counts, torch.bincount(numbers, weights=v)

            return work

        def by_cudf(cudf: Any, keys: Any = keys, value: Any = value) -> Any:
            grouped = cudf.DataFrame({"key": keys, "v": value}).groupby("key")["v"]
            return lambda: grouped.agg(["count", "sum"])

        bench.measure(
            f"group-by int64, {groups:,} groups", n, query.persist, 16 * n + 24 * groups, right,
            {"cupy": by_arrays, "torch": by_torch, "cudf": by_cudf}, target=target,
        )  # fmt: skip
        del keys, value


def number_of(xp: Any, keys: Any) -> Any:
    """Recover the group numbers that keys were made of."""
    return (keys.view("uint64") * xp.uint64(pow(ODD, -1, 1 << 64))).view("int64")


def matches(bench: Bench, answer: dict[str, Any], groups: Any, keys: Any, value: Any) -> bool:
    """Return whether counts, sums and means by group equal those of CuPy, each group once, none missing."""
    xp = bench.xp
    counts = xp.bincount(keys)
    seen = xp.zeros(len(counts), bool)
    seen[groups] = True
    if not len(groups) == int((counts > 0).sum()) == int(seen.sum()) or not xp.array_equal(answer["n"], counts[groups]):
        return False
    if value is None:
        return True
    sums = xp.bincount(keys, weights=value)[groups]
    return all_close(xp, answer["total"].astype("float64"), sums) and (
        "mean" not in answer or all_close(xp, answer["mean"], sums / counts[groups])
    )
