"""The row function `cast` from and to strings, and `to_integer`.

Numbers, truth values, dates and times are written and read as Polars does; where Polars casts no strings (truth values,
dates, timestamps) as DuckDB does. With ``strict`` (the default) text that means no value of the type raises, else it
becomes null.
"""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.declare.scalar import Constant, Signature, scalar
from gpuflow_kernels.declare.string_rules import NO_VALUE, whole
from gpuflow_kernels.declare.traits import Traits
from gpuflow_kernels.declare.type_rules import Parameters, ScalarRule, Types
from gpuflow_kernels.dtypes import INT64, STRING, UINT64, DType
from gpuflow_kernels.functions.temporal.time_zones import table_of
from gpuflow_kernels.rowmath import (
    after_word,
    floor_div,
    int64,
    local_parts,
    parse_integer,
    parse_iso,
    put,
    put_digits,
    put_iso_date,
    put_iso_time,
    put_offset,
    put_word,
    ticks_of_time,
    uint64,
)

from .numbers import cast_rule, ticks_a_day


def _packed(word: bytes) -> int:
    return int.from_bytes(word, "little")


_TRUE, _FALSE, _YES, _NO = map(_packed, (b"true", b"false", b"yes", b"no"))
_T, _F, _Y, _N, _ONE, _ZERO = map(_packed, (b"t", b"f", b"y", b"n", b"1", b"0"))
_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}


# -- to strings -------------------------------------------------------------------------------------------------------
def _signed_text(source: DType, target: DType) -> tuple[int, ...] | None:
    return () if target == STRING and source.is_integer and source != UINT64 else None


@scalar(name="cast", dtype=cast_rule(_signed_text), text="write")
def _cast_signed_text(out: Any, at: Any, x: Any) -> Any:
    if x < 0:
        return put_digits(out, put(out, at, 45), uint64(0) - uint64(x))
    return put_digits(out, at, uint64(x))


def _unsigned_text(source: DType, target: DType) -> tuple[int, ...] | None:
    return () if target == STRING and source == UINT64 else None


@scalar(name="cast", dtype=cast_rule(_unsigned_text), text="write")
def _cast_unsigned_text(out: Any, at: Any, x: Any) -> Any:
    return put_digits(out, at, x)


def _truth_text(source: DType, target: DType) -> tuple[int, ...] | None:
    return () if target == STRING and source.kind == "bool" else None


@scalar(name="cast", dtype=cast_rule(_truth_text), text="write")
def _cast_truth_text(out: Any, at: Any, x: Any) -> Any:
    return put_word(out, at, _TRUE if x else _FALSE)


def _float_text(source: DType, target: DType) -> tuple[int, ...] | None:
    return () if target == STRING and source.is_float else None


@scalar(name="cast", dtype=cast_rule(_float_text), host="float_to_string")
def _cast_float_text(x: Any) -> Any: ...


def _date_text(source: DType, target: DType) -> tuple[int, ...] | None:
    return () if target == STRING and source.kind == "date" else None


@scalar(name="cast", dtype=cast_rule(_date_text), text="write")
def _cast_date_text(out: Any, at: Any, x: Any) -> Any:
    return put_iso_date(out, at, x)


def _time_text(source: DType, target: DType) -> tuple[int, ...] | None:
    """Ticks of a day and of a second, and digits after the point."""
    if target != STRING or source.kind != "timestamp" or source.zone is not None:
        return None
    assert source.unit is not None
    return ticks_a_day(source), source.per_second, _DIGITS[source.unit]


