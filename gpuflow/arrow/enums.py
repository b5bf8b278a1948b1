"""Convert Arrow's ordered dictionaries, and strings, to enum columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gpuflow_kernels.column import Column
from gpuflow_kernels.dtypes import DType, enum

from gpuflow.expr.literals import no_category

from .categories import is_text
from .convert import from_arrow
from .row_value_error import RowValueError


def enum_of(data: pa.Array | pa.ChunkedArray) -> DType | None:
    """Return the enum type of ordered dictionaries of distinct strings, the same in all chunks; None for other data.

    >>> kinds = pa.array(["low", "high"])
    >>> enum_of(pa.DictionaryArray.from_arrays(pa.array([1, 0, 1]), kinds, ordered=True))
    enum[low, high]
    """
    if not pa.types.is_dictionary(data.type) or not data.type.ordered or not is_text(data.type.value_type):
        return None
    chunks = data.chunks if isinstance(data, pa.ChunkedArray) else [data]
    if not chunks:
        return None
    try:
        names = [names_of(chunk) for chunk in chunks]
    except (pa.ArrowException, UnicodeDecodeError):  # raised when the column is read
        return None
    first = names[0]
    return enum(first) if None not in first and len(set(first)) == len(first) and all(f == first for f in names[1:]) else None


def names_of(array: pa.DictionaryArray) -> list[str]:
    """Validate the dictionary of an array from outside and return its entries."""
    array.dictionary.validate(full=True)
    return array.dictionary.to_pylist()  # type: ignore[no-any-return]


def enum_column(data: pa.Array | pa.ChunkedArray, dtype: DType) -> Column:
    """Make an enum column from data for which `enum_of`, or the metadata of its field, gave `dtype`.

    Raises
    ------
    pyarrow.ArrowInvalid
        When the data is not valid Arrow, or holds what is no category.
    """
    data.validate(full=True)
    if enum_of(data) != dtype:
        return enum_of_texts(data, dtype)
    chunks = data.chunks if isinstance(data, pa.ChunkedArray) else [data]
    # under a null there may be any number
    indices = from_arrow(pa.chunked_array([chunk.indices.cast(pa.int32(), safe=False) for chunk in chunks], pa.int32()))
    codes = indices.values
    if indices.validity is not None:
        codes = np.where(indices.validity, codes, np.int32(0))
    return Column(dtype, codes, indices.validity)


def enum_of_texts(data: pa.Array | pa.ChunkedArray, dtype: DType, strict: bool = True) -> Column:
    """Make an enum column from the names of categories.

    Raises
    ------
    OddValue
        When a text is no category; without `strict` it is null.
    """
    categories = pa.array(dtype.detail, pa.large_string())
    chunks = data.chunks if isinstance(data, pa.ChunkedArray) else [data]
    codes = pa.chunked_array([_numbers(chunk, categories) for chunk in chunks], pa.int32())
    if strict:
        unknown = pc.and_(codes.is_null(), _texts(data).is_valid()) if codes.null_count > data.null_count else None
        if unknown is not None and pc.any(unknown).as_py():
            row = pc.index(unknown, True).as_py()
            raise RowValueError(row, f"is to be {dtype}{no_category(data[row].as_py(), dtype)}")
    indices = from_arrow(codes)
    return Column(dtype, indices.values, indices.validity)


def _numbers(chunk: pa.Array, categories: pa.Array) -> pa.Array:
    """Return for each text the number of its category, null where it is none; dictionary entries are looked up once."""
    if pa.types.is_dictionary(chunk.type):
        return _numbers(chunk.dictionary, categories).take(chunk.indices)
    return pc.index_in(chunk.cast(categories.type), value_set=categories)


def _texts(data: Any) -> Any:
    return data.cast(data.type.value_type) if pa.types.is_dictionary(data.type) else data
