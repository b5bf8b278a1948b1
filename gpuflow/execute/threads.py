"""Run tasks on threads of this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Self

import dask.config
from dask._task_spec import DataNode
from gpuflow_kernels import cancelling

from gpuflow.physical.runner import Ref, TaskStats

from .graph import Graph, facts_of


@contextmanager
def own_threads(number: int) -> Iterator[Any]:
    """Yield a thread pool for the tasks of one query; leaving the block cancels its tasks between two morsels.

    A query that was interrupted, and whose threads have not ended yet, delays no other one. Threads start when there are tasks
    for them: a system puts new threads on idle cores, and woken ones often beside the thread that woke them. If Dask is
    configured with a ``pool``, that one is used instead.
    """
    configured = dask.config.get("pool", None)
    if configured is not None:
        yield configured
        return
    over = threading.Event()

    def stop() -> None:
        if over.is_set():
            raise cancelling.Cancelled

    pool = ThreadPoolExecutor(number, "gpuflow", initializer=cancelling.begin, initargs=(stop,))
    try:
        yield pool
    finally:
        over.set()
        pool.shutdown(wait=False, cancel_futures=True)


def get(dsk: Any, keys: Any, num_workers: int | None = None, **options: Any) -> Any:
    """Run a Dask graph as ``dask.threaded.get`` does, on threads that an interruption cancels."""
    from dask.threaded import get as get_on

    from gpuflow import config

    if options.get("pool") is not None:
        return get_on(dsk, keys, num_workers=num_workers, **options)
    with own_threads(num_workers or dask.config.get("num_workers", None) or config.resolve().threads) as pool:
        return get_on(dsk, keys, **{**options, "pool": pool})


class Threads(Graph):
    """Runs tasks on Dask's threaded scheduler in this process.

    Results needed for planning are kept until the end. Leaving the ``with`` block cancels tasks (`own_threads`).
    """

    runs = True

    def __init__(self, threads: int) -> None:
        super().__init__(threads, local=True)
        self.results: dict[str, Any] = {}
        self._threads = own_threads(threads)

    def __enter__(self) -> Self:
        self._pool = self._threads.__enter__()
        return self

    def __exit__(self, *failure: Any) -> None:
        self._threads.__exit__(*failure)

    def compute(self, refs: list[Ref]) -> list[Any]:
        """Compute the results of these tasks."""
        from dask.threaded import get as get_on

        missing = [r.key for r in refs if r.key not in self.results]
        if missing:
            graph = self.needed(missing, self.results)
            used = {d for task in graph.values() for d in task.dependencies if d in self.results}
            graph |= {key: DataNode(key, self.results[key]) for key in used}
            for key, value in zip(missing, get_on(graph, missing, pool=self._pool), strict=True):
                self.results[key] = value
        return [self.results[r.key] for r in refs]

    def facts(self, refs: list[Ref]) -> list[TaskStats] | None:
        return [facts_of(r) for r in self.compute(refs)]
