"""What `docs/semantics.md` says of nulls, NaN, signed zeros, keys and aggregations, a test for each of its rows.

Expected values are those of Polars, computed here by the same query.
"""

from __future__ import annotations

import itertools
from typing import Any

import polars as pl
import pytest

from tests.support.semantics import COMPILED, NUMBERS, ORDERED, VALUES, Way, agree, every, every_layout, everywhere
from tests.support.tables import INF, NAN

COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge", "eq_missing", "ne_missing")
SUMMED = "ihxyfbpm"
SMALL = pl.DataFrame({"a": [7, None, 5, None], "b": [2, 3, None, None]})
NUMERIC = ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64")


# -- nulls ------------------------------------------------------------------------------------------------------------
@everywhere
def test_null_in_arithmetic_is_null(way: Way) -> None:
    def query(x: Any, t: Any) -> Any:
        found = {}
        for name in NUMERIC:
            a, b = (x.col(c).cast(getattr(x, name)) for c in "ab")
            made = [a + b, b + a, b * a, a / b, a // b, a % b, a**b, a + None, a.abs(), *([a - b, -a] if name[0] != "U" else [])]
            found |= {f"{name} {k}": v for k, v in enumerate(made)}
        return t.select(**found)

    agree(query, SMALL, **way, wide=False)


@every_layout
def test_null_in_comparison_is_null(way: Way) -> None:
    def query(x: Any, t: Any) -> Any:
        made = {}
        for c, name in itertools.product(ORDERED, COMPARISONS):
            made[f"{c} {name}"] = getattr(x.col(c), name)(x.col(f"{c}2"))
        return t.select(**made)

    table = every(rows=30)
    shifted = table.select(pl.all().shift(2).name.suffix("2"))
    found = agree(query, pl.concat([table, shifted], how="horizontal"), **way)
    assert None in found.to_dict()["i lt"] and None not in found.to_dict()["i eq_missing"]


@everywhere
def test_truth_has_three_values(way: Way) -> None:
    truths = [True, False, None]
    table = pl.DataFrame(list(itertools.product(truths, truths)), schema={"a": pl.Boolean, "b": pl.Boolean}, orient="row")

    def query(x: Any, t: Any) -> Any:
        a, b = x.col("a"), x.col("b")
        return t.select(x.when(a).then(1).otherwise(2).alias("when"), c=a & b, d=a | b, e=a ^ b, f=~a, g=a & None, h=a | None)

    agree(query, table, **way)
    agree(lambda x, t: t.filter(x.col("a") | x.col("b")), table, **way)


@every_layout
@pytest.mark.parametrize("rows", [30, 3])
def test_aggregations_skip_nulls(way: Way, rows: int) -> None:
    """Some nulls and hardly one; of nothing but nulls there are tests below."""

    def query(x: Any, t: Any) -> Any:
        made = {"rows": x.len()}
        for c in ORDERED:
            column = x.col(c)
            made |= {f"{c} count": column.count(), f"{c} least": column.min(), f"{c} greatest": column.max()}
            made |= {f"{c} first": column.first(), f"{c} last": column.last(), f"{c} seen": column.first(ignore_nulls=True)}
            if c in SUMMED:
                made[f"{c} sum"] = column.sum()
            if c in NUMBERS:
                made[f"{c} mean"] = column.mean()
        return t.select(**made)

    agree(query, every(rows=rows), **way)


@everywhere
@pytest.mark.parametrize("rows", [0, 9])
def test_sum_of_nothing_is_zero(way: Way, rows: int) -> None:
    """Neither of no rows nor of nulls alone."""
    table = every(SUMMED + "u").select(pl.when(False).then(pl.all()))[:rows].with_columns(k=pl.lit(1))
    found = agree(lambda x, t: t.select(**{c: x.col(c).sum() for c in SUMMED + "u"}), table, **way)
    assert found.to_dict()["i"] == [0]
    agree(lambda x, t: t.group_by("k").agg(**{c: x.col(c).sum() for c in SUMMED + "u"}), table, **way)


@every_layout
@pytest.mark.parametrize("rows", [0, 9])
def test_mean_least_and_greatest_of_nothing_are_null(way: Way, rows: int) -> None:
    table = every().select(pl.when(False).then(pl.all()))[:rows].with_columns(k=pl.lit(1))

    def made(x: Any) -> dict[str, Any]:
        found = {f"{c} {m}": getattr(x.col(c), m)() for c in ORDERED for m in ("min", "max", "first", "last", "count")}
        return found | {f"{c} {m}": getattr(x.col(c), m)() for c in ORDERED if c in NUMBERS for m in ("mean", "var", "std")}

    agree(lambda x, t: t.select(**made(x)), table, **way)
    agree(lambda x, t: t.group_by("k").agg(**made(x)), table, **way)


@every_layout
def test_without_keys_no_rows_are_one_row_and_with_keys_none(way: Way) -> None:
    def made(x: Any) -> dict[str, Any]:
        return {"n": x.len(), "k": x.col("i").count(), "a": x.col("b").all(), "o": x.col("b").any(), "u": x.col("s").n_unique()}

    nothing, some = every()[:0], every()
    assert len(agree(lambda x, t: t.select(**made(x)), nothing, **way)) == 1
    assert len(agree(lambda x, t: t.group_by("s").agg(**made(x)), nothing, **way)) == 0
    assert len(agree(lambda x, t: t.filter(x.col("i") > 99).select(**made(x)), some, **way)) == 1
    assert len(agree(lambda x, t: t.filter(x.col("i") > 99).group_by("s").agg(**made(x)), some, **way)) == 0


@everywhere
def test_empty_inputs(way: Way) -> None:
    """Every operator on no rows."""
    nothing, some = every()[:0], every()
    agree(lambda x, t: t.with_columns(a=x.col("i") + 1).filter(x.col("b")).sort("s", "a").head(2), nothing, **way)
    agree(lambda x, t: t.unique(), nothing, **way)
    for how in ("inner", "left", "right", "semi", "anti"):
        agree(
            lambda x, t, u, how=how: t.join(u.select("i", "s", v="j"), on=["i", "s"], how=how),
            nothing,
            some,
            **way,
            ordered=False,
        )
        agree(
            lambda x, t, u, how=how: t.join(u.select("i", "s", v="j"), on=["i", "s"], how=how),
            some,
            nothing,
            **way,
            ordered=False,
        )
    agree(lambda x, t, u: x.concat([t, u, t]), nothing, some, **way)


# -- keys -------------------------------------------------------------------------------------------------------------
@every_layout
def test_null_is_a_group_of_its_own(way: Way) -> None:
    for key in ORDERED:
        agree(lambda x, t, k=key: t.group_by(k).agg(n=x.len(), least=x.col("i").min()), every(), **way, ordered=False)
        agree(lambda x, t, k=key: t.select(x.col(k)).unique(), every(), **way, ordered=False)
    agree(lambda x, t: t.group_by("b", "s", "x").agg(n=x.len()), every(), **way, ordered=False)


@every_layout
@pytest.mark.parametrize("nulls_equal", [False, True])
def test_null_matches_no_join_key_unless_asked(way: Way, nulls_equal: bool) -> None:
    for key in ORDERED:
        left, right = every(rows=12).select(key, row="h"), every(rows=9).select(key, other="h").reverse()
        for how in ("inner", "left", "right", "semi", "anti"):

            def query(x: Any, t: Any, u: Any, on: str = key, how: str = how) -> Any:
                return t.join(u, on=on, how=how, nulls_equal=nulls_equal)

            agree(query, left, right, **way, ordered=False)


@everywhere
@pytest.mark.parametrize("on", [{"on": "s"}, {"left_on": "s", "right_on": "b"}, {"left_on": "a", "right_on": "s"}])
def test_a_right_join_has_the_right_tables_keys(way: Way, on: dict[str, str]) -> None:
    left = pl.DataFrame({"a": ["x", "y", None], "s": ["u", "x", None], "n": [1, 2, 3]})
    right = pl.DataFrame({"s": ["x", "w", None, "x"], "b": ["u", "q", None, "x"], "n": [4, 5, 6, 7]})
    for equal in (False, True):
        joined = agree(lambda x, t, u, e=equal: t.join(u, **on, how="right", nulls_equal=e), left, right, **way, ordered=False)
        assert joined.columns == left.join(right, **on, how="right").columns


@every_layout
def test_nulls_in_a_list_of_values_are_ignored(way: Way) -> None:
    def query(x: Any, t: Any) -> Any:
        made = {}
        for c in "ihuxfbsd":
            some = VALUES[c][1][:2]
            column, listed = x.col(c), {"some": some, "null": [*some, None], "only null": [None], "nothing": []}
            made |= {f"{c} in {name}": column.is_in(values) for name, values in listed.items()}
            made |= {f"{c} not in {name}": ~column.is_in(values) for name, values in listed.items()}
        return t.select(**made)

    found = agree(query, every(rows=30), **way).to_dict()
    assert found["i not in null"] == found["i not in some"] and True in found["i not in null"]


# -- NaN and the signed zero ------------------------------------------------------------------------------------------
HOSTILE = pl.DataFrame(
    {
        "x": [NAN, 1.0, -NAN, INF, None, -0.0, 0.0, -INF, 3.0, NAN, 0.0],
        "y": [NAN, NAN, 1.0, NAN, NAN, 0.0, -0.0, -INF, None, INF, 5.0],
    }
)
FLOATS = {"Float64": HOSTILE, "Float32": HOSTILE.cast(pl.Float32)}


@everywhere
@pytest.mark.parametrize("dtype", FLOATS)
def test_nan_is_equal_to_itself_and_above_every_number(way: Way, dtype: str) -> None:
    table = FLOATS[dtype].with_row_index("row")

    def compared(x: Any, t: Any) -> Any:
        return t.select(
            **{n: getattr(x.col("x"), n)(x.col("y")) for n in COMPARISONS}, within=x.col("x").is_between(0.0, x.col("y"))
        )

    agree(compared, table, **way)
    agree(lambda x, t: t.group_by("x").agg(n=x.len(), rows=x.col("row").sum()), table, **way, ordered=False)
    agree(lambda x, t: t.sort("x", descending=True, nulls_last=True, **stable(x)), table, **way)
    agree(lambda x, t, u: t.join(u.select("x", other="row"), on="x"), table, table, **way, ordered=False)
    agree(lambda x, t: t.select("x").unique(), table, **way, ordered=False)
    agree(lambda x, t: t.select(n=x.col("x").n_unique(), i=x.col("x").is_in([NAN, 1.0]).sum()), table, **way)


def stable(x: Any) -> dict[str, bool]:
    """Polars sorts stably when asked to."""
    return {"maintain_order": True} if x is pl else {}


@everywhere
@pytest.mark.parametrize("values", [[1.0, NAN, 3.0], [NAN, NAN], [NAN, None], [NAN, INF], [-INF, NAN], [None, None]])
def test_nan_is_skipped_by_least_and_greatest(way: Way, values: list[float | None]) -> None:
    table = pl.DataFrame({"x": values, "k": [1] * len(values)}, schema={"x": pl.Float64, "k": pl.Int64})
    table = table.with_columns(f=pl.col("x").cast(pl.Float32))

    def made(x: Any) -> dict[str, Any]:
        return {f"{c} {m}": getattr(x.col(c), m)() for c in "xf" for m in ("min", "max")}

    agree(lambda x, t: t.select(**made(x)), table, **way)
    agree(lambda x, t: t.group_by("k").agg(**made(x)), table, **way)


@everywhere
@pytest.mark.parametrize("dtype", FLOATS)
def test_both_zeros_are_one_key(way: Way, dtype: str) -> None:
    """In groups, joins, distinct rows, lists and comparisons; written out, each keeps its sign."""
    table = pl.DataFrame({"x": [0.0, -0.0, 1.0, -0.0], "i": [1, 2, 3, 4]}).with_columns(pl.col("x").cast(getattr(pl, dtype)))
    groups = agree(lambda x, t: t.group_by("x").agg(n=x.len(), s=x.col("i").sum()), table, **way, ordered=False)
    assert sorted(groups.to_dict()["n"]) == [1, 3]
    joined = agree(lambda x, t, u: t.join(u.select("x", j="i"), on="x"), table, table, **way, ordered=False)
    assert len(joined) == 10
    agree(lambda x, t: t.select("x").unique(), table, **way, ordered=False)
    agree(lambda x, t: t.select(a=x.col("x") == 0.0, b=x.col("x") < 0.0, c=x.col("x").is_in([0.0])), table, **way)
    agree(lambda x, t: t.sort("x", **stable(x)).select("i"), table, **way)
    kept = agree(lambda x, t: t.select("x", y=1.0 / x.col("x")), table, **way)
    assert kept.to_dict()["y"] == [INF, -INF, 1.0, -INF]


# -- compiled ---------------------------------------------------------------------------------------------------------
SHORT = pl.DataFrame({"i": [-7, 7, 0, None, 2, 1], "k": [2, -2, 0, 1, None, 0], "b": [True, False, None, None, True, None]})
ROWS = pl.concat(
    [SHORT, pl.DataFrame({"x": [NAN, -0.0, 2.5, None, 0.0, INF], "y": [1.0, 0.0, NAN, NAN, 0.5, NAN]})], how="horizontal"
)


def of_each_row(x: Any, t: Any) -> Any:
    i, k, b, v, y = (x.col(c) for c in "ikbxy")
    logic = {"and": b & (i > 0), "or": b | (i > 0), "when": x.when(b).then(1).otherwise(2)}
    whole = {"sum": i + k, "floor": i // k, "rest": i % k, "ratio": i / k, "member": ~i.is_in([1, None])}
    real = {
        "less": v < y,
        "same": v.eq_missing(y),
        "round": y.round(0),
        "number": v.cast(x.Int8, strict=False),
        "signed": 1.0 / v,
    }
    return t.select(**logic, **whole, **real)


def by_key(x: Any, t: Any) -> Any:
    made = {"n": x.len(), "c": x.col("i").count(), "s": x.col("i").sum(), "m": x.col("y").max(), "f": x.col("k").first()}
    return t.group_by("x").agg(**made)


def by_join(x: Any, t: Any) -> Any:
    return t.join(t.select("x", other="i"), on="x", how="left").select("i", "other")


@pytest.mark.parametrize("query", [of_each_row, by_key, by_join])
def test_compiled(query: Any) -> None:
    """The same rules in compiled kernels, on one table."""
    agree(query, ROWS, **COMPILED, ordered=False)
