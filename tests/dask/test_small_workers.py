"""A join of more than small workers hold at once ends, and with the right answer (in full: ``make test-workers``)."""

from __future__ import annotations

import dask
import pytest

import gpuflow as gf

from ..large.small_workers import run, tables


@pytest.mark.slow
def test_a_join_of_more_than_two_small_workers_hold() -> None:
    """Two million rows of 16 bytes a side, exchanged, on workers of 400 MB, of which an empty one weighs 250."""
    left, right, want = tables(2_000_000)
    with dask.config.set({"gpuflow.broadcast-rows": 100_000, "gpuflow.target": "cpu"}):
        assert run(gf.from_numpy(left), gf.from_numpy(right), "400MB") == want
