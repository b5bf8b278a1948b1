"""Threads and sinks for GPUs. The lines of a row are those of every other target; what is around them is here.

A module holds the kernels of one pipeline. Each of them begins with the lines of a row, and what they write after that
is a prefix of what ``run`` writes, so that literals and columns have the same names in all:

``count``  rows that leave each row (only where filters or repeated keys change their number)
``words``  key words of every leaving row (hash tables only), from which `primitives.cuda.hash_table` finds the groups
``run``    writes the output, or combines into the accumulators
``fold``   combines values of one group in order, for aggregations that have a combine of their own, and the partial
           results of threads

Leaving row number ``j`` belongs to row ``i``: its first is ``starts[i]``, the scan of the counts; without ``count`` the
two are the same. Within a launch threads meet in nothing but atomics and stores of one and the same value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..aggregate import Slot
from .module_text import assemble, indented
from .pipeline import Group, Pipeline, Probe, Shape, Write, filters_rows
from .program import Generated, input_params, repeated, write_steps
from .rows import TRUE, RowWriter
from .sinks import Update, combine, group_words, lifted, slot_layout, write_values


@dataclass(frozen=True, slots=True)
class CudaGenerated(Generated):
    """A module with several kernels: their names and parameters, those of ``run`` being `params`."""

    kernels: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(slots=True)
class _Kernel:
    """One kernel in the making: the row's writer, where its sink begins, and the arguments the sink asks for."""

    name: str
    writer: RowWriter
    mark: int
    outputs: list[str]


def generate(pipeline: Pipeline, shape: Shape) -> CudaGenerated:
    """The module of one pipeline for ``cuda``."""
    sink = pipeline.sink
    counted = filters_rows(pipeline) or bool(repeated(pipeline, shape))
    if isinstance(sink, Group):
        assert shape.group is not None
        reducing, hashing = shape.group.mode == "reduce", shape.group.mode == "hash"
        counted = counted and (hashing or (not reducing and any(_is_folded(sink, a) for a in range(len(sink.aggs)))))
    else:
        reducing = hashing = False
    at = "j" if counted else "i"

    kernels: list[_Kernel] = []
    if counted:
        kernels.append(_over_rows("count", pipeline, shape, lambda writer: _count(writer)))
    if isinstance(sink, Write):
        kernels.append(_over_rows("run", pipeline, shape, lambda writer: _write(writer, sink, at)))
    else:
        if hashing:
            kernels.append(_over_rows("words", pipeline, shape, lambda writer: _words(writer, sink, shape, at)))
        kernels.append(_over_rows("run", pipeline, shape, lambda writer: _group(writer, sink, shape, at)))
    run = kernels[-1]
    texts, signatures = [], []
    for kernel in kernels:
        lanes = reducing and kernel.name == "run"
        params = _params(kernel, pipeline, shape, counted, lanes)
        text = _reduction(kernel, params, pipeline, shape) if lanes else _row_kernel(kernel, params, pipeline, shape, counted)
        texts.append(text)
        signatures.append((kernel.name, params))
    if isinstance(sink, Group):
        folded = _updates_to_fold(run, sink, shape)
        if folded:
            writer = RowWriter(())
            params, text = _fold(writer, folded)
            run.writer.helpers |= writer.helpers
            texts.append(text)
            signatures.append(("fold", params))
    find = {shape.tables[s.table].words for s in pipeline.steps if isinstance(s, Probe) and shape.tables[s.table].mode == "hash"}
    writer = run.writer
    nullable = tuple(f"h{k}" in run.outputs for k in range(len(sink.columns))) if isinstance(sink, Write) else ()
    return CudaGenerated(
        assemble("cuda", texts, writer, find, set(), shape.constant_hash),
        dict(signatures)["run"],
        tuple(writer.lines[: run.mark]),
        tuple(writer.literals),
        tuple(writer.lookups),
        tuple(writer.members),
        tuple(writer.checks),
        tuple(sorted(writer.columns)),
        nullable,
        tuple(signatures),
    )


# -- around a row -----------------------------------------------------------------------------------------------------
def _over_rows(name: str, pipeline: Pipeline, shape: Shape, sink: Callable[[RowWriter], list[str]]) -> _Kernel:
    kernel = _Kernel(name, RowWriter(shape.nullable), 0, [])

    def last() -> None:
        kernel.mark = len(kernel.writer.lines)
        kernel.outputs = sink(kernel.writer)

    write_steps(kernel.writer, pipeline, shape, last)
    return kernel


def _params(kernel: _Kernel, pipeline: Pipeline, shape: Shape, counted: bool, lanes: bool) -> tuple[str, ...]:
    sink = pipeline.sink
    positioned = isinstance(sink, Group) and not sink.merge and any(a.aggregation.position for a in sink.aggs)
    return (
        "rows",
        *(("lanes",) if lanes else ()),
        *(("err",) if kernel.writer.checks else ()),
        *(("pos",) if positioned and kernel.name == "run" else ()),
        *input_params(kernel.writer, pipeline, shape),
        *(("starts",) if counted and kernel.name != "count" else ()),
        *kernel.outputs,
    )


