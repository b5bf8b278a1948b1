"""What stops CUDA is named with its fix. Every situation is simulated: machines are `MachineFacts`, the driver a stand-in."""

from __future__ import annotations

import ctypes
import shlex
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from gpuflow_kernels.errors import ExecutionError

from gpuflow import doctor
from gpuflow.cli import main
from gpuflow.execute import diagnosis, target_selection
from gpuflow.execute.diagnosis import Device, Diagnosis, MachineFacts, ask_driver, diagnose, gather
from gpuflow.installing import EXTRAS

ROOT = Path(__file__).resolve().parents[2]
BIG = 40 << 30
WHEELS13 = {"cupy-cuda13x": "14.0.1", "numba-cuda": "0.30.4", "nvidia-nvvm": "13.5.37", "cuda-bindings": "13.5.0"}
WHEELS12 = {"cupy-cuda12x": "13.6.0", "numba-cuda": "0.30.4", "nvidia-cuda-nvcc-cu12": "12.9.86", "cuda-bindings": "12.9.4"}
HOPPER = Device("H100", "9.0", BIG, BIG)
GOOD = MachineFacts((13, 0), (HOPPER,), WHEELS13)


def without(name: str, packages: dict[str, str] = WHEELS13) -> dict[str, str]:
    return {k: v for k, v in packages.items() if k != name}


@pytest.mark.parametrize("facts", [GOOD, MachineFacts((12, 4), (HOPPER,), WHEELS12), MachineFacts((13, 1), (HOPPER,), WHEELS12)])
def test_nothing_is_said_where_nothing_is_amiss(facts: MachineFacts) -> None:
    assert diagnose(facts) == []
    assert doctor.judged(facts).devices == (HOPPER,)


def test_a_toolkit_outside_of_the_wheels_will_do() -> None:
    conda = MachineFacts((12, 8), (HOPPER,), {"cupy": "13.6.0", "numba-cuda": "0.30.4"}, toolkit=True)
    assert diagnose(conda) == []


