"""Scalars of Python and other libraries as literals: all of a value, whatever subclass it is of."""

from __future__ import annotations

import datetime as dt
import enum
import zoneinfo
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from dateutil import tz as dateutil_zones
from gpuflow_kernels import dtypes as t
from gpuflow_kernels.declare.time_lengths import span
from gpuflow_kernels.dtypes import duration, timestamp

from gpuflow.errors import TypeMismatchError
from gpuflow.expr.scalars import listed, physical

V = 1_577_836_800_000_000_123
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
AUTUMN = dt.datetime(2020, 10, 25, 2, 30, tzinfo=BERLIN)  # twice, an hour apart


class Day(dt.date):
    """A date of another library."""


class Moment(dt.datetime):
    """A datetime of another library, as pendulum's."""


class Spanner(dt.datetime):
    """A datetime with all nanoseconds of the second, as Google's clients give it."""

    nanosecond = 7_123


class Text(str):
    """A str that prints as something else."""

    def __str__(self) -> str:
        return "other"


class Whole(enum.IntEnum):
    A = 1


class Word(str, enum.Enum):  # noqa: UP042  (prints as Word.A)
    A = "x"


class Plain(enum.Enum):
    A = 2.5


class Named(dt.tzinfo):
    """A zone as pytz has them."""

    zone = "Asia/Kathmandu"

    def utcoffset(self, when: dt.datetime | None) -> dt.timedelta | None:
        return dt.timedelta(hours=5, minutes=45) if when else None


SAME = {
    "a Timestamp": (pd.Timestamp(V), (V, timestamp("ns"), False)),
    "a Timestamp of whole microseconds": (pd.Timestamp(V - 123), (V - 123, timestamp("ns"), False)),
    "a Timestamp of seconds": (pd.Timestamp("9999-12-31").as_unit("s"), (253_402_214_400_000_000, timestamp("us"), False)),
    "a Timestamp with a zone": (pd.Timestamp(V, tz="Europe/Berlin"), (V, timestamp("ns", "Europe/Berlin"), False)),
    "a Timedelta": (pd.Timedelta(V), (V, duration("ns"), False)),
    "a Timedelta of seconds": (pd.Timedelta(5, "s").as_unit("s"), (5_000_000, duration("us"), False)),
    "nanoseconds of the second": (Spanner(1970, 1, 1, 0, 0, 0, 7), (7_123, timestamp("ns"), False)),
    "NaT": (pd.NaT, (None, t.NULL, False)),
    "NA": (pd.NA, (None, t.NULL, False)),
    "masked": (np.ma.array([1], mask=[True])[0], (None, t.NULL, False)),
    "a null of Arrow": (pa.scalar(None, pa.int8()), (None, t.NULL, False)),
    "a date": (Day(1970, 1, 3), (2, t.DATE, False)),
    "a datetime": (Moment(1970, 1, 1, 0, 0, 1), (1_000_000, timestamp("us"), False)),
    "the first of two local times": (AUTUMN, (1_603_585_800_000_000, timestamp("us", "Europe/Berlin"), False)),
    "the second of two": (AUTUMN.replace(fold=1), (1_603_589_400_000_000, timestamp("us", "Europe/Berlin"), False)),
    "a zone of dateutil": (
        dt.datetime(2020, 10, 25, 2, 30, tzinfo=dateutil_zones.gettz("Europe/Berlin"), fold=1),
        (1_603_589_400_000_000, timestamp("us", "Europe/Berlin"), False),
    ),
    "an offset of dateutil": (
        dt.datetime(1970, 1, 1, 1, tzinfo=dateutil_zones.tzoffset(None, 3600)),
        (0, timestamp("us", "+01:00"), False),
    ),
    "a zone of pytz": (dt.datetime(1970, 1, 1, 5, 45, tzinfo=Named()), (0, timestamp("us", "Asia/Kathmandu"), False)),
    "a bool of NumPy": (np.True_, (True, t.BOOL, True)),
    "an IntEnum": (Whole.A, (1, t.INT64, False)),
    "a member that is text": (Word.A, ("x", t.STRING, False)),
    "a member of an Enum": (Plain.A, (2.5, t.FLOAT64, False)),
    "text that prints as other text": (Text("a"), ("a", t.STRING, False)),
    "text of NumPy": (np.str_("a"), ("a", t.STRING, False)),
    "half a float": (np.float16(1.5), (1.5, t.FLOAT32, True)),
    "a long float": (np.longdouble(1.5), (1.5, t.FLOAT64, True)),
    "an array without dimensions": (np.array(3, "int8"), (3, t.INT8, True)),
    "a decimal of Arrow": (pa.scalar(Decimal("1.50")), (150, t.decimal(3, 2), False)),
    "an integer of Arrow": (pa.scalar(3, pa.int16()), (3, t.INT16, True)),
    "a float of Arrow": (pa.scalar(3, pa.float64()), (3.0, t.FLOAT64, True)),
    "a moment of Arrow": (pa.scalar(V, pa.timestamp("ns", "UTC")), (V, timestamp("ns", "UTC"), True)),
    "a duration of Arrow": (pa.scalar(V, pa.duration("ns")), (V, duration("ns"), True)),
    "a date of Arrow": (pa.scalar(dt.date(1970, 1, 3)), (2, t.DATE, False)),
    "a date of Arrow in ms": (pa.scalar(86_400_000, pa.date64()), (1, t.DATE, True)),
    "a word of Arrow's dictionaries": (pa.array(["a"]).dictionary_encode()[0], ("a", t.STRING, False)),
}


