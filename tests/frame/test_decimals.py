"""Decimals in queries: types and results as in DuckDB, borders, keys."""

from __future__ import annotations

import datetime
import random
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

import gpuflow as gf
from gpuflow import col, errors
from tests.support.decimals import decimals, duck, equal, table, type_name
from tests.support.running import difference, running

a, b, c, i, n, f = (col(name) for name in "abcinf")

EXPRESSIONS: dict[str, gf.Expr] = {
    "a + b": a + b,
    "a - c": a - c,
    "a + i": a + i,
    "c - b": c - b,
    "a + f": a + f,
    "a * c": a * c,
    "b * c": b * c,
    "c * i": c * i,
    "c * c": c * c,
    "a * f": a * f,
    "1 - c": 1 - c,
    "a * (1 - c) * (1 + c)": a * (1 - c) * (1 + c),
    "a + 0.25": a + Decimal("0.25"),
    "a / b": a / b,
    "a / 4": a / 4,
    "i / c": i / c,
    "-a": -a,
    "abs(b)": b.abs(),
    "floor(b)": b.floor(),
    "ceil(b)": b.ceil(),
    "trunc(b)": b.truncate(),
    "floor(c)": c.floor(),
    "sqrt(abs(b))": b.abs().sqrt(),
    "pow(c, 2)": c**2,
    "a < b": a < b,
    "a = c": a == c,
    "a <> i": a != i,
    "c >= n": c >= n,
    "b < f": b < f,
    "a > 1.5": a > Decimal("1.5"),
    "a = 0": a == 0,
    "a between c and b": a.is_between(c, b),
    "c in (2.5, -0.5, 3)": c.is_in([Decimal("2.5"), Decimal("-0.5"), 3]),
    "coalesce(a, b)": gf.coalesce(a, b),
    "coalesce(c, 0)": c.fill_null(0),
    "coalesce(a, f)": gf.coalesce(a, f),
    "case when t then a else b end": gf.when(col("t")).then(a).otherwise(b),
    "case when t then a end": gf.when(col("t")).then(a).otherwise(None),
    "least(a, b)": gf.min_horizontal(a, b),
    "greatest(c, b)": gf.max_horizontal(c, b),
    "cast(a as decimal(18, 4))": a.cast(gf.Decimal(18, 4)),
    "cast(b as decimal(9, 2))": b.cast(gf.Decimal(9, 2)),
    "cast(b as decimal(9, 0))": b.cast(gf.Decimal(9)),
    "try_cast(b as decimal(4, 2))": b.cast(gf.Decimal(4, 2), strict=False),
    "try_cast(a as decimal(18, 9))": a.cast(gf.Decimal(18, 9), strict=False),
    "cast(c as integer)": c.cast(gf.Int32),
    "cast(b as bigint)": b.cast(gf.Int64),
    "cast(b as double)": b.cast(gf.Float64),
    "cast(b as float)": b.cast(gf.Float32),
    "cast(c as boolean)": c.cast(gf.Boolean),
    "cast(i as decimal(12, 3))": i.cast(gf.Decimal(12, 3)),
    "cast(f as decimal(12, 1))": f.cast(gf.Decimal(12, 1)),
    "cast(t as decimal(3, 2))": col("t").cast(gf.Decimal(3, 2)),
    "cast(a as decimal(38, 5))": a.cast(gf.Decimal(38, 5)),
    "cast(a as decimal(38, 5)) + b": a.cast(gf.Decimal(38, 5)) + b,
    "cast(a as decimal(38, 5)) < n": a.cast(gf.Decimal(38, 5)) < n,
    "cast(a as decimal(38, 2)) * c": a.cast(gf.Decimal(38, 2)) * c,
    "cast(a as decimal(38, 2)) / 3": a.cast(gf.Decimal(38, 2)) / 3,
    "cast(cast(a as decimal(38, 2)) as decimal(18, 0))": a.cast(gf.Decimal(38, 2)).cast(gf.Decimal(18)),
    "cast(cast(a as decimal(38, 2)) as decimal(38, 0))": a.cast(gf.Decimal(38, 2)).cast(gf.Decimal(38)),
    "cast(cast(a as decimal(38, 2)) as bigint)": a.cast(gf.Decimal(38, 2)).cast(gf.Int64),
    "-cast(a as decimal(38, 2))": -a.cast(gf.Decimal(38, 2)),
}
DIFFERENT = {
    "1 - c": "DECIMAL(5,1)",  # a literal counts with its own digits; DuckDB takes the ten of an INTEGER
    "a + i": None,
    "coalesce(c, 0)": "DECIMAL(4,1)",
    "a * (1 - c) * (1 + c)": None,
}
"""Types that are not DuckDB's; None where only the digits before the point differ."""


