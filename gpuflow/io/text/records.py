"""Cut delimited text into blocks of whole records, so that no reader sees a part of a record.

A kernel finds where records end (`gpuflow_kernels.primitives.cpu.delimited`). Blocks in which only quoted fields contain quotes
are cut without it (`record_ends`).
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from gpuflow_kernels.primitives.cpu import delimited as d
from gpuflow_kernels.primitives.cpu.compiled import compiled

from .compression import LOOKED
from .record_ends import last_end

BLOCK = 1 << 20
"""Bytes read and parsed at once: larger blocks leave a core's own cache, smaller ones make more parts to concatenate."""
MOST = (1 << 31) - (1 << 16)
"""Most bytes of a record: as many as pyarrow parses at once."""
_PEEKED = 1 << 16
"""Bytes in which the first line end is searched."""
_SMALL = 2048
"""Bytes of text below which the kernel runs uncompiled, which takes less time than loading it."""


@dataclass(frozen=True)
class Dialect:
    """How records are written.

    `separator` may have several bytes; `quote` is a byte, or -1. Lines that begin with `comment` are no records; empty lines are
    records if `blanks`. `ends` is one of the kernel's kinds of line ends, or a byte.
    """

    separator: bytes
    quote: int = -1
    comment: bytes = b""
    ends: int = d.NEWLINE
    blanks: bool = False


@dataclass(frozen=True)
class Block:
    """Whole records. `line` is the number of the line on which the first one begins; the `last` block ends the file."""

    text: bytes
    line: int
    dialect: Dialect
    last: bool = False

    @cached_property
    def records(self) -> np.ndarray[Any, Any]:
        """Table of records and comments: where each begins and ends, and its number of fields."""
        return find(self.text, self.dialect, last=self.last)[0]

    @cached_property
    def rows(self) -> np.ndarray[Any, Any]:
        """Records that are rows."""
        table = self.records
        return table[(table[:, d.FIELDS] > 0) | ((table[:, d.FIELDS] == d.BLANK) & self.dialect.blanks)]

    @property
    def width(self) -> int:
        """Fields of the widest row."""
        return int(self.rows[:, d.FIELDS].max(initial=0))

    def line_of(self, place: int) -> int:
        """Return the number of the line that a position in the text is on."""
        return self.line + lines_in(self.text[:place], self.dialect)

    def fields(self, start: int, stop: int) -> list[str]:
        """Return the fields of the record between two positions."""
        return fields_of(self.text[start:stop], self.dialect, "replace")

    @cached_property
    def plain(self) -> bool:
        """Whether pyarrow's parser, which knows separators, quotes and blank lines, can parse this text unchanged."""
        text, dialect = self.text, self.dialect
        if len(dialect.separator) > 1 or dialect.ends not in (d.NEWLINE, d.RETURN):
            return False
        if _may_hold_comments(text, dialect):
            return False
        return dialect.ends == d.RETURN or b"\r" not in text or _returns_stand_before_newlines(text)

    def rewritten(self, width: int, rows: np.ndarray[Any, Any] | None = None) -> tuple[bytes, str]:
        """Rewrite some rows, or all, with `width` fields each, in a dialect that pyarrow parses; also return its separator."""
        dialect, rows = self.dialect, self.rows if rows is None else rows
        mark = dialect.quote if dialect.quote >= 0 else ord('"')
        apart = dialect.separator if len(dialect.separator) == 1 else b"\x1f"
        room = 2 * len(self.text) + int(rows[:, d.FIELDS].clip(0).sum()) * 3 + len(rows) * (width + 1)
        out = np.empty(room, np.uint8)
        run = d.rewritten if len(self.text) < _SMALL else compiled(d.rewritten)
        size = run(_bytes(self.text), rows, _bytes(dialect.separator), dialect.quote, dialect.ends, width, mark, apart[0], out)
        return out[:size].tobytes(), apart.decode("latin-1")


