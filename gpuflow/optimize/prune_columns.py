"""Leaves out columns that nothing above reads, down to the scans."""

from __future__ import annotations

from gpuflow_kernels.ir.expressions import Ref

from gpuflow.plan.plan import Columns, Plan
from gpuflow.plan.project import Project


def prune_columns(plan: Plan) -> Plan:
    """``PROJECT a`` above ``SCAN [a, b, c]`` makes it ``SCAN [a]``; aggregations and join columns go in the same way."""
    return _Pruner().prune(plan, frozenset(plan.schema))


class _Pruner:
    """Every result has the needed columns, in their old order, and perhaps more of the old ones."""

    def __init__(self) -> None:
        self._memo: dict[tuple[int, Columns], tuple[Plan, Plan]] = {}

    def prune(self, plan: Plan, needed: Columns) -> Plan:
        key = (id(plan), needed)
        if key not in self._memo:
            self._memo[key] = (plan, self._pruned(plan, needed))
        return self._memo[key][1]

    def _pruned(self, plan: Plan, needed: Columns) -> Plan:
        node = plan.narrow(needed)
        if type(node) is not type(plan):
            return self.prune(node, needed)
        prune = self._only if node.exact_inputs else self.prune
        return node.with_inputs(*(prune(i, r) for i, r in zip(node.inputs, node.required(needed), strict=True)))

    def _only(self, plan: Plan, needed: Columns) -> Plan:
        """Exactly the needed columns: what only a filter below has read does not travel further."""
        pruned = self.prune(plan, needed)
        columns = tuple((n, Ref(n, d)) for n, d in pruned.schema.items() if n in needed)
        return pruned if len(columns) == len(pruned.schema) else Project(pruned, columns)