def _row_lines(kernel: _Kernel, pipeline: Pipeline, shape: Shape) -> list[str]:
    # `u` lets a CPU kernel resume inside the loop over repeated keys; a thread runs every loop to its end.
    return [*(f"u{t} = int64(-2)" for t in repeated(pipeline, shape)), *(kernel.writer.lines or ["pass"])]


def _error_lines(kernel: _Kernel) -> tuple[list[str], list[str]]:
    if not kernel.writer.checks:
        return [], []
    return ["e = int64(0)"], ["if e != 0:", "    err[0] = e"]


def _row_kernel(kernel: _Kernel, params: tuple[str, ...], pipeline: Pipeline, shape: Shape, counted: bool) -> str:
    """A thread for every row."""
    head, tail = _error_lines(kernel)
    if kernel.name == "count":
        head, tail = [*head, "n = int64(0)"], ["counts[i] = n", *tail]
    elif counted:
        head = [*head, "j = starts[i]"]
    body = [
        "@kernel",
        f"def {kernel.name}({', '.join(params)}):",
        "    i = cuda.grid(1)",
        "    if i < rows:",
        *indented([*head, *_row_lines(kernel, pipeline, shape), *tail], 2),
    ]
    return "\n".join(body)


def _reduction(kernel: _Kernel, params: tuple[str, ...], pipeline: Pipeline, shape: Shape) -> str:
    """`lanes` threads, each with every `lanes`-th row and accumulators of its own, kept in registers."""
    assert isinstance(pipeline.sink, Group)
    head, tail = _error_lines(kernel)
    layout = slot_layout(pipeline.sink.aggs)
    body = [
        "@kernel",
        f"def {kernel.name}({', '.join(params)}):",
        "    t = cuda.grid(1)",
        "    if t < lanes:",
        *indented([*head, *(f"g{r.array} = z{r.array}[t]" for r in layout), "i = t", "while i < rows:"], 2),
        *indented([*_row_lines(kernel, pipeline, shape), "i += lanes"], 3),
        *indented([*(f"z{r.array}[t] = g{r.array}" for r in layout), *tail], 2),
    ]
    return "\n".join(body)


# -- sinks ------------------------------------------------------------------------------------------------------------
def _count(writer: RowWriter) -> list[str]:
    writer.line("n += 1")
    return ["counts"]


def _write(writer: RowWriter, sink: Write, at: str) -> list[str]:
    outputs = []
    values = [writer.emit(c) for c in sink.columns]
    for k, value in enumerate(values):
        writer.line(f"o{k}[{at}] = {value.text}")
        outputs.append(f"o{k}")
        if value.valid != TRUE:
            writer.line(f"h{k}[{at}] = {value.valid}")
            outputs.append(f"h{k}")
    _next(writer, at)
    return outputs


def _next(writer: RowWriter, at: str) -> None:
    if at == "j":
        writer.line("j += 1")


def _words(writer: RowWriter, sink: Group, shape: Shape, at: str) -> list[str]:
    assert shape.group is not None
    words = group_words(writer, sink, shape.group)
    for k, w in enumerate(words):
        writer.line(f"kx{k}[{at}] = {w}")
    _next(writer, at)
    return [*_packing(sink, shape), *(f"kx{k}" for k in range(len(words)))]


def _packing(sink: Group, shape: Shape) -> list[str]:
    assert shape.group is not None
    packed = shape.group.packed or shape.group.mode == "dense"
    return [f"{x}{k}" for k in range(len(sink.keys)) for x in "bk"] if packed else []


def _is_folded(sink: Group, a: int) -> bool:
    return sink.aggs[a].aggregation.combine is not None


def _group(writer: RowWriter, sink: Group, shape: Shape, at: str) -> list[str]:
    group = shape.group
    assert group is not None
    if group.mode == "reduce":
        for update in [write_values(writer, sink, a) for a in range(len(sink.aggs))]:
            _masked(writer, update, lambda u: combine(writer, u, sink.merge, True))
        return [f"z{r.array}" for r in slot_layout(sink.aggs)]
    outputs = _packing(sink, shape)
    words = group_words(writer, sink, group)
    folded = any(_is_folded(sink, a) for a in range(len(sink.aggs)))
    if group.mode == "dense":
        writer.line(f"g = {words[0]}")
        writer.line("present[g] = True")
        outputs.append("present")
        if folded:
            writer.line(f"gids[{at}] = g")
            outputs.append("gids")
    else:
        writer.line(f"g = gids[{at}]")
        outputs.append("gids")
    if sink.number:
        writer.line("ids[i] = g")
        outputs.append("ids")
    for update in [write_values(writer, sink, a) for a in range(len(sink.aggs))]:
        if update.agg.aggregation.combine is None:
            _masked(writer, update, lambda u: _atomics(writer, u, sink.merge))
            outputs += [f"g{n}" for n in (*update.arrays, *(() if update.seen is None else (update.seen,)))]
        else:
            outputs += _kept(writer, update, sink.merge, at)
    _next(writer, at)
    return outputs


