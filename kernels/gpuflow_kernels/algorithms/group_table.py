"""Tables of groups and their accumulators, and the layouts that map keys to groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gpuflow_kernels.binding import Bindings
from gpuflow_kernels.codegen.common.arguments import Argument, Arguments, Role, control
from gpuflow_kernels.codegen.common.group_sinks import SlotRef, slot_layout
from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.dtypes import BOOL, DType
from gpuflow_kernels.ir.pipeline import Group, GroupShape
from gpuflow_kernels.target import Target, word_of

from .launching import launcher_of

UNPACKED = (-(1 << 62), 1 << 62)
"""Range of a key that is too wide to be packed."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How keys are mapped to groups.

    `bases` and `sizes` are given for packed layouts: key k contributes ``(word - bases[k]) * strides[k]``; a nullable
    key's base is one below its least word, so that null can be 0.
    """

    mode: str
    nullable: tuple[bool, ...] = ()
    bases: tuple[int, ...] = ()
    sizes: tuple[int, ...] = ()

    @property
    def packed(self) -> bool:
        return bool(self.sizes)

    @property
    def strides(self) -> tuple[int, ...]:
        strides, total = [], 1
        for size in self.sizes:
            strides.append(total)
            total *= size
        return tuple(strides)

    @property
    def total(self) -> int:
        total = 1
        for size in self.sizes:
            total *= size
        return total

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """Range of each key's words."""
        if not self.packed:
            return (UNPACKED,) * len(self.nullable)
        return tuple((b + n, b + s - 1) for b, n, s in zip(self.bases, self.nullable, self.sizes, strict=True))

    @property
    def words(self) -> int:
        return 1 if self.packed else len(self.nullable) + any(self.nullable)

    @property
    def shape(self) -> GroupShape:
        return GroupShape(self.mode, self.words if self.mode == "hash" else 0, self.packed)

    def covers(self, other: Layout) -> bool:
        """Return whether rows of layout `other` can go into a table of this layout."""
        if self.mode == "reduce":
            return True
        if any(o and not s for s, o in zip(self.nullable, other.nullable, strict=True)):
            return False
        if not self.packed:
            return True
        if not other.packed:
            return False
        for k, (base, size) in enumerate(zip(other.bases, other.sizes, strict=True)):
            low, high = base + other.nullable[k], base + size - 1
            if low < self.bases[k] + self.nullable[k] or high > self.bases[k] + self.sizes[k] - 1:
                return False
        return True


