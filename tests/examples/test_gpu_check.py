"""``make gpu-check`` rehearsed without a device: how it shares its time, judges its parts, reports and ends."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from gpuflow_kernels.target import PYTHON

from benchmarks.gpu import __main__ as command
from benchmarks.gpu import report as reports
from benchmarks.gpu import sanitize, small, suite
from benchmarks.gpu.part import WHERE
from benchmarks.gpu.processes import Runner, environment_of, execute, outcome
from benchmarks.gpu.schedule import PARTS, Deadline, Part, allowance, exit_code, run_parts, selected
from gpuflow import doctor
from tests.support.cuda_cases import CASES
from tests.support.host_device import Clock

no_device = pytest.mark.skipif(bool(doctor.cuda().devices), reason="shows what happens where no CUDA device is")


# -- time -------------------------------------------------------------------------------------------------------------
def test_time_is_shared_and_what_is_left_over_goes_on() -> None:
    parts, clock = (Part("a", "", 30), Part("b", "", 10), Part("c", "", 60)), Clock()
    given = {}

    def work(part: Part, seconds: float) -> dict[str, Any]:
        given[part.name] = seconds
        clock.now += {"a": 10, "b": 25, "c": 0}[part.name]
        return {"status": "ok"}

    results = run_parts(parts, Deadline(100, clock), work, say=lambda line: None)
    assert given == {"a": 30, "b": pytest.approx(90 / 7), "c": 65}
    assert [r["seconds"] for r in results.values()] == [10, 25, 0]
    assert exit_code(results) == 0


def test_what_no_longer_fits_is_not_run() -> None:
    clock, said = Clock(), []

    def work(part: Part, seconds: float) -> dict[str, Any]:
        clock.now += 99
        return {"status": "ok"}

    results = run_parts((Part("a", "", 50), Part("b", "", 50, least=2)), Deadline(100, clock), work, said.append)
    assert results["b"] == {"status": "not run", "why": "out of time", "seconds": 0.0}
    assert said[-1] == "b: not run: out of time"
    assert exit_code(results) == 0


def test_a_part_that_raises_does_not_stop_the_others() -> None:
    def work(part: Part, seconds: float) -> dict[str, Any]:
        if part.name == "a":
            raise RuntimeError("illegal address")
        return {"status": "ok"}

    results = run_parts((Part("a", "", 50), Part("b", "", 50)), Deadline(100, Clock()), work, say=lambda line: None)
    assert results["a"]["status"] == "failed"
    assert results["a"]["why"] == "RuntimeError: illegal address"
    assert results["b"]["status"] == "ok"
    assert exit_code(results) == 1


def test_nothing_run_is_not_all_right() -> None:
    assert exit_code({"G1": {"status": "not run"}}) == 1


def test_the_parts_fit_into_eight_minutes() -> None:
    assert sum(p.share for p in PARTS) <= 480
    left, clock = 470.0, Clock()
    deadline = Deadline(left, clock)
    for k, part in enumerate(PARTS):
        seconds = allowance(deadline.left(), part, PARTS[k + 1 :])
        assert seconds >= part.least
        clock.now += seconds
    assert deadline.left() >= -1e-9
    assert set(WHERE) == {p.name for p in PARTS} - {"memcheck", "racecheck", "suite"}


def test_parts_are_chosen_by_name() -> None:
    assert [p.name for p in selected("g3, micro")] == ["micro", "G3"]
    assert selected(None) == PARTS
    for wrong in ("G3,G9", "", ","):
        with pytest.raises(ValueError, match="there are micro, G1"):
            selected(wrong)


# -- sanitizer and suite ----------------------------------------------------------------------------------------------
CLEAN = "map: as on the CPU\nsplit: as on the CPU\ngpuflow: cases 2 of 2\n========= {}\n"
SUMMARIES = {
    "memcheck": "ERROR SUMMARY: {} errors",
    "racecheck": "RACECHECK SUMMARY: {} hazards displayed (0 errors, 0 warnings)",
}


@pytest.mark.parametrize("tool", ["memcheck", "racecheck"])
def test_the_sanitizer_passes_only_where_it_says_so(tool: str) -> None:
    summary = SUMMARIES[tool]
    good = CLEAN.format(summary.format(0))
    assert sanitize.verdict(tool, 0, good)["status"] == "ok"
    for code, output, status, why in (
        (99, CLEAN.format(summary.format(3)), "failed", "3 errors"),
        (0, CLEAN.format("no summary"), "failed", "exit code 0"),
        (1, good, "failed", "exit code 1"),
        (1, f"AssertionError: row 3 is 1, 2 expected\n========= {summary.format(0)}", "failed", "exit code 1"),
        (None, "map: as on the CPU\n", "not run", "out of time after 1 cases"),
        (1, "========= Error: Device not supported", "not run", "Device not supported"),
        (0, f"gpuflow: cases 0 of 2\n========= {summary.format(0)}", "not run", "no case ran"),
        (0, "", "failed", "no output"),
    ):
        found = sanitize.verdict(tool, code, output)
        assert (found["status"], why in found["why"]) == (status, True), (code, output, found)
    part = "gpuflow: cases 1 of 2"
    assert part.removeprefix("gpuflow: cases ") in sanitize.verdict(tool, 0, good.replace("gpuflow: cases 2 of 2", part))["why"]


def test_the_sanitizer_is_found_in_the_toolkit(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "compute-sanitizer"
    program.parent.mkdir()
    program.touch(mode=0o755)
    assert sanitize.find({"PATH": "", "CUDA_HOME": str(tmp_path)}) == str(program)
    assert sanitize.find({"PATH": str(program.parent)}) == str(program)
    words = sanitize.command(str(program), "racecheck", 20.4)
    assert words[:3] == [str(program), "--tool", "racecheck"]
    assert words[-2:] == ["--seconds", "20"]


def test_a_missing_sanitizer_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sanitize, "find", lambda environment: None)
    found = Runner(tmp_path, {})(Part("memcheck", "", 1), 1)
    assert (found["status"], "neither on the path" in found["why"]) == ("not run", True)


def test_the_small_set_has_every_kind_of_kernel() -> None:
    assert set(small.CASES) <= {case.name for case in CASES}
    said: list[str] = []
    assert small.run(PYTHON, 60, ("map", "split"), said.append) == 2
    assert said == ["map: as on the CPU", "split: as on the CPU", "gpuflow: cases 2 of 2"]
    assert small.run(PYTHON, -1.0, ("map",), said.append) == 0


def events(*names: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"event": "collected", "count": 10}]
    for name in names:
        state, _, test = name.partition(" ")
        found += [{"event": "start", "name": test}, {"event": state, "name": test}]
        found += [{"event": "end", "name": test}] if state != "hung" else []
    return found


def test_the_suite_comes_to_a_verdict() -> None:
    good = events("passed a", "passed b", "skipped c")
    found = suite.verdict(good, 0, [])
    assert (found["status"], found["passed"], found["skipped"], found["failed"]) == ("ok", 2, 1, [])
    assert suite.verdict(events("passed a", "failed b"), 1, [])["failed"] == ["b"]
    assert suite.verdict(events("passed a", "failed b"), 1, [])["status"] == "failed"
    late = suite.verdict(events("passed a", "hung b"), None, [])
    assert (late["status"], late["notes"]) == ("ok", ["stopped when its time was up: 1 of 10 tests ran, in the middle of b"])
    assert suite.verdict(events("hung b"), None, [])["status"] == "not run"
    assert suite.verdict([], 4, [], "conftest fails")["why"] == "no test ran: conftest fails"
    assert suite.verdict(good, -11, [], "Segmentation fault")["status"] == "failed"


def test_a_test_file_that_needs_another_library_is_not_run() -> None:
    lacking = {"event": "uncollected", "name": "tests/io/a.py", "text": "E   ModuleNotFoundError: No module named 'polars'"}
    found = suite.verdict([*events("passed a"), lacking], 1, [])
    assert (found["status"], found["why"]) == ("ok", "tests/io/a.py: not run: needs polars")
    broken = lacking | {"text": "E   ModuleNotFoundError: No module named 'gpuflow.nothing'"}
    assert suite.verdict([*events("passed a"), broken], 1, [])["failed"] == ["tests/io/a.py"]
    assert suite.absent(("json", "no_such_library")) == ["no_such_library"]
    assert "--noconftest" in suite.command(["dask"], False)
    assert suite.command([], False)[-1] == "--continue-on-collection-errors"


@pytest.mark.slow
def test_tests_are_written_down_as_they_end(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    gpu: x\n    slow: x\n")
    (tmp_path / "test_it.py").write_text(
        "import os, signal, pytest\n"
        "def test_good(): pass\n"
        "def test_bad(): assert 0\n"
        "@pytest.mark.slow\ndef test_endless(): os.kill(os.getpid(), signal.SIGKILL)\n"
        "@pytest.mark.gpu\ndef test_first(): pass\n"
        "@pytest.mark.skip\ndef test_out(): pass\n"
    )
    record = tmp_path / "record.jsonl"
    words = [sys.executable, "-m", "pytest", "-q", "-p", "benchmarks.gpu.recorder", "-c", str(tmp_path / "pytest.ini")]
    environment = environment_of(os.environ) | {"GPUFLOW_TEST_RECORD": str(record)}
    assert execute([*words, str(tmp_path)], environment, 60, tmp_path / "log") == -signal.SIGKILL
    found = suite.verdict(suite.read(record), None, [])  # killed, as it is at the end of its time
    assert (found["passed"], found["skipped"], len(found["failed"]), found["collected"]) == (2, 1, 1, 5)
    assert suite.read(record)[1]["name"].endswith("test_first")
    assert "4 of 5 tests ran, in the middle of" in found["notes"][0]


# -- processes --------------------------------------------------------------------------------------------------------
def test_a_process_ends_with_its_time(tmp_path: Path) -> None:
    start = time.monotonic()
    assert (
        execute([sys.executable, "-c", "import time; print('on', flush=True); time.sleep(60)"], {}, 7, tmp_path / "log") is None
    )
    assert time.monotonic() - start < 50
    assert (tmp_path / "log").read_text().startswith("on")
    assert execute([sys.executable, "-c", "raise SystemExit(3)"], {}, 30, tmp_path / "log") == 3


@no_device
def test_a_part_without_cupy_is_not_run(tmp_path: Path, python_environment: dict[str, str]) -> None:
    found = Runner(tmp_path, environment_of(python_environment))(PARTS[0], 60)
    assert (found["status"], "cupy" in found["why"]) == ("not run", True)


def test_what_was_measured_before_a_failure_is_kept() -> None:
    row = {"kind": "work", "name": "w", "right": True}
    assert outcome([row], None, "")["why"].startswith("did not end")
    assert outcome([row], -11, "Segmentation fault")["why"] == "exit code -11: Segmentation fault"
    assert outcome([row, {"kind": "error", "text": "E: illegal address"}], 1, "")["rows"] == [row]
    assert outcome([{"kind": "note", "text": "w: not run: out of time"}, {"kind": "end"}], 0, "")["status"] == "not run"


# -- report -----------------------------------------------------------------------------------------------------------
DEVICE = {"name": "NVIDIA H100 80GB HBM3", "capability": "9.0", "memory_gib": 79, "multiprocessors": 132, "driver": "13.0"}
WORK = {
    "kind": "work", "name": "compaction", "rows": 10**9, "target": 0.75, "right": True, "first": 1.5, "median": 0.01,
    "times": [0.01] * 3, "bytes": 24 * 10**9, "of_copy": 0.8,
    "peers": {"cupy": {"median": 0.03, "ratio": 3.0}, "torch": {"error": "MemoryError: no"}},
}  # fmt: skip
MICRO = {
    "kind": "micro",
    "name": "random gather",
    "case": "8 GiB",
    "value": 28.756,
    "unit": "G/s",
    "right": True,
    "of_copy": None,
}
REPORT: dict[str, Any] = {
    "device": DEVICE, "date": "2026-01-02", "commit": "abc1234", "command": "python -m benchmarks.gpu", "seconds": 400.0,
    "versions": {"numba": "0.68.1"}, "minutes": 8.0,
    "parts": {
        "micro": {"status": "ok", "seconds": 9.0, "rows": [MICRO], "copy_gb_per_s": 3000.0},
        "G2": {
            "status": "failed", "why": "wrong or failing: b", "seconds": 20.0, "notes": ["a note"],
            "absent": {"cudf": "not importable: ModuleNotFoundError: No module named 'cudf'"},
            "rows": [WORK, WORK | {"name": "b", "right": False},
                     {"kind": "work", "name": "c", "rows": 1, "right": False, "error": "E"}],
        },
        "memcheck": {"status": "ok", "why": "", "seconds": 3.0, "cases": 13},
        "racecheck": {"status": "not run", "why": "out of time", "seconds": 0.0},
        "suite": {
            "status": "failed", "why": "1 failed", "seconds": 99.0, "passed": 800, "skipped": 2, "failed": ["t.py::a"],
            "collected": 900, "notes": [],
        },
    },
}  # fmt: skip


def test_the_report_shows_everything(tmp_path: Path) -> None:
    path = reports.save(REPORT, tmp_path / "new", "gpu-check")
    assert json.loads(path.read_text()) == REPORT
    text = path.with_suffix(".md").read_text()
    lines = [[c.strip() for c in line.strip("|").split(" | ")] for line in text.splitlines() if line.startswith("| ")]
    assert ["random gather", "8 GiB", "28.8 G/s", ""] in lines
    work = ["G2", "compaction", "1,000,000,000", "10.00 (n=3)", "1.50", "24", "80%", "75%", "3.00", "MemoryError", ""]
    assert work in lines
    assert ["WRONG", "fails"] == [line[3] for line in lines if line[1] in ("b", "c")]
    assert ["memcheck", "3", "ok"] in lines
    assert ["racecheck", "0", "not run: out of time"] in lines
    assert ["suite", "99", "failed: 1 failed (800 passed, 1 failed, 2 skipped of 900)"] in lines
    for said in ("NVIDIA H100 80GB HBM3", "abc1234", "copy 3000 GB/s", "cudf not importable", "* G2: a note", "t.py::a failed"):
        assert said in text


def test_the_status_page_has_one_line_for_a_run(tmp_path: Path) -> None:
    document = tmp_path / "status.md"
    document.write_text("# Status\n\n<!-- gpu-runs -->\n<!-- end -->\nafter\n")
    line = reports.status_line(REPORT, reports.ROOT / "benchmarks" / "results" / "h100" / "gpu-check.json")
    assert line[:4] == ["NVIDIA H100 80GB HBM3", "2026-01-02", "abc1234", "800 passed, 1 failed of 900"]
    assert line[4] == "memcheck clean (13 cases), racecheck not run"
    assert line[5] == "`benchmarks/results/h100/gpu-check.md`, failed: G2"
    reports.put_status(document, line)
    reports.put_status(document, [*line[:1], "2026-01-03", *line[2:]])
    reports.put_status(document, [*line[:2], "def5678", *line[3:]])
    text = document.read_text()
    assert text.startswith("# Status\n\n<!-- gpu-runs -->\n| device")
    assert text.endswith("<!-- end -->\nafter\n")
    assert "2026-01-03 | abc1234" in text
    assert "2026-01-02 | abc1234" not in text
    assert sum(row.startswith("| NVIDIA") for row in text.splitlines()) == 2


def test_the_status_page_of_this_checkout_can_be_added_to(tmp_path: Path) -> None:
    document = tmp_path / "status.md"
    document.write_text(command.STATUS.read_text())
    reports.put_status(document, reports.status_line(REPORT, tmp_path / "gpu-check.json"))
    assert "800 passed, 1 failed of 900" in document.read_text()


# -- command ----------------------------------------------------------------------------------------------------------
class Answers:
    """In place of `Runner`: answers at once."""

    made: tuple[Any, ...] = ()

    def __init__(self, folder: Path, environment: dict[str, str], rows: int | None, quick: bool) -> None:
        type(self).made = (rows, quick, environment["DASK_GPUFLOW__TARGET"])

    def __call__(self, part: Part, seconds: float) -> dict[str, Any]:
        if part.name == "G2":
            raise RuntimeError("broken")
        return {"status": "ok", "rows": [], "why": ""}


@pytest.mark.parametrize(("only", "code"), [("micro,G1", 0), ("micro,G2,G3", 1), ("G9", 2)])
def test_the_command_ends_with_what_it_found(only: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "find_device", lambda: DEVICE)
    monkeypatch.setattr(command, "Runner", Answers)
    arguments = ["--only", only, "--rows", "1e6", "--quick", "--minutes", "2", "--commit", "abc", "--out", str(tmp_path)]
    result = CliRunner().invoke(command.main, arguments)
    assert result.exit_code == code, result.output
    if only == "G9":
        assert "no part is named g9" in result.output
        return
    report = json.loads((tmp_path / "gpu-check-partial.json").read_text())
    assert list(report["parts"]) == only.split(",")
    assert report["commit"] == "abc"
    assert Answers.made == (1_000_000, True, "cuda")
    assert result.output.splitlines()[-1].startswith("| " + only.split(",")[-1])  # the table is last


def test_without_a_device_it_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "find_device", lambda: "no driver")
    result = CliRunner().invoke(command.main, [])
    assert (result.exit_code, result.output) == (2, "no CUDA device: no driver\n")


def test_a_run_made_elsewhere_is_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = tmp_path / "status.md"
    document.write_text("<!-- gpu-runs -->\n<!-- end -->\n")
    monkeypatch.setattr(command, "STATUS", document)
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.setattr(command, "folder_of", lambda name: tmp_path / "results")
    brought = tmp_path / "gpu-check.json"
    brought.write_text(json.dumps(REPORT))
    result = CliRunner().invoke(command.main, ["--record", str(brought)])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "results" / "gpu-check.md").exists()
    assert "abc1234" in document.read_text()
