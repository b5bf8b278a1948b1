"""Timestamps read from text with zones: against Polars, in both layouts of strings, on every target."""

from __future__ import annotations

from typing import Any

import dask
import polars as pl
import pytest

import gpuflow as gf
from gpuflow.errors import ArithmeticOverflowError, PlanError
from tests.cuda_model.runtime import cuda_model
from tests.support.running import running

READ: dict[str, list[str]] = {
    "%+": [
        "2020-01-31T12:34:56.5+02:00", "2020-01-31t12:34:56.123456789Z", "2020-01-31 12:34:56z", "2020-01-31 12:34:56 utc",
        "2020-01-31 12:34:56 +0530", "2020-01-31T12:34:56", "2020-01-31T12:34:56+02", "+12020-01-31T12:34:56+00:00",
        "2020-1-3T1:2:3-01:00", "2020-01-31T12:34:60Z", "2020-01-31T12:34:56.Z", "2020-01-31T12:34:56\u221202:00",
        "2020-01-31T24:34:56Z", "2020-01-31x12:34:56Z", "2020-01-31T12:34:56Z ", "2020-01-31T12:34:56.5 +02 : 30", "2020-01-31",
    ],
    "%c": [
        "Fri Jan 31 12:34:56 2020", "Fri Jan  3 12:34:56 2020", "Fri Jan 3 12:34:56 2020", "Thu Jan 31 12:34:56 2020",
        "fri JAN 31 12:34:56 2020", "Friday Jan 31 12:34:56 2020", "Fri  Jan 31 12:34:56 2020 ", "Fri Jan 31 1:2:3 +2020",
        "FriJan31 12:34:562020", "Sat Mar  7 00:00:60 2020",
    ],
    "%F %T %z": [
        "2020-01-31 12:34:56 +0200", "2020-01-31 12:34:56 +02:00", "2020-01-31 12:34:56 +02 00", "2020-01-31 12:34:56 +02: :00",
        "2020-01-31 12:34:56 +02", "2020-01-31 12:34:56 Z", "2020-01-31 12:34:56 \u22120200", "2020-01-31 12:34:56  -2359",
        "2020-01-31 12:34:56 +0260", "2020-01-31 12:34:56+0200", "2020-01-31 12:34:56 \u2212",
    ],
    "%F %T%#z": [
        "2020-01-31 12:34:56+0200", "2020-01-31 12:34:56+02", "2020-01-31 12:34:56+02:", "2020-01-31 12:34:56Z",
        "2020-01-31 12:34:56+2", "2020-01-31 12:34:56+02 1", "2020-01-31 12:34:56 z", "2020-01-31 12:34:56\u221202",
    ],
    "%F %T %Z": ["2020-01-31 12:34:56 CEST", "2020-01-31 12:34:56 ", "2020-01-31 12:34:56 a b", "2020-01-31 12:34:56   \u00e9"],
    "%z%F %T": ["+0200 2020-01-31 12:34:56", "+02002020-01-31 12:34:56"],
    "%::z %F %T": ["+02:00:00 2020-01-31 12:34:56", "+0200 2020-01-31 12:34:56"],
    "%F %R": ["2020-01-31 12:34", "2020-07-31 12:34"],
    "": ["2020-01-31 12:34:56", "2020-07-31 12:34:56"],
}  # fmt: skip
"""Formats, and texts for each: most of them what the format means, some just not."""


def columns(m: Any, names: list[str]) -> dict[str, Any]:
    """Each format read to UTC or without a zone, and to a zone, by both functions."""
    made = {}
    for k, format in enumerate(READ):
        s, asked = m.col(names[k]).str, format or ("%F %T" if m is pl else None)
        made[f"{format} plain"] = s.to_datetime(asked, strict=False)
        made[f"{format} in Berlin"] = s.to_datetime(asked, strict=False, time_zone="Europe/Berlin", ambiguous="earliest")
        made[f"{format} by type"] = s.strptime(m.Datetime("ms", "Asia/Kathmandu"), asked, strict=False)
        made[f"{format} date"] = s.to_date(asked or "%F %T", strict=False)
    return made


def check(target: str, layout: str, parts: int) -> None:
    height = max(map(len, READ.values())) + 1
    texts = pl.DataFrame({f: [*t, *[None] * (height - len(t))] for f, t in READ.items()})
    with running(target, parts=parts, rows=height), dask.config.set({"gpuflow.strings": layout}):
        found = gf.from_polars(texts).select(**columns(gf, texts.columns)).collect().to_polars()
    wanted = texts.select(**columns(pl, texts.columns))
    assert found.schema == wanted.schema
    for name in wanted.columns:
        assert found[name].to_physical().to_list() == wanted[name].to_physical().to_list(), name


@pytest.mark.parametrize("parts", [1, 7])
@pytest.mark.parametrize("layout", ["dictionary", "plain"])
def test_zoned_times_from_text(layout: str, parts: int) -> None:
    check("python", layout, parts)


