"""Encoders that write record batches to one file, one for each format."""

from __future__ import annotations

import json
import lzma
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gpuflow.errors import ExecutionError, PlanError, TypeMismatchError, UnsupportedError
from gpuflow.io.text.compression import COMPRESSED, WRITTEN, by_name

Write = Callable[[pa.RecordBatch], None]


def check_choice(what: str, value: Any, accepted: tuple[Any, ...]) -> None:
    """Raise `TypeMismatchError` if `value` is not one of `accepted`."""
    if value not in accepted:
        raise TypeMismatchError(f"{what}={value!r} is not one of {', '.join(map(str, accepted))}")


class Encoder(ABC):
    """A format with its options."""

    @property
    @abstractmethod
    def suffix(self) -> str:
        """Suffix of files in a partitioned folder."""

    def check(self, schema: pa.Schema) -> None:
        """Raise `UnsupportedError` where a column cannot be written."""
        return

    @abstractmethod
    def opened(self, target: Any, schema: pa.Schema, path: str) -> Any:
        """Open `target`, a file name or an open file, and yield a function that appends batches; `path` is the final name."""


@dataclass(frozen=True)
class ParquetEncoder(Encoder):
    """Parquet, with page checksums."""

    row_group_size: int
    compression: str
    compression_level: int | None
    statistics: bool

    suffix = ".parquet"
    compressions: ClassVar[tuple[str, ...]] = ("snappy", "zstd", "lz4", "gzip", "brotli", "none")

    def __post_init__(self) -> None:
        check_choice("compression", self.compression, self.compressions)
        if isinstance(self.row_group_size, bool) or not isinstance(self.row_group_size, int) or self.row_group_size < 1:
            raise TypeMismatchError(f"row_group_size={self.row_group_size!r} is not a whole number of at least 1")
        if self.compression_level is not None:
            try:
                pa.Codec(self.compression, self.compression_level)
            except (pa.ArrowException, OSError, ValueError, TypeError, OverflowError) as e:
                raise TypeMismatchError(
                    f"compression_level={self.compression_level!r} does not go with {self.compression!r}: {e}"
                ) from e

    def check(self, schema: pa.Schema) -> None:
        for field in schema:
            try:
                pq.ParquetWriter(pa.BufferOutputStream(), pa.schema([field])).close()
            except (pa.ArrowNotImplementedError, OSError) as e:
                reason = f"column {field.name!r} is {field.type}, which Parquet does not store ({e})"
                raise UnsupportedError(f"{reason}; write_ipc() keeps every type") from e

    @contextmanager
    def opened(self, target: Any, schema: pa.Schema, path: str) -> Iterator[Write]:
        size = self.row_group_size
        with pq.ParquetWriter(
            target,
            schema,
            compression=self.compression,
            compression_level=self.compression_level,
            write_statistics=self.statistics,
            write_page_checksum=True,
        ) as writer:
            waiting: list[pa.RecordBatch] = []
            held = 0

            def flush(least: int) -> None:  # small batches are gathered to whole row groups
                nonlocal waiting, held
                while held >= least and held:
                    table = pa.Table.from_batches(waiting, schema)
                    writer.write_table(table.slice(0, size), row_group_size=size)
                    rest = table.slice(size)
                    waiting, held = rest.to_batches(), rest.num_rows

            def write(batch: pa.RecordBatch) -> None:
                nonlocal held
                waiting.append(batch)
                held += batch.num_rows
                flush(size)

            yield write
            flush(1)


@dataclass(frozen=True)
class IpcEncoder(Encoder):
    """Arrow IPC files."""

    compression: str

    suffix = ".arrow"

    def __post_init__(self) -> None:
        check_choice("compression", self.compression, ("none", "lz4", "zstd"))

    @contextmanager
    def opened(self, target: Any, schema: pa.Schema, path: str) -> Iterator[Write]:
        options = pa.ipc.IpcWriteOptions(compression=None if self.compression == "none" else self.compression)
        with pa.ipc.new_file(target, schema, options=options) as writer:
            yield writer.write_batch


