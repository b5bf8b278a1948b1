"""Moves conditions towards the rows they are about: below projections and joins, into scans for their statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gpuflow_kernels.ir.expressions import Const, Ref, Row

from gpuflow.plan.nodes import Aggregate, Distinct, Filter, Join, Plan, Project, Scan, Sort, Union, passthrough

from .rows import LARGE, as_key, conjoin, conjuncts, may_raise, names, size, substitute


def push_filters(plan: Plan) -> Plan:
    """``FILTER l > 1 & r > 2`` above ``INNER JOIN`` becomes one filter on each side, and a predicate of each scan.

    A condition that may raise (an unchecked integer product, a strict cast) stays above what removes rows. Above a
    left join, conditions on the right's columns stay where they are. Below a group-by and a distinct, conditions on keys are
    asked of what the keys of groups are made of rows' values (`as_key`); to the other side of a join, where values are equal
    to keys and perhaps not the same, no condition on floats goes.
    """
    return _Pusher().push(plan, [])


class _Pusher:
    def __init__(self) -> None:
        self._memo: dict[int, tuple[Plan, Plan]] = {}

    def push(self, plan: Plan, pending: list[Row]) -> Plan:
        """`plan` with the conditions `pending`, over its columns, applied as low as they can be."""
        if pending:
            return self._pushed(plan, pending)
        if id(plan) not in self._memo:  # inputs that are read twice stay one
            self._memo[id(plan)] = (plan, self._pushed(plan, pending))
        return self._memo[id(plan)][1]

    def _pushed(self, plan: Plan, pending: list[Row]) -> Plan:
        match plan:
            case Filter(child, predicate):
                return self.push(child, [*conjuncts(predicate), *pending])
            case Scan():
                known = [c for c in pending if not may_raise(c)]
                return place(replace(plan, predicate=conjoin(known)) if known else plan, pending)
            case Project(child, columns):
                return self._project(plan, child, dict(columns), pending)
            case Join():
                return self._join(plan, pending)
            case Union(parts):
                return plan.with_inputs(*(self.push(p, pending) for p in parts))
            case Aggregate(child, keys, _) if keys:
                return self._grouped(plan, child, dict(keys), pending)
            case Sort(child, _, _, _, None):
                return plan.with_inputs(self.push(child, pending))
            case Distinct(child):
                return self._grouped(plan, child, dict(passthrough(plan.schema)), pending)
        return place(plan.with_inputs(*(self.push(i, []) for i in plan.inputs)), pending)

    def _project(self, plan: Plan, child: Plan, columns: dict[str, Row], pending: list[Row]) -> Plan:
        below = [(c, substitute(c, columns)) for c in pending]
        down = [new for _, new in below if size(new) <= LARGE]
        stay = [old for old, new in below if size(new) > LARGE]
        return place(plan.with_inputs(self.push(child, down)), stay)

    def _grouped(self, plan: Plan, child: Plan, keys: Mapping[str, Row], pending: list[Row]) -> Plan:
        of_rows = {name: as_key(row) for name, row in keys.items()}
        down, stay = _split(pending, lambda c: names([c]) <= keys.keys() and not may_raise(substitute(c, of_rows)))
        return place(plan.with_inputs(self.push(child, [substitute(c, of_rows) for c in down])), stay)

    def _join(self, plan: Join, pending: list[Row]) -> Plan:
        to_left, to_right, stay = [], [], []
        outputs: dict[str, Row] = {out: Ref(name, plan.right.schema[name]) for out, name in plan.right_columns}
        other: dict[str, Row] = {
            str(a.key): b
            for a, b in zip(plan.left_on, plan.right_on, strict=True)
            if isinstance(a, Ref) and isinstance(b, Ref) and not a.dtype.is_float
        }
        for condition in pending:
            used = names([condition])
            if may_raise(condition):
                stay.append(condition)
            elif used <= set(plan.left.schema):
                to_left.append(condition)
                if used and used <= other.keys():  # what holds for a key holds for the key it equals
                    to_right.append(substitute(condition, other))
            elif plan.how == "inner" and used <= outputs.keys():
                to_right.append(substitute(condition, outputs))
            else:
                stay.append(condition)
        return place(plan.with_inputs(self.push(plan.left, to_left), self.push(plan.right, to_right)), stay)


def _split(pending: list[Row], goes: object) -> tuple[list[Row], list[Row]]:
    assert callable(goes)
    return [c for c in pending if goes(c)], [c for c in pending if not goes(c)]


def place(plan: Plan, pending: list[Row]) -> Plan:
    """`plan` with conditions right above it: the harmless ones as one filter, then those that may raise, in order."""
    pending = [c for c in pending if not (isinstance(c, Const) and c.value is True)]
    harmless = [c for c in pending if not may_raise(c)]
    if harmless:
        plan = Filter(plan, conjoin(harmless))
    for condition in pending:
        if may_raise(condition):
            plan = Filter(plan, condition)
    return plan
