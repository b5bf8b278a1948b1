"""Calling generated kernels on a GPU: scans between counting and writing, groups before accumulators, folds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...binding import Bindings
from ...codegen.modules import load
from ...codegen.pipeline import Pipeline, Shape
from ...codegen.skeletons_cuda import CudaGenerated
from ...counting import rows_by_id
from ...dtypes import DType
from ...target import Target
from . import hash_table, runtime


def launch(kernel: Any, n: int, args: Sequence[Any]) -> None:
    """Run `kernel` with a thread for each of `n` things (not at all for none)."""
    if n > 0:
        runtime.device.launch(kernel, n, args)


class _Run:
    """One run of a generated module: its arguments, and the error number that its kernels leave behind."""

    def __init__(self, target: Target, generated: CudaGenerated, arguments: dict[str, Any], rows: int) -> None:
        self.xp, self.rows = target.xp, rows
        self.module, self.kernels = load(generated.text, "cuda"), dict(generated.kernels)
        self.arguments = arguments | {"rows": np.int64(rows), "err": self.xp.zeros(1, dtype="int64")}

    def __call__(self, name: str, n: int, **more: Any) -> None:
        arguments = self.arguments | more
        if n:
            launch(getattr(self.module, name), n, [arguments[p] for p in self.kernels[name]])

    def count(self) -> int:
        """How many rows leave; where those of each row begin becomes an argument."""
        if "count" not in self.kernels or self.rows == 0:
            return self.rows
        counts = self.xp.empty(self.rows, dtype="int64")
        self("count", self.rows, counts=counts)
        ends = self.xp.cumsum(counts)
        self.arguments["starts"] = ends - counts
        return int(ends[-1])

    @property
    def error(self) -> int:
        return int(self.arguments["err"][0])


def write(
    target: Target,
    pipeline: Pipeline,
    shape: Shape,
    generated: CudaGenerated,
    arguments: dict[str, Any],
    rows: int,
    types: tuple[DType, ...],
    compacting: bool,
    bindings: Bindings,
) -> tuple[list[Any], list[Any], int, int]:
    """Run a writing kernel over all rows; (values, validities, rows written, error number)."""
    run, xp = _Run(target, generated, arguments, rows), target.xp
    length = run.count()
    values = [xp.empty(length, dtype=t.storage) for t in types]
    validities = [xp.empty(length, dtype=bool) if n else None for n in generated.out_nullable]
    outputs = {f"o{k}": v for k, v in enumerate(values)} | {f"h{k}": v for k, v in enumerate(validities) if v is not None}
    run("run", rows, **outputs)
    return values, validities, length, run.error


def group(
    target: Target,
    pipeline: Pipeline,
    shape: Shape,
    generated: CudaGenerated,
    arguments: dict[str, Any],
    rows: int,
    table: Any,
    bindings: Bindings,
) -> int:
    """Run a grouping kernel over all rows of a chunk, growing `table` (`grouping.GroupTable`) as needed; error number."""
    run = _Run(target, generated, arguments | table.arguments(), rows)
    if rows == 0:
        return 0
    if table.layout.mode == "reduce":
        _reduce(run, table, bindings)
        return run.error
    xp, total = target.xp, run.count()
    if total == 0:
        return run.error
    gids = None
    if table.layout.mode == "hash":
        words = [xp.empty(total, dtype="int64") for _ in range(table.layout.words)]
        run("words", rows, **{f"kx{k}": w for k, w in enumerate(words)})
        if run.error:  # the words of such a row mean nothing
            return run.error
        gids = hash_table.number(target, words, total, table, bindings)
        run.arguments |= table.arguments()
    elif "fold" in run.kernels:
        gids = xp.empty(total, dtype="int64")
    kept = {p: xp.empty(total, dtype=_kept_type(p, table)) for p in run.kernels["run"] if p.startswith(("sv", "sm"))}
    run("run", rows, gids=gids, **kept)
    if "fold" in run.kernels:
        groups = table.capacity if table.layout.mode == "dense" else table.groups
        bounds, order = rows_by_id(target, gids, groups)
        places = {f"z{k}": a for k, a in enumerate(table.accumulators)}
        run("fold", groups, groups=np.int64(groups), bounds=bounds, order=order, **kept, **places)
    return run.error


def _kept_type(name: str, table: Any) -> Any:
    return "bool" if name.startswith("sm") else table.accumulators[int(name[2:])].dtype


def _reduce(run: _Run, table: Any, bindings: Bindings) -> None:
    """Partial results of threads, folded a chunk at a time until one is left, which goes into the table.

    The tree depends on the number of rows alone, so equal inputs give equal bits.
    """
    xp, layout = run.xp, table.slots_of
    lanes, chunk = (5, 2) if bindings.tiny else (runtime.device.lanes, runtime.device.chunk)
    lanes = min(lanes, run.rows)
    parts = [table.fresh(ref, lanes) for ref in layout]
    run("run", lanes, lanes=np.int64(lanes), **{f"z{k}": p for k, p in enumerate(parts)})
    if not layout:
        return
    # a flag is named after the first slot of its aggregation
    first = {ref.agg: ref.array for ref in reversed(layout) if ref.slot == 0}
    names = [f"sv{ref.array}" if ref.slot >= 0 else f"sm{first[ref.agg]}" for ref in layout]
    while True:
        groups = -(-lanes // chunk)
        bounds = xp.minimum(xp.arange(groups + 1, dtype="int64") * chunk, lanes)
        places = [table.fresh(ref, groups) for ref in layout] if groups > 1 else table.accumulators
        inputs = dict(zip(names, parts, strict=True)) | {f"z{k}": p for k, p in enumerate(places)}
        run("fold", groups, groups=np.int64(groups), bounds=bounds, order=xp.arange(lanes, dtype="int64"), **inputs)
        if groups == 1:
            return
        lanes, parts = groups, places


def new_slots(target: Target, capacity: int) -> tuple[Any, Any]:
    """An empty hash table for `capacity` keys: (slots, shift)."""
    return hash_table.empty_slots(target, capacity)


def rehash(target: Target, words: list[Any], count: int, capacity: int, constant_hash: bool) -> tuple[Any, Any]:
    """A table for `capacity` keys that holds keys ``0 … count`` of `words`: (slots, shift)."""
    slots, shift = hash_table.empty_slots(target, capacity)
    hash_table.rebuild(target, words, count, slots, shift, constant_hash)
    return slots, shift
