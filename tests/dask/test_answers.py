"""Every operator gives on two worker processes what it gives in one process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import dask
import pytest

import gpuflow as gf
from gpuflow import col

from .compare import assert_same


@dataclass(frozen=True)
class Case:
    """A query, the settings that make it go a certain way, and what is noted when it does."""

    ask: Callable[..., gf.Frame]
    settings: dict[str, Any] = field(default_factory=dict)
    noted: str = ""
    ordered: bool = False


FEW = {"gpuflow.broadcast-rows": 200}
CASES = {
    "filter": Case(lambda facts, **_: facts.filter(col("x") > 0, col("s") != "word 007"), ordered=True),
    "select": Case(lambda facts, **_: facts.select("s", z=col("x") * 2 + col("y"), big=col("y") > 3), ordered=True),
    "one row": Case(lambda facts, **_: facts.select(n=gf.len(), m=col("x").mean(), top=col("s").max(), v=col("x").var())),
    "group by, tree": Case(
        lambda facts, **_: facts.group_by("s").agg(n=gf.len(), total=col("y").sum(), m=col("x").mean(), first=col("id").first()),
        noted="group_by: merge in one partition",
    ),
    "group by, exchange": Case(
        lambda facts, **_: facts.group_by("k", "s").agg(n=gf.len(), total=col("y").sum(), top=col("x").max()),
        {"gpuflow.merge-rows": 1000},
        "group_by: merge by exchange",
    ),
    "distinct values of a group": Case(lambda facts, **_: facts.group_by("k").agg(n=col("s").n_unique())),
    "join, broadcast": Case(
        lambda facts, names, **_: facts.join(names, on="k").select("id", "name", "w"), noted="join on 1 key: one table"
    ),
    "join, exchange": Case(
        lambda facts, names, **_: facts.join(names, on="k").select("id", "s", "name", "w"),
        FEW,
        "join on 1 key: both sides exchanged",
    ),
    "join, exchange, strings, repeated keys": Case(
        lambda facts, twice, **_: facts.join(twice, on="s", how="left").select("id", "s", "z"), FEW, "both sides exchanged"
    ),
    "right": Case(
        lambda facts, names, **_: facts.filter(col("y") > 2).join(names, on="k", how="right").select("id", "k", "name")
    ),
    "semi": Case(lambda facts, names, **_: facts.join(names, on="k", how="semi").select("id")),
    "anti, exchange": Case(
        lambda facts, names, **_: facts.join(names, on="k", how="anti").select("id"), FEW, "both sides exchanged"
    ),
    "join and group": Case(
        lambda facts, names, **_: facts.filter(col("y") > 0).join(names, on="k").group_by("name").agg(col("w").sum(), n=gf.len())
    ),
    "sort": Case(lambda facts, **_: facts.sort("s", "x", "id", descending=[True, False, False]), ordered=True),
    "sort, ranges": Case(
        lambda facts, **_: facts.sort("x", "id", nulls_last=True),
        {"gpuflow.sort-rows": 1500},
        "ranges of the first key",
        ordered=True,
    ),
    "sort, ranges of strings": Case(
        lambda facts, **_: facts.sort("s", "id", descending=True),
        {"gpuflow.sort-rows": 1500},
        "ranges of the first key",
        ordered=True,
    ),
    "top": Case(lambda facts, **_: facts.sort("x", "id", descending=True).head(17), noted="sort: top-k", ordered=True),
    "row index": Case(
        lambda facts, **_: facts.filter(col("y") > 2).with_row_index("row", 5).filter(col("row") % 7 == 0).select("row", "id"),
        ordered=True,
    ),
    "limit": Case(lambda facts, **_: facts.filter(col("y") == 3).head(5), ordered=True),
    "slice": Case(lambda facts, **_: facts.slice(1_990, 40).select("id", "s"), ordered=True),
    "union": Case(
        lambda facts, **_: gf.concat([facts.select("id", "s"), facts.filter(col("y") > 0).select("id", "s")]), ordered=True
    ),
    "union of the same": Case(lambda facts, **_: gf.concat([facts.select("id")] * 2).select(col("id").sum(), n=gf.len())),
    "distinct": Case(lambda facts, **_: facts.select("k", "s").distinct()),
    "nothing": Case(lambda facts, **_: facts.filter(col("y") > 10_000).group_by("s").agg(gf.len())),
}


SMALL = {"gpuflow.partition-rows": 2_000}


@pytest.mark.parametrize("name", CASES)
def test_same_answer(name: str, tables: dict[str, gf.Frame], client: Any, notes: list[str]) -> None:
    case = CASES[name]
    frame = case.ask(**tables)
    want = frame.collect()  # one partition, no exchange
    with dask.config.set(SMALL | case.settings):
        assert_same(frame.collect(), want, case.ordered)
        notes.clear()
        with client.as_current():
            got = frame.collect()
    assert_same(got, want, case.ordered)
    assert any(case.noted in n for n in notes), notes


def test_tables_from_files(tables: dict[str, gf.Frame], client: Any, tmp_path: Any) -> None:
    """Workers read files themselves: rows of several row groups, pruned by statistics."""
    for part in range(4):
        tables["facts"].slice(part * 2000, 2000).collect().write_parquet(tmp_path / f"{part}.parquet")
    frame = gf.scan_parquet(tmp_path).filter(col("id") >= 3_000).group_by("s").agg(col("y").sum(), n=gf.len())
    want = frame.collect()
    with client.as_current():
        assert_same(frame.collect(), want)


def test_the_static_graph_gives_the_same(tables: dict[str, gf.Frame], client: Any) -> None:
    """What Dask is shown, lowered by estimates alone, on the workers."""
    with dask.config.set(SMALL | {"gpuflow.broadcast-rows": 200, "gpuflow.sort-rows": 1500}):
        for name in ("join, exchange", "group by, exchange", "sort, ranges", "limit", "union of the same"):
            frame = CASES[name].ask(**tables)
            want = frame.collect()
            with client.as_current():
                assert_same(client.compute(frame).result(), want, CASES[name].ordered)
