"""The table of groups and their accumulators, and how keys become groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gpuflow_kernels.binding import Bindings
from gpuflow_kernels.codegen.common.sinks import SlotRef, slot_layout
from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.dtypes import BOOL, DType
from gpuflow_kernels.ir.pipeline import Group, GroupShape
from gpuflow_kernels.target import Target, word_of

from .launching import drive_of

UNPACKED = (-(1 << 62), 1 << 62)
"""A range of a key so wide that no layout packs it."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How keys become groups.

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
        """What is known of each key's words."""
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
        """Whether rows that would get layout `other` can go into a table of this one."""
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
    """The groups found so far and their accumulators. One thread owns it.

    `parts_wanted` says that rows should be split into so many parts by their keys, and that this table is not used;
    `whole` forbids it to.
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
            self.slots, self.shift = drive_of(target).new_slots(target, self.capacity)
            self.words = [xp.zeros(self.capacity, dtype="int64") for _ in range(layout.words)]

    def _start(self, target: Target, sink: Group, layout: Layout) -> None:
        self.target, self.layout, self.groups, self.shape = target, layout, 0, layout.shape
        self.slots_of: list[SlotRef] = slot_layout(sink.aggs)
        self._sink = sink

    def takes(self, layout: Layout, loops: bool) -> bool:
        """Whether rows that would get `layout` can go into this table; `loops` says that a row may come more than once."""
        return self.layout.covers(layout)

    def sampling(self, rows: int, bindings: Bindings) -> GroupShape | None:
        """The shape of the kernel that looks at some keys of a chunk of `rows` rows before it comes; None for no such look."""
        return None

    def _slot_type(self, ref: SlotRef) -> tuple[DType, Any]:
        if ref.slot < 0:
            return BOOL, False
        slot = self._sink.aggs[ref.agg].slots[ref.slot]
        return slot.type, slot.identity

    def fresh(self, ref: SlotRef, size: int) -> Any:
        """Accumulators of `size` groups that nothing has been added to."""
        dtype, identity = self._slot_type(ref)
        start = word_of(identity, dtype.register)
        return self.target.xp.full(size, start, dtype=start.dtype)

    def arguments(self) -> dict[str, Any]:
        """The kernel arguments that belong to the table."""
        letter = "z" if self.layout.mode == "reduce" else "g"
        found: dict[str, Any] = {f"{letter}{k}": a for k, a in enumerate(self.accumulators)}
        for k, (base, stride) in enumerate(zip(self.layout.bases, self.layout.strides, strict=True)):
            found |= {f"b{k}": word_of(base, "int64"), f"k{k}": word_of(stride, "int64")}
        if self.layout.mode == "dense":
            found["present"] = self.present
        if self.shape.mode == "hash":
            found |= {"slots": self.slots, "shift": self.shift, **{f"kw{k}": w for k, w in enumerate(self.words)}}
        return found

    def make_room(self, target: Target, capacity: int) -> None:
        """Lengthen the arrays of the groups; the slots stay."""
        xp, more = target.xp, capacity - self.capacity
        self.accumulators = [
            xp.concatenate([a, self.fresh(r, more)]) for a, r in zip(self.accumulators, self.slots_of, strict=True)
        ]
        self.words = [xp.concatenate([w, xp.zeros(more, dtype="int64")]) for w in self.words]
        self.capacity = capacity

    def grow(self, target: Target, bindings: Bindings) -> None:
        """Make room for four times the groups."""
        self.make_room(target, max(2, self.capacity * (2 if self.capacity > 1 << 22 else 4)))
        self.slots, self.shift = drive_of(target).rehash(target, self.words, self.groups, self.capacity, bindings.constant_hash)

    def result(self, key_types: tuple[DType, ...]) -> Chunk:
        """Key columns, then one column per accumulator (slots in order, each aggregation's seen flag after them)."""
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
            if dtype.is_coded:  # what no row was added to holds no code: look-ups must not trap on it
                values = xp.where(values == identity, 0, values)
            columns.append(Column(dtype, xp.ascontiguousarray(values[index].astype(dtype.storage, copy=False))))
        return Chunk(tuple(columns), length)

    def occupied(self) -> Any:
        """Where in the accumulators of a hash table its groups are."""
        return slice(0, self.groups)

    def words_at(self, index: Any) -> list[Any]:
        """Key words of the groups of a hash table."""
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
    """Key words back to stored values (0 under nulls)."""
    if dtype.is_float:
        return words.view("float64").astype(dtype.storage, copy=False)
    if validity is not None:
        words = words * validity
    return words.view("uint64") if dtype.register == "uint64" and dtype.storage == "uint64" else words.astype(dtype.storage)
