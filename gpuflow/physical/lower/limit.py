"""Limits and offsets: partitions are taken in order until there are enough rows."""

from __future__ import annotations

from collections.abc import Callable
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
    add, options, offset, count = planner.runner.add, planner.options, operator.offset, operator.count
    parts = planner.finished(operator.input).parts
    if count is None:  # the partitions behind the one that the offset lies in are as they were
        seen, behind = _until(planner, parts, offset + 1, lambda part: part)
    else:
        head = SliceTask(options, 0, offset + count)
        seen, _ = _until(planner, parts, offset + count, lambda part: add(head, (part,)))
        behind = ()
    return over_parts((add(SliceTask(options, offset, count), seen), *behind), operator.output, operator.rows)


def _until(
    planner: Planner, parts: tuple[Any, ...], rows: int, made: Callable[[Any], Any]
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Run what is `made` of partitions, in ever larger steps, until it has `rows` rows.

    Returns it, and the partitions behind. Where nothing runs it is made of all partitions.
    """
    taken: list[Any] = []
    held, step = 0, 1
    while parts and (held < rows or not taken):
        batch, parts, step = [made(part) for part in parts[:step]], parts[step:], step * FASTER
        taken += batch
        facts = planner.runner.facts(batch)
        if facts is None:
            return (*taken, *map(made, parts)), ()
        held += sum(f.rows for f in facts)
    return tuple(taken), parts
