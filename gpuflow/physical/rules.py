"""Which function lowers which plan node."""

from __future__ import annotations

from gpuflow.plan import nodes as plans

from . import aggregates, joins, lower, sorts

lower.RULES.update(
    {
        plans.Scan: lower.lower_scan,
        plans.Filter: lower.lower_filter,
        plans.Project: lower.lower_project,
        plans.Limit: lower.lower_limit,
        plans.Union: lower.lower_union,
        plans.Aggregate: aggregates.lower_aggregate,
        plans.Distinct: aggregates.lower_distinct,
        plans.Join: joins.lower_join,
        plans.Sort: sorts.lower_sort,
    }
)
