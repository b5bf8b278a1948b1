"""G5 and G6: joins with unique and with repeated keys."""

from __future__ import annotations

from typing import Any

from benchmarks.gpu.bench import Bench, all_close, close
from benchmarks.gpu.groups import ODD, number_of

TIMES = (1, 10, 100, 1_000, 10_000)
"""How often a key stands on the right of G6; on the left it stands `LEFT` times."""
LEFT = 4


def unique(bench: Bench) -> None:
    """G5: every row finds its one partner, and a product of both is summed; the keys lie close together, or far apart."""
    from gpuflow import col

    xp, n = bench.xp, bench.rows(1_000_000_000, 18)
    size, random = max(n // 10, 1), bench.random()
    numbers, price, weight = bench.below(random, size, n), random.random(n), random.random(size)
    order = xp.argsort(random.random(size))
    expected = float((price * weight[numbers]).sum())
    for case, spread in (("close together", 1), ("far apart", ODD)):

        def spaced(array: Any, spread: int = spread) -> Any:
            return (array.astype("uint64") * xp.uint64(spread)).view("int64")

        keys, primary = spaced(numbers), spaced(order)
        parents = bench.device.frame({"key": primary, "weight": weight[order]})
        product = (col("price") * col("weight")).sum().alias("total")
        query = bench.device.frame({"key": keys, "price": price}).join(parents, on="key").select(product)
        few = bench.device.frame({"key": keys[:1000], "price": price[:1000]}).join(parents, on="key").select(product)
        close_by = spread == 1

        def by_arrays(xp: Any, close_by: bool = close_by) -> Any:
            if not close_by:
                raise NotImplementedError("has no join")
            return lambda: (price * weight[numbers]).sum()

        def by_torch(torch: Any, close_by: bool = close_by) -> Any:
            if not close_by:
                raise NotImplementedError("has no join")
            p, w, k = (torch.as_tensor(a, device="cuda") for a in (price, weight, numbers))
            return lambda: (p * w[k]).sum()

        def by_cudf(cudf: Any, keys: Any = keys, primary: Any = primary) -> Any:
            left, right = cudf.DataFrame({"key": keys, "price": price}), cudf.DataFrame({"key": primary, "weight": weight[order]})

            def work() -> Any:
                joined = left.merge(right, on="key")
                return (joined["price"] * joined["weight"]).sum()

            return work

        def right(result: Any) -> bool:
            return close(float(bench.device.arrays(result.collect())["total"][0]), expected)

        name, moved, peers = f"join with {size:,} unique keys, {case}", 16 * (n + size), {}
        peers |= {"cupy": by_arrays, "torch": by_torch, "cudf": by_cudf}
        record = bench.measure(name, n, query.persist, moved, right, peers)
        if record is not None:  # probing a thousand rows takes no time, so this measures building
            building = min(bench.once(few.persist)[0] for _ in range(3))
            probing = record["median"] - building
            rate = (
                f"{n / probing / 1e9:.1f} G probe rows/s (target 12)" if probing > 0.1 * building else "probing is lost in that"
            )
            bench.emit({"kind": "note", "text": f"{case}: built in {building * 1e3:.1f} ms, {rate}"})
        if close_by:
            bench.measure_partitionings(name, n, query.persist, moved, right)
        del keys, primary


def repeated(bench: Bench) -> None:
    """G6: as many rows come out whatever the number of partners; the columns of both sides are written."""
    from gpuflow import col

    xp, out = bench.xp, bench.rows(100_000_000, 80)
    rates = []
    for times in TIMES:
        keys = out // (LEFT * times)
        if keys < 1:
            bench.emit({"kind": "note", "text": f"{times:,} partners: not run: {out:,} rows are too few"})
            continue
        random = bench.random()

        def side(repeat: int, random: Any = random, keys: int = keys) -> tuple[Any, Any]:
            rows = keys * repeat
            numbers = xp.arange(rows, dtype="int64")[xp.argsort(random.random(rows))] % keys
            return (numbers.astype("uint64") * xp.uint64(ODD)).view("int64"), random.random(rows)

        (left, v), (right, w) = side(LEFT), side(times)
        columns = bench.device.frame({"key": left, "v": v}), bench.device.frame({"key": right, "w": w})
        query = columns[0].join(columns[1], on="key").select("key", col("v"), col("w"))
        rows = keys * LEFT * times

        def is_right(
            result: Any, left: Any = left, v: Any = v, right: Any = right, w: Any = w, times: int = times, rows: int = rows
        ) -> bool:
            columns = bench.device.arrays(result.collect())
            if len(columns["key"]) != rows:
                return False
            number = number_of(xp, columns["key"])
            sides = (("v", left, v, times), ("w", right, w, LEFT))
            sums = [xp.bincount(number_of(xp, k), weights=a) * partners for _, k, a, partners in sides]
            products = xp.bincount(number_of(xp, left), weights=v) * xp.bincount(number_of(xp, right), weights=w)
            return (
                all(all_close(xp, xp.bincount(number, weights=columns[s[0]]), e) for s, e in zip(sides, sums, strict=True))
                and all_close(xp, xp.bincount(number, weights=columns["v"] * columns["w"]), products)
            )  # fmt: skip

        def by_cudf(cudf: Any, left: Any = left, v: Any = v, right: Any = right, w: Any = w) -> Any:
            tables = cudf.DataFrame({"key": left, "v": v}), cudf.DataFrame({"key": right, "w": w})
            return lambda: tables[0].merge(tables[1], on="key")

        moved = 16 * (len(left) + len(right)) + 24 * rows
        record = bench.measure(f"join, {times:,} partners", rows, query.persist, moved, is_right, {"cudf": by_cudf})
        if record is not None:
            rates.append(rows / record["median"])
        del left, v, right, w
    if rates:
        bench.emit({"kind": "note", "text": f"rows out per second, best by worst: {max(rates) / min(rates):.2f} (target 2)"})
