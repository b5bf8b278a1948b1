"""Tasks as a Dask graph. The keys are content addresses: equal work has an equal key, on any day and machine."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from dask._task_spec import List, TaskRef
from dask._task_spec import Task as DaskTask
from gpuflow_kernels import cancelling
from gpuflow_kernels.codegen import modules
from gpuflow_kernels.errors import ExecutionError

from gpuflow.io.datasets.partition_rows import OF_BLOCKS, target_rows
from gpuflow.physical.runner import Ref, RemotePartition, TaskStats
from gpuflow.physical.tasks import PipelineTask, Task
from gpuflow.plan.source import Split
from gpuflow.plan.tokens import content_of, digest_of

from . import stage
from .worker import given_up, limit_memory, running_worker


def run(task: Task, inputs: Any) -> Any:
    """Run one task, with the kernel cache that its query was planned with; on a worker as long as the scheduler wants it."""
    worker = running_worker()
    with modules.using(task.options.cache_folder, task.options.cache_kernels):
        if worker is None:
            cancelling.check()
            return stage.run(task, inputs)
        limit_memory(worker)
        with cancelling.asking(given_up(worker)):
            cancelling.check()
            return stage.run(task, inputs)


class Graph:
    """Tasks so far. A runner without execution: `facts` answers None, so lowering goes by estimates."""

    runs = False

    def __init__(self, threads: int, local: bool, workers: int = 1, room: int | None = None) -> None:
        self.threads, self.local, self.workers, self.room = threads, local, workers, room
        self.tasks: dict[str, DaskTask] = {}
        self.order: list[tuple[Task, Any, Ref]] = []
        self.notes: list[tuple[str, str, str]] = []
        self.held: list[Split] = []
        self.persisted: list[Any] = []
        self._tokens: dict[int, str] = {}
        self._contents: dict[int, tuple[Task, bytes]] = {}

    def identify(self, split: Split, token: str) -> None:
        self._tokens[id(split)] = token
        self.held.append(split)  # an id means its object only while that lives

    def note(self, subject: str, decision: str, reason: str) -> None:
        if (subject, decision, reason) not in self.notes:
            self.notes.append((subject, decision, reason))

    def partition_rows(self, rows: int | None, most: int | None = None) -> int | None:
        """Rows of a partition that keeps every thread busy, at `most` so many; None where a source decides."""
        if rows is None or (self.local and most is None):
            return None
        if most is None:
            return target_rows(rows, threads=self.threads)
        return min(most, target_rows(rows, threads=self.threads, per_thread=OF_BLOCKS))

    def add(self, task: Task, inputs: Any) -> Ref:
        digest = hashlib.blake2b(digest_size=16)
        digest.update(self._content(task))
        self._digest(inputs, digest)
        key = f"{task.name}-{digest.hexdigest()}"
        if key not in self.tasks:
            columns = task.columns if isinstance(task, PipelineTask) else None
            self.tasks[key] = dask_task(key, run, task, self._spec(inputs, columns))
            self.order.append((task, inputs, Ref(key)))
        return Ref(key)

    def facts(self, refs: list[Ref]) -> list[TaskStats] | None:
        return None

    def _content(self, task: Task) -> bytes:
        """A hash of a task; the same node serves many partitions."""
        if id(task) not in self._contents:
            self._contents[id(task)] = task, digest_of(content_of(task)).encode()
        return self._contents[id(task)][1]

    def token_of(self, split: Split) -> str:
        """What a split's content is known by; a random one when nobody said."""
        if id(split) not in self._tokens:
            self.identify(split, f"split {uuid.uuid4().hex}")
        return self._tokens[id(split)]

    def named(self, ref: Ref) -> TaskRef:
        """How a Dask task refers to another one."""
        return TaskRef(ref.key)

    def _digest(self, inputs: Any, digest: Any) -> None:
        if isinstance(inputs, (tuple, list)):
            digest.update(b"(")
            for part in inputs:
                self._digest(part, digest)
            digest.update(b")")
        elif isinstance(inputs, Split) and not isinstance(inputs, RemotePartition):
            digest.update(self.token_of(inputs).encode())
        else:
            digest.update(inputs.key.encode() if isinstance(inputs, (Ref, RemotePartition)) else repr(inputs).encode())
        digest.update(b",")

    def _spec(self, inputs: Any, columns: tuple[str, ...] | None) -> Any:
        if isinstance(inputs, (tuple, list)):
            return List(*(self._spec(part, columns) for part in inputs))
        if isinstance(inputs, Ref):
            return self.named(inputs)
        if isinstance(inputs, RemotePartition):
            return self.reference(inputs)
        return inputs.narrow(columns) if isinstance(inputs, Split) and columns is not None else inputs

    def reference(self, split: RemotePartition) -> Any:
        """How a task names a partition that a cluster holds: by its future, which keeps it there."""
        if self.local:
            raise ExecutionError("these rows were persisted on a cluster that has no active client; make one, or persist again")
        self.persisted.append(split.future)
        return split.future

    def needed(self, keys: list[str], known: Any) -> dict[str, Any]:
        """The tasks that `keys` depend on, those in `known` left out."""
        found: dict[str, Any] = {}
        stack = [k for k in keys if k not in known]
        while stack:
            key = stack.pop()
            if key in found or key in known or key not in self.tasks:
                continue
            found[key] = self.tasks[key]
            stack += [d for d in self.tasks[key].dependencies if d not in found]
        return found


def dask_task(key: str, function: Any, *inputs: Any) -> DaskTask:
    """A Dask task whose token is its key, a content address: else Dask would hash all that the task holds."""
    task = DaskTask(key, function, *inputs)
    task._token = key
    return task


def facts_of(result: Any) -> TaskStats:
    """What a finished result shows."""
    if isinstance(result, list):
        return TaskStats(sum(c.length for c in result), sum(c.nbytes for c in result))
    distinct = getattr(result, "distinct", None)
    rows = result.rows if distinct is not None else result.length
    return TaskStats(int(rows), int(result.nbytes), distinct)
