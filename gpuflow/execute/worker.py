"""Get from the `distributed.Worker` that runs a task its memory limit, and whether the task is still needed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from gpuflow_kernels import host_memory


def running_worker() -> Any:
    """Return the worker that runs the task of this thread, or None outside of tasks of workers."""
    if "distributed.worker" not in sys.modules:
        return None
    from distributed.worker import thread_state

    if not getattr(thread_state, "key", None):
        return None
    return getattr(thread_state, "execution_state", {}).get("worker")


def limit_memory(worker: Any) -> None:
    """Fit this process's memory pool to the limit of its worker, whose memory includes the idle memory of the pool."""
    manager = getattr(worker, "memory_manager", None)
    host_memory.limit_process(getattr(manager, "memory_limit", None) or None)


def given_up(worker: Any) -> Callable[[], None]:
    """Return a function that raises `distributed.Reschedule` once the scheduler has cancelled the task of this thread.

    The task is run again if another query has requested it meanwhile.
    """
    from distributed import Reschedule
    from distributed.worker import thread_state

    key, tasks = thread_state.key, worker.state.tasks

    def stop() -> None:
        task = tasks.get(key)
        if task is None or task.state == "cancelled":
            raise Reschedule

    return stop
