"""GPU kernels that reduce and fold: accumulators in registers, put together over a block and over pieces of rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from gpuflow_kernels.codegen.common.arguments import Role, name_of
from gpuflow_kernels.codegen.common.group_sinks import SlotRef, Update, combine, slot_layout
from gpuflow_kernels.codegen.common.module_source import indented
from gpuflow_kernels.codegen.common.row_source import TRUE, RowWriter, literal_text, typed
from gpuflow_kernels.errors import KernelCompileError
from gpuflow_kernels.ir.expressions import Agg
from gpuflow_kernels.ir.pipeline import Group

from .module import Module, array_type
from .snippets import full_tile, over_rows, thread_number

SHARED = 48 << 10
"""Bytes of shared memory that a block has without asking."""


def slot_type(sink: Group, ref: SlotRef) -> str:
    """The NumPy name of an accumulator's type."""
    return "bool" if ref.slot < 0 else array_type(sink.aggs[ref.agg].slots[ref.slot].type)


def masked(writer: RowWriter, update: Update, write: Callable[[Update], None]) -> None:
    """Write an update below its mask."""
    if update.mask == TRUE:
        write(update)
    elif update.mask != "False":
        with writer.block(f"if {update.mask}:"):
            write(update)


def reduction(module: Module, lines: list[str], sink: Group) -> None:
    """Accumulators in registers, combined over the threads of a block in shared memory: a result for each block."""
    layout = slot_layout(sink.aggs)
    tile = module.tile(lines)
    declared, tree = over_threads(module, sink, "g")
    start = registers(sink, "g")
    give = [f"    {name_of(Role.PARTIAL, r.array)}[cuda.blockIdx.x] = g{r.array}" for r in layout]
    body = [*declared, *start, *over_rows(tile, full_tile(tile, lines), lines), *tree]
    module.add("run", [*body, *(["if t == uint64(0):", *give] if give else [])])


def registers(sink: Group, letter: str) -> list[str]:
    """Accumulators of a thread, ``<letter>0`` and so on, that nothing has been added to."""
    lines = []
    for ref in slot_layout(sink.aggs):
        slot = sink.aggs[ref.agg].slots[ref.slot] if ref.slot >= 0 else None
        text = "bool_(False)" if slot is None else typed(slot.type, literal_text(slot.identity))
        lines.append(f"{letter}{ref.array} = {text}")
    return lines


