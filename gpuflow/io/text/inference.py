"""Infer types of text: integers beyond 64 bits, the common type of several blocks, and casts that make misfits null."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
from gpuflow_kernels import dtypes as t

from gpuflow.arrow.schema import arrow_type, dtype_of

WHOLE = pa.decimal128(38, 0)
"""Marks columns of integers that neither int64 nor uint64 holds; readers of text infer no decimals themselves."""

WHOLE_WITHIN = pa.month_day_nano_interval()
"""Marks such integers within lists or structs: no column has this type, so the column is left out."""


def with_whole(table: pa.Table, again: Callable[[str], pa.Table], whole: Callable[[str], bool]) -> pa.Schema:
    """Correct the types of integers beyond int64, which pyarrow reads from text as floats.

    A column becomes uint64 if that holds all its values, `WHOLE` if neither 64-bit type does. ``again(name)`` reads a column as
    unsigned, and raises where it cannot; ``whole(name)`` returns whether all of its numbers are integers."""
    fields, times = list(table.schema), Counter(table.schema.names)
    for k, field in enumerate(fields):
        if not pa.types.is_float64(field.type) or times[field.name] > 1:
            continue
        bounds = pc.min_max(table.column(k)).as_py()
        if bounds["max"] is None or max(-bounds["min"], bounds["max"]) < 2.0**63:
            continue
        if 0 <= bounds["min"] and bounds["max"] <= 2.0**64:
            try:
                again(field.name)
            except pa.ArrowException:
                pass
            else:
                fields[k] = field.with_type(pa.uint64())
                continue
        if whole(field.name):
            fields[k] = field.with_type(WHOLE)
    return pa.schema(fields)


def widened(a: pa.Schema, b: pa.Schema) -> pa.Schema:
    """Merge two schemas: a column in both gets a type that holds the values of both."""
    others = {field.name: field for field in b}
    fields = [_wider(field, others.pop(field.name)) if field.name in others else field for field in a]
    return pa.schema([*fields, *others.values()])


def _wider(a: pa.Field, b: pa.Field) -> pa.Field:
    if a.type == b.type or pa.types.is_null(b.type):
        return a
    if WHOLE_WITHIN in (a.type, b.type):
        return a.with_type(WHOLE_WITHIN)
    if pa.types.is_null(a.type):
        return b
    if pa.types.is_nested(a.type) and pa.types.is_nested(b.type):
        try:
            return pa.unify_schemas([pa.schema([a]), pa.schema([b])], promote_options="permissive").field(0)
        except pa.ArrowException:
            return a.with_type(pa.string())
    x, y = dtype_of(a.type), dtype_of(b.type)
    both = t.common(x, y) if x and y else None
    return a.with_type(arrow_type(both) if both and both != t.STRING else pa.string())


def lenient(texts: pa.ChunkedArray, arrow: pa.DataType) -> pa.ChunkedArray:
    """Cast strings to another type; null where a text does not fit."""
    if pa.types.is_string(arrow):
        return texts
    trimmed = pc.utf8_trim_whitespace(texts)

    def cast(part: pa.ChunkedArray) -> list[pa.Array]:
        try:
            return list(part.cast(arrow).chunks)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            if len(part) == 1:
                return [pa.nulls(1, arrow)]
            half = len(part) // 2
            return cast(part.slice(0, half)) + cast(part.slice(half))

    return pa.chunked_array(cast(trimmed), arrow) if len(trimmed) else pa.chunked_array([], arrow)
