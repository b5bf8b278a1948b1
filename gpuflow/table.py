"""The result of a query: columns in memory, and the ways out of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gpuflow_kernels.column import Chunk, Column

from gpuflow.errors import ColumnNotFoundError, UnsupportedError
from gpuflow.schema import Schema
from gpuflow.writing import Writing

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from gpuflow.io.memory import ChunkSource


class Table(Writing):
    """Rows in memory, of named and typed columns. Immutable.

    Parameters
    ----------
    schema : Schema
        Names and types.
    chunks : sequence of Chunk
        Pieces with the columns of `schema`, in order; on the host or on a device.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from gpuflow.io import from_arrow
    >>> source = from_arrow(pa.table({"x": [1, None], "name": ["one", "none"]}))
    >>> table = Table(source.schema, [split.read(("x", "name")) for split in source.splits(None)])
    >>> table.shape, table.columns, table.to_pylist()
    ((2, 2), ['x', 'name'], [{'x': 1, 'name': 'one'}, {'x': None, 'name': 'none'}])
    """

    def __init__(self, schema: Schema, chunks: Sequence[Chunk]) -> None:
        self.schema = schema
        self.chunks = tuple(chunks)
        for chunk in self.chunks:
            if tuple(column.dtype for column in chunk.columns) != schema.dtypes:
                found = [str(column.dtype) for column in chunk.columns]
                raise ValueError(f"a chunk of {found} does not fit {schema!r}")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self), len(self.schema)

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self.schema)

    @property
    def nbytes(self) -> int:
        """Bytes of values and validity, dictionaries of strings left out."""
        return sum(chunk.nbytes for chunk in self.chunks)

    def __len__(self) -> int:
        return sum(chunk.length for chunk in self.chunks)

    def __contains__(self, name: object) -> bool:
        return name in self.schema

    def __iter__(self) -> Iterator[str]:
        return iter(self.schema)

    def __getitem__(self, name: str) -> pa.ChunkedArray:
        """One column as a pyarrow ChunkedArray (``.to_pylist()``, ``.to_numpy()``, ``.to_pandas()``).

        Raises
        ------
        ColumnNotFoundError
            When there is no such column.
        """
        import pyarrow as pa

        from gpuflow.io import convert

        position = self._position(name)
        kind = convert.arrow_type(self.schema[name])
        return pa.chunked_array([convert.to_arrow(chunk.columns[position]) for chunk in self.chunks], kind)

    def _position(self, name: str) -> int:
        if name not in self.schema:
            near = get_close_matches(str(name), self.schema, n=3)
            hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else f"; columns are {self.columns}"
            raise ColumnNotFoundError(f"the table has no column {name!r}{hint}", column=str(name))
        return self.schema.position(name)

    def column(self, name: str) -> Column:
        """One column as it is stored, in one piece.

        Numbers and bools without nulls go on to other libraries as they are, by DLPack (``np.from_dlpack``,
        ``torch.from_dlpack``) and, on a device, by ``__cuda_array_interface__``. They must not be written to.

        Examples
        --------
        >>> import gpuflow as gf
        >>> import numpy as np
        >>> table = gf.from_dict({"x": [1, 2, 3]}).collect()
        >>> np.from_dlpack(table.column("x")).sum().item()
        6
        """
        from gpuflow.io.columns import empty_column
        from gpuflow.io.dictionaries import concat_columns

        position = self._position(name)
        if not self.chunks:
            return empty_column(self.schema[name])
        return concat_columns([chunk.columns[position] for chunk in self.chunks])

    def head(self, n: int = 5) -> Table:
        """The first `n` rows.

        Examples
        --------
        >>> import gpuflow as gf
        >>> table = gf.from_dict({"x": [1, None, 3]}).collect()
        >>> table.head(2).to_dict()
        {'x': [1, None]}
        """
        return self.slice(0, n)

    def slice(self, start: int, length: int) -> Table:
        """Up to `length` rows from `start` on (from 0), without copying.

        Examples
        --------
        >>> import gpuflow as gf
        >>> table = gf.from_dict({"x": [1, None, 3]}).collect()
        >>> table.slice(1, 5).to_dict()
        {'x': [None, 3]}
        """
        kept: list[Chunk] = []
        for chunk in self.chunks:
            low, high = max(0, min(start, chunk.length)), max(0, min(start + length, chunk.length))
            if high > low:
                kept.append(chunk.take(slice(low, high), high - low))
            start -= chunk.length
        return Table(self.schema, kept)

    def to_arrow(self, *, dictionary: bool = False) -> pa.Table:
        """A pyarrow Table; numbers are shared. Strings are large_string, or with `dictionary` dictionary-encoded.

        Examples
        --------
        >>> import gpuflow as gf
        >>> table = gf.from_dict({"x": [1, None, 3]}).collect()
        >>> table.to_arrow().column("x").null_count
        1
        """
        import pyarrow as pa

        from gpuflow.io import convert

        schema = convert.arrow_schema(self.schema, dictionary)
        return pa.Table.from_batches(list(self._batches(schema, dictionary)), schema)

    def _batches(self, schema: pa.Schema, dictionary: bool = False) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        from gpuflow.io import convert
        from gpuflow.io.partitions import empty_chunk

        for chunk in self.chunks or (empty_chunk(self.schema, self.schema),):  # the categories of an enum stand in batches
            arrays = [convert.to_arrow(column, dictionary=dictionary) for column in chunk.columns]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    def to_pandas(self, *, nullable: bool = False, arrow: bool = False) -> pd.DataFrame:
        """A pandas DataFrame.

        Whole numbers with nulls become floats, as pandas does; with `nullable` its nullable types keep them apart, and with
        `arrow` its Arrow types, which share all data. Dates become datetime64, enums ordered categories.

        Raises
        ------
        UnsupportedError
            When a column has a type that pandas lacks.

        Examples
        --------
        >>> import gpuflow as gf
        >>> table = gf.from_dict({"x": [1, None, 3]}).collect()
        >>> table.to_pandas()["x"].tolist(), table.to_pandas(nullable=True)["x"].tolist()
        ([1.0, nan, 3.0], [1, <NA>, 3])
        """
        from gpuflow.io import hand_out

        if arrow:
            import pandas as pd

            return self.to_arrow().to_pandas(types_mapper=pd.ArrowDtype)
        return hand_out.to_pandas(self.to_arrow(), self.schema, nullable)

    def to_polars(self) -> pl.DataFrame:
        """A Polars DataFrame; numbers are shared.

        Raises
        ------
        UnsupportedError
            When a time zone is an offset that Polars has no name for, or a column has a type that Polars lacks.

        Examples
        --------
        >>> import gpuflow as gf
        >>> table = gf.from_dict({"x": [1, None, 3]}).collect()
        >>> table.to_polars()["x"].to_list()
        [1, None, 3]
        """
        from gpuflow.io import hand_out

        return hand_out.to_polars(self.to_arrow(), self.schema)

    def to_numpy(self, columns: Sequence[str] | None = None) -> dict[str, Any]:
        """A NumPy array for each column (or each of `columns`), by name.

        A column with nulls comes as a masked array. Dates and times are ``datetime64`` and ``timedelta64``, all that
        is no number, bool or time comes in object arrays with None for null.

        Examples
        --------
        >>> import gpuflow as gf
        >>> table = gf.from_dict({"x": [1, None, 3]}).collect()
        >>> table.to_numpy()["x"].tolist()
        [1, None, 3]
        >>> table.to_numpy()["x"].filled(-1).tolist()
        [1, -1, 3]
        """
        return {name: _numpy(name, self.column(name)) for name in (self.schema if columns is None else columns)}

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """Rows and columns as one NumPy matrix, of the type that holds all columns; null is NaN, or None among objects."""
        return self.to_pandas().to_numpy(dtype=dtype)

    def to_cupy(self) -> dict[str, Any]:
        """A CuPy array for each column, by name; columns on the device are shared. Nulls in a float column become NaN.

        Raises
        ------
        UnsupportedError
            When CuPy is missing, or a column is no number, bool or time or, being no float, has nulls.

        Examples
        --------
        >>> import gpuflow as gf
        >>> table = gf.from_dict({"x": [1.0, None]}).collect()
        >>> table.to_cupy()["x"].sum()  # doctest: +SKIP
        """
        try:
            import cupy
        except ImportError as e:
            raise UnsupportedError("to_cupy needs CuPy: pip install 'gpuflow[cuda13]' (or cuda12)") from e
        arrays = {}
        for name, dtype in self.schema.items():
            if dtype.is_coded or dtype.kind in ("enum", "null", "decimal"):
                raise UnsupportedError(
                    f"column {name!r} is {dtype}, which CuPy has no array for; leave it out: select(...), or cast it"
                )
            column = self.column(name)
            values = cupy.asarray(column.values)
            if column.validity is not None:
                validity = cupy.asarray(column.validity)
                if dtype.is_float:
                    values = cupy.where(validity, values, values.dtype.type("nan"))
                elif not bool(validity.all()):
                    raise UnsupportedError(f"column {name!r} ({dtype}) has nulls, which CuPy cannot hold; use fill_null(...)")
            arrays[name] = values
        return arrays

    def to_dict(self) -> dict[str, list[Any]]:
        """A list of Python values for each column, by name; None is null.

        Examples
        --------
        >>> import gpuflow as gf
        >>> table = gf.from_dict({"x": [1, None, 3]}).collect()
        >>> table.to_dict()
        {'x': [1, None, 3]}
        """
        return {name: self._python(name) for name in self.schema}

    def _python(self, name: str) -> list[Any]:
        from gpuflow.io.hand_out import to_python

        return to_python(self[name], self.schema[name], name)

    def rows(self) -> list[tuple[Any, ...]]:
        """A tuple of Python values for each row; None is null.

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [1, None], "name": ["one", "none"]}).collect().rows()
        [(1, 'one'), (None, 'none')]
        """
        columns = [self._python(name) for name in self.schema]
        return list(zip(*columns, strict=True)) if columns else [()] * len(self)

    def to_dicts(self) -> list[dict[str, Any]]:
        """A dict of Python values for each row; None is null. `to_pylist` is the same under pyarrow's name.

        Examples
        --------
        >>> import gpuflow as gf
        >>> table = gf.from_dict({"x": [1, None, 3]}).collect()
        >>> table.to_dicts()
        [{'x': 1}, {'x': None}, {'x': 3}]
        """
        return self.to_pylist()

    def to_pylist(self) -> list[dict[str, Any]]:
        """A dict of Python values for each row; None is null.

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

    def item(self) -> Any:
        """The only value of a table of one row and one column.

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [1, None, 3]}).select(gf.col("x").max()).collect().item()
        3
        """
        if self.shape != (1, 1):
            raise ValueError(f"item() needs one row and one column; there are {len(self)} and {len(self.schema)}")
        return self._python(self.columns[0])[0]

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """The Arrow stream of the rows, one batch for each chunk, made as it is read."""
        import pyarrow as pa

        from gpuflow.io import convert

        schema = convert.arrow_schema(self.schema)
        return pa.RecordBatchReader.from_batches(schema, self._batches(schema)).__arrow_c_stream__(requested_schema)

    def __arrow_c_array__(self, requested_schema: Any = None) -> tuple[Any, Any]:
        """The rows as one Arrow struct array, numbers shared where the table is in one piece."""
        from gpuflow.io import device_export

        return device_export.host_capsules(self.schema, self.chunks, requested_schema)

    def __arrow_c_schema__(self) -> Any:
        """The Arrow schema."""
        from gpuflow.io import convert

        return convert.arrow_schema(self.schema).__arrow_c_schema__()

    def __arrow_c_device_array__(self, requested_schema: Any = None, **options: Any) -> tuple[Any, Any]:
        """The Arrow schema and the rows in one piece, where they are: on the host or on a device.

        On a device numbers are shared, and strings are dictionary-encoded. Not yet run on one.
        """
        from gpuflow.io import device_export

        device_export.refuse_unknown(options)
        return device_export.array_capsules(self.schema, self.chunks, requested_schema)

    def __arrow_c_device_stream__(self, requested_schema: Any = None, **options: Any) -> Any:
        """The Arrow stream of the rows where they are, one array for each chunk, made as it is read.

        On a device numbers are shared, and strings are dictionary-encoded. Not yet run on one.
        """
        from gpuflow.io import device_export

        device_export.refuse_unknown(options)
        return device_export.stream_capsule(self.schema, self.chunks)

    def __gpuflow_source__(self) -> ChunkSource:
        return self._source

    def source(self) -> ChunkSource:
        """The table as a source that further queries can scan.

        Examples
        --------
        >>> import gpuflow as gf
        >>> table = gf.from_dict({"x": [1, None, 3]}).collect()
        >>> table.source().schema
        Schema(x: int64)
        """
        return self._source

    @cached_property
    def _source(self) -> ChunkSource:
        from gpuflow.io.memory import ChunkSource

        return ChunkSource(self.schema, self.chunks, f"table ({len(self):,} rows)")

    def equals(self, other: Any, *, ordered: bool = True, tolerance: float = 0.0) -> bool:
        """Whether another table has the same names, types and rows; NaN equals NaN, null equals null.

        Parameters
        ----------
        other : Table or anything `gpuflow.io.from_any` takes
            What to compare with.
        ordered : bool
            False: the rows may stand in any order.
        tolerance : float
            Floats may differ by this part of the larger of the two. With `ordered` False they must then be told apart
            by other columns.

        Examples
        --------
        >>> import gpuflow as gf
        >>> table = gf.from_dict({"x": [1, None, 3]}).collect()
        >>> table.equals(gf.from_dict({"x": [3, 1, None]}).collect(), ordered=False)
        True
        """
        from gpuflow.io.compare import equal_columns
        from gpuflow.io.recognise import from_any

        source = from_any(other)
        if source.unsupported or source.schema != self.schema:
            return False
        names = tuple(source.schema)
        right = other if isinstance(other, Table) else Table(source.schema, [s.read(names) for s in source.splits(None)])
        if len(self) != len(right):
            return False
        pairs = [(self.column(name), right.column(name)) for name in self.schema]
        return equal_columns(pairs, ordered=ordered, tolerance=tolerance)

    def __repr__(self) -> str:
        from gpuflow.display.text import table_text

        return table_text(self)

    def _repr_html_(self) -> str:
        from gpuflow.display.html import table_html

        return table_html(self)


def _numpy(name: str, column: Column) -> Any:
    import numpy as np

    from gpuflow.io import convert
    from gpuflow.io.hand_out import to_python

    if column.dtype.is_coded or column.dtype.kind in ("enum", "null", "decimal"):
        values = to_python(convert.to_arrow(column), column.dtype, name)
        return np.fromiter(values, dtype=object, count=len(values))  # not np.array: lists would become rows of a matrix
    column = convert.to_host(column)
    values = column.values
    if column.dtype.is_temporal:
        letter = "m8" if column.dtype.kind == "duration" else "M8"
        if column.dtype.kind == "date":
            values = values.astype(np.int64).view("M8[D]")
        else:
            values = values.view(f"{letter}[{column.dtype.unit}]")
    if column.validity is None or column.validity.all():
        return values
    return np.ma.MaskedArray(values, mask=~column.validity)
