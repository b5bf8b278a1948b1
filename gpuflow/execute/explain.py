"""What a plan will run, in words and as generated code."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gpuflow_kernels.codegen.common.string_kernels import ENTRIES, ONE, ROWS, Operand, text_module
from gpuflow_kernels.dtypes import STRING
from gpuflow_kernels.ir.expressions import Agg, Call, Const, Lookup, Member, Ref, Row, is_by_row, refs
from gpuflow_kernels.ir.pipeline import Group, GroupShape, Pipeline, Probe, Shape, TableShape, Write
from gpuflow_kernels.target import TARGETS

from gpuflow.physical import tasks
from gpuflow.physical.nodes import Broadcast, BuildTable, Gather, Operator, Stage
from gpuflow.physical.planner import Planner
from gpuflow.physical.profile import size_text
from gpuflow.physical.runner import flatten
from gpuflow.physical.stream import Stream
from gpuflow.physical.string_codes import EntryFunction, EnumCategories, LiteralOrder
from gpuflow.physical.strings import StringPlan

from .graph import Graph


def physical_text(planner: Planner, operator: Operator, graph: Graph) -> str:
    """The operators as a tree, with partitions, estimated rows and bytes of each; then the choices made."""
    lines: list[tuple[str, str]] = []
    numbers: dict[int, int] = {}

    def visit(node: Operator, depth: int) -> None:
        pad = "  " * depth
        if isinstance(node, Stage):
            node = node.input
        if id(node) in numbers:
            lines.append((f"{pad}{node}, as in line {numbers[id(node)]}", ""))
            return
        lines.append((f"{pad}{node}", _sizes(planner, node)))
        numbers[id(node)] = len(lines)
        for below in node.children:
            visit(below, depth + 1)

    visit(operator, 0)
    widest = min(max(len(text) for text, _ in lines), WIDEST)
    tree = [f"{text:<{widest}}  {sizes}".rstrip() for text, sizes in lines]
    return "\n".join([*tree, "", *(f"{subject}: {decision} ({reason})" for subject, decision, reason in graph.notes)])


WIDEST = 72
"""Columns of text before the sizes; longer lines push theirs to the right."""


def _sizes(planner: Planner, node: Operator) -> str:
    """Partitions, rows and bytes that come out of an operator."""
    made = planner.emitted(node)
    parts = len(made) if isinstance(made, tuple) else len(made.parts) if isinstance(made, Stream) else 1
    parts = 1 if isinstance(node, Gather) else parts
    counted = f"{parts} partition{'s' if parts != 1 else ''}"
    if isinstance(node, (BuildTable, Broadcast)):
        counted = f"{parts} table{'s' if parts != 1 else ''}"
    if node.rows is None:
        return counted
    return f"{counted}, ~{node.rows:,} rows, {size_text(node.rows * node.row_bytes)}"


def describe(task: tasks.Task) -> str:
    """A task in one line."""
    if isinstance(task, tasks.PipelineTask):
        sink = task.pipeline.sink
        steps = [_step(s) for s in task.pipeline.steps]
        end = f"write {len(sink.columns)} columns" if isinstance(sink, Write) else _group(task)
        return f"{task.name.upper()} " + " → ".join(
            [f"read {', '.join(map(name_text, task.columns)) or 'rows only'}", *steps, end]
        )
    fields = {k: v for k, v in vars(task).items() if k not in ("options", "pipeline", "strings")}
    return f"{task.name.upper()} " + ", ".join(f"{k}={v}" for k, v in fields.items())


def name_text(name: str) -> str:
    """A column's name on one line: characters that would break or turn it are escaped."""
    return name if name.isprintable() else ascii(name)


def _step(step: Any) -> str:
    if isinstance(step, Probe):
        return f"look up table {step.table} ({_kind(step)}) by {', '.join(row_text(k) for k in step.keys)}"
    return f"filter {row_text(step.predicate)}"


def _kind(step: Probe) -> str:
    """The name of a look-up, by the rows that go on."""
    if not step.brings:
        return "semi" if step.matched else "anti"
    return "left" if step.unmatched else "inner"


def _group(task: Any) -> str:
    sink = task.pipeline.sink
    aggs = ", ".join(map(_aggregated, sink.aggs))
    keys = ", ".join(row_text(k) for k in sink.keys)
    return f"group by {keys}: {aggs}" if keys else f"reduce {aggs}"


