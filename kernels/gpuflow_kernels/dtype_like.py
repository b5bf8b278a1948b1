"""Convert types of Python, NumPy, pandas, Polars and Arrow, and names of types, to column types."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from . import dtypes as t
from .dtypes import DType
from .errors import DTypeError

CONVERTERS: list[Callable[[Any], DType | None]] = []
"""Functions added by upper layers, which know other libraries: each converts any object to a column type, or returns None."""

_CLASSES: dict[Any, DType] = {
    bool: t.BOOL,
    int: t.INT64,
    float: t.FLOAT64,
    str: t.STRING,
    bytes: t.BINARY,
    dt.date: t.DATE,
    dt.datetime: t.timestamp(),
    dt.timedelta: t.duration(),
    t.timestamp: t.timestamp(),
    t.duration: t.duration(),
}
_NAMES = {str(d): d for d in (*t.ALL, t.BINARY, t.NULL)} | {
    "boolean": t.BOOL,
    "int": t.INT64,
    "float": t.FLOAT64,
    "double": t.FLOAT64,
    "str": t.STRING,
    "utf8": t.STRING,
    "large_string": t.STRING,
    "category": t.STRING,
    "categorical": t.STRING,
    "bytes": t.BINARY,
    "large_binary": t.BINARY,
    "date32": t.DATE,
    "date32[day]": t.DATE,
    "datetime": t.timestamp(),
    "timestamp": t.timestamp(),
    "datetime64": t.timestamp(),
    "duration": t.duration(),
    "timedelta": t.duration(),
    "timedelta64": t.duration(),
}
_MOMENT = re.compile(r"(?:datetime64|datetime|timestamp)\[(s|ms|us|ns)(?:,\s*(?:tz=)?([^\]]+))?\]")
_SPAN = re.compile(r"(?:timedelta64|timedelta|duration)\[(s|ms|us|ns)\]")
_DIGITS = re.compile(r"(?:decimal|decimal128|numeric)\((?:precision=)?(\d+)(?:,\s*(?:scale=)?(\d+))?\)")
_WAYS = {
    "decimal": "give its digits, as in gf.Decimal(10, 2)",
    "enum": "give its categories, as in gf.Enum(['low', 'high'])",
    "object": "name the type of the values",
    "time": "times of day only pass through yet",
    "int128": "the widest integers have 64 bits",
    "uint128": "the widest integers have 64 bits",
    "float16": "the narrowest floats have 32 bits",
}
ACCEPTED = (
    "types are written as gf.Int64, gf.Datetime('ms'), as int, float, str, bool or datetime.date, by name ('int64', 'string'), "
    "or as a type of NumPy, pandas, Polars or Arrow"
)


def as_dtype(value: Any) -> DType:
    """Return the column type that a value stands for.

    Parameters
    ----------
    value : DType, str, Python class, or type of NumPy, pandas, Polars or Arrow
        Names are those that gpuflow, Polars, NumPy, pandas and Arrow print, in any case. ``float`` has 64 bits. Times without
        a unit are in microseconds.

    Raises
    ------
    DTypeError
        For a value that stands for no type, and for types that gpuflow lacks.

    Examples
    --------
    >>> as_dtype(int), as_dtype("Float32"), as_dtype(np.dtype("datetime64[ms]")), as_dtype("decimal(10, 2)")
    (int64, float32, timestamp[ms], decimal(10, 2))
    """
    if isinstance(value, DType):
        return value
    dtype = _CLASSES.get(value) if isinstance(value, type) or callable(value) else None
    dtype = dtype or (_named(value) if isinstance(value, str) else _foreign(value))
    if dtype is None:
        name = value.name if isinstance(value, np.dtype) else getattr(value, "__name__", type(value).__name__)
        way = _WAYS.get(str(value if isinstance(value, str) else name).lower()) or ACCEPTED
        raise DTypeError(f"{value!r:.60} is no type of gpuflow; {way}")
    return dtype


def names() -> list[str]:
    """Return the names of types, in small letters."""
    return list(_NAMES)


def _named(name: str) -> DType | None:
    """Return the type with a name; raise if there is none."""
    text = name.strip()
    lowered = text.lower().replace("μ", "u")
    if lowered in _NAMES:
        return _NAMES[lowered]
    if match := _SPAN.fullmatch(lowered):
        return t.duration(match[1])
    if match := _DIGITS.fullmatch(lowered):
        return t.decimal(int(match[1]), int(match[2] or 0))
    if match := _MOMENT.match(lowered):  # names of time zones contain capitals
        zone = re.fullmatch(r"[^,\]]*(?:,\s*(?:tz=)?([^\]]+))?\]", text)
        return t.timestamp(match[1], zone[1].strip() if zone and zone[1] else None)
    return None


def _foreign(value: Any) -> DType | None:
    """Convert a type of another library."""
    for convert in CONVERTERS:
        if (dtype := convert(value)) is not None:
            return dtype
    kind = value if isinstance(value, type) else type(value)
    package = kind.__module__.partition(".")[0]
    if package == "polars":
        return _polars(kind.__name__.lower(), value)
    if package == "pandas":
        return _named(str(getattr(value, "name", "") or value)) if not isinstance(value, type) else _named(value.__name__[:-5])
    if isinstance(value, type) and issubclass(value, np.generic) and value.__name__ in np.sctypeDict:
        value = np.dtype(value)
    return _numpy(value) if isinstance(value, np.dtype) else None


def _numpy(dtype: np.dtype[Any]) -> DType | None:
    if dtype.kind in "mM":
        unit = np.datetime_data(dtype)[0]
        if dtype.kind == "M" and unit == "D":
            return t.DATE
        make = t.timestamp if dtype.kind == "M" else t.duration
        return make("us" if unit == "generic" else unit)
    return t.STRING if dtype.kind in "UT" else t.BINARY if dtype.kind == "S" else _NAMES.get(dtype.name)


def _polars(name: str, value: Any) -> DType | None:
    if name in ("datetime", "duration"):
        unit, zone = getattr(value, "time_unit", None) or "us", getattr(value, "time_zone", None)
        return t.timestamp(unit, zone) if name == "datetime" else t.duration(unit)
    if name == "decimal" and getattr(value, "precision", None) is not None:
        return t.decimal(value.precision, value.scale)
    if name == "enum" and hasattr(value, "categories"):
        return t.enum(list(value.categories))
    return _NAMES.get(name)
