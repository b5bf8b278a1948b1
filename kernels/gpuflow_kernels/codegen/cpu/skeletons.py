"""Loops and sinks for CPU cores; uncompiled, the same text is the PYTHON target.

A kernel sees the rows ``start <= i < stop`` of one partition and owns its accumulators and outputs: threads come from
running partitions. ``state`` carries what outlives a call: [0] rows written, or the row reached; [1] number of the
check that failed; [2] groups found; from [3] on where inner loops stopped. A kernel that finds its table or output full
stores where it was and returns 1; the host makes room and calls again, and no row is counted twice.

Rows, places and slots are unsigned: for a signed index Numba adds code that lets negative ones count from the end.
"""

from __future__ import annotations

from gpuflow_kernels.codegen.common.group_sinks import combine, group_words, slot_layout, write_values
from gpuflow_kernels.codegen.common.module_source import assemble, indented
from gpuflow_kernels.codegen.common.program import Generated, input_params, repeated, write_steps
from gpuflow_kernels.codegen.common.row_source import TRUE, RowWriter, stored
from gpuflow_kernels.ir.pipeline import Filter, Group, Pipeline, Shape, Write

from ..common.arguments import Argument, Role, control, name_of

CURSORS = 3
FEW = 2


def generate(pipeline: Pipeline, shape: Shape, target: str = "cpu") -> Generated:
    """The module of one pipeline for ``cpu`` or ``python``."""
    writer = RowWriter(shape.nullable)
    loops = repeated(pipeline, shape)
    outputs: list[Argument] = []
    nullable: list[bool] = []
    marks: list[int] = []
    head, tail = ["e = state[1]"], ["state[1] = e"]
    head += [f"u{t} = state[{CURSORS + k}]" for k, t in enumerate(loops)]
    full = [f"state[{CURSORS + k}] = q{t}" for k, t in enumerate(loops)]

    def sink() -> None:
        marks.append(len(writer.lines))
        if isinstance(pipeline.sink, Write):
            _write(writer, pipeline, shape, bool(loops), outputs, nullable, full)
        else:
            outputs.extend(_group(writer, pipeline.sink, shape, full))
        marks.append(len(writer.lines))

    write_steps(writer, pipeline, shape, sink)
    if isinstance(pipeline.sink, Group):
        reducing, hashing = shape.group.mode == "reduce", shape.group.mode == "hash"  # type: ignore[union-attr]
        layout = slot_layout(pipeline.sink.aggs)
        if reducing:
            places = [(name_of(Role.SLOT, r.array), name_of(Role.PARTIAL, r.array)) for r in layout]
            head += [f"{own} = {given}[0]" for own, given in places]
            tail += [f"{given}[0] = {own}" for own, given in places]
        if hashing:
            head += ["ng = state[2]", "smask = uint64(len(slots) - 1)", "limit = len(slots) >> 1"]
            tail += ["state[2] = ng"]
        tail += ["state[0] = stop"]
        hashes = {shape.group.words} if hashing else set()  # type: ignore[union-attr]
    else:
        hashes = set()
        if pipeline.filters or loops:
            head.append("j = uint64(state[0])")
            tail.append("state[0] = j")
    find = {shape.tables[s.table].words for s in pipeline.probes if shape.tables[s.table].mode == "hash"}
    first = ("start", "stop", "state", "pos") if pipeline.sink.reads_position else ("start", "stop", "state")
    params = (*map(control, first), *input_params(writer, pipeline, shape), *outputs)
    body = [
        "@kernel",
        f"def run({', '.join(p.name for p in params)}):",
        *indented(head, 1),
        "    for i in range(start, stop):",
        *indented((_unbranched(writer.lines, marks) if _moves_little(pipeline) else writer.lines) or ["pass"], 2),
        *indented(tail, 1),
        "    return 0",
    ]
    text = assemble(target, ["\n".join(body)], writer, find, hashes, shape.constant_hash)
    return Generated(
        text,
        params,
        tuple(writer.lines[: marks[0]]),
        tuple(writer.literals),
        tuple(writer.lookups),
        tuple(writer.members),
        tuple(writer.tables),
        tuple(writer.checks),
        tuple(sorted(writer.columns)),
        tuple(nullable),
    )


def _moves_little(pipeline: Pipeline) -> bool:
    """Whether a kernel only filters, and writes so few columns that it costs less to write every row than to guess which pass."""
    sink, steps = pipeline.sink, pipeline.steps
    return sink.copies and len(sink.rows()) <= FEW and len(steps) == 1 and isinstance(steps[0], Filter)


