"""Which rows of a split a pipeline's first filters leave, found out before its other columns are made.

*Late materialisation* (Abadi et al., "Materialization strategies in a column-oriented DBMS", ICDE 2007): the columns of the
filters come first, and of the others only what is left is checked, converted and moved.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from typing import Any

import numpy as np
from gpuflow_kernels.algorithms import filtering
from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.dtypes import INT32
from gpuflow_kernels.ir.expressions import Ref, refs, transform
from gpuflow_kernels.ir.pipeline import Filter, Pipeline, Write

from gpuflow.arrow.convert import to_host
from gpuflow.physical.tasks import PipelineTask
from gpuflow.plan.source import RowSelector, Split

from .bindings import bindings_for, target_of

VALUES = 250_000
"""So many values must be there to be left out before a kernel is compiled and run for it."""
SAMPLE, LEAST = 4_096, 0.125
"""Rows that are tried first, and the share of them above which too many are left for it to pay."""


def load(part: Any, task: PipelineTask) -> Chunk:
    """A partition's chunk: read now if it is a split, perhaps without rows that the task's first filters leave out."""
    if not isinstance(part, Split):
        return part  # type: ignore[no-any-return]
    return part.read_some(task.columns, sieve_of(task, part.rows or 0))


def sieve_of(task: PipelineTask, rows: int) -> RowSelector | None:
    """What the first filters of a task leave of a split of so many rows; None where it does not pay to ask."""
    keys, pipeline = _filters(task.pipeline)
    if not keys or rows * (len(task.columns) - len(keys)) < VALUES:
        return None
    return FilterSieve(tuple(task.columns[key] for key in keys), task, pipeline)


@lru_cache(maxsize=32)  # enough for the partitions of a query; more would keep lists of literals alive
def _filters(pipeline: Pipeline) -> tuple[tuple[int, ...], Pipeline]:
    """The inputs that the first filters of a pipeline are over, and a pipeline that writes the numbers of rows they leave."""
    filters = tuple(takewhile(lambda step: isinstance(step, Filter), pipeline.steps))
    predicates = [step.predicate for step in filters if isinstance(step, Filter)]
    keys = tuple(sorted({int(key) for predicate in predicates for key in refs(predicate)}))
    inputs = tuple(pipeline.inputs[key] for key in keys)
    places: dict[str | int, Ref] = {key: Ref(place, dtype) for place, (key, dtype) in enumerate(zip(keys, inputs, strict=True))}
    steps = tuple(Filter(transform(p, lambda n: places[n.key] if isinstance(n, Ref) else n)) for p in predicates)
    return keys, Pipeline((*inputs, INT32), steps, Write((Ref(len(keys), INT32),)))


@dataclass(frozen=True)
class FilterSieve(RowSelector):
    """The rows that pass the filters of `pipeline`, which writes their numbers."""

    columns: tuple[str, ...]
    task: PipelineTask
    pipeline: Pipeline

    def rows(self, chunk: Chunk) -> np.ndarray[Any, Any] | None:
        step = chunk.length // SAMPLE
        if step > 1:
            tried = np.arange(0, chunk.length, step)
            if len(self._passing(chunk.take(tried, len(tried)))) > LEAST * len(tried):
                return None
        return self._passing(chunk)

    def _passing(self, chunk: Chunk) -> np.ndarray[Any, Any]:
        numbers = Column(INT32, _numbered(chunk.length))
        chunk = Chunk((*chunk.columns, numbers), chunk.length)
        pipeline, chunk, bindings, _ = bindings_for(self.task.options, self.pipeline, chunk, (), 0)
        written = filtering.write(target_of(self.task.options), pipeline, chunk, bindings)
        return to_host(written.columns[0]).values  # type: ignore[no-any-return]


_first = np.arange(0, dtype=np.int32)


def _numbered(rows: int) -> np.ndarray[Any, Any]:
    """The numbers of so many rows, for the next caller too; not to be written to."""
    global _first
    known = _first
    if len(known) < rows:
        _first = known = np.arange(max(rows, 1 << 20), dtype=np.int32)
    return known[:rows]
