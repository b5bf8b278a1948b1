"""Compare two tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from gpuflow_kernels.column import Column, limbs

from . import convert
from .dictionaries import unify
from .passthrough import exactly

Array = np.ndarray[Any, Any]


def equal_columns(columns: list[tuple[Column, Column]], *, ordered: bool, tolerance: float) -> bool:
    """Return whether pairs of columns of equal type and length hold the same values; see `gpuflow.Table.equals`."""
    pairs = [_comparable(a, b) for pair in columns for a, b in _in_limbs(*pair)]
    if not ordered and pairs:
        one, two = _order([a for a, _ in pairs]), _order([b for _, b in pairs])
        pairs = [((a[one], v[one]), (b[two], w[two])) for (a, v), (b, w) in pairs]
    return all(_equal(*a, *b, tolerance) for a, b in pairs)


def _in_limbs(a: Column, b: Column) -> list[tuple[Column, Column]]:
    """Split wide decimals into two columns of limbs; other pairs stay as they are."""
    if not a.dtype.is_wide:
        return [(a, b)]
    return list(zip(limbs(convert.to_host(a)), limbs(convert.to_host(b)), strict=True))


def _comparable(a: Column, b: Column) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Return values and validity of both: strings (and the texts of opaque values) as codes of one dictionary, nulls as zeros."""
    a, b = convert.to_host(a), convert.to_host(b)
    x, y = a.values, b.values
    if a.dtype.kind == "opaque":
        a, b = _shown(a), _shown(b)
        x, y = a.values, b.values
    if a.dtype.is_coded:
        _, (one, two), _ = unify([a.dictionary, b.dictionary])
        x, y = (one[x] if len(one) else x), (two[y] if len(two) else y)
    valid = [np.ones(len(c), np.bool_) if c.validity is None else c.validity for c in (a, b)]
    zero = x.dtype.type(0)
    return (np.where(valid[0], x, zero), valid[0]), (np.where(valid[1], y, zero), valid[1])


def _shown(column: Column) -> Column:
    """Convert an opaque column to strings that are equal where its values are."""
    texts = exactly(convert.to_arrow(column))
    return convert.from_arrow(pa.array(texts, pa.large_string(), mask=None if column.validity is None else ~column.validity))


def _order(columns: list[tuple[Array, Array]]) -> Array:
    keys: list[Array] = []
    for values, valid in columns:
        with np.errstate(invalid="ignore"):  # a signalling NaN
            keys += [valid, values + values.dtype.type(0) if values.dtype.kind == "f" else values]  # -0.0 + 0.0 is 0.0
    return np.lexsort(keys[::-1])


def _equal(x: Array, v: Array, y: Array, w: Array, tolerance: float) -> bool:
    if not np.array_equal(v, w):
        return False
    if x.dtype.kind != "f":
        return bool(np.array_equal(x, y))
    if not tolerance:
        return bool(np.array_equal(x, y, equal_nan=True))
    with np.errstate(invalid="ignore"):  # inf - inf
        close = np.abs(x - y) <= tolerance * np.maximum(np.abs(x), np.abs(y))
    return bool(np.all(close & np.isfinite(x) & np.isfinite(y) | (x == y) | (np.isnan(x) & np.isnan(y))))
