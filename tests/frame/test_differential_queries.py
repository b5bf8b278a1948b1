"""Random group-bys, joins, sorts and set operations on hostile tables: the PYTHON target against Polars."""

from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

import gpuflow as gf
from tests.support.expressions import Expression, conditions, integers
from tests.support.running import AXES, assert_same, examples, running
from tests.support.tables import frame, table, widened

PARTS = st.sampled_from([1, 3, 17])
AXIS = st.sampled_from(list(AXES))

AGGREGATIONS: dict[str, tuple[str, ...]] = {
    "i": ("sum", "min", "max", "mean", "var", "std", "count", "n_unique", "first", "last", "product"),
    "j": ("sum", "min", "max", "mean", "len"),
    "x": ("sum", "min", "max", "mean", "count", "n_unique", "first", "last"),
    "y": ("sum", "mean", "var", "std", "product"),
    "f": ("sum", "min", "max", "first", "n_unique"),
    "u": ("min", "max", "first", "count", "n_unique"),
    "b": ("any", "all", "sum", "mean", "min", "max", "first", "n_unique"),
    "s": ("min", "max", "first", "last", "count", "n_unique"),
    "d": ("min", "max", "first", "last", "n_unique"),
    "p": ("min", "max", "sum", "last"),
}
CHOICES = [(column, method) for column, methods in AGGREGATIONS.items() for method in methods]
AGGS = st.lists(st.sampled_from(CHOICES), min_size=1, max_size=4, unique=True)
KEYS = st.lists(st.sampled_from("ihuwxfbstdep"), min_size=1, max_size=3, unique=True)


def aggregates(x: Any, chosen: list[tuple[str, str]]) -> dict[str, Any]:
    return {f"{column}_{method}": getattr(x.col(column), method)() for column, method in chosen}


@examples(100)
@given(table("ijhuwxyfbstdep"), KEYS, AGGS, st.none() | conditions(1), st.booleans(), PARTS, AXIS)
def test_group_by(
    rows: pl.DataFrame,
    keys: list[str],
    aggs: list[tuple[str, str]],
    condition: Expression | None,
    ordered: bool,
    parts: int,
    axis: str,
) -> None:
    def query(x: Any, rows: Any) -> Any:
        rows = rows.filter(condition(x)) if condition else rows
        return rows.group_by(keys, maintain_order=ordered).agg(x.len().alias("n"), **aggregates(x, aggs))

    with running(parts=parts, rows=len(rows), axis=axis):
        found = query(gf, frame(rows)).collect()
    about = f"{keys} {aggs} {condition and condition(gf)!r}"
    assert_same(found, query(pl, widened(rows)), ordered=ordered, about=about)


@examples(100)
@given(table("ijhuwxyfbstdep"), integers(1), AGGS, st.none() | conditions(1), PARTS, AXIS)
def test_expressions_in_groups_and_without(
    rows: pl.DataFrame, key: Expression, aggs: list[tuple[str, str]], condition: Expression | None, parts: int, axis: str
) -> None:
    """A computed key and a computed argument; and the same aggregations over all rows."""

    def query(x: Any, rows: Any, grouped: bool) -> Any:
        rows = rows.filter(condition(x)) if condition else rows
        rows = rows.with_columns(key=key(x))
        found = [(x.col("key") * 2 + 1).sum().alias("total"), (x.col("y").max() - x.col("y").min()).alias("spread")]
        if not grouped:
            return rows.select(*found, **aggregates(x, aggs))
        return rows.group_by("key").agg(*found, **aggregates(x, aggs))

    for grouped in (True, False):
        with running(parts=parts, rows=len(rows), axis=axis):
            found = query(gf, frame(rows), grouped).collect()
        assert_same(found, query(pl, widened(rows), grouped), about=f"{key(gf)!r} {aggs} {condition and condition(gf)!r}")


HOW = st.sampled_from(["inner", "left", "right", "semi", "anti"])


