"""Sources over text (CSV, JSON): one partition for each file, whose number of rows is unknown before it is read."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import pyarrow as pa
from gpuflow_kernels import dtypes as t
from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.declare.choices import is_one_of
from gpuflow_kernels.dtypes import DType

from gpuflow.arrow import categories
from gpuflow.arrow.dictionaries import Dictionary, concat_chunks, dictionary_of
from gpuflow.arrow.schema import arrow_type
from gpuflow.errors import ColumnNotFoundError, GpuflowError, TypeMismatchError
from gpuflow.io.datasets import files, hive
from gpuflow.io.datasets.blocks import numbered
from gpuflow.io.datasets.failures import FAILURES, failure, wrap_error
from gpuflow.io.datasets.files import File, in_threads
from gpuflow.io.datasets.options import ScanOptions, dtype, refuse_taken
from gpuflow.io.datasets.partition_rows import empty_chunk, refuse_duplicates, refuse_without_columns, supported
from gpuflow.io.datasets.to_column import to_column
from gpuflow.plan.source import Source, Split
from gpuflow.schema import Schema

from .compression import LOOKED, by_content, by_name, decompressed
from .decoding import LOSSY, Decoded
from .inference import WHOLE, WHOLE_WITHIN, widened

_UTF16 = re.compile(rb"\xff\xfe|\xfe\xff")
"""Byte order marks of UTF-16, which are invalid UTF-8."""
_WITHIN = (
    "holds whole numbers beyond int64 in lists or objects, of which floats would not be what the file says; write them as "
    "text, or in a column of their own"
)
SAMPLED_FILES = 10
"""Files from whose first rows types are inferred, at most."""
AUTO, WHOLE_BYTES, SAMPLED_ROWS = "auto", 16 << 20, 10_000
"""The sample "auto": all rows if the files have at most so many bytes together, else so many rows."""
BLOCK_BYTES = 16 << 20
"""Bytes of a block from which types are inferred when whole files are the sample."""


@dataclass(frozen=True)
class TextFormat(ABC):
    """A text format with its options. Picklable."""

    encoding: str = "utf8"
    ignore_errors: bool = False

    hint: ClassVar[str] = "write it again with other names"
    beyond: ClassVar[str] = "float64"
    """Type to suggest for integers beyond 64 bits."""
    varies: ClassVar[bool] = False
    """Whether files of one table may have different columns."""

    @property
    def has_names(self) -> bool:
        """Whether a file names its columns in one place, before its rows."""
        return False

    def prepared(self, file: File) -> TextFormat:
        """Adapt the format to the first file."""
        return self

    def names_in(self, file: File) -> list[str] | None:
        """Read the names of a file's columns; None where every row has its own."""
        return None

    @abstractmethod
    def schemas(self, file: File, rows: int | None) -> Iterator[pa.Schema]:
        """Infer names and types from the first rows of a file, or from all, block by block."""

    @abstractmethod
    def read(self, file: File, names: tuple[str, ...], types: Mapping[str, pa.DataType], most: int | None) -> pa.Table:
        """Read these columns of the first rows of a file, or of all; without columns only count rows.

        Raises what pyarrow raises, or `ReadError`.
        """

    def named(self, names: Sequence[str], given: bool = False) -> TextFormat:
        """Adapt the format to the names of the columns, inferred or `given`."""
        return self

    @abstractmethod
    def usable(self, arrow: pa.DataType) -> pa.DataType:
        """Return the type to read a column as, for the type inferred from its first rows."""

    def explain(self, file: File, error: BaseException, types: Mapping[str, pa.DataType], names: Sequence[str]) -> BaseException:
        """Make a `ReadError` with line and reason, if they can be found; `names` are the columns that were read."""
        return error

    @contextmanager
    def opened(self, file: File) -> Iterator[Any]:
        """Open the text of a file: decompressed, and decoded to UTF-8 if it is in another encoding."""
        handle = file.open()
        with pa.PythonFile(handle, "r") if file.remote else pa.OSFile(handle) as raw:
            codec = by_name(file.name)
            if codec is None and (not file.remote or handle.seekable()):
                codec = by_content(bytes(raw.read(LOOKED)))
                raw.seek(0)
            with decompressed(raw, codec) if codec else nullcontext(raw) as stream:
                yield stream if self.encoding == "utf8" else Decoded(stream, self.encoding)

    def refuse_foreign(self, file: File, start: bytes) -> None:
        """Raise if a text that should be UTF-8 begins like UTF-16."""
        if self.encoding in ("utf8", LOSSY) and _UTF16.match(start):
            reason = "it begins like UTF-16; write it again in UTF-8, or pass encoding='utf-16' to scan_csv"
            raise failure(file.path, reason)


