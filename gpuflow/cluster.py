"""Start a Dask cluster on this machine, with GPUs where there are some."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

    With CUDA devices and dask-cuda, one worker process for each device (``LocalCUDACluster``); otherwise
    ``LocalCluster`` with a few processes that share the cores. Everything listens on the loopback address, where other
    users of the same machine can still reach it: whoever reaches a Dask scheduler can run code on its workers. On a
    machine that is shared, or with another `host`, pass ``security=distributed.Security.temporary()`` (needs the
    package cryptography), or your own certificates: connections are then encrypted, and refused without them.

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
        True demands devices, False leaves them alone; None takes what is there.
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

    Notes
    -----
    Workers are new Python processes, which import the script that starts them: a script calls this below
    ``if __name__ == "__main__":``, notebooks and the prompt need nothing.

    Raises
    ------
    ValueError
        When `gpu` is True and no device can be used; the message says why.

    Examples
    --------
    >>> import gpuflow as gf
    >>> with gf.cluster() as client:   # doctest: +SKIP
    ...     gf.scan_parquet("flights/").select(gf.len()).collect()
    """
    from gpuflow import config
    from gpuflow.doctor import cuda, installed
    from gpuflow.installing import install_line

    found = cuda()
    if gpu and not found.devices:
        raise ValueError(f"no CUDA device: {found.reason}")
    if gpu and installed("dask-cuda") is None:
        raise ValueError(f"dask-cuda is not installed; {install_line(f'cluster-{found.extra}')}")
    # Given even without a dashboard: the scheduler serves its health and metrics there, by default on every interface.
    page = {"dashboard": dashboard, "dashboard_address": f"{host}:0"} | options.pop("scheduler_kwargs", {})
    common = {"host": host, "scheduler_kwargs": page, "memory_limit": memory_limit, **options}
    if gpu is not False and found.devices and installed("dask-cuda") is not None:
        from dask_cuda import LocalCUDACluster

        return _owning(LocalCUDACluster(n_workers=workers, threads_per_worker=threads or 2, **common))
    from distributed import LocalCluster

    cores = config.cores()
    workers = workers or (max(2, cores // 4) if cores > 1 else 1)
    threads = threads or max(1, cores // workers)
    return _owning(LocalCluster(n_workers=workers, threads_per_worker=threads, processes=True, **common))


def _owning(cluster: Any) -> Client:
    """A client that closes its cluster with itself."""
    from distributed import Client

    class OwningClient(Client):
        def close(self, *args: Any, **kwargs: Any) -> Any:
            closed = super().close(*args, **kwargs)
            cluster.close()
            return closed

    try:
        return OwningClient(cluster)
    except BaseException:
        cluster.close()
        raise
