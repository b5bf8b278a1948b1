"""Enums from Arrow's ordered dictionaries."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gpuflow_kernels.column import Column
from gpuflow_kernels.dtypes import DType, enum

from gpuflow.expr.literals import no_category

from .convert import from_arrow


def enum_of(data: pa.Array | pa.ChunkedArray) -> DType | None:
    """The enum that Arrow data is: ordered dictionaries of distinct strings, the same in all chunks. None for all else.

    >>> kinds = pa.array(["low", "high"])
    >>> enum_of(pa.DictionaryArray.from_arrays(pa.array([1, 0, 1]), kinds, ordered=True))
    enum[low, high]
    """
    if not pa.types.is_dictionary(data.type) or not data.type.ordered or not _is_text(data.type.value_type):
        return None
    chunks = data.chunks if isinstance(data, pa.ChunkedArray) else [data]
    if not chunks:
        return None
    try:
        found = [names_of(chunk) for chunk in chunks]
    except (pa.ArrowException, UnicodeDecodeError):  # told where the column is read
        return None
    first = found[0]
    return enum(first) if None not in first and len(set(first)) == len(first) and all(f == first for f in found[1:]) else None


def _is_text(kind: pa.DataType) -> bool:
    return kind in (pa.string(), pa.large_string(), pa.string_view())


def names_of(array: pa.DictionaryArray) -> list[str]:
    """The entries of a dictionary of foreign origin."""
    array.dictionary.validate(full=True)
    return array.dictionary.to_pylist()  # type: ignore[no-any-return]


def enum_column(data: pa.Array | pa.ChunkedArray, dtype: DType) -> Column:
    """A column of the numbers of categories, from data for which `enum_of` gave `dtype`.

    Raises
    ------
    pyarrow.ArrowInvalid
        When the data is not valid Arrow.
    """
    data.validate(full=True)
    chunks = data.chunks if isinstance(data, pa.ChunkedArray) else [data]
    # what lies under a null may be any number
    indices = from_arrow(pa.chunked_array([chunk.indices.cast(pa.int32(), safe=False) for chunk in chunks], pa.int32()))
    codes = indices.values
    if indices.validity is not None:
        codes = np.where(indices.validity, codes, np.int32(0))
    return Column(dtype, codes, indices.validity)


def enum_of_texts(data: pa.Array | pa.ChunkedArray, dtype: DType, strict: bool = True) -> Column:
    """A column of the numbers of categories, from their names.

    Raises
    ------
    ValueError
        When a text is no category; without `strict` it is null.
    """
    if pa.types.is_dictionary(data.type):
        data = data.cast(data.type.value_type)
    data = data.cast(pa.large_string())
    codes = pc.index_in(data, value_set=pa.array(dtype.detail, pa.large_string()))
    if strict and codes.null_count > data.null_count:
        unknown = data.filter(pc.and_(codes.is_null(), data.is_valid()))[0].as_py()
        raise ValueError(f"it is to be {dtype}{no_category(unknown, dtype)}")
    indices = from_arrow(codes)
    return Column(dtype, indices.values, indices.validity)
