"""Columns on the array level: typed values with an optional validity."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .dtypes import DType


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One contiguous column.

    Attributes
    ----------
    dtype : DType
    values : 1-D contiguous NumPy or CuPy array of ``dtype.storage``
        For strings the int32 codes into `dictionary`. Values under a null are arbitrary (codes stay inside the
        dictionary or are 0), and no kernel may trap on them.
    validity : array of bool with the same length, or None
        True where the value is valid; None when every value is.
    dictionary : object, optional
        Strings only: the distinct values, opaque here. Two columns share codes only if this is the same object.
    """

    dtype: DType
    values: Any
    validity: Any = None
    dictionary: Any = None
    facts: dict[str, Any] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def nbytes(self) -> int:
        """Bytes of values and validity (a dictionary may be shared and is not counted)."""
        return int(self.values.nbytes) + (0 if self.validity is None else int(self.validity.nbytes))

    def take(self, index: Any) -> Column:
        """The rows at `index` (an integer or boolean array, or a slice)."""
        validity = None if self.validity is None else self.validity[index]
        return Column(self.dtype, self.values[index], validity, self.dictionary)


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """A horizontal piece of a table: columns of equal length, by position. `length` counts even without columns."""

    columns: tuple[Column, ...]
    length: int

    def __len__(self) -> int:
        return self.length

    @property
    def nbytes(self) -> int:
        return sum(c.nbytes for c in self.columns)

    def take(self, index: Any, length: int) -> Chunk:
        return Chunk(tuple(c.take(index) for c in self.columns), length)

    def select(self, positions: tuple[int, ...]) -> Chunk:
        return Chunk(tuple(self.columns[p] for p in positions), self.length)
