"""Sorts and top-k: in one partition, or by ranges of the first key."""

from __future__ import annotations

from gpuflow_kernels.ir.expressions import Ref, Row

from gpuflow.plan import nodes as plans
from gpuflow.plan.first_appearance import fresh

from ..nodes import Operator, Project, Sort, TopK
from ..planner import Planner, emits, lowers
from ..stream import Stream, over_parts
from ..tasks import SortTask


@lowers(plans.Sort)
def lower_sort(planner: Planner, plan: plans.Sort) -> Operator:
    below = planner.lower(plan.input)
    columns: dict[str, Row] = {n: Ref(n, d) for n, d in below.output}
    keep, names = len(columns), {row: n for n, row in columns.items()}
    for key in plan.keys:
        if key not in names:
            names[key] = fresh("key", set(columns))
            columns[names[key]] = key
    if len(columns) > keep:
        below = Project(below, tuple(columns.items()))
    order = tuple(names[key] for key in plan.keys), plan.descending, plan.nulls_last, keep
    return Sort(below, *order) if plan.limit is None else TopK(below, *order, plan.limit)


@emits(Sort)
@emits(TopK)
def emit_sort(planner: Planner, operator: Sort) -> Stream:
    names = [n for n, _ in operator.input.output]
    limit = operator.limit if isinstance(operator, TopK) else None
    keep = operator.keep if operator.keep < len(names) else None
    by = tuple(names.index(n) for n in operator.by)
    task = SortTask(planner.options, by, operator.descending, operator.nulls_last, limit, keep)
    parts = tuple(planner.runner.add(task, chunks) for chunks in planner.together(operator.input))
    return over_parts(parts, operator.output, operator.rows)
