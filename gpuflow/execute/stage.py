"""One task on its inputs: arrays in, arrays out. What runs in every thread, worker and GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from gpuflow_kernels.algorithms import filtering, joining, partitioning, sorting
from gpuflow_kernels.algorithms.group_table import UNPACKED
from gpuflow_kernels.algorithms.grouping import Grouper
from gpuflow_kernels.algorithms.join_table import JoinTable
from gpuflow_kernels.binding import Bindings
from gpuflow_kernels.cancelling import check
from gpuflow_kernels.codegen.common.sinks import slot_layout
from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.dtypes import DType
from gpuflow_kernels.errors import ArithmeticOverflowError
from gpuflow_kernels.ir.pipeline import Group
from gpuflow_kernels.primitives.cuda import runtime
from gpuflow_kernels.primitives.cuda.memory import MemoryBudget, configure, using, with_retry
from gpuflow_kernels.primitives.cuda.ranges import marked
from gpuflow_kernels.target import TARGETS, Target

from gpuflow.arrow.columns import empty_column
from gpuflow.arrow.dictionaries import concat_chunks, distinct_column, trimmed, unify
from gpuflow.physical import tasks

from .hashing import string_hashes
from .late_materialization import load
from .offending import located
from .partitions import Dictionaries, Partitions, reunited
from .string_tables import bind


def run(task: tasks.Task, inputs: Any) -> Any:
    """Run one task. `inputs` have the structure the task was added with, references replaced by results."""
    if task.options.target != "cuda":
        return RUN[type(task)](task, inputs)
    with marked(task.name, task.options.nvtx):
        return runtime.run(lambda: _on_device(task, inputs))


def _on_device(task: tasks.Task, inputs: Any) -> Any:
    """A task whose inputs may be moved to the host when there is no room for it."""
    if isinstance(runtime.device, runtime.CudaRuntime):
        configure(task.options.pool, task.options.memory_limit)
    with using(_columns(inputs)):
        return with_retry(task.name, lambda _: RUN[type(task)](task, inputs))


def _columns(inputs: Any) -> Iterator[Column]:
    """The columns of all chunks among a task's inputs."""
    if isinstance(inputs, Chunk):
        yield from inputs.columns
    elif isinstance(inputs, (tuple, list)):
        for part in inputs:
            yield from _columns(part)


def run_write(task: tasks.WriteTask, inputs: Any) -> Chunk:
    try:
        return _written(task, inputs)
    except ArithmeticOverflowError as error:
        raise located(error, task, inputs) from None


def _written(task: tasks.WriteTask, inputs: Any) -> Chunk:
    part, tables, ordinal = inputs
    chunk = load(part, task)
    chunk, bindings, dictionaries = bind(task.options, task.strings, chunk, tables, ordinal)
    target, done = TARGETS[task.options.target], [0]
    results: list[Chunk] = []

    def attempt(room: MemoryBudget) -> Chunk:
        """Go on after the rows that are written."""
        if not results or done[0] < chunk.length:
            for piece, first in room.pieces(chunk, done[0]):
                results.append(filtering.write(target, task.strings.pipeline, piece, _from_row(first, bindings)))
                done[0] = first + piece.length
        return concat_chunks(results)

    with using(chunk.columns):
        written = with_dictionaries(with_retry(task.name, attempt, lambda: _columns(results)), dictionaries)
    return _trimmed(written, chunk.length)


def _from_row(first: int, bindings: Bindings) -> Bindings:
    """Bindings for the rows of a chunk from number `first` on."""
    return replace(bindings, position=bindings.position + first) if first else bindings


def _trimmed(written: Chunk, rows: int) -> Chunk:
    """Drop plain strings of filtered-out rows, unless the table in memory owns them: `rows` were read."""
    columns = (
        trimmed(c) if c.dictionary is not None and not c.dictionary.distinct and len(c.dictionary) <= rows else c
        for c in written.columns
    )
    return Chunk(tuple(columns), written.length)


def with_dictionaries(chunk: Chunk, dictionaries: tuple[Any, ...]) -> Chunk:
    """Give columns of codes the dictionary that their codes belong to."""
    columns = (
        Column(c.dtype, c.values, c.validity, d, c.facts) if c.dictionary is not d and c.dtype.is_coded else c
        for c, d in zip(chunk.columns, dictionaries, strict=True)
    )
    return Chunk(tuple(columns), chunk.length)


def run_group(task: tasks.GroupTask, inputs: Any) -> Chunk:
    """Aggregate a batch of partitions; those with equal dictionaries share one hash table, and the tables are merged."""
    partials = with_retry(task.name, lambda room: _grouped(task, inputs, room))
    return run_merge(task.merge, partials) if len(partials) != 1 else partials[0]


