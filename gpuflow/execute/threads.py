"""Running tasks on threads of this process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, Self

import dask.config
from dask._task_spec import DataNode
from gpuflow_kernels.cancelling import Cancelled

from gpuflow.physical.runner import Facts, Ref

from .graph import Graph, facts_of


def _raiser(over: threading.Event) -> Callable[[], None]:
    """A function that raises `Cancelled` once `over` is set."""

    def stop() -> None:
        if over.is_set():
            raise Cancelled

    return stop


class Threads(Graph):
    """Runs on Dask's threaded scheduler in this process. Results that lowering asked about are kept until the end.

    A query has threads of its own, which start when tasks are there for them: one that was interrupted, and whose threads are
    not through with what they do, keeps no other one waiting. Leaving the ``with`` block ends its tasks between two morsels.
    """

    runs = True

    def __init__(self, threads: int) -> None:
        super().__init__(threads, local=True)
        self.results: dict[str, Any] = {}
        self._over = threading.Event()
        self.extra = (_raiser(self._over),)  # not a method: results would live until a garbage collection

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.threads, thread_name_prefix="gpuflow")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self._over.set()
        if "_pool" in vars(self):
            self._pool.shutdown(wait=False, cancel_futures=True)

    def compute(self, refs: list[Ref]) -> list[Any]:
        """Results of these tasks."""
        from dask.threaded import get

        missing = [r.key for r in refs if r.key not in self.results]
        if missing:
            graph = self.needed(missing, self.results)
            used = {d for task in graph.values() for d in task.dependencies if d in self.results}
            graph |= {key: DataNode(key, self.results[key]) for key in used}
            pool = dask.config.get("pool", None) or self._pool
            for key, value in zip(missing, get(graph, missing, pool=pool), strict=True):
                self.results[key] = value
        return [self.results[r.key] for r in refs]

    def facts(self, refs: list[Ref]) -> list[Facts] | None:
        return [facts_of(r) for r in self.compute(refs)]