def _aggregated(agg: Agg) -> str:
    where = "" if agg.filter is None else f" where {row_text(agg.filter)}"
    return f"{agg.aggregation.name}({', '.join(row_text(x) for x in (*agg.args, *agg.parameters))}){where}"


def row_text(row: Row | Agg) -> str:
    """A row expression over keys (``c0``, ``c1``, …) in words."""
    if isinstance(row, Ref):
        return f"c{row.key}"
    if isinstance(row, Const):
        return repr(row.value)
    if isinstance(row, Lookup):
        return f"l{row.index}[{row_text(row.arg)}]"
    if isinstance(row, Member):
        return f"{row_text(row.arg)} in ({len(row.values)} values)"
    assert isinstance(row, Call)
    return f"{row.overload.name}({', '.join(row_text(a) for a in row.args)})"


def kernel_text(graph: Graph) -> str:
    """The module of every distinct pipeline, on the target of the plan, with what was assumed about its inputs.

    A heading says what each one does and how often it runs. They stand in the order in which they run, but for those that
    only prepare the rows of a look-up table: these come last.
    """
    found: dict[tasks.PipelineTask, tuple[Any, str]] = {}
    for task, inputs, ref in graph.order:
        if isinstance(task, tasks.PipelineTask) and task not in found and _needs_kernel(task.pipeline):
            found[task] = inputs, _purpose(graph, task, inputs, ref)
    if not found:
        return "# nothing to compute: columns are passed on as they are"
    ordered = sorted(found.items(), key=lambda entry: entry[1][1].startswith(_PREPARES))
    return "\n\n".join(
        f"# kernel {number} of {len(ordered)}: {purpose}\n# {describe(task)}\n{kernel_of(task, inputs)}"
        for number, (task, (inputs, purpose)) in enumerate(ordered, 1)
    )


_PREPARES = "prepares the rows of a look-up table"
_MOVES = tasks.SplitTask | tasks.ExtractTask | tasks.DictionariesTask | tasks.GatherTask | tasks.SelectTask


def _purpose(graph: Graph, task: tasks.PipelineTask, inputs: Any, ref: Any) -> str:
    """What a pipeline's kernel is for, and how often it runs."""
    work = _work(task.pipeline)
    part = inputs[0][0] if isinstance(task, tasks.GroupTask) else inputs[0]
    makers = {r.key: maker for maker, _, r in graph.order}
    if isinstance(makers.get(getattr(part, "key", "")), (tasks.GroupTask, tasks.MergeTask)):
        return f"finalizes groups ({work}); runs once per group, after partial results were merged"
    if _only_builds(graph, ref.key):
        return f"{_PREPARES} ({work}); runs before the look-up, once per row of that table"
    return f"one function does {work}; runs once per row"


def _work(pipeline: Pipeline) -> str:
    """The kinds of work in a pipeline, in words; one with a kernel has at least one."""
    probes, sink = pipeline.probes, pipeline.sink
    computed = (*(key for probe in probes for key in probe.keys), *sink.rows())
    kinds = ["filter"] if len(probes) < len(pipeline.steps) else []
    kinds += ["expressions"] if any(not isinstance(r, Ref) for r in computed) else []
    kinds += ["look-up"] if probes else []
    if isinstance(sink, Group):
        kinds.append("grouping" if sink.keys else "reduction")
    return " and ".join([", ".join(kinds[:-1]), kinds[-1]] if len(kinds) > 1 else kinds)


def _only_builds(graph: Graph, key: str) -> bool:
    """Whether all that reads a task's result builds look-up tables from it, be it after an exchange."""
    readers = [(task, ref) for task, inputs, ref in graph.order if any(getattr(i, "key", None) == key for i in flatten(inputs))]
    return bool(readers) and all(
        isinstance(task, tasks.BuildTask) or (isinstance(task, _MOVES) and _only_builds(graph, ref.key)) for task, ref in readers
    )


def _needs_kernel(pipeline: Pipeline) -> bool:
    return bool(pipeline.steps) or not pipeline.sink.copies


