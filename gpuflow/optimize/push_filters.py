"""Moves conditions towards the rows they are about: below projections and joins, into scans for their statistics."""

from __future__ import annotations

from gpuflow_kernels.ir.expressions import Const, Row

from gpuflow.plan.filter import Filter
from gpuflow.plan.plan import Plan
from gpuflow.plan.typed_rows import conjoin, conjuncts, may_raise


def push_filters(plan: Plan) -> Plan:
    """``FILTER l > 1 & r > 2`` above ``INNER JOIN`` becomes one filter on each side, and a predicate of each scan.

    What passes a node is the node's affair (`Plan.pass_filters`). A condition that may raise (an unchecked integer product, a
    strict cast) stays above what removes rows.
    """
    return _Pusher().push(plan, [])


class _Pusher:
    def __init__(self) -> None:
        self._memo: dict[int, tuple[Plan, Plan]] = {}

    def push(self, plan: Plan, pending: list[Row]) -> Plan:
        """Apply the conditions `pending`, over the columns of `plan`, as low as they can be."""
        if pending:
            return self._pushed(plan, pending)
        if id(plan) not in self._memo:  # inputs that are read twice stay one
            self._memo[id(plan)] = (plan, self._pushed(plan, pending))
        return self._memo[id(plan)][1]

    def _pushed(self, plan: Plan, pending: list[Row]) -> Plan:
        if isinstance(plan, Filter):
            return self.push(plan.input, [*conjuncts(plan.predicate), *pending])
        if not pending:
            return plan.with_inputs(*(self.push(i, []) for i in plan.inputs))
        passed = plan.pass_filters(pending)
        inputs = (self.push(i, down) for i, down in zip(plan.inputs, passed.inputs, strict=True))
        return place(passed.node.with_inputs(*inputs), list(passed.above))


def place(plan: Plan, pending: list[Row]) -> Plan:
    """Put conditions right above `plan`: the harmless ones as one filter, then those that may raise, in order."""
    pending = [c for c in pending if not (isinstance(c, Const) and c.value is True)]
    harmless = [c for c in pending if not may_raise(c)]
    if harmless:
        plan = Filter(plan, conjoin(harmless))
    for condition in pending:
        if may_raise(condition):
            plan = Filter(plan, condition)
    return plan
