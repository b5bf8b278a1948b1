"""Type rules for declarations: small factories, each a callable from argument types to a `Signature` or None.

The same rules serve `@scalar` (called with argument types and parameters) and `@aggregation` (argument types only).
An untyped null literal has the type NULL and takes the type of what it meets.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gpuflow_kernels.dtype_like import as_dtype
from gpuflow_kernels.dtypes import BOOL, DATE, FLOAT64, INT64, NULL, UINT64, WIDE_DIGITS, DType, common

from .scalar import Signature

Accepts = Callable[[DType], bool]
Types = tuple[DType, ...]
Parameters = dict[str, Any]
ScalarRule = Callable[..., "Signature | None"]
"""``rule(args)`` or ``rule(args, params)``."""


WIDE_BOUND = divmod(10**WIDE_DIGITS, 1 << 64)
"""The halves of the least number that a decimal of 38 digits does not hold: constants of what checks for it."""


# -- families of types ------------------------------------------------------------------------------------------------
def integer(d: DType) -> bool:
    return d.is_integer


def floating(d: DType) -> bool:
    return d.is_float


def narrow_decimal(d: DType) -> bool:
    return d.is_decimal and not d.is_wide


def wide_decimal(d: DType) -> bool:
    return d.is_wide


def one_register(d: DType) -> bool:
    """Everything but wide decimals, whose values take two."""
    return not d.is_wide


def countable(d: DType) -> bool:
    """What functions of real numbers take: numbers, and decimals as floats."""
    return d.is_numeric or d.is_decimal


def plain(d: DType) -> bool:
    """What a body can compute with: numbers, decimals (as floats) and bools; no value whose stored form means something else."""
    return countable(d) or d.kind == "bool"


def numeric(d: DType) -> bool:
    return d.is_numeric


def boolean(d: DType) -> bool:
    return d.kind == "bool"


def string(d: DType) -> bool:
    return d.kind == "string"


def temporal(d: DType) -> bool:
    return d.is_temporal


def kind(*kinds: str) -> Accepts:
    """Accepts the types of these kinds."""
    return lambda d: d.kind in kinds


def one_of(*dtypes: DType) -> Accepts:
    """Accepts these types."""
    known = tuple(as_dtype(d) for d in dtypes)
    return lambda d: d in known


def not_float(d: DType) -> bool:
    """Everything whose values are totally ordered by the plain comparison."""
    return not d.is_float


def anything(d: DType) -> bool:
    return True


def accepts_all(args: Types, accepts: Accepts) -> bool:
    """Whether every argument type is accepted; NULL (an untyped null literal) always is."""
    return all(a == NULL or accepts(a) for a in args)


# -- types that several arguments meet in -----------------------------------------------------------------------------
def arithmetic_type(args: Types) -> DType | None:
    """The type that numbers are computed in: int64 for integers, uint64 when all are unsigned and one is 64 bits wide,
    else the float in which they meet.

    >>> from gpuflow_kernels.dtypes import INT8, UINT64, FLOAT32
    >>> arithmetic_type((INT8, INT8)), arithmetic_type((UINT64, INT8)), arithmetic_type((INT8, FLOAT32))
    (int64, int64, float32)
    """
    typed = tuple(a for a in args if a != NULL)
    if any(a.is_float for a in typed) and all(countable(a) for a in typed):
        return meeting_type(typed)
    if not all(a.is_numeric for a in typed):
        return None
    return UINT64 if UINT64 in typed and all(a.kind == "uint" for a in typed) else INT64


def meeting_type(args: Types) -> DType | None:
    """`common` of all arguments; int64 where integers meet in no integer type (a value above it then raises)."""
    found: DType | None = args[0] if args else None
    for a in args[1:]:
        if found is None:
            return None
        meeting = common(found, a)
        found = INT64 if meeting is None and found.is_integer and a.is_integer else meeting
    return found


# -- rules ------------------------------------------------------------------------------------------------------------
def promote(family: Accepts = numeric) -> ScalarRule:
    """Arithmetic: every argument in `arithmetic_type`, which is also the result; only where `family` accepts that type.

    >>> from gpuflow_kernels.dtypes import INT16, FLOAT32
    >>> promote()((INT16, FLOAT32)).result, promote(integer)((INT16, FLOAT32))
    (float32, None)
    """

    def rule(args: Types, params: Parameters | None = None) -> Signature | None:
        meeting = arithmetic_type(args)
        return Signature((meeting,) * len(args), meeting) if meeting and family(meeting) else None

    return rule


def same(accepts: Accepts = anything) -> ScalarRule:
    """Selection: every argument in the type they meet in, which is also the result."""

    def rule(args: Types, params: Parameters | None = None) -> Signature | None:
        meeting = meeting_type(args)
        return Signature((meeting,) * len(args), meeting) if meeting and (meeting == NULL or accepts(meeting)) else None

    return rule


def always(result: DType, accepts: Accepts = plain, *, argument: DType | None = None) -> ScalarRule:
    """A fixed result type.

    Parameters
    ----------
    result : DType
    accepts : callable
        Which argument types are taken. By default numbers, decimals and bools. Of other types that are named here (``kind``,
        ``one_of``, ``anything``) a body receives what is stored: days or ticks since 1970, codes of strings.
    argument : DType, optional
        The type arguments are cast to. By default numbers and decimals are cast to a float `result`, decimals to float64
        where the result is none and they are taken by default, and all else stays as it is.

    Examples
    --------
    >>> from gpuflow_kernels.dtypes import INT8, FLOAT64, DATE
    >>> always(FLOAT64)((INT8,)).args, always(FLOAT64)((DATE,)), always(FLOAT64, anything)((DATE,)).args
    ((float64,), None, (date,))
    """

    result = as_dtype(result)
    argument = None if argument is None else as_dtype(argument)
    untyped = next((d for d in (result, FLOAT64, INT64, BOOL, DATE) if accepts(d)), result)

    def cast(a: DType) -> DType:
        if argument is not None:
            return argument
        if a == NULL:
            return untyped
        if result.is_float and countable(a):
            return result
        return FLOAT64 if a.is_decimal and accepts is plain else a

    def rule(args: Types, params: Parameters | None = None) -> Signature | None:
        return Signature(tuple(cast(a) for a in args), result) if accepts_all(args, accepts) else None

    return rule


def compared(accepts: Accepts) -> ScalarRule:
    """Comparison: every argument in the type they meet in (where `accepts` takes it), the result bool."""

    def rule(args: Types, params: Parameters | None = None) -> Signature | None:
        typed = tuple(a for a in args if a != NULL)
        meeting: DType | None = typed[0] if typed else BOOL
        for a in typed[1:]:
            meeting = meeting and common(meeting, a)
        return Signature((meeting,) * len(args), BOOL) if meeting and accepts(meeting) else None

    return rule


def across_units(*, coarser_first: bool) -> ScalarRule:
    """Comparison of moments or durations of two units, or of dates with moments, each kept: bodies divide the finer by the
    constant they get, for the coarser may be beyond what 64 bits of the finer unit hold.

    >>> from gpuflow_kernels.dtypes import timestamp
    >>> across_units(coarser_first=True)((DATE, timestamp("ms"))).constants
    (86400000,)
    """

    def rule(args: Types, params: Parameters | None = None) -> Signature | None:
        coarser, finer = args if coarser_first else args[::-1]
        if not (coarser.is_temporal and finer.is_temporal) or common(coarser, finer) is None:
            return None
        own = 1 if coarser.kind == "date" else 86_400 * coarser.per_second
        ticks = 1 if finer.kind == "date" else 86_400 * finer.per_second
        return Signature(args, BOOL, (ticks // own,)) if own < ticks else None

    return rule


def exactly(*args: DType, result: DType) -> ScalarRule:
    """These argument types and no others.

    NULL is taken for any of them.
    """
    args, result = tuple(as_dtype(a) for a in args), as_dtype(result)

    def rule(given: Types, params: Parameters | None = None) -> Signature | None:
        fits = len(given) == len(args) and all(g in (a, NULL) for g, a in zip(given, args, strict=True))
        return Signature(args, result) if fits else None

    return rule


def signed_with_uint64(result: DType, *, uint64_first: bool) -> ScalarRule:
    """One signed integer with one uint64, each kept: they meet in no type, and bodies compare them as numbers."""

    def rule(args: Types, params: Parameters | None = None) -> Signature | None:
        unsigned, signed = args if uint64_first else args[::-1]
        if unsigned != UINT64 or signed.kind != "int":
            return None
        return Signature((UINT64, INT64) if uint64_first else (INT64, UINT64), result)

    return rule


def real(args: Types, params: Parameters | None = None) -> Signature | None:
    """Functions of real numbers: float32 stays, every other number and decimals become float64."""
    if not accepts_all(args, countable):
        return None
    floats = [a for a in args if a.is_float]
    result = meeting_type(tuple(a for a in args if a != NULL)) if floats else FLOAT64
    assert result is not None
    return Signature((result,) * len(args), result)


def unchanged(accepts: Accepts) -> ScalarRule:
    """One argument of an accepted type, and a result of that type."""

    def rule(args: Types, params: Parameters | None = None) -> Signature | None:
        return Signature(args, args[0]) if all(accepts(a) for a in args) else None

    return rule


def first_of(*rules: ScalarRule) -> ScalarRule:
    """The first of several rules that accepts the types."""

    def rule(args: Types, params: Parameters | None = None) -> Signature | None:
        return next((s for r in rules if (s := r(args, params)) is not None), None)

    return rule
