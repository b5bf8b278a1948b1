"""Count the files that one query walks through, and the moves between them: ``python -m benchmarks.walk``.

The query scans a Parquet file, filters, joins left on strings, groups and sorts. It is collected once to compile its kernels,
and counted when it is collected again, on one thread for tasks. A *move* is a call of a function (or a step into a generator)
in a file of gpuflow or gpuflow_kernels whose nearest caller in these packages stands in another file; what passes between
through other libraries is skipped. Counted by `sys.setprofile`, apart for the thread that collects and for those that run tasks.

With ``--arrows`` the most frequent moves are listed too.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import dask
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import gpuflow as gf
from gpuflow import col

ROWS = 10_000


class Walk:
    """The files that were entered, and the moves, of the threads that run `profile`."""

    def __init__(self) -> None:
        self.files: set[str] = set()
        self.moves: Counter[tuple[str, str]] = Counter()
        self._names: dict[str, str | None] = {}

    def profile(self, frame: FrameType, event: str, _: Any) -> None:
        if event != "call":
            return
        entered = self._name(frame.f_code.co_filename)
        if entered is None:
            return
        self.files.add(entered)
        caller = frame.f_back
        while caller is not None:
            name = self._name(caller.f_code.co_filename)
            if name is not None:
                if name != entered:
                    self.moves[name, entered] += 1
                return
            caller = caller.f_back

    def _name(self, file: str) -> str | None:
        """A file by its place in its package; None for one of another package."""
        if file not in self._names:
            parts = Path(file).parts
            places = [k for k, part in enumerate(parts[:-1]) if part in ("gpuflow", "gpuflow_kernels")]
            self._names[file] = "/".join(parts[places[-1] :]) if places and file.endswith(".py") else None
        return self._names[file]

    def forget(self) -> None:
        """Start again from nothing."""
        self.files.clear()
        self.moves.clear()

    def __str__(self) -> str:
        return f"{len(self.files)} files, {self.moves.total():,} moves"


def query(folder: Path) -> gf.Frame:
    """The query, over files that are written to `folder`."""
    rng = np.random.default_rng(1)
    names = np.array([f"name {k}" for k in range(100)])
    keys = names[rng.integers(0, 100, ROWS)]
    pq.write_table(pa.table({"k": keys, "x": rng.normal(size=ROWS), "n": rng.integers(0, 9, ROWS)}), folder / "facts.parquet")
    pq.write_table(pa.table({"k": names[:80], "group": [f"group {k % 7}" for k in range(80)]}), folder / "names.parquet")
    facts, of_names = gf.scan_parquet(folder / "facts.parquet"), gf.scan_parquet(folder / "names.parquet")
    joined = facts.filter(col("x") > 0).join(of_names, on="k", how="left")
    return joined.group_by("group").agg(s=col("x").sum(), n=gf.len()).sort("s", descending=True)


def walk() -> tuple[Walk, Walk]:
    """Collect the query: the walk of this thread, and that of those that run tasks."""
    client, worker = Walk(), Walk()
    with tempfile.TemporaryDirectory() as folder, dask.config.set({"gpuflow.threads": 1}):
        frame = query(Path(folder))
        threading.setprofile(worker.profile)  # for threads that start from now on, of which some may serve both runs
        frame.collect()
        worker.forget()
        sys.setprofile(client.profile)
        try:
            frame.collect()
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
    return client, worker


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arrows", type=int, default=0, metavar="N", help="list the N most frequent moves of each thread")
    arguments = parser.parse_args()
    for what, one in zip(("the thread that collects", "threads of tasks"), walk(), strict=True):
        print(f"{what}: {one}")
        for (a, b), count in one.moves.most_common(arguments.arrows):
            print(f"  {count:>5}  {a} -> {b}")


if __name__ == "__main__":
    main()