def find(text: bytes, dialect: Dialect, *, last: bool, most: int = MOST, place: int = 0) -> tuple[np.ndarray[Any, Any], int, int]:
    """Find records in a text, at most `most` of them: the table of records and comments, where they end, and the kernel's
    flags."""
    data, summary = _bytes(text), np.zeros(2, np.int64)
    ends = (d.NEWLINE, d.RETURN) if dialect.ends in (d.NEWLINE, d.RETURN) else (dialect.ends,)
    table = np.empty((sum(text.count(bytes([end])) for end in ends) + 1, 3), np.int64)
    run = d.records if len(text) < _SMALL else compiled(d.records)
    separator, comment = _bytes(dialect.separator), _bytes(dialect.comment)
    count = run(
        data, place, int(last), separator, dialect.quote, comment, dialect.ends, most, int(dialect.blanks), table, summary
    )
    return table[:count], int(summary[0]), int(summary[1])


def fields_of(record: bytes, dialect: Dialect, errors: str = "strict") -> list[str]:
    """Split one record into fields. Raises `UnicodeDecodeError` where they are no text."""
    data, separator, place, fields = _bytes(record), _bytes(dialect.separator), 0, []
    run = d.field_end if len(record) < _SMALL else compiled(d.field_end)
    while place <= len(record):
        begin = place
        place, close, _ = run(data, begin, len(record), separator, dialect.quote, dialect.ends)
        place, close = int(place), int(close)
        if close == -1:
            field = record[begin:place]
        else:
            quote = bytes([dialect.quote])
            inner = record[begin + 1 : close if close > 0 else place].replace(quote * 2, quote)
            field = inner + (record[close + 1 : place] if close > 0 else b"")
        fields.append(field.decode("utf-8", errors))
        place += len(separator)
    return fields


def lines_in(text: bytes, dialect: Dialect) -> int:
    """Count the line ends in a text, those in quotes included."""
    if dialect.ends == d.RETURN:
        return text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n")
    return int(np.count_nonzero(_bytes(text) == dialect.ends))  # many times as fast as bytes.count where lines are short


def _bytes(text: bytes) -> np.ndarray[Any, Any]:
    return np.frombuffer(text, np.uint8)


def _returns_stand_before_newlines(text: bytes) -> bool:
    """Return whether a newline follows every return, except one that ends the text."""
    data = _bytes(text)
    return not np.any((data[:-1] == d.RETURN) & (data[1:] != d.NEWLINE))


def _may_hold_comments(text: bytes, dialect: Dialect) -> bool:
    comment, ends = dialect.comment, {b"\n", b"\r", bytes([dialect.ends])}
    return bool(comment) and (text.startswith(comment) or any(end + comment in text for end in ends))