def _explained(
    text: TextFormat, file: File, error: BaseException, types: Mapping[str, pa.DataType], names: Sequence[str]
) -> BaseException:
    """Explain an error by the format; wrap the error itself if reading the file for that fails too."""
    try:
        explained = text.explain(file, error, types, names)
    except FAILURES as again:
        explained = again
    return explained if isinstance(explained, GpuflowError) else wrap_error(file, explained)


class TextSplit(Split):
    """One file, or all of them if rows are counted over files."""

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
        index, start, remaining = self.options
        chunks: list[Chunk] = []
        for file in self.files:
            if remaining is not None and remaining <= 0:
                break
            chunks.append(self._file(file, columns, index, start, remaining))
            start += chunks[-1].length
            remaining = None if remaining is None else remaining - chunks[-1].length
        return concat_chunks(chunks) if chunks else empty_chunk(self.schema, columns)

    def _file(self, file: File, columns: tuple[str, ...], index: str | None, start: int, remaining: int | None) -> Chunk:
        stored = tuple(name for name in columns if name not in self.keys and name != index)
        try:
            table = self.text.read(file, stored, self.types, remaining)
        except GpuflowError:
            raise
        except FAILURES as e:
            raise _explained(self.text, file, e, self.types, stored) from e
        count = table.num_rows if remaining is None else min(remaining, table.num_rows)
        values = dict(file.keys)
        made: list[Column] = []
        for name in columns:
            kind = self.schema[name]
            if name in self.keys:
                made.append(hive.constant(hive.physical(values[name], kind, file, name), kind, count, self.keys[name]))
            elif name == index:
                made.append(Column(kind, numbered([start], [count])))
            else:
                made.append(to_column(table.column(name), count, kind, file, name, forgiving=self.text.ignore_errors))
        return Chunk(tuple(made), count)