@scalar(name="cast", dtype=cast_rule(_time_text), text="write")
def _cast_time_text(out: Any, at: Any, x: Any, day: Any, per: Any, digits: Any) -> Any:
    days = floor_div(x, day)
    ticks = x - days * day
    second = ticks // per
    at = put(out, put_iso_date(out, at, days), 32)
    return put_iso_time(out, at, second, (ticks - second * per) * (1000000000 // per), digits)


def _zoned_text(source: DType, target: DType) -> tuple[Constant, ...] | None:
    """Ticks of a second, digits after the point, and the offsets of the zone."""
    if target != STRING or source.zone is None:
        return None
    return source.per_second, _DIGITS[str(source.unit)], table_of(source)


@scalar(name="cast", dtype=cast_rule(_zoned_text), text="write")
def _cast_zoned_text(out: Any, at: Any, x: Any, per: Any, digits: Any, z: Any) -> Any:
    days, second, nanos, offset = local_parts(x, z, per)
    at = put(out, put_iso_date(out, at, days), 32)
    return put_offset(out, put_iso_time(out, at, second, nanos, digits), offset, int64(1))


# -- strings to integers ----------------------------------------------------------------------------------------------
def _bounds(dtype: DType) -> tuple[int, int, bool]:
    """The greatest value, minus the least one, and whether there are negative ones."""
    low, high = dtype.bounds
    return high, -low, low < 0


def _to_signed(source: DType, target: DType) -> tuple[Any, ...] | None:
    return (10, *_bounds(target)) if source == STRING and target.is_integer and target != UINT64 else None


def _to_unsigned(source: DType, target: DType) -> tuple[Any, ...] | None:
    return (10, *_bounds(target)) if source == STRING and target == UINT64 else None


def _asked(strict: bool, unsigned: bool) -> ScalarRule:
    """The rule of `to_integer`, for one kind of strictness and of registers."""

    def rule(args: Types, params: Parameters | None = None) -> Signature | None:
        given = params or {}
        target = INT64 if given["dtype"] is None else given["dtype"]
        if not isinstance(target, DType) or not target.is_integer:
            raise ValueError(f"to_integer() takes a type of integers as dtype=, not {target!r}")
        base = whole(given, "base", 2, 36)
        if len(args) != 1 or args[0] != STRING or bool(given["strict"]) is not strict or (target == UINT64) is not unsigned:
            return None
        return Signature((STRING,), target, (base, *_bounds(target)))

    return rule


def _no_integer(s: Any, s0: Any, s1: Any, base: Any, most: Any, least: Any, signed: Any) -> Any:
    _magnitude, _negative, valid = parse_integer(s, s0, s1, base, uint64(most), uint64(least), signed)
    return not valid


def _integer(s: Any, s0: Any, s1: Any, base: Any, most: Any, least: Any, signed: Any) -> Any:
    magnitude, negative, _valid = parse_integer(s, s0, s1, base, uint64(most), uint64(least), signed)
    return int64(uint64(0) - magnitude) if negative else int64(magnitude)


def _integer_or_null(s: Any, s0: Any, s1: Any, base: Any, most: Any, least: Any, signed: Any) -> Any:
    magnitude, negative, valid = parse_integer(s, s0, s1, base, uint64(most), uint64(least), signed)
    return int64(uint64(0) - magnitude) if negative else int64(magnitude), valid


def _unsigned(s: Any, s0: Any, s1: Any, base: Any, most: Any, least: Any, signed: Any) -> Any:
    magnitude, _negative, _valid = parse_integer(s, s0, s1, base, uint64(most), uint64(least), signed)
    return magnitude


def _unsigned_or_null(s: Any, s0: Any, s1: Any, base: Any, most: Any, least: Any, signed: Any) -> Any:
    magnitude, _negative, valid = parse_integer(s, s0, s1, base, uint64(most), uint64(least), signed)
    return magnitude, valid


scalar(name="cast", dtype=cast_rule(_to_signed, True), text="measure", overflow=_no_integer, failure=NO_VALUE)(_integer)
scalar(name="cast", dtype=cast_rule(_to_signed, False), text="measure", null="partial")(_integer_or_null)
scalar(name="cast", dtype=cast_rule(_to_unsigned, True), text="measure", overflow=_no_integer, failure=NO_VALUE)(_unsigned)
scalar(name="cast", dtype=cast_rule(_to_unsigned, False), text="measure", null="partial")(_unsigned_or_null)


@scalar(
    name="to_integer",
    namespace="str",
    dtype=_asked(True, False),
    text="measure",
    overflow=_no_integer,
    failure=NO_VALUE,
    arity=1,
    parameters={"base": 10, "dtype": None, "strict": True},
    traits=Traits(parses=True),
)
def _to_integer(s: Any, s0: Any, s1: Any, base: Any, most: Any, least: Any, signed: Any) -> Any:
    """Read a string as an integer in a `base` from 2 to 36, as int64 or `dtype`: an optional sign and digits, no more.

    What means none, or does not fit, raises, or is null with ``strict=False``.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> codes = gf.from_any(pa.table({"s": ["ff", "-10", "?", None]}))
    >>> codes.select(gf.col("s").str.to_integer(base=16, strict=False)).collect().to_dict()
    {'s': [255, -16, None, None]}
    """
    magnitude, negative, _valid = parse_integer(s, s0, s1, base, uint64(most), uint64(least), signed)
    return int64(uint64(0) - magnitude) if negative else int64(magnitude)


scalar(name="to_integer", namespace="str", dtype=_asked(False, False), text="measure", null="partial")(_integer_or_null)
scalar(name="to_integer", namespace="str", dtype=_asked(True, True), text="measure", overflow=_no_integer, failure=NO_VALUE)(
    _unsigned
)
scalar(name="to_integer", namespace="str", dtype=_asked(False, True), text="measure", null="partial")(_unsigned_or_null)


# -- strings to floats ------------------------------------------------------------------------------------------------
def _to_float(strict: bool) -> Any:
    """Bits of the float, and whether text that is none is refused."""
    return lambda source, target: (target.bits, strict) if source == STRING and target.is_float else None


@scalar(name="cast", dtype=cast_rule(_to_float(True), True), host="string_to_float", failure=NO_VALUE)
def _cast_float(s: Any, bits: Any, strict: Any) -> Any: ...


@scalar(name="cast", dtype=cast_rule(_to_float(False), False), host="string_to_float", null="partial")
def _cast_float_or_null(s: Any, bits: Any, strict: Any) -> Any: ...


# -- strings to truth values ------------------------------------------------------------------------------------------
def _to_truth(source: DType, target: DType) -> tuple[int, ...] | None:
    return () if source == STRING and target.kind == "bool" else None


def _no_truth(s: Any, s0: Any, s1: Any) -> Any:
    true = after_word(s, s0, s1, _TRUE) == s1 or after_word(s, s0, s1, _YES) == s1 or after_word(s, s0, s1, _T) == s1
    false = after_word(s, s0, s1, _FALSE) == s1 or after_word(s, s0, s1, _NO) == s1 or after_word(s, s0, s1, _F) == s1
    true = true or after_word(s, s0, s1, _Y) == s1 or after_word(s, s0, s1, _ONE) == s1
    return not (true or false or after_word(s, s0, s1, _N) == s1 or after_word(s, s0, s1, _ZERO) == s1)


@scalar(name="cast", dtype=cast_rule(_to_truth, True), text="measure", overflow=_no_truth, failure=NO_VALUE)
def _cast_truth(s: Any, s0: Any, s1: Any) -> Any:
    true = after_word(s, s0, s1, _TRUE) == s1 or after_word(s, s0, s1, _YES) == s1 or after_word(s, s0, s1, _T) == s1
    return true or after_word(s, s0, s1, _Y) == s1 or after_word(s, s0, s1, _ONE) == s1


@scalar(name="cast", dtype=cast_rule(_to_truth, False), text="measure", null="partial")
def _cast_truth_or_null(s: Any, s0: Any, s1: Any) -> Any:
    true = after_word(s, s0, s1, _TRUE) == s1 or after_word(s, s0, s1, _YES) == s1 or after_word(s, s0, s1, _T) == s1
    false = after_word(s, s0, s1, _FALSE) == s1 or after_word(s, s0, s1, _NO) == s1 or after_word(s, s0, s1, _F) == s1
    true = true or after_word(s, s0, s1, _Y) == s1 or after_word(s, s0, s1, _ONE) == s1
    return true, true or false or after_word(s, s0, s1, _N) == s1 or after_word(s, s0, s1, _ZERO) == s1


# -- strings to dates and timestamps ----------------------------------------------------------------------------------
def _to_date(source: DType, target: DType) -> tuple[int, ...] | None:
    return () if source == STRING and target.kind == "date" else None


def _no_date(s: Any, s0: Any, s1: Any) -> Any:
    _days, _second, _nanos, valid = parse_iso(s, s0, s1, False)
    return not valid


@scalar(name="cast", dtype=cast_rule(_to_date, True), text="measure", overflow=_no_date, failure=NO_VALUE)
def _cast_date(s: Any, s0: Any, s1: Any) -> Any:
    days, _second, _nanos, _valid = parse_iso(s, s0, s1, False)
    return days


@scalar(name="cast", dtype=cast_rule(_to_date, False), text="measure", null="partial")
def _cast_date_or_null(s: Any, s0: Any, s1: Any) -> Any:
    days, _second, _nanos, valid = parse_iso(s, s0, s1, False)
    return days, valid


def _to_time(source: DType, target: DType) -> tuple[int, ...] | None:
    """Ticks of a second."""
    return (target.per_second,) if source == STRING and target.kind == "timestamp" and target.zone is None else None


def _no_time(s: Any, s0: Any, s1: Any, per: Any) -> Any:
    days, second, nanos, valid = parse_iso(s, s0, s1, True)
    _ticks, fits = ticks_of_time(days, second, nanos, per)
    return not (valid and fits)


@scalar(name="cast", dtype=cast_rule(_to_time, True), text="measure", overflow=_no_time, failure=NO_VALUE)
def _cast_time(s: Any, s0: Any, s1: Any, per: Any) -> Any:
    days, second, nanos, _valid = parse_iso(s, s0, s1, True)
    ticks, _fits = ticks_of_time(days, second, nanos, per)
    return ticks


@scalar(name="cast", dtype=cast_rule(_to_time, False), text="measure", null="partial")
def _cast_time_or_null(s: Any, s0: Any, s1: Any, per: Any) -> Any:
    days, second, nanos, valid = parse_iso(s, s0, s1, True)
    ticks, fits = ticks_of_time(days, second, nanos, per)
    return ticks, valid and fits
