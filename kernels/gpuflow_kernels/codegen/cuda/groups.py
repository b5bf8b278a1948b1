"""GPU kernels that group: reductions in registers, groups found by index in shared or device memory, or by hashing."""

from __future__ import annotations

from gpuflow_kernels.codegen.common.arguments import Role, name_of
from gpuflow_kernels.codegen.common.group_sinks import COMBINE, Update, combine, group_words, lifted, slot_layout, write_values
from gpuflow_kernels.codegen.common.inline_bodies import names_used
from gpuflow_kernels.codegen.common.module_source import indented
from gpuflow_kernels.codegen.common.program import repeated, write_steps
from gpuflow_kernels.codegen.common.row_source import TRUE, RowWriter, literal_text, typed
from gpuflow_kernels.declare.aggregate import Slot
from gpuflow_kernels.ir.pipeline import Group, GroupShape

from .module import Module, array_type, begin_row
from .private_groups import COPY, atomic, claim, combine_atomically, know_groups, privately
from .reduce import fold, masked, reduction, slot_type
from .snippets import MARK, full_tile, needed_for, over_list, over_rows, path_to


def grouping(module: Module) -> list[str]:
    """Add the kernels of a grouping pipeline; the lines of a row."""
    pipeline, shape, writer = module.pipeline, module.shape, module.writer
    sink, group = pipeline.sink, shape.group
    assert isinstance(sink, Group) and group is not None
    if group.private:
        return privately(module, sink, group)
    folding = any(is_folded(sink, a) for a in range(len(sink.aggs)))
    loops = bool(repeated(pipeline, shape))
    counted = loops and (group.mode == "hash" or (folding and group.mode == "dense"))
    marks: list[int] = []
    kept: list[Update] = []

    def write() -> None:
        marks.append(len(writer.lines))
        if group.mode == "hash":
            _write_words(writer, sink, group)
        marks.append(len(writer.lines))
        kept.extend(_write_group(writer, sink, group, folding))
        marks.append(writer.indent)

    write_steps(writer, pipeline, shape, write)
    first, second, depth = marks
    steps, words, into = writer.lines[:first], writer.lines[first:second], writer.lines[second:]
    know_groups(module, sink, group)
    deep = "    " * depth
    before = [*begin_row(module), "j = uint64(starts[i])" if counted else "j = i"]
    lines = [*before, *steps, *into]
    after = [f"{deep}j += uint64(1)"] if counted else []
    if counted:
        count = [*begin_row(module), "n = int64(0)", *steps, f"{deep}n += int64(1)", "counts[i] = n"]
        _add_over_rows(module, "count", count)
    if group.mode == "hash":
        _add_over_rows(module, "words", [*before, *steps, *words, *after])
        words = [line for line in words if not line.strip().startswith(("kx", "gids"))]
        if counted:
            lines = [*before, *steps, *words, f"{deep}g = gids[j]", *into, *after]
        else:  # that a row has a group says that it has passed the steps: only what the rest needs of them is done again
            rest = [line[len(deep) :] for line in into]
            known = needed_for(path_to([*steps, *words, deep + MARK], MARK), names_used(rest))
            lines = ["j = i", "g = gids[i]", "if g >= 0:", *indented([*known, *rest], 1)]
    elif counted:
        lines += after
    if group.mode == "reduce":
        reduction(module, lines, sink)
    elif group.shared:
        _share(module, lines, sink, group)
    else:
        head = [COPY] if group.mode == "dense" else []
        _add_over_rows(module, "run", lines, head)
    if group.mode == "open":
        module.add("again", over_list(shape.block, lines))
    if kept or group.mode == "reduce":
        fold(module, kept, sink, group.mode == "reduce")
    return steps


def is_folded(sink: Group, a: int) -> bool:
    """Whether an aggregation has a combine of its own, which no atomic can apply."""
    return sink.aggs[a].aggregation.combine is not None


