"""What a task needs of the `distributed.Worker` that runs it: its memory limit, and whether anybody still wants the result."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from gpuflow_kernels import host_memory


def running_worker() -> Any:
    """The worker that runs the task of this thread, or None outside of tasks of workers."""
    if "distributed.worker" not in sys.modules:
        return None
    from distributed.worker import thread_state

    if not getattr(thread_state, "key", None):
        return None
    return getattr(thread_state, "execution_state", {}).get("worker")


def limit_memory(worker: Any) -> None:
    """Fit this process's pool of memory to the limit of its worker: idle memory counts as the worker's."""
    manager = getattr(worker, "memory_manager", None)
    host_memory.limit_process(getattr(manager, "memory_limit", None) or None)


def given_up(worker: Any) -> Callable[[], None]:
    """A function that raises `distributed.Reschedule` once the scheduler has called off the task of this thread.

    A query that asked for the same task again meanwhile gets it run again; for all others it is over.
    """
    from distributed import Reschedule
    from distributed.worker import thread_state

    key, tasks = thread_state.key, worker.state.tasks

    def stop() -> None:
        task = tasks.get(key)
        if task is None or task.state == "cancelled":
            raise Reschedule

    return stop
