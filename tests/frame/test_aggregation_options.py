"""``filter=`` and ``distinct=`` of aggregations against DuckDB's ``agg(DISTINCT x) FILTER (WHERE ...)``."""

from __future__ import annotations

from typing import Any

import dask
import duckdb
import polars as pl
import pytest

import gpuflow as gf
from gpuflow import col

ROWS = pl.DataFrame(
    {
        "k": ["a", "a", None, "b", "b", "a", None, "c", "b", "a"],
        "x": [1, 1, 2, None, 3, 5, 2, None, 3, 1],
        "y": [1.5, -0.0, 0.0, 2.5, None, 1.5, 4.0, 1.0, 2.5, 0.0],
        "keep": [True, True, False, True, None, True, True, False, True, True],
    }
)
"""Null keys, a group of which no row is kept, nulls among the conditions, equal values."""

AGGREGATIONS = {
    "count": "count",
    "sum": "sum",
    "mean": "avg",
    "min": "min",
    "max": "max",
    "var": "var_samp",
    "std": "stddev_samp",
    "median": "median",
}
EMPTY = {"sum": 0}
"""What gpuflow, as Polars, has for no values, where SQL has NULL."""


@pytest.mark.parametrize("keys", [(), ("k",)])
@pytest.mark.parametrize("parts", [1, 4])
def test_every_aggregation(keys: tuple[str, ...], parts: int) -> None:
    asked: dict[str, Any] = {}
    texts = []
    for name, sql in AGGREGATIONS.items():
        for column in ("x", "y"):
            for filtered in (False, True):
                for distinct in (False, True):
                    out = f"{name}_{column}_{filtered}_{distinct}"
                    options = ({"filter": col("keep")} if filtered else {}) | ({"distinct": True} if distinct else {})
                    asked[out] = getattr(col(column), name)(**options)
                    where = " FILTER (WHERE keep)" if filtered else ""
                    texts.append(f"{sql}({'DISTINCT ' if distinct else ''}{column}){where} AS {out}")
    asked["rows"] = gf.len(filter=col("keep"))
    texts.append("count(*) FILTER (WHERE keep) AS rows")
    rows = ROWS.to_arrow()
    by = "".join(f"{k}, " for k in keys)
    connection = duckdb.connect()
    connection.register("t", rows)
    want = connection.sql(f"SELECT {by}{', '.join(texts)} FROM t GROUP BY ALL").to_arrow_table().to_pylist()
    with dask.config.set({"gpuflow.target": "python", "gpuflow.partition-rows": -(-len(ROWS) // parts)}):
        frame = gf.from_arrow(rows)
        found = (frame.group_by(*keys).agg(**asked) if keys else frame.select(**asked)).collect().to_dicts()
    by_key = {tuple(row[k] for k in keys): row for row in found}
    assert len(found) == len(want) == (4 if keys else 1)
    for row in want:
        ours = by_key[tuple(row[k] for k in keys)]
        for out, value in row.items():
            expected = EMPTY.get(out.split("_")[0]) if value is None and out not in keys else value
            assert ours[out] == (pytest.approx(expected, rel=1e-12) if isinstance(expected, float) else expected), (row, out)


def test_conditions_hold_for_one_aggregation() -> None:
    """Each has its own; what would raise for rows left out does not."""
    frame = gf.from_dict({"x": [1, 0, 2], "y": [5, 7, 9]})
    result = frame.select(a=(10 // col("x")).sum(filter=col("x") != 0), b=col("y").sum(), c=col("y").filter(col("x") > 0).max())
    assert result.collect().to_dict() == {"a": [15], "b": [21], "c": [9]}


@pytest.mark.parametrize("name", ["first", "last"])
def test_distinct_without_a_meaning_is_refused(name: str) -> None:
    with pytest.raises((gf.errors.PlanError, gf.errors.UnsupportedError, TypeError), match="distinct"):
        gf.from_dict({"x": [1]}).select(getattr(col("x"), name)(distinct=True))
