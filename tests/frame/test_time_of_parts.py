"""Dates, timestamps and durations made of columns, against Polars and Python's datetime."""

from __future__ import annotations

import datetime as dt
import random

import dask
import polars as pl
import pytest

import gpuflow as gf
from gpuflow import col
from gpuflow.errors import ExecutionError, PlanError, TypeMismatchError

COMPILED = pytest.mark.parametrize("target", ["python", "cpu"], indirect=True)
YEARS = [1, 4, 100, 400, 1582, 1600, 1900, 1969, 1970, 1972, 2000, 2023, 2024, 2100, 9999]


def parts() -> dict[str, list[int | None]]:
    rng, rows = random.Random(5), []
    for _ in range(300):
        day = dt.date(rng.choice(YEARS), rng.randint(1, 12), 1)
        last = (dt.date(day.year + day.month // 12, day.month % 12 + 1, 1) - dt.timedelta(1)).day if day.year < 9999 else 28
        rows.append([day.year, day.month, rng.choice([1, rng.randint(1, last), last])])
    rows = [*rows, [None, 1, 1], [2024, None, 1], [2024, 1, None]]
    return {name: [row[k] for row in rows] for k, name in enumerate("ymd")}


@pytest.fixture(autouse=True)
def target(request):
    """The uncompiled target, but where a test asks for another."""
    with dask.config.set({"gpuflow.target": getattr(request, "param", "python")}):
        yield


@COMPILED
def test_dates(target):
    frame = pl.DataFrame(parts())
    theirs = frame.select(pl.date("y", "m", "d"))["date"].to_list()
    assert gf.from_polars(frame).select(gf.date("y", "m", "d")).collect().to_dict() == {"date": theirs}
    narrow = frame.with_columns(pl.col("m").cast(pl.Int8), pl.col("d").cast(pl.UInt16))
    assert gf.from_polars(narrow).select(gf.date(col("y"), "m", "d")).collect().to_dict() == {"date": theirs}


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_timestamps(unit):
    frame = pl.DataFrame(parts()).with_columns(h=pl.col("d") % 24, u=pl.col("y") * 99)
    if unit == "ns":
        frame = frame.filter(pl.col("y").is_between(1900, 2100))
    theirs = frame.select(
        t=pl.datetime("y", "m", "d", "h", 59, 7, "u", time_unit="us").dt.cast_time_unit(unit if unit != "s" else "us")
    )
    ours = gf.from_polars(frame).select(t=gf.datetime("y", "m", "d", "h", 59, 7, "u", time_unit=unit))
    assert ours.schema["t"] == gf.Datetime(unit)
    found, wanted = ours.collect().to_dict()["t"], theirs["t"].to_list()
    step = {"s": 1_000_000, "ms": 1_000}.get(unit, 1)
    assert found == [w if w is None else w.replace(microsecond=w.microsecond // step * step) for w in wanted]


@COMPILED
def test_timestamps_of_a_zone(target):
    frame = pl.DataFrame({"h": [0, 5, None]})
    theirs = frame.select(t=pl.datetime(2024, 7, 1, "h", time_zone="Europe/Berlin"))["t"].to_list()
    ours = gf.from_polars(frame).select(t=gf.datetime(2024, 7, 1, "h", time_zone="Europe/Berlin"))
    assert ours.collect().to_dict()["t"] == theirs


def test_literals_stay_literals():
    assert gf.date(2024, 1, 31).equals(gf.lit(dt.date(2024, 1, 31)))
    assert gf.datetime(2024, 1, 31, 5).equals(gf.lit(dt.datetime(2024, 1, 31, 5)))


@pytest.mark.parametrize(
    "row",
    [
        (2023, 2, 29), (1900, 2, 29), (2024, 4, 31), (2024, 0, 1), (2024, 13, 1), (2024, 1, 0), (2024, 1, 32), (10**9, 1, 1),
        (-(2**63), 1, 1), (2024, 2**62, 1), (2024, 1, -(2**62)),
    ],
)  # fmt: skip
def test_a_day_that_there_is_not_raises(row):
    frame = gf.from_dict({"y": [2024, row[0]], "m": [1, row[1]], "d": [1, row[2]]})
    for made in (gf.date("y", "m", "d"), gf.datetime("y", "m", "d")):
        with pytest.raises(ExecutionError, match="that no calendar has"):
            frame.select(made).collect()
    assert frame.select(
        gf.when(col("d") == 1, col("m") == 1, col("y") == 2024).then(gf.date("y", "m", "d"))
    ).collect().to_dict() == {"date": [dt.date(2024, 1, 1), None]}


@pytest.mark.parametrize(("part", "value"), [("hour", 24), ("minute", 60), ("second", 60), ("microsecond", 10**6), ("hour", -1)])
def test_a_time_that_there_is_not_raises(part, value):
    frame = gf.from_dict({"v": [0, value]})
    with pytest.raises(ExecutionError, match="that no calendar has"):
        frame.select(gf.datetime(2024, 1, 1, **{part: col("v")})).collect()


def test_a_unit_that_cannot_count_the_year():
    with pytest.raises(ExecutionError, match="or that its unit cannot count"):
        gf.from_dict({"y": [2024, 2300]}).select(gf.datetime("y", 1, 1, time_unit="ns")).collect()


def test_durations():
    frame = pl.DataFrame({"h": [1, -2, None], "m": [30, 5, 1], "f": [1.5, 0.25, 2.0]})
    for unit in ("ms", "us", "ns"):
        theirs = frame.select(
            a=pl.duration(hours="h", minutes="m", time_unit=unit),
            b=pl.duration(hours="f", time_unit=unit),
            c=pl.duration(days=2, seconds="m", time_unit=unit),
        )
        ours = gf.from_polars(frame).select(
            a=gf.duration(hours="h", minutes=col("m"), time_unit=unit),
            b=gf.duration(hours="f", time_unit=unit),
            c=gf.duration(days=2, seconds="m", unit=unit),
        )
        assert ours.collect().to_dict() == theirs.to_dict(as_series=False)
        assert ours.schema["a"] == gf.Duration(unit)


@pytest.mark.parametrize("unit", ["ms", "us"])
@pytest.mark.parametrize("part", ["milliseconds", "microseconds", "nanoseconds"])
def test_parts_finer_than_the_unit_are_rounded_towards_zero(part, unit):
    large = 2**62 + 999 if part == "nanoseconds" or (unit == "ms" and part == "microseconds") else 10**9
    frame = pl.DataFrame({"x": [-2500, -1500, -999, -1, 0, 1, 999, 1500, None, large, -large]})
    theirs = frame.select(z=pl.duration(**{part: "x"}, time_unit=unit).cast(pl.Int64))
    ours = gf.from_polars(frame).select(z=gf.duration(**{part: "x"}, time_unit=unit).cast(gf.Int64))
    assert ours.collect().to_dict() == theirs.to_dict(as_series=False)


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: gf.datetime("y", 1, 1, time_unit="h"), PlanError, "time_unit='h'"),
        (lambda: gf.datetime(2024, 1, 1, time_zone="Nowhere"), PlanError, "no time zone"),
        (lambda: gf.date("y", 1.25, 1), PlanError, r"whole numbers, not of float64; cast the part, as in \.cast\(gf\.Int64\)"),
        (lambda: gf.datetime("y", 1, 1, "f"), PlanError, r"whole numbers, not of float64"),
        (lambda: gf.date("s", 1, 1), TypeMismatchError, r'date\(col\("s"\), 1, 1\): date\(\) does not accept string'),
    ],
)
def test_what_is_wrong(make, error, said):
    with pytest.raises(error, match=said):
        gf.from_dict({"y": [1], "s": ["a"], "f": [1.5]}).select(make())
