"""`gf.cluster()` starts workers on loopback, and leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

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
    run = subprocess.run(command, env=python_environment, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    answer, workers, interfaces, *pids = run.stdout.strip().split(";")
    assert (answer, workers, interfaces) == ("{'x': [45]}", "2", "{'127.0.0.1'}")
    assert len(pids) >= 2
    # on a busy machine a nanny may lose patience with a worker that is ending, and kill it: nothing is left all the same
    said = [line for line in run.stderr.splitlines() if "Worker process still alive after" not in line]
    assert said == []
    deadline = time.monotonic() + 10
    while any(alive(int(pid)) for pid in pids):
        assert time.monotonic() < deadline, "processes are left"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    """Whether a process still runs (one that nobody has asked for its exit code is over as well)."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
