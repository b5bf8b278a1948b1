"""Start a Dask cluster on this machine, with GPUs where there are some."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, ClassVar

import dask.config

if TYPE_CHECKING:
    from distributed import Client

LOOPBACK = "127.0.0.1"


def cluster(
    workers: int | None = None,
    *,
    threads: int | None = None,
    memory_limit: str | int | float = "auto",
    gpu: bool | None = None,
    host: str = LOOPBACK,
    dashboard: bool = False,
    **options: Any,
) -> Client:
    """Start workers on this machine and make them the place where queries run.

    With CUDA devices and dask-cuda, one worker process for each device (``LocalCUDACluster``); with devices alone, one
    process; otherwise ``LocalCluster`` with a few processes that share the cores. Everything listens on the loopback address,
    where other users of the same machine can still reach it: whoever reaches a Dask scheduler can run code on its workers. On
    a machine that is shared, or with another `host`, pass ``security=distributed.Security.temporary()`` (needs the package
    cryptography), or your own certificates: connections are then encrypted, and refused without them.

    Parameters
    ----------
    workers : int, optional
        Worker processes; by default one per device, or one for every four cores but at least two where there are two.
    threads : int, optional
        Threads of each worker; by default the cores are shared out. On a GPU one thread launches kernels, and a
        second reads.
    memory_limit : str, int or float
        Of each worker, as in Dask.
    gpu : bool, optional
        True demands devices, False hides them from the workers; None takes what is there.
    host : str
        Address to listen on.
    dashboard : bool
        Whether to serve Dask's dashboard (needs bokeh), on a free port of `host`; see ``client.dashboard_link``.
    **options
        Passed on to the cluster: ``security``, ``protocol``, ``local_directory``, ...

    Returns
    -------
    distributed.Client
        The active client. Closing it, or leaving its ``with`` block, stops the workers too.

    Raises
    ------
    ValueError
        When `gpu` is True and no device can be used (the message says why), or when several workers would share one.

    Notes
    -----
    Workers are new Python processes, which import the script that starts them: a script calls this below
    ``if __name__ == "__main__":``, notebooks and the prompt need nothing.

    While the cluster is there, Dask's timeouts fit it, unless they are configured: it waits ten minutes for a worker that is
    started again, and five seconds for a connection on this machine.

    Examples
    --------
    >>> import gpuflow as gf
    >>> with gf.cluster() as client:   # doctest: +SKIP
    ...     gf.scan_parquet("flights/").select(gf.len()).collect()
    """
    from gpuflow import config
    from gpuflow.doctor import cuda, installed
    from gpuflow.installing import install_line

    hardware = cuda()
    if gpu and not hardware.devices:
        raise ValueError(f"no CUDA device: {hardware.reason}")
    with_dask_cuda = installed("dask-cuda") is not None
    install = install_line(f"cluster-{hardware.extra}")
    if gpu and not with_dask_cuda:
        raise ValueError(f"dask-cuda is not installed; {install}")
    # Set even without a dashboard: the scheduler serves health and metrics there, by default on every interface.
    page = {"dashboard": dashboard, "dashboard_address": f"{host}:0"} | options.pop("scheduler_kwargs", {})
    common = {"host": host, "scheduler_kwargs": page, "memory_limit": memory_limit, **options}
    patience = Patience(host in LOOPBACKS)
    if gpu is not False and hardware.devices and with_dask_cuda:
        from dask_cuda import LocalCUDACluster

        common = {"resources": {"GPU": 1}, **common}
        return _owning(patience, LocalCUDACluster, n_workers=workers, threads_per_worker=threads or 2, **common)
    from distributed import LocalCluster

    if gpu is False:
        common["env"] = {"CUDA_VISIBLE_DEVICES": ""} | common.get("env", {})
    elif hardware.devices:
        workers = workers or 1
        if workers > 1:
            raise ValueError(
                f"{workers} workers would share one CUDA device, and each would take it for its own: install dask-cuda, which "
                f"starts one worker for each device ({install}), or say workers=1, or gpu=False to leave devices alone"
            )
    cores = config.cores()
    workers = workers or (max(2, cores // 4) if cores > 1 else 1)
    threads = threads or max(1, cores // workers)
    return _owning(patience, LocalCluster, n_workers=workers, threads_per_worker=threads, processes=True, **common)


LOOPBACKS = (LOOPBACK, "localhost", "::1")


class Patience:
    """Dask's timeouts while clusters of `cluster` exist; settings that a user has changed are kept.

    By default Dask gives up a worker that has not restarted within 15 seconds, which is too short on a busy machine, and tries
    for 30 seconds to connect to a lost worker of the same machine. Dask reads these settings each time it needs them.
    """

    _lock = threading.Lock()
    _users = 0
    _before: ClassVar[dict[str, Any]] = {}
    LONGER: ClassVar[dict[str, tuple[Any, str]]] = {
        "distributed.deploy.lost-worker-timeout": ("15s", "10 minutes"),
        "distributed.scheduler.no-workers-timeout": (None, "10 minutes"),
    }
    ON_LOOPBACK: ClassVar[dict[str, tuple[Any, str]]] = {"distributed.comm.timeouts.connect": ("30s", "5s")}

    def __init__(self, loopback: bool) -> None:
        self._values = self.LONGER | (self.ON_LOOPBACK if loopback else {})
        self._begun = False

    def begin(self) -> None:
        """Set the timeouts."""
        import distributed  # noqa: F401  (brings its defaults)

        with self._lock:
            Patience._users += 1
            self._begun = True
            for key, (default, value) in self._values.items():
                if dask.config.get(key, None) == default and key not in self._before:
                    self._before[key] = default
                    dask.config.set({key: value})

    def end(self) -> None:
        """Restore the previous timeouts, after the last cluster."""
        with self._lock:
            if not self._begun:
                return
            self._begun = False
            Patience._users -= 1
            if Patience._users == 0:
                dask.config.set(self._before)
                self._before.clear()


def _owning(patience: Patience, kind: Any, **options: Any) -> Client:
    """Start a cluster and return a client that closes it together with itself."""
    from distributed import Client

    class OwningClient(Client):
        def close(self, *args: Any, **kwargs: Any) -> Any:
            closed = super().close(*args, **kwargs)
            made.close()
            patience.end()
            return closed

    patience.begin()
    try:
        made = kind(**options)
    except BaseException:
        patience.end()
        raise
    try:
        return OwningClient(made)
    except BaseException:
        made.close()
        patience.end()
        raise
