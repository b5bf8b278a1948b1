"""Logical plan to tasks. One recursive pass; each node extends the pipeline in progress or ends it.

The same code serves the staged run, where a runner tells what finished stages showed, and the static graph, where it
tells nothing and estimates decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from gpuflow_kernels.dtypes import DType
from gpuflow_kernels.ir.expressions import Row
from gpuflow_kernels.ir.pipeline import Pipeline, Write

from gpuflow.errors import PlanError
from gpuflow.plan import nodes as plans
from gpuflow.plan.plan import Plan
from gpuflow.plan.tokens import content_of, digest_of
from gpuflow.schema import Schema

from .profile import LANES, Profile, row_bytes
from .runner import Ref, RemotePartition, Runner
from .sizes import batch_bytes, width
from .stream import Stream, over_parts
from .strings import split_by_row
from .tasks import DictionariesTask, ExtractTask, GatherTask, Options, SelectTask, SliceTask, SplitTask, WriteTask

ROW_BYTES = 8
"""Assumed bytes of a value, where sizes are estimated."""


@dataclass
class Lowering:
    """One lowering in progress: where tasks go, and the settings that decide."""

    runner: Runner
    options: Options
    partition_rows: int | None = None
    profile: Profile = field(default_factory=Profile)
    memo: dict[int, tuple[Plan, Stream]] = field(default_factory=dict)

    def lower(self, plan: Plan) -> Stream:
        """The stream of a plan; a plan node that occurs twice is lowered once and shared.

        Raises
        ------
        PlanError
            When the stream has other columns than the plan: a fault of gpuflow, which would give wrong rows.
        """
        if id(plan) not in self.memo:
            stream = RULES[type(plan)](self, plan)
            if stream.output != tuple(plan.schema.items()):
                raise PlanError(
                    f"{plan.describe()!r} was lowered to {Schema(stream.output)}, not {plan.schema}; please report it"
                )
            self.memo[id(plan)] = plan, stream
        return self.memo[id(plan)][1]

    def rows_each(self, scan: plans.Scan) -> int | None:
        """Rows of a partition of a scan: what is set, what suits the tasks of the runner, or None where the source decides."""
        rows, source, runner = scan.source.rows(), scan.source, self.runner
        types = [source.schema[name] for name in scan.columns]
        if self.partition_rows or rows is None:
            return self.partition_rows or None
        if not self.profile.on_device:
            each = runner.partition_rows(rows)
            return None if each is None else max(1, min(each, batch_bytes(runner) // width(types)))
        if source.decoded:
            return self.profile.partition_rows(rows, row_bytes(types), runner.workers)
        at_once = max(LANES, runner.threads // runner.workers)
        return runner.partition_rows(rows, self.profile.partition_rows(rows, row_bytes(types), runner.workers, at_once))

    # -- ending pipelines ---------------------------------------------------------------------------------------------
    def write(self, stream: Stream, rows: tuple[Row, ...]) -> tuple[Any, ...]:
        """One chunk per partition holding `rows` (over keys)."""
        pipeline = Pipeline(stream.inputs, stream.steps, Write(rows))
        names = tuple(n for n, _ in stream.reads)
        task = WriteTask(self.options, names, pipeline)
        return tuple(self.runner.add(task, inputs) for inputs in stream.part_inputs())

    def materialise(self, stream: Stream) -> Stream:
        """The same rows as finished partitions. What holds them already stays, under the names of the output."""
        done = stream.is_plain and all(_is_task(p) for p in stream.parts)
        parts = stream.parts if done else self.write(stream, tuple(stream.columns.values()))
        return over_parts(parts, stream.output, stream.rows)

    def under(self, plan: Plan, rows: Iterable[Any]) -> tuple[Stream, tuple[Any, ...]]:
        """The stream of `plan`, and `rows` over its columns as rows over its keys."""
        return self.ready(self.lower(plan), tuple(rows))

    def ready(self, stream: Stream, rows: tuple[Any, ...]) -> tuple[Stream, tuple[Any, ...]]:
        """A stream with the same columns in which `rows` can be computed, and the rows over its keys.

        Where they cannot in this one it ends, and its results are read by another one: string functions evaluated by row read
        columns of partitions, and expressions must not get too large for one kernel.
        """
        split = split_by_row(rows, stream.columns, len(stream.reads))
        if split is None:
            if stream.holds(rows):
                return stream, tuple(map(stream.resolve, rows))
            self._two_steps("one on top of the other they are too large for one kernel")
            done = self.materialise(stream)
            return done, tuple(map(done.resolve, rows))
        self._two_steps("a text function is evaluated for whole columns, which have to be there")
        earlier, computed = self.ready(stream, tuple(row for _, row in split.earlier))
        names = (name for name, _ in split.earlier)
        done = self.materialise(replace(earlier, columns=earlier.columns | dict(zip(names, computed, strict=True))))
        visible = {name: done.columns[name] for name in stream.columns}
        return replace(done, columns=visible), tuple(map(done.resolve, split.rows))

    def _two_steps(self, reason: str) -> None:
        self.runner.note("expressions", "computed in two steps", reason)

    def rows_of(self, refs: tuple[Any, ...], estimate: int | None) -> int | None:
        """Rows of finished partitions, or the estimate where nothing runs yet."""
        facts = self.runner.facts([r for r in refs if _is_task(r)])
        return estimate if facts is None else sum(f.rows for f in facts)

    def gather(self, pieces: tuple[Any, ...], parts: int, types: tuple[DType, ...]) -> tuple[Any, ...]:
        """From split chunks, with columns of these types, to partitions: the pieces with the same number, put together.

        Between processes each piece travels by itself. Dictionaries that many pieces need travel by themselves too, once to
        each process.
        """
        if self.runner.local:
            return tuple(self.runner.add(GatherTask(self.options, p), pieces) for p in range(parts))
        dictionaries = DictionariesTask(self.options)
        coded = any(t.is_coded for t in types)
        shared = tuple(self.runner.add(dictionaries, split) for split in pieces) if coded else ()
        picked = []
        for p in range(parts):
            items = tuple(self.runner.add(ExtractTask(self.options, p), split) for split in pieces)
            picked.append(self.runner.add(GatherTask(self.options, p, coded), (items, shared) if coded else items))
        return tuple(picked)

    def exchange(self, chunks: tuple[Any, ...], keys: int, parts: int, types: tuple[DType, ...]) -> tuple[Any, ...]:
        """Chunks with columns of these types to `parts` partitions by the hash of their first `keys` columns."""
        split = SplitTask(self.options, keys, parts)
        return self.gather(tuple(self.runner.add(split, chunk) for chunk in chunks), parts, types)


def _is_task(part: Any) -> bool:
    return isinstance(part, Ref)


def lower_scan(low: Lowering, plan: plans.Scan) -> Stream:
    rows_each = low.rows_each(plan)
    splits = tuple(plan.source.splits(plan.predicate, rows_each))
    source = tuple((name, plan.source.schema[name]) for name in plan.columns)
    known = [s.rows for s in splits]
    rows = None if any(r is None for r in known) else sum(r for r in known if r is not None)
    total = plan.source.splits(None, rows_each) if plan.predicate is not None else splits
    if len(total) > len(splits):
        read = f"{len(splits)} of {len(total)} partitions"
        low.runner.note(f"scan {plan.source.label}", read, "statistics rule out the others")
    chosen = f"{plan.source.token} {digest_of(content_of(plan.predicate))} {rows_each}"
    parts: list[Any] = []
    for k, split in enumerate(splits):
        if isinstance(split, RemotePartition):
            parts.append(low.runner.add(SelectTask(low.options, split.positions(plan.columns)), split))
        else:
            low.runner.identify(split, f"{chosen} {k}")
            parts.append(split)
    return over_parts(tuple(parts), source, rows)


def lower_filter(low: Lowering, plan: plans.Filter) -> Stream:
    stream, (predicate,) = low.under(plan.input, [plan.predicate])
    return stream.filter(predicate)


def lower_project(low: Lowering, plan: plans.Project) -> Stream:
    stream, rows = low.under(plan.input, (r for _, r in plan.columns))
    return replace(stream, columns=dict(zip((name for name, _ in plan.columns), rows, strict=True)))


def lower_limit(low: Lowering, plan: plans.Limit) -> Stream:
    """Takes partitions in order until there are enough rows; statically, the head of each."""
    stream = low.materialise(low.lower(plan.input))
    if plan.count is None:
        return _from_offset(low, stream, plan.offset)
    need = plan.offset + plan.count
    head = SliceTask(low.options, 0, need)
    taken: list[Any] = []
    rows, step = 0, 1
    parts = list(stream.parts)
    while parts and (rows < need or not taken):
        batch, parts, step = parts[:step], parts[step:], step * 4
        refs = [low.runner.add(head, (part,)) for part in batch]
        facts = low.runner.facts(refs)
        taken += refs
        if facts is None:
            taken += [low.runner.add(head, (part,)) for part in parts]
            break
        rows += sum(f.rows for f in facts)
    result = low.runner.add(SliceTask(low.options, plan.offset, plan.count), tuple(taken))
    estimate = plan.count if stream.rows is None else min(plan.count, stream.rows)
    return over_parts((result,), stream.output, estimate)


def _from_offset(low: Lowering, stream: Stream, offset: int) -> Stream:
    """All rows from an offset on. The partitions behind the one that it lies in are as they were, where it is known which."""
    seen: list[Any] = []
    rows, step = 0, 1
    parts = list(stream.parts)
    while parts and rows <= offset:
        batch, parts, step = parts[:step], parts[step:], step * 4
        facts = low.runner.facts(batch)
        seen += batch
        if facts is None:
            seen, parts = seen + parts, []
            break
        rows += sum(f.rows for f in facts)
    result = low.runner.add(SliceTask(low.options, offset, None), tuple(seen))
    estimate = None if stream.rows is None else max(0, stream.rows - offset)
    return over_parts((result, *parts), stream.output, estimate)


def lower_union(low: Lowering, plan: plans.Union) -> Stream:
    streams = [low.materialise(low.lower(p)) for p in plan.parts]
    parts = tuple(part for s in streams for part in s.parts)
    known = [s.rows for s in streams]
    rows = None if any(r is None for r in known) else sum(r for r in known if r is not None)
    return over_parts(parts, streams[0].output, rows)


RULES: dict[type, Callable[[Lowering, Any], Stream]] = {}
"""The lowering of each plan node; `gpuflow.physical.rules` fills it in."""