def _add_over_rows(module: Module, name: str, lines: list[str], head: list[str] | None = None) -> None:
    tile = module.tile(lines, 4)
    module.add(name, [*(head or []), *over_rows(tile, full_tile(tile, lines), lines)])


# -- the end of a row -------------------------------------------------------------------------------------------------
def _write_words(writer: RowWriter, sink: Group, group: GroupShape) -> None:
    for k, w in enumerate(group_words(writer, sink, group)):
        writer.line(f"{name_of(Role.ROW_WORD, k)}[j] = {w}")
    writer.line("gids[j] = -1")


def _write_group(writer: RowWriter, sink: Group, group: GroupShape, folding: bool) -> list[Update]:
    """What a row does to its group; the updates that were kept for folding."""
    aggs = range(len(sink.aggs))
    if group.mode == "reduce":
        for update in [write_values(writer, sink, a) for a in aggs]:
            masked(writer, update, lambda u: combine(writer, u, sink.merge, True))
        return []
    if group.mode == "open":
        claim(writer, group_words(writer, sink, group))
        with writer.block("else:"):
            writer.line("place = uint64(found)")
            for a in aggs:
                masked(writer, write_values(writer, sink, a), lambda u: combine_atomically(writer, u, sink.merge))
        return []
    if group.mode == "dense":
        (w,) = group_words(writer, sink, group)
        writer.line(f"g = {w}")
        if folding:
            writer.line("gids[j] = g")
        if group.shared:
            writer.line(f"place = uint64(g) * uint64({group.replicas}) + own_copy")
            writer.line("poke(here, place, 1)")
        else:
            writer.line("place = uint64(g) + copy")
            with writer.block("if not peek(present, place):"):
                writer.line("poke(present, place, True)")
    else:
        writer.line("place = uint64(g)")
    if sink.number:
        writer.line("ids[i] = g")
    kept = []
    for update in [write_values(writer, sink, a) for a in aggs]:
        if update.agg.aggregation.combine is not None:
            kept.append(_keep(writer, update, sink.merge))
        elif group.shared:
            masked(writer, update, lambda u: _combine_in_shared(writer, u, sink.merge))
        else:
            masked(writer, update, lambda u: combine_atomically(writer, u, sink.merge))
    return kept


def _keep(writer: RowWriter, update: Update, merge: bool) -> Update:
    """Keep what a row contributes, for ``fold``; the update as ``fold`` sees it."""
    a = update.arrays[0]
    if update.mask != TRUE:
        writer.line(f"{name_of(Role.ROW_MASK, a)}[j] = {update.mask}")

    def keep(u: Update) -> None:
        for n, value in zip(u.arrays, lifted(writer, u, merge), strict=True):
            writer.line(f"{name_of(Role.ROW_VALUE, n)}[j] = {value}")

    masked(writer, update, keep)
    mask = TRUE if update.mask == TRUE else f"{name_of(Role.ROW_MASK, a)}[j]"
    return Update(update.agg, mask, tuple(name_of(Role.ROW_VALUE, n) for n in update.arrays), update.arrays, update.seen)


# -- groups in shared memory ------------------------------------------------------------------------------------------
def shared_bytes(sink: Group) -> int:
    """Bytes of shared memory that a group takes."""
    return 4 + sum(4 if slot_type(sink, ref) == "bool" else 8 for ref in slot_layout(sink.aggs))


def _limbs(slot: Slot) -> bool:
    """Whether sums of the slot are kept in two halves: shared memory adds 32-bit integers natively, and nothing wider."""
    return slot.combine == "add" and array_type(slot.type) in ("int64", "uint64")


