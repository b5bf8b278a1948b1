"""Holistic aggregations: the values of each group stand sorted beside each other, and a declared body gets this segment."""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.binding import Bindings
from gpuflow_kernels.column import Chunk, Column, limbs
from gpuflow_kernels.declare.scalar import PARTIAL, LookupArray, Overload
from gpuflow_kernels.dtypes import INT64
from gpuflow_kernels.ir.expressions import Agg, Call, Ref
from gpuflow_kernels.ir.pipeline import Pipeline, Write
from gpuflow_kernels.target import Target

from .filtering import write
from .partitioning import key_words_of
from .sorting import order


def aggregate_segments(
    target: Target, keys: tuple[Column, ...], values: tuple[Column, ...], aggs: tuple[tuple[int, Agg], ...], bindings: Bindings
) -> Chunk:
    """Aggregate each group's sorted values.

    Parameters
    ----------
    target : Target
    keys, values : tuple of Column
        Of equal length. Codes of strings must tell their values apart.
    aggs : tuple of (int, Agg)
        Aggregations without slots, each with the number of the column in `values` that it is of.
    bindings : Bindings
        Settings only.

    Returns
    -------
    Chunk
        One row a group: the keys, then the results. Without keys one row, be it of nothing.

    Notes
    -----
    Nulls are left out; NaN is the greatest value. Sorts the rows once for the keys, and once more for each column.
    """
    xp = target.xp
    keys, values = target.moved(keys), target.moved(values)
    rows = len(values[0])
    groups, first = _numbered(target, keys, rows)
    count = len(first) if keys else 1
    columns: list[Column] = []
    arrays: list[Any] = []
    for column in values:
        index = order(target, [Column(INT64, groups), column], (False, False), (False, True)) if rows else groups
        ends = xp.cumsum(xp.bincount(groups, minlength=count)).astype("int64") if rows else xp.zeros(count, dtype="int64")
        begins = xp.concatenate([xp.zeros(1, dtype="int64"), ends[:-1]])
        if column.validity is not None and rows:  # nulls stand last
            ends = begins + xp.bincount(groups[column.validity], minlength=count).astype("int64")
        columns += [Column(INT64, begins), Column(INT64, ends)]
        arrays.append(column.values[index] if rows else xp.zeros(1, dtype=column.values.dtype))
    calls = tuple(_call(agg, place) for place, agg in aggs)
    pipeline = Pipeline((INT64,) * len(columns), (), Write(calls))
    bindings = Bindings(lookups=tuple(arrays), morsel=bindings.morsel, tiny=bindings.tiny, constant_hash=bindings.constant_hash)
    results = write(target, pipeline, Chunk(tuple(columns), count), bindings)
    return Chunk((*(_as_key(k.take(first)) for k in keys), *results.columns), count)


def _call(agg: Agg, place: int) -> Call:
    """The body of an aggregation on the segments of value column `place`, whose begins and ends are input columns."""
    declared = agg.aggregation
    assert declared.segment is not None, declared.name
    overload = Overload(f"the {declared.name}", declared.segment, PARTIAL, _no_rule)
    values = LookupArray(place, agg.args[0].dtype)
    bounds = (Ref(2 * place, INT64), Ref(2 * place + 1, INT64))
    return Call(overload, (*bounds, *agg.parameters), agg.dtype, (*agg.constants, values))


def _no_rule(args: Any, params: Any) -> None:
    """The type rule of an overload that is typed already."""


def _numbered(target: Target, keys: tuple[Column, ...], rows: int) -> tuple[Any, Any]:
    """The number of each row's group, and the first row of each group."""
    xp = target.xp
    if not keys or not rows:
        return xp.zeros(rows, dtype="int64"), xp.zeros(0, dtype="int64")
    words = key_words_of(target, tuple(part for k in keys for part in (limbs(k) if k.dtype.is_wide else (k,))))
    words += [~k.validity for k in keys if k.validity is not None]  # a null's word may be a value's too
    columns = [Column(INT64, w.astype("int64")) for w in words]
    index = order(target, columns, (False,) * len(columns), (False,) * len(columns))
    starts = xp.zeros(rows, dtype=bool)
    starts[0] = True
    for word in words:
        sorted_words = word[index]
        starts[1:] |= sorted_words[1:] != sorted_words[:-1]
    groups = xp.empty(rows, dtype="int64")
    groups[index] = xp.cumsum(starts) - 1
    return groups, index[starts]


def _as_key(column: Column) -> Column:
    """A key as groups have it: one zero."""
    return Column(column.dtype, column.values + 0.0, column.validity) if column.dtype.is_float else column
