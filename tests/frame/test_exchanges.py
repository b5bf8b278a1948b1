"""Rows that lie together by a key stay where they are for what comes next by the same key."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import dask
import polars as pl
import pytest
from gpuflow_kernels.dtypes import FLOAT64, INT32, INT64, STRING
from gpuflow_kernels.ir.expressions import Ref

import gpuflow as gf
from gpuflow import Frame
from gpuflow.execute.graph import Graph
from gpuflow.expr.bind import cast_to
from gpuflow.physical import nodes
from gpuflow.physical.exchanges import insert_exchanges
from gpuflow.physical.partitioning import Hash, Partitioning, Range, Single, Unknown, also, keyed, places, satisfies, through
from gpuflow.physical.planner import Planner
from gpuflow.physical.profile import host
from gpuflow.physical.tasks import Options
from tests.support.running import assert_same, running

Query = Callable[[Any, Any, Any, Any], Any]

KEYS = {
    "k": pl.Series([1, 2, 2, None, 3, 5, None, 8], dtype=pl.Int32),
    "f": pl.Series([0.0, -0.0, float("nan"), 1.5, None, 1.5, float("nan"), 7.0]),
    "s": pl.Series(["a", "b", None, "a", "", "é", "b", "c"]),
    "d": pl.Series([Decimal(v) if v else None for v in ("1", "-1", "", "1", "9" * 30, "2", "3", "1")], dtype=pl.Decimal(38, 0)),
}
A = pl.DataFrame({**KEYS, "x": range(8)})
B = pl.DataFrame({n: v.reverse() for n, v in KEYS.items()} | {"y": range(10, 18)})
C = pl.DataFrame({n: v.head(5) for n, v in KEYS.items()} | {"z": range(5)})


def sums(m: Any, frame: Any, *keys: str) -> Any:
    return frame.group_by(*keys).agg(m.col("x").sum(), n=m.len())


ON_K: dict[str, tuple[Query, int]] = {
    "join, groups": (lambda m, a, b, c: sums(m, a.join(b, on="k"), "k"), 2),
    "left join, groups": (lambda m, a, b, c: sums(m, a.join(b, on="k", how="left"), "k"), 2),
    "semi join, groups": (lambda m, a, b, c: sums(m, a.join(b, on="k", how="semi"), "k"), 2),
    "right join, groups": (lambda m, a, b, c: sums(m, a.join(b, on="k", how="right"), "k"), 2),
    "right join, the other side's groups": (lambda m, a, b, c: sums(m, a.join(b, on="k", how="right"), "s"), 3),
    "anti join, groups": (lambda m, a, b, c: sums(m, a.join(b, on="k", how="anti"), "k"), 2),
    "nulls equal, groups": (lambda m, a, b, c: sums(m, a.join(b, on="k", nulls_equal=True), "k"), 2),
    "join, distinct": (lambda m, a, b, c: a.join(b, on="k").select("x", "k", "s").unique(), 2),
    "join, groups by more": (lambda m, a, b, c: sums(m, a.join(b, on="k"), "s", "k"), 2),
    "join, join": (lambda m, a, b, c: a.join(b, on="k").join(c, on="k", suffix="_c"), 3),
    "join, left join with nulls": (
        lambda m, a, b, c: a.join(b, on="k", how="left").join(c, on="k", how="left", nulls_equal=True, suffix="_c"),
        3,
    ),
    "join, join by more": (lambda m, a, b, c: a.join(b, on="k").join(c, on=["s", "k"], suffix="_c"), 3),
    "groups, join": (lambda m, a, b, c: sums(m, a, "k").join(b, on="k"), 2),
    "join of groups": (lambda m, a, b, c: sums(m, a, "k").join(sums(m, b.rename({"y": "x"}), "k"), on="k"), 2),
    "groups, groups": (lambda m, a, b, c: sums(m, sums(m, a, "k", "s"), "k").join(sums(m, a, "k"), on="k"), 3),
    "renamed": (lambda m, a, b, c: sums(m, a.join(b, on="k").rename({"k": "q"}).filter(m.col("x") > 0), "q"), 2),
    "other names": (lambda m, a, b, c: sums(m, a.join(b.rename({"k": "r"}), left_on="k", right_on="r"), "k"), 2),
    "recomputed": (lambda m, a, b, c: sums(m, a.join(b, on="k").with_columns(k=m.col("k") + 1), "k"), 3),
    "cast, groups": (
        lambda m, a, b, c: sums(m, a.join(b.with_columns(m.col("k").cast(m.Int64)), on=m.col("k").cast(m.Int64)), "k"),
        2,
    ),
    "other keys": (lambda m, a, b, c: sums(m, a.join(b, on="k"), "s"), 3),
    "fewer keys": (lambda m, a, b, c: sums(m, a.join(b, on=["k", "s"]), "s"), 3),
    "the other side's column": (lambda m, a, b, c: sums(m, a.join(b, on="k", how="left"), "y"), 3),
    "strings": (lambda m, a, b, c: sums(m, a.join(b, on="s"), "s").join(c, on="s"), 3),
    "floats": (lambda m, a, b, c: sums(m, a.join(b, on="f", nulls_equal=True), "f").join(c, on="f", suffix="_c"), 3),
    "wide decimals": (lambda m, a, b, c: sums(m, a.join(b, on=["d", "s"]), "d", "s").join(c, on=["s", "d"]), 3),
    "sorted, groups": (lambda m, a, b, c: sums(m, a.sort("k", "s"), "k"), 0),
}
"""Queries, and how many exchanges by hash they have when no table is small enough for all partitions."""


@pytest.mark.parametrize("axis", ["exchange", "exchange, tiny"])
def test_what_lies_together_is_not_exchanged_again(axis: str) -> None:
    with running(parts=3, rows=8, axis=axis):
        queries = {name: query(gf, *map(gf.from_polars, (A, B, C))) for name, (query, _) in ON_K.items()}
        static = dask.compute(*queries.values())
        for (name, made), whole in zip(queries.items(), static, strict=True):
            query, exchanges = ON_K[name]
            expected = query(pl, *(t.lazy() for t in (A, B, C))).collect()
            assert_same(made.collect(), expected, about=name)
            assert_same(whole, expected, about=f"{name}, as a graph")
            text = made.explain("physical")
            assert text.count("HASH EXCHANGE") == exchanges, f"{name}\n{text}"


def test_explain_shows_operators_with_their_sizes() -> None:
    with running(parts=4, rows=8):
        frame = gf.from_polars(A)
        lines = sums(gf, frame.join(gf.from_polars(C), on="k").filter(gf.col("x") > 1), "s").explain("physical").splitlines()
    operators = [line.strip().split("  ")[0] for line in lines[: lines.index("")]]
    assert [o.split(" ")[0] for o in operators] == "MERGE GATHER PARTIAL LOOK FILTER SCAN BROADCAST BUILD SCAN".split()
    scan = next(line for line in lines if "SCAN" in line)
    assert "4 partitions, ~8 rows, " in scan
    assert any(line.startswith("join on 1 key: one table for all partitions (") for line in lines)


def test_rows_that_nobody_knows(tmp_path: Path) -> None:
    """Estimates decide nothing then: what may be small is taken to be."""
    for name in ("a", "b"):
        A.select("k", "x").write_csv(tmp_path / f"{name}.csv")
    rows = gf.scan_csv(tmp_path / "*.csv")
    with running(parts=3, rows=8, axis="exchange"):
        made = sums(gf, rows.join(rows.select("k", y="x"), on="k"), "k").sort("k")
        (whole,) = dask.compute(made)
        assert "~" not in made.explain("physical")
        assert_same(whole, made.collect().to_polars(), ordered=True)


def test_a_scan_that_occurs_twice_is_shown_once() -> None:
    frame: Frame = gf.from_polars(A).filter(gf.col("x") > 1)
    text = gf.concat([frame, frame]).explain("physical")
    assert text.count("SCAN") == 1 and "as in line 2" in text, text


class Each(nodes.Unary):
    """An operator that needs its groups whole, and has no choice."""

    @property
    def required(self) -> tuple[Partitioning, ...]:
        return (Hash(keyed([Ref("d", DECIMAL)])),)


DECIMAL = A.pipe(gf.from_polars).schema["d"]


def test_an_operator_that_requires_a_hash_gets_one_and_no_columns_more() -> None:
    graph = Graph(2, local=True)
    with running(parts=3, rows=8):
        planner = Planner(graph, Options("python"), 3, host())
        placed = insert_exchanges(planner, Each(planner.lower(gf.from_polars(A).plan)))
    (below,) = placed.children
    assert isinstance(below.provided, Hash) and below.provided.n == len(planner.finished(below).parts) == 4
    assert below.output == placed.output and [n for n, _ in placed.output] == list(A.columns)
    assert graph.notes == [("exchange", "exchanged into 4 partitions", "8 rows")]
    assert insert_exchanges(planner, Each(below)).children == (below,)


K, L, S, F = Ref("k", INT64), Ref("l", INT64), Ref("s", STRING), Ref("f", FLOAT64)


def test_partitionings() -> None:
    by_k = Hash(keyed([K]), 4)
    assert satisfies(by_k, Hash(keyed([K, S]))) and not satisfies(Hash(keyed([K, S]), 4), Hash(keyed([K])))
    assert satisfies(Single(), Hash(keyed([K]))) and satisfies(Unknown(1), Single()) and not satisfies(Unknown(2), Single())
    assert not satisfies(Unknown(4), Hash(keyed([K]))) and satisfies(by_k, by_k) and not satisfies(by_k, Hash(keyed([K]), 5))
    assert satisfies(Range(keyed([K, S]), 4), Hash(keyed([K]))) and not satisfies(Range(keyed([S, K]), 4), Hash(keyed([K])))
    assert places(Hash(keyed([S, K]), 4), (K, F, S)) == (2, 0) and places(by_k, (S,)) is None
    assert through(by_k, [("a", K), ("b", K)]) == Hash(((Ref("a", INT64), Ref("b", INT64)),), 4)
    assert through(by_k, [("k", S)]) == Unknown(4)
    assert through(Range(keyed([K, S]), 4), [("k", K)]) == Range(keyed([K]), 4)
    assert satisfies(also(by_k, [(K, L)]), Hash(keyed([L])))


def test_what_is_computed_from_keys_follows_them_unless_from_floats() -> None:
    narrow = Ref("k", INT32)
    assert satisfies(Hash(keyed([cast_to(narrow, INT64)]), 4), Hash(keyed([narrow])))
    assert places(Hash(keyed([cast_to(narrow, INT64)]), 4), (narrow,)) is None
    assert not satisfies(Hash(keyed([cast_to(F, INT64)]), 4), Hash(keyed([F])))
