"""Compare two checkouts: ``python -m benchmarks.pairs --before FOLDER``.

Each checkout gets one process, which loads the tables of db-benchmark and opens the file of `benchmarks.lineitem`. Every question
is asked of both in turns, so that a machine whose speed changes from minute to minute changes it for both. A ratio above 1 says
that the checkout at hand is faster than the one before.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

SCALE = 1.0
"""The scale factor of ``lineitem``."""


class Checkout:
    """A process that answers questions with the code of one folder."""

    def __init__(self, folder: Path, spec: dict[str, Any]) -> None:
        path = os.pathsep.join([str(folder), str(folder / "kernels")])
        threads = str(spec["threads"])
        environment = os.environ | {"PYTHONPATH": path, "DASK_GPUFLOW__THREADS": threads, "OMP_NUM_THREADS": threads}
        # -P: what stands beside this file must not hide what the folder has
        command = [sys.executable, "-P", __file__, "--answering", json.dumps(spec)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._process: Any = subprocess.Popen(command, cwd=folder, env=environment, **pipes)
        self.folder = self._read()["folder"]

    def _read(self) -> Any:
        line = self._process.stdout.readline()
        if not line:
            raise click.ClickException("a process ended before it answered")
        return json.loads(line)

    def ask(self, key: str) -> float:
        """Return the seconds that one question took."""
        self._process.stdin.write(key + "\n")
        self._process.stdin.flush()
        return float(self._read()["seconds"])

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


def answer(spec: dict[str, Any]) -> None:
    """Load what the questions need, then answer one for every line of the standard input."""
    import gpuflow
    from benchmarks import lineitem
    from benchmarks.data import read
    from benchmarks.engines import Gpuflow
    from benchmarks.questions import QUESTIONS

    asks: dict[str, Callable[[], Any]] = {}
    for task, tables in spec["tables"].items():
        engine = Gpuflow(spec["threads"])
        for name, path in tables.items():
            engine.load(name, read(Path(path)))
        asks |= {k: lambda e=engine, q=q: e.ask(q) for k, q in QUESTIONS.items() if q.task == task}
    if spec["lineitem"]:
        asked = lineitem.gpuflow_engine(spec["lineitem"], SCALE, spec["threads"])
        asks |= {key: run for key, (run, _) in asked.items()}
    print(json.dumps({"folder": str(Path(gpuflow.__file__).parents[1])}), flush=True)
    for line in sys.stdin:
        gc.collect()
        start = time.perf_counter()
        result = asks[line.strip()]()
        print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)
        del result


@click.command()
@click.option("--before", type=click.Path(exists=True, file_okay=False, path_type=Path), help="The checkout to compare with.")
@click.option("--rows", type=float, default=1e7, show_default=True, help="Rows of db-benchmark's large tables.")
@click.option("--rounds", default=7, show_default=True, help="Calls of each question in each checkout, after a first one.")
@click.option("--threads", default=2, show_default=True)
@click.option("--question", "questions", multiple=True, help="Only these, such as group-by-q1 or lineitem-q6.")
@click.option("--answering", hidden=True)
def main(before: Path | None, rows: float, rounds: int, threads: int, questions: tuple[str, ...], answering: str | None) -> None:
    """Ask the questions of both benchmarks of two checkouts in turns, and print the ratio of the medians."""
    if answering:
        answer(json.loads(answering))
        return
    if before is None:
        raise click.UsageError("--before says which checkout to compare with, as a work tree of an older commit")
    from benchmarks import lineitem
    from benchmarks.data import tables_for
    from benchmarks.questions import QUESTIONS
    from benchmarks.runner import DATA, ROOT

    keys = questions or (*QUESTIONS, *lineitem.QUESTIONS)
    tasks = sorted({QUESTIONS[k].task for k in keys if k in QUESTIONS})
    tables = {task: {n: str(p) for n, p in tables_for(task, int(rows), DATA).items()} for task in tasks}
    file = str(lineitem.data_file(SCALE)) if any(k in lineitem.QUESTIONS for k in keys) else ""
    spec = {"threads": threads, "tables": tables, "lineitem": file}
    sides = [Checkout(folder.resolve(), spec) for folder in (before, ROOT)]
    click.echo(f"before: {sides[0].folder}\nnow:    {sides[1].folder}")
    for key in keys:
        first = [side.ask(key) for side in sides]
        times: list[list[float]] = [[], []]
        for k in range(rounds):
            for n in (0, 1) if k % 2 else (1, 0):
                times[n].append(sides[n].ask(key))
        a, b = map(statistics.median, times)
        best = min(times[0]) / min(times[1])
        medians = f"{key:16} {1000 * a:9.1f} ms {1000 * b:9.1f} ms  ratio {a / b:5.2f}, of the fastest {best:5.2f}"
        click.echo(f"{medians}, first {first[0]:.2f} s {first[1]:.2f} s")
    for side in sides:
        side.close()


if __name__ == "__main__":
    main()
