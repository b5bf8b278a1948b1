"""The closed list of column types, and how they promote.

A `DType` has a *kind*, the meaning of its values; a `storage`, the name of the NumPy type in memory; and a `register`, the type
that kernels compute in. Narrow integers are widened to 64 bits when they are loaded, so generated text only has ``int64``,
``uint64``, ``float32``, ``float64`` and ``bool_``, and for decimals of 38 digits pairs of int64 and uint64 (`rowmath.int128`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from . import time_zone_tables
from .declare.choices import is_one_of
from .errors import DTypeError

UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
"""Ticks in one second, by time unit."""


NARROW_DIGITS = 18
"""Digits of a decimal that one 64-bit integer holds."""
WIDE_DIGITS = 38
"""Digits of a decimal that two hold."""

_STORAGE = {"bool": "bool", "date": "int32", "timestamp": "int64", "duration": "int64", "string": "int32", "null": "bool"}
_STORAGE |= {"binary": "int32", "opaque": "int32", "enum": "int32"}


@cache
def _attributes(kind: str, bits: int, wide: bool) -> tuple[tuple[str, Any], ...]:
    """The attributes of a type that follow from its fields, by name."""
    storage = _STORAGE.get(kind) or f"{kind}{bits}"
    if kind == "decimal":
        storage = "complex128" if wide else "int64"
    registers = {"float": f"float{bits}", "bool": "bool_", "uint": "uint64" if bits == 64 else "int64"}
    attributes = {
        "storage": storage,
        "register": "complex128" if wide else registers.get(kind, "int64"),
        "is_integer": kind in ("int", "uint"),
        "is_float": kind == "float",
        "is_numeric": kind in ("int", "uint", "float"),
        "is_decimal": kind == "decimal",
        "is_wide": wide,
        "is_coded": kind in ("string", "binary", "opaque"),
        "is_text": kind in ("string", "binary"),
        "is_temporal": kind in ("date", "timestamp", "duration"),
    }
    return tuple(attributes.items())


@dataclass(frozen=True, slots=True)
class DType:
    """A column type.

    Parameters
    ----------
    kind : str
        One of ``bool int uint float decimal date timestamp duration string binary enum opaque null``.
    bits : int
        Width in storage; for what is stored as codes (see `is_coded`) the width of a code.
    unit : str, optional
        ``s``, ``ms``, ``us`` or ``ns``, for timestamps and durations.
    zone : str, optional
        The time zone of a timestamp, whose values are then instants (ticks in UTC).
    precision, scale : int
        Digits of a decimal, and how many of them come after the point.
    detail : hashable, optional
        Of an enum its categories, in order; of an opaque type the Arrow type, of which only the text is used here.

    Attributes
    ----------
    storage : str
        Name of the NumPy type that a column of this type is stored in. For decimals of 38 digits the 16 bytes of
        ``complex128``: the array library copies them, and never computes with them. The lower 64 bits of the integer come first
        (`gpuflow_kernels.column.limbs`), as in Arrow's decimal128.
    register : str
        Name of the NumPy scalar type that kernels compute in; for decimals of 38 digits that of an item in an array.
    is_wide : bool
        Whether this is a decimal of more than 18 digits, whose values take two registers.
    is_coded : bool
        Whether values are int32 codes into a dictionary: strings, binary, and opaque types.
    is_text : bool
        Whether values are bytes that sort and compare: strings and binary.
    is_integer, is_float, is_numeric, is_decimal, is_temporal : bool

    Notes
    -----
    The attributes are made once with the type: planning and running read them very often.

    Examples
    --------
    >>> INT32.storage, INT32.register
    ('int32', 'int64')
    >>> str(timestamp("us"))
    'timestamp[us]'
    """

    kind: str
    bits: int
    unit: str | None = None
    zone: str | None = None
    precision: int = 0
    scale: int = 0
    detail: Any = None
    storage: str = field(init=False, compare=False)
    register: str = field(init=False, compare=False)
    is_integer: bool = field(init=False, compare=False)
    is_float: bool = field(init=False, compare=False)
    is_numeric: bool = field(init=False, compare=False)
    is_decimal: bool = field(init=False, compare=False)
    is_wide: bool = field(init=False, compare=False)
    is_coded: bool = field(init=False, compare=False)
    is_text: bool = field(init=False, compare=False)
    is_temporal: bool = field(init=False, compare=False)

    def __post_init__(self) -> None:
        for name, value in _attributes(self.kind, self.bits, self.precision > NARROW_DIGITS):
            object.__setattr__(self, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        return DType, (self.kind, self.bits, self.unit, self.zone, self.precision, self.scale, self.detail)

    def __str__(self) -> str:
        if self.kind in ("bool", "date", "string", "binary", "null"):
            return self.kind
        if self.kind == "opaque":
            return str(self.detail)
        if self.kind == "enum":
            return f"enum[{_listed(self.detail)}]"
        if self.unit is not None:
            return f"{self.kind}[{self.unit}{f', {self.zone}' if self.zone else ''}]"
        if self.kind == "decimal":
            return f"decimal({self.precision}, {self.scale})"
        return f"{self.kind}{self.bits}"

    __repr__ = __str__

    @property
    def bounds(self) -> tuple[int, int]:
        """Least and greatest storable integer (integers, bool, temporal types, and decimals by their digits)."""
        if self.kind == "decimal":
            return 1 - 10**self.precision, 10**self.precision - 1
        if self.kind == "bool":
            return 0, 1
        if self.kind == "enum":
            return 0, max(0, len(self.detail) - 1)
        if self.kind == "uint":
            return 0, (1 << self.bits) - 1
        return -(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1

    @property
    def per_second(self) -> int:
        """Ticks of this unit in a second (timestamps and durations)."""
        assert self.unit is not None, f"{self} has no unit"
        return UNITS[self.unit]


BOOL = DType("bool", 8)
INT8, INT16, INT32, INT64 = (DType("int", b) for b in (8, 16, 32, 64))
UINT8, UINT16, UINT32, UINT64 = (DType("uint", b) for b in (8, 16, 32, 64))
FLOAT32, FLOAT64 = DType("float", 32), DType("float", 64)
DATE = DType("date", 32)
STRING = DType("string", 32)
BINARY = DType("binary", 32)
NULL = DType("null", 8)


def timestamp(unit: str = "us", zone: str | None = None) -> DType:
    """Return the type of timestamps: int64 ticks of `unit` since 1970-01-01.

    Parameters
    ----------
    unit : {"us", "s", "ms", "ns"}
        Length of a tick.
    zone : str, optional
        A name of the time zone database, ``"UTC"`` or an offset such as ``"+02:00"``. Values are then instants, in UTC,
        whose parts and text are those of the zone; without one they are what a clock on the wall shows, wherever it hangs.

    Returns
    -------
    DType

    Raises
    ------
    DTypeError
        For a unit or zone that there is not.

    Examples
    --------
    >>> timestamp("ms", "Europe/Berlin")
    timestamp[ms, Europe/Berlin]
    """
    if not is_one_of(unit, UNITS):
        raise DTypeError(f"time unit {unit!r} is not one of {', '.join(UNITS)}")
    return DType("timestamp", 64, unit, None if zone is None else time_zone_tables.require(zone))


def duration(unit: str = "us") -> DType:
    """Return the type of durations: int64 ticks of `unit`.

    Parameters
    ----------
    unit : {"us", "s", "ms", "ns"}
        Length of a tick.

    Returns
    -------
    DType

    Raises
    ------
    DTypeError
        For a unit that there is not.

    Examples
    --------
    >>> duration("ms")
    duration[ms]
    """
    if not is_one_of(unit, UNITS):
        raise DTypeError(f"time unit {unit!r} is not one of {', '.join(UNITS)}")
    return DType("duration", 64, unit)


def decimal(precision: int, scale: int = 0) -> DType:
    """Return the type of decimals of up to `precision` digits, the last `scale` of them after the point.

    Parameters
    ----------
    precision : int
        1 to 18, stored in an int64; or 38, stored in two, which sums are.
    scale : int
        0 to `precision`.

    Returns
    -------
    DType

    Raises
    ------
    DTypeError
        For digits that there is no type of.

    Examples
    --------
    >>> decimal(15, 2), decimal(15, 2).storage, decimal(38, 2).is_wide
    (decimal(15, 2), 'int64', True)
    """
    if not all(isinstance(n, int) and not isinstance(n, bool) for n in (precision, scale)):
        raise DTypeError(f"the digits of a decimal are whole numbers, as in Decimal(10, 2), not {precision!r} and {scale!r}")
    if not (1 <= precision <= NARROW_DIGITS or precision == WIDE_DIGITS):
        raise DTypeError(f"a decimal has 1 to {NARROW_DIGITS} digits, or {WIDE_DIGITS}, not {precision}")
    if not 0 <= scale <= precision:
        raise DTypeError(f"a decimal of {precision} digits has 0 to {precision} of them after the point, not {scale}")
    return DType("decimal", 64 if precision <= NARROW_DIGITS else 128, precision=precision, scale=scale)


def enum(categories: Iterable[str]) -> DType:
    """Return the type of strings out of a few categories, which sort and compare in the given order.

    Parameters
    ----------
    categories : iterable of str
        All of them, the least first, no two equal.

    Returns
    -------
    DType

    Raises
    ------
    DTypeError
        For a category that is no string, and for a repeated one.

    Examples
    --------
    >>> enum(["low", "mid", "high"])
    enum[low, mid, high]
    """
    names = tuple(categories) if isinstance(categories, Iterable) and not isinstance(categories, str) else (None,)
    if not all(isinstance(name, str) for name in names):
        raise DTypeError(f"the categories of an enum are strings, as in Enum(['low', 'high']), not {categories!r:.80}")
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DTypeError(f"the categories of an enum are distinct, and {twice!r} comes twice")
    return DType("enum", 32, detail=tuple(str(name) for name in names))


def opaque(detail: Any) -> DType:
    """Return the type of values that kernels only pass through, for example lists or times of day.

    `detail` is shown by its text; its `way_out` suggests what to do in order to compute with the values.
    """
    return DType("opaque", 32, detail=detail)


def _listed(names: tuple[str, ...], most: int = 6) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown}, and {len(names) - most} more"


INTEGERS = (INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32, UINT64)
FLOATS = (FLOAT32, FLOAT64)
NUMERIC = INTEGERS + FLOATS
ALL = (BOOL, *NUMERIC, DATE, *(timestamp(u) for u in UNITS), *(duration(u) for u in UNITS), decimal(18, 2), STRING)
BY_NAME = {str(d): d for d in (*ALL, BINARY, NULL)}


def finer(a: str, b: str) -> str:
    """Return the finer of two time units.

    Examples
    --------
    >>> finer("s", "us")
    'us'
    """
    return a if UNITS[a] >= UNITS[b] else b


def common(a: DType, b: DType) -> DType | None:
    """Return the common type of two columns (union, coalesce, join keys, comparison), or None.

    Integers become the narrowest integer that holds both; int64 with uint64 have none. An integer of at most 16 bits with float32
    becomes float32, a wider one float64 (Polars' table). Temporal types become the finer unit, a date with a timestamp a
    timestamp. Timestamps of two zones are instants, in the zone of the first; one with a zone has no common type with one
    without, or with a date. Decimals with each other and with integers become the decimal that holds both (of 38 digits where 18
    are too few), with floats float64. NULL with any type becomes that type.

    Examples
    --------
    >>> common(INT32, UINT32), common(INT64, FLOAT32), common(DATE, timestamp("ms"))
    (int64, float64, timestamp[ms])
    >>> common(timestamp("us", "UTC"), timestamp("s", "Asia/Kathmandu"))
    timestamp[us, UTC]
    >>> common(INT64, STRING) is None, common(timestamp("us"), timestamp("us", "UTC")) is None
    (True, True)
    """
    if a == b:
        return a
    if a == NULL:
        return b
    if b == NULL:
        return a
    if a.is_decimal or b.is_decimal:
        if a.is_float or b.is_float:
            return FLOAT64
        return _common_decimal(a, b)
    if a.is_integer and b.is_integer:
        if a.kind == b.kind:
            return a if a.bits >= b.bits else b
        signed, unsigned = (a, b) if a.kind == "int" else (b, a)
        bits = max(signed.bits, unsigned.bits * 2)
        return DType("int", bits) if bits <= 64 else None
    if a.is_float and b.is_float:
        return FLOAT64
    if a.is_numeric and b.is_numeric:
        real, whole = (a, b) if a.is_float else (b, a)
        return FLOAT32 if real == FLOAT32 and whole.bits <= 16 else FLOAT64
    if (a.zone is None) != (b.zone is None):
        return None
    if a.kind == b.kind and a.unit and b.unit:
        return DType(a.kind, 64, finer(a.unit, b.unit), a.zone)
    if {a.kind, b.kind} == {"date", "timestamp"}:
        return a if a.kind == "timestamp" else b
    return None


def digits_of(dtype: DType) -> tuple[int, int] | None:
    """Return the digits that hold every value of a decimal or integer type, and how many of them come after the point.

    Examples
    --------
    >>> digits_of(decimal(15, 2)), digits_of(UINT8), digits_of(FLOAT64)
    ((15, 2), (3, 0), None)
    """
    if dtype.is_decimal:
        return dtype.precision, dtype.scale
    return (len(str(dtype.bounds[1])), 0) if dtype.is_integer else None


def _common_decimal(a: DType, b: DType) -> DType | None:
    one, two = digits_of(a), digits_of(b)
    if one is None or two is None:
        return None
    scale = max(one[1], two[1])
    whole = max(one[0] - one[1], two[0] - two[1])
    return decimal(whole + scale if whole + scale <= NARROW_DIGITS else WIDE_DIGITS, scale)
