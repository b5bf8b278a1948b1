"""`dt.offset_by`, `dt.truncate` and `dt.round` by a column of lengths: against Polars, in both layouts, on every target."""

from __future__ import annotations

import datetime as dt
from typing import Any

import dask
import polars as pl
import pytest

import gpuflow as gf
from gpuflow.errors import ArithmeticOverflowError, PlanError, TypeMismatchError
from tests.cuda_model.runtime import cuda_model
from tests.support.running import assert_same, running

LENGTHS = "1h -1h 24h -90m 1s 1y -1y 4y 3mo12d -1mo3d 1w -2w 5d -7d 1mo2d3h4m5s -1y1q1w1d1h 0d".split()
STEPS = "1d 3d 1w 2w 1mo 1q 5y 15m 30m 1s 90s 1h".split()
DAYS = "1d 1w 1mo 2d 5y 1q 2w".split()
MOMENTS = [
    *(dt.datetime(2024, 3, 29, 1, 30) + dt.timedelta(hours=37 * k) for k in range(60)), dt.datetime(1960, 2, 29, 23, 59, 59),
    dt.datetime(2024, 10, 27, 0, 30), dt.datetime(2024, 10, 27, 1, 30), dt.datetime(2024, 12, 31, 23, 59, 59), None,
]  # fmt: skip


def moments(zone: str | None, unit: Any) -> pl.DataFrame:
    utc = pl.Series("t", MOMENTS, dtype=pl.Datetime(unit)).dt.replace_time_zone("UTC")
    t = utc.dt.replace_time_zone(None) if zone is None else utc.dt.convert_time_zone(zone)
    rows = range(len(MOMENTS))
    picked = {"b": (LENGTHS, 7), "e": (STEPS, 5), "f": (DAYS, 9)}
    texts = {n: [None if k % gap == 3 else of[k % len(of)] for k in rows] for n, (of, gap) in picked.items()}
    return pl.DataFrame({"t": t, "d": utc.dt.date(), **texts})


def columns(m: Any) -> dict[str, Any]:
    t, d, b, e, f = (m.col(c) for c in "tdbef")
    return {
        "moved": t.dt.offset_by(b), "start": t.dt.truncate(e), "nearest": t.dt.round(e), "day": d.dt.offset_by(b),
        "first day": d.dt.truncate(f), "nearest day": d.dt.round(f), "nothing": t.dt.offset_by(m.lit(None, m.String)),
        "same": t.dt.truncate(m.lit("1mo")),
        "joined": t.dt.offset_by(m.concat_str([m.lit("1"), f.str.tail(1).str.replace("o", "mo")])),
        "condition": t.dt.offset_by(m.when(d.is_null()).then(m.lit("1d")).otherwise(b)),
    }  # fmt: skip


def check(zone: str | None, target: str, parts: int = 1, layout: str = "auto", unit: str = "us", rows: int = 100) -> None:
    frame = moments(zone, unit)[:rows]
    with running(target, parts=parts, rows=frame.height), dask.config.set({"gpuflow.strings": layout}):
        found = gf.from_polars(frame).select(**columns(gf)).collect()
    expected = frame.select(**columns(pl))
    assert found.to_polars().schema == expected.schema
    assert_same(found, expected, ordered=True, about=zone)


@pytest.mark.parametrize("parts", [1, 7])
@pytest.mark.parametrize("layout", ["dictionary", "plain"])
@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_interpreted(zone: str | None, layout: str, parts: int) -> None:
    check(zone, "python", parts, layout)


@pytest.mark.parametrize("unit", ["ms", "ns"])
def test_other_units(unit: str) -> None:
    check("America/New_York", "python", unit=unit)


def test_compiled() -> None:
    for zone in (None, "Europe/Berlin", "America/New_York"):
        check(zone, "cpu", parts=2)


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_on_the_model_of_a_gpu(zone: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpuflow.execute.dask.cuda_problem", lambda: None)
    with cuda_model(1, relaxed=True, multiprocessors=2):
        check(zone, "cuda", rows=20)


def test_each_text_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from gpuflow.arrow import string_functions

    string_functions._length.cache_clear()
    frame = gf.from_dict({"t": [0, 1, 2] * 100, "b": ["1d", "2d", None] * 100}).with_columns(gf.col("t").cast(gf.Datetime("us")))
    with running():
        frame.select(gf.col("t").dt.offset_by(gf.col("b"))).collect()
    assert string_functions._length.cache_info().misses <= 3  # a null may have the place of an empty text


WRONG = [
    # method, type, text, what is said
    ("offset_by", gf.Datetime("us"), "1 day", r"span_\w+ meets a string that is no length of time, such as '15m'"),
    ("offset_by", gf.Datetime("us"), "", "no length of time"),
    ("offset_by", gf.Datetime("us"), "1ns", "no whole number of its ticks"),
    ("offset_by", gf.Datetime("ns"), "300y", "leaves the type"),
    ("offset_by", gf.Date, "6000000y", "leaves the type"),
    ("truncate", gf.Datetime("us"), "0d", "no interval above zero"),
    ("truncate", gf.Datetime("us"), "-1d", "no interval above zero"),
    ("truncate", gf.Datetime("us"), "1mo1d", "no interval above zero"),
    ("truncate", gf.Date, "1h", "no whole number of its ticks"),
    ("round", gf.Datetime("ns"), "90000y", "leaves the type"),
    ("round", gf.Datetime("us"), "x", "no interval above zero"),
]


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
@pytest.mark.parametrize(("method", "dtype", "text", "message"), WRONG)
def test_texts_that_are_none_raise_for_rows_that_count(method: str, dtype: Any, text: str, message: str, zone: Any) -> None:
    frame = gf.from_dict({"t": [1, 2, None], "b": ["1d", text, text]}).with_columns(gf.col("t").cast(dtype))
    if zone and dtype != gf.Date:
        frame = frame.with_columns(gf.col("t").dt.replace_time_zone(zone))
    moved = getattr(gf.col("t").dt, method)(gf.col("b"))
    with running():
        with pytest.raises(ArithmeticOverflowError, match=message):
            frame.select(moved).collect()
        assert len(frame.filter(gf.col("b") == "1d").select(moved).collect()) == 1


def test_other_types_are_refused() -> None:
    frame = gf.from_dict({"t": [1], "n": [1], "b": ["1d"]}).with_columns(gf.col("t").cast(gf.Datetime("us")))
    with pytest.raises(TypeMismatchError, match=r"does not accept timestamp.us. and int64; it accepts string beside timestamp"):
        frame.select(gf.col("t").dt.offset_by(gf.col("n")))
    with pytest.raises(TypeMismatchError, match="it accepts timestamps or date beside string"):
        frame.select(gf.col("n").dt.truncate(gf.col("b")))
    with pytest.raises(PlanError, match="'1 day' is no interval"):
        frame.select(gf.col("t").dt.offset_by(gf.lit("1 day")))
