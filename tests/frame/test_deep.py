"""Expressions of many levels: as deep as is allowed they work everywhere, one level more is told when it is written."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import pytest

import gpuflow as gf
from gpuflow import col
from gpuflow.errors import ExecutionError, KernelCompileError, PlanError
from gpuflow.expr.nodes import DEEPEST
from gpuflow.optimize import optimize
from gpuflow.plan.tokens import token
from tests.support.running import running

ROWS = gf.from_numpy({"x": np.arange(5), "y": np.arange(5.0), "b": np.arange(5) > 2})

DEEPER: dict[str, tuple[str, Callable[[gf.Expr], gf.Expr], int]] = {
    "sum": ("x", lambda e: e + col("x"), 1),
    "sum from the right": ("x", lambda e: col("x") + e, 1),
    "floats": ("y", lambda e: e * 0.5 + col("y"), 2),
    "choices": ("x", lambda e: gf.when(col("x") > 1).then(col("x")).otherwise(e), 2),
    "choices first": ("x", lambda e: gf.when(col("x") > 1).then(e).otherwise(col("x")), 2),
    "fallbacks": ("x", lambda e: e.fill_null(col("x")), 1),
    "signs": ("x", lambda e: -e, 1),
    "conditions": ("b", lambda e: e & (col("x") > 1), 1),
}
"""Column, a step, and the levels that it adds."""


def nested(name: str, levels: int) -> gf.Expr:
    column, step, each = DEEPER[name]
    return reduce(lambda e, _: step(e), range(levels // each), col(column))


def below(frames: int, function: Callable[[], Any]) -> Any:
    """`function` called from so far down a program."""
    return function() if frames == 0 else below(frames - 1, function)


@pytest.mark.parametrize("name", DEEPER)
def test_what_is_allowed_works(name: str) -> None:
    deep = nested(name, DEEPEST - 4)
    column = DEEPER[name][0]

    def everything() -> list[Any]:
        assert pickle.loads(pickle.dumps(deep)).equals(deep) and hash(deep) == hash(nested(name, DEEPEST - 4))
        assert repr(deep)
        query = ROWS.filter(deep.is_not_null()).select(v=deep)
        assert pickle.loads(pickle.dumps(query.plan)).schema == query.schema and token(query.plan)
        optimize(query.plan)
        assert query.explain() and query.explain("kernel")
        grouped = ROWS.group_by(k=col("x") * 0).agg(v=deep.min())
        return [query.collect()["v"].to_pylist(), grouped.collect()["v"].to_pylist()]

    with running(parts=2, rows=5):
        found, least = below(100, everything)
        shallow = reduce(
            lambda f, _: f.with_columns(v=DEEPER[name][1](col("v"))).persist(), range(3), ROWS.with_columns(v=column)
        )
        assert len(found) == 5 and least == [min(found)]
        if name in ("sum", "sum from the right"):
            assert found == [(DEEPEST - 3) * v for v in range(5)]
        if name == "choices":
            assert found == shallow.collect()["v"].to_pylist()


@pytest.mark.parametrize("name", DEEPER)
def test_what_is_deeper_is_told(name: str) -> None:
    with pytest.raises(PlanError, match=rf"is 15\d levels deep, and {DEEPEST} are the most: .*with_columns\(part=\.\.\.\)"):
        nested(name, 5000)


def test_many_arguments_are_levels_where_they_are_folded() -> None:
    gf.coalesce(*["x"] * DEEPEST)
    with pytest.raises(PlanError, match="levels deep"):
        gf.coalesce(*["x"] * (DEEPEST + 2))


def test_the_way_out() -> None:
    """More summands than an expression may have levels, in parts."""
    part, frame = 100, ROWS
    for _ in range(10):
        frame = frame.with_columns(
            total=reduce(lambda e, _: e + col("x"), range(part), col("total" if frame is not ROWS else "x"))
        )
    with running():
        assert frame.collect()["total"].to_pylist() == [(10 * part + 1) * v for v in range(5)]


@pytest.mark.parametrize("steps", [30, 250])
def test_small_steps_on_top_of_each_other_do_not_get_too_large(steps: int) -> None:
    """A pipeline took what it read into what it computed without end: doubling eighteen times took 19 seconds."""
    doubled, counted = ROWS, ROWS
    for _ in range(steps):
        doubled = doubled.with_columns(y=col("y") + col("y"))
        counted = counted.with_columns(x=col("x") + 1)
    with running():
        assert doubled.collect()["y"].to_pylist() == [2.0**steps * v for v in range(5)]
        assert counted.group_by(k=col("x") * 0).agg(v=col("x").sum()).collect()["v"].to_pylist() == [5 * steps + 10]
        assert counted.sort(-col("x")).collect()["x"].to_pylist() == [steps + v for v in (4, 3, 2, 1, 0)]
        assert len(counted.join(counted.select("x"), on=col("x") * 2 - col("x")).collect()) == 5
        assert "too large for one kernel" in counted.explain("physical") or steps < 100


def test_many_conditions() -> None:
    frame = ROWS
    for k in range(250):
        frame = frame.filter(col("x") != 4 + k)
    with running():
        assert frame.collect()["x"].to_pylist() == [0, 1, 2, 3]


def test_many_steps_are_told_too() -> None:
    frame = ROWS
    for k in range(600):
        frame = frame.filter(col("x") != 10 + k).head(100)
    with running(), pytest.raises(PlanError, match=r"too many steps.*persist\(\)"):
        frame.collect()


def test_blocks_beyond_what_python_reads_are_told() -> None:
    """Filters that may raise are not put together, and each is a block."""
    frame = ROWS
    for k in range(60):
        frame = frame.filter(col("x") * col("x") != 1000 + k)
    deep = nested("choices", DEEPEST - 4)
    with running(), pytest.raises(KernelCompileError, match=r"nested too deeply for one kernel; persist\(\)") as told:
        frame.select(v=deep).collect()
    assert isinstance(told.value, ExecutionError)
