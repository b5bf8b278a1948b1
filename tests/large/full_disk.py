"""Fill the disk that workers spill to, and see that the query says so. Needs root (it mounts a tmpfs); run by
``make test-workers``.

Two workers of 500 MB spill into a folder of 32 MB. A result of more than they hold is kept on them: Dask cannot write what
does not fit into memory, the workers pause, and within 60 seconds the query has to end with an error that names the disk.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time

import numpy as np

import gpuflow as gf
from gpuflow import col

ROWS = 40_000_000


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", folder], check=True)
        try:
            return fill(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder: str) -> int:
    """Keep 640 MB on workers that may hold about 300."""
    with gf.cluster(2, threads=1, memory_limit="500MB", local_directory=folder):
        data = gf.from_numpy({"x": np.arange(ROWS)})
        started = time.monotonic()
        try:
            kept = data.select(col("x") * 2, y=col("x") + 1).persist()
            kept.select(col("y").sum()).collect()
        except gf.errors.ExecutionError as e:
            seconds = time.monotonic() - started
            told = "disk" in str(e)
            print(f"after {seconds:.0f} s: {e}")
            return 0 if told and seconds < 60 else 1
    print("the query ended, though it could not have")
    return 1


if __name__ == "__main__":
    sys.exit(main())
