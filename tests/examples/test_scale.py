"""``examples/cluster/scale.py`` against a real scheduler and two real worker processes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gpuflow.demo import frames
from gpuflow.demo.questions import QUESTIONS

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = ["--host", "127.0.0.1", "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]

pytestmark = pytest.mark.slow


@pytest.fixture
def dask_cluster(tmp_path: Path, python_environment: dict[str, str]) -> Iterator[tuple[Path, list[subprocess.Popen[bytes]]]]:
    """(scheduler file, the two worker processes); a scheduler and workers started by their commands."""
    file = tmp_path / "scheduler.json"
    log = (tmp_path / "dask.log").open("wb")

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", *arguments, "--scheduler-file", str(file), *LOOPBACK]
        return subprocess.Popen(command, env=python_environment, cwd=tmp_path, stdout=log, stderr=log)

    scheduler = start("scheduler", "--port", "0")
    deadline = time.monotonic() + 120
    while not file.exists() or not file.read_text().strip():
        assert scheduler.poll() is None, (tmp_path / "dask.log").read_text()
        assert time.monotonic() < deadline, "the scheduler did not start"
        time.sleep(0.1)
    # Without a nanny: a killed worker stays dead.
    workers = [start("worker", "--nthreads", "1", "--no-nanny", "--local-directory", str(tmp_path / f"w{i}")) for i in range(2)]
    yield file, workers
    for process in (*workers, scheduler):
        process.kill()  # asked to end, they wait for each other for a long time
    for process in (*workers, scheduler):
        process.wait(120)
    log.close()


def start_query(folder: Path, file: Path, out: Path, environment: dict[str, str], repeat: int = 1) -> subprocess.Popen[str]:
    script = str(ROOT / "examples" / "cluster" / "scale.py")
    command = [sys.executable, "-u", script, str(folder), "--scheduler-file", str(file), "--workers", "2", "--json", str(out)]
    command += ["--repeat", str(repeat)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def check(answers: dict[str, Any], folder: Path) -> None:
    """The answers are those of one process, floats within rounding."""
    tables = frames(folder)
    for question in QUESTIONS:
        want = question.ask(tables).collect().to_arrow().to_pydict()
        got = answers[question.name]
        assert set(got) == set(want)
        for name, values in want.items():
            assert got[name] == [pytest.approx(v, rel=1e-11) if isinstance(v, float) else v for v in values], (
                question.name,
                name,
            )


def test_answers_are_those_of_one_process(
    dask_cluster: Any, flights_folder: Path, tmp_path: Path, python_environment: dict[str, str]
) -> None:
    file, _ = dask_cluster
    run = start_query(flights_folder, file, tmp_path / "answers.json", python_environment)
    output, _ = run.communicate(timeout=180)
    assert run.returncode == 0, output
    assert output.startswith("2 workers")
    check(json.loads((tmp_path / "answers.json").read_text()), flights_folder)


def test_a_killed_worker_changes_no_answer(
    dask_cluster: Any, flights_folder: Path, tmp_path: Path, python_environment: dict[str, str]
) -> None:
    file, workers = dask_cluster
    run = start_query(flights_folder, file, tmp_path / "answers.json", python_environment, repeat=5)
    assert run.stdout is not None
    lines = []
    for line in run.stdout:
        lines.append(line)
        if line.startswith(QUESTIONS[0].title):
            break  # the first answer is out, the second question is being asked
    workers[0].kill()
    rest, _ = run.communicate(timeout=240)
    assert run.returncode == 0, "".join(lines) + rest
    assert workers[0].wait(120) != 0
    check(json.loads((tmp_path / "answers.json").read_text()), flights_folder)
