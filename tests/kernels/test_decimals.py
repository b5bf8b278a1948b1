"""Arithmetic of 128 bits against Python's integers; wide columns through the kernels of every target."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from gpuflow_kernels import rowmath
from gpuflow_kernels.algorithms import filtering, sorting
from gpuflow_kernels.algorithms.grouping import Grouper
from gpuflow_kernels.algorithms.join_table import JoinTable
from gpuflow_kernels.algorithms.joining import build
from gpuflow_kernels.binding import Bindings
from gpuflow_kernels.column import Chunk, Column, limbs
from gpuflow_kernels.declare.type_rules import WIDE_BOUND
from gpuflow_kernels.dtypes import BOOL, FLOAT64, INT64, UINT64, common, decimal
from gpuflow_kernels.ir.expressions import Agg, Ref, Row
from gpuflow_kernels.ir.pipeline import Filter, Group, Pipeline, Probe, Write
from gpuflow_kernels.target import CPU, CUDA, PYTHON, Target

from benchmarks.assembling import Kernel, ptx_compiler
from tests.cuda_model.runtime import cuda_model
from tests.oracle import agg, aggregate, call, evaluate

MASK = (1 << 64) - 1
WIDE = decimal(38, 2)


def pair(value: int) -> Any:
    return np.int64(value >> 64), np.uint64(value & MASK)


def whole(value: Any) -> int:
    return (int(value[0]) << 64) + int(value[1])


def away(value: Fraction) -> int:
    """Rounded, halves away from zero."""
    return math.floor(abs(value) + Fraction(1, 2)) * (1 if value >= 0 else -1)


def numbers(count: int, digits: int, seed: int = 0) -> list[int]:
    """Whole numbers of up to so many digits, of every length, with the borders of 64 bits and of `digits`."""
    rng = random.Random(seed)
    edges = [0, 1, (1 << 63) - 1, 1 << 63, MASK, 1 << 64, 10**18, 10**digits - 1, 5 * 10 ** (digits - 1)]
    found = [v for v in edges if v < 10**digits] + [rng.randrange(10 ** rng.randrange(1, digits + 1)) for _ in range(count)]
    return [rng.choice((1, -1)) * v for v in found]


# -- the functions ----------------------------------------------------------------------------------------------------
def test_sums_signs_and_order() -> None:
    values = numbers(300, 38)
    with np.errstate(all="ignore"):
        for x, y in zip(values, reversed(values), strict=True):
            assert whole(rowmath.wide_add(pair(x), pair(y))) == x + y
            assert whole(rowmath.wide_neg(pair(x))) == -x
            assert whole(rowmath.wide_abs(pair(x))) == abs(x)
            assert [pair(x) < pair(y), pair(x) == pair(y), pair(x) >= pair(y)] == [x < y, x == y, x >= y]
            assert bool(rowmath.wide_past(pair(x), *divmod(abs(y), 1 << 64))) == (abs(x) >= abs(y))
            assert whole(rowmath.wide_of(np.int64(x % 2**62))) == x % 2**62
            assert whole(rowmath.wide_limbs(np.int64(abs(x) % 2**62), np.int64(y % 2**62))) == abs(x) % 2**62 + (y % 2**62 << 32)


def test_products() -> None:
    for x, y in zip(numbers(400, 38), numbers(400, 18, 1), strict=False):
        with np.errstate(all="ignore"):
            past = rowmath.wide_mul_past(pair(x), np.int64(y), *WIDE_BOUND)
            assert bool(past) == (abs(x * y) >= 10**38), (x, y)
            assert past or whole(rowmath.wide_mul(pair(x), np.int64(y))) == x * y


@pytest.mark.parametrize("digits", [1, 2, 9, 10, 18, 19, 27, 37])
def test_powers_of_ten(digits: int) -> None:
    for x in numbers(60, 38, digits):
        with np.errstate(all="ignore"):
            assert whole(rowmath.wide_rounded(pair(x), digits)) == away(Fraction(x, 10**digits))
            scaled, leaves = rowmath.wide_rescaled(pair(x), digits)
            assert bool(leaves) == (abs(x) * 10**digits >= 1 << 127)
            assert leaves or whole(scaled) == x * 10**digits


def test_floats() -> None:
    for x in numbers(200, 38):
        with np.errstate(all="ignore"):
            assert math.isclose(float(rowmath.wide_to_float(pair(x))), x, rel_tol=2**-52)
            assert whole(rowmath.wide_from_float(np.float64(x))) == int(float(x))


@pytest.mark.parametrize("unit", [1, 10, 1000, 10**18])
def test_rounding_of_one_word(unit: int) -> None:
    for x in [*numbers(100, 18), *(unit // 2 + k for k in (-1, 0, 1)), -(unit // 2), unit + unit // 2]:
        one, by = np.int64(x), np.int64(unit)
        assert int(rowmath.round_div(one, by)) == away(Fraction(x, unit))
        assert int(rowmath.round_div_even(one, by)) == round(Fraction(x, unit))
        assert int(rowmath.ceil_div(one, by)) == math.ceil(Fraction(x, unit))


def test_items_keep_every_bit() -> None:
    for low in (0, MASK, 0x7FF0000000000001, 0xFFF8000000000000, 1 << 63):  # also those that are no numbers as floats
        items = np.zeros(1, "complex128")
        items[0] = rowmath.wide_stored((np.int64(-3), np.uint64(low)))
        assert whole(rowmath.wide_loaded(items[0])) == (-3 << 64) + low


def test_types_that_decimals_meet_others_in() -> None:
    assert common(decimal(15, 2), decimal(4, 3)) == decimal(16, 3)
    assert common(decimal(18, 0), decimal(18, 9)) == decimal(38, 9)
    assert common(decimal(15, 2), INT64) == decimal(38, 2)
    assert common(decimal(15, 2), FLOAT64) == FLOAT64
    assert common(decimal(15, 2), BOOL) is None
    for digits, scale in ((0, 0), (19, 2), (37, 2), (39, 2), (4, 5), (4, -1)):
        with pytest.raises(ValueError, match="digits"):
            decimal(digits, scale)


# -- columns ----------------------------------------------------------------------------------------------------------
KEY, NARROW, LONG, COUNT = (Ref(k, d) for k, d in enumerate((INT64, decimal(18, 2), WIDE, UINT64)))
TYPES = (INT64, decimal(18, 2), WIDE, UINT64)


def wide_column(values: list[int | None]) -> Column:
    """A column of `WIDE` from scaled integers."""
    words = np.array([[(v or 0) & MASK, ((v or 0) >> 64) & MASK] for v in values], dtype="uint64").reshape(-1, 2)
    validity = None if all(v is not None for v in values) else np.array([v is not None for v in values])
    return Column(WIDE, np.ascontiguousarray(words).view("complex128").ravel(), validity)


def wide_values(column: Column) -> list[int | None]:
    high, low = (np.asarray(c.values).tolist() for c in limbs(column))
    valid = [True] * len(high) if column.validity is None else column.validity.tolist()
    return [(h << 64) + x if v else None for h, x, v in zip(high, low, valid, strict=True)]


def values_of(column: Column) -> list[Any]:
    if hasattr(column.values, "get"):
        validity = None if column.validity is None else column.validity.get()
        column = Column(column.dtype, column.values.get(), validity)
    if column.dtype.is_wide:
        return wide_values(column)
    valid = [True] * len(column) if column.validity is None else column.validity.tolist()
    return [v if ok else None for v, ok in zip(column.values.tolist(), valid, strict=True)]


def data(rows: int, nulls: bool) -> Chunk:
    rng = random.Random(rows + nulls)

    def hidden(values: list[int]) -> list[int | None]:
        return [None if nulls and rng.random() < 0.25 else v for v in values]

    narrow, wide = hidden((numbers(rows, 18) * 2)[:rows]), hidden((numbers(rows, 36, 7) * 2)[:rows])
    keys = np.arange(rows, dtype="int64") % 3
    validity = np.array([v is not None for v in narrow]) if nulls else None
    columns = (
        Column(INT64, keys),
        Column(decimal(18, 2), np.array([v or 0 for v in narrow], dtype="int64"), validity),
        wide_column(wide),
        Column(UINT64, np.arange(rows, dtype="uint64") + np.uint64(1 << 63)),
    )
    return Chunk(columns, rows)


def rows_of(chunk: Chunk) -> list[tuple[Any, ...]]:
    return list(zip(*(values_of(c) for c in chunk.columns), strict=True)) if chunk.length else []


ROWS: tuple[Row, ...] = (
    call("add", LONG, NARROW),
    call("sub", NARROW, LONG),
    call("neg", LONG),
    call("abs", LONG),
    call("sign", LONG),
    call("lt", LONG, NARROW),
    call("eq", LONG, LONG),
    call("eq_missing", LONG, NARROW),
    call("truediv", LONG, NARROW),
    call("mul", call("cast", NARROW, to=decimal(38, 2), strict=True), KEY),
    call("mul", KEY, LONG),
    call("coalesce", LONG, NARROW),
    call("when", call("gt", KEY, call("sign", LONG)), LONG, NARROW),
    call("min_horizontal", LONG, NARROW),
    call("clip", LONG, NARROW, LONG),
    call("is_null", LONG),
    call("cast", LONG, to=decimal(18, 4), strict=False),
    call("cast", LONG, to=decimal(38, 4), strict=False),
    call("cast", LONG, to=decimal(38, 0), strict=True),
    call("cast", LONG, to=INT64, strict=False),
    call("cast", LONG, to=UINT64, strict=False),
    call("cast", LONG, to=FLOAT64, strict=True),
    call("cast", LONG, to=BOOL, strict=True),
    call("cast", COUNT, to=decimal(38, 3), strict=True),
    call("cast", call("cast", LONG, to=FLOAT64, strict=True), to=decimal(38, 1), strict=False),
    LONG,
)
COMPILED = ROWS[:2] + ROWS[5:6] + ROWS[8:10] + ROWS[12:14] + ROWS[17:18] + ROWS[-1:]
"""What is compiled: the others take longer than they tell."""
AGGS: tuple[Agg, ...] = (
    agg("sum", NARROW), agg("mean", NARROW), agg("min", NARROW), agg("sum", LONG), agg("mean", LONG), agg("min", LONG),
    agg("max", LONG), agg("count", LONG), agg("first", LONG), agg("last", LONG), agg("first_valid", LONG),
    agg("last_valid", LONG),
)  # fmt: skip


def env(row: tuple[Any, ...]) -> dict[str | int, tuple[Any, bool]]:
    return {k: (v, v is not None) for k, v in enumerate(row)}


def plain(value: Any, valid: bool) -> Any:
    """A value of the row interpreter as Python has it."""
    if not valid:
        return None
    value = whole(value) if isinstance(value, tuple) else value.item() if hasattr(value, "item") else value
    return "nan" if value != value else value


def written(
    target: Target, chunk: Chunk, bindings: Bindings, steps: tuple[Any, ...] = (), rows: tuple[Row, ...] = COMPILED
) -> list[tuple[Any, ...]]:
    found = rows_of(filtering.write(target, Pipeline(TYPES, steps, Write(rows)), chunk, bindings))
    return [tuple("nan" if v != v else v for v in row) for row in found]


def grouped(
    target: Target, chunk: Chunk, bindings: Bindings, keys: tuple[Row, ...] = (KEY,), aggs: tuple[Agg, ...] = AGGS
) -> list[tuple[Any, ...]]:
    grouper = Grouper(target, Pipeline(TYPES, (), Group(keys, aggs)))
    grouper.add(chunk, bindings)
    found = [row for chunk in grouper.results() for row in rows_of(chunk)]
    return sorted((tuple(f"{v:.10g}" if isinstance(v, float) else v for v in row) for row in found), key=repr)


def joined(target: Target, chunk: Chunk, bindings: Bindings) -> list[tuple[Any, ...]]:
    """Wide values as payload, of unique keys (a null where nothing is found)."""
    keys, values = np.array([0, 2, 5], dtype="int64"), wide_column([-(10**37), None, 1])
    table: JoinTable = build(target, (Column(INT64, keys),), (values,), bindings, False)
    step = Probe(0, (KEY,), ((9, 0, WIDE),), unmatched=True)
    sink = Write((KEY, Ref(9, WIDE), call("neg", Ref(9, WIDE))))
    return rows_of(filtering.write(target, Pipeline(TYPES, (step,), sink), chunk, Bindings(tables=(table,), tiny=bindings.tiny)))


RUNS: dict[str, Callable[[Target, Chunk, Bindings], list[tuple[Any, ...]]]] = {
    "map": written,
    "short map": lambda t, c, b: written(t, c, b, (), (ROWS[0], ROWS[5], LONG, call("neg", LONG))),
    "compact": lambda t, c, b: written(t, c, b, (Filter(call("lt", LONG, NARROW)),)),
    "groups": grouped,
    "reduce": lambda t, c, b: grouped(t, c, b, ()),
    "groups by halves": lambda t, c, b: grouped(t, c, b, (call("upper_half", LONG), call("lower_half", LONG))),
    "payload": joined,
    "few groups": lambda t, c, b: grouped(t, c, b, (KEY,), (AGGS[0], AGGS[5])),
}


@pytest.mark.parametrize("nulls", [False, True])
def test_rows_as_the_interpreter_has_them(nulls: bool) -> None:
    chunk = data(60, nulls)
    inputs = rows_of(chunk)
    expected = [tuple(plain(*evaluate(row, env(values))) for row in ROWS) for values in inputs]
    assert written(PYTHON, chunk, Bindings(), rows=ROWS) == expected
    for group in range(3):
        rows = [env(values) for values in inputs if values[0] == group]
        found = next(r for r in grouped(PYTHON, chunk, Bindings()) if r[0] == group)
        sums = [value for value, valid in (r[1] for r in rows) if valid]
        assert found[1] + (found[2] << 32) == sum(sums)
        for a in AGGS:
            value, valid = aggregate(a, rows)
            if a.aggregation.name in ("min", "max") and a.args == (LONG,):
                known = [r[2][0] for r in rows if r[2][1]]
                assert plain(value, valid) == (min if a.aggregation.name == "min" else max)(known)


@pytest.mark.parametrize("name", ["compact", "payload", "few groups"])
def test_compiled_for_cpus(name: str) -> None:
    for rows, nulls in ((60, True), (0, False)):
        chunk = data(rows, nulls)
        assert RUNS[name](CPU, chunk, Bindings(morsel=7)) == RUNS[name](PYTHON, chunk, Bindings())


@pytest.mark.parametrize("nulls", [False, True])
@pytest.mark.parametrize("name", RUNS)
def test_in_the_interpreter_of_the_cuda_model(name: str, nulls: bool) -> None:
    for rows, tiny in ((70, False), (21, True)):
        chunk = data(rows, nulls)
        expected = RUNS[name](PYTHON, chunk, Bindings())
        with cuda_model(rows):
            assert RUNS[name](CUDA, chunk, Bindings(tiny=tiny)) == expected


@pytest.mark.parametrize("name", ["short map", "payload", "few groups"])
def test_cuda_text_compiles(name: str) -> None:
    """To PTX that reads and writes 16 bytes at a time."""
    with cuda_model(1, block=256) as device:
        RUNS[name](CUDA, data(600, True), Bindings())
    kernels = list({Kernel(x.text, x.kernel, x.types): x for x in device.launches if "wide_" in x.text})
    assert kernels
    with ptx_compiler() as compiled:
        texts = [compiled(kernel, ((9, 0),))[9, 0] for kernel in kernels]
    assert any("ld.global.cs.v2.f64" in text for text in texts) or name == "payload"
    assert any("st.global" in text for text in texts)


# -- order ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("descending", [False, True])
def test_sorted_by_wide_values(descending: bool) -> None:
    values: list[int | None] = [*numbers(50, 38), None, *numbers(50, 38, 3)]
    known = sorted((v for v in values if v is not None), reverse=descending)
    order = sorting.order(PYTHON, [wide_column(values)], (descending,), (True,))
    assert [values[k] for k in order] == [*known, None]
    long = wide_column(numbers(5000, 38))
    top = sorting.top(PYTHON, [long], (descending,), (False,), 9)
    assert wide_values(long.take(top)) == sorted(wide_values(long), reverse=descending)[:9]  # type: ignore[type-var]
