"""Pipelines over rows: tasks that write, group and merge, each as `Work` that is attempted again when memory runs out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from gpuflow_kernels.algorithms import filtering
from gpuflow_kernels.algorithms.group_table import UNPACKED
from gpuflow_kernels.algorithms.grouping import Grouper
from gpuflow_kernels.binding import Bindings
from gpuflow_kernels.cancelling import check
from gpuflow_kernels.codegen.common.group_sinks import slot_layout
from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.dtypes import DType
from gpuflow_kernels.errors import ArithmeticOverflowError
from gpuflow_kernels.ir.pipeline import Group, Pipeline
from gpuflow_kernels.target import TARGETS, Target

from gpuflow.arrow.columns import empty_column
from gpuflow.arrow.dictionaries import concat_chunks, trimmed
from gpuflow.physical import tasks

from .failing_row import located
from .late_materialization import load
from .memory import MemoryBudget, memory_of, reserve, with_retry
from .string_tables import bind


def columns_of(inputs: Any) -> Iterator[Column]:
    """The columns of all chunks among a task's inputs."""
    if isinstance(inputs, Chunk):
        yield from inputs.columns
    elif isinstance(inputs, (tuple, list)):
        for part in inputs:
            yield from columns_of(part)


def run_write(task: tasks.WriteTask, inputs: Any) -> Chunk:
    try:
        return _written(task, inputs)
    except ArithmeticOverflowError as error:
        raise located(error, task, inputs) from None


def _written(task: tasks.WriteTask, inputs: Any) -> Chunk:
    part, tables, ordinal = inputs
    chunk, bindings, dictionaries = bind(task.options, task.strings, load(part, task), tables, ordinal)
    work = Writing(task.name, TARGETS[task.options.target], task.strings.pipeline, chunk, bindings)
    with reserve(chunk.columns):
        written = with_dictionaries(with_retry(memory_of(task.options.target), work), dictionaries)
    return _without_unused_strings(written, chunk.length)


@dataclass
class Writing:
    """Write the rows of a chunk that pass a pipeline. What an attempt has written is kept: the next one continues after it."""

    name: str
    target: Target
    pipeline: Pipeline
    chunk: Chunk
    bindings: Bindings
    done: int = 0
    results: list[Chunk] = field(default_factory=list)

    def attempt(self, budget: MemoryBudget) -> Chunk:
        if not self.results or self.done < self.chunk.length:
            for piece, first in budget.pieces(self.chunk, self.done):
                self.results.append(filtering.write(self.target, self.pipeline, piece, _from_row(first, self.bindings)))
                self.done = first + piece.length
        return concat_chunks(self.results)

    def held(self) -> Iterable[Column]:
        return columns_of(self.results)


def _from_row(first: int, bindings: Bindings) -> Bindings:
    """The bindings for the rows of a chunk from number `first` on."""
    return replace(bindings, position=bindings.position + first) if first else bindings


def _without_unused_strings(written: Chunk, rows: int) -> Chunk:
    """Drop plain strings of filtered-out rows, unless the table in memory owns them (it holds more than `rows` strings)."""
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
    partials = with_retry(memory_of(task.options.target), Grouping(task, inputs))
    return run_merge(task.merge, partials) if len(partials) != 1 else partials[0]


@dataclass
class Grouping:
    """Group the rows of some partitions. Batches with the same dictionaries share a table; the others are merged later.

    Each attempt starts over: a table that memory has run out for may hold some of its rows already.
    """

    task: tasks.GroupTask
    inputs: Any

    @property
    def name(self) -> str:
        return self.task.name

    def attempt(self, budget: MemoryBudget) -> list[Chunk]:
        task, partials = self.task, list[Chunk]()
        grouper: Grouper | None = None
        current: tuple[Any, ...] | None = None
        target = TARGETS[task.options.target]
        for part, tables, ordinal in self.inputs:
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
                _add(grouper, chunk, bindings, budget)
            except ArithmeticOverflowError as error:
                raise located(error, task, (part, tables, ordinal)) from None
        if grouper is None:
            sink = task.sink
            grouper, current = Grouper(target, task.strings.pipeline), (None,) * (len(sink.keys) + len(sink.aggs))
        assert current is not None
        return partials + _partials(grouper, current)

    def held(self) -> Iterable[Column]:
        return ()


def _add(grouper: Grouper, chunk: Chunk, bindings: Bindings, budget: MemoryBudget) -> None:
    with reserve(chunk.columns):
        for piece, first in budget.pieces(chunk):
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
    """Merge chunks of partial groups into one with every group once.

    Pieces may get tables by the ranges of their own keys. Merging those does without ranges, so that they share a table.
    """
    chunks = [c for c in chunks if c.length] or chunks[:1]
    if not chunks:
        return empty_chunk(task.pipeline.inputs)
    partials = with_retry(memory_of(task.options.target), Merging(task, chunks, ranged))
    assert ranged or len(partials) <= 1, f"{len(partials)} tables of one layout"
    return partials[0] if len(partials) == 1 else _merge(task, partials, ranged=False)


@dataclass
class Merging:
    """Merge chunks of partial groups. Where memory runs out rows go in pieces, which may get tables of their own by the range
    of their keys, if `ranged`: then there are several results."""

    task: tasks.MergeTask
    chunks: list[Chunk]
    ranged: bool

    @property
    def name(self) -> str:
        return self.task.name

    def attempt(self, budget: MemoryBudget) -> list[Chunk]:
        task = self.task
        sink = task.pipeline.sink
        assert isinstance(sink, Group)
        chunk, bindings, dictionaries = bind(task.options, task.strings, concat_chunks(self.chunks))
        if not self.ranged:
            bindings = replace(bindings, key_ranges=(UNPACKED,) * len(sink.keys))
        grouper = Grouper(TARGETS[task.options.target], task.strings.pipeline)
        _add(grouper, chunk, bindings, budget)
        return _partials(grouper, dictionaries)

    def held(self) -> Iterable[Column]:
        return columns_of(self.chunks)


def empty_chunk(dtypes: tuple[DType, ...]) -> Chunk:
    """No rows of these types."""
    return Chunk(tuple(empty_column(d) for d in dtypes), 0)
