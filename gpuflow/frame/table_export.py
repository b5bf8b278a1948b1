"""The ways of a table in memory into other libraries."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from gpuflow_kernels.column import Column
from gpuflow_kernels.declare.choices import checked_flag

from gpuflow.errors import TypeMismatchError, UnsupportedError
from gpuflow.installing import install_line
from gpuflow.schema import as_list

from .table_data import TableData

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa


class TableExports(TableData):
    """Conversions to Arrow, pandas, Polars, NumPy and CuPy, and the protocols by which others take a table."""

    def to_arrow(self, *, dictionary: bool = False) -> pa.Table:
        """Return the rows as a pyarrow Table; numbers are shared.

        Parameters
        ----------
        dictionary : bool
            Whether strings are dictionary-encoded; otherwise they are large_string.

        Returns
        -------
        pa.Table

        Examples
        --------
        >>> import gpuflow as gf
        >>> table = gf.from_dict({"x": [1, None, 3]}).collect()
        >>> table.to_arrow().column("x").null_count
        1
        """
        import pyarrow as pa

        from gpuflow.arrow.schema import arrow_schema

        schema = arrow_schema(self.schema, checked_flag(dictionary, "to_arrow: dictionary=", TypeMismatchError))
        return pa.Table.from_batches(list(self._batches(schema, dictionary)), schema)

    def _batches(self, schema: pa.Schema, dictionary: bool = False) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        from gpuflow.arrow import convert
        from gpuflow.io.datasets.partition_rows import empty_chunk

        for chunk in self.chunks or (empty_chunk(self.schema, self.schema),):  # the categories of an enum stand in batches
            arrays = [convert.to_arrow(column, dictionary=dictionary) for column in chunk.columns]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    def to_pandas(self, *, nullable: bool = False, arrow: bool = False) -> pd.DataFrame:
        """Return the rows as a pandas DataFrame.

        Whole numbers with nulls become floats, as pandas does, unless `nullable` or `arrow`. Dates become datetime64, enums
        ordered categories.

        Parameters
        ----------
        nullable : bool
            Whether columns get pandas' nullable types, which keep nulls and NaN apart.
        arrow : bool
            Whether columns get pandas' Arrow types, which share all data.

        Returns
        -------
        pd.DataFrame

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
        from gpuflow.io.export import dataframes

        checked_flag(nullable, "to_pandas: nullable=", TypeMismatchError)
        if checked_flag(arrow, "to_pandas: arrow=", TypeMismatchError):
            return self.to_arrow().to_pandas(types_mapper=dataframes.library("pandas", "to_pandas()").ArrowDtype)
        return dataframes.to_pandas(self.to_arrow(), self.schema, nullable)

    def to_polars(self) -> pl.DataFrame:
        """Return the rows as a Polars DataFrame; numbers are shared.

        Returns
        -------
        pl.DataFrame

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
        from gpuflow.io.export import dataframes

        return dataframes.to_polars(self.to_arrow(), self.schema)

    def to_numpy(self, columns: Sequence[str] | None = None) -> dict[str, Any]:
        """Return a NumPy array for each column, by name.

        A column with nulls comes as a masked array. Dates and times are ``datetime64`` and ``timedelta64``, all that
        is no number, bool or time comes in object arrays with None for null.

        Parameters
        ----------
        columns : list of str, optional
            Which columns; all by default.

        Returns
        -------
        dict[str, Any]

        Raises
        ------
        ColumnNotFoundError
            When there is no such column.

        Examples
        --------
        >>> import gpuflow as gf
        >>> table = gf.from_dict({"x": [1, None, 3]}).collect()
        >>> table.to_numpy()["x"].tolist()
        [1, None, 3]
        >>> table.to_numpy()["x"].filled(-1).tolist()
        [1, -1, 3]
        """
        names = list(self.schema) if columns is None else as_list(columns, "to_numpy(): columns")
        return {name: as_numpy(name, self.column(name)) for name in names}

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """Rows and columns as one NumPy matrix, of the type that holds all columns; null is NaN, or None among objects."""
        if copy is False:
            raise ValueError("a Table is stored by column, so that a matrix of it is a copy; pass copy=None")
        caller = sys._getframe(1)
        if caller.f_globals.get("__name__") == "pandas.core.frame" and caller.f_locals.get("columns") is None:
            # pandas knows no protocol of tables in its constructor, and would number the columns in silence
            raise TypeMismatchError("pandas.DataFrame(table) would lose the names of the columns; write table.to_pandas()")
        return matrix(self, dtype)

    def to_cupy(self) -> dict[str, Any]:
        """Return a CuPy array for each column, by name; columns on the device are shared.

        Nulls in a float column become NaN.

        Returns
        -------
        dict[str, Any]

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
            raise UnsupportedError(f"to_cupy needs CuPy: {install_line('cuda13')} (or {install_line('cuda12')})") from e
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

    def __dataframe__(self, nan_as_null: bool = False, allow_copy: bool = True) -> Any:
        """The table by the older interchange protocol of data frames, which plotting libraries read."""
        return self.to_arrow().__dataframe__(nan_as_null, allow_copy)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """The Arrow stream of the rows, one batch for each chunk, made as it is read."""
        import pyarrow as pa

        from gpuflow.arrow.schema import arrow_schema

        schema = arrow_schema(self.schema)
        return pa.RecordBatchReader.from_batches(schema, self._batches(schema)).__arrow_c_stream__(requested_schema)

    def __arrow_c_array__(self, requested_schema: Any = None) -> tuple[Any, Any]:
        """The rows as one Arrow struct array, numbers shared where the table is in one piece."""
        from gpuflow.io.export import c_device

        return c_device.host_capsules(self.schema, self.chunks, requested_schema)

    def __arrow_c_schema__(self) -> Any:
        """The Arrow schema."""
        from gpuflow.arrow.schema import arrow_schema

        return arrow_schema(self.schema).__arrow_c_schema__()

    def __arrow_c_device_array__(self, requested_schema: Any = None, **options: Any) -> tuple[Any, Any]:
        """The Arrow schema and the rows in one piece, where they are: on the host or on a device.

        On a device numbers are shared, and strings are dictionary-encoded. Not yet run on one.
        """
        from gpuflow.io.export import c_device

        c_device.refuse_unknown(options)
        return c_device.array_capsules(self.schema, self.chunks, requested_schema)

    def __arrow_c_device_stream__(self, requested_schema: Any = None, **options: Any) -> Any:
        """The Arrow stream of the rows where they are, one array for each chunk, made as it is read.

        On a device numbers are shared, and strings are dictionary-encoded. Not yet run on one.
        """
        from gpuflow.io.export import c_device

        c_device.refuse_unknown(options)
        return c_device.stream_capsule(self.schema, self.chunks)


