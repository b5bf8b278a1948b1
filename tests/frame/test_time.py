"""Timestamps with and without time zones, from tables to tables: against Polars, on every target.

Polars knows the rules of zones for some decades ahead only, so what is compared ends in 2036; what comes later is held
against the standard library (tests/kernels/test_zones.py).
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pyarrow as pa
import pytest
from gpuflow_kernels import time_zone_tables

import gpuflow as gf
from gpuflow.errors import PlanError, TypeMismatchError, UnsupportedError
from tests.cuda_model.runtime import cuda_model
from tests.support.running import assert_same, records, running

ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca"]
SHIFTS = {zone: time_zone_tables.table(zone)[2 : 2 + time_zone_tables.table(zone)[0]] for zone in ZONES}
END = int(dt.datetime(2024, 12, 1, tzinfo=dt.UTC).timestamp())
UNITS = {"ms": 10**3, "us": 10**6, "ns": 10**9}

Query = Callable[[Any, str], dict[str, Any]]

APART = {
    "Australia/Lord_Howe": [(1981, 2), (1981, 3), (1981, 4)],
    "Asia/Kathmandu": [(1919, 12), (1920, 1), *((1986, month) for month in range(1, 13)), (1985, 12)],
    "Africa/Casablanca": [(1913, 10), (1985, 12), (1986, 1)],
}
"""Months in which moments are moved otherwise than in Polars. It knows gaps and folds by the zone's summer time: over one that
has another reason it raises, or goes back over the fold although it comes from behind. See `test_moved_over_a_change`."""


def instants(zone: str, rows: int = 60) -> list[int]:
    """Seconds from 1900 on, most of them within two days of a transition; before 1970 and after among them."""
    source = random.Random(f"{zone} {rows}")
    known = [t for t in SHIFTS[zone] if -2_000_000_000 < t < END]
    near = [source.choice(known) + source.choice([-1, 0, 1800, source.randrange(-90_000, 90_000)]) for _ in range(rows * 3 // 4)]
    return near + [source.randrange(-2_200_000_000, END) for _ in range(rows - len(near))]


def moments(zone: str, unit: str = "us", rows: int = 60, moved: bool = False) -> pl.DataFrame:
    """A column ``t`` in `zone`, ``u`` in UTC and ``n`` without a zone, some of them null; ``d`` is a date, ``p`` a duration.
    Those to be `moved` are none of those `APART`."""
    per, source = UNITS[unit], random.Random(rows)
    ticks = [None if k % 11 == 5 else s * per + source.randrange(per) for k, s in enumerate(instants(zone, rows))]
    naive = pl.Series("n", ticks, pl.Int64).cast(pl.Datetime(unit))  # type: ignore[arg-type]
    utc = naive.dt.replace_time_zone("UTC").alias("u")
    frame = pl.DataFrame([utc.dt.convert_time_zone(zone).alias("t"), utc, naive, naive.dt.date().alias("d")])
    lengths = [None if k % 7 == 3 else source.randrange(-(10**7), 10**7) * per for k in range(rows)]
    frame = frame.with_columns(p=pl.Series(lengths, dtype=pl.Int64).cast(pl.Duration(unit)))  # type: ignore[arg-type]
    if not moved:
        return frame
    months = [(t.year, t.month) if t else None for t in frame["t"].cast(pl.Datetime("us", zone)).to_list()]
    return frame.filter(pl.Series([m not in APART.get(zone, []) for m in months]))


def parts(x: Any, zone: str) -> dict[str, Any]:
    names = "year month day hour minute second quarter week weekday ordinal_day iso_year is_leap_year days_in_month date century"
    names += " millennium millisecond microsecond nanosecond"
    return {name: getattr(x.col("t").dt, name)() for name in names.split()}


def numbers(x: Any, zone: str) -> dict[str, Any]:
    t = x.col("t").dt
    made = {f"e{u}": t.epoch(u) for u in ("s", "ms", "us", "d")} | {f"t{u}": t.timestamp(u) for u in ("ms", "us")}
    made |= {f"c{u}": t.cast_time_unit(u) for u in ("ms", "us")}
    lengths = ("days", "hours", "minutes", "seconds", "milliseconds", "microseconds")
    return made | {f"p{n}": getattr(x.col("p").dt, f"total_{n}")() for n in lengths}


def truncated(x: Any, zone: str) -> dict[str, Any]:
    t = x.col("t").dt
    return {e: t.truncate(e) for e in ("1d", "3d", "1w", "1mo", "1q", "5y", "15m", "30m", "1s", "90s")}


def rounded(x: Any, zone: str) -> dict[str, Any]:
    t = x.col("t").dt
    return {e: t.round(e) for e in ("1d", "1w", "1mo", "1q", "1y", "15m", "30m", "1s")}


def offset(x: Any, zone: str) -> dict[str, Any]:
    t = x.col("t").dt
    lengths = "1h -1h 24h -90m 1s 1y -1y 4y 3mo12d -1mo3d 1w -2w 5d -7d 1mo2d3h4m5s -1y1q1w1d1h 0d".split()
    return {by: t.offset_by(by) for by in lengths}


def converted(x: Any, zone: str) -> dict[str, Any]:
    t, n = x.col("t").dt, x.col("n").dt
    made = {z: t.convert_time_zone(z) for z in [*ZONES, "UTC", "Asia/Tokyo"]}
    made |= {"local": t.replace_time_zone(None), "utc": t.replace_time_zone("UTC"), "from utc": n.convert_time_zone(zone)}
    for ambiguous in ("earliest", "latest", "null"):
        made[ambiguous] = n.replace_time_zone(zone, ambiguous=ambiguous, non_existent="null")
        made[f"{ambiguous}, other"] = t.replace_time_zone("Europe/Dublin", ambiguous=ambiguous, non_existent="null")
    return made


def computed(x: Any, zone: str) -> dict[str, Any]:
    t, u, n, p = (x.col(c) for c in "tunp")
    noon = dt.datetime(1980, 5, 1, 12, tzinfo=ZoneInfo(zone))
    same = u.dt.convert_time_zone(zone)
    return {
        "later": t + p, "earlier": t - p, "turned": p + t, "apart": t - same, "equal": t == same, "before": t < same + p,
        "first": x.coalesce(t, same), "null": t.is_null(),
        "chosen": x.when(t.dt.hour() > 12).then(t).otherwise(same), "number": t.cast(x.Int64), "utc": t.cast(x.Datetime("us")),
        "zoned": n.cast(x.Datetime("us", zone)), "date": t.cast(x.Date), "least": x.min_horizontal(t, same),
        "naive apart": n - n.dt.truncate("1d"), "literal": t > noon, "member": t.is_in([noon]),
    }  # fmt: skip


QUERIES: list[Query] = [parts, numbers, truncated, rounded, offset, converted, computed]
MOVING = (truncated, rounded, offset)


def check(query: Query, zone: str, target: str, unit: str = "us", rows: int = 60, parts: int = 1) -> None:
    frame = moments(zone, unit, rows, query in MOVING)
    with running(target, parts=parts, rows=frame.height):
        found = gf.from_polars(frame).select(**query(gf, zone)).collect()
    expected = frame.select(**query(pl, zone))
    assert found.to_polars().schema == expected.schema
    assert_same(found, expected, ordered=True, about=f"{query.__name__}, {zone}")


@pytest.mark.parametrize("query", QUERIES, ids=lambda q: q.__name__)
@pytest.mark.parametrize("zone", ZONES)
def test_interpreted(zone: str, query: Query) -> None:
    check(query, zone, "python")
    check(query, zone, "python", rows=7, parts=7)
    check(query, zone, "python", rows=1)


@pytest.mark.parametrize("unit", ["ms", "ns"])
@pytest.mark.parametrize("query", [parts, truncated, rounded, converted], ids=lambda q: q.__name__)
def test_other_units(query: Query, unit: str) -> None:
    check(query, "Europe/Berlin", "python", unit)


def few(x: Any, zone: str) -> dict[str, Any]:
    """Something of everything, for one kernel."""
    wanted = {
        parts: ("year", "hour"), truncated: ("1d",), rounded: ("1mo",), offset: ("1mo2d3h4m5s",),
        converted: ("Asia/Tokyo", "null"), computed: ("apart", "literal"),
    }  # fmt: skip
    return {f"{q.__name__} {name}": q(x, zone)[name] for q, names in wanted.items() for name in names}


MOVING += (few,)  # type: ignore[assignment]


def test_compiled() -> None:
    for zone in ZONES:  # one kernel: zones are arguments
        check(few, zone, "cpu", parts=3)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kathmandu"])
def test_cuda_text_without_a_device(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpuflow.execute.dask.cuda_problem", lambda: None)
    with cuda_model(1, relaxed=True, multiprocessors=2):
        check(few, zone, "cuda", rows=20)


# -- zones that meet --------------------------------------------------------------------------------------------------
NOON = dt.datetime(2024, 7, 1, 12, tzinfo=dt.UTC)
HOURS = [NOON + dt.timedelta(hours=h) for h in range(6)]


def zoned(zone: str, *texts: str) -> gf.Frame:
    """Moments with offsets, as in ``2024-03-31 01:59+01:00``, in a zone."""
    return gf.from_arrow(pa.table({"t": pa.array([dt.datetime.fromisoformat(t) for t in texts], pa.timestamp("us", zone))}))


def table(unit: str, zone: str | None, **more: Any) -> gf.Frame:
    moments = HOURS if zone else [h.replace(tzinfo=None) for h in HOURS]
    return gf.from_arrow(pa.table({"t": pa.array(moments, pa.timestamp(unit, zone)), **more}))


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_join_by_instants_of_other_zones_and_units(target: str) -> None:
    with running(target):
        for unit in ("s", "ms", "us", "ns"):
            right = table(unit, "America/New_York", v=pa.array(range(6)))
            found = table("us", "Europe/Berlin").join(right, on="t").select("t", "v").sort("t").collect()
            assert [v for _, v in records(found)] == list(range(6))
            assert found.schema["t"] == gf.Datetime("us", "Europe/Berlin")


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_group_sort_and_aggregate(target: str) -> None:
    frame = moments("Europe/Berlin", moved=True)
    with running(target, parts=3, rows=frame.height):
        query = gf.from_polars(frame).group_by(day=gf.col("t").dt.truncate("1mo"))
        found = query.agg(first=gf.col("t").min(), last=gf.col("u").max(), rows=gf.len()).sort("day").collect()
    wanted = frame.group_by(day=pl.col("t").dt.truncate("1mo"))
    assert_same(found, wanted.agg(first=pl.col("t").min(), last=pl.col("u").max(), rows=pl.len().cast(pl.Int64)).sort("day"))
    assert found.schema["first"] == gf.Datetime("us", "Europe/Berlin")
    assert found.schema["last"] == gf.Datetime("us", "UTC")


def test_instants_of_other_zones_compare_and_meet() -> None:
    frame = table("us", "Europe/Berlin").with_columns(o=gf.col("t").dt.convert_time_zone("Asia/Tokyo"))
    made = frame.select(
        same=gf.col("t") == gf.col("o"), apart=gf.col("t") - gf.col("o"), one=gf.coalesce("o", "t"),
        less=gf.col("t") < NOON.astimezone(ZoneInfo("America/New_York")), found=gf.col("o").is_in([NOON]),
        finer=gf.col("t").dt.cast_time_unit("ms") == gf.col("o"),
    )  # fmt: skip
    with running("python"):
        rows = records(made.collect())
    assert made.schema["one"] == gf.Datetime("us", "Asia/Tokyo")
    assert [(r[0], r[1], r[3], r[4], r[5]) for r in rows] == [(True, dt.timedelta(0), False, k == 0, True) for k in range(6)]
    both = gf.concat([table("us", "Europe/Berlin"), table("ns", "Asia/Tokyo")])
    assert both.schema["t"] == gf.Datetime("ns", "Europe/Berlin")
    with running("python"):
        assert [t for (t,) in records(both.collect())] == HOURS * 2


BERLIN, PLAIN = table("us", "Europe/Berlin"), table("us", None)


@pytest.mark.parametrize(
    "make",
    [
        lambda: BERLIN.filter(gf.col("t") > dt.datetime(2024, 1, 1)),
        lambda: BERLIN.filter(gf.col("t") > dt.date(2024, 1, 1)),
        lambda: BERLIN.filter(gf.col("t") > np_moment()),
        lambda: PLAIN.filter(gf.col("t") == NOON),
        lambda: BERLIN.select(gf.col("t") - gf.col("t").dt.replace_time_zone(None)),
        lambda: BERLIN.select(gf.coalesce(gf.col("t"), gf.col("t").dt.date())),
        lambda: BERLIN.filter(gf.col("t").is_in([dt.datetime(2024, 1, 1)])),
        lambda: BERLIN.join(PLAIN, on="t"),
        lambda: gf.concat([PLAIN, BERLIN]),
    ],
)
def test_an_instant_does_not_meet_a_local_time(make: Callable[[], Any]) -> None:
    with pytest.raises(TypeMismatchError, match=r"replace_time_zone\(\""):
        make()


def np_moment() -> Any:
    import numpy as np

    return np.datetime64("2024-01-01T00:00:00", "us")


def test_dates_have_no_zone() -> None:
    frame = gf.from_arrow(pa.table({"d": pa.array([dt.date(2024, 1, 1)])}))
    for make in (gf.col("d").dt.replace_time_zone("UTC"), gf.col("d").dt.convert_time_zone("UTC")):
        with pytest.raises(TypeMismatchError, match="does not accept date"):
            frame.select(make)
    with pytest.raises(PlanError, match="no time zone"):
        BERLIN.select(gf.col("t").dt.convert_time_zone("Europe/Atlantis"))


# -- in and out -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("zone", ["UTC", "+02:00", "-03:30", "Europe/Berlin", "Asia/Kathmandu"])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_arrow_and_files(zone: str, unit: str, tmp_path: Path) -> None:
    seconds = [0, None, 1_720_000_000, -1_000_000_000]
    arrow = pa.table({"t": pa.array(seconds, pa.timestamp("s", zone)).cast(pa.timestamp(unit, zone))})
    frame = gf.from_arrow(arrow)
    assert frame.schema["t"] == gf.Datetime(unit, zone)
    with running("python"):
        table = frame.select(gf.col("t")).collect()
        assert table.to_arrow().equals(arrow)
        assert table.to_pandas()["t"].tolist()[0] == arrow.to_pandas()["t"].tolist()[0]
        assert gf.from_pandas(table.to_pandas()).collect().equals(table) or unit != "ns"
        table.write_parquet(tmp_path / "a.parquet")
        again = gf.scan_parquet(tmp_path / "a.parquet")
        assert again.schema["t"].zone == zone
        assert again.select(s=gf.col("t").dt.epoch("s")).collect()["s"].to_pylist() == seconds
        assert len(again.filter(gf.col("t") > dt.datetime(2024, 1, 1, tzinfo=dt.UTC)).collect()) == 1


def test_python_moments_keep_their_zone() -> None:
    for tzinfo, zone in (
        (dt.UTC, "UTC"),
        (ZoneInfo("Asia/Kathmandu"), "Asia/Kathmandu"),
        (dt.timezone(dt.timedelta(hours=-3, minutes=-30)), "-03:30"),
    ):
        moment = dt.datetime(2024, 7, 1, 12, tzinfo=tzinfo)
        made = BERLIN.select(x=gf.lit(moment))
        assert made.schema["x"] == gf.Datetime("us", zone)
        with running("python"):
            assert made.collect()["x"].to_pylist()[0] == moment
    with running("python"), pytest.raises(UnsupportedError, match=r"'x' is timestamp.us, -03:30.*convert_time_zone"):
        made.collect().to_polars()


def test_a_zone_that_the_system_lacks_passes_and_is_not_computed_on() -> None:
    arrow = pa.table({"t": pa.array([0], pa.timestamp("us", "Mars/Olympus")), "x": [1]})
    frame = gf.from_arrow(arrow)
    with running("python"):
        assert frame.collect().to_arrow().equals(arrow)
    with pytest.raises(UnsupportedError, match="no such time zone"):
        frame.select(gf.col("t").dt.year())


def test_text() -> None:
    winter = zoned("Europe/Berlin", "2024-01-01 12:00+01:00", "2024-07-01 12:00+02:00")
    with running("python"):
        text = repr(winter.collect())
        html = winter.collect()._repr_html_()
    for shown in ("timestamp[us, Europe/Berlin]", "2024-01-01 12:00:00+01:00", "2024-07-01 12:00:00+02:00"):
        assert shown in text and shown in html
    moment = dt.datetime(2024, 7, 1, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    condition = gf.col("t").dt.truncate("1d") > moment
    literal = "datetime(2024-07-01 12:00:00.000000+02:00 Europe/Berlin)"
    assert repr(condition) == f"(col(\"t\").dt.truncate(every='1d') > {literal})"
    query = winter.filter(condition).select(gf.col("t").dt.convert_time_zone("UTC"))
    assert literal in query.explain()
    assert "convert_time_zone(timestamp[us, UTC])" in query.explain()
    assert "Berlin" not in query.explain("kernel").split("def run")[1]


def test_seconds_since_1970_are_those_of_the_instant() -> None:
    t = gf.col("t").dt
    with running():
        found = gf.from_polars(moments("Europe/Berlin")).select(a=t.strftime("%s"), b=t.epoch("s").cast(gf.String)).collect()
    assert found.to_dict()["a"] == found.to_dict()["b"]


def test_policies_that_are_none_are_refused_without_a_zone_too() -> None:
    frame = gf.from_polars(moments("Europe/Berlin", rows=2))
    for wrong in ({"ambiguous": "first"}, {"non_existent": "earliest"}):
        with pytest.raises(PlanError, match="is not one of 'raise'"):
            frame.select(gf.col("t").dt.replace_time_zone(None, **wrong))
