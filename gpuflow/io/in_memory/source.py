"""Sources over tables in memory: views of arrays, converted when a query first needs the column."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from gpuflow_kernels import dtypes as t
from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.dtypes import DType

from gpuflow.arrow import convert
from gpuflow.arrow.dictionaries import array_module, concat_chunks, trimmed
from gpuflow.errors import PlanError, ReadError
from gpuflow.io.datasets.partition_rows import empty_chunk, ranges
from gpuflow.plan.source import ColumnStatistics, Source, Split
from gpuflow.schema import Schema

_numbers = itertools.count()


def _token(what: str) -> str:
    # unique among processes that share a scheduler, without hashing data
    return f"{what}-{os.getpid()}-{next(_numbers)}-{os.urandom(8).hex()}"


class MemorySource(Source):
    """Columns of one length, each converted when it is first needed, then kept.

    Parameters
    ----------
    schema : Schema
        Names and types.
    length : int
        Rows.
    make : mapping of str to callable
        For each column the function that makes it.
    label : str
        Short description.
    unsupported : mapping of str to str
        Columns left out of `schema`, with the reason.
    """

    decoded = True

    def __init__(
        self,
        schema: Schema,
        length: int,
        make: Mapping[str, Callable[[], Column]],
        label: str,
        unsupported: Mapping[str, str] | None = None,
    ) -> None:
        self.schema, self.length, self.label = schema, length, label
        self.unsupported: dict[str, str] = dict(unsupported or {})
        self.token = _token("memory")
        self._views: dict[tuple[int, int], Views] = {}
        self._make = dict(make)
        self._made: dict[str, Column] = {}
        self._known: dict[str, ColumnStatistics] = {}
        self._locks = {name: threading.Lock() for name in schema}

    def __repr__(self) -> str:
        return f"MemorySource({self.label})"

    def __reduce__(self) -> tuple[Any, ...]:
        columns = tuple(self.column(name) for name in self.schema)
        return _restore, (self.schema, self.length, columns, self.label, self.unsupported, self.token)

    def column(self, name: str) -> Column:
        """One whole column. Raises `ReadError` when it cannot be converted."""
        column = self._made.get(name)
        if column is None:
            with self._locks[name]:
                column = self._made.get(name)
                if column is None:
                    column = self._convert(name)
                    self._made[name] = column
                    self._make.pop(name, None)
        return column

    def _convert(self, name: str) -> Column:
        try:
            column = self._make[name]()
        except (pa.ArrowException, ValueError, TypeError, OverflowError) as e:
            if isinstance(e, MemoryError):
                raise
            raise ReadError(f"cannot read {self.label}, column {name!r}: {e}", column=name) from e
        assert (column.dtype, len(column)) == (self.schema[name], self.length), (name, column.dtype, len(column))
        return column

    def rows(self) -> int:
        return self.length

    def statistics(self, column: str) -> ColumnStatistics:
        if column not in self._known:
            self._known[column] = _measure(self.column(column))
        return self._known[column]

    def splits(self, predicate: Any, partition_rows: int | None = None) -> list[Split]:
        # views are kept, with the facts computed from them; splits, which refer to this source, are not: that circle would keep
        # the rows alive until a garbage collection
        return [
            MemorySplit(self, start, stop, self._views.setdefault((start, stop), Views()))
            for start, stop in ranges(self.length, partition_rows)
        ]


def _restore(
    schema: Schema, length: int, columns: tuple[Column, ...], label: str, unsupported: dict[str, str], token: str
) -> MemorySource:
    made = {name: (lambda column=column: column) for name, column in zip(schema, columns, strict=True)}
    source = MemorySource(schema, length, made, label, unsupported)
    source.token = token
    return source


def _measure(column: Column) -> ColumnStatistics:
    """Count nulls, and find minimum and maximum of integers and times."""
    nulls = 0 if column.validity is None else int(len(column) - column.validity.sum())
    kind = column.dtype.kind
    if column.dtype.is_coded or column.dtype.is_wide or kind in ("float", "null") or nulls == len(column):
        return ColumnStatistics(nulls=nulls)
    values = column.values if column.validity is None else column.values[column.validity]
    as_python = bool if kind == "bool" else int
    return ColumnStatistics(as_python(values.min()), as_python(values.max()), nulls)


class Views(dict[str, Column]):
    """Columns of a range of rows of a source, which live as long as the source; hashed by identity, weakly referable."""

    __slots__ = ("__weakref__",)
    __hash__ = object.__hash__  # type: ignore[assignment]
    __eq__ = object.__eq__


class MemorySplit(Split):
    """A range of rows of a `MemorySource`, read as views; pickling copies only these rows.

    `views`, the columns read so far, are shared by all splits of the same rows.
    """

    def __init__(self, source: MemorySource, start: int, stop: int, views: Views, columns: tuple[str, ...] | None = None) -> None:
        self.source, self.start, self.stop, self.views = source, start, stop, views
        self.columns = tuple(source.schema) if columns is None else columns
        self.rows: int = stop - start

    def __repr__(self) -> str:
        return f"MemorySplit({self.source.label}, {self.start}:{self.stop})"

    @property
    def nbytes(self) -> int:  # type: ignore[override]
        """Bytes of the rows as stored, validity left out."""
        return self.rows * sum(np.dtype(self.source.schema[name].storage).itemsize for name in self.columns)

    def narrow(self, columns: tuple[str, ...]) -> MemorySplit:
        return MemorySplit(self.source, self.start, self.stop, self.views, columns)

    @property
    def content(self) -> Views:
        return self.views

    def __reduce__(self) -> tuple[Any, ...]:
        schema = Schema({name: self.source.schema[name] for name in self.columns})
        chunk = self.read(self.columns)  # dictionaries are trimmed to the strings of these rows
        return ChunkSplit, (schema, Chunk(tuple(trimmed(c) for c in chunk.columns), chunk.length))

    def read(self, columns: tuple[str, ...]) -> Chunk:
        return Chunk(tuple(self._view(name) for name in columns), self.rows)

    def _view(self, name: str) -> Column:
        if name not in self.views:
            column = self.source.column(name)
            whole = self.rows == self.source.length
            self.views[name] = column if whole else column.take(slice(self.start, self.stop))
        return self.views[name]


class ChunkSplit(Split):
    """A chunk in memory as a split."""

    def __init__(self, schema: Schema, chunk: Chunk) -> None:
        self.schema, self.chunk, self.rows, self.nbytes = schema, chunk, chunk.length, chunk.nbytes

    def __repr__(self) -> str:
        return f"ChunkSplit({self.rows} rows)"

    @property
    def content(self) -> ChunkSplit:
        return self

    def read(self, columns: tuple[str, ...]) -> Chunk:
        return self.chunk.select(tuple(self.schema.position(name) for name in columns))

    def narrow(self, columns: tuple[str, ...]) -> ChunkSplit:
        return ChunkSplit(Schema({name: self.schema[name] for name in columns}), self.read(columns))


class ChunkSource(Source):
    """Chunks in memory, for example the result of a query; small ones are joined to partitions, large ones cut.

    Parameters
    ----------
    schema : Schema
        Names and types.
    chunks : sequence of Chunk
        With the columns of `schema`, in order.
    """

    decoded = True

    def __init__(self, schema: Schema, chunks: Sequence[Chunk], label: str = "table in memory") -> None:
        self.schema, self.label, self.token = schema, label, _token("chunks")
        self.chunks = [chunk for chunk in chunks if chunk.length] or [empty_chunk(schema, schema)]
        self._splits: dict[int, list[ChunkSplit]] = {}
        self.unsupported: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"ChunkSource({self.label}, {len(self.chunks)} chunks)"

    def rows(self) -> int:
        return sum(chunk.length for chunk in self.chunks)

    def splits(self, predicate: Any, partition_rows: int | None = None) -> list[Split]:
        from gpuflow.io.datasets.partition_rows import target_rows

        target = target_rows(self.rows(), partition_rows)
        if target not in self._splits:
            self._splits[target] = self._pieces(target)
        return list(self._splits[target])

    def _pieces(self, target: int) -> list[ChunkSplit]:
        splits: list[ChunkSplit] = []
        batch: list[Chunk] = []
        for chunk in self.chunks:
            if batch and sum(c.length for c in batch) + chunk.length > target:
                splits.append(ChunkSplit(self.schema, concat_chunks(batch)))
                batch = []
            if chunk.length > target:
                for start, stop in ranges(chunk.length, target):
                    splits.append(ChunkSplit(self.schema, chunk.take(slice(start, stop), stop - start)))
            else:
                batch.append(chunk)
        if batch:
            splits.append(ChunkSplit(self.schema, concat_chunks(batch)))
        return splits


def shape_of(name: str, array: Any) -> int:
    """Return the length of a one-dimensional array; raise `PlanError` for any other shape."""
    if getattr(array, "ndim", 1) != 1:
        raise PlanError(f"column {name!r} has {array.ndim} dimensions; a column has one")
    return len(array)


def common_length(lengths: Mapping[str, int]) -> int:
    """Return the length that all columns have; raise `PlanError` if they differ."""
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name!r}: {n}" for name, n in list(lengths.items())[:6])
        raise PlanError(f"the columns have different lengths ({listed})")
    return next(iter(lengths.values()), 0)


def numpy_dtype(dtype: np.dtype[Any]) -> DType | None:
    """Return the column type of a numeric, bool or time NumPy type; None for any other."""
    if dtype == np.bool_:
        return t.BOOL
    if dtype.kind in "iu" and dtype.itemsize <= 8:
        return DType("int" if dtype.kind == "i" else "uint", dtype.itemsize * 8)
    if dtype.kind == "f" and dtype.itemsize <= 8:
        return t.FLOAT64 if dtype.itemsize == 8 else t.FLOAT32
    if dtype.kind in "mM":
        unit, step = np.datetime_data(dtype)
        if unit == "generic":
            return None
        if dtype.kind == "M" and unit in ("Y", "M", "W", "D"):
            return t.DATE
        if step != 1 or unit in ("W", "D", "h", "m"):
            unit = "s" if unit in ("W", "D", "h", "m", "s") else unit
        if unit in t.UNITS:
            return t.timestamp(unit) if dtype.kind == "M" else t.duration(unit)
    return None


def numpy_column(array: np.ndarray[Any, Any]) -> Column:
    """Make a column over a NumPy array of a type that `numpy_dtype` knows, shared if possible; NaT and masked values are null."""
    dtype = numpy_dtype(array.dtype)
    assert dtype is not None
    validity = None
    if isinstance(array, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(array)
        validity = ~mask if mask.any() else None
        array = array.data
    if array.dtype.kind in "mM":
        missing = np.isnat(array)
        if missing.any():
            validity = ~missing if validity is None else validity & ~missing
        if dtype == t.DATE:
            days = rescaled(array, "M8[D]").astype(np.int64)
            days = np.where(missing, 0, days)
            if len(days) and not (dtype.bounds[0] <= days.min() and days.max() <= dtype.bounds[1]):
                raise ValueError("a date lies beyond what 32 bits of days hold")
            return Column(dtype, days.astype(np.int32), validity)
        kind = "M8" if dtype.kind == "timestamp" else "m8"
        array = convert.writeable(rescaled(array, f"{kind}[{dtype.unit}]")).view(np.int64)
    elif array.dtype == np.float16:
        with np.errstate(invalid="ignore"):  # a signalling NaN
            array = array.astype(np.float32)
    return Column(dtype, convert.writeable(array), validity)


def rescaled(array: np.ndarray[Any, Any], target: str) -> np.ndarray[Any, Any]:
    """Convert times or durations to another unit; raise `ValueError` where 64 bits overflow, at which NumPy wraps around."""
    made = array.astype(target, copy=False)
    if np.datetime_data(array.dtype) != np.datetime_data(made.dtype):
        wrong = (made.astype(array.dtype) != array) & ~np.isnat(array)
        if wrong.any():
            raise ValueError(f"row {int(np.flatnonzero(wrong)[0])} is beyond what 64 bits of {made.dtype} hold")
    return made


def device_column(array: Any) -> Column:
    """Make a column over a device array, which stays on the device."""
    dtype = numpy_dtype(np.dtype(array.dtype))
    if dtype is None:
        raise TypeError(f"device arrays of {array.dtype} are not supported")
    xp = array_module(array)
    if array.dtype != np.dtype(dtype.storage) and np.dtype(array.dtype).kind not in "mM":
        array = array.astype(dtype.storage)
    return Column(dtype, xp.ascontiguousarray(array))