def _combine_in_shared(writer: RowWriter, update: Update, merge: bool) -> None:
    for n, value, slot in zip(update.arrays, lifted(writer, update, merge), update.agg.slots, strict=True):
        if _limbs(slot):
            writer.line(f"x{n} = uint64({value})")
            writer.line(f"part{n} = uint32(x{n} & uint64(4294967295))")
            writer.line(f"old{n} = cuda.atomic.add(low{n}, place, part{n})")
            writer.line(f"rest{n} = uint32((x{n} >> uint64(32)) + uint64(uint32(old{n} + part{n}) < part{n}))")
            with writer.block(f"if rest{n} != 0:"):
                writer.line(f"cuda.atomic.add(high{n}, place, rest{n})")
        elif slot.type.register == "bool_":
            decides = slot.combine in ("or", "max", "add")
            with writer.block(f"if {value}:" if decides else f"if not {value}:"):
                writer.line(f"poke(own{n}, place, {int(decides)})")
        else:
            atomic(writer, f"own{n}", "place", value, slot)
    if update.seen is not None:
        writer.line(f"poke(own{update.seen}, place, 1)")


def _share(module: Module, lines: list[str], sink: Group, group: GroupShape) -> None:
    """Copies of the accumulators for each block, put together and added to the real ones when the block is through.

    Lanes of a warp have a copy each where there is room: adding to one address they would wait for each other.
    """
    room = group.shared * group.replicas
    declared, emptied = [f"here = cuda.shared.array({room}, int32)"], ["here[x] = 0"]
    begun, joined, given = ["seen = int32(0)"], ["seen = seen | here[k]"], RowWriter(())

    def declare(name: str, dtype: str, identity: str) -> None:
        declared.append(f"{name} = cuda.shared.array({room}, {dtype})")
        emptied.append(f"{name}[x] = {identity}")

    for ref in slot_layout(sink.aggs):
        n, agg = ref.array, sink.aggs[ref.agg]
        if agg.aggregation.combine is not None:
            continue
        slot = agg.slots[ref.slot] if ref.slot >= 0 else None
        if slot is None or slot.type.register == "bool_":
            identity = bool(slot.identity) if slot is not None else False
            declare(f"own{n}", "int32", str(int(identity)))
            begun.append(f"all{n} = int32({int(identity)})")
            joined.append(f"all{n} = all{n} {'&' if identity else '|'} own{n}[k]")
            with given.block(f"if all{n} != {int(identity)}:"):
                given.line(f"poke({name_of(Role.SLOT, n)}, x, {not identity})")
        elif _limbs(slot):
            declare(f"low{n}", "uint32", "0")
            declare(f"high{n}", "uint32", "0")
            begun.append(f"all{n} = uint64(0)")
            joined.append(f"all{n} += uint64(low{n}[k]) | (uint64(high{n}[k]) << uint64(32))")
            atomic(given, name_of(Role.SLOT, n), "x", given.assign(typed(slot.type, f"all{n}")), slot)
        else:
            declare(f"own{n}", array_type(slot.type), literal_text(slot.identity))
            begun.append(f"all{n} = {typed(slot.type, literal_text(slot.identity))}")
            joined += [text.format(place=f"all{n}", value=f"own{n}[k]") for text in COMBINE[str(slot.combine)]]
            atomic(given, name_of(Role.SLOT, n), "x", f"all{n}", slot)
    tile = module.tile(lines, 4)
    through = f"x += uint64({module.shape.block})"
    module.add(
        "run",
        [
            *declared,
            "x = uint64(cuda.threadIdx.x)",
            f"while x < size * uint64({group.replicas}):",
            *indented([*emptied, through], 1),
            "cuda.syncthreads()",
            f"own_copy = uint64(cuda.threadIdx.x) & uint64({group.replicas - 1})",
            *over_rows(tile, full_tile(tile, lines), lines),
            "cuda.syncthreads()",
            "x = uint64(cuda.threadIdx.x)",
            "while x < size:",
            *indented([*begun, f"k = x * uint64({group.replicas})", f"last = k + uint64({group.replicas})"], 1),
            "    while k < last:",
            *indented([*joined, "k += uint64(1)"], 2),
            "    if seen != 0:",
            *indented(["poke(present, x, True)", *given.lines], 2),
            f"    {through}",
        ],
    )
