"""Convert results to other libraries' tables; an error names the column whose type a library lacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from gpuflow_kernels.dtypes import DType

from gpuflow.arrow.passthrough import parts
from gpuflow.errors import ArithmeticOverflowError, UnsupportedError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


def to_python(data: pa.Array | pa.ChunkedArray, dtype: DType, name: str) -> list[Any]:
    """Convert a column to a list of Python values; None is null."""
    try:
        return data.to_pylist()  # type: ignore[no-any-return]
    except OverflowError as e:
        raise ArithmeticOverflowError(
            f"column {name!r} ({dtype}) holds a time that Python has no value for ({e}); "
            "use to_numpy(), to_pandas(), to_polars() or to_arrow()"
        ) from e
    except ValueError as e:
        if dtype.kind != "opaque":
            raise
        raise UnsupportedError(f"column {name!r} is {dtype}, for which Python has no values ({e}); use to_arrow()") from e


def to_pandas(table: pa.Table, schema: Mapping[str, DType], nullable: bool) -> pd.DataFrame:
    """Convert a table to a pandas DataFrame, of nullable types if asked for."""
    pd = library("pandas", "to_pandas()")
    kinds: dict[Any, Any] = {
        pa.bool_(): pd.BooleanDtype(),
        pa.float32(): pd.Float32Dtype(),
        pa.float64(): pd.Float64Dtype(),
        pa.large_string(): pd.StringDtype(),
    }
    for bits in (8, 16, 32, 64):
        kinds[getattr(pa, f"int{bits}")()] = getattr(pd, f"Int{bits}Dtype")()
        kinds[getattr(pa, f"uint{bits}")()] = getattr(pd, f"UInt{bits}Dtype")()

    def mapped(kind: pa.DataType) -> Any:  # extensions may not be hashable
        return None if isinstance(kind, pa.BaseExtensionType) else kinds.get(kind)

    def make(part: pa.Table) -> Any:
        return part.to_pandas(types_mapper=mapped if nullable else None, date_as_object=False)

    return _made(table, schema, "pandas", make, "to_pandas(arrow=True)")


def to_polars(table: pa.Table, schema: Mapping[str, DType]) -> pl.DataFrame:
    """Convert a table to a Polars DataFrame; enums stay enums."""
    pl = library("polars", "to_polars()")

    def make(part: pa.Table) -> Any:
        if any(pa.types.is_decimal256(kind) for field in part.schema for kind in parts(field.type)):
            raise TypeError("decimals of 256 bits")  # Polars panics on them
        return pl.DataFrame(part)

    try:
        frame = _made(table, schema, "Polars", make, "to_arrow()")
    except pl.exceptions.ComputeError as e:
        odd = [name for name, dtype in schema.items() if dtype.zone and dtype.zone[0] in "+-"]
        if not odd:
            raise
        raise UnsupportedError(
            f"Polars has no such time zone: {', '.join(f'{n!r} is {schema[n]}' for n in odd)}; "
            "go to another one with .dt.convert_time_zone('UTC')"
        ) from e
    enums = {name: dtype.detail for name, dtype in schema.items() if dtype.kind == "enum"}
    return frame.with_columns(pl.col(name).cast(pl.Enum(categories)) for name, categories in enums.items())  # type: ignore[no-any-return]


def library(name: str, method: str) -> Any:
    """Import an optional library that `method` needs."""
    try:
        return import_module(name)
    except ImportError as e:
        if e.name != name:
            raise
        raise UnsupportedError(f"{method} needs {name}: pip install {name}") from e


def _made(table: pa.Table, schema: Mapping[str, DType], library: str, make: Callable[[pa.Table], Any], instead: str) -> Any:
    """Apply `make` to a table; if it fails because of opaque columns, raise an error that names them."""
    try:
        return make(table)
    except Exception as e:
        odd = [n for n, dtype in schema.items() if dtype.kind == "opaque" and not _works(make, table.select([n]))]
        if not odd:
            raise
        columns = ", ".join(f"column {name!r} is {schema[name]}" for name in odd)
        raise UnsupportedError(f"{columns}, which {library} does not take ({e}); leave it out, or use {instead}") from e


def _works(make: Callable[[pa.Table], Any], table: pa.Table) -> bool:
    try:
        make(table)
    except Exception:
        return False
    return True
