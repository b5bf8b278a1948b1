"""Rows, columns and single values of a table in memory: taken by index, and as values of Python."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from numbers import Integral
from operator import index as whole
from typing import TYPE_CHECKING, Any, Self, overload

from gpuflow_kernels.column import Chunk
from gpuflow_kernels.declare.choices import checked_flag

from gpuflow.errors import DuplicateNameError, OutOfBoundsError, ShapeError, TypeMismatchError, UnsupportedError
from gpuflow.schema import Schema

from .table_data import TableData

if TYPE_CHECKING:
    import pyarrow as pa

AT_ONCE = 10_000
"""Rows that `iter_rows` turns into values of Python at once."""


class TableValues(TableData):
    """Rows and columns by their names and numbers, and values as Python has them; None is null."""

    # -- by name and number ------------------------------------------------------------------------------------------------
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

    def item(self, row: int | None = None, column: str | int | None = None) -> Any:
        """Return the only value of a table of one row and one column, or that at a row and a column.

        Parameters
        ----------
        row : int, optional
            From 0; negative ones count from the end.
        column : str or int, optional
            Name or number of the column. It may be left out where there is but one.

        Returns
        -------
        object
            None for null.

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

    # -- as values of Python -----------------------------------------------------------------------------------------------
    def _python(self, name: str) -> list[Any]:
        from gpuflow.io.export.dataframes import to_python

        return to_python(self[name], self.schema[name], name)

    def to_dict(self) -> dict[str, list[Any]]:
        """Make a list of Python values for each column, by name; None is null.

        Returns
        -------
        dict[str, list[Any]]

        Examples
        --------
        >>> import gpuflow as gf
        >>> table = gf.from_dict({"x": [1, None, 3]}).collect()
        >>> table.to_dict()
        {'x': [1, None, 3]}
        """
        return {name: self._python(name) for name in self.schema}

    def rows(self, *, named: bool = False) -> list[Any]:
        """Make a tuple of Python values for each row, or a dict of them if `named`.

        Parameters
        ----------
        named : bool
            Whether rows are dicts by column name.

        Returns
        -------
        list of tuple or dict
            None is null.

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [1, None], "name": ["one", "none"]}).collect().rows()
        [(1, 'one'), (None, 'none')]
        """
        if checked_flag(named, "rows: named=", TypeMismatchError):
            return self.to_pylist()
        columns = [self._python(name) for name in self.schema]
        return list(zip(*columns, strict=True)) if columns else [()] * len(self)

    def iter_rows(self, *, named: bool = False) -> Iterator[Any]:
        """Go through the rows; only some thousands of them are Python's values at a time.

        Parameters
        ----------
        named : bool
            Rows are dicts by column name; otherwise tuples.

        Returns
        -------
        Iterator[Any]

        Yields
        ------
        tuple or dict

        Examples
        --------
        >>> import gpuflow as gf
        >>> table = gf.from_dict({"x": [1, None], "name": ["one", "none"]}).collect()
        >>> for x, name in table.iter_rows():
        ...     print(x, name)
        1 one
        None none
        >>> [row["name"] for row in table.iter_rows(named=True)]
        ['one', 'none']
        """
        for chunk in self.chunks:
            for start in range(0, chunk.length, AT_ONCE):
                length = min(AT_ONCE, chunk.length - start)
                yield from type(self)(self.schema, [chunk.take(slice(start, start + length), length)]).rows(named=named)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Make a dict of Python values for each row; None is null. `to_pylist` is the same under pyarrow's name.

        Returns
        -------
        list[dict[str, Any]]

        Examples
        --------
        >>> import gpuflow as gf
        >>> table = gf.from_dict({"x": [1, None, 3]}).collect()
        >>> table.to_dicts()
        [{'x': 1}, {'x': None}, {'x': 3}]
        """
        return self.to_pylist()

    def to_pylist(self) -> list[dict[str, Any]]:
        """Make a dict of Python values for each row; None is null.

        Returns
        -------
        list[dict[str, Any]]

        Examples
        --------
        >>> import gpuflow as gf
        >>> table = gf.from_dict({"x": [1, None, 3]}).collect()
        >>> table.to_pylist()
        [{'x': 1}, {'x': None}, {'x': 3}]
        """
        columns = [self._python(name) for name in self.schema]
        if not columns:
            return [{} for _ in range(len(self))]
        return [dict(zip(self.schema, row, strict=True)) for row in zip(*columns, strict=True)]

    def row(self, index: int, *, named: bool = False) -> Any:
        """Make a tuple of the Python values of one row, or a dict of them if `named`.

        Parameters
        ----------
        index : int
            From 0; negative ones count from the end.
        named : bool
            Whether the row is a dict by column name.

        Returns
        -------
        tuple or dict
            None is null.

        Raises
        ------
        OutOfBoundsError
            When there is no such row.

        Examples
        --------
        >>> import gpuflow as gf
        >>> table = gf.from_dict({"x": [1, None], "name": ["one", "none"]}).collect()
        >>> table.row(0), table.row(-1, named=True)
        ((1, 'one'), {'x': None, 'name': 'none'})
        """
        number = self._row_number(index)
        return self.slice(number, 1).rows(named=named)[0]
