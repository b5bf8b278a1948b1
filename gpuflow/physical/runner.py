"""What lowering needs of whoever runs tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from gpuflow_kernels.column import Chunk

from gpuflow.plan.source import Split
from gpuflow.schema import Schema

from .tasks import Input, Task


@dataclass(frozen=True)
class Ref:
    """The result of a task that was added to a runner."""

    key: str


class RemotePartition(Split):
    """A partition that is held by a cluster: the result of task `key`, kept there by `future`. Without `facts`, when it
    may not be computed yet, its size is unknown."""

    def __init__(self, key: str, future: Any, schema: Schema, facts: TaskStats | None = None) -> None:
        self.key, self.future, self.schema = key, future, schema
        self.rows, self.nbytes = (None, None) if facts is None else (facts.rows, facts.nbytes)

    def positions(self, columns: tuple[str, ...]) -> tuple[int, ...]:
        """Where these columns stand in the chunk."""
        return tuple(self.schema.position(c) for c in columns)

    def read(self, columns: tuple[str, ...]) -> Chunk:
        chunk: Chunk = self.future.result()
        return chunk.select(self.positions(columns))


@dataclass(frozen=True)
class TaskStats:
    """What a finished task's result showed: rows (distinct keys for a join table: `distinct`) and bytes."""

    rows: int
    nbytes: int
    distinct: int | None = None


class Runner(Protocol):
    """Takes tasks in the order of their dependencies.

    `threads` is the number of tasks that can run at once; `workers` that of processes, each with a device of its own where
    kernels run on devices; `local` whether all run in this process; `room` the bytes that a task may work with, where that is
    known.
    """

    threads: int
    workers: int
    local: bool
    room: int | None

    def add(self, task: Task, inputs: Input) -> Ref:
        """Add one task; nothing needs to run yet."""

    def facts(self, refs: list[Ref]) -> list[TaskStats] | None:
        """Run these and say what they showed, or None where the plan is to be lowered without running anything."""

    def identify(self, split: Split, token: str) -> None:
        """Say what a split's content is known by: equal tokens, equal rows."""

    def partition_rows(self, rows: int | None, most: int | None = None) -> int | None:
        """Rows that a partition of so many in all should have, where the source cannot know it (it knows no workers); `most`
        that a device holds."""

    def note(self, subject: str, decision: str, reason: str) -> None:
        """A choice that was made, for explain."""


def flatten(inputs: Any) -> list[Any]:
    """All leaves of nested tuples and lists, in order."""
    if isinstance(inputs, (tuple, list)):
        return [leaf for part in inputs for leaf in flatten(part)]
    return [inputs]
