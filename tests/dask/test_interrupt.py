"""Ctrl-C ends a query between two morsels, and the next query works at once."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from gpuflow_kernels import cancelling

from gpuflow.execute.threads import own_threads

SCRIPT = """
import os, signal, sys, threading, time
import dask, numpy as np
import gpuflow as gf
from gpuflow import col

def slow(rows):
    total = col("x")
    for k in range(40):
        total = total + (col("x") * (k + 0.5)).sin()
    return gf.from_numpy({"x": np.arange(rows, dtype=float)}).select(total.sum())

if __name__ == "__main__":
    client = gf.cluster(1, threads=1) if sys.argv[1] == "cluster" else None
    small = gf.from_numpy({"x": np.arange(1000)}).select(col("x").sum())
    dask.config.set({"gpuflow.partition-rows": 20_000_000, "gpuflow.threads": 1, "gpuflow.target": "cpu"})
    slow(2_000).collect()  # compiled from now on
    assert small.collect().item() == 499_500
    frame = slow(20_000_000)  # ten seconds and more in one task
    threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    started = time.monotonic()
    try:
        frame.collect()
    except KeyboardInterrupt:
        stopped = time.monotonic()
        assert small.collect().item() == 499_500
        print(stopped - started, time.monotonic() - stopped)
    if client:
        client.close()
"""


@pytest.mark.slow
@pytest.mark.parametrize("where", ["threads", "cluster"])
def test_interrupted(where: str, tmp_path: Path, python_environment: dict[str, str]) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, "-W", "error", str(script), where]
    run = subprocess.run(command, env=python_environment, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    until, after = map(float, run.stdout.split())
    assert 1.4 < until < 6  # the task takes ten seconds on an idle machine, and none of it is waited for
    assert after < 6
    assert "Traceback" not in run.stderr


def test_threads_end_with_their_query() -> None:
    with own_threads(2) as first, own_threads(2) as beside:
        assert first.submit(int).result(10) == 0
        assert beside is not first
    entered, ended = threading.Event(), threading.Event()

    def long() -> None:
        entered.set()
        try:
            while True:
                cancelling.check()
        finally:
            ended.set()

    with suppress(ZeroDivisionError), own_threads(2) as interrupted:
        interrupted.submit(long)
        assert entered.wait(10)
        raise ZeroDivisionError
    assert ended.wait(10)
    with pytest.raises(RuntimeError, match="after shutdown"):
        interrupted.submit(int)
    with own_threads(2) as fresh:
        assert fresh.submit(int).result(10) == 0
