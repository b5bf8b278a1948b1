"""Sources over JSON lines and JSON documents: one object is one row, types are inferred from the first ones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pajson
from gpuflow_kernels.declare.choices import is_one_of
from gpuflow_kernels.dtypes import DType

from gpuflow.errors import TypeMismatchError
from gpuflow.io.datasets.failures import failure
from gpuflow.io.datasets.files import File, Paths
from gpuflow.io.datasets.options import ScanOptions

from .compression import with_compressed
from .inference import lenient
from .json_text import Behind, DocumentRows, count_lines, object_on, refuse_depths, refuse_nulls, rows_of, with_texts
from .json_types import first_types, fits, mixed_types_in, types_in, wrong_value
from .lines import LinesFormat, Opened, all_of, lines_of
from .source import TextSource

_NOWHERE = "\0 no such field"
"""A name that no object has as a key."""
SUFFIXES = with_compressed(".ndjson", ".jsonl", ".json")
DOCUMENTS = with_compressed(".json")
_BLOCK = 1 << 20
"""Bytes parsed at once, at first; increased until every object fits into them."""


@dataclass(frozen=True)
class NdjsonFormat(LinesFormat):
    """How JSON lines are read. Picklable.

    If `columns` is given, a key that is not among them is an error; otherwise it is ignored. In a `document` objects may span
    lines.
    """

    columns: tuple[str, ...] | None = None
    document: bool = False
    extra_columns: str = "raise"

    varies: ClassVar[bool] = True

    @contextmanager
    def opened(self, file: File) -> Iterator[Any]:
        with super().opened(file) as stream:
            start = bytes(stream.read(64))
            while start and not start.strip(b" \t\r\n\xef\xbb\xbf") and (more := stream.read(1 << 16)):
                start += more
            if not self.document and not start.lstrip(b" \t\r\n\xef\xbb\xbf").startswith(b"["):
                if start and getattr(stream, "seekable", bool)():
                    stream.seek(0)
                    yield stream
                else:
                    yield Behind(start, stream)
                return
            text = start + all_of(stream)
            try:
                rows = rows_of(text.decode(), self.document)
            except (ValueError, RecursionError) as e:
                raise failure(file.path, f"it is no JSON: {e}") from e
            yield pa.BufferReader(text) if rows is None else rows

    def infer(self, block: bytes) -> pa.Schema:
        if not block.strip():
            return pa.schema([])
        if self.ignore_errors:
            block = b"\n".join(line for line in block.split(b"\n") if isinstance(object_on(line, True), dict))
        try:
            refuse_nulls(block)
            refuse_depths(block)
            return types_in(block)
        except pa.ArrowInvalid:
            if not self.ignore_errors:
                return mixed_types_in(block)
        lines = (object_on(line, True) for line in block.split(b"\n"))
        return first_types([value for value in lines if isinstance(value, dict)])

    def usable(self, arrow: pa.DataType) -> pa.DataType:
        # a column of nulls in the sample may hold anything below; JSON has no dates, only strings
        return pa.string() if pa.types.is_null(arrow) or pa.types.is_timestamp(arrow) else arrow

    def table(self, opened: Opened, names: tuple[str, ...], types: Mapping[str, pa.DataType]) -> pa.Table:
        if not names:  # rows are counted by parsing: a line need not be a row
            types, names = {_NOWHERE: pa.null()}, (_NOWHERE,)
        with opened() as stream:
            text = bytes(stream.read())
        kinds = {name: types[name] for name in names}
        strict = self._strict(kinds)
        try:
            table = self._read(text, kinds, types, strict)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            again = with_texts(text, frozenset(n for n, kind in kinds.items() if pa.types.is_string(kind)), self.ignore_errors)
            if again == text and not self.ignore_errors:
                raise
            try:
                table = self._read(again, kinds, types, strict)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
                if not self.ignore_errors:
                    raise
                return _readable(again, kinds)
        return pa.table({name: _cast(table.column(name), types[name], self.ignore_errors) for name in names})

    def _strict(self, kinds: Mapping[str, pa.DataType]) -> bool:
        """Return whether unknown keys are errors: if all columns are read, or if nested columns are."""
        whole = self.columns is not None and kinds.keys() >= set(self.columns)
        return whole or (self.columns is not None and any(pa.types.is_nested(kind) for kind in kinds.values()))

    def _read(self, text: bytes, kinds: Mapping[str, pa.DataType], types: Mapping[str, pa.DataType], strict: bool) -> pa.Table:
        """Parse columns of a text. Raises what pyarrow raises for invalid JSON, and for lines that are not one object each."""
        columns = self.columns if strict and self.columns is not None else tuple(kinds)
        schema = pa.schema([(name, _stored(types[name])) for name in dict.fromkeys((*kinds, *columns))])
        if not text or text.isspace():
            return schema.empty_table()
        refuse_nulls(text)
        odd = strict and len(schema) < len(types)  # columns without a type are inferred, so that their keys are no error
        if odd:
            refuse_depths(text)
        table = _table(text, schema, "infer" if odd else "error" if strict else "ignore")
        if table.num_rows != (rows := count_lines(text)):
            raise pa.ArrowInvalid(f"it holds {table.num_rows} objects on {rows} lines")
        same = all(table.schema.field(field.name).type == field.type for field in schema)
        if odd and not (same and types.keys() >= set(table.column_names)):
            raise pa.ArrowInvalid("unexpected field")
        return table

    def explain(self, file: File, error: BaseException, types: Mapping[str, pa.DataType], names: Sequence[str]) -> BaseException:
        place = re.search(r"Column\(/(.*?)\)", str(error))
        column = place.group(1) if place and "/" not in place.group(1) else None
        kinds = {name: types[name] for name in names}
        expected = tuple(types) if self._strict(kinds) else None
        with self.opened(file) as stream:
            unit = "row" if isinstance(stream, DocumentRows) else "line"
            for number, line in enumerate(lines_of(stream), 1):
                if not line.strip():
                    continue
                value = object_on(line)
                wrong = (None, value) if isinstance(value, str) else wrong_value(value, kinds, expected)
                if wrong is not None:
                    return failure(file.path, f"{unit} {number}: {wrong[1]}. {_hint(wrong[1])}", column=wrong[0] or column)
        return failure(file.path, f"{error}. {_hint('')}", column=column)


def _hint(wrong: str) -> str:
    """Suggest the way out of what is wrong with a line."""
    if wrong.startswith("a key "):
        return (
            "Look at all lines (infer_schema_length=None), name the columns (schema=), "
            "or leave out keys that were not found (extra_columns='ignore')"
        )
    if wrong.startswith("key "):
        return "Give it one value, or pass ignore_errors=True, which takes the first"
    if "no JSON" in wrong:
        return (
            "Every line holds one JSON object (scan_json reads objects that span lines); "
            "pass ignore_errors=True to leave other lines out"
        )
    return (
        "Every line holds one JSON object; give types (schema_overrides={'column': 'string'}), look at more lines "
        "(infer_schema_length=None), or pass ignore_errors=True"
    )


def _table(text: bytes, schema: pa.Schema, unexpected: str) -> pa.Table:
    parse = pajson.ParseOptions(explicit_schema=schema, unexpected_field_behavior=unexpected)
    block = _BLOCK
    while True:
        try:
            return pajson.read_json(pa.BufferReader(text), pajson.ReadOptions(block_size=block), parse)
        except pa.ArrowInvalid as e:  # an object is larger than a block
            if "straddling" not in str(e) or block > len(text):
                raise
            block = min(block * 16, (1 << 31) - 1)


def _stored(arrow: pa.DataType) -> pa.DataType:
    """Return the type to read a column as before it is cast to `arrow`, which JSON cannot express."""
    if pa.types.is_date(arrow):
        return pa.string()
    return pa.int64() if pa.types.is_duration(arrow) else arrow


def _cast(data: pa.ChunkedArray, arrow: pa.DataType, forgiving: bool) -> pa.ChunkedArray:
    if data.type == arrow:
        return data
    return lenient(data, arrow) if forgiving and pa.types.is_string(data.type) else data.cast(arrow)


def _readable(text: bytes, types: Mapping[str, pa.DataType]) -> pa.Table:
    """Parse what can be parsed: lines that are no objects are dropped, values that do not fit become null."""
    columns: dict[str, list[Any]] = {name: [] for name in types}
    for line in text.split(b"\n"):
        value = object_on(line, True) if line.strip() else ""
        if isinstance(value, dict):
            for name, arrow in types.items():
                item = value.get(name)
                columns[name].append(item if fits(item, arrow) else None)
    made = {}
    for name, arrow in types.items():
        texts = [v for v in columns[name] if isinstance(v, str)]
        data = pa.array(columns[name], pa.string() if texts and not pa.types.is_string(arrow) else arrow)
        made[name] = pc.cast(data, arrow)
    return pa.table(made)


class NdjsonSource(TextSource):
    """Files of JSON lines, or JSON documents. See `gpuflow.io.scan_ndjson` and `gpuflow.io.scan_json`."""

    def __init__(
        self,
        paths: Paths,
        options: ScanOptions | None = None,
        *,
        schema_overrides: Mapping[str, DType | str] | None = None,
        infer_schema_length: int | str | None = "auto",
        ignore_errors: bool = False,
        extra_columns: str = "raise",
        document: bool = False,
    ) -> None:
        if not is_one_of(extra_columns, ("raise", "ignore")):
            raise TypeMismatchError(f"extra_columns={extra_columns!r} is not one of 'raise', 'ignore'")
        options = options or ScanOptions()
        text = NdjsonFormat(ignore_errors=ignore_errors, document=document, extra_columns=extra_columns)
        super().__init__(
            paths,
            text,
            options,
            suffixes=DOCUMENTS if document else SUFFIXES,
            what="JSON" if document else "NDJSON",
            sample=infer_schema_length,
            overrides=schema_overrides,
        )
        if extra_columns == "raise" and not ignore_errors and options.schema is None:
            names = tuple(n for n in self.schema if n in self.types and n not in self.keys and n != options.row_index_name)
            self.text = replace(text, columns=names)
