"""Read text in which every line is a row, in blocks cut between lines."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pyarrow as pa

from gpuflow.io.datasets.files import File

from .source import BLOCK_BYTES, TextFormat

Opened = Callable[[], AbstractContextManager[Any]]
"""Opens the text; may be called more than once."""


class LinesFormat(TextFormat):
    """A format in which every line is a row."""

    @abstractmethod
    def infer(self, block: bytes) -> pa.Schema:
        """Infer names and types from some lines."""

    @abstractmethod
    def table(self, opened: Opened, names: tuple[str, ...], types: Mapping[str, pa.DataType]) -> pa.Table:
        """Read these columns of all rows; without columns only count the rows. Raises what pyarrow raises, or `ReadError`."""

    def schemas(self, file: File, rows: int | None) -> Iterator[pa.Schema]:
        return map(self.infer, self.blocks(file, rows))

    def read(self, file: File, names: tuple[str, ...], types: Mapping[str, pa.DataType], most: int | None) -> pa.Table:
        if most is None:
            return self.table(lambda: self.opened(file), names, types)
        head = b"".join(self.blocks(file, most))
        return self.table(lambda: nullcontext(pa.BufferReader(head)), names, types)

    def blocks(self, file: File, rows: int | None) -> Iterator[bytes]:
        """Yield the text in blocks cut between lines: up to `rows` lines that are not blank, or all."""
        with self.opened(file) as stream:
            lines: list[bytes] = []
            size, remaining = 0, rows
            for line in lines_of(stream):
                if not lines and not size:
                    self.refuse_foreign(file, line)
                lines.append(line)
                size += len(line)
                if not line.strip():
                    continue
                if remaining is not None:
                    remaining -= 1
                    if remaining <= 0:
                        break
                if size >= BLOCK_BYTES:
                    yield b"".join(lines)
                    lines, size = [], 0
            if lines or rows is not None:
                yield b"".join(lines)


def lines_of(stream: Any) -> Iterator[bytes]:
    parts: list[bytes] = []
    while block := stream.read(1 << 20):
        first, *whole = block.split(b"\n")
        parts.append(first)
        if whole:
            yield b"".join(parts) + b"\n"
            yield from (line + b"\n" for line in whole[:-1])
            parts = whole[-1:]
    if any(parts):
        yield b"".join(parts)


def all_of(stream: Any) -> bytes:
    """Read the rest of a stream of unknown length."""
    return b"".join(iter(lambda: stream.read(1 << 20), b""))
