"""Guesses about the number of rows, by rules of thumb. They only choose between plans with equal results."""

from __future__ import annotations

from gpuflow_kernels.ir.expressions import Call, Member, Row

from .rows import conjuncts

GROUPS = 0.1
"""Groups for each row, when nothing is known of the keys."""


def selectivity(predicate: Row) -> float:
    """Guess the part of the rows that a condition keeps: equality a tenth, other comparisons a third."""
    part = 1.0
    for condition in conjuncts(predicate):
        if isinstance(condition, Member):
            part *= min(0.5, 0.1 * max(1, len(condition.values)))
        elif isinstance(condition, Call) and condition.overload.name in _PARTS:
            part *= _PARTS[condition.overload.name]
        else:
            part *= 1 / 3
    return part


_PARTS = {"eq": 0.1, "is_null": 0.1, "is_not_null": 0.9, "ne": 0.9, "or": 0.5, "not": 0.7}
