"""What integers an expression can hold, from its types and literals: decides where overflow checks are needless."""

from __future__ import annotations

from ..rowtree import Call, Const, Ref, Row

Interval = tuple[int, int] | None
"""Least and greatest possible value; None where it is not known to be an integer."""

_LITERAL_STEPS = (1 << 8, 1 << 16, 1 << 31, 1 << 63)


def interval(row: Row, known: dict[str | int, tuple[int, int]] | None = None) -> Interval:
    """Bounds of an integer expression before any wrap-around.

    Literals count as the widest number of their size class (8, 16, 31 or 63 bits), so that changing a literal does not
    change the text of a kernel. `known` may bound columns more tightly than their type.
    """
    if row.dtype.is_float or row.dtype.kind in ("string", "null"):
        return None
    if isinstance(row, Const):
        if row.value is None:
            return 0, 0
        size = next((s for s in _LITERAL_STEPS if abs(int(row.value)) <= s), 1 << 64)
        return (-size if int(row.value) < 0 else 0), size
    if isinstance(row, Ref):
        return (known or {}).get(row.key, row.dtype.bounds)
    if isinstance(row, Call):
        operands = [interval(a, known) for a in row.args]
        if _is_integer_cast(row):
            inside = operands[0]
            return inside if inside and _within(inside, row.dtype.bounds) else row.dtype.bounds
        if all(o is not None for o in operands):
            found = _transfer(row.overload.name, [o for o in operands if o is not None])
            if found is not None:
                return found
    return row.dtype.bounds


def _transfer(name: str, operands: list[tuple[int, int]]) -> Interval:
    if name in ("neg", "abs") and len(operands) == 1:
        low, high = operands[0]
        return (-high, -low) if name == "neg" else (0, max(abs(low), abs(high)))
    if len(operands) == 2:
        (a, b), (c, d) = operands
        if name == "add":
            return a + c, b + d
        if name == "sub":
            return a - d, b - c
        if name == "mul":
            corners = (a * c, a * d, b * c, b * d)
            return min(corners), max(corners)
    return None


def _is_integer_cast(call: Call) -> bool:
    return call.overload.name == "cast" and call.dtype.is_integer and call.args[0].dtype.is_integer


def _within(inner: tuple[int, int], outer: tuple[int, int]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def cannot_overflow(call: Call, known: dict[str | int, tuple[int, int]] | None = None) -> bool:
    """Whether types and literals alone rule out that `call` leaves its result type."""
    operands = [interval(a, known) for a in call.args]
    if any(o is None for o in operands):
        return False
    if _is_integer_cast(call):
        return operands[0] is not None and _within(operands[0], call.dtype.bounds)
    found = _transfer(call.overload.name, [o for o in operands if o is not None])
    # narrow integers are computed in 64 bits and their results are int64; dates are not, and stay 32 bits wide
    limits = call.dtype.bounds
    return found is not None and _within(found, limits)
