"""Random sequences of steps, each giving a table with the same columns: what steps and optimiser rules do to each other."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

import gpuflow as gf
from tests.support.expressions import COLUMNS, Expression, applied, column, conditions, integers, literal, strings
from tests.support.running import AXES, assert_same, examples, running
from tests.support.tables import frame, table, widened

Step = Callable[[Any, Any, Any], Any]
"""A function of the module, the table so far, and another table with the same columns."""

GREATEST = dict.fromkeys(COLUMNS, "max") | {"i": "sum", "b": "any", "s": "min", "d": "min"}


def filtered(condition: Expression) -> Step:
    return lambda x, t, u: t.filter(condition(x))


def changed(name: str, value: Expression) -> Step:
    return lambda x, t, u: t.with_columns(value(x).alias(name))


def grouped(*keys: str) -> Step:
    rest = [c for c in COLUMNS if c not in keys]
    return lambda x, t, u: t.group_by(*keys).agg(*(getattr(x.col(c), GREATEST[c])() for c in rest)).select(*COLUMNS)


def joined(keys: list[str], how: str, condition: Expression, nulls_equal: bool) -> Step:
    """Filters the other side first; of what a join brings, `x` and `t` take the place of the left's."""

    def step(x: Any, t: Any, u: Any) -> Any:
        right = u.filter(condition(x)).select(*keys, x.col("x").alias("x2"), x.col("t").alias("t2"))
        found = t.join(right, on=keys, how=how, nulls_equal=nulls_equal)
        if how in ("inner", "left", "right"):
            found = found.with_columns(x=x.coalesce("x2", "x"), t=x.coalesce("t2", "t"))
        return found.select(*COLUMNS)

    return step


def first(count: int, offset: int, descending: bool) -> Step:
    """Ordered by all columns, so that it is known which rows are the first."""
    return lambda x, t, u: t.sort(*COLUMNS, descending=descending).slice(offset, count)


def plain(name: str) -> Step:
    steps: dict[str, Step] = {
        "distinct": lambda x, t, u: t.unique(),
        "union": lambda x, t, u: x.concat([t, u.select(*COLUMNS)]),
        "union, narrowed": lambda x, t, u: x.concat([t.filter(x.col("i") > 0), t]).filter(x.col("b").is_not_null()),
        "itself": lambda x, t, u: t.join(t.select("i", "s").unique(), on=["i", "s"], how="semi"),
    }
    return steps[name]


def as_int64(value: Expression) -> Expression:
    return lambda x: value(x).cast(x.Int64)  # in Polars a literal alone is an int32


def simple_floats() -> st.SearchStrategy[Expression]:
    """Without functions whose last bits differ: rows are compared by their values."""
    leaf = st.sampled_from([column("x"), column("y"), literal(0.5), literal(-2.0)])
    return st.builds(lambda f, a, b: applied(f, a, b), st.sampled_from([operator.add, operator.mul]), leaf, leaf)


STEPS = st.lists(
    st.one_of(
        st.builds(filtered, conditions(1)),
        st.builds(changed, st.sampled_from("ij"), integers(1).map(as_int64)),
        st.builds(changed, st.sampled_from("st"), strings(1)),
        st.builds(changed, st.just("x"), simple_floats()),
        st.builds(changed, st.just("b"), conditions(1)),
        st.sampled_from([grouped("s"), grouped("i", "b"), grouped("t", "d", "h"), grouped("e")]),
        st.builds(
            joined,
            st.sampled_from([["i"], ["s"], ["h", "t"], ["d"]]),
            st.sampled_from(["inner", "left", "right", "semi", "anti"]),
            conditions(1),
            st.booleans(),
        ),
        st.builds(first, st.integers(0, 7), st.integers(0, 3), st.booleans()),
        st.sampled_from(["distinct", "union", "union, narrowed", "itself"]).map(plain),
    ),
    min_size=2,
    max_size=5,
)


@examples(150)
@given(table(COLUMNS, 8), table(COLUMNS, 5), STEPS, st.sampled_from([1, 3, 17]), st.sampled_from(list(AXES)))
def test_pipelines(one: pl.DataFrame, two: pl.DataFrame, steps: list[Step], parts: int, axis: str) -> None:
    def query(x: Any, t: Any, u: Any) -> Any:
        for step in steps:
            t = step(x, t, u)
        return t

    with running(parts=parts, rows=max(len(one), len(two)), axis=axis):
        wanted = query(gf, frame(one), frame(two))
        found = wanted.collect()
    lazy = query(pl, widened(one).lazy(), widened(two).lazy())  # as written: Polars' own rewriting is not under test
    assert_same(found, lazy.collect(optimizations=pl.QueryOptFlags.none()), about=wanted.explain("logical"))
