"""Literals that compare equal and yet differ must not share a kernel's arguments."""

from __future__ import annotations

import dask
import numpy as np
import pytest

import gpuflow as gf
from gpuflow import col


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_division_by_either_zero(target: str) -> None:
    frame = gf.from_numpy({"x": np.array([1.0, -2.0])})
    with dask.config.set({"gpuflow.target": target}):
        for zero, sign in ((0.0, 1), (-0.0, -1), (0.0, 1)):
            found = frame.select(y=col("x") / zero).collect().to_numpy()["y"]
            assert found.tolist() == [sign * np.inf, -sign * np.inf]