@dataclass(frozen=True)
class TextEncoder(Encoder):
    """Base of formats made of lines: compression, which is chosen by the file's name unless given."""

    compression: str | None

    plain_suffix: ClassVar[str] = ".txt"

    def __post_init__(self) -> None:
        check_choice("compression", self.compression, (None, "none", *WRITTEN))

    @property
    def suffix(self) -> str:
        return self.plain_suffix + next((end for end, codec in COMPRESSED.items() if codec == self.compression), "")

    def check(self, schema: pa.Schema) -> None:
        """Raise `UnsupportedError` where a column has no text; extension types are written as their storage."""
        for field in schema:
            if not self.has_text(field.type):
                raise UnsupportedError(f"column {field.name!r} is {field.type}, which {type(self).__name__} has no text for")

    def has_text(self, arrow: pa.DataType) -> bool:
        """Return whether values of a type can be written."""
        return _has_text(arrow)

    @abstractmethod
    def head(self, schema: pa.Schema) -> bytes:
        """Return the bytes before the first row."""

    @abstractmethod
    def lines(self, batch: pa.RecordBatch) -> pa.Array:
        """Return one string for each row, with its line end."""

    @contextmanager
    def opened(self, target: Any, schema: pa.Schema, path: str) -> Iterator[Write]:
        codec = by_name(path) or "none"
        if codec not in ("none", *WRITTEN):
            raise PlanError(f"{path!r} would be read as {codec}, by its name, which is read and not written; name it .gz or .zst")
        if self.compression not in (None, codec):
            raise PlanError(f"{path!r} would be read as {codec}, by its name, and is to be {self.compression}; name it otherwise")
        raw = pa.OSFile(target, "wb") if isinstance(target, str) else pa.PythonFile(target, "w")
        # a remote file is closed by who opened it
        stream = raw if codec == "none" else lzma.open(raw, "wb") if codec == "xz" else pa.CompressedOutputStream(raw, codec)
        try:
            stream.write(self.head(schema))

            def write(batch: pa.RecordBatch) -> None:
                if batch.num_rows:
                    stream.write(_bytes(self.lines(batch)))

            yield write
        finally:
            if stream is not raw:
                stream.close()
            if isinstance(target, str):
                raw.close()


@dataclass(frozen=True)
class CsvEncoder(TextEncoder):
    """Delimited text."""

    separator: str
    include_header: bool
    null_value: str
    quote_style: str

    plain_suffix: ClassVar[str] = ".csv"
    styles: ClassVar[tuple[str, ...]] = ("necessary", "always", "non_numeric", "never")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("quote_style", self.quote_style, self.styles)
        if not isinstance(self.separator, str) or len(self.separator.encode()) != 1 or self.separator in '"\r\n':
            raise TypeMismatchError(f"separator must be one ASCII character, no quote and no line end, not {self.separator!r}")

    def head(self, schema: pa.Schema) -> bytes:
        if not self.include_header:
            return b""
        names = self._quoted(pa.array(schema.names, pa.large_string()), text=True).to_pylist()
        return (self.separator.join(names) + "\n").encode()

    def lines(self, batch: pa.RecordBatch) -> pa.Array:
        fields = [self._field(_stored(column)) for column in batch.columns]
        apart = [part for field in fields for part in (field, self.separator)]
        return _joined([*apart[:-1], "\n"], batch.num_rows)

    def _field(self, column: pa.Array) -> pa.Array:
        text = self._quoted(texts(column), text=pa.types.is_large_string(column.type) or pa.types.is_string(column.type))
        return pc.fill_null(text, self.null_value)

    def _quoted(self, column: pa.Array, text: bool) -> pa.Array:
        if self.quote_style == "never":
            return column
        if self.quote_style == "always" or (self.quote_style == "non_numeric" and text):
            needed: Any = pa.array([True] * len(column))
        elif not text:
            return column
        else:
            special = pc.match_substring_regex(column, r'["\r\n' + rf"\x{ord(self.separator):02x}]")
            # a text that would be read as null, or as an empty line
            needed = pc.or_(special, pc.is_in(column, pa.array(["", self.null_value], column.type)))
        quoted = _joined(['"', pc.replace_substring(column, '"', '""'), '"'], len(column))
        return pc.if_else(needed, quoted, column)


@dataclass(frozen=True)
class NdjsonEncoder(TextEncoder):
    """JSON lines; lists become arrays, structs objects, and maps arrays of objects with a key and a value."""

    plain_suffix: ClassVar[str] = ".ndjson"

    def has_text(self, arrow: pa.DataType) -> bool:
        if isinstance(arrow, pa.BaseExtensionType):
            return self.has_text(arrow.storage_type)
        if pa.types.is_struct(arrow):
            names = [field.name for field in arrow]
            return len(set(names)) == len(names) and all(self.has_text(field.type) for field in arrow)
        if pa.types.is_map(arrow):
            return self.has_text(arrow.key_type) and self.has_text(arrow.item_type)
        if pa.types.is_nested(arrow) and not pa.types.is_union(arrow):
            return self.has_text(arrow.value_type)
        return super().has_text(arrow)

    def head(self, schema: pa.Schema) -> bytes:
        return b""

    def lines(self, batch: pa.RecordBatch) -> pa.Array:
        return _joined([*_members(batch.schema.names, batch.columns), "}\n"], batch.num_rows)


def _stored(column: pa.Array) -> pa.Array:
    return _stored(column.storage) if isinstance(column.type, pa.BaseExtensionType) else column


def _has_text(arrow: pa.DataType) -> bool:
    if isinstance(arrow, pa.BaseExtensionType):
        return _has_text(arrow.storage_type)
    return (
        (pa.types.is_primitive(arrow) and not pa.types.is_interval(arrow))
        or pa.types.is_string(arrow)
        or pa.types.is_large_string(arrow)
        or pa.types.is_decimal(arrow)
        or pa.types.is_null(arrow)
        or (pa.types.is_dictionary(arrow) and _has_text(arrow.value_type))
    )