SITUATIONS: dict[str, tuple[MachineFacts, str, str, bool]] = {
    "no driver": (MachineFacts(packages=WHEELS13), "no NVIDIA driver", "install NVIDIA's driver", True),
    "driver too old for both": (
        replace(GOOD, driver=(12, 4)),
        "the driver supports CUDA 12.4, older than cupy-cuda13x and numba-cuda[cu13] needs",
        "update the driver to 580.65 or later, or pip uninstall -y cupy-cuda13x nvidia-nvvm && "
        "pip install 'cupy-cuda12x>=13.3' 'numba-cuda[cu12]>=0.20'",
        True,
    ),
    "two CuPys": (
        MachineFacts((12, 8), (HOPPER,), WHEELS12 | {"cupy-cuda13x": "14.0.1"}),
        "cupy-cuda12x and cupy-cuda13x are both installed",
        "pip uninstall -y cupy-cuda12x cupy-cuda13x && pip install 'cupy-cuda12x>=13.3' 'numba-cuda[cu12]>=0.20'",
        True,
    ),
    "driver of CUDA 11": (
        MachineFacts((11, 8), (HOPPER,), WHEELS12),
        "the driver supports CUDA 11.8, older than cupy-cuda12x",
        "update the driver to 525.60 or later",
        True,
    ),
    "CuPy of 12, compiler of 13": (
        replace(GOOD, packages=without("cupy-cuda13x") | {"cupy-cuda12x": "13.6.0"}),
        "cupy-cuda12x is for CUDA 12, numba-cuda's compiler is of CUDA 13",
        "pip uninstall -y cupy-cuda12x && pip install 'cupy-cuda13x>=13.6' 'numba-cuda[cu13]>=0.20'",
        False,
    ),
    "CuPy of 13, compiler of 12": (
        replace(GOOD, packages=without("cupy-cuda12x", WHEELS12) | {"cupy-cuda13x": "14.0.1"}),
        "cupy-cuda13x is for CUDA 13, numba-cuda's compiler is of CUDA 12",
        "pip uninstall -y nvidia-cuda-nvcc-cu12 && pip install 'cupy-cuda13x>=13.6' 'numba-cuda[cu13]>=0.20'",
        False,
    ),
    "device below the floor of CUDA 13": (
        replace(GOOD, devices=(Device("V100", "7.0", BIG),)),
        "V100 has compute capability 7.0, CUDA 13 needs 7.5 or more",
        "pip uninstall -y cupy-cuda13x nvidia-nvvm && pip install 'cupy-cuda12x>=13.3' 'numba-cuda[cu12]>=0.20'",
        True,
    ),
    "device below every floor": (
        MachineFacts((12, 4), (Device("K80", "3.7", BIG),), WHEELS12),
        "K80 has compute capability 3.7, CUDA 12 needs 5.0 or more",
        "use another device",
        True,
    ),
    "one of two devices below the floor": (
        replace(GOOD, devices=(HOPPER, Device("V100", "7.0", BIG, BIG))),
        "V100 has compute capability 7.0",
        "cupy-cuda12x",
        False,
    ),
    "no free memory": (
        replace(GOOD, devices=(replace(HOPPER, free=100 << 20),)),
        "device 0 (H100) has 100 MiB of 40960 free",
        "end what nvidia-smi shows on it",
        False,
    ),
    "not even a context": (
        replace(GOOD, error="CUDARuntimeError: cudaErrorMemoryAllocation: out of memory"),
        "no device memory is free",
        "CUDA_VISIBLE_DEVICES",
        True,
    ),
    "nothing installed": (
        replace(GOOD, packages={}),
        "cupy and numba-cuda are not installed",
        "pip install 'cupy-cuda13x>=13.6' 'numba-cuda[cu13]>=0.20'",
        True,
    ),
    "nothing installed, older driver": (
        MachineFacts((12, 4), (HOPPER,)),
        "cupy and numba-cuda are not installed",
        "pip install 'cupy-cuda12x>=13.3' 'numba-cuda[cu12]>=0.20'",
        True,
    ),
    "nothing installed, older device": (
        MachineFacts((13, 0), (Device("V100", "7.0", BIG),)),
        "cupy and numba-cuda are not installed",
        "pip install 'cupy-cuda12x>=13.3' 'numba-cuda[cu12]>=0.20'",
        True,
    ),
    "only CuPy": (
        replace(GOOD, packages={"cupy-cuda13x": "14.0.1"}),
        "cupy-cuda13x is installed, but numba-cuda is not",
        "pip install 'cupy-cuda13x>=13.6' 'numba-cuda[cu13]>=0.20'",
        True,
    ),
    "only numba-cuda": (
        replace(GOOD, packages=without("cupy-cuda13x")),
        "numba-cuda is installed, but cupy is not",
        "pip install 'cupy-cuda13x>=13.6' 'numba-cuda[cu13]>=0.20'",
        True,
    ),
    "no compiler": (
        replace(GOOD, packages=without("nvidia-nvvm")),
        "numba-cuda is installed without a CUDA compiler",
        "pip install 'numba-cuda[cu13]'",
        True,
    ),
    "hidden devices": (
        replace(GOOD, devices=(), visible=""),
        "CUDA_VISIBLE_DEVICES='' hides every device",
        "unset CUDA_VISIBLE_DEVICES",
        True,
    ),
    "no device": (
        replace(GOOD, devices=(), error="cuInit fails with error 802"),
        "the driver shows no device: cuInit fails with error 802",
        "nvidia-smi",
        True,
    ),
    "anything else": (
        replace(GOOD, error="ImportError: libcublas.so.13"),
        "CUDA cannot be used: ImportError: libcublas.so.13",
        "pip install --force-reinstall 'cupy-cuda13x>=13.6' 'numba-cuda[cu13]>=0.20'",
        True,
    ),
}


@pytest.mark.parametrize(("facts", "problem", "fix", "blocks"), SITUATIONS.values(), ids=SITUATIONS)
def test_the_problem_is_named_with_its_fix(facts: MachineFacts, problem: str, fix: str, blocks: bool) -> None:
    found = diagnose(facts)
    assert problem in found[0].problem
    assert fix in found[0].fix
    assert any(d.blocks for d in found) is blocks
    assert bool(doctor.judged(facts).devices) is not any(d.blocks for d in found)