def _masked(writer: RowWriter, update: Update, write: Callable[[Update], None]) -> None:
    if update.mask == TRUE:
        write(update)
    elif update.mask != "False":
        with writer.block(f"if {update.mask}:"):
            write(update)


def _atomics(writer: RowWriter, update: Update, merge: bool) -> None:
    for n, value, slot in zip(update.arrays, lifted(writer, update, merge), update.agg.slots, strict=True):
        _atomic(writer, f"g{n}", value, slot)
    if update.seen is not None:
        writer.line(f"g{update.seen}[g] = True")


def _atomic(writer: RowWriter, array: str, value: str, slot: Slot) -> None:
    """Combine `value` into ``array[g]``, whoever else does so at the same time.

    Truth values take one byte, which no atomic knows: the value that decides is stored as it is, by however many threads.
    Least and greatest look first: an old value that is seen can only ask for a swap too many. The look also keeps NaN
    away, as on a CPU.
    """
    if slot.dtype.register == "bool_":  # type: ignore[union-attr]
        decides = slot.combine in ("or", "max", "add")
        with writer.block(f"if {value}:" if decides else f"if not {value}:"):
            writer.line(f"{array}[g] = {decides}")
    elif slot.combine in ("min", "max"):
        with writer.block(f"if {value} {'<' if slot.combine == 'min' else '>'} {array}[g]:"):
            writer.line(f"cuda.atomic.{slot.combine}({array}, g, {value})")
    else:
        name = {"add": "add", "and": "and_", "or": "or_"}[str(slot.combine)]
        writer.line(f"cuda.atomic.{name}({array}, g, {value})")


def _kept(writer: RowWriter, update: Update, merge: bool, at: str) -> list[str]:
    """Keep what a row contributes, for ``fold``: no atomic can apply a combine of several slots."""
    a = update.arrays[0]
    outputs = [f"sv{n}" for n in update.arrays]
    if update.mask != TRUE:
        writer.line(f"sm{a}[{at}] = {update.mask}")
        outputs.append(f"sm{a}")

    def keep(u: Update) -> None:
        for n, value in zip(u.arrays, lifted(writer, u, merge), strict=True):
            writer.line(f"sv{n}[{at}] = {value}")

    _masked(writer, update, keep)
    return outputs


# -- folding ----------------------------------------------------------------------------------------------------------
def _updates_to_fold(run: _Kernel, sink: Group, shape: Shape) -> list[Update]:
    """What ``fold`` does with entry ``j``: every aggregation of a reduction (the entries are partial results of
    threads), else those that have a combine of their own (the entries are rows)."""
    assert shape.group is not None
    reducing, layout = shape.group.mode == "reduce", slot_layout(sink.aggs)
    updates = []
    for a, agg in enumerate(sink.aggs):
        if not reducing and not _is_folded(sink, a):
            continue
        arrays = tuple(r.array for r in layout if r.agg == a and r.slot >= 0)
        seen = next((r.array for r in layout if r.agg == a and r.slot < 0), None)
        masked = seen is not None if reducing else f"sm{arrays[0]}" in run.outputs
        updates.append(Update(agg, f"sm{arrays[0]}[j]" if masked else TRUE, tuple(f"sv{n}" for n in arrays), arrays, seen))
    return updates


def _fold(writer: RowWriter, updates: list[Update]) -> tuple[tuple[str, ...], str]:
    """A thread for every group: its entries are ``order[bounds[t] … bounds[t + 1]]``."""
    inputs: list[str] = []
    for update in updates:
        inputs += update.values
        inputs += [update.mask.removesuffix("[j]")] if update.mask != TRUE else []

        def combined(u: Update) -> None:
            slots = zip(u.agg.slots, u.values, strict=True)
            values = tuple(writer.assign(f"{s.dtype.register}({v}[j])") for s, v in slots)  # type: ignore[union-attr]
            combine(writer, Update(u.agg, TRUE, values, u.arrays, u.seen), True, True)

        _masked(writer, update, combined)
    places = [n for u in updates for n in (*u.arrays, *(() if u.seen is None else (u.seen,)))]
    params = ("groups", "bounds", "order", *inputs, *(f"z{n}" for n in places))
    body = [
        "@kernel",
        f"def fold({', '.join(params)}):",
        "    t = cuda.grid(1)",
        "    if t < groups:",
        "        p = bounds[t]",
        "        stop = bounds[t + 1]",
        *indented([f"g{n} = z{n}[t]" for n in places], 2),
        "        while p < stop:",
        "            j = order[p]",
        *indented(writer.lines, 3),
        "            p += 1",
        *indented([f"z{n}[t] = g{n}" for n in places], 2),
    ]
    return params, "\n".join(body)
