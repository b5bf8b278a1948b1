"""Dictionaries of string columns: bringing several into one order, and joining columns that bring their own."""

from __future__ import annotations

import sys
import threading
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gpuflow_kernels import dtypes as t
from gpuflow_kernels.column import Chunk, Column

Unified = tuple[pa.Array, list[np.ndarray[Any, Any]], list[int]]

_KEPT = 64
_cache: OrderedDict[tuple[Any, ...], tuple[list[weakref.ref[Any]], Unified]] = OrderedDict()
_lock = threading.Lock()


def unify(dictionaries: Sequence[pa.Array], literals: Sequence[str] = ()) -> Unified:
    """Bring dictionaries and literals into one dictionary, sorted by UTF-8 bytes, so that codes compare like strings.

    Parameters
    ----------
    dictionaries : sequence of pyarrow string arrays
        Distinct, non-null values each. The same object may stand more than once.
    literals : sequence of str
        Further strings to be found in the result.

    Returns
    -------
    (dictionary, tables, codes)
        The sorted large_string array; for each given dictionary an int32 array from its codes to the new ones (the
        same object for the same dictionary); the new codes of the literals.

    Notes
    -----
    Answers are kept, by identity of the dictionaries, for as long as those live, and must not be written to.

    Examples
    --------
    >>> import pyarrow as pa
    >>> merged, tables, codes = unify([pa.array(["b", "a"]), pa.array(["c", "b"])], ["bb"])
    >>> merged.to_pylist(), [table.tolist() for table in tables], codes
    (['a', 'b', 'bb', 'c'], [[1, 0], [3, 1]], [2])
    """
    key = (tuple(map(id, dictionaries)), tuple(literals))
    with _lock:
        found = _cache.get(key)
        # a kept answer is for these objects only if they are still the ones it was made for, not new ones at their addresses
        if found is not None and all(ref() is d for ref, d in zip(found[0], dictionaries, strict=True)):
            _cache.move_to_end(key)
            return found[1]
    answer = _unify(dictionaries, literals)
    with _lock:
        _cache[key] = ([weakref.ref(d, partial(_forget, key)) for d in dictionaries], answer)
        while len(_cache) > _KEPT:
            _cache.popitem(last=False)
    return answer


def _forget(key: tuple[Any, ...], _: Any, cache: OrderedDict[tuple[Any, ...], Any] = _cache) -> None:
    # runs inside a garbage collection, possibly in a thread that holds the lock: dict operations are atomic by themselves;
    # or when the interpreter ends and this module's names are gone, hence the default
    cache.pop(key, None)


def _unify(dictionaries: Sequence[pa.Array], literals: Sequence[str]) -> Unified:
    distinct: list[pa.Array] = []
    place: dict[int, int] = {}
    for dictionary in dictionaries:
        if id(dictionary) in place:
            continue
        same = next((i for i, d in enumerate(distinct) if len(d) == len(dictionary) and d.equals(dictionary)), None)
        place[id(dictionary)] = len(distinct) if same is None else same
        if same is None:
            distinct.append(dictionary)
    parts = [d if d.type == pa.large_string() else d.cast(pa.large_string()) for d in distinct]
    parts.append(pa.array(literals, pa.large_string()))
    encoded = pa.concat_arrays(parts).dictionary_encode()
    order = pc.array_sort_indices(encoded.dictionary)
    merged = encoded.dictionary.take(order)
    new = np.empty(len(merged), np.int32)
    new[order.to_numpy()] = np.arange(len(merged), dtype=np.int32)
    codes = new[encoded.indices.to_numpy()]
    ends = np.cumsum([len(p) for p in parts])
    tables = [codes[end - len(part) : end] for part, end in zip(parts, ends, strict=True)]
    return merged, [tables[place[id(d)]] for d in dictionaries], tables[-1].tolist()


def array_module(values: Any) -> Any:
    """NumPy, or the module of a device array (CuPy)."""
    if isinstance(values, np.ndarray):
        return np
    return sys.modules[type(values).__module__.split(".")[0]]


def concat_columns(columns: Sequence[Column]) -> Column:
    """One column from several of the same type, in order; on a device when any of them is.

    Strings keep their dictionary when it is the same for all, else get the unified one.
    """
    if not columns:
        raise ValueError("no columns to concatenate")
    first = columns[0]
    if len(columns) == 1:
        return first
    if any(c.dtype != first.dtype for c in columns):
        raise ValueError(f"columns of {sorted({str(c.dtype) for c in columns})} cannot be concatenated: types differ")
    xp = next((m for c in columns if (m := array_module(c.values)) is not np), np)
    values = [xp.asarray(c.values) for c in columns]
    dictionary = first.dictionary
    if first.dtype == t.STRING and any(c.dictionary is not dictionary for c in columns):
        dictionary, tables, _ = unify([c.dictionary for c in columns])
        # a column whose dictionary is empty holds nulls only, and its codes are 0
        values = [xp.asarray(table)[v] if len(table) else xp.zeros_like(v) for table, v in zip(tables, values, strict=True)]
    validity = None
    if any(c.validity is not None for c in columns):
        validity = xp.concatenate(
            [xp.ones(len(c), bool) if c.validity is None else xp.asarray(c.validity) for c in columns]
        )  # fmt: skip
    return Column(first.dtype, xp.concatenate(values), validity, dictionary)


def trimmed(column: Column) -> Column:
    """The column with a dictionary of its own strings, where the one it has is far longer than the column."""
    if column.dictionary is None or len(column.dictionary) <= 2 * len(column):
        return column
    xp = array_module(column.values)
    used, codes = xp.unique(column.values, return_inverse=True)
    host = used if xp is np else xp.asnumpy(used)
    return Column(column.dtype, codes.astype(np.int32), column.validity, column.dictionary.take(pa.array(host)))


def concat_chunks(chunks: Sequence[Chunk]) -> Chunk:
    """One chunk from several with the same columns, in order."""
    if not chunks:
        raise ValueError("no chunks to concatenate")
    if len(chunks) == 1:
        return chunks[0]
    columns = zip(*(chunk.columns for chunk in chunks), strict=True)
    return Chunk(tuple(concat_columns(list(group)) for group in columns), sum(chunk.length for chunk in chunks))
