"""What a table in memory is made of: its chunks, their sizes, whole columns, and ranges of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.declare.choices import is_one_of

from gpuflow.errors import ColumnNotFoundError, PlanError, TypeMismatchError
from gpuflow.schema import Schema, as_list

from .other_names import hinted

if TYPE_CHECKING:
    import pyarrow as pa

UNITS = {"b": 0, "kb": 10, "mb": 20, "gb": 30, "tb": 40}
"""Units of size, and the power of two that each stands for."""


class TableData:
    """Chunks with the columns of a schema, on the host or on a device: sizes, whole columns, and rows without copying."""

    def __init__(self, schema: Schema, chunks: Sequence[Chunk]) -> None:
        if not isinstance(schema, Schema) or not all(isinstance(chunk, Chunk) for chunk in as_list(chunks, "Table(): chunks")):
            raise TypeMismatchError("Table() takes a Schema and chunks; of your own data gf.from_dict(...).collect() makes one")
        self._schema = schema
        self.chunks = tuple(chunks)
        for chunk in self.chunks:
            if tuple(column.dtype for column in chunk.columns) != schema.dtypes:
                types = [str(column.dtype) for column in chunk.columns]
                raise ValueError(f"a chunk of {types} does not fit {schema!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._schema, self.chunks)

    @property
    def schema(self) -> Schema:
        """Return names and types of the columns, in order.

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [1, None]}).collect().schema
        Schema(x: int64)
        """
        return self._schema

    @property
    def shape(self) -> tuple[int, int]:
        """Return the number of rows and of columns.

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [1, None]}).collect().shape
        (2, 1)
        """
        return len(self), len(self.schema)

    @property
    def height(self) -> int:
        """Return the number of rows.

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [1, None]}).collect().height
        2
        """
        return len(self)

    @property
    def nbytes(self) -> int:
        """Return the bytes of values and validity, dictionaries of strings left out.

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [1, 2]}).collect().nbytes
        16
        """
        return sum(chunk.nbytes for chunk in self.chunks)

    def estimated_size(self, unit: str = "b") -> float:
        """Return the size in memory, dictionaries of strings included, each once.

        Parameters
        ----------
        unit : {"b", "kb", "mb", "gb", "tb"}
            Bytes, or powers of 1024 of them.

        Returns
        -------
        float

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [1, 2, 3]}).collect().estimated_size()
        24
        """
        if not is_one_of(unit, UNITS):
            raise TypeMismatchError(f"estimated_size: unit={unit!r} is not one of {', '.join(map(repr, UNITS))}")
        dictionaries = {
            id(c.dictionary): c.dictionary for chunk in self.chunks for c in chunk.columns if c.dictionary is not None
        }
        size = self.nbytes + sum(d.values.nbytes for d in dictionaries.values())
        return size / (1 << UNITS[unit]) if UNITS[unit] else size

    def is_empty(self) -> bool:
        """Return whether there are no rows.

        Returns
        -------
        bool

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
        """Return the names of the columns, so that ``dict(table)`` is the columns by name.

        Returns
        -------
        list[str]

        Examples
        --------
        >>> import gpuflow as gf
        >>> dict(gf.from_dict({"x": [1, 2]}).collect())["x"].to_pylist()
        [1, 2]
        """
        return list(self.schema)

    # -- columns, and ranges of rows --------------------------------------------------------------------------------------
    def _position(self, name: str) -> int:
        if not isinstance(name, str) or name not in self.schema:
            near = get_close_matches(str(name), self.schema, n=3)
            hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else f"; columns are {list(self.schema)}"
            raise ColumnNotFoundError(f"the table has no column {name!r}{hint}", column=str(name))
        return self.schema.position(name)

    def get_column(self, name: str) -> pa.ChunkedArray:
        """Return one column as a pyarrow ChunkedArray; ``table["x"]`` is the same.

        Parameters
        ----------
        name : str
            Name of the column.

        Returns
        -------
        pa.ChunkedArray

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
        from gpuflow.arrow.schema import arrow_type

        position = self._position(name)
        kind = arrow_type(self.schema[name])
        return pa.chunked_array([convert.to_arrow(chunk.columns[position]) for chunk in self.chunks], kind)

    def get_columns(self) -> list[pa.ChunkedArray]:
        """Return all columns as pyarrow ChunkedArrays.

        Returns
        -------
        list[pa.ChunkedArray]

        Examples
        --------
        >>> import gpuflow as gf
        >>> [c.to_pylist() for c in gf.from_dict({"x": [1, None], "y": ["a", "b"]}).collect().get_columns()]
        [[1, None], ['a', 'b']]
        """
        return [self.get_column(name) for name in self.schema]

    def column(self, name: str) -> Column:
        """Return one column as it is stored, in one piece.

        Numbers and bools without nulls go on to other libraries as they are, by DLPack (``np.from_dlpack``,
        ``torch.from_dlpack``) and, on a device, by ``__cuda_array_interface__``. They must not be written to.

        Parameters
        ----------
        name : str
            Name of the column.

        Returns
        -------
        Column

        Raises
        ------
        ColumnNotFoundError
            When there is no such column.

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
        """Take the first `n` rows, without copying.

        Parameters
        ----------
        n : int
            Number of rows; with a negative one, of rows left out at the end.

        Returns
        -------
        Table

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
            Number of rows; with a negative one, of rows left out at the end.

        Returns
        -------
        Table

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [1, None, 3]}).collect().limit(2).to_dict()
        {'x': [1, None]}
        """
        return self.head(n)

    @hinted
    def tail(self, n: int = 5) -> Self:
        """Take the last `n` rows, without copying.

        Parameters
        ----------
        n : int
            Number of rows; with a negative one, of rows left out at the begin.

        Returns
        -------
        Table

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
            Number of rows; all by default.

        Returns
        -------
        Table

        Raises
        ------
        PlanError
            For a negative length.

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

    def equals(self, other: Any, *, ordered: bool = True, tolerance: float = 0.0) -> bool:
        """Compare with another table: True if it has the same names, types and rows.

        NaN equals NaN, null equals null.

        Parameters
        ----------
        other : Table or anything `gpuflow.io.from_any` takes
            What to compare with.
        ordered : bool
            False: the rows may stand in any order.
        tolerance : float
            Floats may differ by this part of the larger of the two. With `ordered` False other columns must then
            distinguish the rows.

        Returns
        -------
        bool

        Raises
        ------
        TypeMismatchError
            When `other` is no table.

        Examples
        --------
        >>> import gpuflow as gf
        >>> table = gf.from_dict({"x": [1, None, 3]}).collect()
        >>> table.equals(gf.from_dict({"x": [3, 1, None]}).collect(), ordered=False)
        True
        """
        from gpuflow.arrow.equality import equal_columns
        from gpuflow.io.in_memory.from_any import from_any

        source = from_any(other)
        if source.unsupported or source.schema != self.schema:
            return False
        names = tuple(source.schema)
        right = other if isinstance(other, TableData) else type(self)(source.schema, [s.read(names) for s in source.splits(None)])
        if len(self) != len(right):
            return False
        pairs = [(self.column(name), right.column(name)) for name in self.schema]
        return equal_columns(pairs, ordered=ordered, tolerance=tolerance)


def _whole(what: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeMismatchError(f"the {what} must be an int, not {value!r:.60}")
    return int(value)
