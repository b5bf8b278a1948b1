"""The test suite on the CUDA target, for as long as there is time."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ALWAYS = ("pytest", "hypothesis", "numba", "cupy")
"""Packages that the tests of kernels need."""
WHOLE = ("dask", "pyarrow", "fsspec", "rich", "click")
"""Further packages that `import gpuflow` and the tests' common setup need."""


def absent(names: tuple[str, ...], find: Callable[[str], Any] = importlib.util.find_spec) -> list[str]:
    return [name for name in names if find(name) is None]


def command(missing: list[str], quick: bool) -> list[str]:
    """pytest over everything; over the kernels alone, without the common setup, where gpuflow itself cannot be imported."""
    base = [sys.executable, "-m", "pytest", "-q", "-p", "benchmarks.gpu.recorder", "--continue-on-collection-errors"]
    if missing:
        return [*base, "--noconftest", "tests/kernels/test_cuda_device.py"]
    return [*base, "tests/kernels/test_cuda_device.py"] if quick else base


def read(record: Path) -> list[dict[str, Any]]:
    """Read the recorder's lines; skip one that was cut off."""
    events = []
    for line in record.read_text().splitlines() if record.exists() else ():
        try:
            events.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return events


def verdict(events: list[dict[str, Any]], returncode: int | None, missing: list[str], tail: str = "") -> dict[str, Any]:
    """Summarise a run; `returncode` is None if the time was up.

    A test file that could not be imported because another library is not installed counts as not run, not as failed.
    """
    by = {kind: [e["name"] for e in events if e["event"] == kind] for kind in ("passed", "failed", "skipped", "start", "end")}
    failed = list(dict.fromkeys(by["failed"]))
    notes = [f"not installed: {', '.join(missing)}; only the tests of kernels ran"] if missing else []
    for event in (e for e in events if e["event"] == "uncollected"):
        module = re.findall(r"No module named '([\w.]+)'", event["text"])
        if module and module[-1].split(".")[0] not in ("gpuflow", "gpuflow_kernels", "tests", "benchmarks"):
            notes.append(f"{event['name']}: not run: needs {module[-1].split('.')[0]}")
        else:
            failed.append(event["name"])
    collected = next((e["count"] for e in events if e["event"] == "collected"), 0)
    result = {"passed": len(set(by["passed"]) - set(failed)), "skipped": len(set(by["skipped"])), "failed": failed}
    result |= {"collected": collected, "notes": notes}
    ran = len(set(by["end"]))
    if returncode is None:
        running = [name for name in by["start"] if name not in set(by["end"])]
        notes.append(
            f"stopped when its time was up: {ran} of {collected} tests ran"
            + (f", in the middle of {running[-1]}" if running else "")
        )
    if failed:
        return result | {"status": "failed", "why": f"{len(failed)} failed"}
    if not result["passed"]:
        return result | {
            "status": "not run",
            "why": "out of time" if returncode is None else f"no test ran: {tail or 'nothing was collected'}",
        }
    if returncode not in (None, 0, 1) or (returncode == 1 and not notes):
        return result | {"status": "failed", "why": f"pytest ended with {returncode}: {tail}"}
    return result | {"status": "ok", "why": "; ".join(notes)}
