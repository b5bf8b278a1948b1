"""A sort of which only the first rows are wanted keeps no more than those."""

from __future__ import annotations

from dataclasses import replace

from gpuflow.plan.nodes import Limit, Plan, Sort, transform_plan


def top_k(plan: Plan) -> Plan:
    """``LIMIT 10`` above ``SORT`` becomes ``TOP 10``; with an offset the limit stays above, to leave rows out."""

    def change(node: Plan) -> Plan:
        if isinstance(node, Limit) and isinstance(node.input, Sort) and node.input.limit is None and node.count:
            top = replace(node.input, limit=node.count + node.offset)
            return replace(node, input=top) if node.offset else top
        return node

    return transform_plan(plan, change)
