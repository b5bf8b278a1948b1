"""Small tables of hostile values, as Polars frames: drawn by Hypothesis, or from a seed."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import polars.selectors as cs
from hypothesis import strategies as st

import gpuflow as gf

NAN, INF = float("nan"), float("inf")

# Floats are multiples of a quarter, and few: sums are exact in any order, and keys repeat.
POOLS: dict[str, tuple[Any, list[Any]]] = {
    "i": (pl.Int64, [-7, -2, 0, 1, 2, 3, 19]),
    "j": (pl.Int32, [-3, 0, 1, 2, 40]),
    "h": (pl.Int8, [-128, -1, 0, 1, 127]),
    "u": (pl.UInt64, [0, 1, 2, 2**63 - 1, 2**63, 2**64 - 1]),
    "w": (pl.Int64, [-(2**63), -(2**40), 0, 3 << 40, 5 << 40, 2**63 - 1]),
    "x": (pl.Float64, [0.0, -0.0, NAN, 1.5, -2.25, 3.0, INF, -INF]),
    "y": (pl.Float64, [-0.5, 0.0, 0.25, 1.0, 4.0, NAN]),
    "f": (pl.Float32, [0.0, -0.0, NAN, 1.5, -3.25, INF]),
    "b": (pl.Boolean, [True, False]),
    "s": (pl.String, ["", "a", "b", "ab", "é", "z'\n\"\\"]),
    "t": (pl.String, ["a", "b", "c", "𝄞"]),
    "d": (pl.Date, [dt.date(1969, 12, 31), dt.date(1970, 1, 1), dt.date(2000, 2, 29), dt.date(2024, 12, 30)]),
    "e": (
        pl.Datetime("us"),
        [dt.datetime(1969, 12, 31, 23, 59, 59, 999999), dt.datetime(2013, 7, 1, 5), dt.datetime(2040, 2, 3)],
    ),
    "p": (pl.Duration("ms"), [dt.timedelta(0), dt.timedelta(days=-1, milliseconds=7), dt.timedelta(hours=3)]),
}
MORE: dict[str, tuple[Any, list[Any]]] = {
    "c": (pl.Decimal(9, 2), [Decimal(v) for v in ("0", "-1.25", "0.05", "12.34", "9999999.99")]),
    "q": (pl.Decimal(18, 4), [Decimal(v) for v in ("0", "-0.0001", "12.34", "99999999999999.9999")]),
    "z": (
        pl.Datetime("us", "Europe/Berlin"),
        [
            dt.datetime(2024, 3, 31, 0, 59, 59),
            dt.datetime(2024, 3, 31, 1),
            dt.datetime(2024, 10, 27, 0, 30),
            dt.datetime(1969, 7, 1),
        ],
    ),
    "m": (
        pl.Datetime("ms"),
        [dt.datetime(1969, 12, 31, 23, 59, 59, 999000), dt.datetime(2013, 7, 1, 5), dt.datetime(2040, 2, 3)],
    ),
    "v": (pl.Binary, [b"", b"\xff\x00", b"a", b"ab", b"\xff"]),
    "k": (pl.Enum(["low", "mid", "a", "high"]), ["low", "mid", "a", "high"]),
    "l": (pl.List(pl.Int64), [[], [1], [2, None, 3], [1]]),
    "o": (pl.Struct({"a": pl.Int64, "b": pl.String}), [{"a": 1, "b": "x"}, {"a": None, "b": ""}]),
    "n": (pl.Null, [None]),
}
"""The types that no expression computes with, or few."""
ALL_POOLS = POOLS | MORE
"""Columns by name: Polars type and the values that occur."""

NULLS = ("none", "some", "runs", "all")
"""How a column holds nulls. ``runs`` puts them together, so that whole partitions are null."""


def series(values: list[Any], dtype: Any) -> pl.Series:
    """Make a column; times of a zone are given in UTC."""
    zone = getattr(dtype, "time_zone", None)
    if zone is None:
        return pl.Series(values, dtype=dtype)
    return pl.Series(values, dtype=pl.Datetime(dtype.time_unit)).cast(dtype)


@st.composite
def table(draw: st.DrawFn, columns: str, most: int = 12) -> pl.DataFrame:
    """A table with these columns of `POOLS`, of up to `most` rows, nulls anywhere, in runs, everywhere or nowhere."""
    rows = draw(st.integers(0, most))
    columns_by_name = {}
    for name in columns:
        dtype, pool = ALL_POOLS[name]
        nulls = draw(st.sampled_from(NULLS))
        # One draw for all rows: a draw for each costs as much as running the query. A zero is the first value.
        picks = [byte % (len(pool) + 2 * (nulls == "some")) for byte in draw(st.binary(min_size=rows, max_size=rows))]
        start = {"runs": draw(st.integers(0, rows)), "all": 0}.get(nulls, rows)
        columns_by_name[name] = series([None if k >= len(pool) or r >= start else pool[k] for r, k in enumerate(picks)], dtype)
    return pl.DataFrame(columns_by_name)


@cache
def seeded(columns: str, rows: int, seed: int, nulls: str = "some") -> pl.DataFrame:
    """The same from a seed, made once. Which columns hold nulls depends on `nulls` alone, so kernels are compiled once."""
    rng = np.random.default_rng(seed)
    found = {}
    for name in columns:
        dtype, pool = ALL_POOLS[name]
        index = rng.integers(0, len(pool), rows)
        index[rng.permutation(rows)[: len(pool)]] = np.arange(len(pool))[:rows]  # every value occurs
        null = rng.random(rows) < {"none": 0.0, "some": 0.25, "all": 1.0}.get(nulls, 0.0)
        null[rows // 2 :] |= nulls == "runs"
        null[-1:] |= nulls != "none"
        found[name] = series([None if n else pool[k] for k, n in zip(index, null, strict=True)], dtype)
    return pl.DataFrame(found)


def frame(table: pl.DataFrame) -> gf.Frame:
    """A table as gpuflow reads it."""
    return gf.from_polars(table)


def widened(table: pl.DataFrame) -> pl.DataFrame:
    """As Polars has to see it to mean the same: gpuflow computes narrow integers in int64 and sums float32 in float64."""
    narrow = cs.integer() - cs.by_dtype(pl.UInt64)
    return table.with_columns(narrow.cast(pl.Int64), cs.float().cast(pl.Float64))
