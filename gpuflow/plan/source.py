"""What a plan knows of where rows come from. `gpuflow.io` implements it; planning never reads data through it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from gpuflow_kernels.column import Chunk
from gpuflow_kernels.ir.expressions import Row

from gpuflow.schema import Schema


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """What is known of a column without reading it; None where unknown. `low` and `high` are physical values and
    bound every valid value (never given for floats that may hold NaN)."""

    low: Any = None
    high: Any = None
    nulls: int | None = None


class RowSelector(ABC):
    """Select rows of a split by the values of some of its columns."""

    columns: tuple[str, ...]

    @abstractmethod
    def rows(self, chunk: Chunk) -> Any:
        """The numbers of the rows that are wanted, ascending, given `columns` of all rows; None where most of them are."""


class Split(ABC):
    """One partition's worth of rows, not read yet. Picklable; becomes the argument of one task.

    `rows` and `nbytes` are exact for files with footers, estimates (or None) otherwise.
    """

    rows: int | None
    nbytes: int | None

    @abstractmethod
    def read(self, columns: tuple[str, ...]) -> Chunk:
        """These columns, in this order, on the host. Raises `ReadError`."""

    def read_some(self, columns: tuple[str, ...], selector: RowSelector | None) -> Chunk:
        """The same, but rows that `selector` does not want may be left out, where that spares work."""
        return self.read(columns)

    def narrow(self, columns: tuple[str, ...]) -> Split:
        """The same rows, for a reader that will only ask for `columns`: what to send to another process."""
        return self


class Source(ABC):
    """A table that can be scanned.

    Examples
    --------
    >>> from gpuflow.io import from_dict
    >>> source = from_dict({"x": [1, None]})
    >>> isinstance(source, Source), source.schema, source.rows()
    (True, Schema(x: int64), 2)
    """

    schema: Schema
    token: str
    """Identity of the content: paths with size and mtime for files, the object's identity in memory."""
    decoded: bool = False
    """Whether columns lie in memory as kernels read them. What has to be decoded is cut into partitions for many cores."""
    label: str
    """Short description for explain: ``parquet flights/ (12 files)``."""
    unsupported: Mapping[str, str] = MappingProxyType({})
    """Columns that are there but cannot be used, and are not in `schema`: name -> reason, with the way out."""

    @abstractmethod
    def splits(self, predicate: Row | None, partition_rows: int | None = None) -> list[Split]:
        """The partitions that can hold a row for which `predicate` is true, by statistics alone (no data is read).

        `predicate` is over column names of `schema`; what cannot be judged is kept. `partition_rows` asks for a
        partition size. At least one split is returned, if need be an empty one.
        """

    @abstractmethod
    def rows(self) -> int | None:
        """Number of rows where known without reading, else None."""

    def statistics(self, column: str) -> ColumnStatistics:
        """What is known of the column over the whole source."""
        return ColumnStatistics()
