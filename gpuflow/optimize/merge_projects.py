"""Two projections in a row become one, and one that changes nothing goes."""

from __future__ import annotations

from gpuflow_kernels.ir.expressions import Const, Ref, substitute

from gpuflow.plan.plan import Plan, transform_plan
from gpuflow.plan.project import Project
from gpuflow.plan.typed_rows import LARGE, passthrough, size


def merge_projects(plan: Plan) -> Plan:
    """``PROJECT z = y + 1`` above ``PROJECT y = x * 2`` becomes ``PROJECT z = x * 2 + 1``.

    Generated code computes equal parts once, so nothing is computed twice; rows that would grow beyond a bound stay
    apart.
    """

    def change(node: Project) -> Plan:
        if isinstance(node.input, Project):
            below = dict(node.input.columns)
            merged = tuple((name, substitute(row, below)) for name, row in node.columns)
            if all(isinstance(r, (Ref, Const)) or size(r) <= LARGE for _, r in merged):
                node = Project(node.input.input, merged)
        return node.input if node.columns == passthrough(node.input.schema) else node

    return transform_plan(plan, Project, change)
