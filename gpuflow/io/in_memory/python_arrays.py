"""Convert lists of Python values, and of objects of other libraries, to Arrow arrays without loss.

Arrow converts plain values itself, but treats a subclass as its base class: a datetime beside dates loses its time of day,
pandas' Timestamp its nanoseconds, and a datetime without zone beside those with one becomes UTC. Lists with dates and times are
converted here.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa
from gpuflow_kernels.dtypes import DATE, NULL, DType, common

from gpuflow.arrow.schema import arrow_type
from gpuflow.errors import TypeMismatchError
from gpuflow.expr.literals import convert as converted
from gpuflow.expr.scalars import Physical, is_missing, physical

_PLAIN = {type(None), bool, int, float, str, bytes, bytearray, Decimal}
_TEMPORAL = (dt.date, dt.timedelta, np.datetime64, np.timedelta64)
_NESTED = (list, tuple, dict, np.ndarray)


def array_of(values: Any, dtype: DType | None = None, *, nan_is_null: bool = False) -> pa.Array:
    """Convert a list to an Arrow array, of `dtype` or of the type that its values have in common.

    Integers of which some are beyond int64 become uint64.

    Parameters
    ----------
    values : list, or what Arrow takes in its place
    dtype : DType, optional
    nan_is_null : bool
        Take NaN for null, as pandas does among objects.

    Raises
    ------
    TypeMismatchError
        Naming the row whose value does not fit the others, or not `dtype`.
    """
    values = _list_of(values)
    if isinstance(values, list):
        kinds = set(map(type, values))
        if not all(_is_plain(kind) for kind in kinds):
            values = [_unwrapped(v, nan_is_null) for v in values]
            kinds = set(map(type, values)) - {type(None)}
            if any(issubclass(kind, _NESTED) for kind in kinds):
                _refuse_cut(values)
            elif (any(map(_is_temporal, kinds)) and not _all_arrow(kinds)) or (dtype and dtype.is_temporal):
                return _temporal(values, kinds, dtype)
    arrow = None if dtype is None else arrow_type(dtype)
    try:
        return pa.array(values, arrow, from_pandas=nan_is_null)
    except OverflowError:
        if arrow is not None:
            raise
        return pa.array(values, pa.uint64(), from_pandas=nan_is_null)


def _list_of(values: Any) -> Any:
    if isinstance(values, np.ndarray):
        return values.tolist() if values.dtype == object and values.ndim == 1 else values
    if isinstance(values, (str, bytes, Mapping, list)) or not isinstance(values, Iterable) or hasattr(values, "dtype"):
        return values
    return list(values)


def _is_plain(kind: type) -> bool:
    return kind in _PLAIN or (issubclass(kind, np.generic) and not issubclass(kind, _TEMPORAL))


def _is_temporal(kind: type) -> bool:
    return issubclass(kind, _TEMPORAL) or (_all_arrow({kind}) and kind.__name__[:4] in ("Time", "Date", "Dura"))


def _all_arrow(kinds: set[type]) -> bool:
    return all(issubclass(kind, pa.Scalar) for kind in kinds)


def _unwrapped(value: Any, nan_is_null: bool) -> Any:
    """Unwrap a value: missing values become None, a member of an enum its value, an array without dimensions its element."""
    if is_missing(value) or (nan_is_null and isinstance(value, float) and value != value):
        return None
    if isinstance(value, enum.Enum):
        return value.value
    return value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value


def _temporal(values: list[Any], kinds: set[type], dtype: DType | None) -> pa.Array:
    """Convert dates, times and durations; those of one class of the standard library by Arrow, where it loses nothing."""
    if len(kinds) == 1 and kinds <= {dt.date, dt.timedelta, dt.datetime}:
        plain = _of_one_kind(values, kinds.copy().pop(), dtype)
        if plain is not None:
            return plain
    physicals = []
    for row, value in enumerate(values):
        try:
            physicals.append(physical(value))
        except TypeMismatchError as e:
            raise TypeMismatchError(f"row {row}: {e}") from None
    target = dtype or _meeting(values, physicals)
    stored = [_stored(*physicals[row][:2], target, row, values[row]) for row in range(len(physicals))]
    if target == NULL:
        return pa.nulls(len(stored))
    return pa.array(stored, pa.int32() if target == DATE else pa.int64()).view(arrow_type(target))


def _of_one_kind(values: list[Any], kind: type, dtype: DType | None) -> pa.Array | None:
    """Convert values of one class by Arrow; return None where it would lose something."""
    if kind is dt.datetime:
        zoned = {v.tzinfo is not None for v in values if v is not None}
        if len(zoned) > 1 or (dtype is not None and (dtype.kind != "timestamp" or zoned != {dtype.zone is not None})):
            return None
        if dtype is not None:
            exact = pa.array(values, pa.timestamp("us", dtype.zone))
            try:
                return exact.cast(arrow_type(dtype))
            except pa.ArrowInvalid:
                return None
    elif dtype is not None and not (kind is dt.date and dtype == DATE):
        return None
    return pa.array(values)


def _meeting(values: list[Any], physicals: list[Physical]) -> DType:
    """Return the type that holds all values; raise for dates beside timestamps, and for a zone in only some of them."""
    kinds = {row: kind for row, (_, kind, _) in enumerate(physicals) if kind != NULL}
    first, own = next(iter(kinds.items()), (0, NULL))
    for row, kind in kinds.items():
        if kind.kind != own.kind or (kind.zone is None) != (own.zone is None):
            raise TypeMismatchError(f"row {row} is {values[row]!r:.60}, a {kind}, and row {first} {values[first]!r:.60}, a {own}")
    return reduce(lambda a, b: common(a, b) or a, kinds.values(), NULL)


def _stored(value: Any, kind: DType, target: DType, row: int, given: Any) -> int | None:
    if value is None:
        return None
    same = {kind.kind, target.kind} <= {"date", "timestamp"} or kind.kind == target.kind == "duration"
    result = converted(value, kind, target) if same else None
    if result is None:
        raise TypeMismatchError(f"row {row}: {given!r:.60} is no {target} value; nothing is cut off or given a zone silently")
    return int(result)


def _refuse_cut(values: Iterable[Any]) -> None:
    """Raise for nanoseconds in times and durations inside of lists and mappings, where Arrow would cut them off."""
    for value in values:
        if isinstance(value, dict):
            _refuse_cut(value.values())
        elif isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.dtype == object):
            _refuse_cut(value)
        elif isinstance(value, (dt.datetime, dt.timedelta)) and not is_missing(value) and physical(value)[1].unit == "ns":
            raise TypeMismatchError(
                f"{value!r} stands in a list or mapping and has nanoseconds; build an Arrow array of its type"
            )
