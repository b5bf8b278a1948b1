"""What `docs/semantics.md` says of computing with numbers, a test for each of its rows.

Expected values are those of Polars where the table names it; of whole numbers, on which engines wrap around or differ, exact
Python numbers, and the row interpreter.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl
import pytest
from gpuflow_kernels.dtypes import INT64, UINT64, DType
from gpuflow_kernels.ir.expressions import Ref

import gpuflow as gf
from gpuflow import col
from gpuflow.errors import ArithmeticOverflowError, TypeMismatchError
from tests.oracle import call, evaluate
from tests.support.semantics import Way, agree, collected, everywhere
from tests.support.tables import INF, NAN, frame

LOW, HIGH, TOP = -(2**63), 2**63 - 1, 2**64 - 1
SIGNED = [LOW, LOW + 1, -(2**62), -(2**32), -3, -1, 0, 1, 2, 2**31, 2**32 + 1, 2**62, HIGH - 1, HIGH]
UNSIGNED = [0, 1, 2, 2**32 - 1, 2**32 + 1, HIGH, 2**63, TOP - 1, TOP]
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {"add": operator.add, "sub": operator.sub, "mul": operator.mul}


def interpreted(name: str, dtypes: tuple[DType, DType], x: int, y: int) -> int | None:
    """What the row interpreter makes of an operation; None where it raises."""
    try:
        value, valid = evaluate(call(name, Ref("x", dtypes[0]), Ref("y", dtypes[1])), {"x": (x, True), "y": (y, True)})
    except ArithmeticOverflowError:
        return None
    assert valid
    return int(value)


def columns(pairs: list[tuple[Any, Any]], x: Any, y: Any) -> gf.Frame:
    return frame(pl.DataFrame({"x": pl.Series([p[0] for p in pairs], dtype=x), "y": pl.Series([p[1] for p in pairs], dtype=y)}))


@everywhere
@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize(("dtype", "bounds"), [(INT64, (LOW, HIGH)), (UINT64, (0, TOP))])
def test_integers_are_exact_or_raise(way: Way, name: str, dtype: DType, bounds: tuple[int, int]) -> None:
    theirs, values = (pl.Int64, SIGNED) if dtype == INT64 else (pl.UInt64, UNSIGNED)
    exact = {(x, y): OPERATORS[name](x, y) for x, y in itertools.product(values, values)}
    fits = {pair: value for pair, value in exact.items() if bounds[0] <= value <= bounds[1]}
    assert all(interpreted(name, (dtype, dtype), *pair) == fits.get(pair) for pair in exact)
    query = columns(list(fits), theirs, theirs).select(r=OPERATORS[name](col("x"), col("y")))
    assert query.schema["r"] == dtype
    assert collected(query, **way, rows=len(fits))["r"] == list(fits.values())
    for x, y in [pair for pair in exact if pair not in fits][::5]:
        rows = columns([(1, 1), (x, y)], theirs, theirs).select(r=OPERATORS[name](col("x"), col("y")))
        with pytest.raises(ArithmeticOverflowError, match=rf"{name} does not fit {dtype}: cast"):
            collected(rows, **way)


@everywhere
@pytest.mark.parametrize("narrow", [pl.Int8, pl.Int16, pl.Int32, pl.UInt8, pl.UInt16, pl.UInt32])
def test_narrow_integers_compute_in_int64(way: Way, narrow: Any) -> None:
    low, high = (int(pl.select(getattr(narrow, m)()).item()) for m in ("min", "max"))
    high = min(high, 3_000_000_000)  # whose square is the last that fits
    pairs = [(low, high), (high, low), (high, high), (low, low)]
    query = columns(pairs, narrow, narrow).select(
        a=col("x") + col("y"), s=col("x") - col("y"), m=col("x") * col("y"), n=-col("x")
    )
    assert {str(d) for d in query.schema.values()} == {"int64"}
    found = collected(query, **way)
    assert found == {n: [f(*p) for p in pairs] for n, f in zip("asm", OPERATORS.values(), strict=True)} | {
        "n": [-x for x, _ in pairs]
    }


@everywhere
@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        (pl.Int64, [HIGH, HIGH, LOW, LOW, 5]),
        (pl.Int64, [LOW + 1, -1, 0]),
        (pl.Int64, [2**62, 2**62, -1]),
        (pl.UInt64, [TOP - 3, 1, 2]),
        (pl.UInt64, [2**63, HIGH]),
        (pl.Int32, [2**31 - 1] * 9),
        (pl.UInt32, [2**32 - 1] * 9),
        (pl.Int8, [-128] * 9),
        (pl.Duration("us"), [HIGH, HIGH, LOW + 1, LOW + 1, 9]),
    ],
)
def test_sums_of_integers_are_exact(way: Way, dtype: Any, values: list[int]) -> None:
    """At the borders too, and though the sum of some of them leaves the type."""
    start = pl.Series(values, dtype=dtype if dtype.is_integer() else pl.Int64).cast(dtype)
    for order in (start, start.reverse(), start.sort()):
        query = frame(pl.DataFrame({"x": order, "k": ["a"] * len(values)}))
        total = col("x").sum().cast(gf.Int64) if dtype.is_temporal() else col("x").sum()
        for found in (query.select(t=total), query.group_by("k").agg(t=total)):
            assert collected(found, **way, rows=len(values))["t"] == [sum(values)]


@everywhere
@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        (pl.Int64, [HIGH, 1, 0]),
        (pl.Int64, [LOW, -1, 0]),
        (pl.UInt64, [TOP, 1]),
        (pl.Int64, [HIGH] * 6),
        (pl.Duration("ns"), [HIGH, 1]),
    ],
)
def test_sums_of_integers_that_do_not_fit_raise(way: Way, dtype: Any, values: list[int]) -> None:
    start = pl.Series(values, dtype=dtype if dtype.is_integer() else pl.Int64).cast(dtype)
    query = frame(pl.DataFrame({"x": start, "k": ["a"] * len(values)}))
    for found in (query.select(col("x").sum()), query.group_by("k").agg(col("x").sum())):
        with pytest.raises(ArithmeticOverflowError, match="sum does not fit"):
            collected(found, **way, rows=len(values))


# -- uint64 -----------------------------------------------------------------------------------------------------------
@everywhere
def test_uint64_compares_with_signed_integers_as_a_number(way: Way) -> None:
    pairs = list(itertools.product(UNSIGNED, SIGNED))
    named = {n: getattr(operator, n) for n in ("eq", "ne", "lt", "le", "gt", "ge")}
    ours = columns(pairs, pl.UInt64, pl.Int64)
    found = collected(ours.select(**{n: getattr(col("x"), n)(col("y")) for n in named}), **way, rows=len(pairs))
    assert found == {n: [f(*p) for p in pairs] for n, f in named.items()}
    found = collected(ours.select(**{n: getattr(col("y"), n)(col("x")) for n in named}), **way, rows=len(pairs))
    assert found == {n: [f(y, x) for x, y in pairs] for n, f in named.items()}
    literals = ours.select(a=col("x") > -1, b=col("x") == HIGH + 1, c=col("x").is_in([TOP, 1]), d=col("y") < TOP)
    rows = collected(literals, **way, rows=len(pairs))
    assert rows["a"] == rows["d"] == [True] * len(pairs)
    assert (rows["b"], rows["c"]) == ([x == HIGH + 1 for x, _ in pairs], [x in (TOP, 1) for x, _ in pairs])


@everywhere
@pytest.mark.parametrize("name", OPERATORS)
def test_uint64_computes_with_signed_integers_in_int64(way: Way, name: str) -> None:
    """Where both fit it, and the result; the rest raises."""
    exact = {(x, y): OPERATORS[name](x, y) for x, y in itertools.product(UNSIGNED, SIGNED)}
    fits = {p: v for p, v in exact.items() if p[0] <= HIGH and LOW <= v <= HIGH}
    query = columns(list(fits), pl.UInt64, pl.Int64).select(r=OPERATORS[name](col("x"), col("y")))
    assert query.schema["r"] == INT64
    assert collected(query, **way, rows=len(fits))["r"] == list(fits.values())
    for x, y in [p for p in exact if p not in fits][::7]:
        with pytest.raises(ArithmeticOverflowError, match="does not fit int64"):
            collected(columns([(x, y)], pl.UInt64, pl.Int64).select(OPERATORS[name](col("x"), col("y"))), **way)


@everywhere
def test_uint64_above_the_signed_ones_as_a_key(way: Way) -> None:
    """Grouped, sorted and joined with its like; beside int64 it takes a cast, which says so."""
    table = pl.DataFrame({"u": pl.Series([TOP, 2**63, 0, TOP, None, HIGH, 2**63], dtype=pl.UInt64), "n": range(7)})
    signed = pl.DataFrame({"i": pl.Series([-1, LOW, 0, HIGH, None], dtype=pl.Int64), "m": range(5)})
    agree(lambda x, t: t.group_by("u").agg(n=x.len(), s=x.col("n").sum()), table, **way, ordered=False)
    agree(lambda x, t: t.sort("u", "n", descending=[True, False]), table, **way)
    agree(lambda x, t, o: t.join(o.select("u", o="n"), on="u"), table, table, **way, ordered=False)
    agree(lambda x, t: t.select(a=x.col("u").min(), b=x.col("u").max(), c=x.col("u").n_unique()), table, **way)
    with pytest.raises(TypeMismatchError, match="no integer type holds both: cast both"):
        frame(table).join(frame(signed), left_on="u", right_on="i")
    found = agree(
        lambda x, t, o: t.with_columns(i=x.col("u").cast(x.Int64, strict=False)).join(o, on="i").select("n", "m"),
        table, signed, **way, ordered=False,
    )  # fmt: skip
    assert sorted(found.to_polars().rows()) == [(2, 2), (5, 3)]


# -- floats -----------------------------------------------------------------------------------------------------------
@everywhere
def test_float32_adds_up_in_float64(way: Way) -> None:
    values = np.array([1e8] + [1.0] * 50 + [0.1] * 9, np.float32)
    exact = sum(map(Fraction, values.tolist()))
    query = gf.from_numpy({"x": values, "k": np.zeros(len(values), np.int8)})
    for grouped in (
        query.select(s=col("x").sum(), m=col("x").mean()),
        query.group_by("k").agg(s=col("x").sum(), m=col("x").mean()),
    ):
        found = collected(grouped, **way, rows=len(values))
        assert found["s"] == [float(np.float32(float(exact)))]
        assert found["m"] == [float(np.float32(float(exact / len(values))))]


@pytest.mark.parametrize("parts", [1, 3, 7, 23])
def test_sums_of_floats_may_differ_in_their_last_bits(parts: int) -> None:
    values = np.random.default_rng(5).normal(size=200) * 10.0 ** np.random.default_rng(6).integers(-3, 9, 200)
    found = collected(
        gf.from_numpy({"x": values}).select(s=col("x").sum()), target="python", parts=parts, layout="auto", rows=200
    )
    exact, error = math.fsum(values.tolist()), sum(abs(values)) * len(values) * 2.0**-53
    assert abs(found["s"][0] - exact) <= error


@everywhere
def test_variance_and_deviation_of_a_sample(way: Way) -> None:
    """`ddof` is 1 unless told; null for groups of no more values than that."""
    values = {"k": [1, 1, 1, 2, 2, 3, 4], "x": [1.0, 2.5, -7.0, 4.0, 4.0, 1.0, None], "i": [1, 2, 9, None, 3, 5, None]}
    table = pl.DataFrame(values)

    def made(x: Any) -> dict[str, Any]:
        found = {f"{c} {m}": getattr(x.col(c), m)() for c in "xi" for m in ("var", "std")}
        return found | {f"{c} {m} {d}": getattr(x.col(c), m)(ddof=d) for c in "xi" for m in ("var", "std") for d in (0, 1, 2)}

    agree(lambda x, t: t.group_by("k").agg(**made(x)), table, **way, ordered=False)
    found = agree(lambda x, t: t.select(**made(x)), table, **way).to_dict()
    assert found["x var"] == found["x var 1"] and found["x std"] != found["x std 0"]


@everywhere
def test_variance_of_infinite_values_is_nan(way: Way) -> None:
    """In whatever order and partitions: an infinite value is at no distance from a mean. It was infinite where it came second."""
    groups = [
        [INF],
        [1.0, INF],
        [INF, 1.0],
        [-INF, INF],
        [INF, 1.0, 2.0, None],
        [2.0, 1.0, -INF],
        [NAN, 1.0],
        [NAN],
        [None],
        [3.0],
    ]
    table = pl.DataFrame(
        [(k, v) for k, values in enumerate(groups) for v in values], schema={"k": pl.Int64, "x": pl.Float64}, orient="row"
    )

    def query(x: Any, t: Any) -> Any:
        return t.group_by("k").agg(**{f"{m} {d}": getattr(x.col("x"), m)(ddof=d) for m in ("var", "std") for d in (0, 1)})

    agree(query, table, **way, ordered=False)


# -- division and powers ----------------------------------------------------------------------------------------------
NEAR_ZERO = [-7, -2, -1, 0, 1, 2, 7, None]


@everywhere
@pytest.mark.parametrize("dtype", ["Int64", "Int8", "UInt64", "UInt8", "Float64", "Float32"])
def test_floor_division_and_remainder_take_the_sign_of_the_divisor(way: Way, dtype: str) -> None:
    values = [v for v in NEAR_ZERO if dtype[0] != "U" or v is None or v >= 0]
    values += [0.5, -0.75, INF, -INF, NAN] if dtype == "Float64" else []
    table = pl.DataFrame(list(itertools.product(values, [v for v in values if v != 0])), schema=["x", "y"], orient="row")
    table = table.cast(getattr(pl, dtype))

    def query(x: Any, t: Any) -> Any:
        return t.select(q=x.col("x") // x.col("y"), r=x.col("x") % x.col("y"), l=x.col("x") // 2, m=x.col("x") % 2)

    agree(query, table, **way)


def test_floor_division_of_minus_seven() -> None:
    rows = frame(pl.DataFrame({"x": [-7, 7, -7, 7], "y": [2, -2, -2, 2]}))
    found = collected(rows.select(q=col("x") // col("y"), r=col("x") % col("y")), target="python", parts=1, layout="auto")
    assert found == {"q": [-4, -4, 3, 3], "r": [1, -1, -1, 1]}


@everywhere
def test_division_by_zero(way: Way) -> None:
    """`/` follows IEEE 754; `//` and `%` of integers are null."""
    table = pl.DataFrame(
        {"i": [-7, 0, 7, None], "u": [1, 0, 7, None], "x": [-7.0, 0.0, NAN, None], "zero": [0] * 4, "f": [0.0] * 4}
    )
    table = table.with_columns(pl.col("u").cast(pl.UInt64), z=pl.col("zero").cast(pl.UInt64), n=-pl.col("f"))

    def query(x: Any, t: Any) -> Any:
        i, u, v, zero, z, f, n = (x.col(c) for c in ("i", "u", "x", "zero", "z", "f", "n"))
        made = [i / zero, u / z, v / f, v / n, i // zero, i % zero, u // z, u % z, v // f, v % f, i // 0, i % 0, i / 0]
        return t.select(**{f"c{k}": e for k, e in enumerate(made)})

    found = agree(query, table, **way).to_dict()
    assert found["c4"] == found["c5"] == [None] * 4
    assert found["c0"][:1] + found["c0"][2:] == [-INF, INF, None] and math.isnan(found["c0"][1])


@everywhere
def test_negative_powers_of_integers_raise(way: Way) -> None:
    rows = frame(pl.DataFrame({"x": [2, 1, 0], "y": [-1, -2, -3]}))
    for power in (col("x") ** -1, col("x") ** col("y"), 2 ** col("y"), col("x").cast(gf.Int8) ** col("y").cast(gf.Int8)):
        with pytest.raises(ArithmeticOverflowError, match="pow"):
            collected(rows.select(power), **way)
    floats = pl.DataFrame({"x": [2.0, -4.0, 0.0, None], "y": [-1, -2, -3, 1]})
    agree(lambda x, t: t.select(a=x.col("x") ** -1, b=x.col("x") ** x.col("y"), c=x.col("y") ** -1.0), floats, **way)


# -- rounding and casts -----------------------------------------------------------------------------------------------
HALVES = [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999999999999994, 2.675, 0.125, -0.375, 1e300, 4503599627370497.5, INF, NAN, None]


@everywhere
@pytest.mark.parametrize("dtype", ["Float64", "Float32"])
def test_halves_are_rounded_to_the_even_digit(way: Way, dtype: str) -> None:
    rows = pl.DataFrame({"x": HALVES}).cast(getattr(pl, dtype))
    digits = (0, 1, 2) if dtype == "Float64" else (0,)

    def query(x: Any, t: Any) -> Any:
        return t.select(**{f"r{d}": x.col("x").round(d) for d in digits}, r=x.col("x").round())

    found = agree(query, rows, **way, wide=False)
    assert found.to_dict()["r0"][:6] == [0.0, 2.0, 2.0, -0.0, -2.0, -2.0]


BOUNDARY = [
    -128.9,
    -129.0,
    127.9,
    128.0,
    255.9,
    256.0,
    -0.9,
    -1.0,
    2.0**63,
    -(2.0**63),
    2.0**64,
    1e300,
    INF,
    -INF,
    NAN,
    0.0,
    -0.0,
    None,
]
WHOLE = ["Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64"]


@everywhere
def test_floats_lose_their_fraction_on_the_way_to_integers(way: Way) -> None:
    """What does not fit raises, and with ``strict=False`` is null."""
    table = pl.DataFrame({"x": BOUNDARY})
    agree(lambda x, t: t.select(**{n: x.col("x").cast(getattr(x, n), strict=False) for n in WHOLE}), table, **way)
    for name in WHOLE:
        dtype, ours = getattr(pl, name), getattr(gf, name)
        fit = table.select(pl.col("x").cast(dtype, strict=False)).to_series().is_not_null() | table["x"].is_null()
        agree(lambda x, t, n=name: t.select(x.col("x").cast(getattr(x, n))), table.filter(fit), **way)
        for value in table.filter(~fit)["x"].to_list():
            with pytest.raises(ArithmeticOverflowError, match=f"cast does not fit {ours}"):
                collected(frame(pl.DataFrame({"x": [1.0, value]})).select(col("x").cast(ours)), **way)
