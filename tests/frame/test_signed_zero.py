"""Zeros are equal and yet differ: as literals, as keys of groups, as least and greatest values, in conditions that are moved."""

from __future__ import annotations

import itertools
import math

import dask
import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import gpuflow as gf
from gpuflow import col
from tests.support.running import OPTIMISER_OFF, running
from tests.support.semantics import Way, everywhere


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_division_by_either_zero(target: str) -> None:
    frame = gf.from_numpy({"x": np.array([1.0, -2.0])})
    with dask.config.set({"gpuflow.target": target}):
        for zero, sign in ((0.0, 1), (-0.0, -1), (0.0, 1)):
            found = frame.select(y=col("x") / zero).collect().to_numpy()["y"]
            assert found.tolist() == [sign * np.inf, -sign * np.inf]


def signs(frame: gf.Frame, *columns: str) -> list[list[float]]:
    """The signs of the zeros in columns, which must hold nothing else."""
    found = frame.collect().to_dict()
    assert all(v == 0 for c in columns for v in found[c])
    return [[math.copysign(1, v) for v in found[c]] for c in columns]


@everywhere
@pytest.mark.parametrize("dtype", ["Float32", "Float64"])
def test_keys_are_zero_without_a_sign(way: Way, dtype: str) -> None:
    """In groups and distinct rows, whatever comes first and however rows are parted; with other keys too. (Polars has the
    first of each group.)"""
    for zeros in ([0.0, -0.0], [-0.0, 0.0], [-0.0], [-0.0] * 9):
        table = pl.DataFrame({"x": zeros, "k": [1] * len(zeros)}).with_columns(pl.col("x").cast(getattr(pl, dtype)))
        with running("python", parts=way["parts"], rows=len(zeros)), dask.config.set({"gpuflow.strings": way["layout"]}):
            t = gf.from_polars(table)
            made = [t.group_by("x").agg(n=gf.len()), t.group_by("x", "k", maintain_order=True).agg(n=gf.len()), t.unique()]
            made += [t.unique(["x"], keep="last"), t.group_by(x=col("x") * 2).agg(n=gf.len())]
            for frame in made:
                assert signs(frame, "x") == [[1]]
            assert t.select(n=col("x").n_unique()).collect().item() == 1


@everywhere
def test_least_and_greatest_zero_have_no_sign(way: Way) -> None:
    for zeros in itertools.product([0.0, -0.0], repeat=3):
        with running("python", parts=way["parts"], rows=3):
            t = gf.from_dict({"x": [*zeros], "k": [1, 1, 1]})
            assert signs(t.select(a=col("x").min(), b=col("x").max()), "a", "b") == [[1], [1]]
            assert signs(t.group_by("k").agg(a=col("x").min(), b=col("x").max()), "a", "b") == [[1], [1]]


@pytest.mark.parametrize("off", [(), ("push_filters",), OPTIMISER_OFF], ids=["all rules", "filters stay", "no rules"])
def test_conditions_on_keys_see_the_key(off: tuple[str, ...]) -> None:
    """Moved below a group-by, a distinct or a join, a condition meets rows whose zeros have both signs."""
    with running(parts=2, rows=4), dask.config.set({"gpuflow.optimize.disable": list(off)}):
        t = gf.from_dict({"x": [0.0, -0.0, -0.0, 5.0], "i": [1, 2, 3, 4]})
        above = 1 / col("x") > 0.5
        assert t.group_by("x").agg(n=gf.len()).filter(above).collect().to_dict() == {"x": [0.0], "n": [3]}
        assert t.select("x").unique().filter(above).collect().to_dict() == {"x": [0.0]}
        assert t.unique(["x"], keep="first").filter(above).collect().to_dict() == {"x": [0.0], "i": [1]}
        counted = t.group_by("x").agg(n=col("i").n_unique(), s=col("i").sum()).filter(above)
        assert counted.collect().to_dict() == {"x": [0.0], "n": [3], "s": [6]}
        both = t.group_by("x", y=-col("x")).agg(n=gf.len()).filter(1 / col("y") > 0.5)
        assert both.collect().to_dict() == {"x": [0.0], "y": [0.0], "n": [3]}
        joined = t.join(t.select("x", j="i"), on="x").filter(above).sort("i", "j")
        assert joined.collect().to_dict()["j"] == [1, 2, 3], "the left's zero is 0.0 once; it meets three"
        kept = t.join(t.filter(col("i") == 2).select("x"), on="x", how="semi").filter(1 / col("x") < 0).sort("i")
        assert kept.collect().to_dict()["i"] == [2, 3]


NANS = {
    "float64": [0x7FF8000000000000, 0xFFF8000000000000, 0x7FF8000000000001, 0x7FF0000000000001, 0xFFFFFFFFFFFFFFFF],
    "float32": [0x7FC00000, 0xFFC00000, 0x7FC00001, 0x7F800001, 0xFFFFFFFF],
    "float16": [0x7E00, 0xFE00, 0x7E01, 0x7C01, 0xFFFF],
}
"""Quiet ones of both signs, signalling ones, and others."""


@pytest.mark.parametrize("axis", ["plain", "exchange"])
@pytest.mark.parametrize("dtype", NANS)
def test_nan_is_one_value_whatever_its_bits(dtype: str, axis: str) -> None:
    bits = np.array(NANS[dtype], f"uint{dtype[5:]}")
    arrow = pa.array(bits.view(dtype), mask=np.zeros(5, bool))
    with running(axis=axis, parts=5, rows=5):
        for table in (
            gf.from_numpy({"x": bits.view(dtype), "i": np.arange(5)}),
            gf.from_arrow(pa.table({"x": arrow, "i": range(5)})),
        ):
            assert table.group_by("x").agg(n=gf.len()).collect().to_dict()["n"] == [5]
            assert len(table.select("x").unique().collect()) == 1
            assert len(table.join(table.select("x", j="i"), on="x").collect()) == 25
            for down in (True, False):
                assert table.sort("x", descending=down).collect().to_dict()["i"] == [0, 1, 2, 3, 4]
            assert len(table.filter(col("x").is_in([math.nan]), col("x") == math.nan, col("x").is_nan()).collect()) == 5
            assert table.collect().equals(table.collect())
