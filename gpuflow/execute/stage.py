"""One task on its inputs: arrays in, arrays out. What runs in every thread, worker and GPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from gpuflow_kernels.algorithms import joining, partitioning, sorting
from gpuflow_kernels.algorithms.join_table import JoinTable
from gpuflow_kernels.binding import Bindings
from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.dtypes import DType
from gpuflow_kernels.target import TARGETS, Target

from gpuflow.arrow.dictionaries import concat_chunks, distinct_column, unify
from gpuflow.physical import tasks

from .hashing import string_hashes
from .memory import MemoryBudget, reserve, with_retry
from .partitions import Partitions, reunited
from .pipeline_tasks import columns_of, empty_chunk, run_group, run_merge, run_write
from .segments import run_segments


def run(task: tasks.Task, inputs: Any) -> Any:
    """Run one task. `inputs` have the structure the task was added with, references replaced by results."""
    return _result(task, inputs) if task.options.target != "cuda" else _on_device(task, inputs)


def _result(task: tasks.Task, inputs: Any) -> Any:
    function = RUN.get(type(task))
    return task.run(inputs) if function is None else function(task, inputs)


def _on_device(task: tasks.Task, inputs: Any) -> Any:
    """Run a task on streams of its own; where memory is short its inputs are moved to the host."""
    from gpuflow_kernels.primitives.cuda import memory, profiler_ranges, runtime

    def attempts() -> Any:
        if isinstance(runtime.device, runtime.CudaRuntime):
            memory.configure(task.options.cuda_pool, task.options.memory_limit)
        with reserve(columns_of(inputs)):
            return with_retry(memory.DEVICE, WholeTask(task, inputs))

    with profiler_ranges.marked(task.name, task.options.cuda_nvtx):
        return runtime.run(attempts)


@dataclass
class WholeTask:
    """Run a task from the beginning. Rows that it cannot do in pieces stay together; its inputs may be spilled."""

    task: tasks.Task
    inputs: Any

    @property
    def name(self) -> str:
        return self.task.name

    def attempt(self, budget: MemoryBudget) -> Any:
        return _result(self.task, self.inputs)

    def held(self) -> tuple[Column, ...]:
        return ()


def run_build(task: tasks.BuildTask, inputs: Any) -> JoinTable:
    chunk = concat_chunks(list(inputs))
    target = TARGETS[task.options.target]
    keys = tuple(distinct_column(chunk.columns[k]) for k in task.keys)
    payload = tuple(chunk.columns[k] for k in task.payload)
    bindings = Bindings(tiny=task.options.tiny, constant_hash=task.options.constant_hash)
    return joining.build(target, keys, payload, bindings, task.nulls_equal)


def run_split(task: tasks.SplitTask, chunk: Any) -> Partitions:
    target = TARGETS[task.options.target]
    keys = []
    for column in (chunk.columns[k] for k in task.keys):
        if column.dtype.is_coded:  # codes mean something in one dictionary only: hash the values
            lut = target.asarray(string_hashes(column.dictionary))
            keys.append(Column(_HASHED, lut[target.asarray(column.values)], column.validity))
        else:
            keys.append(column)
    return Partitions(partitioning.split(target, chunk, partitioning.key_words_of(target, tuple(keys)), task.parts))


_HASHED = DType("int", 64)


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
    profiler_ranges = xp.empty(both.length, dtype="int64")
    # the sort is stable and boundaries stand last: rows equal to a boundary come before it, on every partition alike
    profiler_ranges[index] = xp.cumsum(is_bound)
    return Partitions(partitioning.split_by(target, chunk, profiler_ranges[: chunk.length], task.parts))


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


RUN: dict[type, Callable[[Any, Any], Any]] = {
    tasks.WriteTask: run_write,
    tasks.GroupTask: run_group,
    tasks.MergeTask: run_merge,
    tasks.BuildTask: run_build,
    tasks.SplitTask: run_split,
    tasks.GatherTask: run_gather,
    tasks.SortTask: run_sort,
    tasks.BoundsTask: run_bounds,
    tasks.RangeTask: run_range,
    tasks.SliceTask: run_slice,
    tasks.SegmentTask: run_segments,
    tasks.EmptyTask: run_empty,
}
"""What runs the tasks that do not run themselves."""
