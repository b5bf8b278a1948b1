"""Methods that take all columns at once, against Polars: of tables, of groups, and ``all()`` among the keys of groups."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import dask
import polars as pl
import pytest

import gpuflow as gf
from gpuflow import errors
from tests.support.running import AXES, assert_same, running
from tests.support.tables import NULLS, frame, seeded, widened

ROWS = 60
EVERY = "ijhuxfbstdepcqzvkln"
NUMBERS = "ijxyfb"
"""What sums and means accept in both."""
KEYS = pl.Series("g", [None if r % 11 == 0 else "abc"[r * r % 7 % 3] for r in range(ROWS)])


def table(columns: str, nulls: str = "some") -> pl.DataFrame:
    return widened(seeded(columns, ROWS, 11, nulls))


def grouped(columns: str, nulls: str = "some") -> pl.DataFrame:
    return table(columns, nulls).with_columns(KEYS)


def compared(ask: Callable[[Any, Any], Any], rows: pl.DataFrame, parts: int, target: str = "python") -> None:
    """The same question to both engines, over all rows and over none."""
    for asked in (rows, rows.limit(0)):
        with running(target, parts=parts, rows=ROWS):
            found = ask(frame(asked), gf).collect()
        expected = ask(asked.lazy(), pl).collect()
        assert_same(found, expected, ordered=True)


TABLES: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "drop_nulls": (EVERY, lambda f, m: f.drop_nulls()),
    "drop_nulls of one": (EVERY, lambda f, m: f.drop_nulls("x")),
    "drop_nulls of some": (EVERY, lambda f, m: f.drop_nulls(["i", "s", "l"])),
    "drop_nulls of an expression": (EVERY, lambda f, m: f.drop_nulls(m.col("x", "i"))),
    "drop_nulls of no column": (EVERY, lambda f, m: f.drop_nulls([])),
    "fill_null with an integer": (NUMBERS + "sdepvkl", lambda f, m: f.fill_null(7)),
    "fill_null with zero, decimals": ("cqs", lambda f, m: f.fill_null(0)),
    "fill_null with what int8 has not": ("h", lambda f, m: f.fill_null(300)),
    "fill_null with a float": (NUMBERS + "s", lambda f, m: f.fill_null(1.5)),
    "fill_null with NaN": ("ixs", lambda f, m: f.fill_null(float("nan"))),
    "fill_null with text": (EVERY, lambda f, m: f.fill_null("é")),
    "fill_null with a truth value": (EVERY, lambda f, m: f.fill_null(True)),
    "fill_null with a date": (EVERY, lambda f, m: f.fill_null(dt.date(2020, 1, 2))),
    "fill_null with a moment": ("edixs", lambda f, m: f.fill_null(dt.datetime(2020, 1, 2, 3))),
    "fill_null with a duration": (EVERY, lambda f, m: f.fill_null(dt.timedelta(hours=5))),
    "fill_null with bytes": ("v", lambda f, m: f.fill_null(b"?")),
    "fill_null with a decimal": ("q", lambda f, m: f.fill_null(Decimal("0.5"))),
    "fill_null with an expression": ("ijx", lambda f, m: f.fill_null(m.col("i") * 2)),
    "fill_nan": (EVERY, lambda f, m: f.fill_nan(0)),
    "fill_nan with null": (EVERY, lambda f, m: f.fill_nan(None)),
    "fill_nan with an expression": ("xyis", lambda f, m: f.fill_nan(m.col("y"))),
    "cast": ("ijh", lambda f, m: f.cast(m.Float64)),
    "cast by name": ("ijx", lambda f, m: f.cast({"i": m.Float64, "x": m.Float32})),
    "cast by type": ("xiys", lambda f, m: f.cast({m.Float64: m.Int64}, strict=False)),
    "cast of nothing": ("xis", lambda f, m: f.cast({})),
    "cast that does not fit": ("iw", lambda f, m: f.cast(m.Int32, strict=False)),
    "null_count": (EVERY, lambda f, m: f.null_count()),
    "count": (EVERY, lambda f, m: f.count()),
    "sum": (NUMBERS + "stdepvkln", lambda f, m: f.sum()),
    "mean": (NUMBERS + "stpvkln", lambda f, m: f.mean()),
    "sum of nothing that has one": ("sl", lambda f, m: f.sum()),
    "min": (NUMBERS + "stdepcvkln", lambda f, m: f.min()),
    "max": (NUMBERS + "stdepcvkln", lambda f, m: f.max()),
    "rename": ("ixs", lambda f, m: f.rename(str.upper)),
    "rename with a function of one's own": ("ixs", lambda f, m: f.rename(lambda n: f"{n}_old")),
    "slice from the start": ("ixs", lambda f, m: f.slice(0)),
    "slice from the middle": ("ixs", lambda f, m: f.slice(31)),
    "slice from the end": ("ixs", lambda f, m: f.slice(60)),
    "slice from behind the end": ("ixs", lambda f, m: f.slice(99)),
    "slice of a slice": ("ixs", lambda f, m: f.slice(5).slice(7).slice(1, 30).slice(2)),
    "slice of a sort": ("ix", lambda f, m: f.sort("i", "x", nulls_last=True).slice(50).select(m.col("i") * 2)),
    "slice under a filter": ("ix", lambda f, m: f.slice(20).filter(m.col("i") > 0)),
    "slice under an aggregation": ("ix", lambda f, m: f.slice(20).select(m.col("i").sum(), n=m.len())),
    "null_count of expressions": (
        "ixs",
        lambda f, m: f.select(m.col("x", "i").null_count(), b=(m.col("i") + 1).null_count() + m.col("s").null_count()),
    ),
    "fill_nan of expressions": ("xyi", lambda f, m: f.select(m.col("x", "y").fill_nan(-1.5), m.col("i").fill_nan(2))),
    "spread of all": ("ix", lambda f, m: f.select(m.all().var(ddof=0))),
}


@pytest.mark.parametrize("parts", [1, 7])
@pytest.mark.parametrize("name", TABLES)
def test_tables(name: str, parts: int) -> None:
    columns, ask = TABLES[name]
    compared(ask, table(columns), parts)


@pytest.mark.parametrize("nulls", NULLS)
def test_nulls_of_every_kind(nulls: str) -> None:
    rows = table("ixsl", nulls)
    for ask in ("drop_nulls", "null_count", "count", "sum", "min"):
        compared(lambda f, m, ask=ask: getattr(f, ask)(), rows, 7)
    compared(lambda f, m: f.fill_null(0).fill_null("z").fill_nan(1), rows, 7)


GROUPS: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "len": ("ix", lambda g, m: g.len()),
    "len, named": ("ix", lambda g, m: g.len("rows")),
    "len, named by default": ("ix", lambda g, m: g.len(None)),
    "sum": (NUMBERS + "pn", lambda g, m: g.sum()),
    "mean": (NUMBERS + "epn", lambda g, m: g.mean()),
    "min": (NUMBERS + "stdepcvkn", lambda g, m: g.min()),
    "max": (NUMBERS + "stdepcvkn", lambda g, m: g.max()),
    "first": (EVERY, lambda g, m: g.first()),
    "last": (EVERY, lambda g, m: g.last()),
    "first that is not null": (NUMBERS + "stde", lambda g, m: g.first(ignore_nulls=True)),
    "last that is not null": (NUMBERS + "stde", lambda g, m: g.last(ignore_nulls=True)),
    "n_unique": (NUMBERS + "stdev", lambda g, m: g.n_unique()),
    "all": (NUMBERS, lambda g, m: g.agg(m.all().sum())),
    "all beside others": ("ix", lambda g, m: g.agg(m.all().max(), n=m.len(), total=m.col("i").sum())),
    "all twice in one": ("ix", lambda g, m: g.agg(m.all().max() - m.all().min())),
    "nulls of all": (EVERY, lambda g, m: g.agg(m.all().null_count())),
    "all of nothing": ("", lambda g, m: g.agg(m.all().sum())),
    "sum of nothing": ("", lambda g, m: g.sum()),
}


@pytest.mark.parametrize("parts", [1, 7])
@pytest.mark.parametrize("name", GROUPS)
def test_groups(name: str, parts: int) -> None:
    columns, ask = GROUPS[name]
    rows = grouped(columns) if columns else KEYS.to_frame()
    compared(lambda f, m: ask(f.group_by("g", maintain_order=True), m), rows, parts)


@pytest.mark.parametrize(
    "keys",
    [
        lambda m: (["g", "b"], {}),
        lambda m: ([m.col("i") % 3], {}),  # called i: the column of that name is left out
        lambda m: ([], {"z": m.col("i") % 3}),
        lambda m: ([], {"x": m.col("i") % 3}),  # called like another column
    ],
)
def test_all_leaves_out_what_is_called_like_a_key(keys: Callable[[Any], Any]) -> None:
    def ask(f: Any, m: Any) -> Any:
        by, named = keys(m)
        return f.group_by(*by, maintain_order=True, **named).agg(m.all().max(), n=m.len())

    compared(ask, grouped("ibx"), 7)


def test_all_has_the_keys_outside_of_agg() -> None:
    rows = frame(grouped("i"))
    assert rows.select(gf.all()).columns == ["i", "g"]
    assert rows.group_by("g").agg(gf.all().sum()).select(gf.all().max()).columns == ["g", "i"]


@pytest.mark.parametrize(
    "ask",
    [
        lambda f, m: f.drop_nulls("x").fill_nan(0).fill_null(1).slice(7).sum(),
        lambda f, m: f.null_count(),
        lambda f, m: f.group_by("i", maintain_order=True).agg(m.all().max()),
    ],
)
def test_compiled(ask: Callable[[Any, Any], Any]) -> None:
    compared(ask, table("ixs"), 7, "cpu")


@pytest.mark.parametrize("axis", AXES)
def test_all_ways_of_running(axis: str) -> None:
    rows = grouped("ixs")
    with running("python", axis, 7, ROWS):
        groups = frame(rows).drop_nulls("i").slice(3).group_by("g", maintain_order=True).agg(gf.all().max(), n=gf.len())
        found = groups.collect(), frame(rows).slice(3).fill_nan(None).null_count().collect()
    expected = rows.drop_nulls("i").slice(3).group_by("g", maintain_order=True).agg(pl.all().max(), n=pl.len())
    assert_same(found[0], expected, ordered=True)
    assert_same(found[1], rows.slice(3).fill_nan(None).null_count())


WRONG: dict[str, tuple[Callable[[gf.Frame], Any], type[Exception], str]] = {
    "all of strings": (lambda f: f.group_by("i").agg(gf.all().sum()), errors.TypeMismatchError, r'col\("s"\)\.sum\(\).*string'),
    "a key by name": (lambda f: f.group_by("i").agg(gf.col("i", "x").sum()), errors.DuplicateNameError, r"'i' like a key"),
    "sum of strings": (
        lambda f: f.group_by("i").sum(),
        errors.TypeMismatchError,
        r'col\("s"\)\.sum\(\).*string.*name those that have one: \.agg\(gf\.col\(\'x\'\)\.sum\(\)\)',
    ),
    "mean of strings": (lambda f: f.group_by("x").mean(), errors.TypeMismatchError, r"gf\.col\('i'\)\.mean\(\)"),
    "len like a key": (lambda f: f.group_by("i").len("i"), errors.DuplicateNameError, "'i' like a key"),
    "len by a number": (lambda f: f.group_by("i").len(3), errors.TypeMismatchError, "takes a name, not 3"),
    "count of groups": (lambda f: f.group_by("i").count(), AttributeError, r"\.agg\(gf\.all\(\)\.count\(\)\), or \.len\(\)"),
    "what groups have not": (lambda f: f.group_by("i").apply(len), AttributeError, r"a GroupBy has no 'apply'; write \.agg"),
    "drop_nulls of no such column": (
        lambda f: f.drop_nulls("sx"),
        errors.ColumnNotFoundError,
        "no column 'sx'; did you mean 'x' or 's'",
    ),
    "drop_nulls of an expression": (
        lambda f: f.drop_nulls(gf.col("x") + 1),
        errors.PlanError,
        r"drop_nulls\(\) takes column names",
    ),
    "drop_nulls of a number": (lambda f: f.drop_nulls(3), errors.PlanError, r"drop_nulls\(\) takes column names"),
    "fill_null with nothing": (lambda f: f.fill_null(None), errors.PlanError, r"fill_null\(\) needs a value"),
    "fill_null with a list": (lambda f: f.fill_null([1]), errors.TypeMismatchError, "a list is no literal"),
    "fill_null with what does not suit": (lambda f: f.fill_null(gf.col("i")), errors.TypeMismatchError, r'col\("s"\)\.fill_null'),
    "fill_nan with text": (lambda f: f.fill_nan("z"), errors.TypeMismatchError, r'col\("x"\).*string'),
    "fill_nan of strings": (lambda f: f.select(gf.col("s").fill_nan(0)), errors.TypeMismatchError, r'col\("s"\)\.is_not_nan'),
    "cast to a name": (
        lambda f: f.cast("flot64"),
        errors.TypeMismatchError,
        r"cast\(\) of a type, or of a dict.*did you mean 'float64'",
    ),
    "cast to a Python type": (lambda f: f.cast({"i": complex}), errors.TypeMismatchError, "types are written as gf.Int64"),
    "cast of no such column": (lambda f: f.cast({"ii": gf.Float64}), errors.ColumnNotFoundError, "no column 'ii'"),
    "cast by a number": (lambda f: f.cast({1: gf.Float64}), errors.TypeMismatchError, "by column name.*: 1 is no type"),
    "cast that there is not": (lambda f: f.cast(gf.Binary), errors.TypeMismatchError, "cannot be cast to binary"),
    "mean of dates": (lambda f: f.select(d=gf.date(2020, 1, 1)).mean(), errors.TypeMismatchError, r'col\("d"\)\.mean\(\).*date'),
    "rename to one name": (lambda f: f.rename(lambda n: "z"), errors.DuplicateNameError, "'i' and 'x' and 's' would both"),
    "rename to a number": (lambda f: f.rename(len), errors.TypeMismatchError, "new name of 'i' must be a str, not 1"),
    "rename to a number by name": (lambda f: f.rename({"x": 1}), errors.TypeMismatchError, "new name of 'x' must be a str"),
    "rename by a name": (lambda f: f.rename("x"), errors.TypeMismatchError, r"rename\(\) takes a dict of names, or a function"),
    "slice from the end": (lambda f: f.slice(-2), errors.PlanError, r"offset must not be negative \(-2\)"),
    "slice of nothing known": (lambda f: f.slice(None), errors.TypeMismatchError, "offset must be an int, not None"),
    "limit of nothing known": (lambda f: f.limit(None), errors.TypeMismatchError, "number of rows must be an int, not None"),
    "sort descending None": (lambda f: f.sort("i", descending=None), errors.TypeMismatchError, "descending takes True or False"),
    "sort by words": (lambda f: f.sort("i", descending="yes"), errors.TypeMismatchError, "descending takes True or False.*'yes'"),
    "sort with None": (
        lambda f: f.sort("i", nulls_last=[None]),
        errors.TypeMismatchError,
        "nulls_last.*for each column, not None",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told(name: str) -> None:
    ask, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        ask(frame(table("ixs")))


@pytest.mark.parametrize("offset", [0, 31, 60, 99])
def test_slices_of_what_is_not_looked_into(offset: int) -> None:
    """A Dask graph is made without running a part of it: where the offset lies is not known then."""
    rows = table("ix")
    with running(parts=7, rows=ROWS):
        (found,) = dask.compute(frame(rows).slice(offset))
    assert_same(found, rows.slice(offset), ordered=True)


def test_partitions_behind_an_offset_stay_apart() -> None:
    with running(parts=7, rows=ROWS):
        found = frame(table("ix")).slice(20).persist()
    assert len(found.plan.source.chunks) > 1


def test_many_columns_are_no_deep_expression() -> None:
    many = gf.from_dict({f"c{k}": [k, None if k == 777 else 1, 2] for k in range(1000)})
    assert len(many.drop_nulls().explain("logical").splitlines()) == 2
