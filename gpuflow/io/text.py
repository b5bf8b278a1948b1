"""Lines of text (CSV, JSON) as a source: one partition for each file, its number of rows not known before it is read."""

from __future__ import annotations

import codecs
import io
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import pyarrow as pa
from gpuflow_kernels import dtypes as t
from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.dtypes import DType

from gpuflow.errors import ColumnNotFoundError, GpuflowError, TypeMismatchError
from gpuflow.plan.source import Source, Split
from gpuflow.schema import Schema

from . import categories, convert, files, hive
from .blocks import numbered
from .dictionaries import Dictionary, concat_chunks, dictionary_of
from .failures import FAILURES, failure, told
from .files import File, in_threads
from .fitting import fitting
from .inference import WHOLE, WHOLE_WITHIN, widened
from .options import ScanOptions, dtype, refuse_taken
from .partitions import empty_chunk, refuse_duplicates, refuse_without_columns, supported

COMPRESSED = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
"""What a file's last suffix says of its compression."""
_CONTENT = (
    (re.compile(rb"\x1f\x8b\x08"), "gzip"),
    (re.compile(rb"BZh[1-9]1AY&SY"), "bz2"),
    (re.compile(rb"\x28\xb5\x2f\xfd"), "zstd"),
)
"""What the first bytes of a file say of it, where its name does not."""
_FOREIGN = (
    (re.compile(rb"\xfd7zXZ\x00"), "it is compressed by xz, which is not read; gzip, bz2 and zstd are"),
    (re.compile(rb"PK\x03\x04"), "it is a zip archive (or a workbook); unpack it, and scan what it holds"),
    (re.compile(rb"\xff\xfe|\xfe\xff"), "it begins like UTF-16; write it again in UTF-8, or pass encoding='utf-16' to scan_csv"),
)
"""First bytes that no text in UTF-8 has."""
_LOOKED = 16
_WITHIN = (
    "holds whole numbers beyond int64 in lists or objects, of which floats would not be what the file says; write them as "
    "text, or in a column of their own"
)
SAMPLED_FILES = 10
"""Files of a table whose beginnings are looked at for types."""
AUTO, WHOLE_BYTES, SAMPLED_ROWS = "auto", 16 << 20, 10_000
"""The sample that is all rows of files of so many bytes together, and of larger ones so many rows."""
BLOCK_BYTES = 16 << 20
"""Text that is looked at in one go when a whole file is looked at."""
Opened = Callable[[], AbstractContextManager[Any]]
"""Opens the text that is to be read, which may be more than once."""


def with_compressed(*suffixes: str) -> tuple[str, ...]:
    """The suffixes, and the same followed by those of compressed files."""
    return tuple(s + c for s in suffixes for c in ("", *COMPRESSED))


class _Filtered(io.RawIOBase):
    """A stream of text whose blocks of whole lines go through a function."""

    def __init__(self, stream: Any, change: Callable[[bytes], bytes]) -> None:
        self._stream, self._change, self._rest, self._ready = stream, change, b"", b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            block = self._stream.read(1 << 20)
            if not block:
                self._ready, self._rest = self._change(self._rest), b""
                if not self._ready:
                    return 0
                break
            whole, newline, self._rest = (self._rest + block).rpartition(b"\n")
            self._ready = self._change(whole + newline)
        size = min(len(buffer), len(self._ready))
        buffer[:size], self._ready = self._ready[:size], self._ready[size:]
        return size


