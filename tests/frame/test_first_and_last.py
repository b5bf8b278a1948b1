"""`first` and `last`, with and without nulls, grouped and not, over one partition and several, against Polars."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

import gpuflow as gf
from gpuflow import col
from tests.support.running import assert_same, running
from tests.support.tables import NULLS, frame, seeded

COLUMNS = "ixsbe"
ROWS = 60


def picked(x: Any, columns: str) -> dict[str, Any]:
    return {
        f"{c}_{method}_{skip}": getattr(x.col(c), method)(ignore_nulls=skip)
        for c in columns
        for method in ("first", "last")
        for skip in (False, True)
    }


@pytest.mark.parametrize("target", ["python", "cpu"])
@pytest.mark.parametrize("nulls", NULLS)
@pytest.mark.parametrize("parts", [1, 7])
def test_first_and_last(parts: int, nulls: str, target: str) -> None:
    columns = COLUMNS if target == "python" else "is"  # compiled: few kernels
    rows = seeded(COLUMNS, ROWS, 3, nulls).with_columns(k=pl.Series([k * k % 7 for k in range(ROWS)]))
    with running(target, parts=parts, rows=ROWS):
        whole = frame(rows).select(**picked(gf, columns)).collect()
        ordered = frame(rows).group_by("k", maintain_order=True).agg(**picked(gf, columns)).collect()
        nothing = frame(rows).filter(col("k") > 99).select(**picked(gf, columns)).collect()
    assert_same(whole, rows.select(**picked(pl, columns)))
    assert_same(ordered, rows.group_by("k", maintain_order=True).agg(**picked(pl, columns)), ordered=True)
    assert_same(nothing, rows.filter(pl.col("k") > 99).select(**picked(pl, columns)))


def test_nulls_are_kept_unless_told() -> None:
    rows = gf.from_polars(pl.DataFrame({"x": [None, 1, 2, None]}, schema={"x": pl.Int64}))
    found = rows.select(a=col("x").first(), b=col("x").first(ignore_nulls=True), c=col("x").last(ignore_nulls=True)).collect()
    assert found.to_polars().rows() == [(None, 1, 2)]


@pytest.mark.parametrize("named", [{"ignore_null": True}, {"ignore_nulls": 1}])
def test_other_parameters_are_refused(named: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"first\(\) takes ignore_nulls=True or False"):
        col("x").first(**named)
    with pytest.raises(TypeError, match=r"sum\(\) takes filter=, distinct=True or False, not ignore"):
        col("x").sum(**named)
