"""`@scalar` and `@aggregation`: what a declaration gives, what it refuses and how it says so; type rules."""

from __future__ import annotations

import math
import pickle
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from gpuflow_kernels.declare.aggregate import AGGREGATIONS, INPUT, Slot, aggregation
from gpuflow_kernels.declare.scalar import SCALARS, scalar
from gpuflow_kernels.declare.type_rules import (
    always,
    anything,
    compared,
    exactly,
    integer,
    meeting_type,
    not_float,
    numeric,
    promote,
    real,
    same,
)
from gpuflow_kernels.dtypes import (
    BOOL,
    DATE,
    FLOAT32,
    FLOAT64,
    INT8,
    INT16,
    INT32,
    INT64,
    NULL,
    STRING,
    UINT8,
    UINT32,
    UINT64,
    DType,
    decimal,
    duration,
    timestamp,
)
from gpuflow_kernels.errors import ArithmeticOverflowError, ExtensionError
from gpuflow_kernels.ir.value_ranges import cannot_overflow
from gpuflow_kernels.rowmath import exp, log, mul_overflows, sqrt

from tests.oracle import agg, aggregate, call

from .values import env, ref, value_of


@pytest.fixture(autouse=True)
def registries() -> Iterator[None]:
    """What a test declares is forgotten after it."""
    scalars, aggregations = dict(SCALARS), dict(AGGREGATIONS)
    yield
    for registry, before in ((SCALARS, scalars), (AGGREGATIONS, aggregations)):
        registry.clear()
        registry.update(before)  # type: ignore[arg-type]


RADIUS = 6371.0


# -- scalars ----------------------------------------------------------------------------------------------------------
def test_a_scalar_is_a_declaration() -> None:
    @scalar(dtype=always(FLOAT64, numeric))
    def slant(x: float, y: float) -> float:
        """Length of a vector."""
        scaled: float = sqrt(x * x + y * y)
        return scaled * RADIUS

    entry = SCALARS["slant"]
    assert (entry.doc, entry.arity, entry.method) == ("Length of a vector.", 2, True)
    body = entry.overloads[0].body
    assert body.params == ("x", "y")
    assert body.captured == (("RADIUS", 6371.0),)
    assert body.name.startswith("slant_")
    assert "float" not in body.text
    assert value_of(call("slant", ref(0, INT8), ref(1, FLOAT32)), (3, 4.0)) == 5.0 * RADIUS
    assert value_of(call("slant", ref(0, INT8), ref(1, FLOAT32)), (3, None)) is None
    assert slant.python(3.0, 4.0) == 5.0 * RADIUS


def test_an_edited_body_has_another_name() -> None:
    @scalar(dtype=real, name="first_form")
    def form(x: float) -> float:
        return x + 1.0

    @scalar(dtype=real, name="second_form")
    def form(x: float) -> float:  # noqa: F811
        return x + 2.0

    assert SCALARS["first_form"].overloads[0].body.name != SCALARS["second_form"].overloads[0].body.name


def test_partial_custom_and_overflow() -> None:
    @scalar(dtype=promote(integer), null="partial", name="inverse_of_even")
    def inverse(x: int) -> Any:
        return x // 2, x % 2 == 0

    @scalar(dtype=same(), null="custom", name="later")
    def later(x: Any, x_valid: bool, y: Any, y_valid: bool) -> Any:
        return y if y_valid else x, x_valid | y_valid

    def leaves(x: int) -> bool:
        return mul_overflows(x, x)

    @scalar(dtype=promote(integer), overflow=leaves, name="squared")
    def squared(x: int) -> int:
        return x * x

    assert [value_of(call("inverse_of_even", ref(0, INT64)), (v,)) for v in (4, 3, None)] == [2, None, None]
    assert [value_of(call("later", ref(0, INT8), ref(1, INT16)), v) for v in ((1, 2), (1, None), (None, None))] == [2, 1, None]
    with pytest.raises(ArithmeticOverflowError, match="squared does not fit int64"):
        value_of(call("squared", ref(0, INT64)), (2**32,))


def test_overloads_are_tried_in_order_and_parameters_have_defaults() -> None:
    seen: list[dict[str, Any]] = []

    def noting(args: tuple[DType, ...], params: dict[str, Any]) -> Any:
        seen.append(params)
        return exactly(DATE, result=INT64)(args)

    @scalar(dtype=noting, name="halved", parameters={"up": False})
    def halved(x: int) -> int:
        return x // 2

    @scalar(dtype=real, name="halved")
    def halved_float(x: float) -> float:
        return x / 2.0

    assert value_of(call("halved", ref(0, DATE)), (5,)) == 2
    assert value_of(call("halved", ref(0, INT64), up=True), (5,)) == 2.5
    assert seen == [{"up": False}, {"up": True}]
    assert SCALARS["halved"].resolve((STRING,)) is None


