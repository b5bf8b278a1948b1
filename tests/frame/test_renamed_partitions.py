"""Columns renamed, swapped or moved where partitions are there already: after limits, unions, sorts, groups and persist.

Partitions know columns by position, queries by name; what comes out is called as the query says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dask
import polars as pl
import pytest
from gpuflow_kernels.ir.expressions import Ref

import gpuflow as gf
from gpuflow.errors import PlanError
from gpuflow.physical import nodes, planner
from gpuflow.plan.nodes import Union
from tests.support.running import assert_same, running
from tests.support.tables import frame

Query = Callable[[Any, Any], Any]

ROWS = pl.DataFrame({"a": [1, 2, 2, 4, None], "b": [10, 20, 30, 40, 50], "c": [7, None, 7, 9, 9]})

FINISHED: dict[str, Query] = {
    "limit": lambda x, t: t.head(4),
    "offset": lambda x, t: t.slice(1),
    "slice of a filter": lambda x, t: t.filter(x.col("b") > 10).slice(1, 3),
    "union": lambda x, t: x.concat([t, t]),
    "sort": lambda x, t: t.sort("b"),
    "top": lambda x, t: t.sort("b", descending=True).head(3),
    "groups": lambda x, t: t.group_by("b", maintain_order=True).agg(x.col("c").max(), x.col("a").sum()).select("a", "b", "c"),
    "distinct": lambda x, t: t.unique(maintain_order=True),
    "join": lambda x, t: t.join(t.select("b", d="a"), on="b").select("a", "b", c="d").sort("b"),
    "persisted": lambda x, t: t.persist() if x is gf else t,
}

CHANGED: dict[str, Query] = {
    "renamed": lambda x, t: t.rename({"a": "b", "b": "a"}),
    "renamed in a circle": lambda x, t: t.rename({"a": "b", "b": "c", "c": "a"}),
    "moved and renamed": lambda x, t: t.select(x.col("c").alias("a"), x.col("a").alias("b"), x.col("b").alias("c")),
}

READ: dict[str, Query] = {
    "union with others": lambda x, t: x.concat([t, t.select(*reversed(columns(t))).select(*columns(t)), t.head(2)]),
    "limit": lambda x, t: t.head(3),
    "offset": lambda x, t: t.slice(1),
    "expression": lambda x, t: t.with_columns(d=x.col("a") - x.col("b")).filter(x.col("b") > 7),
    "limit, then expression": lambda x, t: t.head(4).select(d=x.col("a") - x.col("b"), c="c"),
    "union, then groups": lambda x, t: (
        x.concat([t, t]).group_by("a", maintain_order=True).agg(x.col("b").sum(), x.col("c").max())
    ),
    "join": lambda x, t: t.join(x.concat([t, t]), on="a", suffix="2", nulls_equal=True),
    "semi join": lambda x, t: x.concat([t, t]).join(t.head(2), left_on="b", right_on="b", how="semi"),
    "distinct": lambda x, t: x.concat([t, t]).unique(["b"], keep="first", maintain_order=True),
}
UNORDERED = {"join", "semi join"}


def columns(table: Any) -> list[str]:
    return list(table.columns if isinstance(table, gf.Frame) else table.collect_schema())


@pytest.mark.parametrize(
    ("source", "axis"), [*((s, "plain") for s in FINISHED), ("join", "exchange"), ("union", "optimiser off")]
)
def test_columns_keep_their_names(source: str, axis: str) -> None:
    """Run stage by stage, and as one Dask graph."""

    def query(change: str, read: str) -> Query:
        return lambda x, t: READ[read](x, CHANGED[change](x, FINISHED[source](x, t)))

    queries = {f"{change}, {read}": query(change, read) for change in CHANGED for read in READ}
    with running(parts=3, rows=len(ROWS), axis=axis):
        frames = [made(gf, frame(ROWS)) for made in queries.values()]
        static = dask.compute(*frames)
        for (name, of), made, whole in zip(queries.items(), frames, static, strict=True):
            expected = of(pl, ROWS.lazy()).collect(optimizations=pl.QueryOptFlags.none())
            ordered = name.split(", ", 1)[1] not in UNORDERED
            assert_same(made.collect(), expected, ordered=ordered, about=f"{source}, {name}")
            assert_same(whole, expected, ordered=ordered, about=f"{source}, {name}, as a graph")


def test_persisted_by_dask() -> None:
    with running(parts=3, rows=len(ROWS)):
        (kept,) = dask.persist(frame(ROWS).head(4).rename({"a": "b", "b": "a"}))
        again = kept.rename({"a": "b", "b": "a"}).head(3)
        assert gf.concat([again, again]).select("a", "c").collect().to_dict() == {"a": [1, 2, 2] * 2, "c": [7, None, 7] * 2}


def test_kernels_show_the_names_that_a_query_uses() -> None:
    with running(parts=3, rows=len(ROWS)):
        limited = frame(ROWS).head(4).rename({"a": "b", "b": "a"})
        text = gf.concat([limited, limited]).select(d=gf.col("a") * 2 + gf.col("c")).explain("kernel")
    assert "# c0: 'a' int64" in text and "# c1: 'c' int64" in text, text


def test_columns_that_get_lost_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lowering that gives other columns than its plan has is found before anything runs."""

    def reversed_names(planner: planner.Planner, plan: Union) -> Any:
        below = planner.lower(plan.parts[0])
        return nodes.Project(below, tuple((n, Ref(n, d)) for n, d in reversed(below.output)))

    monkeypatch.setitem(planner.LOWER, Union, reversed_names)
    table = frame(ROWS).select("a", "b")
    with pytest.raises(PlanError, match=r"was lowered to Schema\(b: int64, a: int64\), not Schema\(a: int64, b: int64\)"):
        gf.concat([table, table]).collect()
