"""Settings that force a way of running, by name, and comparison of results."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dask
import hypothesis
import polars as pl

import gpuflow as gf
from gpuflow.optimize import REQUIRED, RULES

OPTIMISER_OFF = [rule.__name__ for rule in RULES if rule.__name__ not in REQUIRED]

AXES: dict[str, dict[str, Any]] = {
    "plain": {},
    "tiny tables": {"gpuflow-tests.hostile": ["tiny"]},
    "constant hash": {"gpuflow-tests.hostile": ["hash"]},
    "tiny and constant": {"gpuflow-tests.hostile": ["tiny", "hash"], "gpuflow.morsel-rows": 3},
    "exchange": {"gpuflow.broadcast-rows": 1, "gpuflow.merge-rows": 1, "gpuflow.sort-rows": 2},
    "exchange, tiny": {
        "gpuflow.broadcast-rows": 1,
        "gpuflow.merge-rows": 1,
        "gpuflow.sort-rows": 2,
        "gpuflow-tests.hostile": ["tiny", "hash"],
    },
    "optimiser off": {"gpuflow.optimize.disable": OPTIMISER_OFF},
    "morsels of one": {"gpuflow.morsel-rows": 1},
}
"""Ways of running that must not change an answer."""


def examples(count: int) -> hypothesis.settings:
    """Settings for `count` examples, times ``FUZZ_FACTOR`` of the environment; only the first failure is shrunk and reported."""
    count = max(1, round(count * float(os.environ.get("FUZZ_FACTOR", "1"))))
    phases = [p for p in hypothesis.Phase if p is not hypothesis.Phase.explain]
    return hypothesis.settings(max_examples=count, report_multiple_bugs=False, phases=phases)


@contextmanager
def running(target: str = "python", axis: str = "plain", parts: int = 1, rows: int = 1) -> Iterator[None]:
    """Run on a target in one of the ways of `AXES`, tables of `rows` rows in `parts` partitions. Unless a layout of strings is
    asked for, one partition has dictionaries, three have plain strings, and others what suits them."""
    asked = dask.config.get("gpuflow.strings", "auto")
    layout = {1: "dictionary", 3: "plain"}.get(parts, "auto") if asked == "auto" else asked
    settings = {"gpuflow.strings": layout} | {
        "gpuflow.target": target,
        "gpuflow.partition-rows": max(1, -(-rows // parts)),
        "gpuflow.threads": 2,
    }
    with dask.config.set({**settings, **AXES[axis]}):
        yield


def records(result: gf.Table | pl.DataFrame) -> list[tuple[Any, ...]]:
    """Return rows as tuples of Python values."""
    return (result.to_polars() if isinstance(result, gf.Table) else result).rows()


def _place(row: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """Return a sort key under which rows that differ only in the last bits of floats sort alike."""
    return [(1, f"{v + 0.0:.6g}") if isinstance(v, float) else (0, "") if v is None else (2, repr(v)) for v in row]


def alike(a: Any, b: Any) -> bool:
    """Compare values: NaN equals NaN, 0.0 equals -0.0, and floats may differ in their last bits."""
    if isinstance(a, float) and isinstance(b, float):
        return (math.isnan(a) and math.isnan(b)) or a == b or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)
    return type(a) is type(b) and bool(a == b)


def difference(found: list[tuple[Any, ...]], expected: list[tuple[Any, ...]], *, ordered: bool = False) -> str:
    """Describe what is wrong with the rows `found`; empty if nothing is."""
    if len(found) != len(expected):
        return f"{len(found)} rows, {len(expected)} expected\nfound    {found[:20]}\nexpected {expected[:20]}"
    if not ordered:
        found, expected = sorted(found, key=_place), sorted(expected, key=_place)
    for k, (f, e) in enumerate(zip(found, expected, strict=True)):
        if len(f) != len(e) or not all(map(alike, f, e)):
            return f"row {k}: {f}, expected {e}\nfound    {found[:20]}\nexpected {expected[:20]}"
    return ""


def assert_same(found: gf.Table, expected: pl.DataFrame, *, ordered: bool = False, about: object = "") -> None:
    """Assert that names and rows are equal, and their order if `ordered`."""
    assert found.schema.names == tuple(expected.columns), f"{about}: {found.schema.names}"
    wrong = difference(records(found), records(expected), ordered=ordered)
    assert not wrong, f"{about}\n{wrong}"
