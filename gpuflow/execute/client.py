"""Running tasks on the workers of a `distributed.Client`."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from dask._task_spec import List, TaskRef
from gpuflow_kernels.column import Chunk
from gpuflow_kernels.errors import ExecutionError, GpuflowError

from gpuflow.io.in_memory.source import ChunkSplit, MemorySplit
from gpuflow.physical.runner import Ref, RemotePartition, TaskStats
from gpuflow.physical.tasks import PipelineTask, Task

from . import serialize
from .graph import Graph, dask_task, facts_of
from .tables_on_workers import InMemory, Sent, assembled, forget, new_key, note, places_in, rows_of, sent
from .target_selection import cuda_problem, device_identity, device_memory, refuse_shared_devices
from .wait_for_cluster import reachable
from .wait_for_cluster import wait as wait_for

Result = TypeVar("Result")
EMBEDDED = 1 << 20
"""Bytes of this process's tables that may travel inside a graph; more is sent to the workers ahead of it."""


class LostData(ExecutionError):
    """A worker died with rows that only this process can give again: the query has to be run once more."""


class Cluster(Graph):
    """Runs on a `distributed.Client`. Results that lowering asked about stay on the workers, held by their futures.

    Rows of tables in this process become tasks' inputs by keys of their own: few travel with the graph, many are sent
    to workers first, where later queries find them (`gpuflow.execute.tables_on_workers`).
    """

    runs = True

    def __init__(self, client: Any, patience: float) -> None:
        serialize.register()
        if client.asynchronous:
            raise ExecutionError("the active client is asynchronous: use `await client.compute(frame)` in place of collect()")
        self.client, self.patience = client, patience
        try:
            workers = self._wait(client.scheduler.identity(n_workers=-1))["workers"].values()
        except OSError as e:
            raise ExecutionError(f"the cluster cannot be reached: {e}") from e
        super().__init__(sum(w["nthreads"] for w in workers) or 1, local=False, workers=len(workers) or 1, room=_room(workers))
        self.futures: dict[str, Any] = {}
        self.sent: dict[str, Any] = {}
        self._memory: dict[str, tuple[InMemory, tuple[str, ...]]] = {}
        self._keys: dict[tuple[str, tuple[str, ...]], str] = {}

    def _wait(self, work: Any) -> Any:
        """The result of a coroutine of the client."""
        with cluster_errors(), _stepping_aside():
            return wait_for(self.client, work, self.patience)

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
            key = new_key()
            there = next((part for part in sent(self.client, inputs) if part.columns == columns), None)
            if there is not None:
                key = there.future.key
                self.sent[key] = there.future
            self._keys[content] = key
            self._memory[key] = inputs, columns
        return Ref(self._keys[content])

    def reference(self, split: RemotePartition) -> Any:
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
            with cluster_errors():
                self.futures |= dict(zip(wanted, self.client.get(graph, wanted, sync=False), strict=True))
        return [self.futures[r.key] for r in refs], [self.futures[k] for k in asked]

    def _brought(self, keys: set[str]) -> dict[str, Any]:
        """Tasks that give the rows of these keys. What workers do not hold yet travels with the graph where it is little, else
        it is sent to them, once for a client."""
        graph: dict[str, Any] = {}
        chunks: dict[str, Chunk] = {}
        whose: dict[str, tuple[InMemory, tuple[str, ...]]] = {}
        for key in keys - self.sent.keys():
            split, columns = self._memory[key]
            held = sent(self.client, split)
            lacking = tuple(c for c in columns if not any(c in part.columns for part in held))
            place = key if lacking == columns else new_key()
            if lacking or not columns:
                chunks[place], whose[place] = rows_of(split, lacking), (split, lacking)
            if lacking != columns:
                if lacking:
                    held = [*held, Sent(lacking, Ref(place))]
                parts, places = places_in(held, columns)
                self.sent |= {part.future.key: part.future for part in parts if not isinstance(part.future, Ref)}
                graph[key] = dask_task(key, assembled, List(*(TaskRef(part.future.key) for part in parts)), places)
        if sum(serialize.size_of(c) for c in chunks.values()) <= EMBEDDED:
            return graph | {place: dask_task(place, _carried, chunk) for place, chunk in chunks.items()}
        direct = reachable(self.client)
        for place, future in self._wait(self.client.scatter(chunks, direct=direct, asynchronous=True)).items():
            self.sent[place] = future
            note(self.client, *whose[place], future)
        return graph

    def gather(self, futures: list[Any]) -> list[Any]:
        """Results, brought here; what failed on a worker is raised as it was there."""
        try:
            return list(self._wait(self.client.gather(futures, direct=reachable(self.client), asynchronous=True)))
        except _Cancelled as e:
            if self.sent and self.client.status == "running":
                for split, _ in self._memory.values():
                    forget(self.client, split)
                raise LostData("a worker was lost with rows of a table in this process, more than once") from e
            hint = "; rows persisted from a process's memory went with their worker: persist them again" if self.persisted else ""
            raise ExecutionError(f"the cluster gave the query up: {e}{hint}") from e

    def compute(self, refs: list[Ref]) -> list[Any]:
        """Results of these tasks, brought here."""
        return self.gather(self.submit(refs)[0])

    def facts(self, refs: list[Ref]) -> list[TaskStats] | None:
        return self.gather(self.submit(refs, ask=True)[1])

    def release(self) -> None:
        """Let go of all results, at once: an error that someone keeps would keep them, and be given again."""
        for future in self.futures.values():
            future.release()
        self.futures.clear()
        self.sent.clear()  # these are the tables', not the query's