def over_threads(module: Module, sink: Group, letter: str) -> tuple[list[str], list[str]]:
    """(declarations, lines) that combine the `registers` of a block's threads; thread 0 has the result."""
    types: dict[str, str] = {}
    of_aggs = [[r for r in slot_layout(sink.aggs) if r.agg == a] for a in range(len(sink.aggs))]
    places = [_shared_places(sink, refs, types) for refs in of_aggs]
    room = _threads_at_once(types, module.shape.block // 2)
    tree: list[str] = []
    for agg, refs, at in zip(sink.aggs, of_aggs, places, strict=True):
        tree += _of_threads(module, agg, refs, at, room, letter)
    return [f"{name} = cuda.shared.array({room}, {dtype})" for name, dtype in types.items()], tree


def _of_threads(module: Module, agg: Agg, refs: list[SlotRef], places: dict[int, str], room: int, letter: str) -> list[str]:
    """Combine what the threads of a block have of one aggregation, the upper half into the lower one again and again; where
    there is not room for half of them, `room` threads at a time."""
    half, whole = module.shape.block // 2, room == module.shape.block // 2
    writer, first = RowWriter(()), "" if whole else " - first"
    items = {r.array: f"{places[r.array]}[t{first}]" for r in refs}
    seen = next((r.array for r in refs if r.slot < 0), None)
    arrays = tuple(r.array for r in refs if r.slot >= 0)
    _combine_parts(writer, agg, arrays, seen, items, TRUE if seen is None else f"{items[seen]} != 0", letter)
    module.writer.helpers |= writer.helpers
    put = [f"{places[r.array]}[t - half{first}] = {letter}{r.array}" for r in refs]
    low, high = ("half", "half + half") if whole else ("half + first", "half + last")
    turn = [
        f"if (t >= {low}) & (t < {high}):",
        *indented(put, 1),
        "cuda.syncthreads()",
        "if t < half:" if whole else "if (t >= first) & (t < last):",
        *indented(writer.lines, 1),
        "cuda.syncthreads()",
    ]
    if not whole:
        through = [f"last = min(half, first + uint64({room}))", *turn, f"first += uint64({room})"]
        turn = ["first = uint64(0)", "while first < half:", *indented(through, 1)]
    return [f"half = uint64({half})", "while half > uint64(0):", *indented([*turn, "half = half >> uint64(1)"], 1)]


def _shared_places(sink: Group, refs: list[SlotRef], types: dict[str, str]) -> dict[int, str]:
    """Shared arrays for the slots of one aggregation, by accumulator; aggregations take turns with those in `types`."""
    places: dict[int, str] = {}
    for ref in refs:
        dtype = slot_type(sink, ref)
        dtype = "int32" if dtype == "bool" else dtype
        name = f"of_{dtype}_{sum(p.startswith(f'of_{dtype}_') for p in places.values())}"
        places[ref.array], types[name] = name, dtype
    return places


def _threads_at_once(types: dict[str, str], threads: int) -> int:
    """How many threads' slots fit into shared memory, a power of two and at most `threads`.

    Raises
    ------
    KernelCompileError
        When those of one do not.
    """
    each = sum(np.dtype(dtype).itemsize for dtype in types.values())
    if each > SHARED:
        raise KernelCompileError(f"the slots of an aggregation take {each:,} bytes, and a block of threads has {SHARED:,}")
    while threads * each > SHARED:
        threads //= 2
    return threads


def _combine_parts(
    writer: RowWriter, agg: Agg, arrays: tuple[int, ...], seen: int | None, items: dict[int, str], mask: str, letter: str = "g"
) -> None:
    """Under `mask`, combine another partial result of `agg` into ``g0 …``; `items` says where its slots are, by accumulator."""

    def combined(u: Update) -> None:
        values = tuple(writer.assign(f"{s.type.register}({items[n]})") for s, n in zip(agg.slots, arrays, strict=True))
        combine(writer, Update(agg, TRUE, values, arrays, seen), True, True, letter)

    masked(writer, Update(agg, mask, (), arrays, seen), combined)


def fold(module: Module, kept: list[Update], sink: Group, reducing: bool) -> None:
    """A thread for every piece, which combines entries ``order[lows[x] … highs[x]]`` in this order."""
    writer = RowWriter(())
    updates = _of_blocks(sink) if reducing else kept
    for u in updates:
        _combine_parts(writer, u.agg, u.arrays, u.seen, {n: f"{name_of(Role.ROW_VALUE, n)}[j]" for n in u.arrays}, u.mask)
    arrays = [n for u in updates for n in (*u.arrays, *(() if u.seen is None else (u.seen,)))]
    if not arrays:
        return
    module.writer.helpers |= writer.helpers
    module.add(
        "fold",
        [
            thread_number("x", module.shape.block),
            "if x < rows:",
            "    p = uint64(lows[x])",
            "    stop = uint64(highs[x])",
            *indented([f"g{n} = {name_of(Role.PARTIAL, n)}[x]" for n in arrays], 1),
            "    while p < stop:",
            "        j = uint64(order[p])",
            *indented(writer.lines, 2),
            "        p += uint64(1)",
            *indented([f"{name_of(Role.PARTIAL, n)}[x] = g{n}" for n in arrays], 1),
        ],
    )


def _of_blocks(sink: Group) -> list[Update]:
    """Every aggregation, as ``fold`` sees the results of blocks: a flag is named after the first slot."""
    updates = []
    for a, agg in enumerate(sink.aggs):
        refs = [r for r in slot_layout(sink.aggs) if r.agg == a]
        seen = next((r.array for r in refs if r.slot < 0), None)
        mask = TRUE if seen is None else f"{name_of(Role.ROW_MASK, refs[0].array)}[j] != 0"
        updates.append(Update(agg, mask, (), tuple(r.array for r in refs if r.slot >= 0), seen))
    return updates
