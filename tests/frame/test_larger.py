"""Tables large enough for what small ones never reach: grown tables, other layouts, packed and wide keys, a top-k that
selects before it sorts, join tables of every kind, partitions that know different things."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import gpuflow as gf
from tests.support.running import assert_same, running
from tests.support.tables import frame

ROWS = 30_000


def table(seed: int, rows: int = ROWS) -> pl.DataFrame:
    """`k` grows with the row (partitions see other ranges), `w` is spread over 64 bits, `s` has thousands of values."""
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(size=rows), 2)
    x[rng.random(rows) < 0.01] = np.nan
    columns = {
        "k": np.sort(rng.integers(0, rows // 4, rows)),
        "few": rng.integers(-3, 40, rows),
        "w": rng.integers(-(2**62), 2**62, 5000)[rng.integers(0, 5000, rows)],
        "x": x,
        "s": np.array([f"name {v}" for v in range(rows // 8)])[rng.integers(0, rows // 8, rows)],
        "n": rng.integers(0, 1_000_000, rows),
        "row": np.arange(rows),
    }
    found = pl.DataFrame(columns)
    null = pl.Series(rng.random(rows) < 0.03)
    return found.with_columns(pl.when(null).then(None).otherwise(pl.col(c)).alias(c) for c in ("few", "x", "s", "n"))


Query = Callable[[Any, Any, Any], Any]

QUERIES: dict[str, Query] = {
    "groups that grow": lambda x, t, u: t.group_by("w").agg(n=x.len(), s=x.col("n").sum(), m=x.col("x").max()),
    "ranges that move": lambda x, t, u: t.group_by("k").agg(n=x.len(), m=x.col("n").min()),
    "packed": lambda x, t, u: t.group_by("k", "few").agg(n=x.len(), s=x.col("n").sum()),
    "wide": lambda x, t, u: t.group_by("w", "few").agg(n=x.len(), s=x.col("x").min()),
    "names": lambda x, t, u: t.group_by("s").agg(n=x.len(), a=x.col("x").count(), b=x.col("s").max()),
    "distinct counts": lambda x, t, u: t.group_by("few").agg(a=x.col("s").n_unique(), b=x.col("w").n_unique()),
    "join direct": lambda x, t, u: t.join(u.unique(subset=["k"], keep="first").select("k", other="n"), on="k"),
    "join hash": lambda x, t, u: t.select("w", "row").join(u.select("w", other="row").head(700), on="w"),
    "join names": lambda x, t, u: t.select("s", "row").join(u.select("s", other="n").head(3000), on="s", how="left"),
    "join two keys": lambda x, t, u: t.select("k", "few", "row").join(
        u.select("k", "few", other="n"), on=["k", "few"], how="left"
    ),
    "semi": lambda x, t, u: t.join(u.filter(x.col("x") > 1), on=["few", "k"], how="semi").select("row"),
    "anti": lambda x, t, u: t.join(u, on="n", how="anti").select("row"),
    "sums over joins": lambda x, t, u: t.join(u, on="few").select(n=x.len(), s=x.col("n").sum(), m=x.col("n_right").max()),
    "sort": lambda x, t, u: t.select("x", "few", "row").sort(
        "few", "x", "row", descending=[True, False, True], nulls_last=[False, True, False]
    ),
    "sort names": lambda x, t, u: t.select("s", "row").sort("s", "row", descending=[False, True]),
    "top": lambda x, t, u: t.select("n", "row").sort("n", "row", descending=[True, False], nulls_last=True).head(50),
    "top of nulls": lambda x, t, u: t.select("x", "row").sort("x", "row", descending=True).head(1200),
    "top of names": lambda x, t, u: t.select("s", "row").sort("s", "row", nulls_last=True).slice(10, 40),
    "top of ties": lambda x, t, u: t.select("few", "row").sort("few", nulls_last=True).head(5000).select(x.col("few")),
}

ORDERED = {name for name in QUERIES if name.startswith(("sort", "top"))}


@pytest.mark.parametrize("name", QUERIES)
def test_larger(name: str, tmp_path: Path) -> None:
    left, right = table(1), table(2, ROWS // 3)
    expected = QUERIES[name](pl, left, right)
    for axis, parts in (("plain", 1), ("plain", 5), ("exchange", 3)):
        with running("cpu", axis, parts, ROWS):
            found = QUERIES[name](gf, frame(left), frame(right)).collect()
        assert_same(found, expected, ordered=name in ORDERED, about=f"{name}, {axis}, {parts} partitions")
    left.write_parquet(tmp_path / "left.parquet", row_group_size=4000)
    with running("cpu", parts=4, rows=ROWS):
        found = QUERIES[name](gf, gf.scan_parquet(tmp_path / "left.parquet"), frame(right)).collect()
    assert_same(found, expected, ordered=name in ORDERED, about=f"{name}, from Parquet")
