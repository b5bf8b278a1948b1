"""Which side of an inner join gets the hash table: the right one, unless it is large and the left is smaller."""

from __future__ import annotations

from gpuflow.plan.joins import Join
from gpuflow.plan.plan import Plan, transform_plan

SMALL = 65_536
"""Rows of which a table is cheap to build and to look up, whatever the other side has."""


def build_side(plan: Plan) -> Plan:
    """An inner join of 100,000 rows with 1,000,000 builds the left side; one with up to `SMALL` rows on the right, or
    without estimates, builds the right.

    The side that is built ends a pipeline, the other one goes on in its own: where little is won, what the query was
    written from, with its filters and expressions, stays in one kernel with what follows the join.
    """

    def change(node: Join) -> Plan:
        if len(node.kind.builds) < 2:
            return node
        left, right = node.left.estimated_rows, node.right.estimated_rows
        side = "left" if left is not None and right is not None and right > max(SMALL, left) else "right"
        return node.rebuild(build=side)

    return transform_plan(plan, Join, change)
