"""A user's own functions: declared in a dozen lines, part of the kernels of every target, merged over partitions."""

from __future__ import annotations

import datetime as dt
import linecache
import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from gpuflow_kernels.declare.aggregate import AGGREGATIONS
from gpuflow_kernels.declare.scalar import SCALARS
from gpuflow_kernels.declare.type_rules import always, exactly, numeric, unchanged
from gpuflow_kernels.rowmath import exp, float64, log

import gpuflow as gf
from benchmarks.assembling import ARCHITECTURES, Kernel, ptx_compiler
from gpuflow import col
from gpuflow.errors import ArithmeticOverflowError, ExtensionError, TypeMismatchError
from tests.cuda_model.runtime import cuda_model
from tests.support.running import AXES, assert_same, running
from tests.support.tables import frame

STEEPNESS = 0.5


@pytest.fixture(scope="module", autouse=True)
def declared() -> Iterator[None]:
    """What this module declares is forgotten after it."""
    before = dict(SCALARS), dict(AGGREGATIONS)

    @gf.aggregation(
        dtype=always(gf.Float64, numeric), slots=(gf.Slot(gf.Float64, 0.0, "add"), gf.Slot(gf.Int64, 0, "add", counts=True))
    )
    class geometric_mean:
        """The n-th root of the product of n values."""

        def lift(x):
            return log(float64(x)), 1

        def finalize(logs, count):
            return exp(logs / float64(count))

    @gf.scalar(dtype=always(gf.Float64, numeric, argument=gf.Float64))
    def saturated(x, limit):
        """The value, bent towards a limit; uses a number of this module and a branch."""
        if x > limit:
            return limit + (x - limit) * STEEPNESS
        return x

    @gf.aggregation(dtype=unchanged(numeric), slots=(gf.Slot(gf.INPUT, "highest"), gf.Slot(gf.INPUT, "lowest")))
    class spread:
        """Difference of the greatest and the least value, by a combine of its own."""

        def lift(x):
            return x, x

        def combine(low, high, other_low, other_high):
            return (low if low < other_low else other_low), (high if high > other_high else other_high)

        def finalize(low, high):
            return high - low

        def overflow(low, high):
            return high - low > 1000

    yield
    for registry, kept in zip((SCALARS, AGGREGATIONS), before, strict=True):
        registry.clear()
        registry.update(kept)


ROWS = pl.DataFrame(
    {
        "k": ["a", "b", "a", None, "b", "a", "c", "a", "a", "b", "c", None, "a", "d"],
        "x": [1.0, 2.0, 4.0, 8.0, None, 16.0, None, 2.0, 0.5, 8.0, None, 2.0, 1.0, 3.0],
        "n": [3, None, 5, 7, 9, -2, 0, 11, 4, None, 6, 1, 8, None],
    }
)


def geometric(values: list[float | None]) -> float | None:
    found = [v for v in values if v is not None]
    return math.exp(sum(map(math.log, found)) / len(found)) if found else None


def bent(x: float | None) -> float | None:
    return x if x is None or x <= 2 else 2 + (x - 2) * STEEPNESS


def between(values: list[int | None]) -> int | None:
    found = [v for v in values if v is not None]
    return max(found) - min(found) if found else None


def grouped(rows: gf.Frame) -> gf.Frame:
    bent = col("x").saturated(2)
    return rows.group_by("k").agg(g=col("x").geometric_mean(), b=bent.geometric_mean(), s=col("n").spread(), m=bent.max())


def ungrouped(rows: gf.Frame) -> gf.Frame:
    return rows.filter(col("k") != "d").select(g=col("x").geometric_mean() + 0.0, s=col("n").spread())


def rowwise(rows: gf.Frame) -> gf.Frame:
    return rows.select("k", b=col("x").saturated(2), d=col("n").saturated(col("x")))


def expected(query: Callable[[gf.Frame], gf.Frame]) -> pl.DataFrame:
    if query is rowwise:
        d = [None if n is None or x is None else n if n <= x else x + (n - x) * STEEPNESS for _, x, n in ROWS.rows()]
        return ROWS.select("k", b=pl.Series([bent(x) for x in ROWS["x"]]), d=pl.Series(d, dtype=pl.Float64))
    if query is ungrouped:
        kept = ROWS.filter(pl.col("k") != "d")
        return pl.DataFrame({"g": [geometric(kept["x"].to_list())], "s": [between(kept["n"].to_list())]})
    found: list[dict[str, Any]] = []
    for (k,), group in ROWS.group_by("k"):
        bends = [bent(x) for x in group["x"]]
        top = max((b for b in bends if b is not None), default=None)
        found.append(
            {"k": k, "g": geometric(group["x"].to_list()), "b": geometric(bends), "s": between(group["n"].to_list()), "m": top}
        )
    return pl.DataFrame(found)


