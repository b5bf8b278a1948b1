"""Join more rows than two small workers hold at once. Run by ``make test-workers``, some minutes.

The workers have 500 MB each, of which an empty one weighs about 250. Every run starts workers of its own, joins two tables of
8 million rows, from files or from this process's memory, and compares the answer with NumPy's.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import gpuflow as gf
from gpuflow import col


def tables(rows: int) -> tuple[dict[str, Any], dict[str, Any], dict[str, list[int]]]:
    """Columns of both sides, and the answer: every key of the right side is there once."""
    rng = np.random.default_rng(14)
    right = {"k": rng.permutation(rows), "w": np.arange(rows)}
    left = {"k": rng.integers(0, 2 * rows, rows), "v": rng.integers(0, 1000, rows)}
    place = np.empty(rows, np.int64)
    place[right["k"]] = right["w"]
    matched = left["k"] < rows
    total = int(place[left["k"][matched]].sum())
    return left, right, {"n": [int(matched.sum())], "v": [int(left["v"][matched].sum())], "w": [total]}


def run(left: gf.Frame, right: gf.Frame, memory: str) -> dict[str, list[int]]:
    """One run with new workers; the answer."""
    with gf.cluster(2, threads=1, memory_limit=memory):
        joined = left.join(right, on="k")
        return joined.select(n=gf.len(), v=col("v").sum(), w=col("w").sum()).collect().to_dict()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=float, default=8e6)
    parser.add_argument("--memory", default="500MB", help="of each worker")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--source", choices=["files", "memory"], default="files")
    args = parser.parse_args()
    left, right, want = tables(int(args.rows))
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        frames = gf.from_numpy(left), gf.from_numpy(right)
        if args.source == "files":
            paths = Path(folder, "left.parquet"), Path(folder, "right.parquet")
            for frame, path in zip(frames, paths, strict=True):
                frame.collect().write_parquet(path)
            frames = gf.scan_parquet(paths[0]), gf.scan_parquet(paths[1])
        for number in range(args.runs):
            started = time.monotonic()
            try:
                got: Any = run(*frames, args.memory)
            except gf.errors.GpuflowError as e:
                got = e
            failed += got != want
            seconds = time.monotonic() - started
            print(f"run {number + 1}: {'right' if got == want else got!r}, {seconds:.0f} s", flush=True)
    print(f"{args.runs - failed} of {args.runs} runs ended with the right answer")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
