"""GPU kernels that group by what a sample of the keys has shown, and what they share with those that do not.

Threads that add to one address wait for each other. Where one key has many of the rows, each thread keeps that key's
accumulators in registers, and a block adds what its threads have once, at its end (``hot``). Where equal keys stand
together, each thread keeps those of the key it saw last, and adds them when another one comes; blocks then have
neighbouring rows (``runs``).
"""

from __future__ import annotations

from gpuflow_kernels.codegen.common.group_sinks import Update, combine, group_words, lifted, slot_layout, write_values
from gpuflow_kernels.codegen.common.module_source import indented
from gpuflow_kernels.codegen.common.program import write_steps
from gpuflow_kernels.codegen.common.row_source import RowWriter
from gpuflow_kernels.declare.aggregate import Slot
from gpuflow_kernels.ir.pipeline import Group, GroupShape

from ..common.arguments import Argument, Role, name_of
from .module import Module, begin_row, know_inputs
from .reduce import masked, over_threads, registers, slot_type
from .snippets import Param, full_tile, named, over_list, over_rows, thread_number

COPY = "copy = (uint64(cuda.blockIdx.x) & (copies - uint64(1))) * size"
"""Where a block's copy of a dense table begins; ``copies`` is a power of two."""
NEIGHBOURS = 32
"""Neighbouring rows that a sample takes at each of its places."""


def privately(module: Module, sink: Group, group: GroupShape) -> list[str]:
    """Add the kernels of a grouping pipeline whose shape says ``hot``, ``runs`` or ``sample``; the lines of a row."""
    writer, marks = module.writer, []

    def write() -> None:
        marks.append(len(writer.lines))
        words = group_words(writer, sink, group)
        {"sample": _write_sample, "hot": _write_hot, "runs": _write_runs}[group.private](writer, sink, group, words)

    write_steps(writer, module.pipeline, module.shape, write)
    know_groups(module, sink, group)
    steps, block = writer.lines[: marks[0]], module.shape.block
    lines = [*begin_row(module), "j = i", *writer.lines]
    if group.private == "sample":
        place = f"i = (x // uint64({NEIGHBOURS})) * every + x % uint64({NEIGHBOURS})"
        module.add("sample", [thread_number("x", block), "if x < rows:", *indented([place, *lines], 1)])
        return steps
    head = [*registers(sink, "p"), "t = uint64(cuda.threadIdx.x)"]
    if group.mode == "dense":
        head.append(COPY)
    if group.private == "hot":
        declared, tree = over_threads(module, sink, "p")
        head = [*declared, *head, "touched = bool_(False)"]
        last = ["if cuda.syncthreads_or(int32(touched)) != 0:", *indented([*tree, "if t == uint64(0):"], 1)]
        place = "uint64(hot) + copy" if group.mode == "dense" else "uint64(spot[0])"
        last += indented(_given(sink, group, place), 2)
    else:
        head += ["held = bool_(False)", "own = int64(0)", "kept = uint64(0)"]
        head += ["null = int64(0)"] if group.words > 1 else []
        last = ["if held:", *indented(_given(sink, group, "kept"), 1)]
    tile = module.tile(lines, 4)
    module.add("run", [*head, *over_rows(tile, full_tile(tile, lines), lines, near=group.private == "runs"), *last])
    if group.mode == "open":
        module.add("again", [*head, *over_list(block, lines), *last])
    return steps


def _given(sink: Group, group: GroupShape, place: str) -> list[str]:
    """Add the registers to the group at `place`."""
    writer = RowWriter(())
    _give(writer, sink, group, place)
    return writer.lines


def _give(writer: RowWriter, sink: Group, group: GroupShape, place: str) -> None:
    writer.line(f"place = {place}")
    if group.mode == "dense":
        _mark_present(writer)
    for ref in slot_layout(sink.aggs):
        n = ref.array
        if ref.slot >= 0:
            atomic(writer, name_of(Role.SLOT, n), "place", f"p{n}", sink.aggs[ref.agg].slots[ref.slot])
        else:
            with writer.block(f"if p{n}:"):
                writer.line(f"poke({name_of(Role.SLOT, n)}, place, True)")


# -- the end of a row -------------------------------------------------------------------------------------------------
def _write_sample(writer: RowWriter, sink: Group, group: GroupShape, words: list[str]) -> None:
    with writer.block(f"if {words[1]} == 0:" if len(words) > 1 else "if True:"):
        writer.line(f"kx0[x] = {words[0]}")


def _write_hot(writer: RowWriter, sink: Group, group: GroupShape, words: list[str]) -> None:
    updates = [write_values(writer, sink, a) for a in range(len(sink.aggs))]
    same = f"{words[0]} == hot"
    with writer.block(f"if {same}:" if len(words) == 1 else f"if ({same}) & ({words[1]} == 0):"):
        writer.line("touched = True")
        _combine_in_registers(writer, sink, updates)
    with writer.block("else:"):
        if group.mode == "open":
            claim(writer, words)
            with writer.block("else:"):
                writer.line("place = uint64(found)")
                for update in updates:
                    masked(writer, update, lambda u: combine_atomically(writer, u, sink.merge))
        else:
            writer.line(f"place = uint64({words[0]}) + copy")
            _mark_present(writer)
            for update in updates:
                masked(writer, update, lambda u: combine_atomically(writer, u, sink.merge))


