"""Splitting by hash: equal keys of all chunks in the same part, whatever stands beside them."""

from __future__ import annotations

import numpy as np
import pytest
from gpuflow_kernels.algorithms import partitioning
from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.dtypes import FLOAT64, INT32, INT64
from gpuflow_kernels.target import TARGETS


def parts_of(target: str, columns: tuple[Column, ...], parts: int) -> dict[tuple[object, ...], int]:
    """The part of every key; fails where a key is in two."""
    found: dict[tuple[object, ...], int] = {}
    words = partitioning.key_words_of(TARGETS[target], columns)
    pieces = partitioning.split(TARGETS[target], Chunk(columns, len(columns[0])), words, parts)
    for part, piece in enumerate(pieces):
        values = [
            [
                None if c.validity is not None and not c.validity[i] else repr(float(c.values[i]) + 0.0)
                for i in range(piece.length)
            ]
            for c in piece.columns
        ]
        for key in zip(*values, strict=True):
            assert found.setdefault(key, part) == part
    assert sum(p.length for p in pieces) == len(columns[0])
    return found


@pytest.mark.parametrize("target", ["python", "cpu"])
@pytest.mark.parametrize("parts", [1, 2, 7, 100])
def test_equal_keys_meet(target: str, parts: int) -> None:
    rng = np.random.default_rng(3)
    a, b = rng.integers(0, 40, 500), rng.integers(0, 5, 500).astype(np.int32)
    plain = parts_of(target, (Column(INT64, a), Column(INT32, b)), parts)
    nullable = (Column(INT64, a, rng.random(500) < 0.8), Column(INT32, b, rng.random(500) < 0.9))
    nulls = parts_of(target, nullable, parts)
    common = plain.keys() & nulls.keys()
    assert len(common) > 50
    assert all(plain[key] == nulls[key] for key in common)
    assert any(None in key for key in nulls)


def test_zeros_and_nans_meet() -> None:
    bits = np.array([0x7FF8000000000000, 0x7FF8000000000001], dtype=np.int64).view(np.float64)
    found = parts_of("cpu", (Column(FLOAT64, np.array([0.0, -0.0, *bits])),), 97)
    assert len(found) == 2
