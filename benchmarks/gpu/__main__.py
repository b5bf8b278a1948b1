"""The command: ``python -m benchmarks.gpu``, which is ``make gpu-check``."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click

from benchmarks.gpu import report as reports
from benchmarks.gpu.processes import Runner, environment_of
from benchmarks.gpu.schedule import RESERVE, Deadline, Part, exit_code, run_parts, selected
from benchmarks.runner import ROOT, folder_of, machine

NO_DEVICE = 2
STATUS = ROOT / "docs" / "gpu-status.md"
PACKAGES = (
    "numba",
    "numba-cuda",
    "cupy-cuda13x",
    "cupy-cuda12x",
    "cupy",
    "numpy",
    "pyarrow",
    "dask",
    "torch",
    "cudf-cu13",
    "cudf-cu12",
)


def find_device() -> dict[str, Any] | str:
    """The first device as the report describes it, or why there is none; CuPy and Numba suffice to ask."""
    try:
        import cupy
        from numba import cuda

        runtime = cupy.cuda.runtime
        if runtime.getDeviceCount() == 0 or not cuda.is_available():
            raise RuntimeError("the driver shows none")
        properties, number = runtime.getDeviceProperties(0), runtime.driverGetVersion()
    except Exception as error:  # a missing driver, package or device: each shows in its own way
        return _diagnosed() or f"{type(error).__name__}: {error}"
    name = properties["name"]
    return {
        "name": name.decode() if isinstance(name, bytes) else str(name),
        "capability": f"{properties['major']}.{properties['minor']}",
        "memory_gib": round(properties["totalGlobalMem"] / 2**30),
        "multiprocessors": properties["multiProcessorCount"],
        "driver": f"{number // 1000}.{number % 1000 // 10}",
    }


def _diagnosed() -> str | None:
    """What `gpuflow doctor` finds, where it can be imported."""
    try:
        from gpuflow.execute.diagnosis import diagnose, gather
    except ImportError:
        return None
    problems = diagnose(gather())
    return f"{problems[0].problem}; {problems[0].fix}" if problems else None


def commit() -> str:
    """The commit of the checkout, with a plus sign where files differ from it; ``unknown`` outside of git."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", "gpuflow", "kernels", "tests", "benchmarks/gpu")
        return git("rev-parse", "--short", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def versions() -> dict[str, str]:
    installed = {}
    for name in PACKAGES:
        try:
            installed[name] = version(name)
        except PackageNotFoundError:
            continue
    return installed


def check(
    parts: tuple[Part, ...],
    device: dict[str, Any],
    minutes: float,
    run: Callable[[Part, float], dict[str, Any]],
    about: Mapping[str, Any],
    clock: Callable[[], float] = time.monotonic,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Run the parts within the time; the report."""
    deadline = Deadline(minutes * 60, clock)
    deadline.end -= RESERVE
    before = clock()
    results = run_parts(parts, deadline, run, say)
    return {"device": device, **about, "minutes": minutes, "seconds": round(clock() - before, 1), "parts": results}


@click.command()
@click.option("--only", help="Only these parts, such as micro,G1,suite.")
@click.option("--rows", type=float, help="Rows of the G parts, instead of what fits the free memory.")
@click.option("--minutes", type=click.FloatRange(min=0.5), default=8.0, show_default=True, help="When all of it must have ended.")
@click.option("--quick", is_flag=True, help="A million rows, and of the suite the tests of kernels only.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for results instead of benchmarks/results/<device>.")
@click.option("--commit", "named", help="The commit to name in the report, where git cannot tell.")
@click.option(
    "--record", type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Run nothing: enter the JSON file of a run on another machine into benchmarks/results and docs/gpu-status.md.",
)  # fmt: skip
def main(
    only: str | None, rows: float | None, minutes: float, quick: bool, out: Path | None, named: str | None, record: Path | None
) -> None:
    """Prove gpuflow on this machine's first CUDA device. Exits with 0 if all is well, 1 if not, 2 without a device."""
    if record is not None:
        report = json.loads(record.read_text())
        path = reports.save(report, folder_of(report["device"]["name"]), record.stem)
        reports.put_status(STATUS, reports.status_line(report, path))
        click.echo(f"entered: {path.relative_to(ROOT)}")
        return
    try:
        parts = selected(only)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--only") from error
    device = find_device()
    if isinstance(device, str):
        click.echo(f"no CUDA device: {device}")
        sys.exit(NO_DEVICE)
    click.echo(f"{device['name']}, compute capability {device['capability']}, {device['memory_gib']} GiB")
    about = {
        "machine": machine(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": named or commit(),
        "command": shlex.join(["python", "-m", "benchmarks.gpu", *sys.argv[1:]]),
        "versions": versions(),
    }
    with tempfile.TemporaryDirectory() as scratch:
        runner = Runner(Path(scratch), environment_of(os.environ), None if rows is None else int(rows), quick)
        report = check(parts, device, minutes, runner, about, say=click.echo)
    whole = only is None and not quick and rows is None
    path = reports.save(report, out or folder_of(device["name"]), "gpu-check" if whole else "gpu-check-partial")
    if out is None:
        reports.put_status(STATUS, reports.status_line(report, path))
    click.echo(f"written: {path}\n\n{reports.markdown(report)}", nl=False)
    sys.exit(exit_code(report["parts"]))


if __name__ == "__main__":
    main()
