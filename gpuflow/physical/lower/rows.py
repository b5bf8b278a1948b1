"""Operators that work row by row: filters and projections."""

from __future__ import annotations

from gpuflow.plan import nodes as plans

from ..nodes import Filter, Operator, Project
from ..planner import Planner, lowers


@lowers(plans.Filter)
def lower_filter(planner: Planner, plan: plans.Filter) -> Operator:
    return Filter(planner.lower(plan.input), plan.predicate)


@lowers(plans.Project)
def lower_project(planner: Planner, plan: plans.Project) -> Operator:
    return Project(planner.lower(plan.input), plan.columns)
