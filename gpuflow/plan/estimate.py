"""Guesses about the number of rows, by rules of thumb. They only choose between plans with equal results."""

from __future__ import annotations

from gpuflow_kernels.declare.traits import NONE
from gpuflow_kernels.ir.expressions import Call, Member, Row

from .typed_rows import conjuncts

GROUPS = 0.1
"""Groups for each row, when nothing is known of the keys."""


def selectivity(predicate: Row) -> float:
    """Guess the part of the rows that a condition keeps: equality a tenth, other comparisons a third."""
    part = 1.0
    for condition in conjuncts(predicate):
        if isinstance(condition, Member):
            part *= min(0.5, 0.1 * max(1, len(condition.values)))
        else:
            part *= (condition.overload.traits if isinstance(condition, Call) else NONE).selectivity
    return part