@dataclass(frozen=True)
class TextFormat(ABC):
    """How text is written. Picklable."""

    encoding: str = "utf8"
    comment: str | None = None
    quote: str | None = None
    ignore_errors: bool = False

    hint: ClassVar[str] = "write it again with other names"
    beyond: ClassVar[str] = "float64"
    """What whole numbers may be read as that no column holds."""
    varies: ClassVar[bool] = False
    """Whether files of one table may have different columns."""

    @property
    def skipped(self) -> int:
        """Lines at the beginning that are passed over."""
        return 0

    @property
    def header_rows(self) -> int:
        """Rows at the beginning that are no data."""
        return 0

    @abstractmethod
    def infer(self, block: bytes, names: list[str] | None) -> pa.Schema:
        """Names and types in some rows; without `names` they are those at the beginning of a file."""

    @abstractmethod
    def table(self, opened: Opened, names: tuple[str, ...], types: Mapping[str, pa.DataType]) -> pa.Table:
        """These columns of all rows, or rows alone where none are named. Raises what pyarrow raises, or `ReadError`."""

    def named(self, names: Sequence[str], given: bool = False) -> TextFormat:
        """The format once the names of the columns are known, found or `given`."""
        return self

    @abstractmethod
    def usable(self, arrow: pa.DataType) -> pa.DataType:
        """The type to read a column as, given what its beginning looks like."""

    def explain(self, file: File, error: BaseException, types: Mapping[str, pa.DataType], names: Sequence[str]) -> BaseException:
        """A `ReadError` that tells more, where more is known; `names` are the columns that were read."""
        return error

    @contextmanager
    def opened(self, file: File) -> Iterator[Any]:
        """The text of a file, decompressed, in UTF-8 where its bytes are not to be taken as they are."""
        handle = file.open()
        with pa.PythonFile(handle, "r") if file.remote else pa.OSFile(handle) as raw:
            codec = COMPRESSED.get(os.path.splitext(file.path)[1].lower())
            if codec is None and (not file.remote or handle.seekable()):
                codec = self._by_content(raw, file)
            stream = pa.CompressedInputStream(raw, codec) if codec else raw
            if self.encoding == "utf8-lossy":
                stream = pa.PythonFile(_Filtered(stream, _lossy), "r")
            elif self.encoding != "utf8":
                stream = pa.transcoding_input_stream(stream, self.encoding, "utf8")
            if self.comment is not None:
                begin = rb"(?:^|(?<=\r))(?:%b)?%b" % (codecs.BOM_UTF8, re.escape(self.comment.encode()))
                pattern = re.compile(begin + rb"[^\r\n]*(?:\r?\n|\r|\Z)", re.MULTILINE)
                stream = pa.PythonFile(_Filtered(stream, lambda block: pattern.sub(b"", block)), "r")
            yield stream

    def _by_content(self, raw: Any, file: File) -> str | None:
        """How a file is compressed whose name does not say it. Raises where it is no text."""
        start = bytes(raw.read(_LOOKED))
        raw.seek(0)
        if self.encoding in ("utf8", "utf8-lossy"):
            for sign, reason in _FOREIGN:
                if sign.match(start):
                    raise failure(file.path, reason)
        return next((codec for sign, codec in _CONTENT if sign.match(start)), None)

    def blocks(self, file: File, rows: int | None, skip: int = 0) -> Iterator[bytes]:
        """The text cut between rows: up to `rows` rows (None: all), with `skip` lines before them in the first block."""
        quote = self.quote.encode() if self.quote else None
        with self.opened(file) as stream:
            lines: list[bytes] = []
            size, inside, left = 0, False, rows
            for line in lines_of(stream):
                lines.append(line)
                size += len(line)
                if skip:
                    skip -= 1
                    continue
                if quote is not None:
                    inside ^= bool(line.count(quote) & 1)
                if inside or not line.strip():
                    continue
                if left is not None:
                    left -= 1
                    if left <= 0:
                        break
                if size >= BLOCK_BYTES:
                    yield b"".join(lines)
                    lines, size = [], 0
            if lines or rows is not None:
                yield b"".join(lines)


def lines_of(stream: Any) -> Iterator[bytes]:
    rest = b""
    while block := stream.read(1 << 20):
        *whole, rest = (rest + block).split(b"\n")
        yield from (line + b"\n" for line in whole)
    if rest:
        yield rest


def all_of(stream: Any) -> bytes:
    """What is left of a stream that need not know how long it is."""
    return b"".join(iter(lambda: stream.read(1 << 20), b""))


def _lossy(block: bytes) -> bytes:
    try:
        codecs.decode(block, "utf-8")
        return block
    except UnicodeDecodeError:
        return block.decode("utf-8", "replace").encode()


