"""Wait for a cluster's results, and detect that it cannot deliver them.

A `distributed.Client` waits for ever if no worker runs (all are gone, or paused because their memory is full), or if the
scheduler does not respond. Here the scheduler is asked about its workers at intervals during the wait.
"""

from __future__ import annotations

import asyncio
import shutil
import time
import weakref
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from gpuflow_kernels.errors import ExecutionError

Result = TypeVar("Result")
SLICE = 1.0
"""Seconds between two checks of the cluster."""
BUSY = ("executing", "long-running", "ready", "constrained", "flight", "fetch")
"""States of a worker's tasks that are not finished."""
FULL = 0.01
"""The share of free bytes below which a disk is full."""


def wait(client: Any, work: Coroutine[Any, Any, Result], patience: float) -> Result:
    """Run a coroutine on the client's event loop and return its result.

    Parameters
    ----------
    client : distributed.Client
    work : coroutine
    patience : float
        Seconds that the cluster may be unable to work.

    Raises
    ------
    ExecutionError
        When the cluster was unable to work for so long; the message says why. Exceptions of `work` are raised unchanged.
    """
    result = asyncio.run_coroutine_threadsafe(work, client.loop.asyncio_loop)
    watch = Watch(client, patience)
    while True:
        try:
            return result.result(SLICE)
        except TimeoutError:
            if result.done():  # its own
                raise
            watch.look()


class Watch:
    """Checks periodically whether a cluster can work."""

    def __init__(self, client: Any, patience: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._patience, self._clock = client, patience, clock
        self._well = clock()
        self._asked: Any = None
        self._info: dict[str, Any] | None = None

    def look(self) -> None:
        """Request the cluster's state, without waiting for it; raise `ExecutionError` if it was unable to work for too long."""
        trouble = self._trouble()
        now = self._clock()
        if trouble is None:
            self._well = now
        elif now - self._well >= self._patience:
            raise ExecutionError(
                f"the cluster has not worked for {now - self._well:.0f} seconds: {trouble}{self._disks()}; the setting "
                "gpuflow.workers-timeout says how long to wait"
            )

    def _trouble(self) -> str | None:
        """Return why the cluster cannot work, as far as is known; None if it can."""
        client = self._client
        if client.status not in ("running", "newly-created"):
            return f"the connection to the scheduler at {client.scheduler.address if client.scheduler else '?'} is lost"
        if self._asked is not None and not self._asked.done():
            return f"the scheduler at {client.scheduler.address} does not answer"
        if self._asked is not None:
            self._info = self._asked.result() if self._asked.exception() is None else None
        self._asked = asyncio.run_coroutine_threadsafe(client.scheduler.identity(n_workers=-1), client.loop.asyncio_loop)
        return None if self._info is None else trouble_of(self._info["workers"], expected(client.cluster))

    def _disks(self) -> str:
        """Describe the workers whose disks are full, if any."""
        addresses = list((self._info or {}).get("workers", {}))
        full = full_disks(self._client, addresses) if addresses else []
        return "; " + ", ".join(full) if full else ""


def trouble_of(workers: dict[str, dict[str, Any]], coming: int = 0) -> str | None:
    """Return why these workers (as described by a scheduler) cannot work; None if they can.

    `coming` workers have been requested, and are still starting.
    """
    running = [w for w in workers.values() if w["status"] == "running"]
    if not workers:
        return None if coming else "it has no worker"
    if not running:
        all_of_them = f"all of its {len(workers)} workers are" if len(workers) > 1 else "its one worker is"
        return f"{all_of_them} {_paused(workers)}"
    paused = {address: w for address, w in workers.items() if w["status"] == "paused"}
    if not paused or any(_is_busy(w) for w in running):
        return None
    return f"{len(paused)} of its {len(workers)} workers are {_paused(paused)}, and the others have nothing to do"


def _is_busy(worker: dict[str, Any]) -> bool:
    counts = worker.get("metrics", {}).get("task_counts", {})
    return any(counts.get(state) for state in BUSY)


def _paused(workers: dict[str, dict[str, Any]]) -> str:
    """Describe the states of workers, and how much memory they use."""
    from dask.utils import format_bytes

    states = " or ".join(sorted({w["status"] for w in workers.values()}))
    held = [
        f"{address} holds {format_bytes(w.get('metrics', {}).get('memory', 0))} of {format_bytes(w['memory_limit'])}"
        for address, w in list(workers.items())[:4]
        if w.get("memory_limit")
    ]
    return f"{states}, most likely for want of memory ({', '.join(held)})" if held else states


def expected(cluster: Any) -> int:
    """Count workers that a cluster object has requested and that have not started yet.

    Those of a ``LocalCluster`` start at once, unless it is adaptive and requests them when there is work."""
    from distributed import LocalCluster

    if cluster is None:
        return 0
    if getattr(cluster, "_adaptive", None) is not None:
        return 1
    if isinstance(cluster, LocalCluster):
        return 0
    return len(set(getattr(cluster, "requested", ())) - set(getattr(cluster, "observed", ())))


def full_disks(client: Any, addresses: list[str]) -> list[str]:
    """Describe the disks of these workers that have no space for spilled data."""
    asked = client.run(_room, workers=addresses, on_error="return", wait=True, asynchronous=True)
    try:
        rooms = asyncio.run_coroutine_threadsafe(asyncio.wait_for(asked, 5), client.loop.asyncio_loop).result(6)
    except (TimeoutError, OSError):
        return []
    full = [room for room in rooms.values() if isinstance(room, tuple) and room[1] <= FULL * room[2]]
    disks = {room[1:]: room for room in full}  # the same disk has the same numbers
    return [f"the disk of their spilled data is full ({folder}: {free:,} bytes left)" for folder, free, _ in disks.values()]


def _room(dask_worker: Any) -> tuple[str, int, int]:
    """Return the folder that a worker spills to, with free and total bytes."""
    folder = dask_worker.local_directory
    usage = shutil.disk_usage(folder)
    return folder, usage.free, usage.total


def reachable(client: Any) -> bool:
    """Return whether this process can connect to the workers directly; tried once for a client.

    A client's ``direct_to_workers``, if set, decides.
    """
    if client.direct_to_workers is not None:
        return bool(client.direct_to_workers)
    if client not in _direct:
        connects = _connects(client)
        if connects is None:
            return False
        _direct[client] = connects
    return _direct[client]


CONNECTING = 2.0
"""Seconds in which a worker must be reached."""
_direct: weakref.WeakKeyDictionary[Any, bool] = weakref.WeakKeyDictionary()


def _connects(client: Any) -> bool | None:
    """Return whether one of the workers can be reached; None if there is none."""
    loop = client.loop.asyncio_loop

    async def attempt() -> bool | None:
        workers = list((await client.scheduler.identity(n_workers=1))["workers"])
        if not workers:
            return None
        comm = await client.rpc.connect(workers[0], timeout=CONNECTING)
        client.rpc.reuse(workers[0], comm)
        return True

    try:
        return asyncio.run_coroutine_threadsafe(asyncio.wait_for(attempt(), 2 * CONNECTING), loop).result(3 * CONNECTING)
    except (TimeoutError, OSError):
        return False
