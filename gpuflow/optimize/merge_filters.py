"""Two filters in a row become one."""

from __future__ import annotations

from gpuflow.plan.filter import Filter
from gpuflow.plan.plan import Plan, transform_plan
from gpuflow.plan.typed_rows import conjoin, conjuncts, may_raise


def merge_filters(plan: Plan) -> Plan:
    """``FILTER b`` above ``FILTER a`` becomes ``FILTER a & b``, unless `b` may raise for rows that `a` removes."""

    def change(node: Filter) -> Plan:
        if isinstance(node.input, Filter) and not may_raise(node.predicate):
            below = node.input
            return Filter(below.input, conjoin([*conjuncts(below.predicate), *conjuncts(node.predicate)]))
        return node

    return transform_plan(plan, Filter, change)
