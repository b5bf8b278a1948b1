"""Dictionaries of string columns: unify several, and concatenate columns with different ones.

A column of strings holds codes, which number entries of a `Dictionary`. In the *dictionary* layout entries are distinct. In the
*plain* layout there is one entry for each row that was loaded, and codes say which rows are in the column: a filter or a join
moves four bytes a row, and the strings are gathered once, for the result. Comparing, sorting and grouping need distinct entries,
which are found when first needed and cached.

Columns of binary values have dictionaries too; so have opaque columns, whose entries are never compared.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gpuflow_kernels import host_memory
from gpuflow_kernels.column import Chunk, Column

from gpuflow.errors import UnsupportedError


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class Dictionary:
    """The values that the codes of a column number.

    Attributes
    ----------
    values : pyarrow.Array
        The entries, none of them null: large_string, large_binary, or any opaque type.
    distinct : bool
        Whether no two entries are equal.
    facts : dict
        Results computed from the entries, by name; not pickled.
    """

    values: pa.Array
    distinct: bool = True
    facts: dict[Any, Any] = field(default_factory=dict, repr=False)
    _lock: Any = field(default_factory=threading.RLock, repr=False)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def nbytes(self) -> int:
        return int(self.values.nbytes)

    def fact(self, name: Any, find: Callable[[], Any]) -> Any:
        """Return the fact `name`, computed by `find` the first time."""
        if name not in self.facts:
            with self._lock:
                if name not in self.facts:
                    self.facts[name] = find()
        return self.facts[name]

    def take(self, codes: Any) -> Dictionary:
        """Make a dictionary of the entries with these numbers, which must not repeat."""
        return Dictionary(self.values.take(pa.array(codes)), self.distinct)

    def to_pylist(self) -> list[Any]:
        return self.values.to_pylist()  # type: ignore[no-any-return]

    def __reduce__(self) -> tuple[Any, ...]:
        return Dictionary, (self.values, self.distinct)


Unified = tuple[Dictionary, list[np.ndarray[Any, Any]], list[int]]
EMPTY = Dictionary(pa.nulls(0, pa.large_string()))  # pa.array would load pandas


def dictionary_of(values: Sequence[str] | pa.Array, *, distinct: bool = True) -> Dictionary:
    """Make a dictionary of these strings, in their order.

    >>> dictionary_of(["b", "a"]).values.to_pylist()
    ['b', 'a']
    """
    array = values if isinstance(values, pa.Array) else pa.array(values, pa.large_string())
    return Dictionary(array if array.type == pa.large_string() else array.cast(pa.large_string()), distinct)


def encoding(dictionary: Dictionary) -> tuple[Dictionary, Any]:
    """Return the distinct entries, and for each entry its number among them; cached."""

    def find() -> tuple[Dictionary, Any]:
        if dictionary.distinct:
            return dictionary, np.arange(len(dictionary), dtype=np.int32)
        encoded = dictionary.values.dictionary_encode()
        return Dictionary(encoded.dictionary), encoded.indices.to_numpy()

    return dictionary.fact("encoding", find)  # type: ignore[no-any-return]


def distinct_column(column: Column) -> Column:
    """Recode a column so that codes are equal exactly where its values are."""
    if column.dictionary is None or column.dictionary.distinct:
        return column
    distinct, numbers = encoding(column.dictionary)
    xp = array_module(column.values)
    codes = xp.asarray(numbers)[column.values] if len(numbers) else column.values
    return Column(column.dtype, codes, column.validity, distinct)


MOST = (1 << 31) - 1
"""Entries that codes can number."""
_KEPT = 64
_cache: OrderedDict[tuple[Any, ...], tuple[list[weakref.ref[Any]], Any]] = OrderedDict()
_lock = threading.Lock()


def unify(dictionaries: Sequence[Dictionary], literals: Sequence[Any] = (), kind: pa.DataType | None = None) -> Unified:
    """Bring dictionaries and literals into one dictionary, sorted by UTF-8 bytes, so that codes compare like strings.

    Parameters
    ----------
    dictionaries : sequence of Dictionary
        The same object may stand more than once.
    literals : sequence of str or bytes
        Further entries to be found in the result.
    kind : pyarrow.DataType, optional
        Type of the entries if no dictionary is given; large_string by default.

    Returns
    -------
    (dictionary, tables, codes)
        The sorted dictionary; for each given one an int32 array from its codes to the new ones (the same object for the
        same dictionary); the new codes of the literals.

    Notes
    -----
    Results are cached by identity of the dictionaries while these live, and must not be written to.

    Examples
    --------
    >>> merged, tables, codes = unify([dictionary_of(["b", "a"]), dictionary_of(["c", "b"])], ["bb"])
    >>> merged.values.to_pylist(), [table.tolist() for table in tables], codes
    (['a', 'b', 'bb', 'c'], [[1, 0], [3, 1]], [2])
    """
    kind = kind or pa.large_string()
    if not dictionaries:
        return _unify(dictionaries, literals, kind)
    return remembered(("unify", tuple(literals)), dictionaries, lambda: _unify(dictionaries, literals, kind))  # type: ignore[no-any-return]


def pooled(dictionaries: Sequence[Dictionary], kind: pa.DataType) -> tuple[Dictionary, list[np.ndarray[Any, Any]]]:
    """Concatenate dictionaries without comparing entries; return the result and for each one a table from its codes."""

    parts = list({id(d): d for d in dictionaries}.values())
    if len(parts) == 1:
        return parts[0], [np.arange(len(parts[0]), dtype=np.int32)] * len(dictionaries)

    def find() -> tuple[Dictionary, list[np.ndarray[Any, Any]]]:
        starts = dict(zip(map(id, parts), np.cumsum([0, *map(len, parts)]), strict=False))
        _refuse_more(sum(map(len, parts)))
        tables = [np.arange(len(d), dtype=np.int32) + np.int32(starts[id(d)]) for d in dictionaries]
        return Dictionary(pa.concat_arrays([pa.nulls(0, kind), *(d.values for d in parts)]), distinct=False), tables

    return remembered(("pooled",), dictionaries, find) if parts else find()  # type: ignore[no-any-return]


def index_in(source: Dictionary, target: Dictionary) -> Any:
    """Return for each entry of a dictionary its number in another, distinct one; -1 where it is missing."""
    if source is target:
        return np.arange(len(source), dtype=np.int32)

    def find() -> Any:
        return pc.index_in(source.values, value_set=target.values).fill_null(-1).to_numpy().copy()

    return remembered(("index",), [source, target], find)


def remembered(what: tuple[Any, ...], dictionaries: Sequence[Dictionary], find: Callable[[], Any]) -> Any:
    """Return what `find` computes from these dictionaries, cached by their identity; the cache keeps the last few results."""
    key = (what, tuple(map(id, dictionaries)))
    with _lock:
        entry = _cache.get(key)
        # the same addresses may belong to new objects: compare with those that the result was computed from
        if entry is not None and all(ref() is d for ref, d in zip(entry[0], dictionaries, strict=True)):
            _cache.move_to_end(key)
            return entry[1]
    answer = find()
    with _lock:
        _cache[key] = ([weakref.ref(d, partial(_forget, key)) for d in dictionaries], answer)
        while len(_cache) > _KEPT:
            _cache.popitem(last=False)
    return answer


def _forget(key: tuple[Any, ...], _: Any, cache: OrderedDict[tuple[Any, ...], Any] = _cache) -> None:
    # runs inside a garbage collection, possibly in a thread that holds the lock: dict operations are atomic without it;
    # or when the interpreter ends and this module's names are gone, hence the default
    cache.pop(key, None)


def _unify(dictionaries: Sequence[Dictionary], literals: Sequence[Any], kind: pa.DataType) -> Unified:
    encodings = [encoding(d) for d in dictionaries]
    distinct: list[pa.Array] = []
    place: dict[int, int] = {}
    for unique, _ in encodings:
        if id(unique) in place:
            continue
        same = next((i for i, d in enumerate(distinct) if len(d) == len(unique) and d.equals(unique.values)), None)
        place[id(unique)] = len(distinct) if same is None else same
        if same is None:
            distinct.append(unique.values)
    own = distinct[0].type if distinct else kind
    parts = [*distinct, pa.array(literals, own) if literals else pa.nulls(0, own)]
    encoded = (pa.concat_arrays(parts) if len(distinct) != 1 or len(literals) else parts[0]).dictionary_encode()
    order = pc.array_sort_indices(encoded.dictionary)
    merged = encoded.dictionary.take(order)
    new = np.empty(len(merged), np.int32)
    new[order.to_numpy()] = np.arange(len(merged), dtype=np.int32)
    codes = new[encoded.indices.to_numpy()]
    ends = np.cumsum([len(p) for p in parts])
    tables = [codes[end - len(part) : end] for part, end in zip(parts, ends, strict=True)]
    composed: dict[int, Any] = {}
    answers = []
    for dictionary, (unique, numbers) in zip(dictionaries, encodings, strict=True):
        if id(dictionary) not in composed:
            table = tables[place[id(unique)]]
            composed[id(dictionary)] = table if dictionary.distinct else table[numbers]
        answers.append(composed[id(dictionary)])
    return Dictionary(merged), answers, tables[-1].tolist()


def array_module(values: Any) -> Any:
    """Return NumPy, or the module of a device array (CuPy)."""
    if isinstance(values, np.ndarray):
        return np
    return sys.modules[type(values).__module__.split(".")[0]]


def concat_columns(columns: Sequence[Column]) -> Column:
    """Concatenate columns of the same type; the result is on a device if any of them is.

    Codes keep a dictionary that all columns share. Otherwise distinct dictionaries are unified, and plain ones concatenated.
    """
    if not columns:
        raise ValueError("no columns to concatenate")
    first = columns[0]
    if len(columns) == 1:
        return first
    if any(c.dtype != first.dtype for c in columns):
        raise ValueError(f"columns of {sorted({str(c.dtype) for c in columns})} cannot be concatenated: types differ")
    xp = next((m for c in columns if (m := array_module(c.values)) is not np), np)
    dictionary = first.dictionary
    if dictionary is not None and any(c.dictionary is not dictionary for c in columns):
        if all(c.dictionary.distinct for c in columns):
            dictionary, tables, _ = unify([c.dictionary for c in columns])
            values = [_recoded(xp, tables, columns)]
        else:
            dictionary, values = _behind([trimmed(c) for c in columns], xp)
    else:
        values = [xp.asarray(c.values) for c in columns]
    validity = None
    if any(c.validity is not None for c in columns):
        validity = _joined(xp, [xp.ones(len(c), bool) if c.validity is None else xp.asarray(c.validity) for c in columns])
    return Column(first.dtype, _joined(xp, values), validity, dictionary)


def _joined(xp: Any, arrays: Sequence[Any]) -> Any:
    """Concatenate arrays of one type; on the host into memory of the pool."""
    if len(arrays) == 1:
        return arrays[0]
    if xp is not np:
        return xp.concatenate(arrays)
    return np.concatenate(arrays, out=host_memory.empty(sum(map(len, arrays)), arrays[0].dtype))


def _recoded(xp: Any, tables: Sequence[Any], columns: Sequence[Column]) -> Any:
    """Concatenate the codes of columns, each mapped by its table."""
    rows = sum(map(len, columns))
    codes = host_memory.empty(rows, "int32") if xp is np else xp.empty(rows, "int32")
    start = 0
    for table, c in zip(tables, columns, strict=True):
        part = codes[start : start + len(c)]
        start += len(c)
        if not len(table):  # holds nulls only, and its codes are 0
            part[:] = 0
        elif xp is np:  # four times as fast as by an index
            np.take(table, c.values, out=part, mode="clip")
        else:
            part[:] = xp.asarray(table)[xp.asarray(c.values)]
    return codes


def _behind(columns: Sequence[Column], xp: Any) -> tuple[Dictionary, list[Any]]:
    """Concatenate the dictionaries of columns; return the result and each column's codes in it."""
    places: dict[int, int] = {}
    parts: list[pa.Array] = []
    values, total = [], 0
    for c in columns:
        if id(c.dictionary) not in places:
            places[id(c.dictionary)] = total
            parts.append(c.dictionary.values)
            total += len(c.dictionary)
        # all codes of an empty dictionary are 0 and null
        moved = xp.asarray(c.values) + np.int32(places[id(c.dictionary)])
        values.append(moved if len(c.dictionary) else xp.zeros(len(c), "int32"))
    _refuse_more(total)
    return Dictionary(pa.concat_arrays(parts), distinct=False), values