def _unbranched(lines: list[str], marks: list[int]) -> list[str]:
    """The lines of a filter and what it writes, with the row after the last one written over by each that does not pass.

    Branch-free selection as in Ross, "Selection conditions in main memory", TODS 2004. A row is never written beyond its own
    number, so there is always room.
    """
    row, written = lines[: marks[0]], lines[marks[0] : marks[1]]
    if not row or not row[-1].startswith("if "):  # the predicate is a literal
        return lines
    test = row[-1].removeprefix("if ").removesuffix(":")
    step = written[-1].strip().replace("uint64(1)", f"uint64({test})")
    return [*row[:-1], *(line.removeprefix("    ") for line in written[:-1]), step]


def _stop(writer: RowWriter, full: list[str], extra: list[str]) -> None:
    for text in (*extra, *full, "state[1] = e", "return 1"):
        writer.line(text)


def _write(
    writer: RowWriter,
    pipeline: Pipeline,
    shape: Shape,
    loops: bool,
    outputs: list[Argument],
    nullable: list[bool],
    full: list[str],
) -> None:
    assert isinstance(pipeline.sink, Write)
    compacting = pipeline.filters or loops
    if loops:  # more rows may leave than entered: the output can fill up
        with writer.block("if j == room:"):
            _stop(writer, full, ["state[0] = j", "state[2] = i"])
        outputs.append(control("room"))
    at = "j" if compacting else "i"
    values = [writer.emit(c) for c in pipeline.sink.columns]
    for k, value in enumerate(values):
        output, validity = Argument(Role.OUTPUT, k), Argument(Role.OUTPUT_VALIDITY, k)
        writer.line(f"{output.name}[{at}] = {stored(pipeline.sink.columns[k].dtype, value.text)}")
        outputs.append(output)
        nullable.append(value.valid != TRUE)
        if value.valid != TRUE:
            writer.line(f"{validity.name}[{at}] = {value.valid}")
            outputs.append(validity)
    if compacting:
        writer.line("j += uint64(1)")


def _group(writer: RowWriter, sink: Group, shape: Shape, full: list[str]) -> list[Argument]:
    group = shape.group
    assert group is not None
    arguments: list[Argument] = []
    ranges = [Argument(role, k) for k in range(len(sink.keys)) for role in (Role.KEY_LOW, Role.KEY_STRIDE)]
    updates = [write_values(writer, sink, a) for a in range(len(sink.aggs))] if group.mode == "reduce" else []
    if group.mode == "dense":
        (w,) = group_words(writer, sink, group)
        writer.line(f"g = {w}")
        writer.line("at = uint64(g)")
        writer.line("present[at] = True")
        arguments += [*ranges, control("present")]
    elif group.mode == "hash":
        words = group_words(writer, sink, group)
        if group.packed:
            arguments += ranges
        arguments += [control("slots"), control("shift"), *(Argument(Role.KEY_WORD, k) for k in range(group.words))]
        _find_or_insert(writer, words, full)
        writer.line("at = uint64(g)")
    if sink.number:
        writer.line("ids[i] = g")
        arguments.append(control("ids"))
    updates = updates or [write_values(writer, sink, a) for a in range(len(sink.aggs))]
    for update in updates:
        if update.mask == TRUE:
            combine(writer, update, sink.merge, group.mode == "reduce")
        elif update.mask != "False":
            with writer.block(f"if {update.mask}:"):
                combine(writer, update, sink.merge, group.mode == "reduce")
    role = Role.PARTIAL if group.mode == "reduce" else Role.SLOT
    return arguments + [Argument(role, r.array) for r in slot_layout(sink.aggs)]


def _find_or_insert(writer: RowWriter, words: list[str], full: list[str]) -> None:
    writer.line(f"s = hash_{len(words)}({', '.join(words)}) >> shift")
    with writer.block("while True:"):
        writer.line("g = int64(slots[s])")
        with writer.block("if g < 0:"):
            with writer.block("if ng == limit:"):
                _stop(writer, full, ["state[0] = i", "state[2] = ng"])
            writer.line("g = ng")
            writer.line("slots[s] = g")
            for k, w in enumerate(words):
                writer.line(f"{name_of(Role.KEY_WORD, k)}[uint64(g)] = {w}")
            writer.line("ng += 1")
            writer.line("break")
        same = " and ".join(f"{name_of(Role.KEY_WORD, k)}[uint64(g)] == {w}" for k, w in enumerate(words))
        with writer.block(f"if {same}:"):
            writer.line("break")
        writer.line("s = (s + uint64(1)) & smask")
