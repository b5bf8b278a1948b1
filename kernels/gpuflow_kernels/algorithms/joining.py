"""Build join tables from key columns and payload; pipelines probe them."""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.binding import Bindings
from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.ir.expressions import Ref
from gpuflow_kernels.ir.pipeline import Group, Pipeline, TableShape
from gpuflow_kernels.target import Target, word_of

from .counting_sort import rows_by_id
from .grouping import Grouper, column_range
from .join_table import JoinTable
from .launching import launcher_of

DIRECT_LIMIT = 1 << 26
"""Most entries of a directly indexed join table."""


def build(
    target: Target, keys: tuple[Column, ...], payload: tuple[Column, ...], bindings: Bindings, nulls_equal: bool = False
) -> JoinTable:
    """Build a join table.

    Parameters
    ----------
    target : Target
    keys : tuple of Column
        Key columns of equal length; a row with a null key matches nothing unless `nulls_equal`.
    payload : tuple of Column
        Columns of the build side that a match adds.
    bindings : Bindings
        Hostile settings only.
    nulls_equal : bool
        Whether null is a key like any other.

    Notes
    -----
    Integer keys whose range is at most a few times their number index a table directly. Otherwise keys get dense ids from
    a hash table, and rows are put in id order by a counting sort.
    """
    xp = target.xp
    keys, payload = target.moved(keys), target.moved(payload)
    rows = len(keys[0])
    usable = None
    if not nulls_equal:
        for key in keys:
            if key.validity is not None:
                usable = key.validity if usable is None else usable & key.validity
    if usable is not None:
        index = xp.flatnonzero(usable)
        keys = tuple(Column(k.dtype, k.values[index], None, k.dictionary) for k in keys)
        payload = tuple(p.take(index) for p in payload)
        rows = len(index)
    ranges = [None if k.validity is not None or bindings.constant_hash else _range(target, k) for k in keys]
    if rows and all(r is not None for r in ranges):
        sizes = [high - low + 1 for low, high in ranges]  # type: ignore[misc]
        total = 1
        for size in sizes:
            total *= size
        if total <= max(4096, min(8 * rows, DIRECT_LIMIT)):
            return _direct(target, keys, payload, ranges, sizes, total)  # type: ignore[arg-type]
    return _hashed(target, keys, payload, bindings, rows)


def _range(target: Target, key: Column) -> tuple[int, int] | None:
    if key.dtype.is_coded:
        return (0, max(0, len(key.dictionary) - 1)) if key.dictionary is not None else None
    return column_range(target, key)


def _direct(
    target: Target,
    keys: tuple[Column, ...],
    payload: tuple[Column, ...],
    ranges: list[tuple[int, int]],
    sizes: list[int],
    total: int,
) -> JoinTable:
    xp, rows = target.xp, len(keys[0])
    packed = xp.zeros(rows, dtype="int64")
    arrays: dict[str, Any] = {}
    stride = 1
    for k, (key, (low, high), size) in enumerate(zip(keys, ranges, sizes, strict=True)):
        packed += (key.values.astype("int64") - low) * stride
        arrays |= {f"b{k}": word_of(low, "int64"), f"e{k}": word_of(high, "int64"), f"k{k}": word_of(stride, "int64")}
        stride *= size
    index = "int32" if rows < 1 << 31 else "int64"  # never on a GPU, where tables have fewer entries (DIRECT_LIMIT)
    direct = xp.full(total, -1, dtype=index)
    direct[packed] = xp.arange(rows, dtype=index)
    distinct = int((direct >= 0).sum())
    if distinct == rows:
        shape = TableShape("direct", len(keys), True, _nullable(payload))
        return JoinTable(shape, arrays | {"direct": direct}, payload, keys, rows, distinct)
    direct[direct >= 0] = xp.arange(distinct, dtype=index)  # ids in key order
    ids = direct[packed]
    offsets, order = rows_by_id(target, ids, distinct)
    payload, first = _ordered(payload, order), order[offsets[:-1]]
    shape = TableShape("direct", len(keys), False, _nullable(payload))
    arrays |= {"direct": direct, "offsets": offsets}
    return JoinTable(shape, arrays, payload, tuple(k.take(first) for k in keys), rows, distinct)


def _hashed(target: Target, keys: tuple[Column, ...], payload: tuple[Column, ...], bindings: Bindings, rows: int) -> JoinTable:
    xp = target.xp
    refs = tuple(Ref(k, key.dtype) for k, key in enumerate(keys))
    numbering = Pipeline(tuple(k.dtype for k in keys), (), Group(refs, (), number=True))
    grouper = Grouper(target, numbering)
    chunk = Chunk(tuple(keys), rows)
    wide = tuple((0, (1 << 62) - 1) for _ in keys)  # ranges stay unknown on purpose: probes compare whole key words
    ids = grouper.add(chunk, Bindings(key_ranges=wide, tiny=bindings.tiny, constant_hash=bindings.constant_hash))
    table = grouper.tables[0]
    slots = launcher_of(target).probed(target, table.slots, table.words)
    arrays = {"slots": slots, "shift": table.shift, **{f"w{k}": w for k, w in enumerate(table.words)}}
    (groups,) = grouper.results()
    distinct = tuple(Column(g.dtype, g.values, g.validity, k.dictionary) for g, k in zip(groups.columns, keys, strict=True))
    words = len(table.words)
    if table.groups == rows:
        if rows and not bool((ids == xp.arange(rows)).all()):  # a parallel build numbers keys in any order
            order = xp.empty(rows, dtype="int64")
            order[ids] = xp.arange(rows)
            payload = _ordered(payload, order)
        return JoinTable(TableShape("hash", words, True, _nullable(payload)), arrays, payload, distinct, rows, rows)
    offsets, order = rows_by_id(target, ids, table.groups)
    payload = _ordered(payload, order)
    shape = TableShape("hash", words, False, _nullable(payload))
    return JoinTable(shape, arrays | {"offsets": offsets}, payload, distinct, rows, table.groups)


def _ordered(payload: tuple[Column, ...], order: Any) -> tuple[Column, ...]:
    return tuple(p.take(order) for p in payload)


def _nullable(payload: tuple[Column, ...]) -> tuple[bool, ...]:
    return tuple(p.validity is not None for p in payload)