def _write_runs(writer: RowWriter, sink: Group, group: GroupShape, words: list[str]) -> None:
    updates = [write_values(writer, sink, a) for a in range(len(sink.aggs))]
    same = f"(own == {words[0]})" if len(words) == 1 else f"(own == {words[0]}) & (null == {words[1]})"

    def change() -> None:
        with writer.block("if held:"):
            _give(writer, sink, group, "kept")
        for line in registers(sink, "p"):
            writer.line(line)
        writer.line("held = True")
        writer.line(f"own = {words[0]}")
        if len(words) > 1:
            writer.line(f"null = {words[1]}")

    with writer.block(f"if not (held & {same}):"):
        if group.mode == "open":
            claim(writer, words)
            with writer.block("else:"):
                change()
                writer.line("kept = uint64(found)")
        else:
            change()
            writer.line(f"kept = uint64({words[0]}) + copy")
    with writer.block(f"if held & {same}:"):
        _combine_in_registers(writer, sink, updates)


def _combine_in_registers(writer: RowWriter, sink: Group, updates: list[Update]) -> None:
    for update in updates:
        masked(writer, update, lambda u: combine(writer, u, sink.merge, True, "p"))


def _mark_present(writer: RowWriter) -> None:
    with writer.block("if not peek(present, place):"):
        writer.line("poke(present, place, True)")


# -- shared with kernels that keep nothing ----------------------------------------------------------------------------
def claim(writer: RowWriter, words: list[str]) -> None:
    """Find or open the group of a row in an open table. Rows that find no place are marked; what is done with the others
    goes into an ``else`` after this."""
    found = f"claim(keys, shift, {words[0]}, probes)"
    writer.line(f"found = {found}" if len(words) == 1 else f"found = {found} if {words[1]} == 0 else claim_null(keys, shift)")
    with writer.block("if found < 0:"):
        writer.line("cuda.atomic.or_(pending, i >> uint64(5), uint32(uint64(1) << (i & uint64(31))))")


def combine_atomically(writer: RowWriter, update: Update, merge: bool) -> None:
    """Inside the mask: combine a row's values into the group at ``place``."""
    for n, value, slot in zip(update.arrays, lifted(writer, update, merge), update.agg.slots, strict=True):
        atomic(writer, name_of(Role.SLOT, n), "place", value, slot)
    if update.seen is not None:
        writer.line(f"poke({name_of(Role.SLOT, update.seen)}, place, True)")


def atomic(writer: RowWriter, array: str, place: str, value: str, slot: Slot) -> None:
    """Combine `value` into ``array[place]``, whoever else does so at the same time.

    Truth values take one byte, which no atomic knows: the value that decides is stored, by however many threads. Least and
    greatest look first: an old value that is seen can only ask for a swap too many. The look also keeps NaN away, as on
    a CPU.
    """
    if slot.type.register == "bool_":
        decides = slot.combine in ("or", "max", "add")
        with writer.block(f"if {value}:" if decides else f"if not {value}:"):
            writer.line(f"poke({array}, {place}, {decides})")
    elif slot.combine in ("min", "max"):
        with writer.block(f"if {value} {'<' if slot.combine == 'min' else '>'} peek({array}, {place}):"):
            writer.line(f"cuda.atomic.{slot.combine}({array}, {place}, {value})")
    else:
        name = {"add": "add", "and": "and_", "or": "or_"}[str(slot.combine)]
        writer.line(f"cuda.atomic.{name}({array}, {place}, {value})")


def know_groups(module: Module, sink: Group, group: GroupShape) -> None:
    """Make known what grouping kernels read."""
    know_inputs(module)
    keys = range(len(sink.keys))
    module.know(*(Param(Argument(role, k)) for k in keys for role in (Role.KEY_LOW, Role.KEY_STRIDE)))
    module.know(*(Param(Argument(Role.ROW_WORD, k), "int64") for k in range(group.words)))
    module.know(
        named("present", "bool"),
        named("size"),
        named("copies"),
        named("keys", "int64"),
        named("shift"),
    )
    module.know(
        named("probes"),
        named("pending", "uint32"),
        named("gids", "int64"),
        named("ids", "int64"),
    )
    module.know(named("counts", "int64"), named("starts", "int64"), named("index", "int64"))
    module.know(
        Param(Argument(Role.ROW_WORD), "int64"),
        named("every"),
        named("hot"),
        named("spot", "int64"),
        named("stretch"),
    )
    module.know(named("lows", "int64"), named("highs", "int64"), named("order", "int64"))
    for ref in slot_layout(sink.aggs):
        dtype = slot_type(sink, ref)
        roles = (Role.PARTIAL,) if group.mode == "reduce" else (Role.SLOT, Role.PARTIAL)
        module.know(*(Param(Argument(role, ref.array), dtype) for role in (*roles, Role.ROW_VALUE)))
        module.know(Param(Argument(Role.ROW_MASK, ref.array), "bool"))
