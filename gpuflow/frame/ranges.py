"""Tables of dates and moments at equal distances: `date_range`, `datetime_range`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import numpy as np
from gpuflow_kernels import rowmath, time_zone_tables
from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.declare.choices import is_one_of
from gpuflow_kernels.declare.time_lengths import Span, span, ticks_of
from gpuflow_kernels.dtypes import DATE, DType, timestamp

from gpuflow.errors import PlanError, TypeMismatchError
from gpuflow.expr.literals import SECONDS_A_DAY, convert
from gpuflow.expr.scalars import physical
from gpuflow.schema import Schema

from .frame import Frame

CLOSED = ("both", "left", "right", "none")
MOST = 1 << 30
"""Rows of a range; a table of more comes from a query, not from one array."""


def date_range(start: dt.date, end: dt.date, interval: str | dt.timedelta = "1d", *, closed: str = "both") -> Frame:
    """Make a table of one column ``date``: the days from `start` to `end`, `interval` apart.

    Parameters
    ----------
    start, end : date
        The ends.
    interval : str or timedelta
        Whole days, weeks, months, quarters or years, as in ``"1w"``. Months count from `start`, and end at the last day of
        a shorter month.
    closed : {"both", "left", "right", "none"}
        Which of `start` and `end` belong to the range.

    Returns
    -------
    Frame

    Raises
    ------
    TypeMismatchError
        For ends that are no dates.
    PlanError
        For an interval that is not above zero, or has parts of a day.

    Examples
    --------
    >>> import datetime
    >>> import gpuflow as gf
    >>> days = gf.date_range(datetime.date(2024, 1, 31), datetime.date(2024, 4, 1), "1mo")
    >>> [str(row["date"]) for row in days.collect().to_pylist()]
    ['2024-01-31', '2024-02-29', '2024-03-31']
    """
    ends = []
    for what, value in (("start", start), ("end", end)):
        if isinstance(value, dt.datetime) or not isinstance(value, dt.date):
            raise TypeMismatchError(f"date_range: {what}={value!r} is no date; for moments use datetime_range")
        ends.append(int(physical(value)[0]))
    length = _length(interval, "date_range")
    if length.nanoseconds:
        raise PlanError(f"date_range: interval {interval!r} has parts of a day; use datetime_range")
    return _frame("date", DATE, _values(ends[0], ends[1], length, 0, DATE, _closed(closed)))


def datetime_range(
    start: dt.datetime | dt.date,
    end: dt.datetime | dt.date,
    interval: str | dt.timedelta = "1d",
    *,
    closed: str = "both",
    time_unit: str | None = None,
    time_zone: str | None = None,
) -> Frame:
    """Make a table of one column ``datetime``: the moments from `start` to `end`, `interval` apart.

    Parameters
    ----------
    start, end : datetime or date
        With a time zone both, or neither.
    interval : str or timedelta
        As in ``"15m"``, ``"1d"`` or ``"1mo"``. Months and days count from `start`, with a zone in local time.
    closed : {"both", "left", "right", "none"}
        Which of `start` and `end` belong to the range.
    time_unit : {"us", "s", "ms", "ns"}, optional
        Of the column; ``"ns"`` where the interval asks for it, else ``"us"``.
    time_zone : str, optional
        The zone that `start` and `end` are local times of. By default that of `start`.

    Returns
    -------
    Frame

    Raises
    ------
    TypeMismatchError
        For ends that are no moments, or of which one alone has a zone.
    PlanError
        For an interval that is not above zero, or is no whole number of ticks; for a local time that the zone skips.

    Examples
    --------
    >>> import datetime
    >>> import gpuflow as gf
    >>> hours = gf.datetime_range(datetime.datetime(2024, 1, 1), datetime.datetime(2024, 1, 1, 12), "6h", closed="left")
    >>> [str(row["datetime"]) for row in hours.collect().to_pylist()]
    ['2024-01-01 00:00:00', '2024-01-01 06:00:00']
    """
    length = _length(interval, "datetime_range")
    unit = ("ns" if length.nanoseconds % 1000 else "us") if time_unit is None else time_unit
    try:
        dtype = timestamp(unit, time_zone)
        ticks = ticks_of(length.nanoseconds, SECONDS_A_DAY * dtype.per_second, interval, dtype)
    except ValueError as e:
        raise PlanError(f"datetime_range: {e}") from None
    if ticks + length.days * SECONDS_A_DAY * dtype.per_second >= 1 << 63:
        raise PlanError(f"datetime_range: interval={interval!r} has more ticks of {unit} than 64 bits hold")
    (first, own), (last, other) = _moment(start, "start", unit), _moment(end, "end", unit)
    if (own is None) != (other is None):
        raise TypeMismatchError(f"datetime_range: of start={start!r} and end={end!r} one alone has a time zone")
    if own is not None:
        dtype = timestamp(unit, time_zone or own)
    elif dtype.zone is not None:
        first, last = _instant(first, dtype, start), _instant(last, dtype, end)
    return _frame("datetime", dtype, _values(first, last, length, ticks, dtype, _closed(closed)))


def _length(interval: Any, function: str) -> Span:
    try:
        length = span(interval)
    except ValueError as e:
        raise PlanError(f"{function}: {e}") from None
    if length.months + length.days + length.nanoseconds <= 0:
        raise PlanError(f"{function}: interval {interval!r} is not above zero")
    return length


def _closed(closed: str) -> str:
    if not is_one_of(closed, CLOSED):
        raise PlanError(f"closed={closed!r} is not one of {', '.join(map(repr, CLOSED))}")
    return closed


def _moment(value: Any, what: str, unit: str) -> tuple[int, str | None]:
    """Ticks of an end of a range, and its zone."""
    if not isinstance(value, dt.date):
        raise TypeMismatchError(f"datetime_range: {what}={value!r} is no datetime")
    own, dtype, _ = physical(value)
    ticks = convert(own, dtype, timestamp(unit, dtype.zone))
    if ticks is None:
        raise PlanError(
            f"datetime_range: {what}={value!r} is no whole number of {unit}, or out of range; pass a finer time_unit="
        )
    return int(ticks), dtype.zone


def _instant(local: int, dtype: DType, value: Any) -> int:
    """The first instant with a local time."""
    count, offset, _ = rowmath.zone_choices(local // dtype.per_second, np.array(time_zone_tables.table(str(dtype.zone))))
    if not count:
        raise PlanError(f"datetime_range: there is no {value!r} in {dtype.zone}, where clocks skip it")
    return local - int(offset) * dtype.per_second


def _values(start: int, end: int, length: Span, ticks: int, dtype: DType, closed: str) -> np.ndarray[Any, Any]:
    day = 1 if dtype == DATE else SECONDS_A_DAY * dtype.per_second
    if length.months or (dtype.zone is not None and length.days):
        values = np.fromiter(_by_calendar(start, end, length, ticks, dtype, day), np.int64)
    else:
        step = length.days * day + ticks
        _bounded((end - start) // step + 1)
        values = start + np.arange(max(0, (end - start) // step + 1), dtype=np.int64) * step
    if closed in ("right", "none"):
        values = values[values != start]
    if closed in ("left", "none"):
        values = values[values != end]
    return values


def _by_calendar(start: int, end: int, length: Span, ticks: int, dtype: DType, day: int) -> Iterator[int]:
    """Each moment counted from the start, so that short months and changes of the clock move no later one."""
    table, per, own, local = None, 1, 0, start
    if dtype.zone is not None:
        table, per = np.array(time_zone_tables.table(dtype.zone)), dtype.per_second
        own = time_zone_tables.offset_at(dtype.zone, start // per)
        local = start + own * per
    for k in range(MOST + 1):
        moved = int(rowmath.moved_by_calendar(local, k * length.months, k * length.days, 0, day))
        if table is not None:
            moved = int(rowmath.zoned_ticks(moved, table, per, own))
        moved += k * ticks
        if moved > end:
            return
        yield moved
    _bounded(MOST + 1)


def _bounded(rows: int) -> None:
    if rows > MOST:
        raise PlanError(f"the range would have {rows:,} rows; at most {MOST:,} are made at once, so ask for a longer interval")


def _frame(name: str, dtype: DType, values: np.ndarray[Any, Any]) -> Frame:
    from gpuflow.io.in_memory.source import ChunkSource  # loads pyarrow, which planning does without

    column = Column(dtype, values.astype(dtype.storage))
    source = ChunkSource(Schema({name: dtype}), [Chunk((column,), len(values))], f"{name} range ({len(values):,} rows)")
    return Frame.scan(source)
