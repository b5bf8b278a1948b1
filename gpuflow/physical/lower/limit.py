"""Limits and offsets: partitions are taken in order until there are enough rows."""

from __future__ import annotations

from typing import Any

from gpuflow.plan import nodes as plans

from ..nodes import Operator, Unary
from ..partitioning import Partitioning, Single, Unknown
from ..planner import Planner, emits, lowers
from ..stream import Stream, over_parts
from ..tasks import SliceTask

FASTER = 4
"""Each round takes so many times the partitions of the last one."""


class Slice(Unary):
    """Rows ``offset`` to ``offset + count`` in order; all from ``offset`` where there is no ``count``."""

    offset: int
    count: int | None

    @property
    def rows(self) -> int | None:
        rows = self.input.rows
        if self.count is None:
            return None if rows is None else max(0, rows - self.offset)
        return self.count if rows is None else min(self.count, rows)

    @property
    def provided(self) -> Partitioning:
        return Unknown(self.input.provided.n) if self.count is None else Single()

    def __str__(self) -> str:
        return f"SLICE FROM {self.offset}" + (f" COUNT {self.count}" if self.count is not None else "")


@lowers(plans.Limit)
def lower_limit(planner: Planner, plan: plans.Limit) -> Operator:
    return Slice(planner.lower(plan.input), plan.offset, plan.count)


@emits(Slice)
def emit_slice(planner: Planner, operator: Slice) -> Stream:
    """In a run, partition after partition until there are enough rows; in a static graph, the head of each."""
    parts = planner.finished(operator.input).parts
    if operator.count is None:
        return over_parts(_from_offset(planner, parts, operator.offset), operator.output, operator.rows)
    need = operator.offset + operator.count
    head = SliceTask(planner.options, 0, need)
    taken: list[Any] = []
    rows, step, waiting = 0, 1, list(parts)
    while waiting and (rows < need or not taken):
        batch, waiting, step = waiting[:step], waiting[step:], step * FASTER
        refs = [planner.runner.add(head, (part,)) for part in batch]
        facts = planner.runner.facts(refs)
        taken += refs
        if facts is None:
            taken += [planner.runner.add(head, (part,)) for part in waiting]
            break
        rows += sum(f.rows for f in facts)
    result = planner.runner.add(SliceTask(planner.options, operator.offset, operator.count), tuple(taken))
    return over_parts((result,), operator.output, operator.rows)


def _from_offset(planner: Planner, parts: tuple[Any, ...], offset: int) -> tuple[Any, ...]:
    """All rows from an offset on. The partitions behind the one that it lies in are as they were, where it is known which."""
    seen: list[Any] = []
    rows, step, waiting = 0, 1, list(parts)
    while waiting and rows <= offset:
        batch, waiting, step = waiting[:step], waiting[step:], step * FASTER
        facts = planner.runner.facts(batch)
        seen += batch
        if facts is None:
            seen, waiting = seen + waiting, []
            break
        rows += sum(f.rows for f in facts)
    return (planner.runner.add(SliceTask(planner.options, offset, None), tuple(seen)), *waiting)
