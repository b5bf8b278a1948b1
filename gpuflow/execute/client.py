"""Running tasks on the workers of a `distributed.Client`."""

from __future__ import annotations

import sys
import uuid
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gpuflow_kernels.column import Chunk
from gpuflow_kernels.errors import ExecutionError, GpuflowError

from gpuflow.io.dictionaries import trimmed
from gpuflow.io.memory import ChunkSplit, MemorySplit
from gpuflow.physical.runner import Facts, Finished, Ref
from gpuflow.physical.tasks import PipelineTask, Task
from gpuflow.plan.source import Split

from . import serialize
from .choice import cuda_problem
from .graph import Graph, dask_task, facts_of

EMBEDDED = 1 << 20
"""Bytes of this process's tables that may travel inside a graph; more is sent to the workers ahead of it."""


class LostData(ExecutionError):
    """A worker died with rows that only this process can give again: the query has to be run once more."""


class Cluster(Graph):
    """Runs on a `distributed.Client`. Results that lowering asked about stay on the workers, held by their futures.

    Rows of tables in this process become tasks' inputs by keys of their own: few travel with the graph, many are sent
    to workers first. Such keys are never used twice, for a key that was released may still be on its way out.
    """

    runs = True

    def __init__(self, client: Any) -> None:
        serialize.register()
        if client.asynchronous:
            raise ExecutionError("the active client is asynchronous: use `await client.compute(frame)` in place of collect()")
        with told():
            workers = client.scheduler_info(n_workers=-1)["workers"].values()
        super().__init__(sum(w["nthreads"] for w in workers) or 1, local=False)
        self.client = client
        self.futures: dict[str, Any] = {}
        self.scattered = False
        self._memory: dict[str, tuple[Split, tuple[str, ...]]] = {}
        self._keys: dict[tuple[str, tuple[str, ...]], str] = {}

    def add(self, task: Task, inputs: Any) -> Ref:
        return super().add(task, self._keyed(inputs, task.columns) if isinstance(task, PipelineTask) else inputs)

    def _keyed(self, inputs: Any, columns: tuple[str, ...]) -> Any:
        """`inputs` with the splits that lie in this process's memory replaced by references."""
        if isinstance(inputs, (tuple, list)):
            return type(inputs)(self._keyed(part, columns) for part in inputs)
        if not isinstance(inputs, (MemorySplit, ChunkSplit)):
            return inputs
        content = self.token_of(inputs), columns
        if content not in self._keys:
            self._keys[content] = f"memory-{uuid.uuid4().hex}"
            self._memory[self._keys[content]] = inputs, columns
        return Ref(self._keys[content])

    def reference(self, split: Finished) -> Any:
        if split.future.client.scheduler.address != self.client.scheduler.address:
            raise ExecutionError("these rows were persisted on another cluster than that of the active client")
        return super().reference(split)

    def submit(self, refs: list[Ref], ask: bool = False) -> tuple[list[Any], list[Any]]:
        """Futures of these tasks, and if `ask` of the facts about them."""
        missing = [r.key for r in refs if r.key not in self.futures]
        asked = [f"facts-{r.key}" for r in refs] if ask else []
        wanted = [*missing, *(k for k in asked if k not in self.futures)]
        if wanted:
            graph = self.needed(missing, self.futures)
            graph |= {f"facts-{r.key}": dask_task(f"facts-{r.key}", facts_of, self.named(r)) for r in refs if ask}
            graph |= self._brought({d for task in graph.values() for d in task.dependencies} & self._memory.keys())
            with told():
                self.futures |= dict(zip(wanted, self.client.get(graph, wanted, sync=False), strict=True))
        return [self.futures[r.key] for r in refs], [self.futures[k] for k in asked]

    def _brought(self, keys: set[str]) -> dict[str, Any]:
        """Sends rows of this process to the workers, or returns tasks that carry them."""
        chunks = {key: self._rows(key) for key in keys if key not in self.futures}
        if sum(serialize.size_of(c) for c in chunks.values()) <= EMBEDDED:
            return {key: dask_task(key, _carried, chunk) for key, chunk in chunks.items()}
        with told():
            self.futures |= self.client.scatter(chunks)
        self.scattered = True
        return {}

    def _rows(self, key: str) -> Chunk:
        split, columns = self._memory[key]
        chunk = split.read(columns)
        return Chunk(tuple(trimmed(c) for c in chunk.columns), chunk.length)

    def gather(self, futures: list[Any]) -> list[Any]:
        """Results, brought here; what failed on a worker is raised as it was there."""
        try:
            with told(), _stepping_aside():
                return list(self.client.gather(futures))
        except _Cancelled as e:
            if self.scattered and self.client.status == "running":
                raise LostData("a worker was lost with rows of a table in this process, more than once") from e
            hint = "; rows persisted from a process's memory went with their worker: persist them again" if self.persisted else ""
            raise ExecutionError(f"the cluster gave the query up: {e}{hint}") from e

    def compute(self, refs: list[Ref]) -> list[Any]:
        """Results of these tasks, brought here."""
        return self.gather(self.submit(refs)[0])

    def facts(self, refs: list[Ref]) -> list[Facts] | None:
        return self.gather(self.submit(refs, ask=True)[1])

    def release(self) -> None:
        """Let go of all results, at once: an error that someone keeps would keep them, and be given again."""
        for future in self.futures.values():
            future.release()
        self.futures.clear()


def _carried(chunk: Chunk) -> Chunk:
    """A task that is its own result."""
    return chunk


class _Cancelled(ExecutionError):
    """The cluster no longer knows of a task."""


@contextmanager
def told() -> Iterator[None]:
    """What goes wrong in the cluster itself, as our errors; errors of tasks pass as they are."""
    from concurrent.futures import CancelledError

    from distributed import KilledWorker
    from distributed.comm.core import CommClosedError

    try:
        yield
    except GpuflowError:
        raise
    except KilledWorker as e:
        raise ExecutionError(
            f"{e.allowed_failures + 1} workers died while they ran task {e.task}, most likely for want of memory: give "
            "workers more, or set gpuflow.partition-rows lower"
        ) from e
    except CancelledError as e:
        raise _Cancelled(str(e)) from e
    except (CommClosedError, TimeoutError) as e:
        raise ExecutionError(f"the cluster cannot be reached: {e}") from e


@contextmanager
def _stepping_aside() -> Iterator[None]:
    """Inside a task of a worker: leave its thread to the tasks that are waited for."""
    from distributed import rejoin, secede
    from distributed.worker import thread_state

    if not getattr(thread_state, "key", None):
        yield
        return
    secede()
    try:
        yield
    finally:
        rejoin()


def active_client() -> Any:
    """The `distributed.Client` in use, or None. Never imports distributed: without it there is no client."""
    if "distributed" not in sys.modules:
        return None
    from distributed import get_client

    serialize.register()
    try:
        return get_client()
    except ValueError:
        return None


_problems: weakref.WeakKeyDictionary[Any, list[str | None]] = weakref.WeakKeyDictionary()


def cuda_problem_of(client: Any, wait: bool = True) -> str | None:
    """Why a cluster cannot use CUDA, or None where it can. One worker speaks for all; asked once for a client.

    Without `wait` this machine speaks for a cluster that has no workers yet.
    """
    if client not in _problems:
        if client.asynchronous or not (wait or client.nthreads()):
            return cuda_problem()
        with told(), _stepping_aside():
            _problems[client] = [client.submit(cuda_problem, pure=False, priority=1000).result()]
    return _problems[client][0]
