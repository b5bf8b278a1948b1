"""Local times that a zone skips or has twice, and moves over a change of its clocks, each case by name."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pyarrow as pa
import pytest

import gpuflow as gf
from gpuflow.errors import ArithmeticOverflowError, TypeMismatchError
from tests.frame.test_time import ZONES, moments, zoned
from tests.support.running import assert_same, records, running


def shown(frame: gf.Frame) -> list[str | None]:
    """The only column as local times with offsets, to the minute."""
    with running("python"):
        table = frame.collect()
    (name,) = table.columns
    return [None if v is None else v.isoformat(" ", "minutes") for v in table[name].to_pylist()]


LOCAL = [
    # zone, local time, earliest, latest; None where clocks skip it
    ("Europe/Berlin", "2024-03-31 01:59", "2024-03-31 01:59+01:00", "2024-03-31 01:59+01:00"),
    ("Europe/Berlin", "2024-03-31 02:30", None, None),
    ("Europe/Berlin", "2024-03-31 03:00", "2024-03-31 03:00+02:00", "2024-03-31 03:00+02:00"),
    ("Europe/Berlin", "2024-10-27 02:30", "2024-10-27 02:30+02:00", "2024-10-27 02:30+01:00"),
    ("Europe/Berlin", "1945-05-24 02:30", None, None),
    ("America/New_York", "2024-03-10 02:00", None, None),
    ("America/New_York", "2024-11-03 01:59", "2024-11-03 01:59-04:00", "2024-11-03 01:59-05:00"),
    ("Australia/Lord_Howe", "2024-10-06 02:15", None, None),
    ("Australia/Lord_Howe", "2024-10-06 02:30", "2024-10-06 02:30+11:00", "2024-10-06 02:30+11:00"),
    ("Australia/Lord_Howe", "2024-04-07 01:45", "2024-04-07 01:45+11:00", "2024-04-07 01:45+10:30"),
    ("Asia/Kathmandu", "1986-01-01 00:10", None, None),
    ("Asia/Kathmandu", "1986-01-01 00:15", "1986-01-01 00:15+05:45", "1986-01-01 00:15+05:45"),
    ("Africa/Casablanca", "2024-03-10 02:30", "2024-03-10 02:30+01:00", "2024-03-10 02:30+00:00"),
    ("Africa/Casablanca", "2024-04-14 02:30", None, None),
    ("Pacific/Apia", "2011-12-30 12:00", None, None),
    ("Europe/Berlin", "2500-07-01 12:00", "2500-07-01 12:00+02:00", "2500-07-01 12:00+02:00"),
]


@pytest.mark.parametrize(("zone", "local", "earliest", "latest"), LOCAL)
def test_local_times(zone: str, local: str, earliest: str | None, latest: str | None) -> None:
    frame = gf.from_arrow(pa.table({"t": pa.array([dt.datetime.fromisoformat(local), None], pa.timestamp("us"))}))
    replaced = gf.col("t").dt.replace_time_zone
    for ambiguous, expected in (("earliest", earliest), ("latest", latest)):
        assert shown(frame.select(replaced(zone, ambiguous=ambiguous, non_existent="null"))) == [expected, None]
    unclear = earliest != latest
    expected = None if unclear else earliest
    assert shown(frame.select(replaced(zone, ambiguous="null", non_existent="null"))) == [expected, None]
    if earliest is None or unclear:
        with pytest.raises(ArithmeticOverflowError, match="a local time that the zone skips or has twice"):
            shown(frame.select(replaced(zone)))
    else:
        assert shown(frame.select(replaced(zone))) == [earliest, None]


MOVED = [
    # zone, moment, what is done, where it ends
    ("Europe/Berlin", "2024-03-30 02:30+01:00", ("offset_by", "1d"), "2024-03-31 01:30+01:00"),
    ("Europe/Berlin", "2024-04-01 02:30+02:00", ("offset_by", "-1d"), "2024-03-31 03:30+02:00"),
    ("Europe/Berlin", "2024-03-30 02:30+01:00", ("offset_by", "24h"), "2024-03-31 03:30+02:00"),
    ("Europe/Berlin", "2024-10-26 02:30+02:00", ("offset_by", "1d"), "2024-10-27 02:30+02:00"),
    ("Europe/Berlin", "2024-10-28 02:30+01:00", ("offset_by", "-1d"), "2024-10-27 02:30+01:00"),
    ("Europe/Berlin", "2024-10-26 02:30+02:00", ("offset_by", "1d1h"), "2024-10-27 02:30+01:00"),
    ("Europe/Berlin", "2024-10-27 02:45+01:00", ("truncate", "1h"), "2024-10-27 02:00+01:00"),
    ("Europe/Berlin", "2024-10-27 02:45+02:00", ("truncate", "1h"), "2024-10-27 02:00+02:00"),
    ("Europe/Berlin", "2021-10-15 02:30+02:00", ("month_end",), "2021-10-31 02:30+02:00"),
    ("Europe/Berlin", "2024-03-15 02:30+01:00", ("month_end",), "2024-03-31 01:30+01:00"),
    ("Asia/Kathmandu", "1986-01-01 03:00+05:45", ("truncate", "1d"), "1986-01-01 00:15+05:45"),
    ("Asia/Kathmandu", "1986-01-20 00:05+05:45", ("month_start",), "1986-01-01 00:20+05:45"),
    ("Africa/Casablanca", "2024-04-14 03:10+01:00", ("truncate", "2h"), "2024-04-14 03:00+01:00"),
    ("Africa/Casablanca", "1985-12-31 23:00:30+00:00", ("truncate", "1m"), "1985-12-31 23:00+00:00"),
    ("America/Sao_Paulo", "2018-11-04 12:00-02:00", ("truncate", "1d"), "2018-11-04 01:00-02:00"),
    ("Australia/Lord_Howe", "2024-10-05 02:15+10:30", ("offset_by", "1d"), "2024-10-06 01:45+10:30"),
    ("Australia/Lord_Howe", "2024-10-07 02:15+11:00", ("offset_by", "-1d"), "2024-10-06 02:45+11:00"),
    ("Pacific/Apia", "2011-12-29 12:00-10:00", ("offset_by", "1d"), "2011-12-29 12:00-10:00"),
    ("Pacific/Apia", "2011-12-29 12:00-10:00", ("offset_by", "2d"), "2011-12-31 12:00+14:00"),
    ("Europe/Berlin", "2024-01-31 12:00+01:00", ("offset_by", "1mo"), "2024-02-29 12:00+01:00"),
    ("Europe/Berlin", "2023-12-31 23:30+01:00", ("offset_by", "2mo"), "2024-02-29 23:30+01:00"),
]


@pytest.mark.parametrize(("zone", "moment", "what", "end"), MOVED)
def test_moved_over_a_change(zone: str, moment: str, what: tuple[str, ...], end: str) -> None:
    name, *arguments = what
    assert shown(zoned(zone, moment).select(getattr(gf.col("t").dt, name)(*arguments))) == [end]


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_offsets_from_utc(target: str) -> None:
    """From 1950 on: of double summer time, in and after wars, the standard library takes an hour for the zone's own."""
    for zone in [*ZONES, "Europe/Dublin", "Asia/Kolkata", "UTC"]:
        frame = (
            moments("Europe/Berlin", rows=40)
            .select(t=pl.col("t").dt.convert_time_zone(zone))
            .filter(pl.col("t").dt.year() > 1950)
        )

        def offsets(x: Any) -> dict[str, Any]:
            return {"base": x.col("t").dt.base_utc_offset(), "summer": x.col("t").dt.dst_offset()}

        with running(target, parts=2, rows=frame.height):
            found = gf.from_polars(frame).select(**offsets(gf)).collect()
        assert found.to_polars().schema == frame.select(**offsets(pl)).schema
        assert_same(found, frame.select(**offsets(pl)), ordered=True, about=zone)
    naive = gf.from_polars(pl.DataFrame({"t": [dt.datetime(2024, 1, 1)]}))
    for wrong in (gf.col("t").dt.base_utc_offset(), gf.col("t").dt.dst_offset()):
        with pytest.raises(TypeMismatchError):
            naive.select(wrong)