EMPTY, SAFE = 250 << 20, 0.6
"""What a worker weighs that has loaded all it needs, and the share of the rest of its limit that tasks may fill: Dask begins
to write to disk there, and pauses the worker at 0.8."""


def _room(workers: Iterable[dict[str, Any]]) -> int | None:
    """Bytes that a task may work with on each of these workers; None where they have no limits."""
    limits = [(w["memory_limit"] - EMPTY) // w["nthreads"] for w in workers if w["memory_limit"]]
    return max(1 << 24, int(SAFE * min(limits))) if limits else None


def _carried(chunk: Chunk) -> Chunk:
    """A task that is its own result."""
    return chunk


class _Cancelled(ExecutionError):
    """The cluster no longer knows of a task."""


@contextmanager
def cluster_errors() -> Iterator[None]:
    """Raise errors of the cluster itself as gpuflow errors; let errors of tasks pass."""
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


QUESTIONS = 3
"""How often a question is put to a cluster whose workers die before they answer it."""


def _asked(client: Any, question: Callable[[], Result], patience: float) -> Result:
    """Let one worker answer a question that costs nothing.

    A worker that dies meanwhile did not die of it. It is put again then, and waits for workers that are still to come.
    """
    from distributed import KilledWorker

    for attempt in range(QUESTIONS):
        future = client.submit(question, pure=False, priority=1000)
        with cluster_errors(), _stepping_aside():
            try:
                answer: Result = wait_for(client, client.gather(future, asynchronous=True), patience)
                return answer
            except KilledWorker:
                if attempt == QUESTIONS - 1:
                    raise
    raise AssertionError("the last attempt returns or raises")


_problems: weakref.WeakKeyDictionary[Any, list[str | None]] = weakref.WeakKeyDictionary()


def cuda_problem_of(client: Any, patience: float, wait: bool = True) -> str | None:
    """Why a cluster cannot use CUDA, or None where it can. One worker speaks for all; asked once for a client.

    Without `wait` this machine speaks for a cluster that has no workers yet.
    """
    if client not in _problems:
        if client.asynchronous or not (wait or client.nthreads()):
            return cuda_problem()
        problem = _asked(client, cuda_problem, patience)
        if problem is None:
            with cluster_errors(), _stepping_aside():
                refuse_shared_devices(wait_for(client, client.run(device_identity, asynchronous=True), patience))
        _problems[client] = [problem]
    return _problems[client][0]


_memories: weakref.WeakKeyDictionary[Any, list[int | None]] = weakref.WeakKeyDictionary()


def device_memory_of(client: Any, patience: float, wait: bool = True) -> int | None:
    """Free bytes of the devices of a cluster, of which one worker's speaks for all; None where there is none to ask yet."""
    if client not in _memories:
        if client.asynchronous or not (wait or client.nthreads()):
            return None
        _memories[client] = [_asked(client, device_memory, patience)]
    return _memories[client][0]
