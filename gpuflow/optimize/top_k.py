"""A sort of which only the first rows are wanted keeps no more than those."""

from __future__ import annotations

from gpuflow.plan.limit import Limit
from gpuflow.plan.plan import Plan, transform_plan
from gpuflow.plan.sort import Sort


def top_k(plan: Plan) -> Plan:
    """``LIMIT 10`` above ``SORT`` becomes ``TOP 10``; with an offset the limit stays above, to leave rows out."""

    def change(node: Limit) -> Plan:
        if isinstance(node.input, Sort) and node.input.limit is None and node.count:
            top = node.input.rebuild(limit=node.count + node.offset)
            return node.rebuild(input=top) if node.offset else top
        return node

    return transform_plan(plan, Limit, change)
