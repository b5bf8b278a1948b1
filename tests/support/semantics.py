"""What the tests of the semantics table share: how often each query runs, and tables with a column of every type."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any

import dask
import polars as pl
import pytest

import gpuflow as gf
from tests.support.running import assert_same, running
from tests.support.tables import POOLS, frame, widened

Query = Callable[..., Any]

Way = dict[str, Any]


def _ways(*ways: tuple[int, str]) -> Any:
    return pytest.mark.parametrize(
        "way", [{"target": "python", "parts": p, "layout": s} for p, s in ways], ids=[f"{p} {s}" for p, s in ways]
    )


everywhere = _ways((1, "auto"), (7, "auto"))
"""Over one partition and over seven."""

every_layout = _ways((1, "plain"), (7, "plain"), (7, "dictionary"))
"""The same, with strings laid out in either way."""

COMPILED: Way = {"target": "cpu", "parts": 7, "layout": "dictionary"}

VALUES: dict[str, tuple[Any, list[Any]]] = {
    **POOLS,
    "m": (pl.Decimal(9, 2), [Decimal("-7.25"), Decimal("0.00"), Decimal("12.30"), Decimal("9999999.99")]),
    "z": (
        pl.Datetime("us", "Europe/Berlin"),
        [dt.datetime(y, m, d, 1, 30, tzinfo=dt.UTC) for y, m, d in ((1969, 12, 31), (2013, 3, 31), (2024, 10, 27))],
    ),
    "c": (pl.Enum(["low", "mid", "high"]), ["high", "low", "mid"]),
    "o": (pl.Binary, [b"", b"\xff\xfe", b"\x00", b"a"]),
}
"""Columns by name, as in `tests.support.tables.POOLS`, of every type that can be compared."""

ORDERED = "".join(VALUES)
NUMBERS = "ijhuwxyf"


@cache
def every(columns: str = ORDERED, rows: int = 20) -> pl.DataFrame:
    """A table in which each value of each column occurs, and null; two columns repeat at different lengths."""
    found = {name: ([*values, None] * rows)[:rows] for name, (_, values) in ((c, VALUES[c]) for c in columns)}
    return pl.DataFrame({n: pl.Series(v, dtype=VALUES[n][0]) for n, v in found.items()})


def agree(
    query: Query, *tables: pl.DataFrame, target: str, parts: int, layout: str, ordered: bool = True, wide: bool = True
) -> gf.Table:
    """Run ``query(module, *tables)`` by gpuflow and by Polars, hold one against the other, and hand out the result.

    Polars gets narrow numbers widened to 64 bits, which gpuflow computes in, unless `wide` is False.
    """
    expected = query(pl, *(widened(t) if wide else t for t in tables))
    with running(target, parts=parts, rows=max(map(len, tables))), dask.config.set({"gpuflow.strings": layout}):
        found = query(gf, *map(frame, tables)).collect()
    assert_same(found, expected, ordered=ordered, about=(target, parts, layout))
    return found


def collected(query: gf.Frame, *, target: str, parts: int, layout: str, rows: int = 12) -> dict[str, list[Any]]:
    """The columns of a gpuflow query over tables of `rows` rows, where no engine is the oracle."""
    with running(target, parts=parts, rows=rows), dask.config.set({"gpuflow.strings": layout}):
        return query.collect().to_dict()