def test_two_compilers_are_told_apart_by_the_bindings() -> None:
    both = WHEELS13 | {"nvidia-cuda-nvcc-cu12": "12.9.86"}
    assert replace(GOOD, packages=both).numba == 13
    assert replace(GOOD, packages=both | {"cuda-bindings": "12.9.4"}).numba == 12
    assert replace(GOOD, packages=without("nvidia-nvvm")).numba is None


# -- where it is shown ------------------------------------------------------------------------------------------------
def test_doctor_shows_problem_and_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = SITUATIONS["driver too old for both"][0]
    monkeypatch.setattr(doctor, "gather", lambda memory=False: facts)
    monkeypatch.setattr(doctor, "cuda", lambda: doctor.judged(facts))
    result = CliRunner().invoke(main, ["doctor"], env={"COLUMNS": "400"})
    assert result.exit_code == 0, result.output
    shown = " ".join(result.output.split())
    assert "older than cupy-cuda13x and numba-cuda[cu13] needs" in shown
    assert "'numba-cuda[cu12]>=0.20'" in shown
    assert "H100, compute capability 9.0, 40.0 GiB of 40.0 GiB free" in shown


def test_the_line_to_add_fits_driver_and_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "installed", lambda name: None)
    for key, extra in (("nothing installed", "cuda13"), ("nothing installed, older driver", "cuda12")):
        assert set(EXTRAS[extra]) <= set(shlex.split(str(doctor.missing_line(doctor.judged(SITUATIONS[key][0])))))


def test_what_is_there_is_not_installed_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "installed", lambda name: None if name == "matplotlib" else "1.0")
    assert doctor.missing_line(doctor.Cuda(None, (), "no driver")) == "pip install 'matplotlib>=3.9'"
    monkeypatch.setattr(doctor, "installed", lambda name: "1.0")
    assert doctor.missing_line(doctor.Cuda(None, (), "no driver")) is None


