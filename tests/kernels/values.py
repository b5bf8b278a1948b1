"""Hostile values of every type, null patterns, and the way to Polars and back: what the tests of functions share."""

from __future__ import annotations

import itertools
import math
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
from gpuflow_kernels.dtypes import BY_NAME, DType
from gpuflow_kernels.ir.expressions import Ref, Row

from tests.oracle import evaluate

NULLS = ("none", "some", "all", "empty")

_INTEGERS = [0, 1, -1, 2, 3, -3, 7, -7, 10, 63, 100, -128, 127, 255, 65_536, 2**31 - 1, -(2**31), 2**32, 3_037_000_500]
_WIDE = [2**53 + 1, 2**62, -(2**62), 2**63 - 1, -(2**63), 2**63, 2**64 - 1]
_FLOATS = [0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 2.5, -2.5, 0.1, 0.3, 7.0, -7.0, 123.456, 1e17, 1e300, -1e300, 1e-320, math.nan,
           math.inf, -math.inf, 2.0**63, -(2.0**63), 127.9, -128.9, 255.5, -0.9, 2.0**31]  # fmt: skip
_DAYS = [0, -1, 1, 30, 58, 59, 60, 365, -365, 11_016, 11_015, 18_292, 18_321, -25_509, 20_000, 73_049, 10_957, 18_262, 16_800]
_MICROS = [0, 1, -1, 999_999, 86_399_999_999, -86_400_000_001, 43_200_123_456, 5_000_000, 3_600_000_000]


def domain(dtype: DType) -> list[Any]:
    """Physical values of a type, its extremes among them (temporal ones within years that all units can hold)."""
    if dtype.is_integer:
        low, high = dtype.bounds
        return [v for v in _INTEGERS + _WIDE if low <= v <= high]
    if dtype.is_float:
        with np.errstate(all="ignore"):
            return _FLOATS if dtype.bits == 64 else [float(np.float32(v)) for v in _FLOATS]
    if dtype.is_decimal:
        edges = [10**17, 5 * 10 ** (dtype.precision - 1), *dtype.bounds]
        return [0, 1, -1, 5, -5, 50, -50, 99, 150, 250, -250, 12_345, -(10**9), *(v for v in edges if v <= dtype.bounds[1])]
    if dtype.kind == "bool":
        return [True, False]
    if dtype.kind == "date":
        return _DAYS
    if dtype.kind == "string":
        return ["", "a", "ab", "b", "Ä", "é", "zz"]
    per = dtype.per_second
    if dtype.kind == "timestamp":
        return [d * 86_400 * per + m * per // 1_000_000 for d, m in zip(_DAYS, itertools.cycle(_MICROS))]
    return [m * per // 1_000_000 for m in _MICROS] + [d * 86_400 * per for d in _DAYS[:6]]


def columns(types: tuple[str, ...], nulls: str, values: tuple[list[Any] | None, ...] = ()) -> list[list[Any]]:
    """All combinations of the types' values (or of the `values` given instead), as columns; None is null."""
    own = [v if v is not None else domain(BY_NAME[t]) for t, v in itertools.zip_longest(types, values)]
    rows = [list(r) for r in itertools.product(*own)] if nulls != "empty" else []
    for number, row in enumerate(rows):
        for k in range(len(row)):
            if nulls == "all" or (nulls == "some" and (number + k) % (3 + k) == 0):
                row[k] = None
    return [[r[k] for r in rows] for k in range(len(types))]


def polars_type(dtype: DType) -> Any:
    """The Polars type of the same meaning."""
    simple = {"bool": pl.Boolean, "date": pl.Date, "string": pl.String}
    if dtype.kind in simple:
        return simple[dtype.kind]
    if dtype.is_decimal:
        return pl.Decimal(dtype.precision, dtype.scale)
    if dtype.kind == "timestamp":
        return pl.Datetime(dtype.unit)  # type: ignore[arg-type]
    if dtype.kind == "duration":
        return pl.Duration(dtype.unit)  # type: ignore[arg-type]
    return getattr(pl, str(dtype).capitalize().replace("Uint", "UInt"))


def series(values: list[Any], dtype: DType) -> pl.Series:
    """Physical values as a Polars column."""
    if dtype.is_decimal:
        values = [None if v is None else Decimal(v).scaleb(-dtype.scale) for v in values]
        return pl.Series(values, dtype=polars_type(dtype))
    physical = {"date": pl.Int32, "timestamp": pl.Int64, "duration": pl.Int64}.get(dtype.kind, polars_type(dtype))
    return pl.Series(values, dtype=physical).cast(polars_type(dtype))


def physical(result: pl.Series) -> list[Any]:
    """A Polars column as physical values."""
    return result.to_physical().to_list()


def same_value(ours: Any, theirs: Any, dtype: DType) -> bool:
    """Equal, NaN being equal to NaN; floats within the last bits."""
    if ours is None or theirs is None:
        return ours is theirs
    if isinstance(ours, tuple):  # the halves of a wide value
        ours = (int(ours[0]) << 64) + int(ours[1])
    if isinstance(theirs, tuple):
        theirs = (int(theirs[0]) << 64) + int(theirs[1])
    if not dtype.is_float:
        return bool(ours == theirs)
    a, b = float(ours), float(theirs)
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return a == b or math.isclose(a, b, rel_tol=1e-12 if dtype.bits == 64 else 3e-6, abs_tol=1e-300)


def ref(position: int, dtype: DType | str) -> Ref:
    """The column at `position`."""
    return Ref(position, BY_NAME[dtype] if isinstance(dtype, str) else dtype)


def env(row: tuple[Any, ...]) -> dict[str | int, tuple[Any, bool]]:
    """A row of columns by position, None being null."""
    return {k: (v, v is not None) for k, v in enumerate(row)}


def value_of(tree: Row, row: tuple[Any, ...]) -> Any:
    """What the row interpreter gives, None for null."""
    value, valid = evaluate(tree, env(row))
    return value if valid else None
