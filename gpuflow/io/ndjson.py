"""JSON lines as a source: one object on each line, types found in the first of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pajson
from gpuflow_kernels.dtypes import DType

from .files import File, Paths, failure
from .inference import WHOLE_WITHIN, lenient, with_whole
from .options import ScanOptions
from .text import Opened, TextFormat, TextSource, lines_of, with_compressed

_BLANKS = (b"\n", b"\r", b" ", b"\t")
_BARE_NULL = re.compile(rb"(?:\A(?:\xef\xbb\xbf)?|[\n}])[ \t\r]*null")
"""Where a null may stand in place of an object: pyarrow ends the process over one."""
_DEEPEST = 500
"""Levels that a line may be nested: pyarrow ends the process over some thousands of them."""
_NOWHERE = "\0 no such field"
"""The name of a column that no object has."""
SUFFIXES = with_compressed(".ndjson", ".jsonl", ".json")


@dataclass(frozen=True)
class NdjsonFormat(TextFormat):
    """How JSON lines are read. Picklable."""

    varies: ClassVar[bool] = True

    def infer(self, block: bytes, names: list[str] | None) -> pa.Schema:
        if not block.strip():
            return pa.schema([])
        if self.ignore_errors:
            block = b"\n".join(line for line in block.split(b"\n") if isinstance(_object(line), dict))
        try:
            _refuse_nulls(block)
            _refuse_depths(block)
            return _inferred(block)
        except pa.ArrowInvalid:
            if not self.ignore_errors:
                raise
        return _first_types([found for line in block.split(b"\n") if isinstance(found := _object(line), dict)])

    def usable(self, arrow: pa.DataType) -> pa.DataType:
        # nothing but nulls so far may be followed by anything; JSON has no dates, only strings
        return pa.string() if pa.types.is_null(arrow) or pa.types.is_timestamp(arrow) else arrow

    def table(self, opened: Opened, names: tuple[str, ...], types: Mapping[str, pa.DataType]) -> pa.Table:
        if not names:  # rows are counted as they are read: a line need not be one
            types, names = {_NOWHERE: pa.null()}, (_NOWHERE,)
        schema = pa.schema([(name, _stored(types[name])) for name in names])
        try:
            with opened() as stream:
                table = _read(stream, schema)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            if not self.ignore_errors:
                raise
            with opened() as stream:
                return _readable(stream, {name: types[name] for name in names})
        return pa.table({name: _cast(table.column(name), types[name], self.ignore_errors) for name in names})

    def explain(self, file: File, error: BaseException, types: Mapping[str, pa.DataType], names: Sequence[str]) -> BaseException:
        place = re.search(r"Column\(/(.*?)\)", str(error))
        column = place.group(1) if place and "/" not in place.group(1) else None
        hint = (
            "every line holds one JSON object; give types (schema_overrides={'column': 'string'}), look at more lines "
            "(infer_schema_length=None), or pass ignore_errors=True"
        )
        for number, line in enumerate(self._numbered(file), 1):
            wrong = _wrong(line, {name: types[name] for name in names})
            if wrong is not None:
                return failure(file.path, f"line {number}: {wrong[1]}. {hint}", column=wrong[0] or column)
        return failure(file.path, f"{error}. {hint}", column=column)

    def _numbered(self, file: File) -> Iterator[bytes]:
        with self.opened(file) as stream:
            yield from lines_of(stream)


def _inferred(block: bytes) -> pa.Schema:
    """The types in some lines. Raises what pyarrow raises where they contradict each other."""
    options = pajson.ReadOptions(use_threads=False, block_size=len(block) + 1)

    def table(**explicit: Any) -> pa.Table:
        return pajson.read_json(pa.BufferReader(block), options, pajson.ParseOptions(**explicit))

    def whole(name: str) -> bool:
        objects = (_object(line) for line in block.split(b"\n") if line.strip())
        return all(isinstance(o, dict) and isinstance(o.get(name, 0), int | None) for o in objects)

    found = table()
    schema = with_whole(found, lambda name: table(explicit_schema=pa.schema([(name, pa.uint64())])), whole)
    for k, field in enumerate(schema):
        if pa.types.is_nested(field.type) and _has_float_beyond(found.column(k)):
            objects = (_object(line) for line in block.split(b"\n") if line.strip())
            kinds: dict[tuple[str, ...], set[type]] = {}
            for found_object in objects:
                _kinds_of_numbers(found_object.get(field.name) if isinstance(found_object, dict) else None, (), kinds)
            if any(_Beyond in k and float not in k for k in kinds.values()):
                schema = schema.set(k, field.with_type(WHOLE_WITHIN))
    return schema


def _has_float_beyond(column: pa.ChunkedArray) -> bool:
    """Whether lists or structs hold a float as large as whole numbers beyond int64 are."""
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
    """The kind of whole numbers beyond int64."""


def _kinds_of_numbers(value: Any, path: tuple[str, ...], found: dict[tuple[str, ...], set[type]]) -> None:
    """Adds for each place in lists and objects which kinds of numbers stand there."""
    if isinstance(value, dict):
        for name, inner in value.items():
            _kinds_of_numbers(inner, (*path, name), found)
    elif isinstance(value, list):
        for inner in value:
            _kinds_of_numbers(inner, (*path, "[]"), found)
    elif isinstance(value, int | float):
        beyond = isinstance(value, int) and not -(2**63) <= value < 2**63
        found.setdefault(path, set()).add(_Beyond if beyond else type(value))


def _first_types(objects: list[dict[str, Any]]) -> pa.Schema:
    """For each column the type of those of its values that are of the kind of the first, or else of that one alone."""
    fields = []
    for name in dict.fromkeys(name for found in objects for name in found):
        values = [found[name] for found in objects if found.get(name) is not None]
        alike = [value for value in values if _kind(value) is _kind(values[0])]
        kind = pa.null()
        for some in (alike, alike[:1]):
            try:
                kind = _inferred(b"\n".join(json.dumps({"": value}).encode() for value in some)).field(0).type if some else kind
                break
            except pa.ArrowInvalid:  # lists of this and lists of that
                continue
        fields.append(pa.field(name, kind))
    return pa.schema(fields)


def _kind(value: Any) -> type:
    return float if type(value) is int else type(value)


def _read(stream: Any, schema: pa.Schema) -> pa.Table:
    """Columns of a stream of text, which may be empty.

    Raises
    ------
    pyarrow.ArrowInvalid
        Where text is no JSON, and where lines are not one object each, of which the reader makes nothing.
    """
    text = stream.read()
    if not text or text.isspace():
        return schema.empty_table()
    _refuse_nulls(text)
    table = _table(text, schema)
    if table.num_rows != _lines(text):
        raise pa.ArrowInvalid(f"it holds {table.num_rows} objects on {_lines(text)} lines")
    return table


def _refuse_nulls(text: bytes) -> None:
    """Raise `pyarrow.ArrowInvalid` where a line holds a null instead of an object."""
    for found in _BARE_NULL.finditer(text):  # in a string, too, there may be such characters
        start = text.rfind(b"\n", 0, found.end()) + 1
        end = text.find(b"\n", start)
        line = text[start:] if end < 0 else text[start:end]
        if isinstance(wrong := _object(line), str):
            raise pa.ArrowInvalid(wrong)


def _refuse_depths(text: bytes) -> None:
    """Raise `pyarrow.ArrowInvalid` where a line is nested too deep to look for types in it."""
    for line in text.split(b"\n"):
        if _brackets(line) > _DEEPEST and isinstance(wrong := _object(line), str):
            raise pa.ArrowInvalid(wrong)


def _brackets(line: bytes) -> int:
    return line.count(b"[") + line.count(b"{")


def _depth(value: Any) -> int:
    level, depth = [value], 0
    while level := [v for x in level for v in (x.values() if isinstance(x, dict) else x if isinstance(x, list) else ())]:
        depth += 1
    return depth


def _lines(text: bytes) -> int:
    """Lines that are not blank."""
    if text[:1].isspace() or any(b"\n" + blank in text for blank in _BLANKS):
        return sum(1 for line in text.split(b"\n") if line.strip())
    return text.count(b"\n") + (not text.endswith(b"\n"))


def _table(text: bytes, schema: pa.Schema) -> pa.Table:
    parse = pajson.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    block = 1 << 20
    while True:
        try:
            return pajson.read_json(pa.BufferReader(text), pajson.ReadOptions(block_size=block), parse)
        except pa.ArrowInvalid as e:  # an object must fit into a block
            if "straddling" not in str(e) or block > len(text):
                raise
            block = min(block * 16, (1 << 31) - 1)


def _stored(arrow: pa.DataType) -> pa.DataType:
    """What is read for a type that JSON has no form for."""
    if pa.types.is_date(arrow):
        return pa.string()
    return pa.int64() if pa.types.is_duration(arrow) else arrow


def _cast(data: pa.ChunkedArray, arrow: pa.DataType, forgiving: bool) -> pa.ChunkedArray:
    if data.type == arrow:
        return data
    return lenient(data, arrow) if forgiving and pa.types.is_string(data.type) else data.cast(arrow)


def _object(line: bytes) -> Any:
    """The object on a line; what is wrong with it, as a string, where there is none."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as e:
        return f"it is no JSON: {e}"
    if not isinstance(value, dict):
        return f"it holds a {type(value).__name__}, no object" if value is not None else "it holds null, no object"
    if _brackets(line) > _DEEPEST and _depth(value) > _DEEPEST:
        return f"it is nested more than {_DEEPEST} levels deep"
    return value


