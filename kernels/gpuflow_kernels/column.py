"""Columns on the array level: typed values with an optional validity."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .dtypes import INT64, UINT64, DType


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One contiguous column.

    Attributes
    ----------
    dtype : DType
    values : 1-D contiguous NumPy or CuPy array of ``dtype.storage``
        For strings and other types without numbers int32 codes into `dictionary`. Values under a null are arbitrary (codes are
        inside the dictionary or 0), and no kernel may trap on them.
    validity : array of bool with the same length, or None
        True where the value is valid; None when every value is.
    dictionary : object, optional
        The values that codes number (`DType.is_coded`), opaque here. Codes of two columns compare only if this is the same
        object.
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

    def _array(self) -> Any:
        """Return the values of a column of numbers or bools without nulls; raise for any other."""
        if self.dtype.kind not in ("int", "uint", "float", "bool"):
            raise BufferError(f"a column of {self.dtype} is no plain array of numbers")
        if self.validity is not None and not bool(self.validity.all()):
            raise BufferError(f"a column of {self.dtype} with nulls is no plain array; use fill_null(...) or drop_nulls()")
        return self.values

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        """The values on the device, for numbers and bools without nulls; other columns lack this attribute."""
        try:
            return self._array().__cuda_array_interface__  # type: ignore[no-any-return]
        except BufferError as e:
            raise AttributeError(str(e)) from None

    def __dlpack__(self, **options: Any) -> Any:
        """Export the values by DLPack, shared, for numbers and bools without nulls; they must not be written to.

        Raises
        ------
        BufferError
            For any other column.
        """
        return self._array().__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        """Return kind and number of the device that the values are on."""
        kind, number = self._array().__dlpack_device__()
        return int(kind), int(number)

    def take(self, index: Any) -> Column:
        """Select the rows at `index` (an integer or boolean array, or a slice)."""
        validity = None if self.validity is None else self.validity[index]
        return Column(self.dtype, self.values[index], validity, self.dictionary)


def limbs(column: Column) -> tuple[Column, Column]:
    """Split a column of wide decimals into its upper (int64) and lower (uint64) limbs, in this order."""
    words = column.values.view("int64")
    return Column(INT64, words[1::2], column.validity), Column(UINT64, words[::2].view("uint64"), column.validity)


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
