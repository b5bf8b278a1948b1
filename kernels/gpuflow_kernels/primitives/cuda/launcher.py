"""Run generated kernels on a GPU: scans between passes, growing tables, and folds of partial results."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from gpuflow_kernels.algorithms.counting_sort import rows_by_id
from gpuflow_kernels.codegen.common.arguments import Argument, Arguments, Role, control
from gpuflow_kernels.codegen.common.table_lookups import EMPTY
from gpuflow_kernels.codegen.cuda.private_groups import NEIGHBOURS
from gpuflow_kernels.codegen.cuda.row_writers import segment_rows
from gpuflow_kernels.codegen.cuda.skeletons import CudaGenerated
from gpuflow_kernels.codegen.cuda.snippets import Param
from gpuflow_kernels.ir.pipeline import Pipeline, Shape

from ...binding import Bindings
from ...codegen.modules import load
from ...dtypes import DType
from ...target import Target
from . import bits, hash_table, runtime

STRETCH = 1024
"""Contiguous rows of a block are a multiple of this: whole tiles."""
WAVES = 8
"""Blocks of a persistent grid for each multiprocessor."""
FEW = 16
"""Rows are written by their numbers if fewer than one in this many passes: a sector of memory holds four 8-byte items, so reading
whole columns then moves more bytes than gathering single items (decision 17)."""
PIECE = 64
"""Entries that one thread folds."""
SAMPLE = 1 << 16
"""Rows whose keys are sampled before more rows than these go into an empty table."""
HOT = 16
"""A key is hot if it has at least one in this many rows of the sample."""
LONG = 4
"""Equal keys are adjacent if runs have at least this many rows for each thread of a block."""


ERROR, GROUPS = control("err"), control("gids")


def controls(**values: Any) -> Arguments:
    """Arguments that there is one of, by their names."""
    return {control(name): value for name, value in values.items()}


def arguments_of(params: tuple[Param, ...], arguments: Arguments) -> list[Any]:
    """Return arguments in order. Kernels trust the types of arrays, so they are checked here."""
    values = []
    for p in params:
        value = arguments[p.argument]
        assert p.dtype is None or value.dtype == p.dtype, f"{p.name} is {value.dtype}, the kernel reads {p.dtype}"
        values.append(value)
    return values


class Run:
    """One run of a generated module: its arguments, and the error number that its kernels leave behind."""

    def __init__(self, target: Target, generated: CudaGenerated, arguments: Arguments, rows: int) -> None:
        self.xp, self.rows, self.generated = target.xp, rows, generated
        self.module, self.kernels = load(generated.text, "cuda"), {k.name: k for k in generated.kernels}
        members = (Argument(Role.MEMBERS, k) for k in range(len(generated.members)))
        counts = {Argument(Role.MEMBER_COUNT, m.number): np.int64(len(arguments[m])) for m in members}
        self.arguments = arguments | counts | controls(start=np.uint64(0), rows=np.uint64(rows))
        if generated.checks:
            self.arguments[ERROR] = self.xp.zeros(1, dtype="int64")

    def __call__(self, name: str, things: int, given: Arguments | None = None, persistent: bool = True, **named: Any) -> None:
        """Launch a kernel with a thread for each of `things`, or as many as fit on the device at once. `given` and `named`
        controls come on top of the arguments of the run."""
        if things <= 0:
            return
        device = runtime.device
        blocks = -(-things // device.block)
        if persistent:
            blocks = min(blocks, device.multiprocessors * WAVES)
        kernel = self.kernels[name]
        named["stretch"] = np.uint64(-(-things // (blocks * STRETCH)) * STRETCH)
        device.launch(
            getattr(self.module, name),
            blocks,
            arguments_of(kernel.params, self.arguments | (given or {}) | controls(**named)),
            device.block,
        )

    def reads(self, kernel: str, argument: Argument) -> bool:
        """True if a kernel takes this argument."""
        return any(p.argument == argument for p in self.kernels[kernel].params)

    def empty(self, kernel: str, count: int, *roles: Role) -> Arguments:
        """Make arrays of `count` items for all arguments of a kernel with these roles."""
        params = (p for p in self.kernels[kernel].params if p.argument.role in roles)
        return {p.argument: self.xp.empty(count, dtype=p.dtype) for p in params}

    def starts(self) -> int:
        """Count the resulting rows; where those of each input row begin becomes an argument."""
        counts = self.xp.empty(self.rows, dtype="int64")
        self.arguments |= self.empty("count", self.rows, Role.FOUND)
        self("count", self.rows, counts=counts)
        ends = self.xp.cumsum(counts)
        self.arguments |= controls(ends=ends, starts=ends - counts)
        return int(ends[-1])

    @property
    def error(self) -> int:
        return int(self.arguments[ERROR][0]) if ERROR in self.arguments else 0


def write(
    target: Target,
    pipeline: Pipeline,
    shape: Shape,
    generated: CudaGenerated,
    arguments: Arguments,
    rows: int,
    types: tuple[DType, ...],
    compacting: bool,
    bindings: Bindings,
) -> tuple[list[Any], list[Any], int, int]:
    """Run a writing pipeline over all rows; return (values, validities, rows written, error number)."""
    run, xp, length = Run(target, generated, arguments, rows), target.xp, rows
    if rows and "match" in run.kernels:
        length = _match(run, shape, bindings)
    elif rows and "count" in run.kernels:
        length = run.starts()
    values = [xp.empty(length, dtype=t.storage) for t in types]
    validities = [xp.empty(length, dtype=bool) if n else None for n in generated.out_nullable]
    outputs = {Argument(Role.OUTPUT, k): v for k, v in enumerate(values)}
    outputs |= {Argument(Role.OUTPUT_VALIDITY, k): v for k, v in enumerate(validities) if v is not None}
    if not length:
        pass
    elif "expand" in run.kernels:
        run("expand", length, outputs, total=np.uint64(length))
    elif control("index") in run.arguments:
        run("take", length, outputs, rows=np.uint64(length))
    else:
        run("run", rows, outputs)
    return values, validities, length, run.error


def _match(run: Run, shape: Shape, bindings: Bindings) -> int:
    """Mark the rows that pass; return how many do."""
    xp, size = run.xp, segment_rows(shape.paired)
    segments = -(-run.rows // size)
    mask, marked = xp.empty(segments * (size // 32), dtype="uint32"), xp.empty(segments, dtype="int32")
    run.arguments |= run.empty("match", run.rows, Role.FOUND)
    run("match", run.rows, mask=mask, marked=marked)
    ends = xp.cumsum(marked, dtype="int64")
    starts, total = ends - marked, int(ends[-1])
    run.arguments |= controls(mask=mask, starts=starts)
    if total * FEW < run.rows or bindings.tiny:
        run.arguments[control("index")] = bits.listed(xp, mask, starts, total, size // 32)
    return total


def group(
    target: Target,
    pipeline: Pipeline,
    shape: Shape,
    generated: CudaGenerated,
    arguments: Arguments,
    rows: int,
    table: Any,
    bindings: Bindings,
) -> int:
    """Run a grouping pipeline over all rows of a chunk, growing `table` (`GroupTable`) as needed; return the error number."""
    if rows == 0:
        return 0
    run, xp = Run(target, generated, arguments | table.arguments(), rows), target.xp
    mode = table.shape.mode
    if mode == "reduce":
        _reduce(run, table, bindings)
    elif mode == "open":
        _open(run, target, table, bindings)
    else:
        total = run.starts() if "count" in run.kernels else rows
        if total and (mode == "hash" or run.reads("run", GROUPS)):
            run.arguments[GROUPS] = xp.full(total, -2, dtype="int64")
        if total and mode == "hash":
            words = [xp.empty(total, dtype="int64") for _ in range(table.layout.words)]
            run("words", rows, {Argument(Role.ROW_WORD, k): w for k, w in enumerate(words)})
            if run.error:  # the words of a failed row are undefined
                return run.error
            hash_table.number(target, words, run.arguments[GROUPS], table, bindings)
            run.arguments |= table.arguments()
        if total:
            of_rows = run.empty("run", total, Role.ROW_VALUE, Role.ROW_MASK)
            run("run", rows, of_rows)
            if "fold" in run.kernels:
                _fold_rows(run, target, table, of_rows, bindings)
    return run.error


def _open(run: Run, target: Target, table: Any, bindings: Bindings) -> None:
    """Insert rows into an open table by one kernel; repeat those without a free slot after the table has grown."""
    xp = run.xp

    def go(name: str, things: int, thorough: bool = False, **more: Any) -> Any:
        """Run one pass; return the numbers of the rows without a free slot within reach; if `thorough`, probe all slots."""
        pending = xp.zeros(-(-run.rows // 32), dtype="uint32")
        probes = np.uint64(table.capacity if thorough else min(table.capacity, hash_table.PROBES))
        run(name, things, table.arguments(), pending=pending, probes=probes, **more)
        starts, total = bits.weighed(xp, pending)
        unplaced, table.groups = xp.concatenate([total, table.occupancy()]).tolist()  # the only synchronisation with the device
        return bits.listed(xp, pending, starts, unplaced, 1)

    pending_rows = go("run", run.rows)
    while len(pending_rows):
        thorough = table.nearly_empty
        if not thorough:
            table.grow(target, bindings)
        pending_rows = go("again", len(pending_rows), thorough, rows=np.uint64(len(pending_rows)), index=pending_rows)


class Sampled(NamedTuple):
    """Result of a sample of keys: its distinct `keys`, an estimate of all `groups`, whether equal keys are adjacent in `runs`,
    and the `hot` key that many rows have, if any."""

    keys: int
    groups: int
    runs: bool
    hot: int | None


def sample(target: Target, generated: CudaGenerated, arguments: Arguments, rows: int, table: Any, bindings: Bindings) -> None:
    """Sample keys and adapt `table` to the number of groups, the length of runs of equal keys, and a key of many rows.

    This synchronises with the device once. Rows that are filtered out, and those with a null key, count as rows of one more key,
    which is never the hot one.
    """
    run, xp = Run(target, generated, arguments | table.arguments(), rows), target.xp
    keys = xp.full(SAMPLE, EMPTY, dtype="int64")
    every = np.uint64(rows // (SAMPLE // NEIGHBOURS))
    run("sample", SAMPLE, {Argument(Role.ROW_WORD): keys}, rows=np.uint64(SAMPLE), every=every)
    ordered, share = xp.sort(keys), SAMPLE // HOT
    many = (ordered[share:] == ordered[:-share]) & (ordered[share:] != EMPTY)
    places = keys.reshape(-1, NEIGHBOURS)
    figures = [
        (keys[1:] != keys[:-1]).sum(dtype="int64"),
        (places[:, 1:] != places[:, :-1]).sum(dtype="int64"),
        (ordered[1:] != ordered[:-1]).sum(dtype="int64"),
        many.any().astype("int64"),
        ordered[many.argmax()],
        *_seen_once_and_twice(xp, keys),
    ]
    changes, begun, others, hot, key, once, twice = xp.concatenate([f.reshape(1) for f in figures]).tolist()
    # at most the number of runs of equal keys in all rows: in a sorted table no key has two runs
    runs = -(-rows * (begun + 1) // (SAMPLE - len(places)))
    groups = max(others + 1, min(rows, runs, others + 1 + once * max(0, once - 1) // (2 * (twice + 1))))
    result = Sampled(others + 1, groups, SAMPLE >= changes * LONG * runtime.device.block, key if hot else None)
    table.learn(target, rows, result, bindings)


def _seen_once_and_twice(xp: Any, keys: Any) -> list[Any]:
    """Count the keys that occur once in a sample, and those that occur twice, for Chao's estimate (1984) of the missing ones.

    Adjacent rows with one key are one occurrence, because they are not independent."""
    again = xp.concatenate([xp.zeros(1, dtype=bool), keys[1:] == keys[:-1]])
    ordered = xp.sort(xp.where(again, EMPTY, keys))
    edge = xp.ones(1, dtype=bool)
    begins = xp.concatenate([edge, ordered[1:] != ordered[:-1], edge])
    once, twice = begins[:-1] & begins[1:], begins[:-2] & ~begins[1:-1] & begins[2:]
    return [once.sum(dtype="int64"), twice.sum(dtype="int64")]


def _reduce(run: Run, table: Any, bindings: Bindings) -> None:
    """Aggregate without keys: blocks compute partial results, which are folded.

    The order of folding depends only on the number of rows and the device, so equal inputs give equal bits."""
    xp, layout, device = run.xp, table.slots_of, runtime.device
    blocks = min(-(-run.rows // device.block), device.multiprocessors * WAVES)
    parts = [table.fresh(ref, blocks) for ref in layout]
    run("run", run.rows, {Argument(Role.PARTIAL, k): p for k, p in enumerate(parts)})
    if layout:
        _fold(
            run,
            table,
            _as_entries(run, table, parts),
            xp.asarray([0, blocks], dtype="int64"),
            xp.arange(blocks),
            blocks,
            bindings,
        )


def _fold_rows(run: Run, target: Target, table: Any, of_rows: Arguments, bindings: Bindings) -> None:
    """Fold the values `of_rows`, group by group, in the order of the rows."""
    xp, gids = run.xp, run.arguments[GROUPS]
    rows = xp.flatnonzero(gids >= 0)
    groups = table.groups if table.shape.mode == "hash" else table.layout.total
    if not len(rows) or not groups:
        return
    bounds, order = rows_by_id(target, gids[rows], groups)
    _fold(run, table, of_rows, bounds, rows[order], int((bounds[1:] - bounds[:-1]).max()), bindings)


def _as_entries(run: Run, table: Any, parts: list[Any]) -> Arguments:
    """Partial results as what ``fold`` reads. The flag of an aggregation has the number of its first slot."""
    first = {ref.agg: ref.array for ref in reversed(table.slots_of) if ref.slot == 0}
    numbered = zip(table.slots_of, parts, strict=True)
    entries = {
        Argument(Role.ROW_VALUE, ref.array) if ref.slot >= 0 else Argument(Role.ROW_MASK, first[ref.agg]): part
        for ref, part in numbered
    }
    masks = (p.argument for p in run.kernels["fold"].params if p.argument.role == Role.ROW_MASK)
    return entries | {mask: run.xp.ones(len(parts[0]), dtype=bool) for mask in masks if mask not in entries}


def _fold(run: Run, table: Any, values: Arguments, bounds: Any, order: Any, longest: int, bindings: Bindings) -> None:
    """Fold the entries of segment ``k``, ``order[bounds[k] … bounds[k + 1]]``, into accumulator ``k`` of the table.

    Long segments are split into pieces, whose results are the entries of the next round.
    """
    xp, piece = run.xp, 2 if bindings.tiny else PIECE
    while longest > piece:
        pieces = (bounds[1:] - bounds[:-1] + (piece - 1)) // piece
        ends = xp.concatenate([xp.zeros(1, dtype="int64"), xp.cumsum(pieces)])
        count = int(ends[-1])
        number = xp.arange(count, dtype="int64")
        owner = xp.searchsorted(ends, number, side="right") - 1
        lows = bounds[owner] + (number - ends[owner]) * piece
        highs = xp.minimum(lows + piece, bounds[owner + 1])
        parts = [table.fresh(ref, count) for ref in table.slots_of]
        _fold_once(run, values, lows, highs, order, parts)
        values, bounds, order, longest = _as_entries(run, table, parts), ends, number, -(-longest // piece)
    _fold_once(run, values, bounds[:-1], bounds[1:], order, table.accumulators)


def _fold_once(run: Run, values: Arguments, lows: Any, highs: Any, order: Any, places: list[Any]) -> None:
    results = {Argument(Role.PARTIAL, k): p for k, p in enumerate(places)}
    segments = {"lows": lows.astype("int64"), "highs": highs.astype("int64"), "order": order.astype("int64")}
    run("fold", len(lows), values | results, persistent=False, rows=np.uint64(len(lows)), **segments)


def new_slots(target: Target, capacity: int) -> tuple[Any, Any]:
    """Make an empty hash table for `capacity` keys: (slots, shift)."""
    return hash_table.empty_slots(target, capacity)


def rehash(target: Target, words: list[Any], count: int, capacity: int, constant_hash: bool) -> tuple[Any, Any]:
    """Make a table for `capacity` keys with the keys ``0 … count`` of `words`: (slots, shift)."""
    slots, shift = hash_table.empty_slots(target, capacity)
    hash_table.rebuild(target, words, count, slots, shift, constant_hash)
    return slots, shift


def probed(target: Target, slots: Any, words: list[Any]) -> Any:
    """Return the table that probes read: for one-word keys with each key beside its id."""
    return hash_table.beside(target, slots, words[0]) if len(words) == 1 else slots
