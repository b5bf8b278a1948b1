"""Tables one below the other."""

from __future__ import annotations

from collections.abc import Sequence

from gpuflow_kernels.declare.choices import is_one_of

from gpuflow.errors import PlanError, UnsupportedError
from gpuflow.expr.expr import Expr
from gpuflow.expr.near_names import near
from gpuflow.expr.nodes import Alias, Column, Literal

from .build import meeting, select, union
from .plan import Plan

WAYS = ("vertical", "vertical_relaxed", "diagonal", "diagonal_relaxed")
ALIGN = "join() the tables on the columns that they share, and sort() by them"
MEANWHILE = {
    "horizontal": "join() the tables on a key, or on the numbers of their rows: "
    "a.with_row_index().join(b.with_row_index(), on='index').drop('index')",
    **dict.fromkeys(("align", "align_full", "align_inner", "align_left", "align_right"), ALIGN),
}
"""What to do instead of the ways to concatenate that there are not."""


def concat(plans: Sequence[Plan], how: str = "vertical") -> Plan:
    """Append the rows of several plans in order.

    Parameters
    ----------
    plans : sequence of Plan
    how : {"vertical", "vertical_relaxed", "diagonal", "diagonal_relaxed"}
        ``diagonal`` gives each table the columns that others have, filled with null; else all must have the same.

    Raises
    ------
    PlanError, TypeMismatchError, UnsupportedError
    """
    if how in MEANWHILE:
        raise UnsupportedError(
            f"concat: how={how!r} puts columns beside each other, which gpuflow does not do yet; meanwhile {MEANWHILE[how]}"
        )
    if not is_one_of(how, WAYS):
        raise PlanError(f"concat: how={how!r} is no way to put tables together{near(str(how), WAYS)}")
    return union([_filled(plan, plans) for plan in plans] if how.startswith("diagonal") else plans)


def _filled(plan: Plan, plans: Sequence[Plan]) -> Plan:
    """All columns of all plans in the order in which they first appear, null where `plan` has none."""
    types = {}
    for name in dict.fromkeys(name for p in plans for name in p.schema):
        types[name] = meeting(name, [(k, p.schema) for k, p in enumerate(plans, 1) if name in p.schema])
    if tuple(types) == plan.schema.names:
        return plan
    columns = [Column(n) if n in plan.schema else Alias(Literal(None, d, fixed=True), n) for n, d in types.items()]
    return select(plan, [Expr(c) for c in columns], {})
