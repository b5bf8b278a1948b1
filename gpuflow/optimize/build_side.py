"""Which side of an inner join gets the hash table: the one with fewer rows."""

from __future__ import annotations

from dataclasses import replace

from gpuflow.plan.nodes import Join, Plan, transform_plan

from .estimate import rows


def build_side(plan: Plan) -> Plan:
    """An inner join of 10 rows with 1,000 builds the left side; without estimates the right is built."""

    def change(node: Plan) -> Plan:
        if not isinstance(node, Join) or node.how != "inner":
            return node
        left, right = rows(node.left), rows(node.right)
        side = "left" if left is not None and right is not None and left < right else "right"
        return node if side == node.build else replace(node, build=side)

    return transform_plan(plan, change)
