"""G1 and G2: what one pass over rows costs."""

from __future__ import annotations

from typing import Any

from benchmarks.gpu.bench import Bench, close

SELECTED = (0.01, 0.1, 0.5, 0.9)
SECTOR = 4
"""Values of eight bytes in the 32 bytes that memory hands out at once."""


def fused(bench: Bench) -> None:
    """G1: ``sum(price * discount) where quantity < 24 and discount > 0.05``."""
    from gpuflow import col

    n, random = bench.rows(1_000_000_000, 20), bench.random()
    price, discount = random.random(n) * 1000, random.random(n) * 0.1
    quantity = bench.below(random, 50, n, "int32")
    frame = bench.device.frame({"price": price, "discount": discount, "quantity": quantity})
    condition = (col("quantity") < 24) & (col("discount") > 0.05)
    query = frame.filter(condition).select((col("price") * col("discount")).sum().alias("revenue"))

    def by_arrays(xp: Any) -> Any:
        return lambda: xp.where((quantity < 24) & (discount > 0.05), price * discount, 0.0).sum()

    def by_torch(torch: Any) -> Any:
        p, d, q = (torch.as_tensor(a, device="cuda") for a in (price, discount, quantity))
        return lambda: torch.where((q < 24) & (d > 0.05), p * d, 0.0).sum()

    def by_cudf(cudf: Any) -> Any:
        table = cudf.DataFrame({"price": price, "discount": discount, "quantity": quantity})

        def work() -> Any:
            rows = table[(table["quantity"] < 24) & (table["discount"] > 0.05)]
            return (rows["price"] * rows["discount"]).sum()

        return work

    expected = float(by_arrays(bench.xp)())

    def right(result: Any) -> bool:
        return close(float(bench.device.arrays(result.collect())["revenue"][0]), expected)

    peers = {"cupy": by_arrays, "torch": by_torch, "cudf": by_cudf}
    bench.measure("filter, multiply, sum", n, query.persist, 20 * n, right, peers, target=0.9)
    bench.measure_partitionings("filter, multiply, sum", n, query.persist, 20 * n, right)


def compaction(bench: Bench) -> None:
    """G2: the rows of three float64 columns whose first value is below a bound, in order."""
    from gpuflow import col

    n, random = bench.rows(1_000_000_000, 48), bench.random()
    columns = {name: random.random(n) for name in "abc"}
    frame = bench.device.frame(columns)
    for selected in SELECTED:
        query = frame.filter(col("a") < selected)
        mask = columns["a"] < selected
        count = int(mask.sum())

        def right(result: Any, mask: Any = mask) -> bool:
            arrays = bench.device.arrays(result.collect())
            return all(bench.xp.array_equal(arrays[name], column[mask]) for name, column in columns.items())

        def by_arrays(xp: Any, selected: float = selected) -> Any:
            def work() -> Any:
                mask = columns["a"] < selected
                return [column[mask] for column in columns.values()]

            return work

        def by_torch(torch: Any, selected: float = selected) -> Any:
            tensors = [torch.as_tensor(column, device="cuda") for column in columns.values()]

            def work() -> Any:
                mask = tensors[0] < selected
                return [tensor[mask] for tensor in tensors]

            return work

        def by_cudf(cudf: Any, selected: float = selected) -> Any:
            table = cudf.DataFrame(columns)
            return lambda: table[table["a"] < selected]

        # the filtered column is read whole, of the others the sectors that hold a selected row, and what is selected written
        touched = 1 - (1 - selected) ** SECTOR
        moved = round(8 * n * (1 + 2 * touched)) + 24 * count
        bench.measure(
            f"compaction, {selected:.0%} selected", n, query.persist, moved, right,
            {"cupy": by_arrays, "torch": by_torch, "cudf": by_cudf}, target=0.75,
        )  # fmt: skip
        del mask
