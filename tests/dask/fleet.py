"""Workers that tests may kill, and queries that run meanwhile."""

from __future__ import annotations

import contextvars
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import gpuflow as gf


class Fleet:
    """A scheduler in this process, and workers as processes of their own that nobody starts again."""

    def __init__(self, cluster: Any, client: Any, environment: dict[str, str], folder: Path) -> None:
        self.cluster, self.client, self._environment, self._folder = cluster, client, environment, folder
        self._workers: list[subprocess.Popen[bytes]] = []

    def complete(self) -> None:
        """Two workers, new ones in the place of dead ones, that have loaded what queries need."""
        for process in self._workers:
            if process.poll() is None and process.pid not in self.client.run(os.getpid, on_error="ignore").values():
                process.kill()
        self._workers = [p for p in self._workers if p.poll() is None]
        while len(self._workers) < 2:
            command = [sys.executable, "-m", "distributed.cli.dask_worker", self.cluster.scheduler_address]
            command += ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1", "--death-timeout", "60"]
            command += ["--local-directory", str(self._folder)]
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            self._workers.append(subprocess.Popen(command, env=self._environment, cwd=self._folder, **quiet))
        deadline = time.monotonic() + 120
        while set(self.client.run(_warm, on_error="ignore").values()) != {p.pid for p in self._workers}:
            assert time.monotonic() < deadline, "the workers do not come"
            time.sleep(0.1)

    def kill_one(self) -> None:
        self._workers[0].kill()

    def end(self) -> None:
        for process in self._workers:
            process.kill()
        for process in self._workers:
            process.wait(120)


def _warm() -> int:
    import gpuflow.execute

    assert gpuflow.execute
    return os.getpid()


class Running:
    """A query in another thread."""

    def __init__(self, frame: gf.Frame) -> None:
        self.result: gf.Table | BaseException | None = None
        self._thread = threading.Thread(target=contextvars.copy_context().run, args=(self._run, frame), daemon=True)
        self._thread.start()

    def _run(self, frame: gf.Frame) -> None:
        try:
            self.result = frame.collect()
        except BaseException as e:
            self.result = e

    def answer(self, seconds: float = 120) -> gf.Table:
        self._thread.join(seconds)
        assert not self._thread.is_alive(), "the query hangs"
        if isinstance(self.result, BaseException):
            raise self.result
        assert self.result is not None
        return self.result

    def kill_a_reader(self, folder: Path) -> None:
        """Kill a worker that has read three partitions and is reading the next."""
        deadline = time.monotonic() + 120
        while True:
            readers = [int(p.name.split("-")[0]) for p in folder.iterdir()]
            victim = next((pid for pid in readers if readers.count(pid) >= 4), None)
            if victim is not None:
                break
            assert self._thread.is_alive() and time.monotonic() < deadline, self.result
            time.sleep(0.01)
        os.kill(victim, signal.SIGKILL)
        assert self._thread.is_alive(), "the query was over before the worker was killed"
