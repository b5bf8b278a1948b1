"""What must not change an answer: where rows lie, their order, how they are partitioned and who schedules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpuflow as gf
from tests.support.expressions import COLUMNS, Expression, conditions
from tests.support.running import assert_same, difference, examples, records, running
from tests.support.shapes import ORDERED, SHAPES
from tests.support.tables import POOLS, frame, seeded, table

ROWS = 30
NAMES = "".join(POOLS)
FIRST = {
    name
    for name in SHAPES
    if name.startswith(("reduce strings", "reduce other", "group ordered", "star", "limit", "union numbered"))
}
"""Shapes whose answer depends on the order of rows."""


def tables() -> tuple[pl.DataFrame, pl.DataFrame]:
    return seeded(NAMES, ROWS, 5, "runs"), seeded(NAMES, ROWS // 2, 6, "some")


@pytest.fixture(scope="module", autouse=True)
def interpreted() -> Iterator[None]:
    with running(parts=3, rows=ROWS):
        yield


@pytest.fixture(scope="module")
def expected(interpreted: None) -> dict[str, pl.DataFrame]:
    """What each shape gives over one partition in memory."""
    with running():
        left, right = tables()
        with dask.config.set({"gpuflow.partition-rows": ROWS}):
            return {name: query(gf, frame(left), frame(right)).collect().to_polars() for name, query in SHAPES.items()}


def in_files(folder: Path, rows: pl.DataFrame) -> gf.Frame:
    """Several Parquet files, each with dictionaries of its own, some of several row groups."""
    folder.mkdir()
    for number, piece in enumerate(rows.iter_slices(7)):
        piece.write_parquet(folder / f"{number}.parquet", row_group_size=3 if number % 2 else 100)
    return gf.scan_parquet(folder)


def with_dictionaries(rows: pl.DataFrame) -> gf.Frame:
    """Arrow dictionary columns in place of plain strings."""
    return gf.from_arrow(rows.with_columns(pl.col(pl.String).cast(pl.Categorical)).to_arrow())


def concatenated(rows: pl.DataFrame) -> gf.Frame:
    """A union of tables in memory."""
    return gf.concat([frame(piece) for piece in rows.iter_slices(8)])


def persisted(rows: pl.DataFrame) -> gf.Frame:
    return frame(rows).with_columns(i=gf.col("i") + 0).persist()


def computed(rows: pl.DataFrame) -> gf.Frame:
    """The result of a query as the source of the next."""
    return gf.from_arrow(frame(rows).filter(gf.lit(True)).collect())


SOURCES: dict[str, Callable[[pl.DataFrame], gf.Frame]] = {
    "dictionaries": with_dictionaries,
    "union": concatenated,
    "persisted": persisted,
    "computed": computed,
}


@pytest.mark.parametrize("name", SHAPES)
def test_sources(name: str, tmp_path: Path, expected: dict[str, pl.DataFrame]) -> None:
    left, right = tables()
    found = SHAPES[name](gf, in_files(tmp_path / "left", left), in_files(tmp_path / "right", right)).collect()
    assert_same(found, expected[name], ordered=name in ORDERED, about="parquet")
    for kind, source in SOURCES.items():
        found = SHAPES[name](gf, source(left), source(right)).collect()
        assert_same(found, expected[name], ordered=name in ORDERED, about=kind)


@pytest.mark.parametrize("name", sorted(SHAPES.keys() - FIRST))
def test_shuffled_rows(name: str, expected: dict[str, pl.DataFrame]) -> None:
    left, right = (t.sample(fraction=1.0, shuffle=True, seed=3) for t in tables())
    assert_same(SHAPES[name](gf, frame(left), frame(right)).collect(), expected[name], about="shuffled")


@pytest.mark.parametrize("axis", ["plain", "exchange", "optimiser off"])
def test_static_graph(axis: str, expected: dict[str, pl.DataFrame]) -> None:
    """`dask.compute` lowers once, from estimates; `collect` adapts to what it sees."""
    left, right = tables()
    with running(axis=axis, parts=3, rows=ROWS):
        frames = {name: query(gf, frame(left), frame(right)) for name, query in SHAPES.items()}
        for (name, query), found in zip(frames.items(), dask.compute(*frames.values()), strict=True):
            assert_same(found, expected[name], ordered=name in ORDERED, about=f"{name}, static")
            assert_same(query.collect(), expected[name], ordered=name in ORDERED, about=f"{name}, staged")


@examples(100)
@given(table(COLUMNS), conditions(), st.sampled_from([1, 3, 17]))
def test_a_condition_parts_the_table(rows: pl.DataFrame, condition: Expression, parts: int) -> None:
    """Every row is in just one of: p, not p, p is null."""
    p = condition(gf)
    with running(parts=parts, rows=len(rows)):
        pieces: list[Any] = [frame(rows).filter(c).collect() for c in (p, ~p, p.is_null())]
        whole = frame(rows).collect()
    wrong = difference([row for piece in pieces for row in records(piece)], records(whole))
    assert not wrong, f"{p!r}\n{wrong}"
