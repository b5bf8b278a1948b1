"""Unions: the partitions of all inputs, in order."""

from __future__ import annotations

from gpuflow.plan import nodes as plans

from ..nodes import Operator, Output, total
from ..partitioning import Partitioning, Unknown
from ..planner import Planner, emits, lowers
from ..stream import Stream, over_parts


class Union(Operator):
    """All rows of all inputs, in order."""

    parts: tuple[Operator, ...]

    @property
    def output(self) -> Output:
        return self.parts[0].output

    @property
    def rows(self) -> int | None:
        return total(p.rows for p in self.parts)

    @property
    def provided(self) -> Partitioning:
        return Unknown(sum(p.provided.n for p in self.parts))


@lowers(plans.Union)
def lower_union(planner: Planner, plan: plans.Union) -> Operator:
    return Union(tuple(planner.lower(p) for p in plan.parts))


@emits(Union)
def emit_union(planner: Planner, operator: Union) -> Stream:
    parts = tuple(part for p in operator.parts for part in planner.finished(p).parts)
    return over_parts(parts, operator.output, operator.rows)