@pytest.mark.parametrize("zone", ZONES)
def test_far_from_today(zone: str) -> None:
    """Before 1970 and after 2262, where timestamps in nanoseconds end."""
    years = [dt.datetime(y, m, 3, 23, 40, tzinfo=dt.UTC) for y in (1850, 1912, 1969, 2262, 2263, 2900, 7777) for m in (1, 7)]
    frame = gf.from_arrow(pa.table({"t": pa.array(years, pa.timestamp("ms", zone))}))
    t = gf.col("t").dt
    with running("python"):
        found = records(frame.select(t.year(), m=t.month(), d=t.day(), h=t.hour(), i=t.minute(), s=t.second()).collect())
    local = [moment.astimezone(ZoneInfo(zone)) for moment in years]
    assert found == [(x.year, x.month, x.day, x.hour, x.minute, x.second) for x in local]


def test_no_second_is_a_leap_second() -> None:
    frame = gf.from_arrow(pa.table({"t": pa.array([1_483_228_799, 1_483_228_800], pa.timestamp("s", "UTC"))}))
    with running("python"):
        found = records(frame.select(gf.col("t").dt.second(), later=gf.col("t").dt.offset_by("1s")).collect())
    assert [(s, t.second) for s, t in found] == [(59, 0), (0, 1)]
