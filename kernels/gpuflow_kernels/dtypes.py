"""The closed list of column types, and how they promote.

A `DType` says what values mean (its *kind*), how a column stores them (`storage`, a NumPy type name) and which of the
five register types a kernel computes them in (`register`). Narrow integers are widened to 64 bits as soon as they
are loaded, so a row of generated text only ever sees ``int64``, ``uint64``, ``float32``, ``float64`` and ``bool_``.
"""

from __future__ import annotations

from dataclasses import dataclass

UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
"""Ticks in one second, by time unit."""


@dataclass(frozen=True, slots=True)
class DType:
    """A column type.

    Parameters
    ----------
    kind : str
        One of ``bool int uint float date timestamp duration string null``.
    bits : int
        Width in storage; for strings the width of the dictionary code.
    unit : str, optional
        ``s``, ``ms``, ``us`` or ``ns``, for timestamps and durations.

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

    def __str__(self) -> str:
        if self.kind in ("bool", "date", "string", "null"):
            return self.kind
        if self.unit is not None:
            return f"{self.kind}[{self.unit}]"
        return f"{self.kind}{self.bits}"

    __repr__ = __str__

    @property
    def storage(self) -> str:
        """Name of the NumPy type that a column of this type is stored in."""
        return _STORAGE.get(self.kind) or f"{self.kind}{self.bits}"

    @property
    def register(self) -> str:
        """Name of the NumPy scalar type that kernels compute in."""
        if self.kind == "float":
            return f"float{self.bits}"
        if self.kind == "bool":
            return "bool_"
        return "uint64" if self == UINT64 else "int64"

    @property
    def is_integer(self) -> bool:
        return self.kind in ("int", "uint")

    @property
    def is_float(self) -> bool:
        return self.kind == "float"

    @property
    def is_numeric(self) -> bool:
        return self.kind in ("int", "uint", "float")

    @property
    def is_temporal(self) -> bool:
        return self.kind in ("date", "timestamp", "duration")

    @property
    def bounds(self) -> tuple[int, int]:
        """Least and greatest storable integer (integers, bool and temporal types)."""
        if self.kind == "bool":
            return 0, 1
        if self.kind == "uint":
            return 0, (1 << self.bits) - 1
        return -(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1

    @property
    def per_second(self) -> int:
        """Ticks of this unit in a second (timestamps and durations)."""
        assert self.unit is not None, f"{self} has no unit"
        return UNITS[self.unit]


_STORAGE = {"bool": "bool", "date": "int32", "timestamp": "int64", "duration": "int64", "string": "int32", "null": "bool"}

BOOL = DType("bool", 8)
INT8, INT16, INT32, INT64 = (DType("int", b) for b in (8, 16, 32, 64))
UINT8, UINT16, UINT32, UINT64 = (DType("uint", b) for b in (8, 16, 32, 64))
FLOAT32, FLOAT64 = DType("float", 32), DType("float", 64)
DATE = DType("date", 32)
STRING = DType("string", 32)
NULL = DType("null", 8)


def timestamp(unit: str = "us") -> DType:
    """The type of timestamps: int64 ticks of `unit` since 1970-01-01 (no zone)."""
    if unit not in UNITS:
        raise ValueError(f"time unit {unit!r} is not one of {', '.join(UNITS)}")
    return DType("timestamp", 64, unit)


def duration(unit: str = "us") -> DType:
    """The type of durations: int64 ticks of `unit`."""
    if unit not in UNITS:
        raise ValueError(f"time unit {unit!r} is not one of {', '.join(UNITS)}")
    return DType("duration", 64, unit)


INTEGERS = (INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32, UINT64)
FLOATS = (FLOAT32, FLOAT64)
NUMERIC = INTEGERS + FLOATS
ALL = (BOOL, *NUMERIC, DATE, *(timestamp(u) for u in UNITS), *(duration(u) for u in UNITS), STRING)
BY_NAME = {str(d): d for d in (*ALL, NULL)}


def finer(a: str, b: str) -> str:
    """The finer of two time units.

    >>> finer("s", "us")
    'us'
    """
    return a if UNITS[a] >= UNITS[b] else b


def common(a: DType, b: DType) -> DType | None:
    """The type in which two columns can meet (union, coalesce, join keys, comparison), or None.

    Integers meet in the narrowest integer that holds both (int64 with uint64 meet in no integer: None). An integer of
    at most 16 bits meets float32 in float32, a wider one in float64 (Polars' table). Temporal types meet in the finer
    unit; a date meets a timestamp as a timestamp. NULL meets everything.

    >>> common(INT32, UINT32), common(INT64, FLOAT32), common(DATE, timestamp("ms"))
    (int64, float64, timestamp[ms])
    >>> common(INT64, STRING) is None
    True
    """
    if a == b:
        return a
    if a == NULL:
        return b
    if b == NULL:
        return a
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
    if a.kind == b.kind and a.unit and b.unit:
        return DType(a.kind, 64, finer(a.unit, b.unit))
    if {a.kind, b.kind} == {"date", "timestamp"}:
        return a if a.kind == "timestamp" else b
    return None