@examples(250)
@given(table("ijhuwxfbstdep"), table("ijhuwxfbstdep"), KEYS, HOW, st.booleans(), st.integers(0, 3), PARTS, AXIS)
def test_join(
    left: pl.DataFrame, right: pl.DataFrame, keys: list[str], how: str, nulls_equal: bool, then: int, parts: int, axis: str
) -> None:
    def query(x: Any, left: Any, right: Any) -> Any:
        right = right.select(*keys, other=x.col("j"), text=x.col("t"))
        joined = left.join(right, on=keys, how=how, nulls_equal=nulls_equal)
        payload = "text" if how in ("inner", "left", "right") else "s"
        if then == 1:
            return joined.filter(x.col(payload) >= x.lit("b"))
        if then == 2:
            return joined.group_by(payload).agg(n=x.len(), total=x.col("j").sum(), least=x.col(payload).min())
        if then == 3:
            return joined.with_columns(both=x.coalesce(x.col(payload), x.col("s")), more=x.col("j") + 1)
        return joined

    with running(parts=parts, rows=max(len(left), len(right)), axis=axis):
        found = query(gf, frame(left), frame(right)).collect()
    assert_same(
        found,
        query(pl, widened(left).lazy(), widened(right).lazy()).collect(),
        about=f"{keys} {how} nulls_equal={nulls_equal} {then}",
    )


@examples(60)
@given(table("isxj"), table("isd", 6), table("sb", 6), HOW, HOW, PARTS, AXIS)
def test_two_joins(
    facts: pl.DataFrame, first: pl.DataFrame, second: pl.DataFrame, how: str, then: str, parts: int, axis: str
) -> None:
    """Two look-ups in one pipeline, keys repeated on any side, the second by what the first may have brought."""

    def query(x: Any, facts: Any, first: Any, second: Any) -> Any:
        joined = facts.join(first.rename({"s": "name"}), on="i", how=how)
        key = "name" if how in ("inner", "left", "right") else "s"
        joined = joined.join(second, left_on=key, right_on="s", how=then).filter(x.col("j").is_not_null())
        key = "s_right" if then == "right" and key == "name" else key
        return joined.group_by(key).agg(n=x.len(), high=x.col("x").max(), total=x.col("i").sum())

    with running(parts=parts, rows=len(facts), axis=axis):
        found = query(gf, frame(facts), frame(first), frame(second)).collect()
    sides = (widened(t).lazy() for t in (facts, first, second))  # eager joins of single rows let NaN match nothing
    assert_same(found, query(pl, *sides).collect(), about=f"{how} {then}")


@examples(100)
@given(
    table("ijhuwxfbstdep"),
    st.lists(st.tuples(st.sampled_from("ihuwxfbstdep"), st.booleans(), st.booleans()), min_size=1, max_size=3),
    st.none() | st.tuples(st.integers(0, 4), st.integers(0, 9)),
    st.booleans(),
    PARTS,
    AXIS,
)
def test_sort_and_limit(
    rows: pl.DataFrame,
    by: list[tuple[str, bool, bool]],
    limit: tuple[int, int] | None,
    narrow: bool,
    parts: int,
    axis: str,
) -> None:
    names, descending, nulls_last = (list(v) for v in zip(*by, strict=True))

    def query(rows: Any, **stable: bool) -> Any:
        found = rows.with_row_index("row") if isinstance(rows, pl.DataFrame) else rows
        found = found.sort(names, descending=descending, nulls_last=nulls_last, **stable)
        found = found.select("row", "j") if narrow else found
        return found.slice(*limit) if limit else found

    with running(parts=parts, rows=len(rows), axis=axis):
        found = query(frame(rows.with_row_index("row").select(*rows.columns, "row").select("row", *rows.columns))).collect()
    assert_same(found, query(widened(rows), maintain_order=True), ordered=True, about=f"{by} {limit}")


@examples(100)
@given(table("ihxbsd"), table("ihxbsd"), st.sampled_from(["union", "distinct", "unique", "limit"]), PARTS, AXIS)
def test_sets(one: pl.DataFrame, two: pl.DataFrame, kind: str, parts: int, axis: str) -> None:
    columns = one.columns if kind in ("union", "limit") else ["h", "x", "s"]

    def query(x: Any, one: Any, two: Any) -> Any:
        both = x.concat([one, two, one]).select(columns)
        if kind == "distinct":
            return both.unique()
        if kind == "unique":
            return both.unique(subset=["s"], keep="first", maintain_order=True)
        return both.slice(2, 11) if kind == "limit" else both.filter(x.col("x") > 0)

    with running(parts=parts, rows=len(one), axis=axis):
        found = query(gf, frame(one), frame(two)).collect()
    assert_same(found, query(pl, widened(one), widened(two)), ordered=kind != "distinct", about=kind)
