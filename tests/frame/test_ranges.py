"""Tables of dates and moments at equal distances, and numbers as moments: against Polars."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

import gpuflow as gf
from gpuflow.errors import ArithmeticOverflowError, PlanError, TypeMismatchError
from tests.support.running import assert_same, running

NOON = dt.datetime(2024, 7, 1, 12, tzinfo=dt.UTC)

DATES = [
    (dt.date(2024, 1, 31), dt.date(2024, 7, 1), "1mo"), (dt.date(2023, 12, 30), dt.date(2024, 3, 5), "1w"),
    (dt.date(1969, 12, 28), dt.date(1970, 1, 4), "1d"), (dt.date(2020, 2, 29), dt.date(2030, 1, 1), "1y"),
    (dt.date(2024, 1, 5), dt.date(2024, 1, 1), "1d"), (dt.date(2024, 1, 1), dt.date(2024, 1, 1), "1q"),
    (dt.date(2024, 1, 1), dt.date(2024, 2, 1), dt.timedelta(days=3)),
]  # fmt: skip


@pytest.mark.parametrize("closed", ["both", "left", "right", "none"])
@pytest.mark.parametrize(("start", "end", "interval"), DATES)
def test_date_range(start: dt.date, end: dt.date, interval: Any, closed: Any) -> None:
    found = gf.date_range(start, end, interval, closed=closed)
    assert found.schema["date"] == gf.Date
    with running("python"):
        assert_same(found.collect(), pl.date_range(start, end, interval, closed=closed, eager=True).alias("date").to_frame())


RANGES: list[tuple[str, str, Any, dict[str, Any]]] = [
    ("2024-01-31", "2024-02-02", "7h", {}),
    ("1969-12-31 23:00", "1970-01-01 01:00", "15m", {"closed": "left"}),
    ("2024-01-01", "2024-01-01 00:00:01", "250ms", {"time_unit": "ms"}),
    ("2024-01-01", "2024-01-01 00:00:00.000001", "100ns", {}),
    ("2024-01-31", "2025-01-31", "1mo", {"closed": "right"}),
    ("2024-01-31", "2024-03-31", "1mo12h", {"closed": "both"}),
    ("2024-03-30", "2024-04-01", "6h", {"time_zone": "Europe/Berlin"}),
    ("2024-03-30 02:30", "2024-04-02", "1d", {"time_zone": "Europe/Berlin"}),
    ("2024-10-26 02:30", "2024-10-29 02:30", "1d", {"time_zone": "Europe/Berlin"}),
    ("2024-01-15", "2025-01-15", "1mo", {"time_zone": "America/New_York"}),
    ("2024-01-15", "2024-01-17", dt.timedelta(hours=9), {"time_zone": "UTC"}),
]


@pytest.mark.parametrize(("start", "end", "interval", "more"), RANGES)
def test_datetime_range(start: str, end: str, interval: Any, more: dict[str, Any]) -> None:
    first, last = dt.datetime.fromisoformat(start), dt.datetime.fromisoformat(end)
    found = gf.datetime_range(first, last, interval, **more)
    expected = pl.datetime_range(first, last, interval, eager=True, **more).alias("datetime").to_frame()
    with running("python"):
        table = found.collect()
    assert table.to_polars().schema == expected.schema
    assert_same(table, expected, ordered=True)


def test_a_range_of_moments_with_zones() -> None:
    start = dt.datetime(2024, 3, 30, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    found = gf.datetime_range(start, start + dt.timedelta(days=2), "1d")
    with running("python"):
        moments = found.collect()["datetime"].to_pylist()
    expected = ["2024-03-30 12:00+01:00", "2024-03-31 12:00+02:00", "2024-04-01 12:00+02:00"]
    assert [m.isoformat(" ", "minutes") for m in moments] == expected


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: gf.date_range(dt.datetime(2024, 1, 1), dt.date(2024, 2, 1)), TypeMismatchError, "use datetime_range"),
        (lambda: gf.date_range("2024-01-01", dt.date(2024, 2, 1)), TypeMismatchError, "is no date"),
        (lambda: gf.date_range(dt.date(2024, 1, 1), dt.date(2024, 2, 1), "1h"), PlanError, "parts of a day"),
        (lambda: gf.date_range(dt.date(2024, 1, 1), dt.date(2024, 2, 1), "-1d"), PlanError, "not above zero"),
        (lambda: gf.date_range(dt.date(2024, 1, 1), dt.date(2024, 2, 1), closed="up"), PlanError, "closed='up'"),
        (lambda: gf.datetime_range(NOON, dt.datetime(2024, 8, 1), "1d"), TypeMismatchError, "one alone has a time zone"),
        (lambda: gf.datetime_range(NOON, NOON, "1us", time_unit="ms"), PlanError, "finer unit"),
        (lambda: gf.datetime_range(NOON, NOON, "soon"), PlanError, "no interval"),
        (lambda: gf.datetime_range(dt.date(2000, 1, 1), dt.date(2100, 1, 1), "1us"), PlanError, "ask for a longer interval"),
        (lambda: gf.datetime_range(dt.datetime(2024, 3, 31, 2, 30), dt.datetime(2024, 5, 1), time_zone="Europe/Berlin"),
         PlanError, "clocks skip it"),
        (lambda: gf.from_epoch("x", "m"), PlanError, "is not one of"),
    ],
)  # fmt: skip
def test_wrong_ranges(make: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_from_epoch() -> None:
    frame = pl.DataFrame({"x": [0, 1, -1, None, 10_957, -719_162]})
    units: list[Any] = ["d", "s", "ms", "us", "ns"]
    with running("python"):
        found = gf.from_polars(frame).select(**{u: gf.from_epoch("x", u) for u in units}).collect()
        expected = frame.select(**{u: pl.from_epoch("x", u) for u in units})
        assert found.to_polars().schema == expected.schema
        assert_same(found, expected, ordered=True)
        with pytest.raises(ArithmeticOverflowError):
            gf.from_polars(pl.DataFrame({"x": [1 << 50]})).select(gf.from_epoch("x", "s")).collect()