class TextSource(Source):
    """Files of text with the same columns.

    Parameters
    ----------
    paths : path or list of paths
    text : TextFormat
    options : ScanOptions
    sample : int, "auto" or None
        Rows at the beginning of each of some files from which types are inferred; None for all rows of all files.
    overrides : mapping of str to DType or type name, or list of types
        Types of columns that are not inferred; a list is for the first columns.
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
        overrides: Mapping[str, DType | str] | Sequence[DType | str] | None,
    ) -> None:
        whole = isinstance(sample, int) and not isinstance(sample, bool) and sample >= 0
        if sample is not None and not is_one_of(sample, (AUTO,)) and not whole:
            raise TypeMismatchError(f"infer_schema_length={sample!r} is not a whole number of at least 0, nor None, nor 'auto'")
        self.text, self.options = text, options
        self._beyond: dict[str, File] = {}
        self.files = options.find(paths, suffixes, what)
        if isinstance(sample, str):
            sample = None if sum(file.size for file in self.files) <= WHOLE_BYTES else SAMPLED_ROWS
        self.text = text = self._of(self.files[0], text.prepared)
        given = options.wanted()
        asked: dict[str, DType] = {}
        if given is not None:
            self.text = text = text.named(tuple(given), given=True)
            self.types = {name: parsed_type(kind) for name, kind in given.items()}
            asked.update(given)
            names = self._of(self.files[0], text.names_in)
            if names is not None:
                self._compare(names)
        else:
            if options.n_rows is not None:  # rows that are not read must neither change types nor fail
                sample = min(options.n_rows, options.n_rows if sample is None else sample)
            inferred = self._infer(sample)
            text = text.named(inferred.names)
            self.types = {field.name: text.usable(field.type) for field in inferred}
        for name, kind in self._overrides(overrides):
            if name not in self.types:
                raise ColumnNotFoundError(
                    f"schema_overrides names {name!r}, which {self.files[0].path} does not have; it has {list(self.types)}",
                    column=name,
                )
            asked[name] = dtype(kind, "schema_overrides", name)
            self.types[name] = parsed_type(asked[name])
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
        schema = Schema({n: asked[n] if n in asked and asked[n].kind == "enum" else kind for n, kind in schema.items()})
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

    def _overrides(self, overrides: Mapping[str, DType | str] | Sequence[DType | str] | None) -> list[tuple[str, Any]]:
        if overrides is None or isinstance(overrides, Mapping):
            return list((overrides or {}).items())
        if isinstance(overrides, str):
            raise TypeMismatchError(f"schema_overrides={overrides!r} is neither a mapping of names to types nor a list of types")
        if len(overrides) > len(self.types):
            raise TypeMismatchError(f"schema_overrides has {len(overrides)} types, the columns are {list(self.types)}")
        return list(zip(self.types, overrides, strict=False))

    def _compare(self, names: list[str]) -> None:
        """Raise if a file has other names than the given schema, or fewer columns if it has no header."""
        path, options = self.files[0].path, self.options
        insert = "missing_columns='insert' makes it null"
        if not self.text.has_names:
            if len(names) < len(self.types) and options.missing_columns == "raise":
                raise failure(path, f"Expected {len(self.types)} columns, got {len(names)}: a column is missing; {insert}")
            return
        for name in self.types:
            if name not in names and options.missing_columns == "raise":
                raise failure(path, f"schema names it, the file has {names}; {insert}", column=name)
        for name in names:
            if name not in self.types and options.extra_columns == "raise":
                ignore = "extra_columns='ignore' leaves it out"
                raise failure(path, f"the schema that was given does not name it; {ignore}", column=name)

    def _infer(self, sample: int | None) -> pa.Schema:
        schemas = in_threads(lambda file: self._look(file, sample), self.files if sample is None else self.files[:SAMPLED_FILES])
        merged = schemas[0]
        for file, schema in zip(self.files, schemas, strict=False):
            self._beyond.update({field.name: file for field in schema if field.type == WHOLE})
        for file, other in zip(self.files[1:], schemas[1:], strict=False):
            if self.text.has_names and not self.text.varies:
                refuse_other_columns(file, other.names, merged.names, self.options, f"those of {self.files[0].path}")
                names = set(merged.names)
                other = pa.schema([field for field in other if field.name in names])
            merged = widened(merged, other)
        return merged

    def _look(self, file: File, sample: int | None) -> pa.Schema:
        """Infer names and types from the first rows of a file."""

        def look(file: File) -> pa.Schema:
            schema: pa.Schema | None = None
            for other in self.text.schemas(file, sample):
                if schema is None:
                    refuse_duplicates(other.names, file.path, self.text.hint)
                schema = other if schema is None else widened(schema, other)
            if schema is None and not self.text.varies:
                raise failure(file.path, "the file is empty")
            return pa.schema([]) if schema is None else schema

        return self._of(file, look)  # type: ignore[no-any-return]

    def _of(self, file: File, look: Callable[[File], Any]) -> Any:
        """Apply `look` to a file; turn whatever it raises into a `ReadError`."""
        try:
            return look(file)
        except GpuflowError:
            raise
        except FAILURES as e:
            raise _explained(self.text, file, e, {}, ()) from e

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


def refuse_other_columns(
    file: File, names: Sequence[str], expected: Iterable[str], options: Any, whose: str = "expected are"
) -> None:
    """Raise if a file has unexpected columns, or lacks expected ones, unless `options` allow it."""
    expected = list(expected)
    for asked, wrong, others, what in (
        (options.missing_columns, expected, set(names), "missing_columns='insert', which makes them null"),
        (options.extra_columns, names, set(expected), "extra_columns='ignore', which leaves them out"),
    ):
        odd = next((name for name in wrong if name not in others), None) if asked == "raise" else None
        if odd is not None:
            why = f"its columns are {list(names)}, {whose} {expected}; {odd!r} is in one alone: pass {what}"
            raise failure(file.path, why)


def parsed_type(kind: DType) -> pa.DataType:
    """Return the Arrow type that text is parsed to for a column type."""
    return pa.string() if kind == t.STRING or kind.kind == "enum" else arrow_type(kind)
