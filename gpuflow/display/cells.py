"""Values as short text, for the terminal and for HTML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from gpuflow_kernels.dtypes import DType

if TYPE_CHECKING:
    from gpuflow.frame.table_values import TableValues

ROWS = 10
"""Most rows that are shown; of longer tables the first and last half of them."""
LONGEST = 60
"""Most characters of one value."""
NULL = "null"
Cell = str | None
"""Text to show; None is null."""

_PLAIN = re.compile(r"-?\d+\.\d+")
_MOMENT = re.compile(r"(?P<day>\S+) (?P<time>\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d+))?(?P<zone>[+-]\d\d:?\d\d(?::?\d\d)?|Z)?")


def preview(table: TableValues, rows: int = ROWS, columns: int | None = None) -> tuple[list[list[Cell]], int]:
    """The cells of each column to show, and how many of them come before the gap (all of them when there is none)."""
    if len(table) <= rows:
        shown, gap = [table], len(table)
    else:
        gap = (rows + 1) // 2
        shown = [table.slice(0, gap), table.slice(len(table) - (rows - gap), rows - gap)]
    names = table.schema.names[:columns]
    return [formatted([v for part in shown for v in _values(part, name)], table.schema[name]) for name in names], gap


def formatted(values: Sequence[Any], dtype: DType) -> list[Cell]:
    """Values of one column as text that can stand one below the other: floats have their points in one line where they are
    aligned to the right, and times have no part that is zero in all of them.

    >>> from gpuflow_kernels.dtypes import FLOAT64, timestamp
    >>> formatted([1.5, None, 10.25], FLOAT64)
    ['1.50', None, '10.25']
    >>> formatted(["2013-01-01 00:00:00.000000", "2013-01-01 06:30:00.000000"], timestamp("us"))
    ['2013-01-01 00:00:00', '2013-01-01 06:30:00']
    """
    texts = [None if value is None else text(value) for value in values]
    if dtype.is_float:
        return _pointed(texts)
    return _timely(texts) if dtype.kind == "timestamp" else texts


def _pointed(texts: list[Cell]) -> list[Cell]:
    """Numbers with as many digits behind the point; those with an exponent, NaN and infinities stay as they are."""
    plain = [t is not None and _PLAIN.fullmatch(t) is not None for t in texts]
    digits = max((len(t.partition(".")[2]) for t, is_plain in zip(texts, plain, strict=True) if t and is_plain), default=0)
    padded = zip(texts, plain, strict=True)
    return [t + "0" * (digits - len(t.partition(".")[2])) if t and is_plain else t for t, is_plain in padded]


def _timely(texts: list[Cell]) -> list[Cell]:
    """Points in time without the digits, or the time of day, that is zero in all of them."""
    matches = [_MOMENT.fullmatch(t) for t in texts if t is not None]
    moments = [m for m in matches if m is not None]
    if not moments or len(moments) < len(matches):
        return texts
    digits = -(-max(len((m["fraction"] or "").rstrip("0")) for m in moments) // 3) * 3
    days = digits == 0 and all(m["time"] == "00:00:00" and not m["zone"] for m in moments)

    def shortened(m: re.Match[str]) -> str:
        fraction = f".{(m['fraction'] or '')[:digits].ljust(digits, '0')}" if digits else ""
        return m["day"] if days else f"{m['day']} {m['time']}{fraction}{m['zone'] or ''}"

    return [None if t is None else _MOMENT.sub(shortened, t) for t in texts]


def _values(table: TableValues, name: str) -> Sequence[Any]:
    dtype = table.schema[name]
    if not dtype.is_temporal:
        if dtype.kind != "opaque":
            return table[name].to_pylist()
        from gpuflow.arrow.passthrough import shown

        return shown(table[name])
    import numpy as np

    from gpuflow.frame.table_export import as_numpy

    # Python's own types end at microseconds and at the year 9999
    column = as_numpy(name, table.column(name))
    if dtype.kind == "duration":
        return [None if value is np.ma.masked else span(int(value.astype(np.int64)), dtype.per_second) for value in column]
    if dtype.zone is not None:
        from gpuflow.expr.literals import moment

        return [None if value is np.ma.masked else moment(int(value.astype(np.int64)), dtype) for value in column]
    return [None if value is np.ma.masked else str(value).replace("T", " ") for value in column]


def span(ticks: int, per_second: int) -> str:
    """A duration as days and time of day.

    >>> span(93_784_500, 1000), span(-2, 1)
    ('1d 02:03:04.5', '-00:00:02')
    """
    seconds, fraction = divmod(abs(ticks), per_second)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    tail = f".{fraction:0{len(str(per_second)) - 1}d}".rstrip("0") if fraction else ""
    return ("-" if ticks < 0 else "") + (f"{days}d " if days else "") + f"{hour:02d}:{minute:02d}:{second:02d}{tail}"


def text(value: Any, longest: int = LONGEST) -> str:
    """One value on one line: control characters escaped, long text cut."""
    if value is None:
        return NULL
    if isinstance(value, float):
        return number(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, (str, bytes, list)):
        value = value[: longest + 1]
    shown = "".join(c if c.isprintable() else _escape(c) for c in str(value)[: longest + 1])
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def number(value: float) -> str:
    """A float in at most about ten characters, or all of it where that is short.

    >>> number(0.1), number(1234567.891), number(1e-9), number(float("nan")), number(3.0)
    ('0.1', '1234567.891', '1e-09', 'NaN', '3.0')
    """
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "inf" if value > 0 else "-inf"
    short = f"{value:.6f}".rstrip("0") if 1e-4 <= abs(value) < 1e9 else f"{value:.6g}"
    if value == 0:
        short = "0.0" if str(value)[0] != "-" else "-0.0"
    return short + "0" if short.endswith(".") else short


def is_right(dtype: DType) -> bool:
    """True if a column's values stand at the right of it: numbers, of which digits of one weight stand in one line."""
    return bool(dtype.is_numeric or dtype.is_decimal or dtype.kind == "duration")


def shape(table: TableValues) -> str:
    rows, columns = table.shape
    return f"{rows:,} row{'' if rows == 1 else 's'} × {columns} column{'' if columns == 1 else 's'}"
