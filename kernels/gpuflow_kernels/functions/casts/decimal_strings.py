"""The row function `cast` between decimals and strings, and `to_decimal`.

Text of a decimal has all digits of its scale. Digits that are read and have no room behind the point are rounded, halves
away from zero (as DuckDB does); before it they raise, or become null with ``strict=False``.
"""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.declare.scalar import REQUIRED, Signature, scalar
from gpuflow_kernels.declare.string_rules import NO_VALUE, whole
from gpuflow_kernels.declare.traits import Traits
from gpuflow_kernels.declare.type_rules import Parameters, Types, narrow_decimal, wide_decimal
from gpuflow_kernels.dtypes import NARROW_DIGITS, STRING, DType, decimal
from gpuflow_kernels.rowmath import parse_decimal, put_decimal

from .numbers import cast_rule


def _text(source: DType, target: DType) -> tuple[int, ...] | None:
    return (10**source.scale, source.scale) if target == STRING and narrow_decimal(source) else None


@scalar(name="cast", dtype=cast_rule(_text), text="write")
def _cast_decimal_text(out: Any, at: Any, x: Any, power: Any, scale: Any) -> Any:
    return put_decimal(out, at, x, power, scale)


def _wide_text(source: DType, target: DType) -> tuple[int, ...] | None:
    return () if target == STRING and wide_decimal(source) else None


@scalar(name="cast", dtype=cast_rule(_wide_text), host="decimal_to_string")
def _cast_wide_text(x: Any) -> Any: ...


def _read(source: DType, target: DType) -> tuple[int, ...] | None:
    return (target.scale, target.bounds[1]) if source == STRING and narrow_decimal(target) else None


def _no_decimal(s: Any, s0: Any, s1: Any, scale: Any, most: Any) -> Any:
    _value, valid = parse_decimal(s, s0, s1, scale, most)
    return not valid


@scalar(name="cast", dtype=cast_rule(_read, True), text="measure", overflow=_no_decimal, failure=NO_VALUE)
def _cast_decimal(s: Any, s0: Any, s1: Any, scale: Any, most: Any) -> Any:
    value, _valid = parse_decimal(s, s0, s1, scale, most)
    return value


@scalar(name="cast", dtype=cast_rule(_read, False), text="measure", null="partial")
def _cast_decimal_or_null(s: Any, s0: Any, s1: Any, scale: Any, most: Any) -> Any:
    return parse_decimal(s, s0, s1, scale, most)


def _scaled(args: Types, params: Parameters | None = None) -> Signature | None:
    result = decimal(NARROW_DIGITS, whole(params or {}, "scale", 0, NARROW_DIGITS))
    return Signature((STRING,), result, (result.scale, result.bounds[1])) if args == (STRING,) else None


@scalar(
    name="to_decimal",
    namespace="str",
    dtype=_scaled,
    text="measure",
    null="partial",
    arity=1,
    parameters={"scale": REQUIRED},
    traits=Traits(parses=True),
)
def _to_decimal(s: Any, s0: Any, s1: Any, scale: Any, most: Any) -> Any:
    """Read a string as a decimal of 18 digits, `scale` of them after the point.

    Null where the string is no decimal or does not fit. Digits without room are rounded, halves away from zero.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> prices = gf.from_any(pa.table({"s": ["40.125", "-2e3", "?", None]}))
    >>> prices.select(gf.col("s").str.to_decimal(scale=2).cast(gf.String)).collect().to_dict()
    {'s': ['40.13', '-2000.00', None, None]}
    """
    return parse_decimal(s, s0, s1, scale, most)
