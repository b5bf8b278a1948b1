"""The sixty shapes in every hostile way of running: on the PYTHON target, the worst ones compiled, and the CUDA text
executed without a device."""

from __future__ import annotations

from functools import cache

import polars as pl
import pytest

import gpuflow as gf
from tests.cuda_model.runtime import cuda_model
from tests.support.running import AXES, assert_same, running
from tests.support.shapes import ORDERED, SHAPES
from tests.support.tables import POOLS, frame, seeded, widened

DATA = [(24, 3, "some"), (20, 17, "runs"), (9, 3, "all"), (1, 1, "none"), (0, 1, "none")]
"""Rows, partitions, nulls."""

COMPILED = ("group wide", "group two wide", "inner repeated", "left unique", "nulls equal", "star", "distinct")


def tables(rows: int, parts: int, nulls: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    left, right = (seeded("".join(POOLS), n, n + parts, nulls) for n in (rows, rows // 2 + 1))
    return left, right


@cache
def expected(name: str, rows: int, parts: int, nulls: str) -> pl.DataFrame:
    """The same whichever way a query runs."""
    return SHAPES[name](pl, *map(widened, tables(rows, parts, nulls)))


def check(target: str, name: str, axis: str, rows: int, parts: int, nulls: str) -> None:
    left, right = tables(rows, parts, nulls)
    with running(target, axis, parts, rows):
        found = SHAPES[name](gf, frame(left), frame(right)).collect()
    about = f"{name}, {axis}, {rows} rows in {parts} partitions, {nulls} null"
    assert_same(found, expected(name, rows, parts, nulls), ordered=name in ORDERED, about=about)


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("name", SHAPES)
def test_interpreted(name: str, axis: str) -> None:
    for rows, parts, nulls in DATA:
        check("python", name, axis, rows, parts, nulls)


@pytest.mark.parametrize("axis", ["tiny and constant", "exchange, tiny"])
@pytest.mark.parametrize("name", COMPILED)
def test_compiled(name: str, axis: str) -> None:
    for rows, parts, nulls in DATA[:2]:
        check("cpu", name, axis, rows, parts, nulls)


@pytest.mark.parametrize("axis", ["plain", "exchange, tiny"])
@pytest.mark.parametrize("name", SHAPES)
def test_cuda_text_without_a_device(name: str, axis: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpuflow.execute.dask.cuda_problem", lambda: None)
    rows, parts, nulls = DATA[0] if axis == "plain" else DATA[2]
    with cuda_model(1, relaxed=axis != "plain", multiprocessors=2):
        check("cuda", name, axis, rows, parts, nulls)
