"""Delimited text as a source: types found in its first rows, malformed rows told with their line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice, takewhile
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from gpuflow_kernels.dtypes import DType

from gpuflow.errors import TypeMismatchError

from .files import File, Paths, failure
from .inference import lenient, with_whole
from .options import ScanOptions
from .text import Opened, TextFormat, TextSource, all_of, lines_of, with_compressed

SUFFIXES = with_compressed(".csv", ".tsv", ".txt")
_SHOWN = 100
"""Characters of a value that an error shows."""
_BLOCK, _MOST = 1 << 20, (1 << 31) - 1
"""Bytes that are parsed at once: at first, and at most."""


@dataclass(frozen=True)
class CsvFormat(TextFormat):
    """How delimited text is written. Picklable.

    `names` stand in for those of the header; `own_nulls` are the null values of single columns, by name.
    """

    separator: str = ","
    has_header: bool = True
    skip_rows: int = 0
    null_values: tuple[str, ...] = ("",)
    own_nulls: tuple[tuple[str, tuple[str, ...]], ...] = ()
    names: tuple[str, ...] = ()
    dates: bool = True
    lone: bool = False
    """Whether there is one column: a line without anything is a null then, and no gap between rows."""

    beyond: ClassVar[str] = "string"
    hint: ClassVar[str] = "name the columns yourself: scan_csv(..., new_columns=[...])"

    @property
    def skipped(self) -> int:
        return self.skip_rows

    @property
    def header_rows(self) -> int:
        return int(self.has_header)

    def named(self, names: Sequence[str], given: bool = False) -> CsvFormat:
        known = replace(self, lone=len(names) == 1)
        if self.has_header and (given or not self.names):  # every file names its columns itself
            return known
        return replace(known, names=tuple(names))

    def _read(self, skip: int, names: Sequence[str], block: int | None = None, threads: bool = False) -> pacsv.ReadOptions:
        options = pacsv.ReadOptions(use_threads=threads, skip_rows=skip)
        if block:
            options.block_size = block
        if names:  # the header line, if there is one, is passed over
            options.column_names = list(names)
            options.skip_rows = skip + self.has_header
        else:
            options.autogenerate_column_names = not self.has_header
        return options

    def _parse(self) -> pacsv.ParseOptions:
        return pacsv.ParseOptions(
            delimiter=self.separator,
            quote_char=self.quote or False,
            newlines_in_values=self.quote is not None,
            ignore_empty_lines=not self.lone,
            invalid_row_handler=(lambda row: "skip") if self.ignore_errors else None,
        )

    def _convert(
        self, nulls: Sequence[str], types: Mapping[str, pa.DataType], columns: Sequence[str] | None = None
    ) -> pacsv.ConvertOptions:
        return pacsv.ConvertOptions(
            column_types=dict(types),
            null_values=list(nulls),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            include_columns=list(columns) if columns is not None else None,
        )

    def infer(self, block: bytes, names: list[str] | None) -> pa.Schema:
        if block and not block.endswith(b"\n"):
            block += b"\n"  # a line that is all there is counts only when it ends

        def look(nulls: Sequence[str], wanted: list[str] | None) -> pa.Schema:
            skip, given = (self.skip_rows, ()) if names is None else (0, names)
            read = self._read(skip, given, len(block) + 1)
            if names is not None:
                read.skip_rows = 0

            def table(types: Mapping[str, pa.DataType], columns: list[str] | None) -> pa.Table:
                return pacsv.read_csv(pa.BufferReader(block), read, self._parse(), self._convert(nulls, types, columns))

            def whole(name: str) -> bool:
                texts = table({name: pa.string()}, [name]).column(0)
                return bool(pc.all(pc.match_substring_regex(texts, r"^\s*[+-]?[0-9]+\s*$")).as_py())

            found = table({}, wanted)
            schema = with_whole(found, lambda name: table({name: pa.uint64()}, [name]), whole)
            for k, field in enumerate(schema):
                if pa.types.is_float64(field.type) and _no_fractions(found.column(k)) and whole(field.name):
                    schema = schema.set(k, field.with_type(pa.string()))  # +31885544: a number to call, not to add up
            return schema

        found = look(self.null_values, None)
        stored = found.names
        for name, nulls in self.own_nulls:
            here = self._at(stored, name) if names is None else name
            if here in stored and stored.count(here) == 1:
                found = found.set(found.get_field_index(here), look(nulls, [here]).field(here))
        if names is not None:
            return found
        return pa.schema([field.with_name(name) for field, name in zip(found, self._renamed(stored), strict=True)])

    def _renamed(self, stored: list[str]) -> list[str]:
        if len(self.names) > len(stored):
            raise ValueError(f"new_columns names {len(self.names)} columns, the file has {len(stored)}")
        # as Polars names them: column_0, column_1, ...
        given = stored if self.has_header else [f"column_{i}" for i in range(len(stored))]
        return [*self.names, *given[len(self.names) :]]

    def _at(self, stored: list[str], name: str) -> str:
        renamed = self._renamed(stored)
        return stored[renamed.index(name)] if name in renamed else name

    def usable(self, arrow: pa.DataType) -> pa.DataType:
        if pa.types.is_null(arrow) or pa.types.is_time(arrow) or pa.types.is_binary(arrow):
            return pa.string()  # nothing but nulls so far may be followed by anything
        if not self.dates and (pa.types.is_date(arrow) or pa.types.is_timestamp(arrow)):
            return pa.string()
        return arrow

    def table(self, opened: Opened, names: tuple[str, ...], types: Mapping[str, pa.DataType]) -> pa.Table:
        # without columns one is still read, to count the rows
        wanted = names or tuple(types)[:1]
        own = dict(self.own_nulls)
        groups: dict[tuple[str, ...], list[str]] = {}
        for name in wanted:
            groups.setdefault(own.get(name, self.null_values), []).append(name)
        columns: dict[str, pa.ChunkedArray] = {}
        for nulls, members in groups.items():
            part = self._part(opened, nulls, members, types)
            columns |= {name: part.column(name) for name in members}
        return pa.table(columns)

    def _part(self, opened: Opened, nulls: Sequence[str], names: list[str], types: Mapping[str, pa.DataType]) -> pa.Table:
        def read(types: Mapping[str, pa.DataType], threads: bool) -> pa.Table:
            block, source = _BLOCK, opened
            while True:
                try:
                    with source() as stream:
                        options = self._read(skip, self.names, block, threads)
                        return pacsv.read_csv(stream, options, self._parse(), self._convert(nulls, types, wanted))
                except pa.ArrowInvalid as e:  # a row must fit into a block, and so must the header with what is skipped
                    if source is opened and re.search("infer number of columns|Could not skip", str(e)):
                        text = _ended(opened)
                        source, block = partial(_over, text), min(max(block, len(text) + 1), _MOST)
                    elif "straddling" in str(e) and block < _MOST:
                        block = min(block * 16, _MOST)
                    else:
                        raise

        skip = self.skip_rows + (self._blanks(opened) if self.lone and self.has_header else 0)
        # a quote that is never closed shows in the last column of the last row
        last = next(reversed(tuple(types)), None) if self.quote is not None and not self.ignore_errors else None
        wanted = names if last is None or last in names else [*names, last]
        try:
            if last is not None and wanted is not names:
                types = {**types, last: pa.binary()}
            table = read(types, threads=not self.ignore_errors)  # the handler of rows is no safe thing for threads
            if last is not None:
                self._check_end(table.column(last), opened)
            return table
        except pa.ArrowInvalid as e:
            if last is not None and "\n" in str(e).strip():
                self._check_quotes(opened)
            if not self.ignore_errors or "CSV parse error" in str(e):
                raise
        texts = read(dict.fromkeys(names, pa.string()), threads=False)
        return pa.table({name: lenient(texts.column(name), types[name]) for name in names})

    def _blanks(self, opened: Opened) -> int:
        """Lines without anything before the header."""
        with opened() as stream:
            rows = islice(lines_of(stream), self.skip_rows, None)
            return sum(1 for _ in takewhile(lambda line: not line.strip(), rows))

    def _check_end(self, column: pa.ChunkedArray, opened: Opened) -> None:
        """Raise where the last field takes in lines that were to be rows, for a quote before it that none closes."""
        if not len(column) or not (pa.types.is_string(column.type) or pa.types.is_binary(column.type)):
            return
        value = column.cast(pa.binary())[-1].as_py()
        if value is not None and b"\n" in value:
            self._check_quotes(opened)

    def _check_quotes(self, opened: Opened) -> None:
        with opened() as stream:
            text = all_of(stream)
        start = 0
        for end in islice(re.finditer(rb"\r?\n|\r", text), self.skip_rows):
            start = end.end()
        quote, separator = (re.escape(str(c).encode()) for c in (self.quote, self.separator))
        pattern = rb"(?:\A|(?<=[\r\n%b]))%b(?:[^%b]++|%b%b)*+(%b?)" % (separator, *[quote] * 5)
        for field in re.compile(pattern).finditer(text[start:]):
            if not field.group(1):
                line = text.count(b"\n", 0, start + field.start()) + 1
                where = "" if self.comment else f" on line {line}"
                raise ValueError(
                    f"the quote that opens a field{where} is never closed; pass quote_char=None if quotes mean nothing"
                )

    def explain(self, file: File, error: BaseException, types: Mapping[str, pa.DataType], names: Sequence[str]) -> BaseException:
        text = str(error)
        position = re.search(r"In CSV column #(\d+)", text)
        if "CSV parse error: Expected" in text or re.search(r"Expected \d+ columns", text):
            width = int(next(iter(re.findall(r"Expected (\d+) columns", text)), 0))
            line = self._line(file, lambda row: len(row) != width)
            hint = "Look at the separator and the quotes of that line, or pass ignore_errors=True to leave such lines out"
            return failure(file.path, f"{_at(line)}{text}. {hint}")
        if position and int(position.group(1)) < len(types):
            value = re.search(r"(?:invalid value|The string) '(.*?)'", text, re.DOTALL)
            if value and len(value.group(1)) > _SHOWN:
                text = text.replace(value.group(1), value.group(1)[:_SHOWN] + "…")
            column, line = self._column(file, int(position.group(1)), value.group(1) if value else None, types)
            hint = (
                'Name its encoding: encoding="utf8-lossy", or another'
                if "UTF8" in text
                else (
                    f"Give its type: scan_csv(..., schema_overrides={{{column!r}: 'string'}}), look at more rows "
                    "(infer_schema_length=None), name what means null (null_values=[...]), or pass ignore_errors=True"
                )
            )
            return failure(file.path, f"{_at(line)}{text}. {hint}", column=column)
        return error

    def _column(self, file: File, position: int, value: str | None, types: Mapping[str, pa.DataType]) -> tuple[str, int | None]:
        """The name of a column of this file, and the line of the first row that holds the value there."""
        header = next(self._rows(file), (0, []))[1] if self.has_header and not self.names else list(self.names or types)
        column = header[position] if position < len(header) else list(types)[position]
        line = None if value is None else self._line(file, lambda row: len(row) > position and row[position] == value)
        return column, line

    def _line(self, file: File, wrong: Any) -> int | None:
        """The number of the line on which the first row begins that is wrong; None where none is found."""
        rows = self._rows(file)
        if self.has_header:
            next(rows, None)
        return next((line for line, row in rows if row and wrong(row)), None)

    def _rows(self, file: File) -> Iterator[tuple[int, list[str]]]:
        """Rows as texts, with the number of the line on which each begins (from 1)."""
        with replace(self, comment=None).opened(file) as stream:
            place = [0, 0]  # the line last read, and the one the row began on

            def lines() -> Iterator[str]:
                for line in io.TextIOWrapper(io.BufferedReader(stream), encoding="utf-8-sig", errors="replace", newline=""):
                    place[0] += 1
                    if place[0] <= self.skip_rows or (self.comment is not None and line.startswith(self.comment)):
                        continue
                    place[1] = place[1] or place[0]
                    yield line

            quoting: dict[str, Any] = {"quotechar": self.quote} if self.quote else {"quoting": csv.QUOTE_NONE}
            try:
                for row in csv.reader(lines(), delimiter=self.separator, **quoting):
                    yield place[1], row
                    place[1] = 0
            except csv.Error:  # a field too long for this reader: the line is not found
                return


def _no_fractions(data: pa.ChunkedArray) -> bool:
    return data.null_count < len(data) and bool(pc.all(pc.equal(data, pc.trunc(data))).as_py())


def _over(text: bytes) -> AbstractContextManager[Any]:
    return nullcontext(pa.BufferReader(text))


def _ended(opened: Opened) -> bytes:
    """All of the text with an end to its last line: a line that is all there is counts only then."""
    with opened() as stream:
        text = all_of(stream)
    return text + b"\n" if text and not text.endswith(b"\n") else text


def _at(line: int | None) -> str:
    return "" if line is None else f"line {line}: "


class CsvSource(TextSource):
    """Delimited text files with one header. See `gpuflow.io.scan_csv`."""

    def __init__(
        self,
        paths: Paths,
        options: ScanOptions | None = None,
        *,
        separator: str = ",",
        has_header: bool = True,
        quote_char: str | None = '"',
        comment_prefix: str | None = None,
        skip_rows: int = 0,
        null_values: str | Sequence[str] | Mapping[str, str | Sequence[str]] | None = None,
        try_parse_dates: bool = True,
        encoding: str = "utf8",
        new_columns: Sequence[str] | None = None,
        schema_overrides: Mapping[str, DType | str] | None = None,
        infer_schema_length: int | None = 10_000,
        ignore_errors: bool = False,
    ) -> None:
        for what, value in (("separator", separator), ("quote_char", quote_char)):
            if value is not None and (not isinstance(value, str) or len(value.encode()) != 1):
                raise TypeMismatchError(f"{what} must be one ASCII character, not {value!r}")
            if value is not None and value in "\r\n":
                raise TypeMismatchError(f"{what}={value!r} ends a line, and cannot stand in it")
        if separator == quote_char:
            raise TypeMismatchError(f"separator and quote_char are both {separator!r}")
        if comment_prefix is not None and (not comment_prefix or "\n" in comment_prefix):
            raise TypeMismatchError(f"comment_prefix={comment_prefix!r} is no beginning of a line")
        if encoding != "utf8-lossy":
            try:
                "".encode(encoding)
            except (LookupError, TypeError) as e:  # of bytes into bytes, or of texts into texts, is a LookupError too
                raise TypeMismatchError(f"encoding={encoding!r} is not one that Python knows, nor 'utf8-lossy'") from e
        own = null_values if isinstance(null_values, Mapping) else {}
        text = CsvFormat(
            encoding="utf8" if encoding.lower() in ("utf8", "utf-8") else encoding,
            comment=comment_prefix,
            quote=quote_char,
            ignore_errors=ignore_errors,
            separator=separator,
            has_header=has_header,
            skip_rows=skip_rows,
            null_values=_nulls(() if null_values is own else null_values),
            own_nulls=tuple((name, _nulls(values)) for name, values in own.items()),
            names=tuple(new_columns or ()),
            dates=try_parse_dates,
        )
        super().__init__(
            paths,
            text,
            options or ScanOptions(),
            suffixes=SUFFIXES,
            what="CSV",
            sample=infer_schema_length,
            overrides=schema_overrides,
        )
        for name in own:
            if name not in self.types:
                raise TypeMismatchError(f"null_values names {name!r}, which is no column; columns are {list(self.types)}")


def _nulls(values: Any) -> tuple[str, ...]:
    """What means null where it stands without quotes: nothing at all, always, and what is asked for."""
    return tuple(dict.fromkeys(["", *([values] if isinstance(values, str) else values or ())]))
