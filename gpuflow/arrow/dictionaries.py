"""Dictionaries of string columns: bringing several into one order, and joining columns that bring their own.

Columns of binary values have dictionaries too, and opaque ones, whose entries are never compared.

A column of strings holds codes, which number entries of a `Dictionary`. In the *dictionary* layout entries are distinct;
in the *plain* one they are what was loaded, one for each row, and codes say which rows are left. So a filter or a join
moves four bytes a row, and the strings themselves are fetched once, when a result is handed out; equality, order and
grouping bring entries into one distinct dictionary when they are asked for, and remember it.
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
    """What the codes of a column stand for.

    Attributes
    ----------
    values : pyarrow.Array
        The entries, none of them null: large_string, large_binary, or any opaque type.
    distinct : bool
        Whether no two entries are equal.
    facts : dict
        What was found out about the entries, by name; not sent to other processes.
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
        """The fact `name`, found out once."""
        if name not in self.facts:
            with self._lock:
                if name not in self.facts:
                    self.facts[name] = find()
        return self.facts[name]

    def take(self, codes: Any) -> Dictionary:
        """The entries with these numbers, no number twice."""
        return Dictionary(self.values.take(pa.array(codes)), self.distinct)

    def to_pylist(self) -> list[Any]:
        return self.values.to_pylist()  # type: ignore[no-any-return]

    def __reduce__(self) -> tuple[Any, ...]:
        return Dictionary, (self.values, self.distinct)


Unified = tuple[Dictionary, list[np.ndarray[Any, Any]], list[int]]
EMPTY = Dictionary(pa.nulls(0, pa.large_string()))  # pa.array would load pandas


def dictionary_of(values: Sequence[str] | pa.Array, *, distinct: bool = True) -> Dictionary:
    """A dictionary of these strings, in their order.

    >>> dictionary_of(["b", "a"]).values.to_pylist()
    ['b', 'a']
    """
    array = values if isinstance(values, pa.Array) else pa.array(values, pa.large_string())
    return Dictionary(array if array.type == pa.large_string() else array.cast(pa.large_string()), distinct)


def encoding(dictionary: Dictionary) -> tuple[Dictionary, Any]:
    """The distinct entries, and for each entry its number among them; remembered."""

    def find() -> tuple[Dictionary, Any]:
        if dictionary.distinct:
            return dictionary, np.arange(len(dictionary), dtype=np.int32)
        encoded = dictionary.values.dictionary_encode()
        return Dictionary(encoded.dictionary), encoded.indices.to_numpy()

    return dictionary.fact("encoding", find)  # type: ignore[no-any-return]


def distinct_column(column: Column) -> Column:
    """The column with codes that are equal where, and only where, its values are."""
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
        What entries are where no dictionary is given; large_string by default.

    Returns
    -------
    (dictionary, tables, codes)
        The sorted dictionary; for each given one an int32 array from its codes to the new ones (the same object for the
        same dictionary); the new codes of the literals.

    Notes
    -----
    Answers are kept, by identity of the dictionaries, for as long as those live, and must not be written to.

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
    """The entries of several dictionaries, which are not compared, in one of `kind`; for each a table from its codes."""

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
    """For each entry of a dictionary the number of the same entry in another, distinct one; -1 where it is not there."""
    if source is target:
        return np.arange(len(source), dtype=np.int32)

    def find() -> Any:
        return pc.index_in(source.values, value_set=target.values).fill_null(-1).to_numpy().copy()

    return remembered(("index",), [source, target], find)


def remembered(what: tuple[Any, ...], dictionaries: Sequence[Dictionary], find: Callable[[], Any]) -> Any:
    """What `find` answers for these dictionaries: kept, for as long as those live, among the last few answers asked for."""
    key = (what, tuple(map(id, dictionaries)))
    with _lock:
        found = _cache.get(key)
        # a kept answer is for these objects only if they are still the ones it was made for, not new ones at their addresses
        if found is not None and all(ref() is d for ref, d in zip(found[0], dictionaries, strict=True)):
            _cache.move_to_end(key)
            return found[1]
    answer = find()
    with _lock:
        _cache[key] = ([weakref.ref(d, partial(_forget, key)) for d in dictionaries], answer)
        while len(_cache) > _KEPT:
            _cache.popitem(last=False)
    return answer


def _forget(key: tuple[Any, ...], _: Any, cache: OrderedDict[tuple[Any, ...], Any] = _cache) -> None:
    # runs inside a garbage collection, possibly in a thread that holds the lock: dict operations are atomic by themselves;
    # or when the interpreter ends and this module's names are gone, hence the default
    cache.pop(key, None)


def _unify(dictionaries: Sequence[Dictionary], literals: Sequence[Any], kind: pa.DataType) -> Unified:
    encodings = [encoding(d) for d in dictionaries]
    distinct: list[pa.Array] = []
    place: dict[int, int] = {}
    for found, _ in encodings:
        if id(found) in place:
            continue
        same = next((i for i, d in enumerate(distinct) if len(d) == len(found) and d.equals(found.values)), None)
        place[id(found)] = len(distinct) if same is None else same
        if same is None:
            distinct.append(found.values)
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
    for dictionary, (found, numbers) in zip(dictionaries, encodings, strict=True):
        if id(dictionary) not in composed:
            table = tables[place[id(found)]]
            composed[id(dictionary)] = table if dictionary.distinct else table[numbers]
        answers.append(composed[id(dictionary)])
    return Dictionary(merged), answers, tables[-1].tolist()


def array_module(values: Any) -> Any:
    """NumPy, or the module of a device array (CuPy)."""
    if isinstance(values, np.ndarray):
        return np
    return sys.modules[type(values).__module__.split(".")[0]]


def concat_columns(columns: Sequence[Column]) -> Column:
    """One column from several of the same type, in order; on a device when any of them is.

    Codes keep their dictionary when it is the same for all, else distinct ones get the unified one, and plain ones are put
    one behind the other.
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
    """Arrays of one type, one behind the other; on the host in memory that is used again."""
    if len(arrays) == 1:
        return arrays[0]
    if xp is not np:
        return xp.concatenate(arrays)
    return np.concatenate(arrays, out=host_memory.empty(sum(map(len, arrays)), arrays[0].dtype))


def _recoded(xp: Any, tables: Sequence[Any], columns: Sequence[Column]) -> Any:
    """The codes of all columns one behind the other, each column's through its table."""
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
    """The entries of all columns one behind the other, and the codes of each column in them."""
    places: dict[int, int] = {}
    parts: list[pa.Array] = []
    values, total = [], 0
    for c in columns:
        if id(c.dictionary) not in places:
            places[id(c.dictionary)] = total
            parts.append(c.dictionary.values)
            total += len(c.dictionary)
        # codes of an empty dictionary are 0 and all null: nothing stands for them
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
    """The column with a dictionary of its own strings, where the one it has is far longer than the column."""
    if column.dictionary is None or len(column.dictionary) <= 2 * len(column):
        return column
    return own_entries(column)


def own_entries(column: Column) -> Column:
    """The column with a dictionary of those entries alone that its codes use, be they null."""
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
    """One chunk from several with the same columns, in order."""
    if not chunks:
        raise ValueError("no chunks to concatenate")
    if len(chunks) == 1:
        return chunks[0]
    columns = zip(*(chunk.columns for chunk in chunks), strict=True)
    return Chunk(tuple(concat_columns(list(group)) for group in columns), sum(chunk.length for chunk in chunks))
