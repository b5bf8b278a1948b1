"""Faults found once, each by the smallest query that showed it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest
from gpuflow_kernels.declare.aggregate import AGGREGATIONS

import gpuflow as gf
from gpuflow import col
from tests.support.running import AXES, assert_same, running

ROWS = pl.DataFrame({"k": [1, 1, 2, 2] * 3, "s": ["zz", "a", "c", "a"] * 3, "t": ["m", "b", "q", "z"] * 3})


@pytest.fixture
def greatest_of_two() -> Iterator[Any]:
    """An aggregation of two string columns, forgotten afterwards."""
    before = dict(AGGREGATIONS)

    @gf.aggregation(
        dtype=lambda a: (a, a[0]) if a == (gf.String, gf.String) else None, slots=(gf.Slot(gf.String, "lowest", "max"),), arity=2
    )
    class greatest_of_two:
        """The greatest of the values of two string columns."""

        def lift(x, y):
            return x if x > y else y

        def finalize(greatest):
            return greatest

    yield greatest_of_two
    AGGREGATIONS.clear()
    AGGREGATIONS.update(before)


@pytest.mark.parametrize("axis", AXES)
def test_strings_of_one_aggregation_are_ranked_together(axis: str, greatest_of_two: Any) -> None:
    """Each argument had ranks of its own dictionary: comparing them was wrong, and looking them up read out of bounds."""
    query = gf.from_polars(ROWS).group_by("k").agg(v=greatest_of_two(col("s"), col("t")))
    with running(axis=axis, parts=3, rows=len(ROWS)):
        found = query.collect()
    assert_same(found, pl.DataFrame({"k": [1, 2], "v": ["zz", "z"]}), about=axis)


def test_a_frame_joined_with_itself_is_lowered_once() -> None:
    """Each level lowered what is below it twice: thirty levels would take hours."""
    few = pl.DataFrame({"k": [1, 2, 2], "v": [1, 2, 3]})
    query = gf.from_polars(few)
    for _ in range(30):
        query = query.join(query.select("k"), on="k", how="semi")
    with running(parts=2, rows=3):
        assert_same(query.collect(), few, ordered=True)


def test_a_long_list_of_strings_takes_time_by_its_length() -> None:
    """Finding the place of each literal by search took minutes for 50,000 of them."""
    wanted = [f"v{k}" for k in range(50_000)]
    rows = pl.DataFrame({"s": ["v1", "v49999", "w", None]})
    with running():
        assert_same(gf.from_polars(rows).filter(col("s").is_in(wanted)).collect(), rows.head(2), ordered=True)


@pytest.mark.parametrize("parts", [1, 3])
def test_literals_alone_are_one_row_and_stand_in_every_row_beside_columns(parts: int) -> None:
    queries: list[Any] = [
        lambda x, t: t.select(x.lit(1), b=x.lit("x"), c=x.lit(2) * 3),
        lambda x, t: t.filter(x.col("k") > 9).select(x.lit(True)),
        lambda x, t: t.select(x.lit(1).alias("one"), "s"),
        lambda x, t: t.with_columns(one=x.lit(1)).select("one", "k"),
        lambda x, t: t.filter(x.col("k") > 9).select("s", one=x.lit(1)),
    ]
    for query in queries:
        with running(parts=parts, rows=len(ROWS)):
            assert_same(query(gf, gf.from_polars(ROWS)).collect(), query(pl, ROWS), ordered=True)
