"""The check behind every rule: the schema is kept, and every row reads columns that its input has."""

from __future__ import annotations

from gpuflow.errors import PlanError
from gpuflow.plan.plan import Plan


def verify(rule: str, before: Plan, after: Plan) -> Plan:
    """Return `after` when it can stand for `before`.

    Raises
    ------
    PlanError
        Naming the rule and what it broke: a fault of gpuflow, not of the query.
    """
    if after.schema != before.schema:
        raise PlanError(f"optimiser rule {rule!r} changed the columns from {before.schema} to {after.schema}; {_ADVICE}")
    node = after.broken
    if node is not None:
        raise PlanError(f"optimiser rule {rule!r} left {node.describe()!r}, {node.fault}; {_ADVICE}")
    return after


_ADVICE = "please report it; the setting gpuflow.optimize.disable leaves the rule out"
