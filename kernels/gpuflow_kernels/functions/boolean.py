"""Row functions on truth: three-valued logic, bitwise logic of integers, and predicates of nulls and floats."""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.declare.scalar import Signature, scalar
from gpuflow_kernels.declare.traits import Traits
from gpuflow_kernels.declare.type_rules import (
    Parameters,
    ScalarRule,
    Types,
    accepts_all,
    always,
    anything,
    boolean,
    exactly,
    floating,
    integer,
    same,
)
from gpuflow_kernels.dtypes import BOOL, INT64, UINT64
from gpuflow_kernels.rowmath import isfinite, isinf, isnan, uint64

# -- three-valued logic -----------------------------------------------------------------------------------------------
_truths = always(BOOL, boolean, argument=BOOL)


@scalar(name="and", operator="&", method=False, dtype=_truths, null="custom", traits=Traits(logic="and"))
def _and(x: Any, x_valid: Any, y: Any, y_valid: Any) -> Any:
    """Return whether both are true: false as soon as one is false, else null if one is null. Of integers, bit by bit.

    Examples
    --------
    >>> import gpuflow as gf
    >>> frame = gf.from_dict({"x": [True, False, None]})
    >>> frame.select(a=gf.col("x") & True, b=gf.col("x") & False, c=gf.col("x") & None).collect().to_dict()
    {'a': [True, False, None], 'b': [False, False, False], 'c': [None, False, None]}
    """
    return x & y, (x_valid & y_valid) | (x_valid & (not x)) | (y_valid & (not y))


@scalar(name="or", operator="|", method=False, dtype=_truths, null="custom", traits=Traits(logic="or", selectivity=0.5))
def _or(x: Any, x_valid: Any, y: Any, y_valid: Any) -> Any:
    """Return whether one is true: true as soon as one is true, else null if one is null. Of integers, bit by bit.

    Examples
    --------
    >>> import gpuflow as gf
    >>> frame = gf.from_dict({"x": [True, False, None]})
    >>> frame.select(a=gf.col("x") | True, b=gf.col("x") | False, c=gf.col("x") | None).collect().to_dict()
    {'a': [True, True, True], 'b': [True, False, None], 'c': [True, None, None]}
    """
    return (x_valid & x) | (y_valid & y), (x_valid & y_valid) | (x_valid & x) | (y_valid & y)


@scalar(name="xor", operator="^", method=False, dtype=_truths, traits=Traits(logic="xor"))
def _xor(x: Any, y: Any) -> Any:
    """Return whether just one is true. Of integers, bit by bit.

    Examples
    --------
    >>> import gpuflow as gf
    >>> frame = gf.from_dict({"x": [True, False, None], "n": [6, 5, None]})
    >>> frame.select(truth=gf.col("x") ^ True, bits=gf.col("n") ^ 3).collect().to_dict()
    {'truth': [False, True, None], 'bits': [5, 6, None]}
    """
    return x != y


@scalar(name="not", operator="~", method=False, dtype=_truths, traits=Traits(logic="not", selectivity=0.7))
def _not(x: Any) -> Any:
    """Return the opposite truth value. Of integers, every bit.

    Examples
    --------
    >>> import gpuflow as gf
    >>> frame = gf.from_dict({"x": [True, False, None], "n": [6, -1, None]})
    >>> frame.select(truth=~gf.col("x"), bits=~gf.col("n")).collect().to_dict()
    {'truth': [False, True, None], 'bits': [-7, 0, None]}
    """
    return not x


# -- bits -------------------------------------------------------------------------------------------------------------
@scalar(name="and", dtype=same(integer))
def _and_bits(x: Any, y: Any) -> Any:
    return x & y


@scalar(name="or", dtype=same(integer))
def _or_bits(x: Any, y: Any) -> Any:
    return x | y


@scalar(name="xor", dtype=same(integer))
def _xor_bits(x: Any, y: Any) -> Any:
    return x ^ y


def _flipped(args: Types, params: Parameters | None = None) -> Signature | None:
    """Unsigned integers that are wider in their register flip only the bits they have."""
    if not args[0].is_integer or args[0] == UINT64:
        return None
    return Signature(args, args[0], (args[0].bounds[1] if args[0].kind == "uint" else -1,))


@scalar(name="not", dtype=_flipped, arity=1)
def _not_bits(x: Any, mask: Any) -> Any:
    return x ^ mask


@scalar(name="not", dtype=exactly(UINT64, result=UINT64))
def _not_bits_unsigned(x: Any) -> Any:
    return ~x


def _shifted(unsigned: bool) -> ScalarRule:
    """What is shifted computes in 64 bits, like all arithmetic; the number of places is any integer."""

    def rule(args: Types, params: Parameters | None = None) -> Signature | None:
        if not accepts_all(args, integer) or (args[0] == UINT64) is not unsigned:
            return None
        register = UINT64 if unsigned else INT64
        return Signature((register, INT64), register)

    return rule