def as_numpy(name: str, column: Column) -> Any:
    """Return a column as a NumPy array: masked where there are nulls, of objects where NumPy has no type for it.

    Returns
    -------
    object
    """
    import numpy as np

    from gpuflow.arrow import convert
    from gpuflow.io.export.dataframes import to_python

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


def matrix(table: TableExports, dtype: Any = None) -> Any:
    """A table's values as a NumPy array of rows and columns.

    Returns
    -------
    object
    """
    import numpy as np

    columns = list(table.to_numpy().values())
    kinds = {c.dtype.kind for c in columns}
    numbers, times = kinds <= set("iuf"), len(kinds) == 1 and kinds <= set("mM")
    if not columns:
        return np.empty((len(table), 0), dtype)
    if numbers or times or (kinds == {"b"} and not any(isinstance(c, np.ma.MaskedArray) for c in columns)):
        plain = [_filled(c) for c in columns]
        return np.stack(plain, axis=1).astype(dtype or np.result_type(*plain), copy=False)
    made = np.empty((len(table), len(columns)), object)
    for k, column in enumerate(columns):
        made[:, k] = column.tolist() if kinds.isdisjoint("mM") else column.astype(object).tolist()
    return made if dtype is None else made.astype(dtype)


def _filled(column: Any) -> Any:
    """A column of numbers or times with NaN or NaT for null."""
    import numpy as np

    if not isinstance(column, np.ma.MaskedArray):
        return column
    floats: Any = column.astype(np.float64) if column.dtype.kind in "iu" else column
    return floats.filled(floats.dtype.type("nan" if floats.dtype.kind == "f" else "NaT"))
