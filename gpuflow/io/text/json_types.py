"""Infer the types of JSON columns from lines, and check whether values fit them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pajson

from .inference import WHOLE_WITHIN, with_whole
from .json_text import members, object_on


def types_in(block: bytes) -> pa.Schema:
    """Infer the types in some lines. Raises what pyarrow raises where lines contradict each other."""
    options = pajson.ReadOptions(use_threads=False, block_size=len(block) + 1)

    def table(**explicit: Any) -> pa.Table:
        return pajson.read_json(pa.BufferReader(block), options, pajson.ParseOptions(**explicit))

    def whole(name: str) -> bool:
        objects = (object_on(line) for line in block.split(b"\n") if line.strip())
        return all(isinstance(o, dict) and isinstance(o.get(name, 0), int | None) for o in objects)

    parsed = table()
    schema = with_whole(parsed, lambda name: table(explicit_schema=pa.schema([(name, pa.uint64())])), whole)
    for k, field in enumerate(schema):
        if pa.types.is_nested(field.type) and _has_float_beyond(parsed.column(k)):
            objects = (object_on(line) for line in block.split(b"\n") if line.strip())
            kinds: dict[tuple[str, ...], set[type]] = {}
            for value in objects:
                _kinds_of_numbers(value.get(field.name) if isinstance(value, dict) else None, (), kinds)
            if any(_Beyond in k and float not in k for k in kinds.values()):
                schema = schema.set(k, field.with_type(WHOLE_WITHIN))
    return schema


def mixed_types_in(block: bytes) -> pa.Schema:
    """Infer the types in lines that contradict each other: a column whose values have no common type becomes text.

    Raises
    ------
    ValueError
        Where a line is no object, or a key occurs twice with different values.
    """
    columns: dict[str, list[str]] = {}
    for line in block.split(b"\n"):
        if line.strip():
            if isinstance(wrong := object_on(line), str):
                raise pa.ArrowInvalid(wrong)
            for name, value in dict(members(line.decode())).items():
                columns.setdefault(name, []).append(value)
    fields = []
    for name, values in columns.items():
        try:
            kind = types_in("\n".join(f'{{"":{value}}}' for value in values).encode()).field(0).type
        except pa.ArrowInvalid:
            kind = pa.string()
        fields.append(pa.field(name, kind))
    return pa.schema(fields)


def first_types(objects: list[dict[str, Any]]) -> pa.Schema:
    """Infer each column's type from its values of the same kind as the first, or from the first alone if those differ."""
    fields = []
    for name in dict.fromkeys(name for row in objects for name in row):
        values = [row[name] for row in objects if row.get(name) is not None]
        alike = [value for value in values if _kind(value) is _kind(values[0])]
        kind = pa.null()
        for some in (alike, alike[:1]):
            try:
                kind = types_in(b"\n".join(json.dumps({"": value}).encode() for value in some)).field(0).type if some else kind
                break
            except pa.ArrowInvalid:  # lists of this and lists of that
                continue
        fields.append(pa.field(name, kind))
    return pa.schema(fields)


def _has_float_beyond(column: pa.ChunkedArray) -> bool:
    """Return whether lists or structs hold a float of at least 2**63, which may stand for an integer beyond int64."""
    for chunk in column.chunks:
        arrays = [chunk]
        while arrays:
            array = arrays.pop()
            if pa.types.is_struct(array.type):
                arrays += array.flatten()
            elif pa.types.is_nested(array.type):
                arrays.append(array.flatten())
            elif pa.types.is_float64(array.type):
                if pc.any(pc.greater_equal(pc.abs(array), 2.0**63)).as_py():
                    return True
    return False


class _Beyond:
    """Kind of integers beyond int64."""


def _kinds_of_numbers(value: Any, path: tuple[str, ...], kinds: dict[tuple[str, ...], set[type]]) -> None:
    """Add to `kinds`, for each path in lists and objects, the kinds of numbers that occur there."""
    if isinstance(value, dict):
        for name, inner in value.items():
            _kinds_of_numbers(inner, (*path, name), kinds)
    elif isinstance(value, list):
        for inner in value:
            _kinds_of_numbers(inner, (*path, "[]"), kinds)
    elif isinstance(value, int | float):
        beyond = isinstance(value, int) and not -(2**63) <= value < 2**63
        kinds.setdefault(path, set()).add(_Beyond if beyond else type(value))


def _kind(value: Any) -> type:
    return float if type(value) is int else type(value)


_SHAPES: tuple[tuple[Any, tuple[type, ...]], ...] = (
    (pa.types.is_boolean, (bool,)),
    (pa.types.is_integer, (int,)),
    (pa.types.is_floating, (int, float)),
    (pa.types.is_decimal, (int, float, str)),
    (pa.types.is_duration, (int,)),
    (pa.types.is_list, (list,)),
    (pa.types.is_struct, (dict,)),
)


def fits(value: Any, arrow: pa.DataType) -> bool:
    """Return whether a value can be read as a type."""
    accepted = next((types for test, types in _SHAPES if test(arrow)), (str,))
    if value is None or (isinstance(value, accepted) and (bool in accepted or not isinstance(value, bool))):
        try:
            if pa.types.is_decimal(arrow) and isinstance(value, float):
                value = repr(value)
            (pa.scalar(value).cast(arrow) if isinstance(value, str) else pa.scalar(value, arrow))
        except (pa.ArrowException, OverflowError):
            return False
        return True
    return False


def unknown_key(value: Any, arrow: pa.DataType) -> tuple[str, Any] | None:
    """Find the first key within a value that its type lacks; return its path and its value."""
    if pa.types.is_struct(arrow) and isinstance(value, dict):
        fields = {field.name: field.type for field in arrow}
        for name, inner in value.items():
            if name not in fields:
                return f".{name}", inner
            if (unknown := unknown_key(inner, fields[name])) is not None:
                return f".{name}{unknown[0]}", unknown[1]
    elif pa.types.is_list(arrow) and isinstance(value, list):
        for inner in value:
            if (unknown := unknown_key(inner, arrow.value_type)) is not None:
                return f"[]{unknown[0]}", unknown[1]
    return None


def wrong_value(
    value: Mapping[str, Any], types: Mapping[str, pa.DataType], expected: Sequence[str] | None
) -> tuple[str | None, str] | None:
    """Find what is wrong with an object: the column, and why. Keys that are not `expected` are wrong, if that is given."""

    def unknown(name: str, held: Any) -> tuple[str, str]:
        return name, f"a key {name!r}, with {held!r:.60}, that no line has in which columns were looked for"

    for name in value if expected is not None else ():
        if name not in (expected or ()):
            return unknown(name, value[name])
    for name, arrow in types.items():
        if name not in value:
            continue
        if expected is not None and (inner := unknown_key(value[name], arrow)) is not None:
            return unknown(name + inner[0], inner[1])
        if not pa.types.is_string(arrow) and not fits(value[name], arrow):
            return name, f"{value[name]!r} is no {arrow}"
    return None
