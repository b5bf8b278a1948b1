"""`quantile` and `median` against Polars and DuckDB: nulls, NaN, empty groups, several at once, every way of running."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest

import gpuflow as gf
from gpuflow import col
from gpuflow.errors import PlanError, TypeMismatchError
from tests.cuda_model.runtime import cuda_model
from tests.support.running import AXES, assert_same, running

MODES = ("nearest", "lower", "higher", "midpoint", "linear")
ROWS = 120


def table(seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    floats = [None if v < 0.2 else float("nan") if v < 0.25 else float(v) for v in rng.random(ROWS)]
    small = [None if v < 9 else int(v) - 60 for v in rng.integers(0, 90, ROWS)]
    return pl.DataFrame(
        {
            "k": pl.Series([None if v == 4 else int(v) for v in rng.integers(0, 9, ROWS)], dtype=pl.Int64),
            "s": pl.Series([["a", None, "é"][v] for v in rng.integers(0, 3, ROWS)]),
            "x": pl.Series(floats, dtype=pl.Float64),
            "f": pl.Series(floats[::-1], dtype=pl.Float32),
            "i": pl.Series(small, dtype=pl.Int8),
            "nothing": pl.Series([None] * ROWS, dtype=pl.Int64),
            "b": rng.random(ROWS) > 0.4,
        }
    )


def several(x: Any) -> list[Any]:
    """Quantiles of one column and of several, beside aggregations with slots and conditions."""
    asked = [("x", q, mode) for q in (0.0, 0.3, 0.5, 1.0) for mode in MODES] + [(c, 0.3, mode) for c in "fi" for mode in MODES]
    quantiles = [x.col(c).quantile(q, mode).alias(f"{c} {q} {mode}") for c, q, mode in asked]
    return [
        *quantiles,
        x.col("x").median().alias("m"),
        x.col("nothing").median(),
        x.col("i").filter(x.col("b")).median().alias("some"),
        x.col("i").filter(x.col("x") > 2).quantile(0.5).alias("none"),
        x.col("x").max().alias("greatest"),
    ]


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("parts", [1, 7])
def test_every_way_of_running(axis: str, parts: int) -> None:
    data = table()
    for keys in ([], ["s", "k"]) if parts == 1 else (["k"], ["x"]):
        with running("python", axis, parts, ROWS):
            frame = gf.from_polars(data)
            asked = (frame.group_by(*keys).agg(*several(gf)) if keys else frame.select(*several(gf))).collect()
        assert_same(asked, data.group_by(keys).agg(several(pl)) if keys else data.select(several(pl)), about=f"{keys}")


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_compiled(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpuflow.execute.dask.cuda_problem", lambda: None)
    data, way = table(1), lambda x: [x.col("x").quantile(0.3, "linear"), x.col("f").quantile(0.7), x.col("i").median()]
    with cuda_model(1, relaxed=True, multiprocessors=2), running(target, "exchange, tiny", 3, ROWS):
        grouped = gf.from_polars(data).group_by("s").agg(*way(gf)).collect()
        nothing = gf.from_polars(data).filter(col("k") > 99).select(*way(gf)).collect()
    assert_same(grouped, data.group_by("s").agg(way(pl)))
    assert_same(nothing, data.filter(pl.col("k") > 99).select(way(pl)))


def test_against_duckdb() -> None:
    data = table(2).select("k", i=pl.col("i").cast(pl.Int64), b="b")
    answered = duckdb.sql(
        "select k, quantile_cont(i, 0.3) a, quantile_disc(i, 0.5) b, median(distinct i) c, median(i) filter (where b) d "
        "from data group by k"
    ).pl()
    asked = gf.from_polars(data).group_by("k").agg(
        a=col("i").quantile(0.3, "linear"),
        c=col("i").median(distinct=True),
        d=col("i").median(filter=col("b")),
    )  # fmt: skip
    assert_same(asked.collect(), answered.select("k", "a", "c", "d"))


def test_of_times_and_decimals() -> None:
    times = [dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 2), None, dt.datetime(2024, 1, 5)]
    data = gf.from_dict(
        {
            "t": [*times, dt.datetime(2024, 1, 9)],
            "d": [dt.timedelta(seconds=v) for v in (1, 5, 2, 8, 3)],
            "day": [dt.date(2024, 1, v) for v in (1, 5, 2, 8, 3)],
            "p": [Decimal("1.5"), Decimal("2.5"), None, Decimal("4.0"), Decimal("9.0")],
        }
    )
    asked = data.select(
        t=col("t").median(), d=col("d").quantile(0.75), day=col("day").quantile(0.5), p=col("p").quantile(0.5, "linear")
    )
    assert asked.collect().row(0) == (dt.datetime(2024, 1, 3, 12), dt.timedelta(seconds=5), dt.date(2024, 1, 3), 3.25)
    with pytest.raises(TypeMismatchError, match=r"median\(\) does not accept date"):
        data.select(col("day").median())


def test_of_whole_tables_and_groups() -> None:
    data = pl.DataFrame({"k": ["a", "b", "a"], "x": [1, 2, 4], "y": [0.5, None, 2.0]})
    frame = gf.from_polars(data)
    assert_same(frame.drop("k").median().collect(), data.drop("k").median())
    assert_same(frame.drop("k").quantile(0.4, "linear").collect(), data.drop("k").quantile(0.4, "linear"))
    assert_same(frame.group_by("k").median().collect(), data.group_by("k").median())
    assert_same(frame.group_by("k").quantile(0.4).collect(), data.group_by("k").quantile(0.4))
    assert frame.collect().median().collect().row(0) == (None, 2.0, 1.25)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: col("x").quantile(1.5), "q=1.5 is no number from 0 to 1"),
        (lambda: col("x").quantile(float("nan")), "q=nan is no number from 0 to 1"),
        (lambda: col("x").quantile("0.5"), "q='0.5' is no number from 0 to 1"),
        (lambda: col("x").quantile(0.5, "cubic"), "interpolation='cubic' is not one of 'nearest', 'lower'"),
        (lambda: col("x").quantile(), "needs q="),
        (lambda: col("x").quantile(0.5, q=0.4), "takes q, interpolation, filter="),
    ],
)
def test_arguments_are_checked(ask: Any, message: str) -> None:
    with pytest.raises((PlanError, TypeMismatchError), match=message):
        ask()


def test_another_q_compiles_nothing_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from gpuflow_kernels import target

    texts, counts = set(), []
    load = target.modules.load
    monkeypatch.setattr(target.modules, "load", lambda text, name: texts.add(text) or load(text, name))
    frame = gf.from_polars(table())
    with running("python"):
        for q in (0.1, 0.9):
            frame.group_by("k").agg(col("x").quantile(q), v=col("x").var(ddof=round(10 * q))).collect()
            counts.append(len(texts))
    assert counts[0] == counts[1]
