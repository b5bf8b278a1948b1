"""compute-sanitizer over `benchmarks.gpu.small`."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.gpu.small import DONE

SUMMARY = {"memcheck": re.compile(r"ERROR SUMMARY: (\d+) error"), "racecheck": re.compile(r"RACECHECK SUMMARY: (\d+) hazard")}


def find(environment: Mapping[str, str]) -> str | None:
    """The program: on the path, or in the toolkit that ``CUDA_HOME`` or ``CUDA_PATH`` names."""
    path = shutil.which("compute-sanitizer", path=environment.get("PATH", os.defpath))
    roots = [environment.get("CUDA_HOME"), environment.get("CUDA_PATH"), "/usr/local/cuda"]
    places = [Path(r) / folder / "compute-sanitizer" for r in roots if r for folder in ("bin", "compute-sanitizer")]
    return path or next((str(p) for p in places if p.is_file() and os.access(p, os.X_OK)), None)


def command(program: str, tool: str, seconds: float) -> list[str]:
    """What to run. Errors of API calls are left to the program, which raises them: CuPy makes some on purpose."""
    watched = [sys.executable, "-m", "benchmarks.gpu.small", "--seconds", f"{seconds:.0f}"]
    return [program, "--tool", tool, "--report-api-errors", "no", "--error-exitcode", "99", *watched]


def verdict(tool: str, returncode: int | None, output: str) -> dict[str, Any]:
    """What a run came to; `returncode` is None where it was stopped. It passes only where the tool says so itself."""
    lines = output.splitlines()
    summary = SUMMARY[tool].search(output)
    done = re.search(rf"{DONE} (\d+) of (\d+)", output)
    cases = sum(line.endswith(": as on the CPU") for line in lines)
    result = {"errors": int(summary.group(1)) if summary else None, "cases": cases}
    if summary is not None and result["errors"]:
        first = next(
            (line.strip("= ") for line in lines if line.startswith("=========") and re.search(r"(?i)invalid|hazard|race", line)),
            "",
        )
        return result | {"status": "failed", "why": f"{result['errors']} errors; {first}"}
    if returncode is None:
        return result | {"status": "not run", "why": f"out of time after {cases} cases; no verdict"}
    unable = next(
        (line.strip("= ") for line in lines if re.search(r"(?i)not supported|unable to|no attachable|failed to", line)), None
    )
    if cases == 0 and unable is not None:
        return result | {"status": "not run", "why": unable}
    if summary is None or done is None or returncode != 0:
        return result | {
            "status": "failed",
            "why": f"exit code {returncode}: {next((x for x in reversed(lines) if x.strip('= ')), 'no output')}",
        }
    if cases == 0:
        return result | {"status": "not run", "why": "no case ran in the time there was"}
    return result | {
        "status": "ok",
        "why": "" if done.group(1) == done.group(2) else f"{done.group(1)} of {done.group(2)} cases in the time there was",
    }
