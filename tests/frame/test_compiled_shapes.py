"""Sixty compiled queries on the CPU target, each on ten draws of data, against Polars."""

from __future__ import annotations

import polars as pl
import pytest

import gpuflow as gf
from tests.support.running import assert_same, running
from tests.support.shapes import ORDERED, SHAPES
from tests.support.tables import POOLS, frame, seeded, widened

ROWS, OTHER = 90, 40
DRAWS = 10


def test_there_are_sixty() -> None:
    assert len(SHAPES) == 60


@pytest.mark.parametrize("name", SHAPES)
def test_shape(name: str) -> None:
    query = SHAPES[name]
    for seed in range(DRAWS):
        left, right = (seeded("".join(POOLS), rows, 2 * seed + k) for k, rows in enumerate((ROWS, OTHER)))
        with running("cpu", parts=(1, 3, 17)[seed % 3], rows=ROWS):
            found = query(gf, frame(left), frame(right)).collect()
        expected = query(pl, widened(left), widened(right))
        assert_same(found, expected, ordered=name in ORDERED, about=f"{name}, draw {seed}")