class GroupTable:
    """Groups seen so far and their accumulators; used by one thread.

    A table that would be too large sets `parts_wanted`: the caller then splits the rows by keys into so many parts instead of
    using this table. `whole` forbids that.
    """

    parts_wanted = 0
    whole = False

    def __init__(self, target: Target, sink: Group, layout: Layout, bindings: Bindings) -> None:
        self._start(target, sink, layout)
        xp = target.xp
        self.capacity = 1 if layout.mode == "reduce" else layout.total if layout.mode == "dense" else 2 if bindings.tiny else 1024
        self.accumulators = [self.fresh(r, self.capacity) for r in self.slots_of]
        if layout.mode == "dense":
            self.present = xp.zeros(self.capacity, dtype=bool)
        if layout.mode == "hash":
            self.slots, self.shift = launcher_of(target).new_slots(target, self.capacity)
            self.words = [xp.zeros(self.capacity, dtype="int64") for _ in range(layout.words)]

    def _start(self, target: Target, sink: Group, layout: Layout) -> None:
        self.target, self.layout, self.groups, self.shape = target, layout, 0, layout.shape
        self.slots_of: list[SlotRef] = slot_layout(sink.aggs)
        self._sink = sink

    def takes(self, layout: Layout, loops: bool) -> bool:
        """Return whether rows of `layout` can go into this table; `loops` if a row may occur more than once."""
        return self.layout.covers(layout)

    def sampling(self, rows: int, bindings: Bindings) -> GroupShape | None:
        """Return the shape of the kernel that samples keys of a chunk of `rows` rows; None if the table needs no sample."""
        return None

    def _slot_type(self, ref: SlotRef) -> tuple[DType, Any]:
        if ref.slot < 0:
            return BOOL, False
        slot = self._sink.aggs[ref.agg].slots[ref.slot]
        return slot.type, slot.identity

    def fresh(self, ref: SlotRef, size: int) -> Any:
        """Make accumulators of `size` empty groups."""
        dtype, identity = self._slot_type(ref)
        start = word_of(identity, dtype.register)
        return self.target.xp.full(size, start, dtype=start.dtype)

    def arguments(self) -> Arguments:
        """Give a value to each kernel argument that belongs to the table."""
        role, layout = Role.PARTIAL if self.layout.mode == "reduce" else Role.SLOT, self.layout
        arguments: Arguments = {Argument(role, k): a for k, a in enumerate(self.accumulators)}
        for k, (base, stride) in enumerate(zip(layout.bases, layout.strides, strict=True)):
            arguments[Argument(Role.KEY_LOW, k)] = word_of(base, "int64")
            arguments[Argument(Role.KEY_STRIDE, k)] = word_of(stride, "int64")
        if layout.mode == "dense":
            arguments[control("present")] = self.present
        if self.shape.mode == "hash":
            arguments |= {control("slots"): self.slots, control("shift"): self.shift}
            arguments |= {Argument(Role.KEY_WORD, k): w for k, w in enumerate(self.words)}
        return arguments

    def make_room(self, target: Target, capacity: int) -> None:
        """Enlarge the arrays of groups, but not the slots."""
        xp, more = target.xp, capacity - self.capacity
        self.accumulators = [
            xp.concatenate([a, self.fresh(r, more)]) for a, r in zip(self.accumulators, self.slots_of, strict=True)
        ]
        self.words = [xp.concatenate([w, xp.zeros(more, dtype="int64")]) for w in self.words]
        self.capacity = capacity

    def grow(self, target: Target, bindings: Bindings) -> None:
        """Enlarge the table to four times the groups."""
        self.make_room(target, max(2, self.capacity * (2 if self.capacity > 1 << 22 else 4)))
        self.slots, self.shift = launcher_of(target).rehash(
            target, self.words, self.groups, self.capacity, bindings.constant_hash
        )

    def result(self, key_types: tuple[DType, ...]) -> Chunk:
        """Return key columns, then one column per accumulator (slots in order, each aggregation's seen flag after them)."""
        xp, layout = self.target.xp, self.layout
        if layout.mode == "reduce":
            index: Any = slice(0, 1)
            keys: list[Column] = []
            length = 1
        elif layout.mode == "dense":
            index = xp.flatnonzero(self.present)
            length = len(index)
            keys = self._unpack(index, key_types)
        else:
            index = self.occupied()
            words = self.words_at(index)
            length = len(words[0])
            keys = self._unpack(words[0], key_types) if layout.packed else self._unword(words, key_types)
        columns = list(keys)
        for ref, values in zip(self.slots_of, self.accumulators, strict=True):
            dtype, identity = self._slot_type(ref)
            if dtype.is_coded:  # accumulators without rows hold no code: look-ups must not trap on them
                values = xp.where(values == identity, 0, values)
            columns.append(Column(dtype, xp.ascontiguousarray(values[index].astype(dtype.storage, copy=False))))
        return Chunk(tuple(columns), length)

    def occupied(self) -> Any:
        """Return the positions of a hash table's groups in its accumulators."""
        return slice(0, self.groups)

    def words_at(self, index: Any) -> list[Any]:
        """Return the key words of the groups of a hash table."""
        return [w[index] for w in self.words]

    def _unpack(self, packed: Any, key_types: tuple[DType, ...]) -> list[Column]:
        columns = []
        layout = self.layout
        for k, dtype in enumerate(key_types):
            part = packed // layout.strides[k] % layout.sizes[k]
            validity = part != 0 if layout.nullable[k] else None
            columns.append(Column(dtype, from_words(part + layout.bases[k], dtype, validity), validity))
        return columns

    def _unword(self, words: list[Any], key_types: tuple[DType, ...]) -> list[Column]:
        columns = []
        for k, dtype in enumerate(key_types):
            validity = (words[-1] >> k) & 1 == 0 if self.layout.nullable[k] else None
            columns.append(Column(dtype, from_words(words[k], dtype, validity), validity))
        return columns


def from_words(words: Any, dtype: DType, validity: Any) -> Any:
    """Convert key words back to stored values (0 under nulls)."""
    if dtype.is_float:
        return words.view("float64").astype(dtype.storage, copy=False)
    if validity is not None:
        words = words * validity
    return words.view("uint64") if dtype.register == "uint64" and dtype.storage == "uint64" else words.astype(dtype.storage)