def other(x: float) -> float:
    return x


TEXT = "text"


def test_what_a_body_cannot_be() -> None:
    def refused(function: Any, message: str, **more: Any) -> None:
        with pytest.raises(ExtensionError, match=message):
            scalar(dtype=real, name="refused", **more)(function)

    def calls_another(x: float) -> float:
        return other(x)

    def uses_text(x: float) -> Any:
        return TEXT

    def has_default(x: float, y: float = 1.0) -> float:
        return x + y

    def has_star(*x: float) -> float:
        return x[0]

    def returns_nothing(x: float) -> None:
        x + 1.0

    def uses_attribute(x: float) -> float:
        return math.sqrt(x)

    def imports(x: float) -> float:
        import math  # noqa: F401

        return x

    def catches(x: float) -> float:
        try:
            return 1.0 / x
        except ZeroDivisionError:
            return 0.0

    refused(calls_another, "scalar 'refused': uses 'other'")
    refused(uses_text, "uses 'TEXT'")
    refused(has_default, "plain names, without defaults")
    refused(has_star, "plain names")
    refused(returns_nothing, "must return")
    refused(uses_attribute, "cannot contain 'Attribute'")
    refused(imports, "cannot contain 'Import'")
    refused(catches, "cannot contain 'Try'")
    refused(lambda x: x, "plain 'def' function, not a lambda")
    refused(math.sqrt, "cannot be read")
    refused(other, "null='skip' is not one of", null="skip")
    refused(other, "not parameters", structural=("digits",))
    refused(other, "they must be the same", overflow=has_two)
    refused(other, "interval='add' is not one of sum, ", interval="add")
    assert "refused" not in SCALARS


def has_two(x: float, y: float) -> bool:
    return x > y


def test_checks_are_left_out_by_what_is_declared_not_by_name() -> None:
    def leaves(x: int, y: int) -> bool:
        return x > y

    @scalar(dtype=promote(integer), overflow=leaves, name="silent")
    def silent(x: int, y: int) -> int:
        return x + y

    @scalar(dtype=promote(integer), overflow=leaves, name="telling", interval="sum")
    def telling(x: int, y: int) -> int:
        return x + y

    narrow, wide = (ref(0, INT8), ref(1, INT8)), (ref(0, INT64), ref(1, INT64))
    assert cannot_overflow(call("add", *narrow)) and cannot_overflow(call("telling", *narrow))
    assert not cannot_overflow(call("silent", *narrow))
    assert not cannot_overflow(call("add", *wide)) and not cannot_overflow(call("telling", *wide))
    assert cannot_overflow(call("mul", call("add", *narrow), call("sub", *narrow)))
    assert not cannot_overflow(call("add", call("silent", *narrow), ref(0, INT8)))


def test_overloads_travel_without_their_rule() -> None:
    overload = SCALARS["add"].overloads[0]
    again = pickle.loads(pickle.dumps(overload))
    assert again == overload
    with pytest.raises(AssertionError, match="not typed again"):
        again.rule((INT64, INT64), {})


# -- aggregations -----------------------------------------------------------------------------------------------------
def test_an_aggregation_is_a_declaration() -> None:
    @aggregation(dtype=always(FLOAT64), slots=(Slot(FLOAT64, 0.0, "add"), Slot(INT64, 0, "add", counts=True)))
    class geometric_mean:
        """The n-th root of the product."""

        def lift(x: float) -> Any:  # type: ignore[misc]
            return log(x), 1

        def finalize(total: float, count: int) -> float:  # type: ignore[misc]
            return exp(total / count)

    node = agg("geometric_mean", ref(0, INT32))
    assert AGGREGATIONS["geometric_mean"].doc == "The n-th root of the product."
    assert node.dtype == FLOAT64
    value, valid = aggregate(node, [env((v,)) for v in (1, None, 10, 100)])
    assert valid
    assert math.isclose(value, 10.0)
    assert not aggregate(node, [env((None,))])[1]
    assert pickle.loads(pickle.dumps(node)) == node
    assert geometric_mean.python.__name__ == "geometric_mean"


