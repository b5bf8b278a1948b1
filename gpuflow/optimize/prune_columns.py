"""Leaves out columns that nothing above reads, down to the scans."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gpuflow_kernels.ir.expressions import Ref

from gpuflow.plan.nodes import Aggregate, Distinct, Filter, Join, Limit, Plan, Project, Scan, Sort, Union

from .rows import names


def prune_columns(plan: Plan) -> Plan:
    """``PROJECT a`` above ``SCAN [a, b, c]`` makes it ``SCAN [a]``; aggregations and join columns go in the same way."""
    return _Pruner().prune(plan, frozenset(plan.schema))


class _Pruner:
    """Every answer has the needed columns, in their old order, and perhaps more of the old ones."""

    def __init__(self) -> None:
        self._memo: dict[tuple[int, frozenset[str]], tuple[Plan, Plan]] = {}

    def prune(self, plan: Plan, needed: frozenset[str]) -> Plan:
        key = (id(plan), needed)
        if key not in self._memo:
            self._memo[key] = (plan, self._pruned(plan, needed))
        return self._memo[key][1]

    def _pruned(self, plan: Plan, needed: frozenset[str]) -> Plan:
        match plan:
            case Scan(_, columns):
                return replace(plan, columns=tuple(c for c in columns if c in needed))
            case Filter(child, predicate):
                return replace(plan, input=self.prune(child, needed | names([predicate])))
            case Project(child, columns):
                kept = tuple((n, r) for n, r in columns if n in needed)
                return Project(self.prune(child, frozenset(names(r for _, r in kept))), kept)
            case Aggregate(child, keys, aggs):
                kept_aggs = tuple((n, a) for n, a in aggs if n in needed) or aggs[: 0 if keys else 1]
                read = names([*(r for _, r in keys), *(a for _, a in kept_aggs)])
                return replace(plan, input=self.prune(child, frozenset(read)), aggs=kept_aggs)
            case Join():
                return self._join(plan, needed)
            case Sort(child, keys):
                return replace(plan, input=self._only(child, needed | names(keys)))
            case Limit(child):
                return replace(plan, input=self.prune(child, needed))
            case Distinct(child):
                return replace(plan, input=self._only(child, plan.schema))
            case Union(parts):
                return Union(tuple(self._only(p, needed) for p in parts))
        return plan.with_inputs(*(self.prune(i, frozenset(i.schema)) for i in plan.inputs))

    def _join(self, plan: Join, needed: frozenset[str]) -> Plan:
        columns = tuple((out, name) for out, name in plan.right_columns if out in needed)
        left = self._only(plan.left, {n for n in plan.left.schema if n in needed} | names(plan.left_on))
        right = self._only(plan.right, {n for _, n in columns} | names(plan.right_on))
        return replace(plan, left=left, right=right, right_columns=columns)

    def _only(self, plan: Plan, needed: Iterable[str]) -> Plan:
        """Exactly the needed columns: what only a filter below has read does not travel further."""
        wanted = frozenset(needed)
        pruned = self.prune(plan, wanted)
        kept = tuple((n, Ref(n, d)) for n, d in pruned.schema.items() if n in wanted)
        return pruned if len(kept) == len(pruned.schema) else Project(pruned, kept)
