"""The optimiser: a tuple of named rules, each a pure function from a plan to a plan with the same rows and schema."""

from __future__ import annotations

from collections.abc import Callable, Collection

from gpuflow.errors import PlanError
from gpuflow.expr.near_names import near
from gpuflow.plan.plan import Plan

from .build_side import build_side
from .fold_constants import fold_constants
from .merge_filters import merge_filters
from .merge_projects import merge_projects
from .prune_columns import prune_columns
from .push_filters import push_filters
from .push_limits import push_limits
from .split_distinct import split_distinct
from .top_k import top_k
from .verify import verify

Rule = Callable[[Plan], Plan]

RULES: tuple[Rule, ...] = (
    fold_constants,
    split_distinct,
    push_filters,
    merge_projects,
    merge_filters,
    push_limits,
    top_k,
    prune_columns,
    build_side,
)
"""In the order in which they run. Their names are what ``gpuflow.optimize.disable`` takes."""

REQUIRED = frozenset({"split_distinct"})
"""Rules without which some plans cannot run; they are not switched off."""


def optimize(plan: Plan, disable: Collection[str] = ()) -> Plan:
    """The plan after all rules but those in `disable`; checked after each.

    Raises
    ------
    PlanError
        When `disable` names no rule, or a rule breaks the plan (a fault of gpuflow, which names the rule).
    """
    known = {rule.__name__ for rule in RULES}
    for name in disable:
        if name not in known:
            raise PlanError(f"optimize.disable names {name!r}, which is no rule{near(name, known)}")
    for rule in RULES:
        if rule.__name__ not in disable or rule.__name__ in REQUIRED:
            try:
                changed = rule(plan)
                plan = plan if changed is plan else verify(rule.__name__, plan, changed)
            except RecursionError:
                raise PlanError(
                    "the query has too many steps, or an expression too many parts, on top of each other; persist() a result on "
                    "the way, put several columns into one with_columns(), or write is_in() for many comparisons"
                ) from None
    return plan
