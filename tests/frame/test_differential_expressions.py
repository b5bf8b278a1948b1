"""Random expressions and filters on hostile columns: the PYTHON target against Polars and against the row interpreter."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

import gpuflow as gf
from gpuflow.errors import ArithmeticOverflowError, TypeMismatchError
from gpuflow.plan.nodes import Project
from tests.plan.interpreter import value
from tests.support.expressions import COLUMNS, EXPRESSIONS, Expression, conditions, large_integers
from tests.support.running import AXES, assert_same, difference, examples, records, running
from tests.support.tables import frame, table, widened

ROWS = table(COLUMNS, 8)
PARTS = st.sampled_from([1, 3, 17])
AXIS = st.sampled_from(list(AXES))


@examples(300)
@given(ROWS, EXPRESSIONS, PARTS)
def test_expressions(rows: pl.DataFrame, expression: Expression, parts: int) -> None:
    with running(parts=parts, rows=len(rows)):
        query = frame(rows).with_columns(r=expression(gf))
        found = query.select("r").collect()
    text = repr(expression(gf))
    expected = widened(rows).lazy().with_columns(r=expression(pl)).select("r")
    # its optimiser makes a column of one row of a choice between literals
    assert_same(found, expected.collect(optimizations=pl.QueryOptFlags.none()), ordered=True, about=text)
    assert isinstance(query.plan, Project)
    bound = dict(query.plan.columns)["r"]
    by_row = [(value(bound, record),) for record in rows.with_columns(pl.col("d", "e").to_physical()).to_dicts()]
    wrong = difference(found.to_polars().with_columns(pl.all().to_physical()).rows(), by_row, ordered=True)
    assert not wrong, f"{text}, row interpreter\n{wrong}"


@examples(150)
@given(ROWS, conditions(), conditions(1), PARTS, AXIS)
def test_filters(rows: pl.DataFrame, first: Expression, second: Expression, parts: int, axis: str) -> None:
    with running(parts=parts, rows=len(rows), axis=axis):
        found = frame(rows).filter(first(gf)).filter(second(gf)).select("i", "s", "x", "d").collect()
    expected = widened(rows).filter(first(pl)).filter(second(pl)).select("i", "s", "x", "d")
    assert_same(found, expected, ordered=True, about=f"{first(gf)!r}\n{second(gf)!r}")


@examples(150)
@given(table("iwuhj", 6), large_integers(), PARTS, st.sampled_from(["plain", "optimiser off"]))
def test_integers_are_exact_or_raise(rows: pl.DataFrame, expression: Expression, parts: int, axis: str) -> None:
    """Where the row interpreter overflows for one row, the query raises; else it has the interpreter's values."""
    try:
        query = frame(rows).with_columns(r=expression(gf))
    except TypeMismatchError:
        reject()  # uint64 does not meet every integer
    assert isinstance(query.plan, Project)
    bound = dict(query.plan.columns)["r"]
    with running("python", axis, parts, len(rows)):
        try:
            expected = [(value(bound, record),) for record in rows.to_dicts()]
        except ArithmeticOverflowError:
            with pytest.raises(ArithmeticOverflowError):
                query.select("r").collect()
            return
        wrong = difference(records(query.select("r").collect()), expected, ordered=True)
    assert not wrong, f"{expression(gf)!r}\n{wrong}"
