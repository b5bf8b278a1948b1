"""Aggregations that need all values of a group at once: rows with equal keys come to one partition, and are sorted there."""

from __future__ import annotations

from functools import cached_property

from gpuflow_kernels.ir.expressions import Agg, Const, Ref, Row

from gpuflow.expr.bind import apply
from gpuflow.plan.aggregate import Aggregate
from gpuflow.plan.first_appearance import fresh
from gpuflow.plan.printing import column, name

from ..nodes import Operator, Output, Project, Unary
from ..partitioning import Hash, Partitioning, Single, keyed, through
from ..planner import Planner, emits
from ..stream import Stream, over_parts
from ..tasks import SegmentTask


class SegmentGroups(Unary):
    """Groups by columns `keys` of the input. `aggs` are aggregations of its sorted columns: (output, column, aggregation)."""

    subject = "group_by"

    keys: tuple[str, ...]
    aggs: tuple[tuple[str, str, Agg], ...]

    @cached_property
    def output(self) -> Output:
        types = dict(self.input.output)
        return (*((n, types[n]) for n in self.keys), *((n, agg.dtype) for n, _, agg in self.aggs))

    @property
    def required(self) -> tuple[Partitioning, ...]:
        return (Single(), Hash(keyed(row for _, row in self._by))) if self.keys else (Single(),)

    @property
    def _by(self) -> tuple[tuple[str, Row], ...]:
        types = dict(self.input.output)
        return tuple((n, Ref(n, types[n])) for n in self.keys)

    @property
    def rows(self) -> int | None:
        return self.input.rows if self.keys else 1

    @cached_property
    def provided(self) -> Partitioning:
        return through(self.input.provided, self._by)

    def __str__(self) -> str:
        by = f"BY {', '.join(map(name, self.keys))} " if self.keys else ""
        return f"SEGMENT GROUPS {by}{', '.join(column(n, agg) for n, _, agg in self.aggs)}"


def lower_segments(planner: Planner, plan: Aggregate) -> Operator:
    """Lower an Aggregate all of whose aggregations are declared over sorted segments."""
    columns: dict[str, Row] = dict(plan.keys)
    names: dict[Row, str] = {}
    for _, agg in plan.aggs:
        value = _argument(agg)
        if value not in names:
            names[value] = fresh("value", set(columns))
            columns[names[value]] = value
    below = Project(planner.lower(plan.input), tuple(columns.items()))
    return SegmentGroups(below, tuple(n for n, _ in plan.keys), tuple((n, names[_argument(agg)], agg) for n, agg in plan.aggs))


def _argument(agg: Agg) -> Row:
    """What is aggregated, null for the rows that a condition leaves out."""
    (value,) = agg.args
    return value if agg.filter is None else apply("when", value.dtype, agg.filter, value, Const(None, value.dtype))


@emits(SegmentGroups)
def emit_segments(planner: Planner, operator: SegmentGroups) -> Stream:
    names = [n for n, _ in operator.input.output]
    keys = len(operator.keys)
    task = SegmentTask(planner.options, keys, tuple((names.index(of) - keys, agg) for _, of, agg in operator.aggs))
    parts = tuple(planner.runner.add(task, chunks) for chunks in planner.together(operator.input))
    return over_parts(parts, operator.output, operator.rows)
