"""Which side of an inner join gets the hash table: the right one, unless it is large and the left is smaller."""

from __future__ import annotations

from dataclasses import replace

from gpuflow.plan.nodes import Join, Plan, transform_plan

from .estimate import rows

SMALL = 65_536
"""Rows of which a table is cheap to build and to look up, whatever the other side has."""


def build_side(plan: Plan) -> Plan:
    """An inner join of 100,000 rows with 1,000,000 builds the left side; one with up to `SMALL` rows on the right, or
    without estimates, builds the right.

    The side that is built ends a pipeline, the other one goes on in its own: where little is won, what the query was
    written from, with its filters and expressions, stays in one kernel with what follows the join.
    """

    def change(node: Plan) -> Plan:
        if not isinstance(node, Join) or node.how != "inner":
            return node
        left, right = rows(node.left), rows(node.right)
        side = "left" if left is not None and right is not None and right > max(SMALL, left) else "right"
        return node if side == node.build else replace(node, build=side)

    return transform_plan(plan, change)
