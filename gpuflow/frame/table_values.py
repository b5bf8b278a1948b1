"""The ways of a table in memory into values of Python."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gpuflow_kernels.declare.choices import checked_flag

from gpuflow.errors import TypeMismatchError

from .table_parts import Parts

AT_ONCE = 10_000
"""So many rows are made into Python's values at once by `iter_rows`."""


class Values(Parts):
    """Rows, columns and single values as Python has them; None is null."""

    def to_dict(self) -> dict[str, list[Any]]:
        """Make a list of Python values for each column, by name; None is null.

        Examples
        --------
        >>> import gpuflow as gf
        >>> table = gf.from_dict({"x": [1, None, 3]}).collect()
        >>> table.to_dict()
        {'x': [1, None, 3]}
        """
        return {name: self._python(name) for name in self.schema}

    def rows(self, *, named: bool = False) -> list[Any]:
        """Make a tuple of Python values for each row, or a dict of them if `named`; None is null.

        Parameters
        ----------
        named : bool

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
