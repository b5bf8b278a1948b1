"""What a table in memory is made of, and what takes its rows and columns as they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from numbers import Integral
from operator import index as whole
from typing import TYPE_CHECKING, Any, Self, overload

from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.declare.choices import is_one_of

from gpuflow.errors import (
    ColumnNotFoundError,
    DuplicateNameError,
    OutOfBoundsError,
    PlanError,
    ShapeError,
    TypeMismatchError,
    UnsupportedError,
)
from gpuflow.schema import Schema, as_list

from .elsewhere import hinted

if TYPE_CHECKING:
    import pyarrow as pa

UNITS = {"b": 0, "kb": 10, "mb": 20, "gb": 30, "tb": 40}
"""Units of size, and the power of two that each stands for."""


class Parts:
    """Chunks with the columns of a schema, on the host or on a device; whole, by row or by column."""

    def __init__(self, schema: Schema, chunks: Sequence[Chunk]) -> None:
        if not isinstance(schema, Schema) or not all(isinstance(chunk, Chunk) for chunk in as_list(chunks, "Table(): chunks")):
            raise TypeMismatchError("Table() takes a Schema and chunks; of your own data gf.from_dict(...).collect() makes one")
        self._schema = schema
        self.chunks = tuple(chunks)
        for chunk in self.chunks:
            if tuple(column.dtype for column in chunk.columns) != schema.dtypes:
                found = [str(column.dtype) for column in chunk.columns]
                raise ValueError(f"a chunk of {found} does not fit {schema!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._schema, self.chunks)

    @property
    def schema(self) -> Schema:
        """Names and types of the columns, in order."""
        return self._schema

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self), len(self.schema)

    @property
    def height(self) -> int:
        """Number of rows."""
        return len(self)

    @property
    def nbytes(self) -> int:
        """Bytes of values and validity, dictionaries of strings left out."""
        return sum(chunk.nbytes for chunk in self.chunks)

    def estimated_size(self, unit: str = "b") -> float:
        """Size in memory, dictionaries of strings included, each once.

        Parameters
        ----------
        unit : {"b", "kb", "mb", "gb", "tb"}
            Bytes, or powers of 1024 of them.

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [1, 2, 3]}).collect().estimated_size()
        24
        """
        if not is_one_of(unit, UNITS):
            raise TypeMismatchError(f"estimated_size: unit={unit!r} is not one of {', '.join(map(repr, UNITS))}")
        found = {id(c.dictionary): c.dictionary for chunk in self.chunks for c in chunk.columns if c.dictionary is not None}
        size = self.nbytes + sum(d.values.nbytes for d in found.values())
        return size / (1 << UNITS[unit]) if UNITS[unit] else size

    def is_empty(self) -> bool:
        """True if there are no rows.

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [1, 2, 3]}).filter(gf.col("x") > 3).collect().is_empty()
        True
        """
        return not len(self)

    def __len__(self) -> int:
        return sum(chunk.length for chunk in self.chunks)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self.schema

    def __iter__(self) -> Iterator[str]:
        return iter(self.schema)

    def keys(self) -> list[str]:
        """Names of the columns, so that ``dict(table)`` is the columns by name.

        Examples
        --------
        >>> import gpuflow as gf
        >>> dict(gf.from_dict({"x": [1, 2]}).collect())["x"].to_pylist()
        [1, 2]
        """
        return list(self.schema)

    # -- rows and columns as they are ---------------------------------------------------------------------------------
    @overload
    def __getitem__(self, key: str) -> pa.ChunkedArray: ...
    @overload
    def __getitem__(self, key: slice | int | Sequence[str] | Sequence[int]) -> Self: ...
    @overload
    def __getitem__(self, key: tuple[Any, Any]) -> Any: ...
    def __getitem__(self, key: Any) -> Any:
        """One column, or some rows or columns as a Table.

        Parameters
        ----------
        key : str, slice, int, list of str or int, or a pair of rows and columns
            ``table["x"]`` is a column, a pyarrow ChunkedArray (``.to_pylist()``, ``.to_numpy()``, ``.to_pandas()``);
            ``table[["x", "y"]]`` are columns, ``table[10:20]``, ``table[7]`` and ``table[[3, 1]]`` rows, and ``table[7, "x"]``
            is a value.

        Raises
        ------
        ColumnNotFoundError, OutOfBoundsError
            When there is no such column or row.
        """
        if isinstance(key, str):
            return self.get_column(key)
        if isinstance(key, tuple) and len(key) == 2 and not (isinstance(key[0], str) and isinstance(key[1], str)):
            rows, columns = key
            if isinstance(columns, (str, int)):
                return self.item(int(rows), columns) if isinstance(rows, Integral) else self[rows][self._name(columns)]
            return self[rows] if isinstance(columns, slice) and columns == slice(None) else self[rows][columns]
        if isinstance(key, slice):
            return self._stepless(key)
        if isinstance(key, Integral) and not isinstance(key, bool):
            return self.slice(self._row_number(key), 1)
        if isinstance(key, Iterable) and not isinstance(key, (bytes, dict)) and not hasattr(key, "_node"):
            items = list(key)
            if all(isinstance(item, str) for item in items):
                return self._picked(items)
            return self._rows_at([self._row_number(item) for item in items])
        raise TypeMismatchError(
            f"a Table is not indexed by {key!r:.60}; for rows by a condition write table.filter(gf.col('x') > 1), "
            "for computed columns table.select(...)"
        )

    def _stepless(self, key: slice) -> Self:
        if key.step not in (None, 1):
            raise UnsupportedError(f"rows in steps of {key.step} are not taken from a Table; write table[list(range(...))]")
        start, stop, _ = key.indices(len(self))
        return self.slice(start, max(0, stop - start))

    def _picked(self, names: list[str]) -> Self:
        positions = tuple(self._position(name) for name in names)
        for name in names:
            if names.count(name) > 1:
                raise DuplicateNameError(f"column {name!r} is asked for twice; a table has each name once", column=name)
        return type(self)(Schema({n: self.schema[n] for n in names}), [chunk.select(positions) for chunk in self.chunks])

    def _rows_at(self, numbers: list[int]) -> Self:
        import numpy as np

        columns = [self.column(name).take(np.array(numbers, np.int64)) for name in self.schema]
        return type(self)(self.schema, [Chunk(tuple(columns), len(numbers))])

    def _position(self, name: str) -> int:
        if not isinstance(name, str) or name not in self.schema:
            near = get_close_matches(str(name), self.schema, n=3)
            hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else f"; columns are {list(self.schema)}"
            raise ColumnNotFoundError(f"the table has no column {name!r}{hint}", column=str(name))
        return self.schema.position(name)

    def item(self, row: int | None = None, column: str | int | None = None) -> Any:
        """The only value of a table of one row and one column, or that at a row and a column.

        Parameters
        ----------
        row : int, optional
            From 0; negative ones count from the end.
        column : str or int, optional
            Name or number of the column. It may be left out where there is but one.

        Raises
        ------
        ShapeError
            When the table has more than one value, and none is named.
        OutOfBoundsError, ColumnNotFoundError
            When there is no such row or column.

        Examples
        --------
        >>> import gpuflow as gf
        >>> table = gf.from_dict({"x": [1, None, 3]}).collect()
        >>> table.select(gf.col("x").max()).collect().item(), table.item(0, "x")
        (3, 1)
        """
        count = len(self)
        if (row is None and count != 1) or (column is None and len(self.schema) != 1):
            raise ShapeError(
                f"item() needs one row and one column; there are {count} and {len(self.schema)}; name them: item(row, column)"
            )
        name = self._name(0 if column is None else column)
        number = self._row_number(0 if row is None else row)
        return self.slice(number, 1)._python(name)[0]

    def _python(self, name: str) -> list[Any]:
        from gpuflow.io.export.dataframes import to_python

        return to_python(self[name], self.schema[name], name)

    def get_column(self, name: str) -> pa.ChunkedArray:
        """One column as a pyarrow ChunkedArray; ``table["x"]`` is the same.

        Parameters
        ----------
        name : str

        Raises
        ------
        ColumnNotFoundError
            When there is no such column.

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [1, None]}).collect().get_column("x").to_pylist()
        [1, None]
        """
        import pyarrow as pa

        from gpuflow.arrow import convert

        position = self._position(name)
        kind = convert.arrow_type(self.schema[name])
        return pa.chunked_array([convert.to_arrow(chunk.columns[position]) for chunk in self.chunks], kind)

    def get_columns(self) -> list[pa.ChunkedArray]:
        """All columns as pyarrow ChunkedArrays.

        Examples
        --------
        >>> import gpuflow as gf
        >>> [c.to_pylist() for c in gf.from_dict({"x": [1, None], "y": ["a", "b"]}).collect().get_columns()]
        [[1, None], ['a', 'b']]
        """
        return [self.get_column(name) for name in self.schema]

    def column(self, name: str) -> Column:
        """One column as it is stored, in one piece.

        Numbers and bools without nulls go on to other libraries as they are, by DLPack (``np.from_dlpack``,
        ``torch.from_dlpack``) and, on a device, by ``__cuda_array_interface__``. They must not be written to.

        Parameters
        ----------
        name : str

        Examples
        --------
        >>> import gpuflow as gf
        >>> import numpy as np
        >>> table = gf.from_dict({"x": [1, 2, 3]}).collect()
        >>> np.from_dlpack(table.column("x")).sum().item()
        6
        """
        from gpuflow.arrow.columns import empty_column
        from gpuflow.arrow.dictionaries import concat_columns

        position = self._position(name)
        if not self.chunks:
            return empty_column(self.schema[name])
        return concat_columns([chunk.columns[position] for chunk in self.chunks])

    @hinted
    def head(self, n: int = 5) -> Self:
        """Take the first `n` rows, without copying; with a negative `n` all but the last ones.

        Parameters
        ----------
        n : int

        Examples
        --------
        >>> import gpuflow as gf
        >>> table = gf.from_dict({"x": [1, None, 3]}).collect()
        >>> table.head(2).to_dict(), table.head(-1).to_dict()
        ({'x': [1, None]}, {'x': [1, None]})
        """
        _whole("number of rows", n)
        return self.slice(0, n if n >= 0 else max(0, len(self) + n))

    @hinted
    def limit(self, n: int = 5) -> Self:
        """Take the first `n` rows: `head` under SQL's name.

        Parameters
        ----------
        n : int

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [1, None, 3]}).collect().limit(2).to_dict()
        {'x': [1, None]}
        """
        return self.head(n)

    @hinted
    def tail(self, n: int = 5) -> Self:
        """Take the last `n` rows, without copying; with a negative `n` all but the first ones.

        Parameters
        ----------
        n : int

        Examples
        --------
        >>> import gpuflow as gf
        >>> table = gf.from_dict({"x": [1, None, 3]}).collect()
        >>> table.tail(2).to_dict()
        {'x': [None, 3]}
        """
        _whole("number of rows", n)
        return self.slice(max(0, len(self) - n) if n >= 0 else min(-n, len(self)))

    @hinted
    def slice(self, offset: int, length: int | None = None) -> Self:
        """Take up to `length` rows from row `offset` on, or all from there, without copying.

        Parameters
        ----------
        offset : int
            From 0; negative ones count from the end.
        length : int, optional

        Examples
        --------
        >>> import gpuflow as gf
        >>> table = gf.from_dict({"x": [1, None, 3]}).collect()
        >>> table.slice(1, 5).to_dict(), table.slice(-1).to_dict()
        ({'x': [None, 3]}, {'x': [3]})
        """
        _whole("offset", offset)
        if length is not None and _whole("length", length) < 0:
            raise PlanError(f"the length must not be negative ({length})")
        count = len(self)
        start = offset + count if offset < 0 else offset
        stop = count if length is None else start + length
        taken: list[Chunk] = []
        for chunk in self.chunks:
            low, high = max(0, min(start, chunk.length)), max(0, min(stop, chunk.length))
            if high > low:
                taken.append(chunk.take(slice(low, high), high - low))
            start, stop = start - chunk.length, stop - chunk.length
        return type(self)(self.schema, taken)

    def _row_number(self, index: Any) -> int:
        """The number of a row from 0, of one that may count from the end."""
        count = len(self)
        if isinstance(index, bool) or not isinstance(index, Integral):
            raise TypeMismatchError(f"a row is an int, not {index!r:.60}")
        number = whole(index)
        if not -count <= number < count:
            raise OutOfBoundsError(f"there is no row {number}: the table has {count:,} row{'' if count == 1 else 's'}")
        return number + count if number < 0 else number

    def _name(self, column: Any) -> str:
        """The name of a column given by its name or its number."""
        if isinstance(column, str):
            self._position(column)
            return column
        if isinstance(column, bool) or not isinstance(column, Integral):
            raise TypeMismatchError(f"a column is a name or an int, not {column!r:.60}")
        count, number = len(self.schema), whole(column)
        if not -count <= number < count:
            raise OutOfBoundsError(f"there is no column {number}: the table has {count} column{'' if count == 1 else 's'}")
        return self.schema.names[number]


def _whole(what: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeMismatchError(f"the {what} must be an int, not {value!r:.60}")
    return int(value)