def _left_overflows(x: Any, y: Any) -> Any:
    return (y < 0) | ((y > 63) & (x != 0)) | ((x << (y & 63)) >> (y & 63) != x)


def _left_leaves_unsigned(x: Any, y: Any) -> Any:
    places = uint64(y & 63)
    return (y < 0) | ((y > 63) & (x != uint64(0))) | ((x << places) >> places != x)


def _negative(x: Any, y: Any) -> Any:
    return y < 0


@scalar(name="bit_shift_left", operator="<<", dtype=_shifted(False), structural=("y",), overflow=_left_overflows)
def _left(x: Any, y: Any) -> Any:
    """Return the bits moved up by `y` places, ``x * 2**y``. Raises where that leaves 64 bits, and for a negative `y`.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [1, -3, None]}).select(gf.col("x") << 4).collect().to_dict()
    {'x': [16, -48, None]}
    """
    return x << (y & 63)


@scalar(name="bit_shift_left", dtype=_shifted(True), structural=("y",), overflow=_left_leaves_unsigned)
def _left_unsigned(x: Any, y: Any) -> Any:
    return x << uint64(y & 63)


@scalar(
    name="bit_shift_right", operator=">>", dtype=_shifted(False), structural=("y",), overflow=_negative, interval="shifted right"
)
def _right(x: Any, y: Any) -> Any:
    """Return the bits moved down by `y` places, ``x // 2**y`` whatever the sign: 0, or -1 of negative numbers, from 64 places on.

    Raises for a negative `y`.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [16, -3, None]}).select(gf.col("x") >> 1).collect().to_dict()
    {'x': [8, -2, None]}
    """
    return x >> (63 if y > 63 else y & 63)


@scalar(name="bit_shift_right", dtype=_shifted(True), structural=("y",), overflow=_negative, interval="shifted right")
def _right_unsigned(x: Any, y: Any) -> Any:
    return uint64(0) if y > 63 else x >> uint64(y & 63)


# -- predicates -------------------------------------------------------------------------------------------------------
@scalar(
    name="is_null",
    dtype=always(BOOL, anything),
    null="custom",
    traits=Traits(value_blind=True, tests_null=True, selectivity=0.1),
)
def _is_null(x: Any, x_valid: Any) -> Any:
    """Return whether the value is null; NaN is not.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [1.0, float("nan"), None]}).select(gf.col("x").is_null()).collect().to_dict()
    {'x': [False, False, True]}
    """
    return not x_valid, True


@scalar(
    name="is_not_null",
    dtype=always(BOOL, anything),
    null="custom",
    traits=Traits(value_blind=True, tests_null=False, selectivity=0.9),
)
def _is_not_null(x: Any, x_valid: Any) -> Any:
    """Return whether there is a value; NaN is one.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [1.0, float("nan"), None]}).select(gf.col("x").is_not_null()).collect().to_dict()
    {'x': [True, True, False]}
    """
    return x_valid, True


@scalar(name="is_nan", dtype=always(BOOL, floating))
def _is_nan(x: Any) -> Any:
    """Return whether the value is NaN; null for null.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [1.0, float("nan"), None]}).select(gf.col("x").is_nan()).collect().to_dict()
    {'x': [False, True, None]}
    """
    return isnan(x)


@scalar(name="is_nan", dtype=always(BOOL, integer))
def _is_nan_integer(x: Any) -> Any:
    return x != x


@scalar(name="is_not_nan", dtype=always(BOOL, floating))
def _is_not_nan(x: Any) -> Any:
    """Return whether the value is a number; null for null.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [1.0, float("nan"), None]}).select(gf.col("x").is_not_nan()).collect().to_dict()
    {'x': [True, False, None]}
    """
    return not isnan(x)


@scalar(name="is_not_nan", dtype=always(BOOL, integer))
def _is_not_nan_integer(x: Any) -> Any:
    return x == x


@scalar(name="is_finite", dtype=always(BOOL, floating))
def _is_finite(x: Any) -> Any:
    """Return whether the value is neither infinite nor NaN; null for null.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [1.0, float("inf"), float("nan"), None]}).select(gf.col("x").is_finite()).collect().to_dict()
    {'x': [True, False, False, None]}
    """
    return isfinite(x)


@scalar(name="is_finite", dtype=always(BOOL, integer))
def _is_finite_integer(x: Any) -> Any:
    return x == x


@scalar(name="is_infinite", dtype=always(BOOL, floating))
def _is_infinite(x: Any) -> Any:
    """Return whether the value is inf or -inf; null for null.

    Examples
    --------
    >>> import gpuflow as gf
    >>> frame = gf.from_dict({"x": [1.0, float("inf"), float("nan"), None]})
    >>> frame.select(gf.col("x").is_infinite()).collect().to_dict()
    {'x': [False, True, False, None]}
    """
    return isinf(x)


@scalar(name="is_infinite", dtype=always(BOOL, integer))
def _is_infinite_integer(x: Any) -> Any:
    return x != x
