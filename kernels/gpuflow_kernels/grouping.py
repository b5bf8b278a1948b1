"""Group-by on arrays: the table of groups, its layout, and running grouping pipelines into it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .binding import Bindings, input_arguments, shape_of
from .codegen.pipeline import Group, GroupShape, Pipeline
from .codegen.program import null_keys
from .codegen.sinks import SlotRef, slot_layout
from .column import Chunk, Column
from .dtypes import BOOL, STRING, DType
from .errors import ArithmeticOverflowError
from .filtering import overflow_message
from .launching import drive_of
from .rowtree import Ref
from .target import Target, error_text, word_of

DENSE_LIMIT = 1 << 22
"""Most entries of a directly indexed group table."""
SMALL_DENSE = 4096
"""A directly indexed table of this many entries is used however few rows there are."""
PACKED_BITS = 62
LEAST = -(1 << 63)


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


def column_range(target: Target, column: Column) -> tuple[int, int] | None:
    """Least and greatest value of an integer-like column, remembered on it; None for floats and empty columns."""
    if column.dtype.is_float or column.dtype.register == "uint64" or len(column) == 0:
        return None
    if column.dtype.kind == "bool":
        return 0, 1
    if "range" not in column.facts:
        values = column.values if column.validity is None else column.values[column.validity]
        column.facts["range"] = (int(values.min()), int(values.max())) if len(values) else (0, 0)
    low, high = column.facts["range"]
    return int(low), int(high)


def choose_layout(target: Target, sink: Group, chunk: Chunk, bindings: Bindings, nullable: tuple[bool, ...]) -> Layout:
    """Direct table, packed hash or wide hash, from what is known of the keys' ranges."""
    if not sink.keys:
        return Layout("reduce")
    ranges = []
    for k, key in enumerate(sink.keys):
        known = bindings.key_ranges[k] if k < len(bindings.key_ranges) else None
        if known is None and isinstance(key, Ref) and isinstance(key.key, int) and key.key < len(chunk.columns):
            column = chunk.columns[key.key]
            known = column_range(target, column) if column.dtype.kind != "string" else None
        ranges.append(known)
    if any(r is None for r in ranges):
        return Layout("hash", nullable)
    bases, sizes, total = [], [], 1
    for (low, high), has_null in zip((r for r in ranges if r is not None), nullable, strict=True):
        low, high = _widened(low, high)
        if low - has_null < LEAST:
            return Layout("hash", nullable)
        bases.append(low - has_null)
        sizes.append(high - low + 1 + has_null)
        total *= sizes[-1]
    if total <= max(SMALL_DENSE, min(2 * chunk.length, DENSE_LIMIT)):
        return Layout("dense", nullable, tuple(bases), tuple(sizes))
    if total.bit_length() <= PACKED_BITS and len(sizes) > 1:
        return Layout("hash", nullable, tuple(bases), tuple(sizes))
    return Layout("hash", nullable)


def _widened(low: int, high: int) -> tuple[int, int]:
    """A slightly larger range on round numbers, so that the next chunk of the same column fits it too."""
    step = 1 << max(0, (high - low + 1).bit_length() - 3)
    return low // step * step, -(-(high + 1) // step) * step - 1


