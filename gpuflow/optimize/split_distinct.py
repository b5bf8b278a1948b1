"""Expresses ``n_unique`` by group-bys: a count over the distinct pairs of keys and value."""

from __future__ import annotations

from gpuflow_kernels.declare.aggregate import AGGREGATIONS
from gpuflow_kernels.dtypes import INT64
from gpuflow_kernels.ir.expressions import Agg, Const, Ref, Row

from gpuflow.expr.bind import cast_to
from gpuflow.plan.join_kinds import KINDS
from gpuflow.plan.nodes import Aggregate, Join, Plan, Project, transform_plan
from gpuflow.plan.order import fresh

Keys = tuple[tuple[str, Row], ...]


def split_distinct(plan: Plan) -> Plan:
    """``AGGREGATE n_unique(x), sum(y) BY k`` becomes ``AGGREGATE sum(y) BY k`` joined, on `k`, with
    ``AGGREGATE len() BY k`` over ``AGGREGATE BY k, x``. Null is one of the values that are counted.
    """
    return transform_plan(plan, Aggregate, _split)


def _split(node: Aggregate) -> Plan:
    holistic = [(n, a) for n, a in node.aggs if a.aggregation.name == "n_unique" and not a.slots]
    if not holistic:
        return node
    others = tuple((n, a) for n, a in node.aggs if (n, a) not in holistic)
    by_value: dict[tuple[Row, ...], list[str]] = {}
    for name, agg in holistic:
        by_value.setdefault(agg.args, []).append(name)
    parts = [_counted(node.input, node.keys, values, names[0]) for values, names in by_value.items()]
    result: Plan = Aggregate(node.input, node.keys, others) if others else parts.pop(0)
    for part in parts:
        result = _beside(result, part, node.keys)
    source = {name: names[0] for names in by_value.values() for name in names}
    columns: list[tuple[str, Row]] = [(n, Ref(n, r.dtype)) for n, r in node.keys]
    for name, agg in node.aggs:
        stored = source.get(name, name)
        columns.append((name, cast_to(Ref(stored, result.schema[stored]), agg.dtype)))
    return Project(result, tuple(columns))


def _counted(rows: Plan, keys: Keys, values: tuple[Row, ...], name: str) -> Plan:
    """The number of distinct values for each key, as column `name`."""
    taken = {n for n, _ in keys}
    named = []
    for value in values:
        named.append((fresh("_value", taken), value))
        taken.add(named[-1][0])
    pairs = Aggregate(rows, (*keys, *named), ())
    return Aggregate(pairs, tuple((n, Ref(n, r.dtype)) for n, r in keys), ((name, _count()),))


def _count() -> Agg:
    found = AGGREGATIONS["len"].resolve(())
    assert found is not None, "len() takes no columns"
    aggregation, _, dtype = found
    return Agg(aggregation, (), dtype, tuple(s.resolve(None) for s in aggregation.slots))


def _beside(left: Plan, right: Plan, keys: Keys) -> Plan:
    """Two aggregates over the same groups, side by side. Without keys both are one row, joined on a constant."""
    on: tuple[Row, ...] = tuple(Ref(n, r.dtype) for n, r in keys) or (Const(0, INT64),)
    added = tuple((n, n) for n in right.schema if n not in {k for k, _ in keys})
    return Join(left, right, on, on, KINDS["inner"], tuple((n, n) for n in left.schema), added, nulls_equal=True)