def _grouped(task: tasks.GroupTask, inputs: Any, room: MemoryBudget) -> list[Chunk]:
    """Aggregate from the first partition on: a table for which memory ran out may hold some rows already."""
    partials: list[Chunk] = []
    grouper: Grouper | None = None
    current: tuple[Any, ...] | None = None
    target = TARGETS[task.options.target]
    for part, tables, ordinal in inputs:
        check()
        try:
            chunk = load(part, task)
        except ArithmeticOverflowError as error:
            raise located(error, task, (part, tables, ordinal)) from None
        chunk, bindings, dictionaries = bind(task.options, task.strings, chunk, tables, ordinal)
        if grouper is None or current is None or any(a is not b for a, b in zip(current, dictionaries, strict=True)):
            if grouper is not None and current is not None:
                partials += _partials(grouper, current)
            grouper, current = Grouper(target, task.strings.pipeline), dictionaries
        try:
            _add(grouper, chunk, bindings, room)
        except ArithmeticOverflowError as error:
            raise located(error, task, (part, tables, ordinal)) from None
    if grouper is None:
        sink = task.sink
        grouper, current = Grouper(target, task.strings.pipeline), (None,) * (len(sink.keys) + len(sink.aggs))
    assert current is not None
    return partials + _partials(grouper, current)


def _add(grouper: Grouper, chunk: Chunk, bindings: Bindings, room: MemoryBudget) -> None:
    with using(chunk.columns):
        for piece, first in room.pieces(chunk):
            grouper.add(piece, _from_row(first, bindings))


def _partials(grouper: Grouper, dictionaries: tuple[Any, ...]) -> list[Chunk]:
    """Results of a grouper, string keys and string slots with the dictionary of what they came from."""
    sink = grouper.sink
    keys = len(sink.keys)
    per_slot = [dictionaries[keys + ref.agg] for ref in slot_layout(sink.aggs)]
    return [with_dictionaries(chunk, (*dictionaries[:keys], *per_slot)) for chunk in grouper.results()]


def run_merge(task: tasks.MergeTask, inputs: Any) -> Chunk:
    return _merge(task, list(inputs))


def _merge(task: tasks.MergeTask, chunks: list[Chunk], ranged: bool = True) -> Chunk:
    """Merge partial results into one chunk with every group once.

    Where memory runs out rows go in pieces, which may get tables of their own by the `ranged` values of their keys; another
    round does without, or it might end in the same pieces and tables for ever."""
    sink = task.pipeline.sink
    assert isinstance(sink, Group)
    chunks = [c for c in chunks if c.length] or chunks[:1]
    if not chunks:
        return empty_chunk(task.pipeline.inputs)

    def attempt(room: MemoryBudget) -> list[Chunk]:
        chunk = concat_chunks(chunks)
        chunk, bindings, dictionaries = bind(task.options, task.strings, chunk)
        if not ranged:
            bindings = replace(bindings, key_ranges=(UNPACKED,) * len(sink.keys))
        grouper = Grouper(TARGETS[task.options.target], task.strings.pipeline)
        _add(grouper, chunk, bindings, room)
        return _partials(grouper, dictionaries)

    merged = with_retry(task.name, attempt, lambda: _columns(chunks))
    assert ranged or len(merged) <= 1, f"{len(merged)} tables of one layout"
    return merged[0] if len(merged) == 1 else _merge(task, merged, ranged=False)


def run_build(task: tasks.BuildTask, inputs: Any) -> JoinTable:
    chunk = concat_chunks(list(inputs))
    target = TARGETS[task.options.target]
    keys = (distinct_column(c) for c in chunk.columns[: task.keys])
    columns = tuple(filtering.moved(target, c) for c in (*keys, *chunk.columns[task.keys :]))
    bindings = Bindings(tiny=task.options.tiny, constant_hash=task.options.constant_hash)
    return joining.build(target, columns[: task.keys], columns[task.keys :], bindings, task.nulls_equal)


def run_split(task: tasks.SplitTask, chunk: Any) -> Partitions:
    target = TARGETS[task.options.target]
    keys = []
    for column in chunk.columns[: task.keys]:
        if column.dtype.is_coded:  # codes mean something in one dictionary only: hash the values
            lut = target.asarray(string_hashes(column.dictionary))
            keys.append(Column(_HASHED, lut[target.asarray(column.values)], column.validity))
        else:
            keys.append(column)
    return Partitions(partitioning.split(target, chunk, partitioning.key_words_of(target, tuple(keys)), task.parts))


_HASHED = DType("int", 64)


def run_extract(task: tasks.ExtractTask, pieces: Any) -> Chunk:
    return pieces.alone(task.index)  # type: ignore[no-any-return]


