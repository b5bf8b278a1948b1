"""Sort rows: convert columns to unsigned keys of the requested order, then sort row numbers stably."""

from __future__ import annotations

from typing import Any

import numpy as np
from gpuflow_kernels.column import Column, limbs
from gpuflow_kernels.target import Target


def float_bits(target: Target, values: Any) -> Any:
    """Convert floats to int64 words that are equal where the values are: one for all NaN, one for both zeros."""
    with np.errstate(invalid="ignore"):  # there may be signalling NaN, above all under nulls
        real = values.astype("float64") + 0.0  # -0.0 + 0.0 is 0.0
    real[target.xp.isnan(real)] = target.xp.nan
    return real.view("int64")


def sort_key(target: Target, column: Column, descending: bool, nulls_last: bool) -> tuple[Any, Any]:
    """Return (null rank, unsigned key) arrays of a sort column; the null rank is None without nulls.

    Floats sort as -inf … inf, NaN; -0.0 equals 0.0. String columns must hold ranks (codes of a sorted dictionary).
    """
    xp = target.xp
    values = target.asarray(column.values)
    if column.dtype.is_float:
        bits = float_bits(target, values)
        key = xp.where(bits < 0, ~bits, bits ^ np.int64(-(1 << 63))).view("uint64")
    elif values.dtype == np.dtype("uint64"):
        key = values
    else:
        key = values.astype("int64").view("uint64") ^ np.uint64(1 << 63)
    if descending:
        key = ~key
    if column.validity is None:
        return None, key
    valid = target.asarray(column.validity)
    key = xp.where(valid, key, np.uint64(0))
    return (~valid if nulls_last else valid).astype("uint8"), key


def narrowed(target: Target, key: Any) -> Any:
    """Reduce a key to the fewest bits that its range needs (NumPy sorts up to 16 bits by radix)."""
    if len(key) == 0:
        return key
    low, high = key.min(), key.max()
    spread = int(high) - int(low)
    kind = "uint8" if spread < 1 << 8 else "uint16" if spread < 1 << 16 else "uint32" if spread < 1 << 32 else "uint64"
    return (key - low).astype(kind)


Order = tuple[list[Column], tuple[bool, ...], tuple[bool, ...]]


def _in_limbs(columns: list[Column], descending: tuple[bool, ...], nulls_last: tuple[bool, ...]) -> Order:
    """Expand the columns of a sort: wide decimals become two columns of limbs."""
    expanded = [
        (part, down, last)
        for column, down, last in zip(columns, descending, nulls_last, strict=True)
        for part in (limbs(column) if column.dtype.is_wide else (column,))
    ]
    return [c for c, _, _ in expanded], tuple(d for _, d, _ in expanded), tuple(n for _, _, n in expanded)


def order(target: Target, columns: list[Column], descending: tuple[bool, ...], nulls_last: tuple[bool, ...]) -> Any:
    """Return row numbers (int64) in sorted order, stable."""
    xp = target.xp
    keys: list[Any] = []
    for column, down, last in zip(*_in_limbs(columns, descending, nulls_last), strict=True):
        null_rank, key = sort_key(target, column, down, last)
        if null_rank is not None:
            keys.append(null_rank)
        keys.append(narrowed(target, key))
    index = xp.argsort(keys[-1], kind="stable")
    for key in reversed(keys[:-1]):  # least significant first: stable sorts compose
        index = index[xp.argsort(key[index], kind="stable")]
    return index.astype("int64", copy=False)


def top(target: Target, columns: list[Column], descending: tuple[bool, ...], nulls_last: tuple[bool, ...], count: int) -> Any:
    """Return the first `count` row numbers of `order`, without sorting all rows if the first key selects few of them."""
    xp = target.xp
    rows = len(columns[0])
    columns, descending, nulls_last = _in_limbs(columns, descending, nulls_last)
    if count >= rows or rows < 4096:
        return order(target, columns, descending, nulls_last)[:count]
    null_rank, key = sort_key(target, columns[0], descending[0], nulls_last[0])
    if null_rank is not None:
        # (rank, key) as one unsigned word would need 65 bits: select by rank first
        first = int((null_rank == 0).sum())
        chosen = xp.flatnonzero(null_rank == 0) if first >= count else xp.arange(rows)
        if first < count:
            return order(target, columns, descending, nulls_last)[:count]
    else:
        chosen = xp.arange(rows)
    if count == 0:
        return chosen[:0].astype("int64")
    bound = xp.partition(key[chosen], count - 1)[count - 1]
    chosen = chosen[key[chosen] <= bound]  # every row that can be among the first, ties included
    part = order(target, [c.take(chosen) for c in columns], descending, nulls_last)[:count]
    return chosen[part].astype("int64", copy=False)
