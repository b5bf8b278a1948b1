"""`gf.cluster()` starts workers on loopback, and leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import gpuflow as gf

START = """
import numpy as np, psutil
import gpuflow as gf

def query():
    return gf.from_numpy({"x": np.arange(10)}).select(gf.col("x").sum()).collect().to_arrow().to_pydict()

if __name__ == "__main__":
"""

# Left to the end of the process, or closed, more than once.
WAYS = {
    "with": "with gf.cluster(2, threads=1) as client:\n        {body}",
    "close": "client = gf.cluster(2, threads=1)\n    {body}\n    client.close()\n    client.close()",
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
    import psutil

    assert not any(psutil.pid_exists(int(pid)) for pid in pids)
    assert run.stderr == ""


def test_gpus_are_demanded_in_vain() -> None:
    from gpuflow.doctor import cuda

    if cuda().devices:
        pytest.fail("this test is for machines without a GPU; deselect it where there is one")
    with pytest.raises(ValueError, match="no CUDA device"):
        gf.cluster(gpu=True)