def run_dictionaries(task: tasks.DictionariesTask, pieces: Any) -> Dictionaries:
    return pieces.shared  # type: ignore[no-any-return]


def run_select(task: tasks.SelectTask, chunk: Chunk) -> Chunk:
    return chunk.select(task.positions)


def run_gather(task: tasks.GatherTask, inputs: Any) -> Chunk:
    if task.apart:
        return concat_chunks([reunited(piece, dictionaries) for piece, dictionaries in zip(*inputs, strict=True)])
    return concat_chunks([p if isinstance(p, Chunk) else p[task.index] for p in inputs])


def _ranked(target: Target, column: Column) -> Column:
    """Make a column whose stored values sort like its values: strings through their dictionary."""
    if not column.dtype.is_text:
        return column
    _, (lut,), _ = unify([column.dictionary])
    codes = target.asarray(lut if len(lut) else np.zeros(1, np.int32))[target.asarray(column.values)]
    return Column(column.dtype, codes, column.validity)


def run_sort(task: tasks.SortTask, inputs: Any) -> Chunk:
    target = TARGETS[task.options.target]
    chunk = concat_chunks(list(inputs))
    keys = [_ranked(target, chunk.columns[b]) for b in task.by]
    if task.limit is None:
        index = sorting.order(target, keys, task.descending, task.nulls_last)
    else:
        index = sorting.top(target, keys, task.descending, task.nulls_last, task.limit)
    columns = chunk if task.keep is None else chunk.select(tuple(range(task.keep)))
    return columns.take(index, len(index))


def run_sample(task: tasks.SampleTask, chunk: Any) -> Chunk:
    step = max(1, chunk.length // task.count)
    column = chunk.columns[task.by].take(slice(None, None, step))
    return Chunk((column,), len(column))


def run_bounds(task: tasks.BoundsTask, inputs: Any) -> Chunk:
    """Boundaries as a column: a row belongs to the range numbered by how many boundaries it does not come before."""
    target = TARGETS[task.options.target]
    chunk = concat_chunks(list(inputs))
    index = sorting.order(target, [_ranked(target, chunk.columns[0])], (task.descending,), (task.nulls_last,))
    places = [chunk.length * k // task.parts for k in range(1, task.parts)] if chunk.length else []
    return chunk.take(index[target.xp.asarray(places, dtype="int64")], len(places))


def run_range(task: tasks.RangeTask, inputs: Any) -> Partitions:
    """Partition rows by rank among the boundaries: both are put in one order, and counted off."""
    chunk, bounds = inputs
    target = TARGETS[task.options.target]
    xp = target.xp
    both = concat_chunks([Chunk((chunk.columns[task.by],), chunk.length), bounds])
    index = sorting.order(target, [_ranked(target, both.columns[0])], (task.descending,), (task.nulls_last,))
    is_bound = index >= chunk.length
    ranges = xp.empty(both.length, dtype="int64")
    # the sort is stable and boundaries stand last: rows equal to a boundary come before it, on every partition alike
    ranges[index] = xp.cumsum(is_bound)
    return Partitions(partitioning.split_by(target, chunk, ranges[: chunk.length], task.parts))


def run_slice(task: tasks.SliceTask, inputs: Any) -> Chunk:
    offset, slices = task.offset, []
    count = sum(c.length for c in inputs) if task.count is None else task.count
    for chunk in inputs:
        if offset >= chunk.length:
            offset -= chunk.length
            continue
        rows = min(count, chunk.length - offset)
        slices.append(chunk if rows == chunk.length else chunk.take(slice(offset, offset + rows), rows))
        count, offset = count - rows, 0
        if count == 0:
            break
    if not slices:
        first = next(iter(inputs))
        return first.take(slice(0, 0), 0)
    return concat_chunks(slices)


def run_empty(task: tasks.EmptyTask, inputs: Any) -> Chunk:
    return empty_chunk(task.dtypes)


def empty_chunk(dtypes: tuple[DType, ...]) -> Chunk:
    """No rows of these types."""
    return Chunk(tuple(empty_column(d) for d in dtypes), 0)


RUN: dict[type, Callable[[Any, Any], Any]] = {
    tasks.WriteTask: run_write,
    tasks.GroupTask: run_group,
    tasks.MergeTask: run_merge,
    tasks.BuildTask: run_build,
    tasks.SplitTask: run_split,
    tasks.ExtractTask: run_extract,
    tasks.DictionariesTask: run_dictionaries,
    tasks.SelectTask: run_select,
    tasks.GatherTask: run_gather,
    tasks.SortTask: run_sort,
    tasks.SampleTask: run_sample,
    tasks.BoundsTask: run_bounds,
    tasks.RangeTask: run_range,
    tasks.SliceTask: run_slice,
    tasks.EmptyTask: run_empty,
}
"""What runs each physical node."""
