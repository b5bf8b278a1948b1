"""From a logical plan to operators, and from operators to tasks. Each operator's part stands in `gpuflow.physical.lower`.

The same code serves the staged run, where decisions wait for what finished stages show, and the static graph, where nothing
runs and estimates decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from gpuflow_kernels.ir.expressions import Row
from gpuflow_kernels.ir.pipeline import Pipeline, Write

from gpuflow.errors import PlanError
from gpuflow.plan.plan import Plan
from gpuflow.schema import Schema

from .nodes import Gather, Operator, Stage
from .profile import Profile
from .runner import Ref, Runner
from .stream import Stream, over_parts
from .strings import split_by_row
from .tasks import Options, WriteTask

Function = TypeVar("Function", bound=Callable[..., Any])
LOWER: dict[type, Callable[[Planner, Any], Operator]] = {}
"""The operators of each kind of logical node."""
EMIT: dict[type, Callable[[Planner, Any], Any]] = {}
"""The tasks of each kind of operator: a `Stream`, or for tables their references."""


def lowers(kind: type) -> Callable[[Function], Function]:
    """Register the function that makes operators of a kind of logical node."""

    def register(function: Function) -> Function:
        LOWER[kind] = function
        return function

    return register


def emits(kind: type) -> Callable[[Function], Function]:
    """Register the function that makes tasks of a kind of operator."""

    def register(function: Function) -> Function:
        EMIT[kind] = function
        return function

    return register


@dataclass
class Planner:
    """Plans one query: where its tasks go, and the settings that decide.

    Nodes and operators that occur twice are lowered, and their tasks made, once.
    """

    runner: Runner
    options: Options
    partition_rows: int | None
    profile: Profile
    _lowered: dict[int, tuple[Plan, Operator]] = field(default_factory=dict)
    _emitted: dict[int, tuple[Operator, Any]] = field(default_factory=dict)
    placed: dict[int, tuple[Operator, Operator]] = field(default_factory=dict)
    """By operator without exchanges: the one with them (`exchanges`)."""

    def lower(self, plan: Plan) -> Operator:
        """Make the operators of a logical plan, without exchanges.

        Raises
        ------
        PlanError
            When they have other columns than the plan: a fault of gpuflow, which would give wrong rows.
        """
        if id(plan) not in self._lowered:
            operator = LOWER[type(plan)](self, plan)
            if operator.output != tuple(plan.schema.items()):
                raise PlanError(
                    f"{plan.describe()!r} was lowered to {Schema(operator.output)}, not {plan.schema}; please report it"
                )
            self._lowered[id(plan)] = plan, operator
        return self._lowered[id(plan)][1]

    def emit(self, operator: Operator) -> Any:
        """Make the tasks of an operator whose exchanges are there."""
        if id(operator) not in self._emitted:
            self._emitted[id(operator)] = operator, EMIT[type(operator)](self, operator)
        return self._emitted[id(operator)][1]

    def emitted(self, operator: Operator) -> Any:
        """What `emit` made of an operator; None where it was not asked for."""
        return self._emitted.get(id(operator), (None, None))[1]

    # -- what emitting functions share --------------------------------------------------------------------------------
    def under(self, operator: Operator, rows: Iterable[Any]) -> tuple[Stream, tuple[Any, ...]]:
        """Emit `operator` so that `rows` over its columns can be computed on it, and give them as rows over its keys."""
        return self._ready(self.emit(operator), tuple(rows))

    def _ready(self, stream: Stream, rows: tuple[Any, ...]) -> tuple[Stream, tuple[Any, ...]]:
        """A stream with the same columns in which `rows` can be computed, and the rows over its keys.

        Where they cannot in this one it ends, and its results are read by another one: string functions evaluated by row read
        columns of partitions, and expressions must not get too large for one kernel.
        """
        split = split_by_row(rows, stream.columns, len(stream.reads))
        if split is None:
            if stream.holds(rows):
                return stream, stream.resolve(rows)
            self._two_steps("one on top of the other they are too large for one kernel")
            done = self._materialise(stream)
            return done, done.resolve(rows)
        self._two_steps("a text function is evaluated for whole columns, which have to be there")
        earlier, computed = self._ready(stream, tuple(row for _, row in split.earlier))
        names = (name for name, _ in split.earlier)
        done = self._materialise(replace(earlier, columns=earlier.columns | dict(zip(names, computed, strict=True))))
        visible = {name: done.columns[name] for name in stream.columns}
        return replace(done, columns=visible), done.resolve(split.rows)

    def _two_steps(self, reason: str) -> None:
        self.runner.note("expressions", "computed in two steps", reason)

    def finished(self, operator: Operator) -> Stream:
        """Emit `operator` as tasks whose results are chunks of just its columns."""
        return self._materialise(self.emit(operator))

    def _materialise(self, stream: Stream) -> Stream:
        """The same rows as finished partitions. What holds them already stays, under the names of the output."""
        done = stream.is_plain and all(isinstance(p, Ref) for p in stream.parts)
        parts = stream.parts if done else self.write(stream, tuple(stream.columns.values()))
        return stream.over(parts)

    def write(self, stream: Stream, rows: tuple[Row, ...]) -> tuple[Any, ...]:
        """Make a chunk of each partition that holds `rows` (over keys)."""
        pipeline = Pipeline(stream.inputs, stream.steps, Write(rows))
        task = WriteTask(self.options, tuple(n for n, _ in stream.reads), pipeline)
        return tuple(self.runner.add(task, inputs) for inputs in stream.part_inputs())

    def together(self, operator: Operator) -> list[tuple[Any, ...]]:
        """Emit `operator`; give the chunks of each task that reads it: all behind a `Gather`, else one."""
        parts = self.finished(operator).parts
        return [parts] if isinstance(operator, Gather) else [(part,) for part in parts]

    def stage(self, operator: Operator, run: bool = True) -> Stage:
        """Make the tasks of an operator that a decision waits for, and run them where that is possible."""
        parts = self.finished(operator).parts
        facts = self.runner.facts([p for p in parts if isinstance(p, Ref)]) if run else None
        made = Stage(operator, parts, None if facts is None else sum(f.rows for f in facts))
        self._emitted[id(made)] = made, over_parts(parts, made.output, made.rows)
        return made
