"""Row numbers: each partition is numbered by itself, from the rows of those before it on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.dtypes import UINT32, DType
from gpuflow_kernels.errors import ArithmeticOverflowError
from gpuflow_kernels.target import TARGETS

from gpuflow.plan.printing import name
from gpuflow.plan.row_index import RowIndex

from ..nodes import Operator, Unary
from ..planner import Planner, emits, lowers
from ..runner import Ref
from ..stream import Stream, over_parts
from ..tasks import Task


class NumberRows(Unary):
    """A column of row numbers in front of the others, from `offset` on."""

    column: str
    offset: int

    @property
    def output(self) -> tuple[tuple[str, DType], ...]:
        return ((self.column, UINT32), *self.input.output)

    def __str__(self) -> str:
        return f"NUMBER ROWS {name(self.column)}" + (f" FROM {self.offset}" if self.offset else "")


@lowers(RowIndex)
def lower_row_index(planner: Planner, plan: RowIndex) -> Operator:
    return NumberRows(planner.lower(plan.input), plan.column, plan.offset)


@emits(NumberRows)
def emit_number_rows(planner: Planner, operator: NumberRows) -> Stream:
    """In a run the rows of each partition are known; in a static graph a task counts them."""
    parts = planner.finished(operator.input).parts
    stats = planner.runner.facts([p for p in parts if isinstance(p, Ref)]) if len(parts) > 1 else None
    numbered: list[Any] = []
    offset = operator.offset
    before: tuple[Ref, ...] = ()
    for k, part in enumerate(parts):
        numbered.append(planner.runner.add(NumberTask(planner.options, offset), (part, *before)))
        if stats is not None:
            offset += stats[k].rows
        elif k + 1 < len(parts):
            before = (planner.runner.add(CountTask(planner.options), (part, *before)),)
    return over_parts(tuple(numbered), operator.output, operator.rows)


@dataclass(frozen=True)
class NumberTask(Task):
    """A chunk with the numbers of its rows in front, from `offset` on, after as many rows as the second input has."""

    offset: int

    def run(self, inputs: Any) -> Chunk:
        chunk, *before = inputs
        first = self.offset + sum(c.length for c in before)
        most = UINT32.bounds[1]
        if first + chunk.length - 1 > most:
            raise ArithmeticOverflowError(f"with_row_index: the row number {most + 1} does not fit {UINT32}; number fewer rows")
        numbers = TARGETS[self.options.target].xp.arange(first, first + chunk.length, dtype=UINT32.storage)
        return Chunk((Column(UINT32, numbers), *chunk.columns), chunk.length)


@dataclass(frozen=True)
class CountTask(Task):
    """All chunks up to one as a chunk of no columns that is as long: the chunk, and what stands for those before it."""

    def run(self, inputs: Any) -> Chunk:
        return Chunk((), sum(c.length for c in inputs))