def test_zoned_times_from_text_compiled() -> None:
    check("cpu", "auto", 1)


def test_zoned_times_from_text_on_the_model_of_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpuflow.execute.dask.cuda_problem", lambda: None)
    with cuda_model(1, relaxed=True, multiprocessors=2):
        check("cuda", "auto", 1)


def test_local_times_that_come_twice_or_never() -> None:
    s = gf.col("s").str
    frame = gf.from_polars(pl.DataFrame({"s": ["2020-10-25 02:30", None]}))
    with running():
        for ambiguous, hour in (("earliest", 0), ("latest", 1)):
            read = s.to_datetime("%F %R", time_zone="Europe/Berlin", ambiguous=ambiguous)
            assert [t and t.hour for t in frame.select(read.dt.convert_time_zone("UTC")).collect().to_dict()["s"]] == [hour, None]
        assert frame.select(
            s.to_datetime("%F %R", time_zone="Europe/Berlin", ambiguous="null").is_null()
        ).collect().to_dict() == {"s": [True, True]}
        with pytest.raises(ArithmeticOverflowError, match="has twice"):
            frame.select(s.to_datetime("%F %R", time_zone="Europe/Berlin")).collect()
        with pytest.raises(ArithmeticOverflowError, match="skips"):
            gf.from_dict({"s": ["2020-03-29 02:30"]}).select(s.to_datetime("%F %R", time_zone="Europe/Berlin")).collect()


def test_a_percent_sign_before_a_z_is_no_offset() -> None:
    """Polars takes it for one."""
    with running():
        found = gf.from_dict({"s": ["2020-01-31%z"]}).select(gf.col("s").str.to_datetime("%F%%z")).collect()
    assert found.schema["s"] == gf.Datetime("us")


def test_a_format_by_row_has_no_zone() -> None:
    frame = gf.from_dict({"s": ["2020-01-31 12:00 +0200", "31.1.2020"], "f": ["%F %R %z", "%d.%m.%Y"]})
    s = gf.col("s").str
    with running():
        found = frame.select(s.to_datetime(gf.col("f")).cast(gf.String)).collect().to_dict()["s"]
    assert found == ["2020-01-31 10:00:00.000000", "2020-01-31 00:00:00.000000"]
    with pytest.raises(PlanError, match="must be one literal"):
        frame.select(s.to_datetime(gf.col("f"), time_zone="UTC"))


# -- formats that are none ---------------------------------------------------------------------------------------------
WRONG: dict[str, tuple[Any, str]] = {
    "reading": (gf.col("s").str.to_datetime("%F \u017c%E"), r"format '%F ż%E': '%E' at position 4 .* no part of dates and times"),
    "reading to a date": (gf.col("s").str.to_date("%Y-%K"), r"'%K' at position 3"),
    "reading by type": (gf.col("s").str.strptime(gf.Date, "%Y%"), r"'%' at position 2 .* a percent sign itself is '%%'"),
    "reading of a quarter": (gf.col("s").str.to_date("%Y-%g"), r"'%g' at position 3 .* text that is read has none such"),
    "writing a date": (gf.col("d").dt.strftime("%F %H"), r"'%H' at position 3 cannot be used, for a date has none such"),
    "writing a date as text": (gf.col("d").dt.to_string("%3d"), r"'%3d' at position 0"),
    "writing local time": (gf.col("t").dt.strftime("%T%:z"), r"'%:z' at position 2 .* a timestamp without a zone has none such"),
    "writing an instant": (gf.col("z").dt.to_string("%z%J"), r"'%J' at position 2"),
    "in a filter": (gf.col("d").dt.strftime("%Q") == "1", r"'%Q' at position 0"),
}


@pytest.mark.parametrize("name", WRONG)
def test_formats_that_are_none_are_told_at_once(name: str) -> None:
    frame = gf.from_dict({"s": ["2020-01-31"]}).with_columns(d=gf.lit(0).cast(gf.Date), t=gf.lit(0).cast(gf.Datetime("us")))
    frame = frame.with_columns(z=gf.col("t").dt.replace_time_zone("UTC"))
    expression, message = WRONG[name]
    with pytest.raises(PlanError, match=message):
        frame.filter(expression) if name == "in a filter" else frame.select(expression)


def test_wrong_formats_read_nothing_where_that_is_asked_for() -> None:
    frame = gf.from_dict({"s": ["2020", None]})
    with running():
        assert frame.select(gf.col("s").str.to_date("%E", strict=False)).collect().to_dict() == {"s": [None, None]}


def test_wrong_formats_by_row_raise_when_they_are_met() -> None:
    frame = gf.from_dict({"f": ["%F", "%E"], "d": [1, 2]}).with_columns(d=gf.col("d").cast(gf.Date))
    with running(), pytest.raises(ArithmeticOverflowError, match="knows no such format"):
        frame.select(gf.col("d").dt.strftime(gf.col("f"))).collect()
