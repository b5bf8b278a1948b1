"""Settings of the client and errors of the workers cross over."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest

import gpuflow as gf
from gpuflow import col, errors


def test_settings_of_the_client_are_those_of_its_tasks(active: Any, tmp_path: Path) -> None:
    """The cache folder is set here alone, and it is the workers that write kernels there."""
    from gpuflow_kernels.codegen import modules

    compiled = modules.compilations()
    frame = gf.from_numpy({"x": np.arange(50_000)}).select(col("x").sum() * 17)
    with dask.config.set({"gpuflow.cache.folder": str(tmp_path / "mine"), "gpuflow.partition-rows": 10_000}):
        assert frame.collect().to_arrow().to_pydict() == {"x": [17 * 50_000 * 49_999 // 2]}
    assert list((tmp_path / "mine" / "kernels").glob("k_*.py"))
    assert modules.compilations() == compiled
    assert set(active.run(_configured_folder).values()) != {str(tmp_path / "mine")}


def _configured_folder() -> str:
    return str(dask.config.get("gpuflow.cache.folder", None))


def interpreted() -> int:
    """Kernels that this process has loaded to run uncompiled."""
    from gpuflow_kernels.codegen import modules

    return sum(getattr(m, "__file__", None) is None for m in list(modules._modules.values()))


def test_the_target_is_chosen_by_the_client(active: Any) -> None:
    frame = gf.from_numpy({"x": np.arange(500)}).filter(col("x") % 7 == 3).select(col("x").sum())
    before = sum(active.run(interpreted).values())
    with dask.config.set({"gpuflow.target": "python"}):
        assert "target: python" in frame.explain("physical")
        assert frame.collect().to_arrow().to_pydict() == {"x": [sum(range(3, 500, 7))]}
    assert sum(active.run(interpreted).values()) > before


def test_auto_asks_a_worker_whether_there_is_cuda(active: Any) -> None:
    from gpuflow.execute.client import _problems, cuda_problem_of

    _problems.pop(active, None)
    assert cuda_problem_of(active, 25) == active.submit(_problem_there, pure=False).result()
    if cuda_problem_of(active, 25) is not None:
        with dask.config.set({"gpuflow.target": "cuda"}), pytest.raises(errors.ExecutionError, match=r"gpuflow\.target is cuda"):
            gf.from_numpy({"x": np.arange(3)}).collect()


def test_nothing_waits_for_workers_until_something_runs() -> None:
    from distributed import Client, LocalCluster

    frame = gf.from_numpy({"x": np.arange(3)}).select(col("x").sum())
    with LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0") as cluster, Client(cluster) as client:
        assert "target:" in frame.explain("physical")
        future = client.compute(frame)
        assert future.status == "pending"
        cluster.scale(1)
        assert future.result(timeout=300).to_arrow().to_pydict() == {"x": [3]}


def _problem_there() -> str | None:
    from gpuflow.execute.target_selection import cuda_problem

    return cuda_problem()


def test_the_default_cache_folder_is_found_by_every_worker_itself() -> None:
    """Another machine has another home; a folder that was asked for is the same everywhere."""
    from gpuflow import config
    from gpuflow.execute.dask import options_of

    with dask.config.set({"gpuflow.cache.folder": None}):
        assert options_of(config.resolve(), None)[0].cache_folder is None
    with dask.config.set({"gpuflow.cache.folder": "/somewhere"}):
        assert options_of(config.resolve(), None)[0].cache_folder == "/somewhere"


SHARED = """
import sys, numpy as np, dask
import gpuflow as gf
from gpuflow import col
from gpuflow_kernels.codegen import modules
dask.config.set({"gpuflow.cache.folder": sys.argv[1], "gpuflow.partition-rows": 5000})
sys.stdin.readline()  # all start at once
x = np.arange(20_000)
frame = gf.from_numpy({"x": x, "k": x % 13})
answer = frame.filter(col("x") > 100).group_by("k").agg(col("x").sum(), m=(col("x") * 0.5).max()).sort("k").collect()
assert answer.to_numpy()["x"].tolist() == [int(x[(x > 100) & (x % 13 == k)].sum()) for k in range(13)]
print(modules.compilations(), modules.cache_hits())
"""


def test_processes_share_an_empty_cache_folder(tmp_path: Path) -> None:
    """They compile the same kernels at the same time; whoever comes later compiles nothing."""

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-W", "error", "-c", SHARED, str(tmp_path)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    together = [start() for _ in range(3)]
    for process in together:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in together:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    later = start()
    out, err = later.communicate("go\n", timeout=300)
    compiled, loaded = map(int, out.split())
    assert (later.returncode, compiled) == (0, 0), err
    assert loaded >= 2
    assert not list(tmp_path.rglob("*.tmp"))


def test_overflow_on_a_worker(active: Any) -> None:
    frame = gf.from_numpy({"x": np.array([2**62, 2**62, 5])})
    with pytest.raises(errors.ArithmeticOverflowError, match="cast"):
        frame.select(col("x").sum()).collect()
    with pytest.raises(errors.ArithmeticOverflowError):
        dask.compute(frame.select(col("x") * 2))


def test_a_file_that_vanishes_and_comes_back(active: Any, tmp_path: Path) -> None:
    path, away = tmp_path / "t.parquet", tmp_path / "away"
    gf.from_numpy({"x": np.arange(10)}).collect().write_parquet(path)
    frame = gf.scan_parquet(path).select(col("x").sum())
    os.rename(path, away)
    with pytest.raises(errors.ReadError, match=r"t\.parquet") as caught:
        frame.collect()
    assert caught.value.file == str(path)
    os.rename(away, path)  # same time, same size, so the same keys: the error must not be remembered
    assert frame.collect().to_arrow().to_pydict() == {"x": [45]}


def test_every_error_survives_the_trip() -> None:
    from distributed.protocol.pickle import dumps, loads

    made = [
        errors.ReadError("m", file="f", row_group=3, column="c"),
        errors.ColumnNotFoundError("m", column="c"),
        errors.DuplicateNameError("m", column="c"),
        *(getattr(errors, n)("m") for n in errors.__all__ if n not in ("ReadError", "ColumnNotFoundError", "DuplicateNameError")),
    ]
    for error in made:
        for there in (loads(dumps(error)), pickle.loads(pickle.dumps(error))):
            assert type(there) is type(error) and str(there) == "m" and vars(there) == vars(error)


def test_failures_of_the_cluster_are_ours() -> None:
    from distributed import KilledWorker
    from distributed.comm.core import CommClosedError

    from gpuflow.execute.client import cluster_errors

    with pytest.raises(errors.ExecutionError, match="workers died"), cluster_errors():
        raise KilledWorker("group-1", None, 3)
    with pytest.raises(errors.ExecutionError, match="cannot be reached"), cluster_errors():
        raise CommClosedError("gone")
    with pytest.raises(errors.ReadError), cluster_errors():
        raise errors.ReadError("mine")


def test_no_scheduler_at_an_address_is_told_quickly(python_environment: dict[str, str], tmp_path: Path) -> None:
    script = Path(__file__).resolve().parents[2] / "examples" / "cluster" / "scale.py"
    for where in (["--scheduler", "tcp://127.0.0.1:1"], ["--scheduler-file", str(tmp_path / "none.json")]):
        command = [sys.executable, str(script), str(tmp_path / "data"), *where, "--timeout", "2"]
        started = time.monotonic()
        run = subprocess.run(command, env=python_environment, capture_output=True, text=True, timeout=300)
        assert time.monotonic() - started < 120
        assert run.returncode == 2
        assert where[1] in run.stderr and "Traceback" not in run.stderr
        assert not (tmp_path / "data").exists()