class TextSplit(Split):
    """One file; or all of them, where rows are counted over files."""

    rows = None

    def __init__(
        self,
        text: TextFormat,
        files_: tuple[File, ...],
        types: Mapping[str, pa.DataType],
        schema: Schema,
        keys: Mapping[str, Dictionary | None],
        options: tuple[str | None, int, int | None],
    ) -> None:
        self.text, self.files, self.types, self.schema, self.keys, self.options = text, files_, types, schema, keys, options
        self.nbytes = sum(file.size for file in files_)

    def __repr__(self) -> str:
        return f"{type(self.text).__name__}Split({self.files[0].path}{', …' if len(self.files) > 1 else ''})"

    def read(self, columns: tuple[str, ...]) -> Chunk:
        index, start, left = self.options
        chunks: list[Chunk] = []
        for file in self.files:
            if left is not None and left <= 0:
                break
            chunks.append(self._file(file, columns, index, start, left))
            start += chunks[-1].length
            left = None if left is None else left - chunks[-1].length
        return concat_chunks(chunks) if chunks else empty_chunk(self.schema, columns)

    def _file(self, file: File, columns: tuple[str, ...], index: str | None, start: int, left: int | None) -> Chunk:
        stored = tuple(name for name in columns if name not in self.keys and name != index)
        try:
            if left is None:
                table = self.text.table(lambda: self.text.opened(file), stored, self.types)
            else:
                head = b"".join(self.text.blocks(file, left + self.text.header_rows, self.text.skipped))
                table = self.text.table(lambda: nullcontext(pa.BufferReader(head)), stored, self.types)
        except GpuflowError:
            raise
        except FAILURES as e:
            raise told(file, self.text.explain(file, e, self.types, stored)) from e
        count = table.num_rows if left is None else min(left, table.num_rows)
        values = dict(file.keys)
        made: list[Column] = []
        for name in columns:
            kind = self.schema[name]
            if name in self.keys:
                made.append(hive.constant(hive.physical(values[name], kind, file, name), kind, count, self.keys[name]))
            elif name == index:
                made.append(Column(kind, numbered([start], [count])))
            else:
                made.append(fitting(table.column(name), count, kind, file, name, forgiving=self.text.ignore_errors))
        return Chunk(tuple(made), count)


