"""Run the workers one after another, compare their answers, and gather their timings."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.answers import differences
from benchmarks.data import tables_for
from benchmarks.questions import QUESTIONS

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
DATA = ROOT / "benchmarks" / ".data"


def machine() -> dict[str, Any]:
    """Return processor, cores and memory, of which the folder name of results is made."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        match = re.search(r"model name\s*:\s*(.+)", info.read_text())
        model = match.group(1).strip() if match else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30 if hasattr(os, "sysconf") else 0.0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"processor": model, "cores": cores, "memory_gib": round(memory), "python": platform.python_version()}


def folder_of(device: str) -> Path:
    """Return the folder for the results of a device."""
    return RESULTS / re.sub(r"[^a-z0-9]+", "-", device.lower()).strip("-")


def run(
    rows: int,
    engines: Sequence[str],
    questions: Sequence[str] = tuple(QUESTIONS),
    *,
    threads: int = 2,
    repeat: int = 5,
    budget: float = 90.0,
    data: Path = DATA,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Measure `engines` on `questions` over `rows` rows.

    Returns
    -------
    dict
        ``machine``, ``rows``, ``threads``, ``engines`` (version, load seconds, peak memory by task) and ``questions``:
        for each its text, the timings of every engine, and ``wrong``: what differs from the reference engine.
    """
    report: dict[str, Any] = {
        "machine": machine(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "rows": rows,
        "threads": threads,
        "engines": {name: {} for name in engines},
        "questions": {key: {"text": QUESTIONS[key].text, "engines": {}, "wrong": {}} for key in questions},
    }
    for task in sorted({QUESTIONS[key].task for key in questions}):
        tables = tables_for(task, rows, data)
        asked = [key for key in questions if QUESTIONS[key].task == task]
        with tempfile.TemporaryDirectory() as scratch:
            answers = {}
            for engine in engines:
                say(f"{task}: {engine}")
                answer = _work(engine, task, tables, asked, threads, repeat, budget, Path(scratch))
                answers[engine] = answer["questions"]
                report["engines"][engine]["version"] = answer["version"]
                report["engines"][engine][task] = {"load": answer["load"], "peak_mib": answer["peak_mib"]}
            for key in asked:
                _compare(report["questions"][key], key, {e: a[key] for e, a in answers.items()}, Path(scratch))
    return report


def _work(
    engine: str, task: str, tables: dict[str, Path], asked: list[str], threads: int, repeat: int, budget: float, scratch: Path
) -> Any:
    spec = {"engine": engine, "task": task, "tables": {n: str(p) for n, p in tables.items()}, "questions": asked}
    spec |= {"threads": threads, "repeat": repeat, "budget": budget, "out": str(scratch)}
    file = scratch / f"{engine}-spec.json"
    file.write_text(json.dumps(spec))
    limits = dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "DASK_GPUFLOW__THREADS", "DASK_NUM_WORKERS"), str(threads))
    path = os.pathsep.join([str(ROOT), str(ROOT / "kernels"), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    environment = os.environ | limits | {"PYTHONPATH": path}
    # Confined to as many cores as threads: an engine that ignores its setting gains nothing by it.
    confine = None
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))[:threads]
        confine = f"import os; os.sched_setaffinity(0, {cores}); "
    start = f"{confine or ''}import sys; from benchmarks.worker import main; main(sys.argv[1])"
    subprocess.run([sys.executable, "-c", start, str(file)], check=True, env=environment, cwd=ROOT)
    return json.loads((scratch / f"{engine}-{task}.json").read_text())


def _compare(entry: dict[str, Any], key: str, answers: dict[str, Any], scratch: Path) -> None:
    """Put timings and disagreements into `entry`; the reference is the last engine that answered and is not gpuflow."""

    def loaded(engine: str) -> dict[str, Any]:
        with np.load(scratch / f"{engine}-{key}.npz") as arrays:
            return answers[engine]["answer"] | {"floats": dict(arrays)}

    good = [e for e, a in answers.items() if "answer" in a]
    reference = next((e for e in ("duckdb", "polars", "pandas", *good) if e in good), None)
    expected = loaded(reference) if reference else None
    for engine, answer in answers.items():
        entry["engines"][engine] = {k: v for k, v in answer.items() if k != "answer"}
        if engine in good and engine != reference and expected is not None:
            wrong = differences(loaded(engine), expected, QUESTIONS[key].tolerance)
            if wrong:
                entry["wrong"][engine] = f"against {reference}: " + "; ".join(wrong)
    entry["rows"] = expected["rows"] if expected else None
    entry["reference"] = reference
