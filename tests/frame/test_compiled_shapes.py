"""A hundred compiled queries on the CPU target, each on several draws of data, against Polars."""

from __future__ import annotations

import polars as pl
import pytest

import gpuflow as gf
from tests.support.running import assert_same, running
from tests.support.shapes import ORDERED, SHAPES
from tests.support.shapes_of_types import TYPED_ORDERED, TYPED_SHAPES
from tests.support.tables import ALL_POOLS, POOLS, frame, seeded, widened

ROWS, OTHER = 90, 40
DRAWS, TYPED_DRAWS = 10, 4


def test_there_are_a_hundred() -> None:
    assert len(SHAPES) + len(TYPED_SHAPES) >= 100


@pytest.mark.parametrize("name", SHAPES)
def test_shape(name: str) -> None:
    query = SHAPES[name]
    for seed in range(DRAWS):
        left, right = (seeded("".join(POOLS), rows, 2 * seed + k) for k, rows in enumerate((ROWS, OTHER)))
        with running("cpu", parts=(1, 3, 17)[seed % 3], rows=ROWS):
            found = query(gf, frame(left), frame(right)).collect()
        expected = query(pl, widened(left), widened(right))
        assert_same(found, expected, ordered=name in ORDERED, about=f"{name}, draw {seed}")


@pytest.mark.parametrize("name", TYPED_SHAPES)
def test_typed_shape(name: str) -> None:
    """Layouts of strings change with the number of partitions, see `running`."""
    query = TYPED_SHAPES[name]
    for seed in range(TYPED_DRAWS):
        left, right = (seeded("".join(ALL_POOLS), rows, 2 * seed + k) for k, rows in enumerate((ROWS, OTHER)))
        with running("cpu", parts=(1, 3, 17)[seed % 3], rows=ROWS):
            found = query(gf, frame(left), frame(right)).collect()
        expected = query(pl, widened(left), widened(right))
        assert_same(found, expected, ordered=name in TYPED_ORDERED, about=f"{name}, draw {seed}")
