"""Numbers, truth values, dates and times as text and back: against Polars, or DuckDB where Polars casts no strings."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import dask
import duckdb
import polars as pl
import pyarrow as pa
import pytest

import gpuflow as gf
from gpuflow.errors import ArithmeticOverflowError, PlanError
from tests.cuda_model.runtime import cuda_model
from tests.support.running import assert_same, difference, running

# -- numbers, dates and times ------------------------------------------------------------------------------------------
FLOATS = [0.0, -0.0, 1.0, 0.1, 1e15, 1e16, 1e17, 1.5e-5, 1e-5, 9.99e-6, 1e-7, math.nan, math.inf, -math.inf, 5e-324, 1e100, None]
MOMENTS = [
    dt.datetime(2020, 1, 5, 13, 4, 5, 123456), dt.datetime(1969, 12, 31, 23, 59, 59, 999999), dt.datetime(2020, 3, 9),
    dt.datetime(1705, 3, 9, 12, 0, 0, 120000), dt.datetime(2016, 12, 31, 0, 30), dt.datetime(2021, 1, 3, 1), None,
]  # fmt: skip
FORMATS = [
    "%Y-%m-%d", "%y %C", "%b %B %h", "%a %A", "%j %U %W %V %G %g %u %w", "%H %I %k %l %M %S %p %P", "%F %T %D %R %r %X %x",
    "%f|%.f|%3f|%6f|%9f|%.3f|%.6f|%.9f", "%s", "%%%n%t", "%e %q", "%-d %_d %0e %-m %-H %-j", "%v", "%c", "ż😀", "iso",
    "iso:strict",
]  # fmt: skip


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_times_as_text(unit: Any) -> None:
    rows = pl.DataFrame({"t": pl.Series(MOMENTS, dtype=pl.Datetime("us")).cast(pl.Datetime(unit))})

    def columns(m: Any) -> dict[str, Any]:
        t = m.col("t")
        return {"cast": t.cast(m.String), **{f"c{k}": t.dt.to_string(f) for k, f in enumerate(FORMATS)},
                "year": t.dt.strftime("%d. %B %Y"), "day": t.cast(m.Date).cast(m.String),
                "date": t.cast(m.Date).dt.strftime("%A %-d %b %Y %j")}  # fmt: skip

    with running(parts=2, rows=len(rows)):
        found = gf.from_polars(rows).select(**columns(gf)).collect().to_polars()
    assert found.to_dicts() == rows.select(**columns(pl)).to_dicts()


def test_dates_out_of_the_usual_years() -> None:
    days = pl.DataFrame(
        {"d": pl.Series([2932897, -719529, 5_000_000, -3_000_000, -719_600, -740_000, 0, None], dtype=pl.Int32).cast(pl.Date)}
    )
    with running():
        found = (
            gf.from_polars(days)
            .select(a=gf.col("d").cast(gf.String), b=gf.col("d").dt.strftime("%Y|%y|%F|%G|%j|%_Y|%-Y"))
            .collect()
        )
    assert found.to_dict() == days.select(
        a=pl.col("d").cast(pl.String), b=pl.col("d").dt.strftime("%Y|%y|%F|%G|%j|%_Y|%-Y")
    ).to_dict(as_series=False)


def test_numbers_as_text() -> None:
    rows = pl.DataFrame(
        {
            "f": FLOATS,
            "i": [0, 2**63 - 1, -(2**63), 10, -9, None, *range(-5, 6)],
            "u": pl.Series([2**64 - 1, 0, 9, 10**19, None, *range(12)], dtype=pl.UInt64),
            "b": [True, False, None, *[True] * 14],
        }
    )
    texts = {c: (lambda m, c=c: m.col(c).cast(m.String)) for c in "fiub"}
    texts["g"] = lambda m: m.col("f").cast(m.Float32).cast(m.String)
    texts["h"] = lambda m: m.col("i").clip(-128, 127).cast(m.Int8).cast(m.String) if m is pl else (
        m.min_horizontal(m.max_horizontal("i", -128), 127).cast(m.Int8).cast(m.String))  # fmt: skip
    with running(parts=3, rows=len(rows)):
        found = gf.from_polars(rows.filter(pl.col("i").is_not_null())).select(**{k: e(gf) for k, e in texts.items()}).collect()
    wanted = rows.filter(pl.col("i").is_not_null()).select(**{k: e(pl) for k, e in texts.items()})
    assert not difference(found.to_polars().rows(), wanted.rows(), ordered=True)


READ = [
    ("%Y-%m-%d", "2020-1-5"), ("%Y-%m-%d", " 2020-01-05"), ("%Y-%m-%d", "2020-01-05 "), ("%Y-%m-%d", "20-01-05"),
    ("%Y-%m-%d", "12020-01-05"), ("%d/%m/%y", "05/01/69"), ("%d/%m/%y", "05/01/70"), ("%d %b %Y", "5 jan 2020"),
    ("%d %B %Y", "5 January 2020"), ("%d %B %Y", "5 Jan 2020"), ("%d %b %Y", "5 January 2020"),
    ("%A %d %B %Y", "Sunday 5 January 2020"), ("%A %d %B %Y", "Monday 5 January 2020"), ("%Y-%j", "2020-060"),
    ("%Y-%j", "2019-366"), ("%Y%m%d", "20200105"), ("%D", "01/05/20"), ("%e.%m.%Y", " 5.01.2020"), ("%Y-%m-%d", "2020-02-30"),
    ("%%%Y-%m-%d", "%2020-01-05"), ("%Y %m %d", "2020  01 05"), ("%Y-%m-%d %H:%M:%S", "2020-01-05 1:2:3"),
    ("%Y-%m-%d %H:%M:%S", "2020-01-05 12:34:60"), ("%Y-%m-%d %H:%M:%S", "2020-01-05 24:34:50"), ("%F %R", "2020-01-05 12:34"),
    ("%F %T%.f", "2020-01-05 12:34:56.5"), ("%F %T%.f", "2020-01-05 12:34:56"), ("%F %T%.f", "1960-01-05 12:34:56.1234567891"),
    ("%F %T%.f", "2020-01-05 12:34:56."), ("%F %T%.3f", "2020-01-05 12:34:56.123"), ("%F %T%.3f", "2020-01-05 12:34:56.12"),
    ("%F %T.%3f", "2020-01-05 12:34:56.123"), ("%F %T,%6f", "2020-01-05 12:34:56,123456"), ("%F %I:%M %p", "2020-01-05 12:34 AM"),
    ("%F %I:%M %p", "2020-01-05 01:34 pm"), ("%F %I %p:%M", "2020-01-05 13 AM:01"), ("%s", "1600000000"),
    ("%Y-%m-%dT%H:%M:%S", "2020-01-05T12:34:56"), ("%Y%m%d%H%M%S", "20200105123456"), ("%Y-%m-%d", "+2020-01-05"),
    ("%Y-%m-%d", "300000-01-01"), ("%Y-%m-%d", "+300000-01-01"), ("%C%y-%m-%d", "2020-01-05"), ("%u %F", "7 2020-01-05"),
    ("%w %F", "1 2020-01-05"), ("%F\u00a0%T", "2020-01-05\u00a012:34:56"), ("%F %r", "2020-01-05 01:02:03 PM"),
    ("%v", "5-Jan-2020"), ("%q %F", "1 2020-01-05"), ("%q %F", "2 2020-01-05"), ("%q %F", "5 2020-01-05"),
    *(("%G-W%V-%u", w) for w in (
        "2020-W01-1", "2020-W53-7", "2021-W53-1", "2015-W01-4", "2020-W00-1", "2020-W54-1", "+2020-W02-3")),
    *((f"%Y %{week} %w", f"{year} {n} {day}") for week in "UW" for year in (2017, 2018, 2020, 2023)
      for n in ("00", "01", "52", "53") for day in (0, 1, 6)),
    ("%U %F", "01 2020-01-05"), ("%U %F", "02 2020-01-05"), ("%W %F", "00 2020-01-05"),
    ("%V %F", "01 2020-01-05"), ("%V %F", "02 2020-01-05"), ("%G %F", "2019 2020-01-05"), ("%G %F", "2020 2020-01-05"),
]  # fmt: skip


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_times_from_text(unit: Any) -> None:
    with running():
        for layout in {f for f, _ in READ}:
            known = [t for f, t in READ if f == layout and (unit, t) != ("ns", "20-01-05")]  # Polars wraps around there
            texts = pl.DataFrame({"s": [*known, None, "", "x"]})
            read = {"strict": False, "time_unit": unit}
            found = gf.from_polars(texts).select(r=gf.col("s").str.to_datetime(layout, **read)).collect().to_polars()["r"]
            wanted = texts["s"].str.to_datetime(layout, **read)
            assert found.dtype == wanted.dtype
            assert found.to_physical().to_list() == wanted.to_physical().to_list(), layout


def test_what_is_read_though_polars_does_not() -> None:
    """Hours alone, halves of a day without saying which, parts left out, and seconds before 1970 or of dates."""
    read = {"%F %H": "2020-01-05 7", "%F %I:%M": "2020-01-05 7:30", "%Y": "2020", "%s": "-1"}
    with running():
        frame = gf.from_dict({f: [t] for f, t in read.items()})
        moments = frame.select(**{f: gf.col(f).str.to_datetime(f) for f in read}).collect().to_dict()
        days = frame.select(**{f: gf.col(f).str.to_date(f) for f in read}).collect().to_dict()
    wanted = [(2020, 1, 5, 7), (2020, 1, 5, 7, 30), (2020, 1, 1), (1969, 12, 31, 23, 59, 59)]
    assert moments == {f: [dt.datetime(*w)] for f, w in zip(read, wanted, strict=True)}
    assert days == {f: [dt.date(*w[:3])] for f, w in zip(read, wanted, strict=True)}


@pytest.mark.parametrize("format", ["%F %T%.3f", "%F %T%3f", "%F %T%.9f", "%F %T.%9f", "%F %T%.f", "%F %T%.6f"])
def test_a_format_says_the_unit(format: str) -> None:
    text = dt.datetime(2020, 1, 5, 12, 34, 56).strftime("%Y-%m-%d %H:%M:%S.123456789")
    rows = pl.DataFrame({"s": [text, "2020-01-05 12:34:56.123", "2020-01-05 12:34:56123", "2020-01-05 12:34:56.123456"]})
    with running():
        found = gf.from_polars(rows).select(gf.col("s").str.to_datetime(format, strict=False)).collect().to_polars()["s"]
    wanted = rows["s"].str.to_datetime(format, strict=False)
    assert found.dtype == wanted.dtype and found.to_physical().to_list() == wanted.to_physical().to_list()


def test_times_that_no_unit_can_hold_are_null() -> None:
    """Polars wraps around."""
    texts = [
        "2262-04-11 23:47:16.854775807",
        "2262-04-11 23:47:16.854775808",
        "1677-09-21 00:12:43.145224192",
        "3000-01-01 00:00:00",
    ]
    with running():
        frame = gf.from_polars(pl.DataFrame({"s": texts}))
        found = frame.select(r=gf.col("s").str.to_datetime("%F %T%.f", time_unit="ns", strict=False)).collect().to_polars()["r"]
    assert found.to_physical().to_list() == [2**63 - 1, None, -(2**63), None]


ISO = {
    "2020-01-31 12:34:56": (2020, 1, 31, 12, 34, 56), "2020-01-31T12:34": (2020, 1, 31, 12, 34), "2020-1-31": (2020, 1, 31),
    "2020/01/31 1:2:3.5": (2020, 1, 31, 1, 2, 3, 500_000), "2020-01-31 12:34:56.1234569": (2020, 1, 31, 12, 34, 56, 123_456),
    "+2020-01-31": (2020, 1, 31), **dict.fromkeys(
        ["2020-01-31 24:00", "2020-01-31 12", "2020-02-30", "2020-01-31x", "20200131", "", "2020-01-31 12:34:56Z", "2020",
         " 2020-01-31", "2020-01-31 12:34:", "2020-01-31 12:34:56.", "2020-01/31", "20-01-31", "12020-01-31"])}  # fmt: skip


def test_iso_without_a_format() -> None:
    texts = pl.DataFrame({"s": list(ISO)})
    moments = [None if v is None else dt.datetime(*v) for v in ISO.values()]
    with running():
        s = gf.col("s")
        found = gf.from_polars(texts).select(
            a=s.str.to_datetime(strict=False), b=s.cast(gf.Datetime("us"), strict=False), c=s.str.to_date(strict=False)
        ).collect().to_dict()  # fmt: skip
    assert found["a"] == found["b"] == moments
    assert found["c"] == [m.date() if m is not None and ":" not in t else None for t, m in zip(ISO, moments, strict=True)]


# -- decimals ----------------------------------------------------------------------------------------------------------
DECIMALS = [
    "1", "1.5", "-1.555", "1.545", "+2.005", "0.005", "-0.005", ".5", "5.", "", "-", ".", "1e2", "1.5e-1", "1,5",
    "99999999999999999", "9999999999999999.99", "9999999999999999.995", "9999999999999999.994999", "10000000000000000", "-0",
    "00001.10", "abc", "1.2.3",
    "1.2345678901234567890123456789", "0.0049999", "1e17", "5e-3", "4e-3", "1e400", "1e-400", "1e", "e5", "1e+2", "9.99e15",
    "0e9999999999", "-9999999999999999.99", "0.5e1", "12e-5",
]  # fmt: skip


def test_decimals_from_text_are_those_of_duckdb() -> None:
    s = gf.col("s")
    types = {"a": (18, 2), "b": (5, 0), "c": (9, 4)}
    with running():
        found = gf.from_polars(pl.DataFrame({"s": DECIMALS})).select(
            **{k: s.cast(gf.Decimal(*t), strict=False) for k, t in types.items()}, d=s.str.to_decimal(scale=2)
        ).collect().to_dict()  # fmt: skip
    asked = ", ".join(f"try_cast(s as decimal({p}, {q}))" for p, q in types.values())
    texts = pl.DataFrame({"s": DECIMALS})  # noqa: F841  (DuckDB reads it)
    assert list(zip(*(found[k] for k in types), strict=True)) == duckdb.sql(f"select {asked} from texts").fetchall()
    assert found["d"] == found["a"]


def test_decimals_as_text() -> None:
    values = [Decimal(v) for v in ("1.5", "-0.05", "0", "99.99", "-7", "9999999999999999.99")]
    rows = pl.DataFrame({"d": pl.Series(values, dtype=pl.Decimal(18, 2)), "k": [1, 2, 3, 4, 5, 5]})
    with running(parts=2, rows=6):
        frame = gf.from_polars(rows)
        assert frame.select(r=gf.col("d").cast(gf.String)).collect().to_dict()["r"] == [f"{v:.2f}" for v in values]
        wide = frame.group_by("k", maintain_order=True).agg(s=gf.col("d").sum()).select(r=gf.col("s").cast(gf.String))
        assert wide.collect().to_dict()["r"] == ["1.50", "-0.05", "0.00", "99.99", "9999999999999992.99"]


# -- what raises -------------------------------------------------------------------------------------------------------
BAD: dict[str, Callable[[Any], Any]] = {
    "cast": lambda s: s.cast(gf.Int64), "float": lambda s: s.cast(gf.Float64), "truth": lambda s: s.cast(gf.Boolean),
    "date": lambda s: s.cast(gf.Date), "time": lambda s: s.cast(gf.Datetime("ns")), "to_integer": lambda s: s.str.to_integer(),
    "decimal": lambda s: s.cast(gf.Decimal(9, 2)), "to_date": lambda s: s.str.to_date("%Y"),
    "strptime": lambda s: s.str.strptime(gf.Datetime("ms"), "%Y"),
}  # fmt: skip


@pytest.mark.parametrize("layout", ["dictionary", "plain"])
@pytest.mark.parametrize("name", BAD)
def test_strict_reading_raises_for_rows_that_count(name: str, layout: str) -> None:
    """Only for rows that are valid, selected and on the branch taken."""
    good = {"truth": "yes", "date": "2020-01-01", "time": "2020-01-01"}.get(name, "2020")
    frame = gf.from_polars(pl.DataFrame({"s": [good, "x", None, good], "k": [1, 2, 3, 4]}))
    read = BAD[name](gf.col("s"))
    with running(parts=2, rows=4), dask.config.set({"gpuflow.strings": layout}):
        with pytest.raises(ArithmeticOverflowError, match="meets a string that means no value"):
            frame.select(read).collect()
        assert frame.filter(gf.col("k") != 2).select(r=read.is_null()).collect().to_dict() == {"r": [False, True, False]}
        chosen = gf.when(gf.col("k") != 2).then(read.is_null()).otherwise(None)
        assert frame.select(r=chosen).collect().to_dict() == {"r": [False, None, True, False]}


# -- times with a zone -------------------------------------------------------------------------------------------------
INSTANTS = [
    dt.datetime(2024, 3, 31, 0, 59, 59), dt.datetime(2024, 3, 31, 1), None, dt.datetime(1969, 7, 1),
    dt.datetime(2024, 10, 27, 0, 30), dt.datetime(2024, 10, 27, 1, 30, 0, 120000), dt.datetime(2024, 11, 3, 5, 59),
    dt.datetime(2024, 11, 3, 6), dt.datetime(1945, 8, 1), dt.datetime(1800, 1, 1, 12), dt.datetime(1912, 6, 1),
    dt.datetime(1969, 12, 31, 23, 59, 59, 999999), dt.datetime(2024, 1, 1),
]  # fmt: skip
ZONES = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC", "Africa/Monrovia", "Asia/Kathmandu", "+02:00"]
ZONED_FORMATS = ["%A, %d %B %Y %H:%M:%S", "%z", "%:z|%::z|%:::z", "%Z", "%s", "%c", "%+", "iso", "iso:strict", "%FT%T%.3f%z %Z"]


def zoned_texts(m: Any) -> dict[str, Any]:
    t = m.col("z")
    written = {f: t.dt.to_string(f) for f in ZONED_FORMATS}
    return {"cast": t.cast(m.String), "one": t.dt.strftime("%c %z"), "next": t.dt.offset_by("24h").cast(m.String)} | written


def zoned_rows(zone: str, unit: Any) -> pl.DataFrame:
    """Across changes of the clocks, before 1970, and where the unit allows after 2262, in winter: Polars has no summers then."""
    later = [] if unit == "ns" else [dt.datetime(2500, 1, 1), dt.datetime(9999, 12, 31, 12)]
    utc = pl.Series("z", INSTANTS + later, dtype=pl.Datetime("us")).cast(pl.Datetime(unit)).dt.replace_time_zone("UTC")
    return pl.DataFrame([utc.dt.convert_time_zone(zone)])


def check_zoned(zone: str, unit: str, target: str) -> None:
    rows = zoned_rows(zone, unit)
    with running(target, parts=2, rows=len(rows)):
        found = gf.from_polars(rows).select(**zoned_texts(gf)).collect()
    assert_same(found, rows.select(**zoned_texts(pl)), ordered=True)


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", ZONES)
def test_zoned_times_as_text(zone: str, unit: str) -> None:
    check_zoned(zone, unit, "python")


def test_zoned_times_as_text_compiled() -> None:
    for zone in ZONES:  # one kernel: zones are arguments
        check_zoned(zone, "us", "cpu")


def test_zoned_times_as_text_on_the_model_of_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpuflow.execute.dask.cuda_problem", lambda: None)
    with cuda_model(1, relaxed=True, multiprocessors=2):
        check_zoned("America/New_York", "ms", "cuda")


@pytest.mark.parametrize("target", ["python", "cpu"])
@pytest.mark.parametrize("zone", ZONES)
def test_zoned_seconds_as_text(zone: str, target: str) -> None:
    """Polars has no seconds: what it writes of milliseconds, without those."""
    rows = zoned_rows(zone, "ms").with_columns(pl.col("z").dt.truncate("1s"))
    expected = rows.select(
        a=pl.col("z").cast(pl.String).str.replace(".000", "", literal=True), b=pl.col("z").dt.strftime("%+ %f %Z")
    )
    with running(target):
        z = gf.col("z").dt.cast_time_unit("s")
        found = gf.from_polars(rows).select(a=z.cast(gf.String), b=z.dt.strftime("%+ %f %Z")).collect()
    assert_same(found, expected, ordered=True)


ZONED = [
    # zone, ticks in milliseconds, format, text
    ("Europe/Berlin", 16_740_864_000_000, "%+ %Z", "2500-07-01T02:00:00+02:00 CEST"),
    ("+05:30", 0, "%c %Z %z", "Thu Jan  1 05:30:00 1970 +0530 +0530"),
    ("-03:30", 5, "%+ %Z", "1969-12-31T20:30:00.005-03:30 -0330"),
    ("Europe/Berlin", -200_000_000_000_000, "%+ %s", "-4368-04-02T05:20:08+00:53 -200000000000"),
    ("America/New_York", 300_000_000_000_000, "%c", "Tue Aug 15 01:20:00 +11476"),
    ("Asia/Kolkata", 2**63 - 1, "%Y %T%.f %:z", "+292278994 12:42:55.807 +05:30"),
    ("America/New_York", -(2**63), "%Y %T%.f %:z", "-292275055 11:51:02.192 -04:56"),
]


@pytest.mark.parametrize(("zone", "ticks", "format", "text"), ZONED)
def test_zoned_times_far_from_today(zone: str, ticks: int, format: str, text: str) -> None:
    frame = gf.from_arrow(pa.table({"z": pa.array([ticks, None], pa.timestamp("ms", zone))}))
    with running("python"):
        assert frame.select(r=gf.col("z").dt.strftime(format)).collect().to_dict() == {"r": [text, None]}


UNKNOWN = ["%#z", "%::::z", "%:Z", "%:f", "%.3z", "%-z", "%_Z", "%0+", "%-c", "%N", "%O", "%i", "%:", "%#"]


def test_formats_that_times_do_not_know() -> None:
    rows = zoned_rows("Europe/Berlin", "us")
    naive = gf.from_polars(rows.select(n=pl.col("z").dt.replace_time_zone(None), d=pl.col("z").dt.date()))
    zoned = gf.from_polars(rows).select(gf.col("z"))
    wrong = [(zoned, "z", f) for f in UNKNOWN] + [(naive, "n", f) for f in ("%z", "%:z", "%Z", "%+", *UNKNOWN)]
    with running("python"):
        for frame, name, format in [*wrong, (naive, "d", "%c"), (naive, "d", "%+")]:
            for method in ("strftime", "to_string"):
                with pytest.raises(PlanError, match=f"format {re.escape(repr(format))}: .* cannot be used"):
                    frame.select(getattr(gf.col(name).dt, method)(format))
                by_row = frame.with_columns(f=gf.lit(format)).select(getattr(gf.col(name).dt, method)(gf.col("f")))
                with pytest.raises(ArithmeticOverflowError, match="knows no such format"):
                    by_row.collect()


OFFSETS = ["Z", "z", "+02", "-0230", "+02:30", " +0230", "", "02", "+24", "+2", "+02:60", "Zz", "-23:59", "utc", "+02:", None]


@pytest.mark.parametrize("part", ["%z", "%:z", "%::z", "%:::z", "%#z"])
def test_offsets_are_read(part: str) -> None:
    rows = pl.DataFrame({"s": [None if o is None else f"2024-01-01 05:00{o}" for o in OFFSETS]})
    with running("python"):
        s = gf.col("s").str
        found = gf.from_polars(rows).select(
            r=s.to_datetime(f"%F %R{part}", strict=False), t=s.strptime(gf.Datetime("ns"), f"%F %R{part}", strict=False)
        )
        given = found.collect().to_polars()
    s = pl.col("s").str
    expected = rows.select(r=s.to_datetime(f"%F %R{part}", strict=False))["r"]
    assert given.schema == {"r": pl.Datetime("us", "UTC"), "t": pl.Datetime("ns", "UTC")}
    assert given["r"].to_list() == given["t"].cast(expected.dtype).to_list() == expected.to_list()
