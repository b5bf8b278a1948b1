"""Run tasks on threads of this process."""

from __future__ import annotations

import os
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


class QueryThreads:
    """Threads that run the tasks of one query at a time, until a query leaves work behind."""

    def __init__(self, number: int) -> None:
        self.number, self._over = number, threading.Event()
        self.pool = ThreadPoolExecutor(number, "gpuflow", initializer=cancelling.begin, initargs=(self._stop,))

    def _stop(self) -> None:
        if self._over.is_set():
            raise cancelling.Cancelled

    def cancel(self) -> None:
        """End all tasks between two morsels, and the threads with them. Does not wait."""
        self._over.set()
        self.pool.shutdown(wait=False, cancel_futures=True)


_idle: list[QueryThreads] = []
"""The threads of the last query that ended, if no other one has them: starting threads costs more than a small query."""


def _forget() -> None:
    """Drop idle threads, which a forked process does not have."""
    _idle.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def _taken(number: int) -> QueryThreads:
    """Take the idle threads if there are as many as asked for, else new ones, which start when there are tasks for them."""
    try:
        threads = _idle.pop()  # one operation: two queries that begin at once cannot both get it
    except IndexError:
        return QueryThreads(number)
    if threads.number == number:
        return threads
    threads.cancel()
    return QueryThreads(number)


def _give_back(threads: QueryThreads) -> None:
    """Keep threads whose query has ended for the next one, unless some are kept already."""
    _idle.append(threads)
    while len(_idle) > 1:
        _idle.pop(0).cancel()


@contextmanager
def own_threads(number: int) -> Iterator[Any]:
    """Yield a thread pool that no other query uses; leaving the block by an error cancels its tasks between two morsels.

    The threads serve the next query then, but for those of a query that was interrupted or failed: some may not have ended
    their tasks yet, and must not delay another one. If Dask is configured with a ``pool``, that one is used instead.
    """
    configured = dask.config.get("pool", None)
    if configured is not None:
        yield configured
        return
    threads = _taken(number)
    try:
        yield threads.pool
    except BaseException:
        threads.cancel()
        raise
    _give_back(threads)


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
