"""Run each part in a process of its own, which is ended with all its children when its time is up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.gpu import sanitize, suite
from benchmarks.gpu.part import WHERE
from benchmarks.gpu.schedule import Part
from benchmarks.runner import ROOT

GRACE = 5.0
"""Seconds between asking a process to end and ending it."""


def environment_of(base: Mapping[str, str]) -> dict[str, str]:
    """The environment of the parts: this checkout importable, the CUDA target asked for."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "kernels"), base.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return {**base, "PYTHONPATH": path, "DASK_GPUFLOW__TARGET": "cuda", "PYTHONUNBUFFERED": "1"}


def execute(command: Sequence[str], environment: Mapping[str, str], seconds: float, log: Path) -> int | None:
    """Run a command, its output into `log`; return its exit code, or None if it was stopped because its time was up."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, env=dict(environment), cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            return process.wait(max(seconds - GRACE, 0.1))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(GRACE)
            except subprocess.TimeoutExpired:
                pass
            return None
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)  # it has a session of its own: end what it left running
            except ProcessLookupError:
                pass
            process.wait()


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs a part and returns its result."""

    folder: Path
    """For records and logs."""
    environment: Mapping[str, str]
    rows: int | None = None
    quick: bool = False

    def __call__(self, part: Part, seconds: float) -> dict[str, Any]:
        if part.name in WHERE:
            return self.measured(part, seconds)
        return self.tested(seconds) if part.name == "suite" else self.sanitized(part.name, seconds)

    def measured(self, part: Part, seconds: float) -> dict[str, Any]:
        record, log = self.folder / f"{part.name}.jsonl", self.folder / f"{part.name}.log"
        spec = {
            "name": part.name,
            "out": str(record),
            "seconds": (seconds - GRACE) * 0.85,
            "rows": self.rows,
            "quick": self.quick,
        }
        code = execute([sys.executable, "-m", "benchmarks.gpu.part", json.dumps(spec)], self.environment, seconds, log)
        return outcome(suite.read(record), code, last_line(log))

    def sanitized(self, tool: str, seconds: float) -> dict[str, Any]:
        program = sanitize.find(self.environment)
        if program is None:
            return {"status": "not run", "why": "compute-sanitizer is neither on the path nor in CUDA_HOME"}
        log = self.folder / f"{tool}.log"
        code = execute(sanitize.command(program, tool, seconds / 2), self.environment, seconds, log)
        return sanitize.verdict(tool, code, log.read_text(errors="replace"))

    def tested(self, seconds: float) -> dict[str, Any]:
        lacking = suite.absent(suite.ALWAYS)
        if lacking:
            return {"status": "not run", "why": f"not installed: {', '.join(lacking)}"}
        missing = suite.absent(suite.WHOLE)
        record, log = self.folder / "suite.jsonl", self.folder / "suite.log"
        environment = {**self.environment, "GPUFLOW_TEST_RECORD": str(record)}
        code = execute(suite.command(missing, self.quick), environment, seconds, log)
        return suite.verdict(suite.read(record), code, missing, last_line(log))


def last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()] if log.exists() else []
    return next((line for line in reversed(lines) if line), "")[:300]


def outcome(records: list[dict[str, Any]], returncode: int | None, tail: str) -> dict[str, Any]:
    """Summarise the records of a measuring part. Measurements made before a failure are kept."""
    result: dict[str, Any] = {
        "copy_gb_per_s": next((r["gb_per_s"] for r in records if r["kind"] == "copy"), None),
        "rows": [r for r in records if r["kind"] in ("work", "micro")],
        "notes": [r["text"] for r in records if r["kind"] == "note"],
        "absent": {r["peer"]: r["why"] for r in records if r["kind"] == "absent"},
    }
    for record in (r for r in records if r["kind"] == "peer"):
        row = next(r for r in result["rows"] if r["name"] == record["name"])
        row.setdefault("peers", {})[record["peer"]] = {k: record[k] for k in ("median", "ratio", "error") if k in record}
    errors = [r["text"] for r in records if r["kind"] == "error"]
    wrong = [r["name"] for r in result["rows"] if not r["right"]]
    if errors:
        missing = [e for e in errors if e.startswith("ModuleNotFoundError: ") and "gpuflow" not in e]
        if missing and not result["rows"]:
            return result | {"status": "not run", "why": missing[0]}
        return result | {"status": "failed", "why": errors[0]}
    last = next((r for r in reversed(records) if r["kind"] == "begin"), {"name": "nothing", "peer": None})
    if returncode is None and last["peer"] is None:
        return result | {"status": "failed", "why": f"did not end in its time, and was stopped in {last['name']}"}
    if returncode is None:  # a slow peer does not fail the part
        result["notes"].append(f"stopped when its time was up, while {last['peer']} ran: {last['name']}")
    elif returncode != 0 or not any(r["kind"] == "end" for r in records):
        return result | {"status": "failed", "why": f"exit code {returncode}: {tail}"}
    if wrong:
        return result | {"status": "failed", "why": f"wrong or failing: {', '.join(wrong)}"}
    if not result["rows"]:
        return result | {"status": "not run", "why": "out of time" if result["notes"] else "nothing was measured"}
    return result | {"status": "ok"}
