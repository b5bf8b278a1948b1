"""G8: to the device and back, and splitting a chunk into parts for an exchange."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.gpu.bench import REPEAT, Bench

PARTS = 16


def run(bench: Bench) -> None:
    """The rates of page-locked copies, of a table's upload and download beside them, and of partition and pack."""
    packing(bench)
    uploads(bench)


def packing(bench: Bench) -> None:
    """``gpuflow_kernels.algorithms.partitioning``: the hash of int64 keys, then every row of two columns moved to its part."""
    from gpuflow_kernels.algorithms import partitioning
    from gpuflow_kernels.column import Chunk, Column
    from gpuflow_kernels.dtypes import FLOAT64, INT64
    from gpuflow_kernels.target import TARGETS

    target = TARGETS["cuda" if bench.xp is not np else "cpu"]
    n, random = bench.rows(500_000_000, 64), bench.random()
    keys, value = bench.below(random, max(n // 4, 1), n), random.random(n)
    chunk = Chunk((Column(INT64, keys), Column(FLOAT64, value)), n)

    def split() -> Any:
        words = partitioning.key_words_of(target, chunk.columns[:1])
        return partitioning.split(target, chunk, words, PARTS)

    def right(parts: Any) -> bool:
        part_keys = [part.columns[0].values for part in parts]
        ids = partitioning.partition_ids(target, partitioning.key_words_of(target, chunk.columns[:1]), PARTS)
        # order within a part is kept, so a part is what selecting it gives
        return len(parts) == PARTS and all(
            bench.xp.array_equal(part_keys[k], keys[ids == k])
            and bench.xp.array_equal(parts[k].columns[1].values, value[ids == k])
            for k in (0, PARTS // 2, PARTS - 1)
        ) and sum(map(len, part_keys)) == n  # fmt: skip

    bench.measure(f"partition and pack, {PARTS} parts", n, split, 32 * n, right, target=0.6)


def uploads(bench: Bench) -> None:
    """Host to device and back: page-locked memory, then a table through gpuflow, as fractions of it."""
    xp, device = bench.xp, bench.device
    size = 1 << (24 if bench.quick else 30)
    pinned, room = device.pinned(size), xp.empty(size, "uint8")
    pinned[:] = np.arange(size, dtype=np.uint8)

    def rate(work: Any) -> float:
        return size / min(bench.once(work)[0] for _ in range(REPEAT))

    up, down = rate(lambda: _put(room, pinned)), rate(lambda: _get(room, pinned))
    right = bool((room[:256] == xp.arange(256, dtype="uint8")).all())
    for case, value in (("host to device", up), ("device to host", down)):
        bench.emit(
            {"kind": "micro", "name": "page-locked copy", "case": case, "value": value / 1e9, "unit": "GB/s", "right": right}
        )
    import gpuflow as gf

    column = np.random.default_rng(7).random(size // 8)
    frame = gf.from_numpy({"x": column}).select((gf.col("x") + 0.0).alias("x"))
    seconds, result = bench.once(frame.persist)
    seconds = min(seconds, *(bench.once(frame.persist)[0] for _ in range(2)))
    same = bool(xp.array_equal(device.arrays(result.collect())["x"], xp.asarray(column)))
    shown = {"case": "upload of a float64 column", "value": size / seconds / 1e9, "unit": "GB/s", "right": same}
    bench.emit({"kind": "micro", "name": "table", **shown, "of_pcie": size / seconds / up, "target": 0.9})


def _put(array: Any, source: Any) -> None:
    if isinstance(array, np.ndarray):
        array[:] = source
    else:
        array.set(source)


def _get(array: Any, target: Any) -> None:
    if isinstance(array, np.ndarray):
        target[:] = array
    else:
        array.get(out=target)