_SHAPES: tuple[tuple[Any, tuple[type, ...]], ...] = (
    (pa.types.is_boolean, (bool,)),
    (pa.types.is_integer, (int,)),
    (pa.types.is_floating, (int, float)),
    (pa.types.is_decimal, (int, float, str)),
    (pa.types.is_duration, (int,)),
    (pa.types.is_list, (list,)),
    (pa.types.is_struct, (dict,)),
)


def _fits(value: Any, arrow: pa.DataType) -> bool:
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


def _wrong(line: bytes, types: Mapping[str, pa.DataType]) -> tuple[str | None, str] | None:
    """What is wrong with a line: a column where it is a value, and why."""
    if not line.strip():
        return None
    value = _object(line)
    if isinstance(value, str):
        return None, value
    for name, arrow in types.items():
        if name in value and not _fits(value[name], arrow):
            return name, f"{value[name]!r} is no {arrow}"
    return None


def _readable(stream: Any, types: Mapping[str, pa.DataType]) -> pa.Table:
    """What can be read: lines that are no objects are left out, values that do not fit are null."""
    columns: dict[str, list[Any]] = {name: [] for name in types}
    for line in lines_of(stream):
        value = _object(line) if line.strip() else ""
        if isinstance(value, dict):
            for name, arrow in types.items():
                found = value.get(name)
                columns[name].append(found if _fits(found, arrow) else None)
    made = {}
    for name, arrow in types.items():
        texts = [v for v in columns[name] if isinstance(v, str)]
        data = pa.array(columns[name], pa.string() if texts and not pa.types.is_string(arrow) else arrow)
        made[name] = pc.cast(data, arrow)
    return pa.table(made)


class NdjsonSource(TextSource):
    """Files of JSON lines. See `gpuflow.io.scan_ndjson`."""

    def __init__(
        self,
        paths: Paths,
        options: ScanOptions | None = None,
        *,
        schema_overrides: Mapping[str, DType | str] | None = None,
        infer_schema_length: int | None = 10_000,
        ignore_errors: bool = False,
    ) -> None:
        super().__init__(
            paths,
            NdjsonFormat(ignore_errors=ignore_errors),
            options or ScanOptions(),
            suffixes=SUFFIXES,
            what="NDJSON",
            sample=infer_schema_length,
            overrides=schema_overrides,
        )
