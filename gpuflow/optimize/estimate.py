"""How many rows a plan gives, roughly: from what sources know and rules of thumb. Never used for anything but choices
between plans with equal results."""

from __future__ import annotations

from gpuflow_kernels.ir.expressions import Call, Member, Row

from gpuflow.plan.nodes import Aggregate, Distinct, Filter, Join, Limit, Plan, Scan, Sort, Union

from .rows import conjuncts

GROUPS = 0.1
"""Groups for each row, when nothing is known of the keys."""


def rows(plan: Plan) -> float | None:
    """The estimated number of rows; None when a source does not know its own."""
    match plan:
        case Scan(source):
            known = source.rows()
            return None if known is None else float(known)
        case Aggregate(_, keys, _) if not keys:
            return 1.0
        case Join():
            return _joined(plan)
        case Union(parts):
            counts = [rows(p) for p in parts]
            return None if None in counts else sum(c for c in counts if c is not None)
    inputs = [rows(i) for i in plan.inputs]
    count = inputs[0] if inputs else None
    if isinstance(plan, Limit):
        if plan.count is None:
            return None if count is None else max(0.0, count - plan.offset)
        return float(plan.count) if count is None else min(float(plan.count), count)
    if count is None:
        return None
    match plan:
        case Filter(_, predicate):
            return count * selectivity(predicate)
        case Aggregate() | Distinct():
            return max(1.0, count * GROUPS)
        case Sort(_, _, _, _, limit) if limit is not None:
            return min(float(limit), count)
    return count


def selectivity(predicate: Row) -> float:
    """The part of the rows that a condition keeps: equality a tenth, other comparisons a third."""
    part = 1.0
    for condition in conjuncts(predicate):
        if isinstance(condition, Member):
            part *= min(0.5, 0.1 * max(1, len(condition.values)))
        elif isinstance(condition, Call) and condition.overload.name in _PARTS:
            part *= _PARTS[condition.overload.name]
        else:
            part *= 1 / 3
    return part


_PARTS = {"eq": 0.1, "is_null": 0.1, "is_not_null": 0.9, "ne": 0.9, "or": 0.5, "not": 0.7}


def _joined(plan: Join) -> float | None:
    left, right = rows(plan.left), rows(plan.right)
    if plan.how == "left":
        return left
    if left is None or right is None:
        return None
    if plan.how in ("semi", "anti"):
        return left * 0.5
    small, large = (plan.left, right) if left < right else (plan.right, left)
    return large * kept(small)


def kept(plan: Plan) -> float:
    """The part of its source's rows that filters let through: joining with a filtered table filters."""
    match plan:
        case Filter(child, predicate):
            return kept(child) * selectivity(predicate)
        case Join(left, right, _, _, "inner"):
            return kept(left) * kept(right)
    return kept(plan.inputs[0]) if len(plan.inputs) == 1 else 1.0
