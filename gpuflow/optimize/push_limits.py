"""Moves limits towards the rows, so that fewer are made."""

from __future__ import annotations

from gpuflow.plan.nodes import Limit, Plan, Project, Union, transform_plan


def push_limits(plan: Plan) -> Plan:
    """``LIMIT 5`` above ``PROJECT`` goes below it; two limits become one; a limit above a union limits each part too."""
    return transform_plan(plan, _push)


def _push(node: Plan) -> Plan:
    if not isinstance(node, Limit):
        return node
    match node.input:
        case Project(child):
            return node.input.with_inputs(_push(Limit(child, node.count, node.offset)))
        case Limit(child, count, offset):
            return _push(Limit(child, _both(count, node), offset + node.offset))
        case Union(parts) if node.count is not None and not all(isinstance(p, Limit) for p in parts):
            most = node.count + node.offset
            return Limit(node.input.with_inputs(*(_push(Limit(p, most)) for p in parts)), node.count, node.offset)
    return node


def _both(count: int | None, outer: Limit) -> int | None:
    """The number of rows that `outer` leaves of `count`."""
    if count is None:
        return outer.count
    rest = max(0, count - outer.offset)
    return rest if outer.count is None else min(outer.count, rest)
