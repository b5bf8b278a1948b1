"""Parse one block of whole records of delimited text by pyarrow; where it fails, find the line and the way out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from gpuflow_kernels.primitives.cpu import delimited as d

from gpuflow.errors import ReadError
from gpuflow.io.datasets.files import File, failure

from .inference import lenient
from .numbers import Numbers, hexadecimal
from .records import MOST, Block, Dialect

_SHOWN = 100
"""Characters of a value that an error shows at most."""
_TRUE, _FALSE = ([*map("".join, product(*zip(word, word.upper(), strict=True)))] for word in ("true", "false"))
"""In any case, as in Polars. Never 1 and 0, which pyarrow takes too: numbers would silently become booleans."""


@dataclass(frozen=True)
class CsvOptions:
    """How fields are separated, quoted and written. Picklable.

    `own_nulls` are the null values of single columns, by name. Empty fields are always null, except for strings without
    `empty_string_is_null`.
    """

    separator: str = ","
    quote: str | None = '"'
    comment: str | None = None
    line_end: str = "\n"
    null_values: tuple[str, ...] = ()
    own_nulls: tuple[tuple[str, tuple[str, ...]], ...] = ()
    empty_string_is_null: bool = True
    truncate_ragged_lines: bool = False
    ignore_errors: bool = False
    numbers: Numbers = field(default_factory=Numbers)

    @property
    def dialect(self) -> Dialect:
        return Dialect(
            self.separator.encode(),
            ord(self.quote) if self.quote else -1,
            (self.comment or "").encode(),
            d.NEWLINE if self.line_end == "\n" else ord(self.line_end),
        )

    def nulls(self, name: str, arrow: pa.DataType | None) -> tuple[str, ...]:
        """Return the unquoted fields that mean null in a column of a type."""
        given = dict(self.own_nulls).get(name, self.null_values)
        is_text = arrow is not None and pa.types.is_string(arrow)
        return given if is_text and not self.empty_string_is_null else tuple(dict.fromkeys(("", *given)))


class CsvRows:
    """The rows of a block, of columns with `names`."""

    def __init__(self, block: Block, names: Sequence[str], options: CsvOptions, file: File) -> None:
        self._block, self._names, self._options, self._file = block, list(names), options, file
        self._text: tuple[bytes, str, str | None] | None = None
        self._rows: np.ndarray[Any, Any] | None = None
        if block.plain:
            end = b"" if block.text.endswith((b"\n", b"\r")) else b"\n"
            self._text = block.text + end, options.separator, options.quote

    @property
    def may_hold_hexadecimal(self) -> bool:
        text = self._block.text
        if b"x" not in text and b"X" not in text:
            return False
        data = np.frombuffer(text, np.uint8)  # bytes.find is slow where x or 0 are many
        return bool(np.any((data[:-1] == ord("0")) & (data[1:] | 32 == ord("x"))))

    def table(self, columns: Sequence[str], types: Mapping[str, pa.DataType]) -> pa.Table:
        """Read columns as given types.

        Raises
        ------
        ReadError
            With line and column, where a row has too many fields, or a value is none of its type.
        """
        groups: dict[tuple[str, ...], dict[str, pa.DataType]] = {}
        for name in columns:
            groups.setdefault(self._options.nulls(name, types[name]), {})[name] = types[name]
        made: dict[str, pa.ChunkedArray] = {}
        for nulls, members in groups.items():
            made |= self._converted(nulls, members)
        return pa.table({name: made[name] for name in columns})

    def _converted(self, nulls: tuple[str, ...], types: Mapping[str, pa.DataType]) -> dict[str, pa.ChunkedArray]:
        numbers = self._options.numbers
        as_text = {name for name, kind in types.items() if numbers.has_own_form(kind)}
        try:
            stored = {name: pa.string() if name in as_text else kind for name, kind in types.items()}
            table = self.read(nulls, stored, list(types))
            made = {name: table.column(name) for name in types}
            self._refuse_hex(made, nulls)
            return {name: numbers.column(data, types[name]) if name in as_text else data for name, data in made.items()}
        except pa.ArrowInvalid as e:
            if not self._options.ignore_errors or "CSV parse error" in str(e):
                raise self._located(e, nulls, types) from e
        texts = self.read(nulls, dict.fromkeys(types, pa.string()), list(types))
        return {name: lenient(_words(numbers.plain(texts.column(name), kind), kind), kind) for name, kind in types.items()}

    def read(self, nulls: Sequence[str], types: Mapping[str, pa.DataType], columns: list[str] | None = None) -> pa.Table:
        """Read columns by pyarrow; it infers the types that are not given.

        Raises
        ------
        pyarrow.ArrowInvalid
            Where a value is none of its type.
        ReadError
            Where a row has too many fields.
        """
        if self._text is not None:
            try:
                return self._parsed(self._text, nulls, types, columns)
            except pa.ArrowInvalid as e:
                if self._rows is not None or not re.search(r"Expected \d+ columns", str(e)):
                    raise
        self._rows = self._with_width()
        written, separator = self._block.rewritten(len(self._names), self._rows)
        self._text = written, separator, self._options.quote or '"'
        return self._parsed(self._text, nulls, types, columns)

    def _parsed(
        self, written: tuple[bytes, str, str | None], nulls: Sequence[str], types: Mapping[str, Any], columns: list[str] | None
    ) -> pa.Table:
        text, separator, quote = written
        names = self._names
        if not text.strip(b"\r\n") and (len(names) > 1 or not text):
            return pa.schema([(name, types.get(name, pa.null())) for name in columns or names]).empty_table()
        if len(text) > MOST:
            raise failure(self._file.path, f"a record near line {self._block.line} has more than {MOST:,} bytes")
        return pacsv.read_csv(
            pa.BufferReader(text),
            pacsv.ReadOptions(use_threads=False, column_names=names, block_size=len(text) + 1),
            pacsv.ParseOptions(
                delimiter=separator,
                quote_char=quote or False,
                newlines_in_values=quote is not None,
                ignore_empty_lines=len(names) > 1,
            ),
            pacsv.ConvertOptions(
                column_types=dict(types),
                null_values=list(nulls),
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                include_columns=columns,
                decimal_point=self._options.numbers.decimal,
                true_values=_TRUE,
                false_values=_FALSE,
            ),
        )

    def _with_width(self) -> np.ndarray[Any, Any]:
        """Return the rows; drop those with too many fields, or raise, as the options say."""
        rows, width = self._block.rows, len(self._names)
        far = rows[:, d.FIELDS] > width
        if self._options.truncate_ragged_lines or not far.any():
            return rows
        if self._options.ignore_errors:
            return rows[~far]
        start, stop, fields = (int(v) for v in rows[int(np.argmax(far))])
        text = self._block.text[start:stop].decode("utf-8", "replace")
        raise failure(
            self._file.path,
            f"line {self._block.line_of(start)}: Expected {width} columns, got {fields}: {_short(text)}. Look at the separator "
            f"and the quotes of that line{self._other_separator()}; truncate_ragged_lines=True cuts such lines, "
            "ignore_errors=True leaves them out",
        )

    def _other_separator(self) -> str:
        """Suggest another separator if the header is a single name that contains one."""
        if len(self._names) == 1:
            for sign in ";\t|":
                if sign in self._names[0]:
                    return f": the header has {sign!r}, so try separator={sign!r}"
        return ""

    def _refuse_hex(self, made: Mapping[str, pa.ChunkedArray], nulls: Sequence[str]) -> None:
        """Raise `pyarrow.ArrowInvalid` where pyarrow read 0x1F as an integer: it is text, as in Polars."""
        names = [name for name, data in made.items() if pa.types.is_integer(data.type)]
        if names and self.may_hold_hexadecimal:
            texts = self.read(nulls, dict.fromkeys(names, pa.string()), names)
            for name in names:
                wrong = hexadecimal(texts.column(name))
                if pc.any(wrong).as_py():
                    row = pc.index(wrong, True).as_py()
                    at = f"In CSV column #{self._names.index(name)}: Row #{row + 1}: "
                    raise pa.ArrowInvalid(f"{at}CSV conversion error to {made[name].type}: invalid value")

    def _located(self, error: pa.ArrowInvalid, nulls: Sequence[str], types: Mapping[str, pa.DataType]) -> ReadError:
        """Make the error for a value that does not fit its type, with line and column."""
        match = re.search(r"In CSV column #(\d+): Row #(\d+)", str(error))
        if match:
            name, row = self._names[int(match.group(1))], int(match.group(2)) - 1
        else:
            place = self._in_own_form(nulls, types)
            if place is None:
                return failure(self._file.path, error)
            name, row = place
        rows = self._block.rows if self._rows is None else self._rows
        start, stop, _ = (int(v) for v in rows[row])
        line = self._block.line_of(start)
        if "UTF8" in str(error):
            hint = "Name its encoding: encoding='utf8-lossy', or another"
            return failure(self._file.path, f"line {line}: it holds invalid UTF8 data. {hint}", column=name)
        fields = self._block.fields(start, stop)
        value = fields[self._names.index(name)] if self._names.index(name) < len(fields) else ""
        hint = (
            f"Give its type: scan_csv(..., schema_overrides={{{name!r}: 'string'}}), look at more rows "
            "(infer_schema_length=None), name what means null (null_values=[...]), or pass ignore_errors=True"
        )
        why = f"CSV conversion error to {types[name]}: invalid value {_short(value)!r}"
        return failure(self._file.path, f"line {line}: {why}. {hint}", column=name)

    def _in_own_form(self, nulls: Sequence[str], types: Mapping[str, pa.DataType]) -> tuple[str, int] | None:
        """Find column and row of the first field, among those with separated thousands, that is no number."""
        numbers = self._options.numbers
        names = [name for name, kind in types.items() if numbers.has_own_form(kind)]
        texts = self.read(nulls, dict.fromkeys(names, pa.string()), names)
        for name in names:
            data = lenient(numbers.plain(texts.column(name), types[name]), types[name])
            wrong = pc.and_(pc.is_null(data), pc.is_valid(texts.column(name)))
            if pc.any(wrong).as_py():
                return name, pc.index(wrong, True).as_py()
        return None


def _words(texts: pa.ChunkedArray, arrow: pa.DataType) -> pa.ChunkedArray:
    """Replace everything but true and false by null if the target type is bool: pyarrow also takes 1 and 0."""
    if not pa.types.is_boolean(arrow):
        return texts
    return pc.if_else(pc.match_substring_regex(texts, r"^(?i:true|false)$"), texts, None)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
