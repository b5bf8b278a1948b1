"""Decide from statistics whether a predicate can be true for any row of a block.

Interval arithmetic: a predicate evaluates to the set of its possible outcomes, out of ``{True, False, None}``, any other
expression to a `Range`. An expression that is not understood may have any outcome, so a block is only skipped when no row can
pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gpuflow_kernels import dtypes as t
from gpuflow_kernels.dtypes import DType
from gpuflow_kernels.ir.expressions import Call, Const, Member, Ref, Row


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds of the values of an expression over a block of rows.

    `low` and `high` bound every valid value (None: unbounded), strings as their UTF-8 bytes. `nulls` and `valid` are true if
    there can be null rows and valid rows.
    """

    low: Any = None
    high: Any = None
    nulls: bool = True
    valid: bool = True


Bounds = Callable[[str], Range]
"""Returns the range of a column, by name."""

_UNKNOWN = Range()
_ANY = frozenset({True, False, None})


def may_match(predicate: Row, bounds: Bounds) -> bool:
    """Return whether `predicate` can be true for a row of the block that `bounds` describes.

    Examples
    --------
    >>> from gpuflow_kernels.dtypes import BOOL, INT64
    >>> member = Member(Ref("x", INT64), (3, 90), BOOL)
    >>> may_match(member, lambda name: Range(10, 20)), may_match(member, lambda name: Range(1, 5))
    (False, True)
    """
    return True in _outcomes(predicate, bounds)


def _outcomes(row: Row, bounds: Bounds) -> frozenset[bool | None]:
    if isinstance(row, Member):
        return _member(row, bounds)
    if isinstance(row, Call):
        traits, args = row.overload.traits, row.args
        if traits.logic in _LOGIC and all(a.dtype.kind in ("bool", "null") for a in args):
            outcomes = _outcomes(args[0], bounds)
            for arg in args[1:]:
                other = _outcomes(arg, bounds)
                outcomes = frozenset(_LOGIC[traits.logic](a, b) for a in outcomes for b in other)
            return outcomes
        if traits.logic == "not":
            return frozenset(None if a is None else not a for a in _outcomes(args[0], bounds))
        if traits.tests_null is not None:
            value = _range(args[0], bounds)
            return frozenset([traits.tests_null] * value.nulls + [not traits.tests_null] * value.valid)
        if traits.relations and _comparable(args[0].dtype, args[1].dtype):
            return _compare(traits.relations, _range(args[0], bounds), _range(args[1], bounds))
        if traits.relations and all(a.dtype.is_temporal for a in args):
            meeting = t.common(args[0].dtype, args[1].dtype)
            if meeting is not None:
                return _compare(traits.relations, *(_cast(_range(a, bounds), a.dtype, meeting) for a in args))
        return _ANY
    if row.dtype.kind not in ("bool", "null"):
        return _ANY
    value = _range(row, bounds)
    if not value.valid:
        return frozenset({None})
    truths = {False, True} if value.low is None or value.high is None else {bool(value.low), bool(value.high)}
    return frozenset(truths | ({None} if value.nulls else set()))


def _and(a: bool | None, b: bool | None) -> bool | None:
    return False if a is False or b is False else None if a is None or b is None else True


def _or(a: bool | None, b: bool | None) -> bool | None:
    return True if a is True or b is True else None if a is None or b is None else False


def _xor(a: bool | None, b: bool | None) -> bool | None:
    return None if a is None or b is None else a != b


_LOGIC: dict[str, Callable[[bool | None, bool | None], bool | None]] = {"and": _and, "or": _or, "xor": _xor}


def _comparable(a: DType, b: DType) -> bool:
    """Return whether physical values of both types compare like the values themselves."""
    same = a.kind == b.kind and a.unit == b.unit and a.scale == b.scale
    return same or "null" in (a.kind, b.kind) or (a.is_integer and b.is_integer)


def _compare(relations: frozenset[str], a: Range, b: Range) -> frozenset[bool | None]:
    """What a comparison that is true for these relations of `a` to `b` can answer."""
    outcomes: set[bool | None] = {None} if a.nulls or b.nulls else set()
    if a.valid and b.valid:
        possible = set()
        if not _below(b.high, a.low, equal=True):
            possible.add("less")
        if not _below(a.high, b.low, equal=True):
            possible.add("greater")
        if not _below(a.high, b.low) and not _below(b.high, a.low):
            possible.add("equal")
        outcomes |= {True} if possible & relations else set()
        outcomes |= {False} if possible - relations else set()
    return frozenset(outcomes)


def _below(a: Any, b: Any, equal: bool = False) -> bool:
    """Return whether `a` is certainly less than `b` (or equal)."""
    if a is None or b is None:
        return False
    return bool(a <= b) if equal else bool(a < b)


def _member(row: Member, bounds: Bounds) -> frozenset[bool | None]:
    value = _range(row.arg, bounds)
    nulls = {None} if value.nulls else set()
    if not value.valid:
        return frozenset({None})
    if row.arg.dtype.is_float:
        return _ANY
    inside = any(
        not (_below(v, value.low) or _below(value.high, v)) for v in (_physical(v, row.arg.dtype) for v in row.values)
    )  # fmt: skip
    return frozenset({False} | ({True} if inside else set()) | nulls)


def _physical(value: Any, dtype: DType) -> Any:
    """Convert a literal to the form of bounds; None where it bounds nothing."""
    if dtype == t.STRING:
        try:
            return str(value).encode()
        except UnicodeEncodeError:
            return None
    return None if value != value else value


def _range(row: Row, bounds: Bounds) -> Range:
    if isinstance(row, Ref):
        return bounds(str(row.key))
    if isinstance(row, Const):
        if row.value is None:
            return Range(nulls=True, valid=False)
        value = _physical(row.value, row.dtype)
        return Range(value, value, nulls=False)
    if isinstance(row, Call) and row.overload.traits.converts and len(row.args) == 1:
        return _cast(_range(row.args[0], bounds), row.args[0].dtype, row.dtype)
    return _UNKNOWN


def _cast(value: Range, source: DType, target: DType) -> Range:
    """Cast a range, if the cast keeps order and both bounds are kept exactly; otherwise return an unbounded one."""
    if source == target or not value.valid:
        return value
    unknown = Range(nulls=True)
    if value.low is None or value.high is None:
        return unknown
    if source.is_integer and target.is_integer:
        low, high = target.bounds
        return value if low <= value.low and value.high <= high else unknown
    if source.is_integer and target == t.FLOAT64:
        return Range(float(value.low), float(value.high), value.nulls)
    if (source.is_decimal or source.is_integer) and target.is_decimal and target.scale >= source.scale:
        factor, (least, greatest) = 10 ** (target.scale - source.scale), target.bounds
        low, high = value.low * factor, value.high * factor
        return Range(low, high, value.nulls) if least <= low and high <= greatest else unknown
    ticks = None
    if source.kind == "date" and target.kind == "timestamp":
        ticks = 86_400 * target.per_second
    elif source.kind == target.kind and source.unit and target.unit and target.per_second >= source.per_second:
        ticks = target.per_second // source.per_second
    if ticks is None:
        return unknown
    low, high = value.low * ticks, value.high * ticks
    return Range(low, high, value.nulls) if t.INT64.bounds[0] <= low and high <= t.INT64.bounds[1] else unknown
