"""`cast` between all types: lenient casts against Polars, strict ones raising where lenient ones give null."""

from __future__ import annotations

from typing import Any

import pytest
from gpuflow_kernels.declare.scalar import SCALARS
from gpuflow_kernels.dtypes import ALL, BOOL, BY_NAME, INT8, NULL, STRING, DType
from gpuflow_kernels.errors import ArithmeticOverflowError
from gpuflow_kernels.ir.expressions import Const

from tests.oracle import call

from .values import NULLS, columns, physical, polars_type, ref, same_value, series, value_of

TYPES = tuple(d for d in ALL if d.unit != "s" and not d.is_decimal)
"""Polars has no unit of seconds; decimals are cast as in DuckDB (tests/frame/test_decimals.py)."""


def castable(source: DType, target: DType) -> bool:
    """Fewer pairs than Polars has: a truth value is no moment, a date is no length, and a length has no text."""
    if source == target:
        return True
    if STRING in (source, target):
        return "duration" not in (source.kind, target.kind)
    if source.is_temporal and target.is_temporal:
        return (source.kind == "duration") == (target.kind == "duration")
    return not (BOOL in (source, target) and (source.is_temporal or target.is_temporal))


PAIRS = [(s, t) for s in TYPES for t in TYPES if s != t and castable(s, t)]


@pytest.mark.parametrize("nulls", NULLS)
@pytest.mark.parametrize("source", [s for s in TYPES if s != STRING], ids=str)
def test_lenient_cast_is_that_of_polars_and_strict_raises_instead_of_null(source: DType, nulls: str) -> None:
    (data,) = columns((str(source),), nulls)
    column = series(data, source)
    for _, target in (p for p in PAIRS if p[0] == source):
        lenient = call("cast", ref(0, source), to=target, strict=False)
        strict = call("cast", ref(0, source), to=target, strict=True)
        assert lenient.dtype == strict.dtype == target
        expected = physical(column.cast(polars_type(target), strict=False))
        for value, theirs in zip(data, expected, strict=True):
            ours = value_of(lenient, (value,))
            assert same_value(ours, theirs, target), (source, target, value, ours, theirs)
            if value is not None and theirs is None:
                with pytest.raises(ArithmeticOverflowError, match="cast does not fit"):
                    value_of(strict, (value,))
            else:
                assert same_value(value_of(strict, (value,)), ours, target)


def test_pairs_that_are_no_casts_are_refused() -> None:
    for source in TYPES:
        for target in TYPES:
            found = SCALARS["cast"].resolve((source,), {"to": target})
            assert (found is not None) == castable(source, target), (source, target)


@pytest.mark.parametrize("target", ALL, ids=str)
def test_null_literal_becomes_null_of_any_type(target: DType) -> None:
    tree = call("cast", Const(None, NULL), to=target)
    assert tree.dtype == target
    assert value_of(tree, ()) is None


def test_seconds() -> None:
    seconds, millis = BY_NAME["timestamp[s]"], BY_NAME["timestamp[ms]"]
    assert value_of(call("cast", ref(0, seconds), to=millis), (-5,)) == -5000
    assert value_of(call("cast", ref(0, millis), to=seconds), (-1,)) == -1
    assert value_of(call("cast", ref(0, "duration[ms]"), to=BY_NAME["duration[s]"]), (-1,)) == 0
    with pytest.raises(ArithmeticOverflowError):
        value_of(call("cast", ref(0, seconds), to=BY_NAME["timestamp[ns]"]), (2**62,))


@pytest.mark.parametrize("wrong", ["int8", None, NULL])
def test_what_is_no_type_is_named(wrong: Any) -> None:
    with pytest.raises(ValueError, match="takes a type"):
        SCALARS["cast"].resolve((INT8,), {"to": wrong})