def _refuse_more(total: int) -> None:
    if total > MOST:
        raise UnsupportedError(
            f"a partition of {total:,} strings: {MOST:,} are the most; use smaller partitions (gpuflow.partition-rows)"
        )


def trimmed(column: Column) -> Column:
    """Reduce the dictionary of a column to the entries in use, if it has more than twice as many entries as rows."""
    if column.dictionary is None or len(column.dictionary) <= 2 * len(column):
        return column
    return own_entries(column)


def own_entries(column: Column) -> Column:
    """Reduce the dictionary of a column to the entries that its codes use, those under nulls included."""
    xp = array_module(column.values)
    if len(column.dictionary) <= 4 * len(column):
        seen = xp.zeros(len(column.dictionary), dtype=bool)
        seen[column.values] = True
        used = xp.flatnonzero(seen)
        if len(used) == len(column.dictionary):
            return column
        codes = (xp.cumsum(seen, dtype="int32") - np.int32(1))[column.values]
        host = used if xp is np else xp.asnumpy(used)
        return Column(column.dtype, codes, column.validity, column.dictionary.take(host))
    used, codes = xp.unique(column.values, return_inverse=True)
    host = used if xp is np else xp.asnumpy(used)
    return Column(column.dtype, codes.astype(np.int32), column.validity, column.dictionary.take(host))


def concat_chunks(chunks: Sequence[Chunk]) -> Chunk:
    """Concatenate chunks with the same columns."""
    if not chunks:
        raise ValueError("no chunks to concatenate")
    if len(chunks) == 1:
        return chunks[0]
    columns = zip(*(chunk.columns for chunk in chunks), strict=True)
    return Chunk(tuple(concat_columns(list(group)) for group in columns), sum(chunk.length for chunk in chunks))
