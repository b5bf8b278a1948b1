"""Tables of groups on a GPU: dense tables with copies of accumulators, and open tables, whose slots are the groups."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from gpuflow_kernels.algorithms.group_table import GroupTable, Layout
from gpuflow_kernels.codegen.common.arguments import Arguments, control
from gpuflow_kernels.codegen.common.table_lookups import EMPTY
from gpuflow_kernels.codegen.cuda.groups import is_folded, shared_bytes
from gpuflow_kernels.ir.pipeline import Group, GroupShape

from ...binding import Bindings
from ...column import Chunk
from ...dtypes import DType
from ...target import Target
from . import hash_table, launcher

SHARED = 32 << 10
"""Bytes of shared memory for a block's own copy of a table: at least five blocks fit on a multiprocessor."""
LANES = 32
"""Copies of a small table in a block's shared memory: one for each lane of a warp."""
HANDFUL, HALF_LANES = 16, 16
"""Tables of up to `HANDFUL` groups may take half as much again for `HALF_LANES` copies."""
REPLICAS = 16 << 20
"""Most bytes of all copies of a table in device memory, so that they stay in the L2 cache."""
MOST_COPIES = 32
CACHED = 30 << 20
"""Bytes of an open table that stay in the L2 cache of a large device (50 to 60 MB, shared with streamed data)."""
MOST_PARTS = 256


def new_table(target: Target, sink: Group, layout: Layout, bindings: Bindings, loops: bool) -> GroupTable:
    """Make the table for groups of this layout.

    Dense tables get copies, so that threads seldom collide. One-word keys get an open table, if no row can occur twice and all
    accumulators can be combined by atomics."""
    folding = any(is_folded(sink, a) for a in range(len(sink.aggs)))
    plain = not (loops or folding or sink.number)
    if layout.mode == "dense":
        return DenseTable(target, sink, layout, bindings, plain)
    if layout.mode == "hash" and (layout.packed or len(layout.nullable) == 1) and plain:
        return OpenTable(target, sink, layout, bindings)
    return GroupTable(target, sink, layout, bindings)


class SampledTable(GroupTable):
    """A table in device memory, whose kernels are chosen by a sample of the keys: ``shape.private``."""

    hot: int | None = None
    _sampled = False

    def learn(self, target: Target, rows: int, sample: launcher.Sampled, bindings: Bindings) -> None:
        """Adapt to the sample of a chunk of `rows` rows."""
        self._sampled, self.hot = True, sample.hot
        self.shape = replace(self.shape, private="hot" if sample.hot is not None else "runs" if sample.runs else "")

    def sampling(self, rows: int, bindings: Bindings) -> GroupShape | None:
        if self._sampled or rows <= launcher.SAMPLE:
            return None
        return replace(self.shape, private="sample")

    def arguments(self) -> Arguments:
        return super().arguments() | ({} if self.hot is None else {control("hot"): np.int64(self.hot)})


