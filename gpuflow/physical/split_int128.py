"""Decimals of 38 digits as keys of groups and joins, which are words of 64 bits: each is two keys, its halves."""

from __future__ import annotations

from collections.abc import Iterable

from gpuflow_kernels.declare.scalar import SCALARS
from gpuflow_kernels.dtypes import INT64, UINT64, DType
from gpuflow_kernels.functions import builtin  # noqa: F401  (fills the registry)
from gpuflow_kernels.ir.expressions import Call, Ref, Row


def split_int128(keys: Iterable[Row]) -> tuple[Row, ...]:
    """The keys, those of 38 digits as two."""
    found: list[Row] = []
    for key in keys:
        found += [_call("upper_half", (key,)), _call("lower_half", (key,))] if key.dtype.is_wide else [key]
    return tuple(found)


def split_names(name: str, dtype: DType) -> tuple[str, ...]:
    """What the columns are called that `split_int128` makes of a key."""
    return (f"{name}: upper half", f"{name}: lower half") if dtype.is_wide else (name,)


def join_int128(keys: Iterable[tuple[str, DType]]) -> dict[str, Row]:
    """Names and types of keys, over the columns that `split_int128` made of them."""
    columns: dict[str, Row] = {}
    place = 0
    for name, dtype in keys:
        if dtype.is_wide:
            columns[name] = _call("of_halves", (Ref(place, INT64), Ref(place + 1, UINT64)), scale=dtype.scale)
        else:
            columns[name] = Ref(place, dtype)
        place += 2 if dtype.is_wide else 1
    return columns


def _call(name: str, args: tuple[Row, ...], **params: int) -> Row:
    found = SCALARS[name].resolve(tuple(a.dtype for a in args), params)
    assert found is not None, f"{name} takes halves of decimals"
    return Call(found[0], args, found[1].result, found[1].constants)
