"""Moves limits towards the rows, so that fewer are made."""

from __future__ import annotations

from gpuflow.plan.limit import Limit
from gpuflow.plan.plan import Plan, transform_plan


def push_limits(plan: Plan) -> Plan:
    """``LIMIT 5`` above ``PROJECT`` goes below it; two limits become one; a limit above a union limits each part too."""
    return transform_plan(plan, Limit, _push)


def _push(node: Limit) -> Plan:
    below = node.input
    if isinstance(below, Limit):
        return _push(Limit(below.input, _both(below.count, node), below.offset + node.offset))
    passed = below.pass_limit(node.count, node.offset)
    if passed is None:
        return node
    inputs = (i if limit is None else _push(Limit(i, *limit)) for i, limit in zip(below.inputs, passed.inputs, strict=True))
    pushed = passed.node.with_inputs(*inputs)
    return Limit(pushed, node.count, node.offset) if passed.above else pushed


def _both(count: int | None, outer: Limit) -> int | None:
    """The number of rows that `outer` leaves of `count`."""
    if count is None:
        return outer.count
    rest = max(0, count - outer.offset)
    return rest if outer.count is None else min(outer.count, rest)
