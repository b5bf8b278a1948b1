"""Every built-in aggregation, on hostile values and null patterns: the row interpreter against Polars, and the laws that
the engine relies on (identity, any grouping of the parts, exact or raising sums)."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl
import pytest
from gpuflow_kernels.declare.aggregate import AGGREGATIONS
from gpuflow_kernels.dtypes import ALL, BOOL, BY_NAME, FLOAT32, FLOAT64, INT64, STRING, UINT64, DType, decimal
from gpuflow_kernels.errors import ArithmeticOverflowError
from gpuflow_kernels.ir.expressions import Agg

from tests.oracle import agg, aggregate
from tests.oracle.rows import combined, finalized, identity, lifted

from .values import NULLS, domain, env, physical, ref, same_value, series

TYPES = tuple(d for d in ALL if d.unit != "s")
EXPRESSIONS: dict[str, Callable[[pl.Expr], pl.Expr]] = {
    "len": lambda x: pl.len(),
    "count": lambda x: x.count(),
    "n_unique": lambda x: x.n_unique(),
    "sum": lambda x: x.sum(),
    "mean": lambda x: x.mean(),
    "min": lambda x: x.min(),
    "max": lambda x: x.max(),
    "var": lambda x: x.var(),
    "std": lambda x: x.std(),
    "any": lambda x: x.any(),
    "all": lambda x: x.all(),
    "first": lambda x: x.first(),
    "last": lambda x: x.last(),
    "first_valid": lambda x: x.first(ignore_nulls=True),
    "last_valid": lambda x: x.last(ignore_nulls=True),
    "product": lambda x: x.product(),
}
TYPE_DIFFERS = {
    "len": "rows are counted in int64",
    "count": "rows are counted in int64",
    "n_unique": "rows are counted in int64",
    "sum": "integers and truth values add up in int64 (uint64 in uint64), exact or raising",
    "product": "integers multiply in int64 (uint64 in uint64), exact or raising",
}
RESULTS = {"sum": lambda d: decimal(38, d.scale) if d.is_decimal else d if d.is_float or d.kind == "duration" or d == UINT64
           else INT64,
           "product": lambda d: d if d.is_float or d == UINT64 else INT64}  # fmt: skip


def make(name: str, dtype: DType) -> Agg | None:
    entry = AGGREGATIONS[name]
    if entry.arity and entry.resolve((dtype,)) is None:
        return None
    return agg(name) if entry.arity == 0 else agg(name, ref(0, dtype))


MADE = {(n, d): made for n in EXPRESSIONS for d in TYPES if (made := make(n, d)) is not None}


def data(name: str, dtype: DType, nulls: str) -> list[Any]:
    values = list(domain(dtype)) if nulls != "empty" else []
    if name in ("sum", "mean") and dtype.is_integer and dtype.bits == 64:
        values = [v // 64 for v in values]
    if name in ("var", "std", "product"):
        values = [v for v in values if abs(v) < 10 and not (name == "product" and v == 0)]
    if name in ("var", "std", "mean") and dtype.is_float:
        values = [v for v in values if math.isfinite(v) and abs(v) < 1e10]
    random.Random(5).shuffle(values)
    return [None if nulls == "all" or (nulls == "some" and k % 3 == 0) else v for k, v in enumerate(values)]


@pytest.mark.parametrize(("name", "dtype"), MADE, ids=str)
def test_aggregation(name: str, dtype: DType) -> None:
    for nulls in NULLS:
        check(name, dtype, nulls)


def check(name: str, dtype: DType, nulls: str) -> None:
    """Compare an aggregation of a column of hostile values, with nulls like that, with Polars."""
    node, values = MADE[name, dtype], data(name, dtype, nulls)
    answer = pl.DataFrame({"x": series(values, dtype)}).select(r=EXPRESSIONS[name](pl.col("x")))["r"]
    if name in TYPE_DIFFERS:
        assert node.dtype == RESULTS.get(name, lambda d: INT64)(dtype)
    else:
        assert node.dtype == (FLOAT64 if name in ("mean", "var", "std") and not dtype.is_float and not dtype.unit else dtype)
    (theirs,) = physical(answer)
    if name == "sum" and dtype.is_integer:
        theirs = sum(v for v in values if v is not None)  # Polars wraps around in narrow types
    if name == "mean" and dtype.unit and theirs is not None:
        present = [v for v in values if v is not None]
        exact = abs(sum(present)) // len(present) * (-1 if sum(present) < 0 else 1)
        assert theirs == exact or (abs(exact) > 2**50 and math.isclose(theirs, exact, rel_tol=1e-15))
        theirs = exact  # Polars goes by float64
    if name == "mean" and dtype.is_decimal and theirs is not None:  # Polars adds up floats
        present = [v for v in values if v is not None]
        theirs = float(Fraction(sum(present), len(present) * 10**dtype.scale))
    ours, valid = aggregate(node, [env((v,)) for v in values])
    assert same_value(ours if valid else None, theirs, node.dtype), (nulls, ours, valid, theirs)


def test_only_these_types_are_aggregated() -> None:
    taken = {n: {d for m, d in MADE if m == n} for n in EXPRESSIONS}
    numbers = {d for d in TYPES if d.is_numeric}
    moments = {d for d in TYPES if d.kind in ("timestamp", "duration")}
    for name in ("len", "count", "n_unique", "min", "max", "first", "last", "first_valid", "last_valid"):
        assert taken[name] == set(TYPES)
    decimals = {d for d in TYPES if d.is_decimal}
    assert taken["sum"] == numbers | decimals | {BOOL} | {d for d in TYPES if d.kind == "duration"}
    assert taken["mean"] == numbers | decimals | {BOOL} | moments
    assert taken["var"] == taken["std"] == numbers | decimals
    assert taken["product"] == numbers
    assert taken["any"] == taken["all"] == {BOOL}


def test_every_aggregation_is_tested() -> None:
    """Those over sorted segments have no slots; `tests/frame/test_quantiles.py` holds them against Polars and DuckDB."""
    declared = ((n, f.overloads[0]) for n, f in AGGREGATIONS.items())
    own = {n for n, o in declared if o.rule.__module__.startswith("gpuflow_kernels") and o.segment is None}
    assert own <= set(EXPRESSIONS)


@pytest.mark.parametrize(("name", "dtype"), [k for k, node in MADE.items() if node.slots and k[1] != STRING], ids=str)
def test_parts_in_any_grouping_give_the_same(name: str, dtype: DType) -> None:
    node, values = MADE[name, dtype], data(name, dtype, "some" if MADE[name, dtype].aggregation.lift_nulls else "none")
    if not node.args:
        values = values[:5]
    with np.errstate(all="ignore"):
        rows = [[(v if v is not None else 0, v is not None)] if node.args else [] for v in values]
        slots = [lifted(node, row, k) for k, row in enumerate(rows)]
        whole = identity(node)
        for slot in slots:
            whole = combined(node, whole, slot)
        halves = [identity(node), identity(node)]
        for k, slot in enumerate(slots):
            halves[k % 2] = combined(node, slot, halves[k % 2])
        parts = combined(node, halves[1], halves[0])
        parts = combined(node, parts, identity(node))
        (a, a_valid), (b, b_valid) = finalized(node, whole), finalized(node, parts)
    assert a_valid == b_valid
    assert not a_valid or same_value(a, b, node.dtype), (a, b)


EXTREME = 2**63 - 1


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        ("int64", [EXTREME, EXTREME, -EXTREME, -EXTREME, 5]),
        ("int64", [-(2**63), EXTREME, -1, 1]),
        ("int64", [-(2**63)]),
        ("int64", [EXTREME]),
        ("uint64", [2**63, 2**63 - 1]),
        ("int32", [2**31 - 1] * 50),
        ("uint32", [2**32 - 1] * 50),
        ("duration[ns]", [EXTREME, 1, -1]),
    ],
)
def test_sums_are_exact(dtype: str, values: list[int]) -> None:
    assert aggregate(agg("sum", ref(0, dtype)), [env((v,)) for v in values]) == (sum(values), True)


@pytest.mark.parametrize(
    ("name", "dtype", "values"),
    [
        ("sum", "int64", [EXTREME, 1]),
        ("sum", "int64", [-(2**63), -1]),
        ("sum", "uint64", [2**64 - 1, 1]),
        ("sum", "duration[us]", [EXTREME, EXTREME]),
        ("product", "int64", [2**32, 2**31, -3]),
        ("product", "uint64", [2**32, 2**32]),
        ("product", "int8", [100] * 10),
    ],
)
def test_what_does_not_fit_raises(name: str, dtype: str, values: list[int]) -> None:
    with pytest.raises(ArithmeticOverflowError, match=name):
        aggregate(agg(name, ref(0, dtype)), [env((v,)) for v in values])


@pytest.mark.parametrize("values", [[2**40, 2**40, 0], [0, 2**40, 2**40], [2**40, 0, 2**40]])
def test_a_zero_makes_any_product_zero(values: list[int]) -> None:
    assert aggregate(agg("product", ref(0, "int64")), [env((v,)) for v in values]) == (0, True)


@pytest.mark.parametrize("name", ["first", "last"])
def test_first_and_last_go_by_position_and_keep_nulls(name: str) -> None:
    node = agg(name, ref(0, "int64"))
    rows = [[(7, False)], [(1, True)], [(2, True)], [(9, False)]]
    slots = [lifted(node, row, k) for k, row in enumerate(rows)]
    state = identity(node)
    for k in (2, 0, 3, 1):  # rows may arrive in any order
        state = combined(node, state, slots[k])
    assert not finalized(node, state)[1]
    middle = combined(node, slots[2], slots[1])
    assert finalized(node, middle) == ((1 if name == "first" else 2), True)


def test_mean_of_moments_does_not_overflow() -> None:
    rows = [env((v,)) for v in (EXTREME, EXTREME, EXTREME - 3)]
    assert aggregate(agg("mean", ref(0, "timestamp[ns]")), rows) == (EXTREME - 1, True)
    negative = [env((v,)) for v in (-(2**63), -(2**63), -(2**63))]
    assert aggregate(agg("mean", ref(0, "duration[ns]")), negative) == (-(2**63), True)


@pytest.mark.parametrize("dtype", ["duration[us]", "timestamp[us]"])
@pytest.mark.parametrize("values", [[-1, -2], [1, 2], [-3, -3, -4], [-1, 0], [0, 1], [-7], [-6, 6], [-(2**40), 3, -8]])
def test_mean_of_moments_is_cut_off_towards_zero_as_in_polars(dtype: str, values: list[int]) -> None:
    (theirs,) = physical(pl.DataFrame({"x": series(values, BY_NAME[dtype])}).select(pl.col("x").mean())["x"])
    assert aggregate(agg("mean", ref(0, dtype)), [env((v,)) for v in values]) == (theirs, True)


LEAST_PRODUCTS = [[-(2**63)], [2**62, 2, -1], [2**31, -(2**31), 2], [-(2**31), -(2**31), -2], [-(2**63), -1, -1]]


@pytest.mark.parametrize("values", LEAST_PRODUCTS)
def test_the_least_product_is_reached_in_any_order(values: list[int]) -> None:
    for order in itertools.permutations(values):
        assert aggregate(agg("product", ref(0, "int64")), [env((v,)) for v in order]) == (-(2**63), True)


@pytest.mark.parametrize("values", [[2**62, 2], [-(2**63), -1], [2**31, 2**31, 2, 1], [2**32, 2**32, -1]])
def test_a_product_that_does_not_fit_raises_in_any_order(values: list[int]) -> None:
    for order in itertools.permutations(values):
        with pytest.raises(ArithmeticOverflowError, match="product"):
            aggregate(agg("product", ref(0, "int64")), [env((v,)) for v in order])


def test_float32_accumulates_in_float64() -> None:
    values = [1e8] + [1.0] * 100
    for name in ("sum", "mean"):
        node = agg(name, ref(0, FLOAT32))
        assert node.slots[0].dtype == FLOAT64
        total = float(np.float32(1e8 + 100.0)) if name == "sum" else float(np.float32((1e8 + 100.0) / 101))
        assert aggregate(node, [env((v,)) for v in values])[0] == total


def test_min_of_a_group_of_nothing_but_nan_is_nan() -> None:
    node = agg("min", ref(0, BY_NAME["float64"]))
    assert math.isnan(aggregate(node, [env((math.nan,)), env((None,))])[0])
    assert aggregate(node, [env((math.nan,)), env((math.inf,))])[0] == math.inf