def test_lines_install_what_the_extras_bring() -> None:
    """The names are those of pyproject.toml, and none is gpuflow: on an index that name may be another's."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]

    def brought(extra: str) -> set[str]:
        found = set()
        for package in extras[extra]:
            inner = package.removeprefix("gpuflow[").rstrip("]").split(",") if package.startswith("gpuflow[") else ()
            found |= {p for name in inner for p in brought(name)} or {package}
        return found

    for extra, packages in EXTRAS.items():
        assert set(packages) == brought(extra), extra
    told = [line for file in (ROOT / "gpuflow").rglob("*.py") for line in file.read_text().splitlines() if "pip install" in line]
    assert [line for line in told if "gpuflow[" in line] == []


def test_asking_for_cuda_in_vain_tells_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target_selection, "cuda_diagnosis", lambda: Diagnosis("the driver is old", "update the driver"))
    with pytest.raises(ExecutionError, match=r"^gpuflow\.target is cuda, but the driver is old; update the driver$"):
        target_selection.choose_target("cuda", target_selection.cuda_problem)
    assert target_selection.choose_target("auto", target_selection.cuda_problem) == ("cpu", "the driver is old")
    with pytest.raises(ExecutionError, match="but it rains; `gpuflow doctor`, run where the workers are"):
        target_selection.choose_target("cuda", lambda: "it rains")
    assert target_selection.choose_target("cuda", lambda: None) == ("cuda", "gpuflow.target is cuda")


def test_what_does_not_stop_cuda_does_not_change_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    target_selection.cuda_diagnosis.cache_clear()
    try:
        monkeypatch.setattr(target_selection, "gather", lambda: SITUATIONS["no free memory"][0])
        assert target_selection.choose_target("auto", target_selection.cuda_problem)[0] == "cuda"
        target_selection.cuda_diagnosis.cache_clear()
        monkeypatch.setattr(target_selection, "gather", lambda: SITUATIONS["only CuPy"][0])
        assert target_selection.choose_target("auto", target_selection.cuda_problem)[0] == "cpu"
    finally:
        target_selection.cuda_diagnosis.cache_clear()


# -- facts ------------------------------------------------------------------------------------------------------------
class Driver:
    """Answers as libcuda does: through pointers, with a status."""

    def __init__(self, version: int = 13000, init: int = 0, devices: tuple[tuple[bytes, int, int, int], ...] = ()) -> None:
        self.version, self.init, self.devices = version, init, devices

    def _put(self, pointer: Any, value: int) -> int:
        pointer._obj.value = value
        return 0

    def cuInit(self, flags: int) -> int:
        return self.init

    def cuDriverGetVersion(self, pointer: Any) -> int:
        return self._put(pointer, self.version)

    def cuDeviceGetCount(self, pointer: Any) -> int:
        return self._put(pointer, len(self.devices))

    def cuDeviceGet(self, pointer: Any, k: int) -> int:
        return self._put(pointer, k)

    def cuDeviceGetName(self, buffer: Any, size: int, handle: Any) -> int:
        buffer.value = self.devices[handle.value][0]
        return 0

    def cuDeviceGetAttribute(self, pointer: Any, attribute: int, handle: Any) -> int:
        return self._put(pointer, self.devices[handle.value][attribute - 74])

    def cuDeviceTotalMem_v2(self, pointer: Any, handle: Any) -> int:
        assert isinstance(pointer._obj, ctypes.c_size_t)
        return self._put(pointer, self.devices[handle.value][3])


TWO = Driver(12080, devices=((b"NVIDIA H100", 9, 0, BIG), (b"Tesla V100", 7, 0, BIG // 2)))


def test_the_driver_is_asked_without_any_package() -> None:
    driver, devices, error = ask_driver(TWO)
    assert driver == (12, 8)
    assert devices == (Device("NVIDIA H100", "9.0", BIG), Device("Tesla V100", "7.0", BIG // 2))
    assert error is None
    assert ask_driver(Driver(version=0)) == (None, (), None)
    assert ask_driver(Driver(init=100)) == ((13, 0), (), None)
    assert ask_driver(Driver(init=803)) == ((13, 0), (), "cuInit fails with error 803")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A machine with the driver `TWO` and wheels of CUDA 12; its packages may be changed."""
    packages = dict(WHEELS12)
    monkeypatch.setattr(diagnosis, "_library", lambda: TWO)
    monkeypatch.setattr(diagnosis, "_version", packages.get)
    monkeypatch.setattr(diagnosis, "_toolkit", lambda: False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    gather.cache_clear()
    yield SimpleNamespace(packages=packages, patch=monkeypatch)
    gather.cache_clear()


def test_facts_are_gathered(machine: Any) -> None:
    machine.patch.setattr(diagnosis, "_try", lambda ask: [BIG, 1 << 20][:ask])
    facts = gather(memory=True)
    assert (facts.driver, facts.packages, facts.error) == ((12, 8), WHEELS12, None)
    assert [d.free for d in facts.devices] == [BIG, 1 << 20]
    assert "device 1 (Tesla V100) has 1 MiB" in diagnose(facts)[0].problem
    assert [d.free for d in gather().devices] == [None, None]
    assert diagnose(gather()) == []


def test_a_broken_cupy_is_a_fact(machine: Any) -> None:
    def broken(ask: int) -> list[int]:
        raise RuntimeError("CUDA_ERROR_UNKNOWN")

    machine.patch.setattr(diagnosis, "_try", broken)
    assert diagnose(gather())[0].problem == "CUDA cannot be used: RuntimeError: CUDA_ERROR_UNKNOWN"


def test_nothing_is_imported_where_it_could_not_work(machine: Any) -> None:
    del machine.packages["cupy-cuda12x"]
    machine.patch.setitem(sys.modules, "cupy", None)
    assert "numba-cuda is installed, but cupy is not" in diagnose(gather())[0].problem


def test_a_machine_without_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "_library", lambda: None)
    gather.cache_clear()
    try:
        assert gather() == MachineFacts()
        assert doctor.judged(gather()).reason == "no NVIDIA driver (libcuda) was found"
    finally:
        gather.cache_clear()