def test_slots_of_the_input_type_take_its_bounds() -> None:
    lowest, highest = Slot(INPUT, "lowest", "max"), Slot(INPUT, "highest", "min")
    assert lowest.resolve(INT8).identity == -128
    assert highest.resolve(UINT64).identity == 2**64 - 1
    assert highest.resolve(FLOAT32).identity == math.inf
    assert lowest.resolve(DATE) == Slot(DATE, -(2**31), "max")


def test_what_an_aggregation_cannot_be() -> None:
    def refused(cls: type, message: str, **more: Any) -> None:
        with pytest.raises(ExtensionError, match=message):
            aggregation(dtype=always(FLOAT64), name="refused", **more)(cls)

    one = (Slot(FLOAT64, 0.0, "add"),)

    class Sound:
        def lift(x: float) -> float:  # type: ignore[misc]
            return x

        def finalize(total: float) -> float:  # type: ignore[misc]
            return total

    class NoFinalize:
        def lift(x: float) -> float:  # type: ignore[misc]
            return x

    class Narrow(Sound):
        def combine(a: float) -> float:  # type: ignore[misc]
            return a

    class Wide(Sound):
        def lift(x: float, y: float) -> float:  # type: ignore[misc]
            return x + y

    class Unknown(Sound):
        def lift(x: float) -> float:  # type: ignore[misc]
            return other(x)

    refused(Sound, "needs a combine of add, min", slots=(Slot(FLOAT64, 0.0, "multiply"),))
    refused(NoFinalize, "finalize", slots=one)
    refused(Narrow, r"combine\(\) takes the slots twice \(2 parameters\)", slots=(Slot(FLOAT64, 0.0),))
    refused(Wide, "lift.. takes 2 parameters, 1 expected", slots=one)
    refused(Unknown, "aggregation 'refused', lift: uses 'other'", slots=one)
    assert "refused" not in AGGREGATIONS


# -- type rules -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("args", "result"),
    [
        ((INT8, INT8), INT64),
        ((UINT8, UINT32), INT64),
        ((UINT64, UINT8), UINT64),
        ((UINT64, INT8), INT64),
        ((INT16, FLOAT32), FLOAT32),
        ((INT32, FLOAT32), FLOAT64),
        ((FLOAT32, FLOAT64), FLOAT64),
        ((NULL, INT8), INT64),
        ((NULL, NULL), INT64),
        ((INT8, STRING), None),
        ((BOOL, INT8), None),
    ],
)
def test_arithmetic_types(args: tuple[DType, ...], result: DType | None) -> None:
    found = promote()(args)
    assert (found and found.result) == result
    assert found is None or found.args == (result, result)


@pytest.mark.parametrize(
    ("args", "meeting"),
    [
        ((INT8, UINT8), INT16),
        ((INT64, UINT64), INT64),
        ((DATE, timestamp("ms")), timestamp("ms")),
        ((duration("s"), duration("ns")), duration("ns")),
        ((STRING, NULL), STRING),
        ((NULL, NULL), NULL),
        ((STRING, INT8), None),
        ((INT8, INT64, FLOAT32), FLOAT64),
    ],
)
def test_types_that_values_meet_in(args: tuple[DType, ...], meeting: DType | None) -> None:
    assert meeting_type(args) == meeting


def test_comparison_rules_leave_uint64_beside_int64_to_bodies_of_their_own() -> None:
    assert compared(not_float)((INT64, UINT64)) is None
    assert call("lt", ref(0, INT32), ref(1, UINT64)).args[0].dtype == INT64
    assert value_of(call("lt", ref(0, INT64), ref(1, UINT64)), (-1, 2**64 - 1)) == np.bool_(True)


def test_always_casts_numbers_to_a_float_result_only() -> None:
    assert always(FLOAT64, anything)((INT8, DATE)).args == (FLOAT64, DATE)  # type: ignore[union-attr]
    assert always(FLOAT64)((INT8, DATE)) is None
    assert always(INT64)((INT8, decimal(9, 2))).args == (INT8, FLOAT64)  # type: ignore[union-attr]
    assert always(BOOL, numeric)((INT8, NULL)).args == (INT8, FLOAT64)  # type: ignore[union-attr]
    assert always(BOOL, numeric)((STRING,)) is None


# -- what declaring loads ---------------------------------------------------------------------------------------------
def test_declarations_load_no_compiler(python_environment: dict[str, str]) -> None:
    script = (
        "import sys, gpuflow_kernels.functions.builtin, gpuflow_kernels.aggregations.basic; "
        "print(sorted({'numba', 'cupy', 'pyarrow', 'distributed'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], env=python_environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