@pytest.mark.parametrize("name", SAME)
def test_all_of_a_value_is_taken(name: str) -> None:
    value, expected = SAME[name]
    found = physical(value)
    assert found == expected
    assert type(found[0]) in (type(None), bool, int, float, str, bytes)


@pytest.mark.parametrize("unit", ["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as"])
def test_moments_of_every_unit_of_numpy(unit: str) -> None:
    finest = {"ps": 10**3, "fs": 10**6, "as": 10**9}.get(unit, 1)
    count, dtype, _ = physical(np.datetime64(7 * finest, unit))
    ticks = count if dtype == t.DATE else count * 10**9 // dtype.per_second
    assert (dtype.unit or "D") == {"h": "s", "m": "s"}.get(unit, unit if unit in t.UNITS else "ns" if finest > 1 else "D")
    exact = np.datetime64(7 * finest, unit).astype("datetime64[D]" if dtype == t.DATE else "datetime64[ns]")
    assert ticks == int(exact.astype(np.int64))
    if unit not in ("Y", "M"):
        length, kind, _ = physical(np.timedelta64(7 * finest, unit))
        assert length * 10**9 // kind.per_second == int(np.timedelta64(7 * finest, unit).astype("timedelta64[ns]").astype(int))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.timedelta64(5, "M"), "no fixed length"),
        (np.timedelta64(5, "Y"), "no fixed length"),
        (np.timedelta64(5), "has no unit"),
        (np.datetime64(5, "ps"), "no whole number of nanoseconds"),
        (np.timedelta64(3001, "as"), "no whole number of nanoseconds"),
        (np.datetime64(1 << 60, "h"), "beyond what a timestamp"),
        (np.timedelta64(1 << 62, "W"), "beyond what a duration"),
        (np.datetime64(1 << 40, "Y"), "beyond what a date"),
        (np.datetime64(1 << 60, "M"), "beyond what a date"),
        (np.datetime64(1 << 40, "D"), "beyond what a date"),
        (pd.Period("2020-01"), r"call \.to_timestamp"),
        (pl.Series([1]), "pass one value"),
        (np.longdouble(1) / 3, "more digits than a float64"),
        (pa.scalar([1]), "an Arrow list<item: int64> is no literal"),
    ],
)
def test_what_no_type_holds_is_refused(value: Any, message: str) -> None:
    with pytest.raises(TypeMismatchError, match=message):
        physical(value)


def test_lists_of_other_libraries_keep_nanoseconds() -> None:
    for values in (
        [pd.Timestamp(V)],
        pd.Series([pd.Timestamp(V)]),
        pd.DatetimeIndex([pd.Timestamp(V)]),
        np.array([V], "datetime64[ns]"),
        pa.array([V], pa.timestamp("ns")),
        pl.Series([V], dtype=pl.Datetime("ns")),
    ):
        assert [value for value, _, _ in listed(values)] == [V], type(values)
    zoned = listed(pl.Series([V, None], dtype=pl.Datetime("ns", "Europe/Berlin")))
    assert [found[:2] for found in zoned] == [(V, timestamp("ns", "Europe/Berlin")), (None, t.NULL)]
    assert listed(pl.Series([V], dtype=pl.Duration("ns")))[0][:2] == (V, duration("ns"))


def test_a_length_of_pandas_keeps_nanoseconds() -> None:
    assert span(pd.Timedelta(1, "ns")).nanoseconds == 1
    assert span(-pd.Timedelta(86_400 * 10**9 + 1_001, "ns")) == span("-1d1001ns")
