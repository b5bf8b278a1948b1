"""The check behind every rule: the schema is kept, and every row reads columns that its input has."""

from __future__ import annotations

from gpuflow_kernels.dtypes import BOOL
from gpuflow_kernels.ir.expressions import Agg, Ref, Row, walk

from gpuflow.errors import PlanError
from gpuflow.plan.nodes import Filter, Join, Plan, Union
from gpuflow.plan.printing import describe
from gpuflow.schema import Schema

from .rows import rows_of


def verify(rule: str, before: Plan, after: Plan) -> Plan:
    """`after`, when it can stand for `before`.

    Raises
    ------
    PlanError
        Naming the rule and what it broke: a fault of gpuflow, not of the query.
    """
    if after.schema != before.schema:
        raise PlanError(f"optimiser rule {rule!r} changed the columns from {before.schema} to {after.schema}; {_ADVICE}")
    seen: set[int] = set()

    def check(node: Plan) -> None:
        if id(node) in seen:
            return
        seen.add(id(node))
        fault = _fault(node)
        if fault:
            raise PlanError(f"optimiser rule {rule!r} left {describe(node)!r}, {fault}; {_ADVICE}")
        for i in node.inputs:
            check(i)

    check(after)
    return after


_ADVICE = "please report it; the setting gpuflow.optimize.disable leaves the rule out"


def _fault(node: Plan) -> str | None:
    if isinstance(node, Join):
        pairs = zip(node.left_on, node.right_on, strict=True)
        if any(a.dtype != b.dtype for a, b in pairs):
            return "whose keys have different types"
        return _unknown(node.left_on, node.left.schema) or _unknown(node.right_on, node.right.schema)
    if isinstance(node, Union):
        return "whose inputs differ" if any(p.schema != node.schema for p in node.parts) else None
    if isinstance(node, Filter) and node.predicate.dtype != BOOL:
        return "whose condition is not bool"
    return _unknown(rows_of(node), node.inputs[0].schema) if node.inputs else None


def _unknown(rows: tuple[Row | Agg, ...], schema: Schema) -> str | None:
    for row in rows:
        for n in walk(row):
            if isinstance(n, Ref) and (not isinstance(n.key, str) or schema.get(n.key) != n.dtype):
                return f"which reads {n.key!r} as {n.dtype} from {schema}"
    return None