@pytest.mark.parametrize("nulls", [False, True])
def test_expressions(nulls: bool) -> None:
    t = table(nulls=nulls)
    query = "select " + ", ".join(f'{sql} as "{k}"' for k, sql in enumerate(EXPRESSIONS)) + " from t"
    types, expected = duck(query, t)
    with running("python", rows=90, parts=2 if nulls else 1):
        found = gf.from_arrow(t).select(**{str(k): e for k, e in enumerate(EXPRESSIONS.values())}).collect()
    ours = list(zip(*(found[name].to_pylist() for name in found.schema), strict=True))
    for k, (sql, theirs) in enumerate(zip(EXPRESSIONS, types, strict=True)):
        own = type_name(found.schema[str(k)])
        assert own == (DIFFERENT[sql] or own if sql in DIFFERENT else theirs.replace(" ", "")), sql
        for one, two in zip(ours, expected, strict=True):
            assert equal(one[k], two[k]), f"{sql}: {one[k]!r}, not {two[k]!r} for {one}"
    assert found.schema["9"] == gf.Float64


FRAMES: dict[str, tuple[gf.Expr, Any]] = {
    "round(1)": (b.round(1), lambda x: round(x["b"], 1)),
    "round(9)": (b.round(9), lambda x: x["b"]),
    "round()": (b.round(), lambda x: Decimal(round(x["b"]))),
    "//": (a // c, lambda x: (x["a"] / x["c"]).to_integral_value("ROUND_FLOOR") if x["c"] else None),
    "%": (a % c, lambda x: x["a"] - x["c"] * (x["a"] / x["c"]).to_integral_value("ROUND_FLOOR") if x["c"] else None),
    "// integer": (b // 3, lambda x: (x["b"] / 3).to_integral_value("ROUND_FLOOR")),
    "sign": (a.sign(), lambda x: (x["a"] > 0) - (x["a"] < 0)),
    "clip": (b.clip(-1, Decimal("2.5")), lambda x: min(max(x["b"], Decimal(-1)), Decimal("2.5"))),
    "float in": (f.cast(gf.Decimal(12, 2)).is_in([0.07, 2.5]), lambda x: x["f"] in (0.07, 2.5)),
    "is_null": (a.is_null(), lambda x: False),
}


@pytest.mark.parametrize("name", FRAMES)
def test_what_frames_have_of_their_own(name: str) -> None:
    """Halves to even, quotients rounded down, null by zero: as of integers."""
    t = table(nulls=False)
    expression, meaning = FRAMES[name]
    with running("python"):
        found = gf.from_arrow(t).select(x=expression).collect()["x"].to_pylist()
    for value, row in zip(found, t.to_pylist(), strict=True):
        assert value == meaning(row), f"{value!r}, not {meaning(row)!r} for {row}"


AGGREGATED = {
    "sum(a)": a.sum(), "avg(a)": a.mean(), "min(b)": b.min(), "max(b)": b.max(), "count(c)": c.count(),
    "sum(a * (1 - c) * (1 + c))": (a * (1 - c) * (1 + c)).sum(), "stddev_samp(b)": b.std(), "avg(b)": b.mean(),
    "count(distinct b)": b.n_unique() - b.is_null().any().cast(gf.Int64),
    "sum(a) / count(a)": a.sum() / a.count(), "sum(a) - sum(b)": a.sum() - b.sum(),
    "100 * sum(c) / sum(b)": 100 * c.sum() / b.sum(),
    "min(cast(a as decimal(38, 2)))": a.cast(gf.Decimal(38, 2)).min(),
    "max(cast(a as decimal(38, 2)))": a.cast(gf.Decimal(38, 2)).max(),
    "sum(cast(a as decimal(38, 2)))": a.cast(gf.Decimal(38, 2)).sum(),
}  # fmt: skip


@pytest.mark.parametrize(("axis", "parts"), [("plain", 1), ("exchange, tiny", 7), ("tiny and constant", 3)])
@pytest.mark.parametrize("keys", [("k",), (), ("c",)])
def test_aggregations(axis: str, parts: int, keys: tuple[str, ...]) -> None:
    t = table(rows=90, nulls=keys != ("c",))  # DuckDB has null for the sum of nothing
    by = "".join(f"{k}, " for k in keys)
    _, expected = duck(f"select {by}{', '.join(AGGREGATED)} from t {'group by ' + ', '.join(keys) if keys else ''}", t)
    with running("python", axis, parts, 90):
        frame = gf.from_arrow(t)
        named = {str(k): e for k, e in enumerate(AGGREGATED.values())}
        found = (frame.group_by(*keys).agg(**named) if keys else frame.select(**named)).collect()
    rows = list(zip(*(found[name].to_pylist() for name in found.schema), strict=True))
    assert not difference(rows, expected)
    assert found.schema["0"] == gf.Decimal(38, 2)
    assert found.schema["5"] == gf.Decimal(38, 4)
    assert found.schema["1"] == gf.Float64


def test_pricing_summary() -> None:
    """TPC-H Q1: sums of 2, 4 and 6 digits after the point, exact."""
    rng = random.Random(4)
    money = pa.decimal128(15, 2)
    rows = 400
    lineitem = pa.table(
        {
            "flag": [rng.choice("ANR") for _ in range(rows)],
            "status": [rng.choice("OF") for _ in range(rows)],
            "quantity": pa.array([Decimal(rng.randrange(1, 51)) for _ in range(rows)], money),
            "price": pa.array([Decimal(rng.randrange(90_000, 10_500_000)).scaleb(-2) for _ in range(rows)], money),
            "discount": pa.array([Decimal(rng.randrange(11)).scaleb(-2) for _ in range(rows)], money),
            "tax": pa.array([Decimal(rng.randrange(9)).scaleb(-2) for _ in range(rows)], money),
            "shipped": [datetime.date(1998, 8, 1) + datetime.timedelta(rng.randrange(60)) for _ in range(rows)],
        }
    )
    query = """select flag, status, sum(quantity), sum(price), sum(price * (1 - discount)),
        sum(price * (1 - discount) * (1 + tax)), avg(quantity), avg(price), avg(discount), count(*)
        from t where shipped <= date '1998-09-02' group by all order by all"""
    types, expected = duck(query, lineitem)
    net = col("price") * (1 - col("discount"))
    for target, parts in (("python", 7), ("cpu", 1)):
        with running(target, parts=parts, rows=rows):
            found = (
                gf.from_arrow(lineitem)
                .filter(col("shipped") <= datetime.date(1998, 9, 2))
                .group_by("flag", "status")
                .agg(
                    q=col("quantity").sum(),
                    p=col("price").sum(),
                    d=net.sum(),
                    c=(net * (1 + col("tax"))).sum(),
                    aq=col("quantity").mean(),
                    ap=col("price").mean(),
                    ad=col("discount").mean(),
                    n=gf.len(),
                )
                .sort("flag", "status")
                .collect()
            )
        assert not difference([tuple(r.values()) for r in found.to_pylist()], expected, ordered=True)
    assert [type_name(found.schema[name]) for name in "qpdc"] == [str(d).replace(" ", "") for d in types[2:6]]


# -- borders ----------------------------------------------------------------------------------------------------------
NINES = "9" * 18


def test_sums_pass_the_borders_of_64_bits() -> None:
    for sign in ("", "-"):
        with running("python", parts=7, rows=40):
            found = decimals([sign + NINES] * 40, 18, 0).select(s=col("x").sum(), m=col("x").mean()).collect()
        assert found.to_pylist() == [{"s": 40 * Decimal(sign + NINES), "m": float(sign + NINES)}]


def test_sums_of_38_digits_are_exact_or_raise() -> None:
    large = col("x").cast(gf.Decimal(38, 20))
    with running("python", parts=2, rows=4):
        fits = decimals([NINES, "-" + NINES, NINES, None], 18, 0).select(s=large.sum()).collect().item()
        assert fits == Decimal(NINES)
        with pytest.raises(errors.ArithmeticOverflowError, match=r"sum does not fit decimal\(38, 20\).*; in column 's'$"):
            decimals([NINES] * 2, 18, 0).select(s=large.sum()).collect()
        with pytest.raises(errors.ArithmeticOverflowError, match="add does not fit"):
            decimals([NINES], 18, 0).select(s=large + large).collect()
        with pytest.raises(errors.ArithmeticOverflowError, match="mul does not fit"):
            decimals([NINES], 18, 0).select(s=large * 11).collect()
        with pytest.raises(errors.ArithmeticOverflowError, match="cast does not fit"):
            decimals([NINES], 18, 0).select(s=col("x").cast(gf.Decimal(38, 21))).collect()


@pytest.mark.parametrize(
    ("expression", "values", "fits"),
    [
        (col("x") * col("x"), ["999999999"], True),
        (col("x") * col("x"), ["1000000000"], False),
        (col("x") * 10, ["99999999999999999"], True),
        (col("x") * 10, ["100000000000000000"], False),
        (col("x") * -1, [NINES], True),
        (col("x") + 1, ["999999999999999998", None], True),
        (col("x") + 1, [NINES], False),
        (col("x") - 1, ["-" + NINES], False),
        (col("x") + col("x"), ["5" + "0" * 17], False),
        (col("x").cast(gf.Decimal(18, 1)), ["99999999999999999"], True),
        (col("x").cast(gf.Decimal(18, 1)), ["100000000000000000"], False),
        (col("x").cast(gf.Decimal(18, 18)), ["0", None], True),
        (col("x").cast(gf.Decimal(18, 18)), ["1"], False),
        (col("x").cast(gf.Decimal(38, 20)).cast(gf.Decimal(18)), ["-" + NINES], True),
        (col("x").cast(gf.Int8), ["127", "-128"], True),
        (col("x").cast(gf.Int8), ["128"], False),
        (col("x").cast(gf.UInt64), ["-1"], False),
    ],
)
def test_results_of_18_digits_are_exact_or_raise(expression: gf.Expr, values: list[Any], fits: bool) -> None:
    with running("python"):
        query = decimals(values, 18, 0).select(x=expression)
        if not fits:
            with pytest.raises(errors.ArithmeticOverflowError, match=r"does not fit .*: cast to a wider type"):
                query.collect()
            return
        assert len(query.collect()) == len(values)


@pytest.mark.parametrize("value", [1e18, -1e18, float("nan"), float("inf")])
def test_floats_that_are_no_decimals(value: float) -> None:
    with running("python"):
        frame = gf.from_numpy({"x": np.array([value, 1.25, -1.25])})
        with pytest.raises(errors.ArithmeticOverflowError, match="cast does not fit"):
            frame.select(x=col("x").cast(gf.Decimal(18))).collect()
        found = frame.select(x=col("x").cast(gf.Decimal(18, 1), strict=False)).collect()["x"].to_pylist()
    assert found == [None, Decimal("1.3"), Decimal("-1.3")]


def test_no_rows() -> None:
    empty = gf.from_arrow(table(rows=0))
    for target in ("python", "cpu"):
        with running(target):
            found = empty.select(s=a.sum(), m=a.mean(), x=a.max(), w=a.sum() / 2).collect()
            assert found.to_pylist() == [{"s": Decimal(0), "m": None, "x": None, "w": 0.0}]
            grouped = empty.group_by("c").agg(s=a.sum()).collect()
            assert (len(grouped), grouped.schema["s"]) == (0, gf.Decimal(38, 2))


# -- keys -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("axis", ["plain", "exchange, tiny", "constant hash"])
def test_keys_of_joins(axis: str) -> None:
    """Of one scale, of two that meet in 18 digits, and of two that meet in 38."""
    t = table(rows=60)
    left = t.select(["a", "b", "c", "k"])
    right = pa.table(
        {
            "a": left["a"],
            "y": left["b"],
            "wide": pa.array([None if v is None else v.as_py() for v in left["c"]], pa.decimal128(18, 14)),
            "r": pa.array(range(60)),
        }
    ).slice(0, 25)
    with duckdb.connect() as connection:
        connection.register("l", left)
        connection.register("r", right)
        for one, other in (("a", "a"), ("c", "y"), ("a", "wide")):
            expected = connection.execute(f"select l.k, r.r from l join r on l.{one} = r.{other}").fetchall()
            with running("python", axis, 3, 60):
                found = gf.from_arrow(left).join(gf.from_arrow(right), left_on=one, right_on=other).select("k", "r").collect()
            assert not difference([tuple(row.values()) for row in found.to_pylist()], expected)
            assert expected


def test_keys_that_are_refused() -> None:
    with pytest.raises(errors.TypeMismatchError, match=r"decimal\(15, 2\) with float64; cast one of them"):
        gf.from_arrow(table()).join(gf.from_arrow(table()), left_on="a", right_on="f")


@pytest.mark.parametrize("axis", ["plain", "exchange", "exchange, tiny"])
def test_wide_keys_and_order(axis: str) -> None:
    t = table(rows=80)
    wide = col("a").cast(gf.Decimal(38, 7))
    with running("python", axis, 3, 80):
        frame = gf.from_arrow(t).select("k", w=wide)
        groups = frame.group_by("w").agg(n=gf.len(), s=col("w").sum(), f=col("w").first()).collect().to_pylist()
        ordered = [r["w"] for r in frame.sort("w", descending=True, nulls_last=True).collect().to_pylist()]
        least = [r["w"] for r in frame.sort("w").head(5).collect().to_pylist()]
        distinct = frame.select(n=col("w").n_unique()).collect().item()
        joined = frame.join(frame.select("w", again="k"), on="w").collect()
    values = [None if v is None else v.as_py() for v in t["a"]]
    assert sorted((g["w"] is None, g["w"] or 0, g["n"]) for g in groups) == sorted(
        (v is None, v or 0, values.count(v)) for v in set(values)
    )
    assert all(g["s"] == (g["w"] or 0) * g["n"] and g["f"] == g["w"] for g in groups)
    known = [v for v in values if v is not None]
    assert ordered == [*sorted(known, reverse=True), *[None] * (len(values) - len(known))]
    assert least == ([None] * (len(values) - len(known)) + sorted(known))[:5]
    assert distinct == len(set(values))
    assert len(joined) == sum(known.count(v) for v in known)


def test_sorted_and_distinct() -> None:
    t = table(rows=70)
    with running("python", parts=4, rows=70):
        found = gf.from_arrow(t).select("c").unique().sort("c", nulls_last=True).collect()["c"].to_pylist()
    values = {v.as_py() for v in t["c"]}
    assert found == [*sorted(v for v in values if v is not None), *([None] if None in values else [])]
