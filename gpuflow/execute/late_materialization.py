"""Read the columns that a pipeline's first filters need, and of the other columns only the rows that pass.

*Late materialisation*: Abadi et al., "Materialization strategies in a column-oriented DBMS", ICDE 2007.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from gpuflow_kernels.algorithms import filtering
from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.dtypes import INT32
from gpuflow_kernels.target import TARGETS

from gpuflow.arrow.convert import strings_as, to_host
from gpuflow.physical.strings import StringPlan
from gpuflow.physical.tasks import Options, PipelineTask
from gpuflow.plan.source import RowSelector, Split

from .string_tables import bind

VALUES = 250_000
"""Values that there must be to drop before a kernel is compiled and run for it."""
SAMPLE, LEAST = 4_096, 0.125
"""Rows that are tried first, and the share of them above which too many pass for it to pay."""


def load(part: Any, task: PipelineTask) -> Chunk:
    """Read a partition if it is a split, perhaps without rows that the task's first filters drop."""
    if not isinstance(part, Split):
        return part  # type: ignore[no-any-return]
    with strings_as(task.options.strings):
        return part.read_some(task.columns, selector_for(task, part.rows or 0))


def selector_for(task: PipelineTask, rows: int) -> RowSelector | None:
    """Make what selects rows of a split of so many by the first filters of a task; None where it does not pay."""
    selection = task.selection
    if selection is None or rows * (len(task.columns) - len(selection.inputs)) < VALUES:
        return None
    return FilterSelector(tuple(task.columns[key] for key in selection.inputs), task.options, selection.strings)


@dataclass(frozen=True)
class FilterSelector(RowSelector):
    """Selects the rows that pass filters: `plan` writes their numbers (see `RowSelection`)."""

    columns: tuple[str, ...]
    options: Options
    plan: StringPlan

    def rows(self, chunk: Chunk) -> np.ndarray[Any, Any] | None:
        step = chunk.length // SAMPLE
        if step > 1:
            sample = np.arange(0, chunk.length, step)
            if len(self._passing(chunk.take(sample, len(sample)))) > LEAST * len(sample):
                return None
        return self._passing(chunk)

    def _passing(self, chunk: Chunk) -> np.ndarray[Any, Any]:
        numbers = Column(INT32, _numbered(chunk.length))
        chunk = Chunk((*chunk.columns, numbers), chunk.length)
        chunk, bindings, _ = bind(self.options, self.plan, chunk)
        written = filtering.write(TARGETS[self.options.target], self.plan.pipeline, chunk, bindings)
        return to_host(written.columns[0]).values  # type: ignore[no-any-return]


_first = np.arange(0, dtype=np.int32)


def _numbered(rows: int) -> np.ndarray[Any, Any]:
    """The numbers of so many rows, shared by all callers; not to be written to."""
    global _first
    numbers = _first
    if len(numbers) < rows:
        _first = numbers = np.arange(max(rows, 1 << 20), dtype=np.int32)
    return numbers[:rows]
