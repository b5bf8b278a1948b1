"""The commands a person types."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

import gpuflow as gf
from gpuflow import doctor
from gpuflow.cli import main
from gpuflow.version import __version__


def test_version() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert result.exit_code == 0
    assert __version__ in result.output


def test_doctor_says_what_is_there_and_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = doctor.installed
    monkeypatch.setattr(doctor, "installed", lambda name: None if name in ("matplotlib", "polars") else installed(name))
    monkeypatch.setattr(doctor, "cuda", lambda: doctor.Cuda(None, (), "no NVIDIA driver (libcuda) was found"))
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 0, result.output
    for said in (
        "numpy",
        "numba",
        "cpu (",
        "none: no NVIDIA driver",
        "kernel cache",
        "pip install 'matplotlib>=3.9' 'polars>=1.20'",
    ):
        assert said in result.output
    assert installed("numpy") in result.output


def test_an_error_is_a_message_and_not_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    result = CliRunner().invoke(main, ["demo", "--data", str(tmp_path)])
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert "Traceback" not in result.output


@pytest.mark.slow
@pytest.mark.skipif(bool(doctor.cuda().devices), reason="only where no CUDA device is: it would run the whole suite")
def test_gpu_check_without_a_device(python_environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "benchmarks.gpu"]
    root = Path(__file__).resolve().parents[2]
    result = subprocess.run(command, capture_output=True, text=True, env=python_environment, cwd=root, check=False)
    assert result.returncode == 2
    assert result.stdout.startswith("no CUDA device: ")


def test_cluster_that_needs_a_gpu_says_why_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "cuda", lambda: doctor.Cuda(None, (), "no NVIDIA driver (libcuda) was found"))
    with pytest.raises(ValueError, match="no CUDA device: no NVIDIA driver"):
        gf.cluster(gpu=True)


@pytest.mark.slow
def test_cluster_listens_on_loopback_and_ends_with_its_client() -> None:
    with gf.cluster(2, threads=1, gpu=False) as client:
        workers = client.scheduler_info(n_workers=-1)["workers"]
        assert len(workers) == 2
        processes = {os.getpid(), *client.run(os.getpid).values()}
        listening = {c.laddr.ip for pid in processes for c in psutil.Process(pid).net_connections("tcp") if c.status == "LISTEN"}
        assert listening == {"127.0.0.1"}
        assert client.submit(sum, [1, 2]).result() == 3
        cluster = client.cluster
    assert cluster.status.name == "closed"