def kernel_of(task: tasks.PipelineTask, inputs: Any) -> str:
    """The module that a pipeline gets for the assumed shape: what its first split can tell, else no nulls; join tables
    hashed with unique keys; groups found by hash."""
    plan = task.strings
    pipeline = plan.pipeline
    shape, assumed = assumed_shape(task, inputs)
    texts = _texts(plan, len(task.pipeline.inputs))
    modules = _text_modules(plan, task.options.target)
    if not _needs_kernel(pipeline):
        return "\n".join(["# no kernel: columns, or the codes of strings, are passed on as they are", *texts, *modules])
    shape = replace(shape, nullable=(False,) * len(pipeline.inputs))
    generated = TARGETS[task.options.target].generate(pipeline, shape)
    lines = [f"# assumed: {a}" for a in assumed]
    used = sorted(k for k in _read(pipeline) if isinstance(k, int) and k < len(task.columns))
    lines += [f"# c{k}: {task.columns[k]!a} {pipeline.inputs[k]}" for k in used]
    lines += [f"# a{k}: {c.value!r}" for k, c in enumerate(generated.literals)]
    lines += texts
    return "\n".join([*lines, generated.text, *modules])


def _texts(plan: StringPlan, inputs: int) -> list[str]:
    """What is evaluated before the kernel runs: text functions, by entry of a dictionary or by row, and where."""
    lines = []
    for k, (call, is_error) in enumerate(plan.by_row, inputs):
        what = "which rows do not fit" if is_error else "evaluated for each row before, " + _where(call)
        lines.append(f"# c{k}: {row_text(call)}, {what}")
    for k, made in enumerate(plan.prepared):
        if isinstance(made, EntryFunction):
            table = "another dictionary for the same codes" if made.values is None else f"l{made.values}"
            lines.append(f"# {table}: {row_text(made.call)}, once for each entry of {_origin(made.origin)}, {_where(made.call)}")
        elif isinstance(made, EnumCategories):
            lines.append(f"# dictionary {k}: the categories of an enum, {', '.join(map(repr, made.categories[:6]))}")
        elif isinstance(made, LiteralOrder):
            lines.append(
                f"# l{made.lookup}: {_origin(made.origin)} beside {', '.join(map(repr, made.literals))}, once for each entry"
            )
        elif made.origins:
            names = ", ".join(f"l{made.first_lookup + n}: {_origin(o)}" for n, o in enumerate(made.origins))
            lines.append(f"# dictionary {k}, in order: {names}")
    return lines


def _text_modules(plan: StringPlan, target: str) -> list[str]:
    """The modules of the text functions that kernels evaluate, with what each is for."""
    calls = dict.fromkeys([c for c, _ in plan.by_row] + [m.call for m in plan.prepared if isinstance(m, EntryFunction)])
    found = []
    for call in calls:
        if call.overload.text is None:
            continue
        by_row = is_by_row(call)
        kinds = tuple(_argument(a, by_row) for a in call.args)
        making = call.overload.text in ("view", "write")
        out = "int64" if making else call.dtype.register.rstrip("_")
        counts = "; a first run counts bytes, a second one writes them" if making else ""
        text = text_module(call.overload, kinds, call.constants, out, target, False).text
        found.append(f"\n# {row_text(call)}{counts}\n{text}")
    return found


def _argument(row: Row, by_row: bool) -> Operand:
    number = None if row.dtype == STRING else row.dtype
    return Operand(ONE if isinstance(row, Const) else ROWS if by_row else ENTRIES, number)


def _origin(origin: int) -> str:
    return f"c{origin}" if origin >= 0 else f"dictionary {-1 - origin}"


def _where(call: Call) -> str:
    overload = call.overload
    if overload.host is None:
        return "by a kernel"
    return "by Arrow on the host" if overload.text is None else "by a kernel, or by Arrow on the host beyond ASCII"


def assumed_shape(task: tasks.PipelineTask, inputs: Any) -> tuple[Shape, list[str]]:
    """The shape that explain shows, and its assumptions in words."""
    pipeline = task.pipeline
    probes = pipeline.probes
    tables = []
    assumed = ["columns without nulls"]
    for probe in probes:
        highest = max((p for _, p, _ in probe.payload), default=-1)
        tables.append(TableShape("hash", len(probe.keys), True, (False,) * (highest + 1)))
        assumed.append(f"table {probe.table} has unique keys (found out when it is built)")
    group = None
    if isinstance(task, tasks.GroupTask):
        words = len(task.sink.keys)
        group = GroupShape("hash", words) if words else GroupShape("reduce")
        if words:
            assumed.append("keys are hashed (small ranges index a table directly)")
    return Shape((False,) * len(pipeline.inputs), tuple(tables), group), assumed


def _read(pipeline: Pipeline) -> set[Any]:
    return {key for row in pipeline.rows() for key in refs(row)}
