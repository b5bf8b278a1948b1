"""What both skeletons need of a grouping sink: keys to a group, rows to slot values."""

from __future__ import annotations

from dataclasses import dataclass

from gpuflow_kernels.codegen.common.arguments import Role, name_of
from gpuflow_kernels.ir.expressions import Agg
from gpuflow_kernels.ir.pipeline import Group, GroupShape, needs_seen

from .program import hash_words, key_words
from .row_source import FALSE, TRUE, RowWriter, Value, both, typed


@dataclass(frozen=True, slots=True)
class SlotRef:
    """Accumulator number `array` of a kernel: slot `slot` of aggregation `agg` (`slot` -1: its seen flag)."""

    array: int
    agg: int
    slot: int


def slot_layout(aggs: tuple[Agg, ...]) -> list[SlotRef]:
    """The accumulators of a grouping sink, in order: every slot, and a seen flag where one is needed."""
    layout: list[SlotRef] = []
    for a, agg in enumerate(aggs):
        for s in range(len(agg.slots)):
            layout.append(SlotRef(len(layout), a, s))
        if needs_seen(agg):
            layout.append(SlotRef(len(layout), a, -1))
    return layout


def packed_key(words: list[str], masks: list[str]) -> str:
    """Write how key words are packed into one index: each less the base of its key, times its stride. A null key counts as 0,
    and the base of a nullable key is one below its least value."""
    terms = []
    for k, (w, m) in enumerate(zip(words, masks, strict=True)):
        term = f"({w} - {name_of(Role.KEY_LOW, k)}) * {name_of(Role.KEY_STRIDE, k)}"
        terms.append(term if m == TRUE else "int64(0)" if m == FALSE else f"({term} if {m} else int64(0))")
    return " + ".join(terms)


def group_words(writer: RowWriter, sink: Group, shape: GroupShape) -> list[str]:
    """Write the keys of a grouping sink; the names of the words that identify the group."""
    words, masks = key_words(writer, sink.keys)
    if shape.packed or shape.mode == "dense":
        return [writer.assign(packed_key(words, masks), "w")]
    clean, mask = hash_words(words, masks, shape.words > len(words))
    named = [writer.assign(c, "w") for c in clean]
    return [*named, writer.assign(mask, "w")] if mask else named


@dataclass(frozen=True, slots=True)
class Update:
    """What one aggregation does to its accumulators for a row: under `mask`, combine `values` into `arrays`; `seen` is
    the number of the flag to set, or None. `merged` values are partial slots instead of lifted ones."""

    agg: Agg
    mask: str
    values: tuple[str, ...]
    arrays: tuple[int, ...]
    seen: int | None


def write_values(writer: RowWriter, sink: Group, a: int) -> Update:
    """Write the arguments of aggregation `a` (not what lifts them: that belongs inside the mask)."""
    agg = sink.aggs[a]
    layout = [r for r in slot_layout(sink.aggs) if r.agg == a]
    arrays = tuple(r.array for r in layout if r.slot >= 0)
    seen = next((r.array for r in layout if r.slot < 0), None)
    passes = writer.emit(agg.filter) if agg.filter is not None and not sink.merge else Value(TRUE, TRUE)
    values = [writer.emit(x) for x in agg.args]
    if sink.merge:
        mask = TRUE if seen is None else values[-1].text
        return Update(agg, mask, tuple(v.text for v in values[: len(arrays)]), arrays, seen)
    if agg.aggregation.lift_nulls:
        return Update(agg, both(*passes), tuple(t for v in values for t in v), arrays, seen)
    return Update(agg, both(*passes, *(v.valid for v in values)), tuple(v.text for v in values), arrays, seen)


def lifted(writer: RowWriter, update: Update, merge: bool) -> tuple[str, ...]:
    """Inside the mask: texts of one value per slot."""
    if merge:
        return update.values
    aggregation = update.agg.aggregation
    assert aggregation.lift is not None
    arguments = update.values + (("pos + int64(i)",) if aggregation.position else ())
    results = writer.paste(aggregation.lift, arguments)
    types = tuple(s.type for s in update.agg.slots)
    return tuple(writer.assign(typed(d, r)) for d, r in zip(types, results, strict=True))


def combine(writer: RowWriter, update: Update, merge: bool, reducing: bool, letter: str = "g") -> None:
    """Inside the mask: combine a row's values into accumulators that this thread owns, ``g0`` or (unless `reducing`)
    ``g0[at]``; `letter` is what their names begin with."""
    values = lifted(writer, update, merge)
    places = [f"{letter}{n}" if reducing else f"{letter}{n}[at]" for n in update.arrays]
    aggregation = update.agg.aggregation
    if aggregation.combine is not None:
        left = [writer.assign(f"{s.type.register}({p})") for s, p in zip(update.agg.slots, places, strict=True)]
        results = writer.paste(aggregation.combine, (*left, *values))
        for place, result, slot in zip(places, results, update.agg.slots, strict=True):
            writer.line(f"{place} = {slot.type.register}({result})")
    else:
        for place, value, slot in zip(places, values, update.agg.slots, strict=True):
            for text in COMBINE[str(slot.combine)]:
                writer.line(text.format(place=place, value=value))
    if update.seen is not None:
        writer.line(f"{letter}{update.seen}{'' if reducing else '[at]'} = True")


COMBINE = {
    "add": ("{place} += {value}",),
    "min": ("if {value} < {place}:", "    {place} = {value}"),
    "max": ("if {value} > {place}:", "    {place} = {value}"),
    "and": ("{place} = {place} & {value}",),
    "or": ("{place} = {place} | {value}",),
}
"""Statements that combine a value into a place, by the slot's `combine`."""
