"""`gf.cluster()` starts workers on loopback, and leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
import time
import types
from pathlib import Path
from typing import Any

import psutil
import pytest

START = """
import numpy as np, psutil
import gpuflow as gf

def query():
    return gf.from_numpy({"x": np.arange(10)}).select(gf.col("x").sum()).collect().to_arrow().to_pydict()

if __name__ == "__main__":
"""

# Closed, twice even, or left to the end of the process.
WAYS = {
    "close": "with gf.cluster(2, threads=1) as client:\n        {body}\n    client.close()",
    "end": "client = gf.cluster(2, threads=1)\n    {body}",
}
BODY = (
    "mine = psutil.Process(); all = [mine, *mine.children(recursive=True)]; "
    "ports = [c.laddr.ip for p in all for c in p.net_connections() if c.status == 'LISTEN']; "
    "print(query(), len(client.scheduler_info(n_workers=-1)['workers']), set(ports), *(p.pid for p in all[1:]), sep=';')"
)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_starts_on_loopback_and_ends_cleanly(way: str, tmp_path: Path, python_environment: dict[str, str]) -> None:
    script = tmp_path / "script.py"
    script.write_text(START + "    " + WAYS[way].format(body=BODY) + "\n")
    command = [sys.executable, "-W", "error", str(script)]
    run = subprocess.run(command, env=python_environment, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    answer, workers, interfaces, *pids = run.stdout.strip().split(";")
    assert (answer, workers, interfaces) == ("{'x': [45]}", "2", "{'127.0.0.1'}")
    assert len(pids) >= 2
    # on a busy machine a nanny may lose patience with a worker that is ending, and kill it: nothing is left all the same
    said = [line for line in run.stderr.splitlines() if "Worker process still alive after" not in line]
    assert said == []
    deadline = time.monotonic() + 120
    while any(alive(int(pid)) for pid in pids):
        assert time.monotonic() < deadline, "processes are left"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    """Whether a process still runs (one that nobody has asked for its exit code is over as well)."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class Started(Exception):
    """A cluster was to be started, with these options."""

    def __init__(self, kind: str, options: dict[str, Any]) -> None:
        super().__init__(kind)
        self.kind, self.options = kind, options


def started(monkeypatch: pytest.MonkeyPatch, devices: int, dask_cuda: bool, *args: Any, **options: Any) -> Started:
    """What `gf.cluster` would start on a machine with so many devices."""
    import distributed

    import gpuflow as gf
    from gpuflow import doctor

    def kind(name: str) -> Any:
        def make(**options: Any) -> Any:
            raise Started(name, options)

        return make

    found = doctor.Cuda((12, 4), tuple(f"device {k}" for k in range(devices)), "", "cuda12")
    monkeypatch.setattr(doctor, "cuda", lambda: found)
    monkeypatch.setattr(doctor, "installed", lambda package: "26.0" if dask_cuda else None)
    stand_in: Any = types.ModuleType("dask_cuda")
    stand_in.LocalCUDACluster = kind("LocalCUDACluster")
    monkeypatch.setitem(sys.modules, "dask_cuda", stand_in)
    monkeypatch.setattr(distributed, "LocalCluster", kind("LocalCluster"))
    with pytest.raises(Started) as caught:
        gf.cluster(*args, **options)
    return caught.value


def test_without_gpus_devices_are_hidden_from_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    for devices, dask_cuda in ((0, False), (2, False), (2, True)):
        got = started(monkeypatch, devices, dask_cuda, gpu=False, env={"A": "1"})
        assert got.kind == "LocalCluster"
        assert got.options["env"] == {"CUDA_VISIBLE_DEVICES": "", "A": "1"}
        assert got.options["n_workers"] >= 1
    assert "env" not in started(monkeypatch, 0, False).options


def test_one_worker_for_each_device(monkeypatch: pytest.MonkeyPatch) -> None:
    got = started(monkeypatch, 4, True)
    assert (got.kind, got.options["n_workers"], got.options["resources"]) == ("LocalCUDACluster", None, {"GPU": 1})
    assert started(monkeypatch, 4, True, resources={"X": 2}).options["resources"] == {"X": 2}
    alone = started(monkeypatch, 4, False)
    assert (alone.kind, alone.options["n_workers"]) == ("LocalCluster", 1)


def test_workers_do_not_share_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    import gpuflow as gf
    from gpuflow.errors import ExecutionError
    from gpuflow.execute.target_selection import refuse_shared_devices

    assert started(monkeypatch, 1, False, 1).options["n_workers"] == 1
    with pytest.raises(ValueError, match=r"2 workers would share one CUDA device.*dask-cuda.*gpu=False"):
        gf.cluster(2)
    refuse_shared_devices({"a": ("here", "1"), "b": ("here", "2"), "c": ("there", "1")})
    with pytest.raises(ExecutionError, match=r"2 workers on here share one CUDA device \(1\): a, c; start one worker for each"):
        refuse_shared_devices({"a": ("here", "1"), "b": ("here", "2"), "c": ("here", "1")})


def test_timeouts_fit_a_cluster_as_long_as_it_is_there() -> None:
    import dask
    import distributed

    from gpuflow.cluster import Patience

    assert distributed
    lost, connect = "distributed.deploy.lost-worker-timeout", "distributed.comm.timeouts.connect"
    none = "distributed.scheduler.no-workers-timeout"

    def now() -> list[Any]:
        return [dask.config.get(key) for key in (lost, connect, none)]

    with dask.config.set({lost: "15s", connect: "30s", none: None}):
        near, far = Patience(True), Patience(False)
        far.begin()
        assert now() == ["10 minutes", "30s", "10 minutes"]
        near.begin()
        assert now() == ["10 minutes", "5s", "10 minutes"]
        far.end()
        far.end()
        assert now() == ["10 minutes", "5s", "10 minutes"]
        near.end()
        assert now() == ["15s", "30s", None]
        with dask.config.set({lost: "77s"}):  # whoever has set it knows why
            near.begin()
            assert now() == ["77s", "5s", "10 minutes"]
            near.end()
            assert now() == ["77s", "30s", None]