def texts(column: pa.Array) -> pa.Array:
    """Format values: floats with a point, timestamps with a zone in UTC with a Z, durations as their number of ticks."""
    arrow = column.type
    if pa.types.is_dictionary(arrow):
        return texts(column.dictionary_decode())
    if pa.types.is_duration(arrow):
        column = column.cast(pa.int64())
    zoned = pa.types.is_timestamp(arrow) and arrow.tz is not None
    if zoned:
        column = column.cast(pa.timestamp(arrow.unit, "UTC")).cast(pa.timestamp(arrow.unit))
    text = column.cast(pa.large_string())
    if pa.types.is_decimal(arrow):
        powers = pc.fill_null(pc.match_substring(text, "E"), False)
        plain = [f"{value:f}" for value in column.filter(powers).to_pylist()]
        text = pc.replace_with_mask(text, powers, pa.array(plain, pa.large_string()))
    if pa.types.is_timestamp(arrow) or pa.types.is_date(arrow):
        far = pc.match_substring(text, "out of range")
        if pc.any(far).as_py():
            shown = text.filter(far)[0].as_py().strip("<>")
            raise ExecutionError(
                f"a point in time has no text ({arrow}, {shown}): it lies more than 32,767 years from the year 0"
            )
    if pa.types.is_floating(arrow):
        whole = pc.match_substring_regex(text, r"^-?[0-9]+$")
        text = pc.if_else(whole, _joined([text, ".0"], len(text)), text)
    return _joined([text, "Z"], len(text)) if zoned else text


def _members(names: list[str], columns: list[pa.Array]) -> list[Any]:
    """Return the parts of one JSON object for each row, without the closing brace."""
    parts: list[Any] = []
    for name, column in zip(names, columns, strict=True):
        parts += [("," if parts else "{") + json.dumps(name, ensure_ascii=False) + ":", _json(column)]
    return parts or ["{"]


def _array(column: pa.Array) -> pa.Array:
    """Format lists as JSON arrays: the texts of all items are consecutive in memory, and are cut where lists end."""
    import numpy as np

    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    ends = np.cumsum(lengths, dtype=np.int64)
    items = column.flatten()
    if not len(items):
        return pa.array(["[]"] * len(column), pa.large_string())
    last = np.zeros(len(items), np.bool_)
    last[ends[lengths > 0] - 1] = True
    apart = _joined([_json(items), pc.if_else(pa.array(last), "", ",").cast(pa.large_string())], len(items))
    _, offsets, data = apart.buffers()
    cuts = np.frombuffer(offsets, np.int64)[apart.offset + np.concatenate([[0], ends])]
    inner = pa.Array.from_buffers(pa.large_string(), len(column), [None, pa.py_buffer(cuts), data])
    return _joined(["[", inner, "]"], len(column))


def _nested_json(column: pa.Array) -> pa.Array:
    arrow = column.type
    if pa.types.is_map(arrow):
        entry = pa.struct([("key", arrow.key_type), ("value", arrow.item_type)])
        return _nested_json(column.cast(pa.list_(entry)))
    if pa.types.is_struct(arrow):
        text = _joined([*_members([field.name for field in arrow], column.flatten()), "}"], len(column))
    else:
        text = _array(column)
    return pc.if_else(column.is_valid(), text, "null")


def _json(column: pa.Array) -> pa.Array:
    column = _stored(column)
    if pa.types.is_nested(column.type):
        return _nested_json(column)
    arrow = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    text = texts(column)
    if pa.types.is_floating(arrow):
        text = pc.if_else(pc.is_finite(column), text, None)  # JSON has no others
    elif pa.types.is_string(arrow) or pa.types.is_large_string(arrow):
        special = pc.fill_null(pc.match_substring_regex(text, r'["\\\x00-\x1f]'), False)
        plain = _joined(['"', text, '"'], len(text))
        escaped = [json.dumps(value, ensure_ascii=False) for value in text.filter(special).to_pylist()]
        text = pc.replace_with_mask(plain, special, pa.array(escaped, pa.large_string()))
    elif pa.types.is_temporal(arrow) and not pa.types.is_duration(arrow):
        text = _joined(['"', text, '"'], len(text))
    return pc.fill_null(text, "null")


def _joined(parts: list[Any], count: int) -> pa.Array:
    """Concatenate texts row by row; null where one of them is."""
    given = [pa.scalar(part, pa.large_string()) if isinstance(part, str) else part for part in parts]
    if all(isinstance(part, str) for part in parts):
        return pa.array(["".join(parts)] * count, pa.large_string())
    return pc.binary_join_element_wise(*given, pa.scalar("", pa.large_string()))


def _bytes(lines: pa.Array) -> pa.Buffer:
    """Return the characters of all lines as one buffer, shared."""
    import numpy as np

    _, offsets, data = lines.buffers()
    ends = np.frombuffer(offsets, np.int64)[lines.offset : lines.offset + len(lines) + 1]
    return data.slice(int(ends[0]), int(ends[-1] - ends[0]))
