"""What integers an expression can hold, from its types and literals: decides where overflow checks are needless."""

from __future__ import annotations

from gpuflow_kernels.declare.value_ranges import INTERVALS

from .expressions import Call, Const, LiteralSlot, Ref, Row

Interval = tuple[int, int] | None
"""Least and greatest possible value; None where it is not known to be an integer."""

_LITERAL_STEPS = (1 << 8, 1 << 16, 1 << 31, 1 << 63)


def interval(row: Row, known: dict[str | int, tuple[int, int]] | None = None) -> Interval:
    """Bounds of an integer expression, for rows that are valid and overflow nowhere.

    Literals count as the widest number of their size class (8, 16, 31 or 63 bits), so that changing a literal does not
    change the text of a kernel. `known` may bound columns more tightly than their type.
    """
    if row.dtype.is_float or row.dtype.is_coded or row.dtype.kind == "null":
        return None
    if isinstance(row, Const):
        if row.value is None:
            return 0, 0
        if isinstance(row.value, LiteralSlot):
            return row.value.bounds
        size = next((s for s in _LITERAL_STEPS if abs(int(row.value)) <= s), 1 << 64)
        return (-size if int(row.value) < 0 else 0), size
    if isinstance(row, Ref):
        return (known or {}).get(row.key, row.dtype.bounds)
    if isinstance(row, Call):
        found = _exact(row, known)
        if found is not None and _within(found, row.dtype.bounds):
            return found
    return row.dtype.bounds


def cannot_overflow(call: Call, known: dict[str | int, tuple[int, int]] | None = None) -> bool:
    """Whether types and literals alone rule out that `call` leaves its result type.

    What a function does to intervals is part of its declaration: one that says nothing is always checked.
    """
    found = _exact(call, known)
    # narrow integers are computed in 64 bits and their results are int64; dates are not, and stay 32 bits wide
    return found is not None and _within(found, call.dtype.bounds)


def _exact(call: Call, known: dict[str | int, tuple[int, int]] | None) -> Interval:
    """Bounds of the exact result, whether it fits the type or not."""
    if call.overload.interval is None:
        return None
    operands = [o for a in call.args if (o := interval(a, known)) is not None]
    return INTERVALS[call.overload.interval](*operands) if len(operands) == len(call.args) else None


def _within(inner: tuple[int, int], outer: tuple[int, int]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]