class Records:
    """A stream of delimited text, from which records are read one by one, then in blocks.

    If the dialect says `NEWLINE` but no newline ends the first record, single returns end lines.

    Parameters
    ----------
    stream : object with a method ``read``
        Text in UTF-8.
    dialect : Dialect
    size : int
        Bytes of a block.
    strict : bool
        Whether an unclosed quote is an error.

    Raises
    ------
    ValueError
        When a record is larger than can be parsed, or a quote is not closed; with the line.
    """

    def __init__(self, stream: Any, dialect: Dialect, size: int = BLOCK, *, strict: bool = True) -> None:
        self._stream, self._size, self._strict, self._line = stream, max(1, size), strict, 1
        self._rest, self._ended = b"", False
        self._fill(_PEEKED)
        self.start = self._rest[:LOOKED]
        """The first bytes of the stream."""
        self._rest = self._rest.removeprefix(codecs.BOM_UTF8)
        if dialect.ends == d.NEWLINE and b"\r" in self._rest[:-1]:
            table, _, flags = find(self._rest, dialect, last=True, most=1)
            if table[0, d.STOP] >= len(self._rest) - 1 and flags & (d.RETURNS | d.COMMENTS):
                dialect = replace(dialect, ends=d.RETURN)
        self.dialect = dialect

    def _fill(self, size: int) -> None:
        parts, missing = [self._rest], size - len(self._rest)
        while missing > 0 and not self._ended:
            parts.append(self._stream.read(missing))
            self._ended = not parts[-1]
            missing -= len(parts[-1])
        self._rest = b"".join(parts)

    def _next(self, size: int, dialect: Dialect, most: int | None) -> Block | None:
        """Read about `size` bytes of whole records, at most `most` of them; None at the end."""
        while True:
            self._fill(size)
            text = self._rest[:size]
            last = self._ended and len(self._rest) <= size
            if not text:
                return None
            block = self._cut(text, dialect, most, last)
            if block.text or last:
                self._rest = self._rest[len(block.text) :]
                self._line += lines_in(block.text, dialect)
                return block
            if size >= MOST:
                raise ValueError(f"the record that begins on line {self._line} has more than {MOST:,} bytes{_UNQUOTED}")
            size = min(2 * size, MOST)

    def _cut(self, text: bytes, dialect: Dialect, most: int | None, last: bool) -> Block:
        quick = most is None and dialect.ends != d.RETURN
        if dialect.quote >= 0:
            quick = quick and len(dialect.separator) == 1 and not _may_hold_comments(text, dialect)
        stop = last_end(text, dialect.separator[0], dialect.quote, dialect.ends) if quick else None
        if stop is not None and (not last or stop == len(text)):
            return Block(text[:stop], self._line, dialect, last)
        table, stop, flags = find(text, dialect, last=last, most=MOST if most is None else most)
        block = Block(text[:stop], self._line, dialect, last and stop == len(text))
        if flags & d.OPEN and self._strict:
            place = _open_quote(text, int(table[-1, d.START]), dialect)
            raise ValueError(f"the quote that opens a field on line {block.line_of(place)} is never closed{_UNQUOTED}")
        block.__dict__["records"] = table  # fills the cached property
        return block

    def fields(self, record: bytes) -> list[str]:
        """Split a record into fields. Raises `UnicodeDecodeError` where they are no text."""
        return fields_of(record, self.dialect)

    def take(self, count: int, *, blanks: bool, raw: bool = False) -> list[tuple[bytes, int]]:
        """Read the next records with their line numbers, fewer at the end.

        Comments are skipped, and empty lines unless `blanks`. With `raw`, lines are read instead of records."""
        dialect = replace(self.dialect, blanks=blanks or raw)
        if raw:
            dialect = replace(dialect, quote=-1, comment=b"")
        taken: list[tuple[bytes, int]] = []
        while len(taken) < count:
            block = self._next(_SMALL - 1, dialect, count - len(taken))
            if block is None:
                break
            for row in block.rows:
                taken.append((block.text[row[d.START] : row[d.STOP]], block.line_of(int(row[d.START]))))
        return taken

    def blocks(self, *, blanks: bool, most: int | None = None) -> Iterator[Block]:
        """Yield the rest of the stream in blocks of whole records, at most `most` records."""
        dialect = replace(self.dialect, blanks=blanks)
        while most is None or most > 0:
            block = self._next(self._size, dialect, most)
            if block is None:
                return
            if most is not None:
                most -= len(block.rows)
            yield block


_UNQUOTED = "; pass quote_char=None if quotes mean nothing"


def _open_quote(text: bytes, place: int, dialect: Dialect) -> int:
    """Find the field with the unclosed quote in the record that begins at `place`."""
    data, separator, close = _bytes(text), _bytes(dialect.separator), 0
    run = d.field_end if len(text) < _SMALL else compiled(d.field_end)
    while True:
        begin = place
        place, close, _ = run(data, begin, len(text), separator, dialect.quote, dialect.ends)
        if close == -2:
            return begin
        place = int(place) + len(separator)
