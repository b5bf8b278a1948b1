"""Values as short text, for the terminal and for HTML."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gpuflow.table import Table

ROWS = 10
"""Most rows that are shown; of longer tables the first and last half of them."""
LONGEST = 60
"""Most characters of one value."""
NULL = "null"


def preview(table: Table, rows: int = ROWS) -> tuple[list[list[Any]], int]:
    """Rows of Python values to show, and how many of them come before the gap (all of them when there is none)."""
    if len(table) <= rows:
        shown, gap = [table], len(table)
    else:
        gap = (rows + 1) // 2
        shown = [table.slice(0, gap), table.slice(len(table) - (rows - gap), rows - gap)]
    cells: list[list[Any]] = []
    for part in shown:
        columns = [_values(part, name) for name in part.schema]
        cells += [list(row) for row in zip(*columns, strict=True)]
    return cells, gap


def _values(table: Table, name: str) -> Sequence[Any]:
    dtype = table.schema[name]
    if not dtype.is_temporal:
        if dtype.kind != "opaque":
            return table[name].to_pylist()
        from gpuflow.io.opaque import shown

        return shown(table[name])
    import numpy as np

    # Python's own types end at microseconds and at the year 9999
    column = table.to_numpy([name])[name]
    if dtype.kind == "duration":
        return [None if value is np.ma.masked else span(int(value.astype(np.int64)), dtype.per_second) for value in column]
    if dtype.zone is not None:
        from gpuflow.expr.literals import moment

        return [None if value is np.ma.masked else moment(int(value.astype(np.int64)), dtype) for value in column]
    return [None if value is np.ma.masked else str(value).replace("T", " ").removesuffix(".000000000") for value in column]


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


def shape(table: Table) -> str:
    rows, columns = table.shape
    return f"{rows:,} row{'' if rows == 1 else 's'} × {columns} column{'' if columns == 1 else 's'}"