QUERIES = [grouped, ungrouped, rowwise]


@pytest.mark.parametrize("query", QUERIES, ids=lambda q: q.__name__)
@pytest.mark.parametrize("parts", [1, 7])
@pytest.mark.parametrize(("target", "axis"), [*(("python", a) for a in AXES), ("cpu", "plain"), ("cpu", "exchange, tiny")])
def test_own_functions(query: Callable[[gf.Frame], gf.Frame], target: str, axis: str, parts: int) -> None:
    with running(target, axis, parts, len(ROWS)):
        assert_same(query(frame(ROWS)).collect(), expected(query))


@pytest.mark.parametrize("query", QUERIES, ids=lambda q: q.__name__)
def test_compiled_for_cuda(query: Callable[[gf.Frame], gf.Frame], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpuflow.execute.dask.cuda_problem", lambda: None)
    with cuda_model() as device, running("cuda", parts=3, rows=len(ROWS)):
        assert_same(query(frame(ROWS)).collect(), expected(query))
    assert device.launches
    with ptx_compiler() as compiled:
        for launch in device.launches:
            texts = compiled(Kernel(launch.text, launch.kernel, launch.types), ARCHITECTURES[-1:])
            assert all(".visible .entry" in ptx for ptx in texts.values())


@pytest.fixture
def add_of_truths() -> Iterator[None]:
    """An overload of a built-in name for types that it had none for."""
    overloads = SCALARS["add"].overloads
    before = list(overloads)

    def both(x, y):
        return x & y

    @gf.scalar(dtype=exactly(gf.Boolean, gf.Boolean, result=gf.Int64), name="add", overflow=both)
    def add(x, y):
        return 1 if x | y else 0

    yield
    overloads[:] = before


@pytest.mark.usefixtures("add_of_truths")
def test_an_overload_of_a_builtin_name_keeps_its_own_check() -> None:
    """The built-in sum of two truth values cannot leave int64, which says nothing of another function of that name."""
    rows = pl.DataFrame({"a": [True, False], "b": [False, False]})
    query = frame(rows).select(r=col("a") + col("b"))
    with running():
        assert_same(query.collect(), pl.DataFrame({"r": [1, 0]}))
        with pytest.raises(ArithmeticOverflowError, match="add does not fit"):
            frame(rows).select(r=col("a") + col("a")).collect()


def test_own_overflow_is_told() -> None:
    rows = pl.DataFrame({"k": [1, 1, 2], "n": [0, 5000, 1]})
    with running(parts=3, rows=3), pytest.raises(ArithmeticOverflowError, match="spread"):
        frame(rows).group_by("k").agg(col("n").spread()).collect()


def test_a_name_declared_again_keeps_the_meaning_of_what_was_made_before() -> None:
    def times(n: int) -> Any:
        @gf.scalar(dtype=gf.rules.always(gf.Int64))
        def times_twice_declared(x):  # type: ignore[no-untyped-def]
            return x * n

        return times_twice_declared

    def total(n: int) -> Any:
        @gf.aggregation(dtype=gf.rules.always(gf.Int64), slots=(gf.Slot(gf.Int64, 0, "add"),))
        class total_twice_declared:
            def lift(x):  # type: ignore[no-untyped-def]
                return x * n

            def finalize(t):  # type: ignore[no-untyped-def]
                return t

        return total_twice_declared

    frame, x = gf.from_dict({"x": [1, 2]}), gf.col("x")
    two, three = times(2), times(3)
    with running("python"):
        rows = frame.select(a=two(x), b=three(x), c=x.times_twice_declared()).collect()
        assert rows.to_dict() == {"a": [2, 4], "b": [3, 6], "c": [3, 6]}
        two, three = total(2), total(3)
        sums = frame.select(a=two(x), b=three(x), c=x.total_twice_declared()).collect()
        assert sums.to_dict() == {"a": [6], "b": [9], "c": [9]}


def test_bodies_get_numbers_not_what_is_stored() -> None:
    @gf.scalar(dtype=gf.rules.always(gf.Float64))
    def halved_extension(x):  # type: ignore[no-untyped-def]
        return x / 2.0

    @gf.scalar(dtype=gf.rules.always(gf.Int64, gf.rules.kind("date")))
    def day_number_extension(x):  # type: ignore[no-untyped-def]
        return x + 0

    rows = gf.from_dict({"d": [Decimal("1.50"), None], "t": [dt.date(1970, 1, 3), None], "s": ["a", "b"], "b": [True, False]})
    with running("python"):
        found = rows.select(d=halved_extension("d"), b=halved_extension(col("b")), n=day_number_extension("t")).collect()
        assert found.to_dict() == {"d": [0.75, None], "b": [0.5, 0.0], "n": [2, None]}
        for name, kind in (("t", "date"), ("s", "string")):
            with pytest.raises(TypeMismatchError, match=f"does not accept {kind}; it accepts bool, integers, floats or decimals"):
                rows.select(halved_extension(name))


def declare_scalar(function: Any) -> Any:
    return gf.scalar(dtype=gf.rules.always(gf.Float64))(function)


def test_bodies_return_a_number_on_every_way() -> None:
    def nothing(x):  # type: ignore[no-untyped-def]
        return None

    def text(x):  # type: ignore[no-untyped-def]
        return "abc"

    def sometimes(x):  # type: ignore[no-untyped-def]
        if x > 1:
            return x

    def breaking(x):  # type: ignore[no-untyped-def]
        while True:
            if x > 1:
                break

            return x

    def pair(x):  # type: ignore[no-untyped-def]
        return x, True

    refused = {nothing: "returns None", text: "returns 'abc'", sometimes: "no value", breaking: "no value", pair: "one value"}
    for function, told in refused.items():
        with pytest.raises(ExtensionError, match=told):
            declare_scalar(function)

    def searching_extension(x):  # type: ignore[no-untyped-def]
        n = 0.0
        while True:
            for _ in range(3):
                n += 1.0
                if n > x:
                    break
            if n > x:
                return n

    with running("python"):
        found = gf.from_dict({"x": [0.5, 7.0]}).select(declare_scalar(searching_extension)("x")).collect()
    assert found.to_dict() == {"x": [1.0, 8.0]}


def test_slots_and_finalize_fit_each_other() -> None:
    def declare(slots: Any, names: str, result: str) -> Any:
        source = f"def finalize({names}):\n    return {result}\n"
        file = f"<declared {slots!r} {names} {result}>"
        linecache.cache[file] = (len(source), None, source.splitlines(True), file)
        space: dict[str, Any] = {}
        exec(compile(source, file, "exec"), space)

        class refused_extension:
            def lift(x):  # type: ignore[no-untyped-def]
                return x

            finalize = space["finalize"]

        return gf.aggregation(dtype=gf.rules.always(gf.Float64), slots=slots)(refused_extension)

    one = (gf.Slot(gf.Float64, 0.0, "add"),)
    cases: list[tuple[Any, str, str, str]] = [
        (list(one), "t", "t", "must be a tuple of Slot"),
        (("add",), "t", "t", "must be a tuple of Slot"),
        ((gf.Slot(gf.String, 0, "add"),), "t", "t", "a slot cannot be string"),
        ((gf.Slot(gf.Float64, "zero", "add"),), "t", "t", "identity 'zero'"),
        (one, "t", "t, True, t", "finalize.. returns 3 values"),
    ]
    for slots, names, result, told in cases:
        with pytest.raises(ExtensionError, match=told):
            declare(slots, names, result)
    more = declare(one, "t, u", "t")
    with running("python"), pytest.raises(ExtensionError, match="takes 2 parameters, 1 expected"):
        gf.from_dict({"x": [1.0]}).select(more("x")).collect()


def test_lift_returns_one_value_for_each_slot() -> None:
    with pytest.raises(gf.errors.ExtensionError, match="returns 2 values, one for each of 1 slots"):

        @gf.aggregation(dtype=gf.rules.always(gf.Int64), slots=(gf.Slot(gf.Int64, 0, "add"),))
        class lifts_too_much:
            def lift(x):  # type: ignore[no-untyped-def]
                return x, 1

            def finalize(t):  # type: ignore[no-untyped-def]
                return t