class GroupTable:
    """The groups found so far and their accumulators. One thread owns it."""

    def __init__(self, target: Target, sink: Group, layout: Layout, bindings: Bindings) -> None:
        self.target, self.layout, self.groups = target, layout, 0
        self.slots_of: list[SlotRef] = slot_layout(sink.aggs)
        self._sink = sink
        xp = target.xp
        self.capacity = 1 if layout.mode == "reduce" else layout.total if layout.mode == "dense" else 2 if bindings.tiny else 1024
        self.accumulators = [self.fresh(r, self.capacity) for r in self.slots_of]
        if layout.mode == "dense":
            self.present = xp.zeros(self.capacity, dtype=bool)
        if layout.mode == "hash":
            self.slots, self.shift = drive_of(target).new_slots(target, self.capacity)
            self.words = [xp.zeros(self.capacity, dtype="int64") for _ in range(layout.words)]

    def _slot_type(self, ref: SlotRef) -> tuple[DType, Any]:
        if ref.slot < 0:
            return BOOL, False
        slot = self._sink.aggs[ref.agg].slots[ref.slot]
        assert isinstance(slot.dtype, DType)
        return slot.dtype, slot.identity

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
        if self.layout.mode == "hash":
            found |= {"slots": self.slots, "shift": self.shift, **{f"kw{k}": w for k, w in enumerate(self.words)}}
        return found

    def grow(self, target: Target, bindings: Bindings) -> None:
        """Make room for four times the groups."""
        xp, old = target.xp, self.capacity
        self.capacity = max(2, old * (2 if old > 1 << 22 else 4))
        self.accumulators = [
            xp.concatenate([a, self.fresh(r, self.capacity - old)]) for a, r in zip(self.accumulators, self.slots_of, strict=True)
        ]
        self.words = [xp.concatenate([w, xp.zeros(self.capacity - old, dtype="int64")]) for w in self.words]
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
            index = slice(0, self.groups)
            length = self.groups
            keys = self._unpack(self.words[0][index], key_types) if layout.packed else self._unword(index, key_types)
        columns = list(keys)
        for ref, values in zip(self.slots_of, self.accumulators, strict=True):
            dtype, identity = self._slot_type(ref)
            if dtype == STRING:  # what no row was added to holds no code: look-ups must not trap on it
                values = xp.where(values == identity, 0, values)
            columns.append(Column(dtype, xp.ascontiguousarray(values[index].astype(dtype.storage, copy=False))))
        return Chunk(tuple(columns), length)

    def _unpack(self, packed: Any, key_types: tuple[DType, ...]) -> list[Column]:
        columns = []
        layout = self.layout
        for k, dtype in enumerate(key_types):
            part = packed // layout.strides[k] % layout.sizes[k]
            validity = part != 0 if layout.nullable[k] else None
            columns.append(Column(dtype, from_words(part + layout.bases[k], dtype, validity), validity))
        return columns

    def _unword(self, index: Any, key_types: tuple[DType, ...]) -> list[Column]:
        columns = []
        for k, dtype in enumerate(key_types):
            validity = None
            if self.layout.nullable[k]:
                validity = (self.words[-1][index] >> k) & 1 == 0
            columns.append(Column(dtype, from_words(self.words[k][index], dtype, validity), validity))
        return columns


def from_words(words: Any, dtype: DType, validity: Any) -> Any:
    """Key words back to stored values (0 under nulls)."""
    if dtype.is_float:
        return words.view("float64").astype(dtype.storage, copy=False)
    if validity is not None:
        words = words * validity
    return words.view("uint64") if dtype.register == "uint64" and dtype.storage == "uint64" else words.astype(dtype.storage)


class Grouper:
    """Feeds chunks to a grouping pipeline. Chunks whose keys fit the layout of the current table go into it; another
    layout opens another table, and the results are then several partial ones to be merged."""

    def __init__(self, target: Target, pipeline: Pipeline) -> None:
        assert isinstance(pipeline.sink, Group)
        self.target, self.pipeline, self.sink = target, pipeline, pipeline.sink
        self.tables: list[GroupTable] = []

    def add(self, chunk: Chunk, bindings: Bindings) -> Any:
        """Aggregate one chunk; the group of every row (-1 where it did not arrive) if the sink asks for numbers.

        Raises
        ------
        ArithmeticOverflowError
            When an exact result does not fit its type.
        """
        nullable = null_keys(self.pipeline, shape_of(self.pipeline, chunk, bindings))
        layout = choose_layout(self.target, self.sink, chunk, bindings, nullable)
        if not self.tables or not self.tables[-1].layout.covers(layout):
            self.tables.append(GroupTable(self.target, self.sink, layout, bindings))
        table = self.tables[-1]
        shape = shape_of(self.pipeline, chunk, bindings, group=table.layout.shape)
        generated = self.target.generate(self.pipeline, shape)
        arguments = input_arguments(self.target, self.pipeline, generated, chunk, bindings)
        ids = None
        if self.sink.number:
            ids = arguments["ids"] = self.target.xp.full(chunk.length, -1, dtype="int64")
        drive = drive_of(self.target)
        error = drive.group(self.target, self.pipeline, shape, generated, arguments, chunk.length, table, bindings)
        if error:
            raise ArithmeticOverflowError(overflow_message(error_text(generated, error)))
        return ids

    def results(self) -> list[Chunk]:
        """Partial results, one per table: key columns, then accumulators. Without keys at least one, be it of nothing."""
        if not self.tables and not self.sink.keys:
            self.tables.append(GroupTable(self.target, self.sink, Layout("reduce"), Bindings()))
        key_types = tuple(k.dtype for k in self.sink.keys)
        return [t.result(key_types) for t in self.tables]
