"""Expresses aggregations of distinct values by two group-bys: one of the distinct pairs of keys and value, one over them."""

from __future__ import annotations

from dataclasses import replace

from gpuflow_kernels.declare.aggregate import AGGREGATIONS
from gpuflow_kernels.dtypes import INT64
from gpuflow_kernels.ir.expressions import Agg, Const, Ref, Row

from gpuflow.expr.bind import apply, cast_to
from gpuflow.plan.first_appearance import fresh
from gpuflow.plan.join_kinds import KINDS
from gpuflow.plan.nodes import Aggregate, Join, Plan, Project, transform_plan

Keys = tuple[tuple[str, Row], ...]
Aggs = list[tuple[str, Agg]]


def split_distinct(plan: Plan) -> Plan:
    """``AGGREGATE sum(DISTINCT x), sum(y) BY k`` becomes ``AGGREGATE sum(y) BY k`` joined, on `k`, with ``AGGREGATE sum(x) BY k``
    over ``AGGREGATE BY k, x``. Aggregations that are another one over the distinct values, as ``n_unique`` is, go the same way,
    and those over sorted values stand apart from those with slots.

    A condition on the rows to aggregate becomes one more key of the inner group-by, so no group is lost.
    """
    return transform_plan(plan, Aggregate, _split)


def _split(node: Aggregate) -> Plan:
    by_value: dict[tuple[tuple[Row, ...], Row | None], Aggs] = {}
    by_class: dict[bool, Aggs] = {}
    for name, agg in node.aggs:
        if agg.distinct or agg.aggregation.over_distinct is not None:
            by_value.setdefault((agg.args, agg.filter), []).append((name, agg))
        else:
            by_class.setdefault(agg.aggregation.segment is not None, []).append((name, agg))
    if not by_value and len(by_class) < 2:
        return node
    parts: list[Plan] = [Aggregate(node.input, node.keys, tuple(by_class[sorted_values])) for sorted_values in sorted(by_class)]
    parts += [_over_distinct(node.input, node.keys, *of, aggs) for of, aggs in by_value.items()]
    result, *others = parts
    for part in others:
        result = _beside(result, part, node.keys)
    columns: list[tuple[str, Row]] = [(n, Ref(n, r.dtype)) for n, r in node.keys]
    columns += [(name, cast_to(Ref(name, result.schema[name]), agg.dtype)) for name, agg in node.aggs]
    return Project(result, tuple(columns))


def _over_distinct(rows: Plan, keys: Keys, values: tuple[Row, ...], condition: Row | None, aggs: Aggs) -> Plan:
    """Aggregate the distinct `values` of each group, of the rows for which `condition` is true."""
    taken = {n for n, _ in keys}
    named: list[tuple[str, Row]] = []
    for value in values:
        if condition is not None:  # values of other rows are made null, so that they are one pair in each group
            value = apply("when", value.dtype, condition, value, Const(None, value.dtype))
        named.append((fresh("_value", taken), value))
        taken.add(named[-1][0])
    refs = tuple(Ref(n, r.dtype) for n, r in named)
    passes = None
    if condition is not None:
        named.append((fresh("_passes", taken), condition))
        passes = Ref(named[-1][0], condition.dtype)
    pairs = Aggregate(rows, (*keys, *named), ())
    outer = tuple((name, _plain(agg, refs, passes)) for name, agg in aggs)
    return _split(Aggregate(pairs, tuple((n, Ref(n, r.dtype)) for n, r in keys), outer))


def _plain(agg: Agg, values: tuple[Row, ...], condition: Row | None) -> Agg:
    """The aggregation that takes the place of `agg` where `values` are distinct."""
    if agg.aggregation.over_distinct is None:
        return replace(agg, args=values, filter=condition, distinct=False)
    entry = AGGREGATIONS[agg.aggregation.over_distinct]
    resolved = entry.resolve(tuple(v.dtype for v in values[: entry.arity]))
    assert resolved is not None, f"{entry.name} does not take what {agg.aggregation.name} does"
    aggregation, types, dtype = resolved
    slots = tuple(s.resolve(types[0] if types else None) for s in aggregation.slots)
    return Agg(aggregation, values[: entry.arity], dtype, slots, filter=condition)


def _beside(left: Plan, right: Plan, keys: Keys) -> Plan:
    """Two aggregates over the same groups, side by side. Without keys both are one row, joined on a constant."""
    on: tuple[Row, ...] = tuple(Ref(n, r.dtype) for n, r in keys) or (Const(0, INT64),)
    added = tuple((n, n) for n in right.schema if n not in {k for k, _ in keys})
    return Join(left, right, on, on, KINDS["inner"], tuple((n, n) for n in left.schema), added, nulls_equal=True)