class TextSource(Source):
    """Files of text with the same columns.

    Parameters
    ----------
    paths : path or list of paths
    text : TextFormat
    options : ScanOptions
    sample : int, "auto" or None
        Rows at the beginning of each of some files that types are found in; None for all rows of all files.
    overrides : mapping of str to DType or type name
        Types of columns that are not to be found.
    """

    def __init__(
        self,
        paths: Any,
        text: TextFormat,
        options: ScanOptions,
        *,
        suffixes: tuple[str, ...],
        what: str,
        sample: int | str | None,
        overrides: Mapping[str, DType | str] | None,
    ) -> None:
        if sample not in (None, AUTO) and (isinstance(sample, bool) or not isinstance(sample, int) or sample < 0):
            raise TypeMismatchError(f"infer_schema_length={sample!r} is not a whole number of at least 0, nor None, nor 'auto'")
        self.text, self.options = text, options
        self._beyond: dict[str, File] = {}
        self.files = options.find(paths, suffixes, what)
        if isinstance(sample, str):
            sample = None if sum(file.size for file in self.files) <= WHOLE_BYTES else SAMPLED_ROWS
        wanted = options.wanted()
        asked: dict[str, DType] = {}
        if wanted is not None:
            self.text = text = text.named(tuple(wanted), given=True)
            self.types = {name: arrow_type(kind) for name, kind in wanted.items()}
            asked.update(wanted)
            if text.header_rows:
                self._compare(self._infer(0).names)
        else:
            if options.n_rows is not None:  # what is not read shall not decide, nor fail
                sample = min(options.n_rows, options.n_rows if sample is None else sample)
            found = self._infer(sample)
            text = text.named(found.names)
            self.types = {field.name: text.usable(field.type) for field in found}
        for name, kind in (overrides or {}).items():
            if name not in self.types:
                raise ColumnNotFoundError(
                    f"schema_overrides names {name!r}, which {self.files[0].path} does not have; it has {list(self.types)}",
                    column=name,
                )
            asked[name] = dtype(kind, "schema_overrides", name)
            self.types[name] = arrow_type(asked[name])
        for name, kind in self.types.items():
            if kind == WHOLE and name not in asked:
                where = self._beyond.get(name, self.files[0])
                hint = f"give its type, as in schema_overrides={{{name!r}: {text.beyond!r}}}"
                raise failure(where.path, f"its whole numbers fit neither int64 nor uint64; {hint}", column=name)
        self.text = text
        self.keys = hive.infer(self.files, options.key_types(), options.try_parse_hive_dates)
        stored = {name: kind for name, kind in self.types.items() if name not in self.keys}
        schema, unsupported = supported(pa.schema([(name, kind) for name, kind in stored.items() if kind != WHOLE_WITHIN]))
        self.unsupported = {**unsupported, **{name: _WITHIN for name, kind in stored.items() if kind == WHOLE_WITHIN}}
        schema = Schema({n: asked[n] if n in asked and asked[n].kind == "enum" else found for n, found in schema.items()})
        refuse_without_columns([*schema, *self.keys], self.unsupported, f"{what} files ({self.files[0].path})")
        index = options.row_index_name
        if index is not None:
            refuse_taken(index, [*self.types, *self.keys], "row_index_name", self.files[0])
        self.schema = Schema({**({} if index is None else {index: t.INT64}), **schema, **self.keys})
        format_ = what.lower()
        self.token = f"{format_}-" + files.identity(self.files, text, self.schema, categories.of(self.schema), options.identity)
        self.label = files.label(format_, paths, self.files)

    def __repr__(self) -> str:
        return f"{type(self.text).__name__}Source({self.label})"

    def _compare(self, names: list[str]) -> None:
        """Raise where the header of the files has other names than the schema that was given."""
        for name in self.types:
            if name not in names:
                raise failure(self.files[0].path, f"schema names it, the file has {names}", column=name)
        for name in names:
            if name not in self.types:
                raise failure(self.files[0].path, "the schema that was given does not name it", column=name)

    def _infer(self, sample: int | None) -> pa.Schema:
        found = in_threads(lambda file: self._look(file, sample), self.files if sample is None else self.files[:SAMPLED_FILES])
        merged = found[0]
        for file, schema in zip(self.files, found, strict=False):
            self._beyond.update({field.name: file for field in schema if field.type == WHOLE})
        for file, other in zip(self.files[1:], found[1:], strict=False):
            if sorted(other.names) != sorted(merged.names) and not self.text.varies:
                raise failure(file.path, f"its columns are {other.names}, those of {self.files[0].path} {merged.names}")
            merged = widened(merged, other)
        return merged

    def _look(self, file: File, sample: int | None) -> pa.Schema:
        """Names and types in the first rows of a file."""
        rows = None if sample is None else sample + self.text.header_rows
        found: pa.Schema | None = None
        try:
            for block in self.text.blocks(file, rows, self.text.skipped):
                other = self.text.infer(block, None if found is None else found.names)
                if found is None:
                    refuse_duplicates(other.names, file.path, self.text.hint)
                found = other if found is None else widened(found, other)
            if found is None and not self.text.varies:
                raise failure(file.path, "the file is empty")
            return pa.schema([]) if found is None else found
        except GpuflowError:
            raise
        except FAILURES as e:
            raise told(file, self.text.explain(file, e, {}, ())) from e

    @cached_property
    def _dictionaries(self) -> dict[str, Dictionary | None]:
        return {
            name: dictionary_of(sorted({v for f in self.files if (v := f.keys[i][1]) is not None})) if kind == t.STRING else None
            for i, (name, kind) in enumerate(self.keys.items())
        }

    def rows(self) -> None:
        return None

    def splits(self, predicate: Any, partition_rows: int | None = None) -> list[Split]:
        index, offset, most = self.options.row_index_name, self.options.row_index_offset, self.options.n_rows
        together = most is not None or (index is not None and len(self.files) > 1)
        groups: Sequence[tuple[File, ...]] = [tuple(self.files)] if together else [(file,) for file in self.files]
        options = index, offset, most
        return [TextSplit(self.text, group, self.types, self.schema, self._dictionaries, options) for group in groups]


def arrow_type(kind: DType) -> pa.DataType:
    """The Arrow type that a reader of text makes for a column type."""
    return pa.string() if kind == t.STRING or kind.kind == "enum" else convert.arrow_type(kind)
