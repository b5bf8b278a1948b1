"""What a plan will run, in words and as generated code."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from gpuflow_kernels.codegen.pipeline import GroupShape, Pipeline, Probe, Shape, TableShape, Write
from gpuflow_kernels.rowtree import Agg, Call, Const, Lookup, Member, Ref, Row, refs
from gpuflow_kernels.target import TARGETS

from gpuflow.physical import tasks

from .graph import Graph
from .strings import plan_strings


def physical_text(graph: Graph) -> str:
    """One line per kind of task in order, with how many there are; then the choices made."""
    lines = []
    for number, (task, group) in enumerate(groupby(graph.order, key=lambda entry: entry[0]), 1):
        count = len(list(group))
        lines.append(f"{number:>2}. {describe(task)}  [{count} task{'s' if count != 1 else ''}]")
    lines += ["", *(f"{subject}: {decision} ({reason})" for subject, decision, reason in graph.notes)]
    return "\n".join(lines)


def describe(task: tasks.Task) -> str:
    """A task in one line."""
    if isinstance(task, tasks.PipelineTask):
        sink = task.pipeline.sink
        steps = [_step(s) for s in task.pipeline.steps]
        end = f"write {len(sink.columns)} columns" if isinstance(sink, Write) else _group(task)
        return f"{task.name.upper()} " + " → ".join(
            [f"read {', '.join(map(name_text, task.columns)) or 'rows only'}", *steps, end]
        )
    fields = {k: v for k, v in vars(task).items() if k not in ("options", "pipeline")}
    return f"{task.name.upper()} " + ", ".join(f"{k}={v}" for k, v in fields.items())


def name_text(name: str) -> str:
    """A column's name on one line: characters that would break or turn it are escaped."""
    return name if name.isprintable() else ascii(name)


def _step(step: Any) -> str:
    if isinstance(step, Probe):
        return f"look up table {step.table} ({step.how}) by {', '.join(row_text(k) for k in step.keys)}"
    return f"filter {row_text(step.predicate)}"


def _group(task: Any) -> str:
    sink = task.pipeline.sink
    aggs = ", ".join(f"{a.aggregation.name}({', '.join(row_text(x) for x in a.args)})" for a in sink.aggs)
    keys = ", ".join(row_text(k) for k in sink.keys)
    return f"group by {keys}: {aggs}" if keys else f"reduce {aggs}"


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
    """The module of every distinct pipeline, on the target of the plan, with what was assumed about its inputs."""
    parts = []
    seen = set()
    for task, inputs, _ in graph.order:
        if not isinstance(task, tasks.PipelineTask) or task in seen:
            continue
        seen.add(task)
        if not _needs_kernel(task.pipeline):
            continue
        parts.append(f"# {describe(task)}\n{kernel_of(task, inputs)}")
    return "\n\n".join(parts) if parts else "# nothing to compute: columns are passed on as they are"


def _needs_kernel(pipeline: Pipeline) -> bool:
    copies = isinstance(pipeline.sink, Write) and all(isinstance(c, Ref) for c in pipeline.sink.columns)
    return bool(pipeline.steps) or not copies


def kernel_of(task: tasks.PipelineTask, inputs: Any) -> str:
    """The module that a pipeline gets for the assumed shape: what its first split can tell, else no nulls; join tables
    hashed with unique keys; groups found by hash."""
    pipeline = plan_strings(task.pipeline).pipeline
    shape, assumed = assumed_shape(task, inputs)
    generated = TARGETS[task.options.target].generate(pipeline, shape)
    lines = [f"# assumed: {a}" for a in assumed]
    used = sorted(k for k in _read(pipeline) if isinstance(k, int) and k < len(task.columns))
    lines += [f"# c{k}: {task.columns[k]!a} {pipeline.inputs[k]}" for k in used]
    lines += [f"# a{k}: {c.value!r}" for k, c in enumerate(generated.literals)]
    return "\n".join([*lines, generated.text])


def assumed_shape(task: tasks.PipelineTask, inputs: Any) -> tuple[Shape, list[str]]:
    """The shape that explain shows, and its assumptions in words."""
    pipeline = task.pipeline
    probes = tasks.probes(pipeline)
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
    found: set[Any] = set()
    for step in pipeline.steps:
        for row in step.keys if isinstance(step, Probe) else (step.predicate,):
            found |= refs(row)
    sink = pipeline.sink
    rows: tuple[Any, ...] = sink.columns if hasattr(sink, "columns") else (*sink.keys, *(a for g in sink.aggs for a in g.args))
    for row in rows:
        found |= refs(row)
    return found