class DenseTable(SampledTable):
    """Accumulators by index: a copy for each block in shared memory if they are small, otherwise several in device memory."""

    def __init__(self, target: Target, sink: Group, layout: Layout, bindings: Bindings, plain: bool) -> None:
        self._start(target, sink, layout)
        size, self.capacity = max(1, shared_bytes(sink)), layout.total
        room, replicas = copies_in_shared(layout.total, size)
        self.shape = replace(layout.shape, shared=room, replicas=replicas)
        copies = 1 if room else max(1, min(MOST_COPIES, REPLICAS // (layout.total * size)))
        self.copies = 1 << copies.bit_length() - 1
        self._sampled = bool(room) or not plain
        self.accumulators = [self.fresh(r, layout.total * self.copies) for r in self.slots_of]
        self.present = target.xp.zeros(layout.total * self.copies, dtype=bool)

    def takes(self, layout: Layout, loops: bool) -> bool:
        return not (loops and self.shape.private) and super().takes(layout, loops)

    def arguments(self) -> Arguments:
        return super().arguments() | {control("size"): np.uint64(self.layout.total), control("copies"): np.uint64(self.copies)}

    def result(self, key_types: tuple[DType, ...]) -> Chunk:
        if self.copies > 1:
            self.present = self._together(self.present, "or")
            self.accumulators = [
                self._together(a, "or" if r.slot < 0 else str(self._sink.aggs[r.agg].slots[r.slot].combine))
                for a, r in zip(self.accumulators, self.slots_of, strict=True)
            ]
            self.copies = 1
        return super().result(key_types)

    def _together(self, array: Any, combine: str) -> Any:
        """Combine the copies of each group's accumulator. Accumulators that are folded only use the first copy."""
        table = array.reshape(self.copies, self.layout.total)
        if combine == "None":
            return table[0]
        if combine in ("and", "or") and array.dtype != bool:
            xp, result = self.target.xp, table[0]
            for k in range(1, self.copies):
                result = xp.bitwise_and(result, table[k]) if combine == "and" else xp.bitwise_or(result, table[k])
            return result
        name = {"add": "sum", "min": "min", "max": "max", "and": "all", "or": "any"}[combine]
        if array.dtype == bool and combine == "add":
            name = "any"
        result = getattr(table, name)(axis=0)
        return result.astype(array.dtype, copy=False)


def copies_in_shared(groups: int, size: int) -> tuple[int, int]:
    """Return (groups, copies) of a table in a block's shared memory, powers of two; no groups if it does not fit.

    `size` is the bytes of a group.
    """
    room = 1 << max(0, groups - 1).bit_length()
    if room <= HANDFUL and SHARED < room * size * HALF_LANES <= SHARED * 3 // 2:
        return room, HALF_LANES
    if room * size > SHARED:
        return 0, 1
    return room, min(LANES, 1 << (SHARED // (room * size)).bit_length() - 1)


class OpenTable(SampledTable):
    """Groups of one key word. A slot of the table is a group; two more are for the key that marks free slots, and for null."""

    def __init__(self, target: Target, sink: Group, layout: Layout, bindings: Bindings) -> None:
        self._start(target, sink, layout)
        self.shape = replace(layout.shape, mode="open")
        self._constant_hash = bindings.constant_hash
        self._make(target, 2 if bindings.tiny else 2048)

    def _make(self, target: Target, slots: int) -> None:
        self.capacity, self._spot = slots, None
        self.keys, self.shift = hash_table.empty_keys(target, slots)
        self.accumulators = [self.fresh(r, slots + 2) for r in self.slots_of]

    def takes(self, layout: Layout, loops: bool) -> bool:
        return not loops and super().takes(layout, loops)

    def arguments(self) -> Arguments:
        arguments = super().arguments() | {control("keys"): self.keys, control("shift"): self.shift}
        return arguments if self.hot is None else arguments | {control("spot"): self._spot_of_hot()}

    def _spot_of_hot(self) -> Any:
        """Return the slot of the hot key, on the device; insert the key if it is missing."""
        if self._spot is None:
            one = self.target.xp.asarray(np.array([self.hot, EMPTY, EMPTY]))  # a table has two special slots at its end
            self._spot = hash_table.move(self.target, one, self.keys, self.shift, self._constant_hash)
        return self._spot

    def learn(self, target: Target, rows: int, sample: launcher.Sampled, bindings: Bindings) -> None:
        super().learn(target, rows, sample, bindings)
        if not self._crowded(sample.groups) and not bindings.tiny:
            self.expect(target, sample.groups, bindings)

    @property
    def nearly_empty(self) -> bool:
        """Whether keys without a free slot must collide, so that growing would not help."""
        return self.groups * 16 < self.capacity

    def _crowded(self, groups: float) -> bool:
        """Return whether a table for so many groups would exceed the cache; rows are then split by their keys first."""
        size = groups * 2 * (8 + sum(a.itemsize for a in self.accumulators))
        if size > 2 * CACHED and not self.whole:
            self.parts_wanted = min(MOST_PARTS, 1 << int(size / CACHED).bit_length())
        return self.parts_wanted > 0

    def occupancy(self) -> Any:
        """Return the number of groups, on the device, in an array of one item."""
        return (self.keys != EMPTY).sum(dtype="int64").reshape(1)

    def grow(self, target: Target, bindings: Bindings) -> None:
        self.expect(target, max(self.capacity, self.groups * 2), bindings)

    def expect(self, target: Target, groups: float, bindings: Bindings) -> None:
        """Enlarge the table to `groups` groups, if it is smaller."""
        xp, slots = target.xp, 1 << max(1, int(groups * 2 - 1).bit_length())
        if slots <= self.capacity:
            return
        old_keys, old = self.keys, self.accumulators
        self._make(target, slots)
        to = hash_table.move(target, old_keys, self.keys, self.shift, bindings.constant_hash)
        held = xp.flatnonzero(to >= 0)
        for before, after in zip(old, self.accumulators, strict=True):
            after[to[held]] = before[held]

    def occupied(self) -> Any:
        return self.target.xp.flatnonzero(self.keys != EMPTY)

    def words_at(self, index: Any) -> list[Any]:
        words = self.target.xp.where(index == self.capacity, np.int64(EMPTY), self.keys[index])
        return [words, (index > self.capacity).astype("int64")][: self.layout.words]
