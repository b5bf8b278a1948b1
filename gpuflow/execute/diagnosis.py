"""Diagnose what prevents the use of CUDA on this machine: gather facts, then derive problems and fixes from them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from gpuflow.installing import install_line

FLOOR = {12: (5, 0), 13: (7, 5)}
"""Least compute capability that the toolkit of a CUDA major version compiles for."""
DRIVERS = {12: "525.60", 13: "580.65"}
"""The first driver of a CUDA major version."""
ENOUGH = 256 << 20
"""Least bytes of free device memory: the context and one table of a small query need as much."""
BEARING = (
    "cupy", "cupy-cuda11x", "cupy-cuda12x", "cupy-cuda13x", "numba-cuda", "nvidia-nvvm", "nvidia-cuda-nvcc-cu12", "cuda-bindings",
)  # fmt: skip
"""Distributions whose presence or version matters."""


@dataclass(frozen=True, slots=True)
class Device:
    """A CUDA device; `free` is None unless memory was asked for."""

    name: str
    capability: str
    memory: int
    free: int | None = None


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """Facts about CUDA on a machine.

    Attributes
    ----------
    driver : tuple of int, optional
        The CUDA version that the driver supports; None without a driver.
    devices : tuple of Device
        Devices that the driver lists.
    packages : mapping of str to str
        Versions of those of `BEARING` that are installed.
    toolkit : bool
        Whether a CUDA toolkit is installed outside of the Python packages (``CUDA_HOME``, conda, ``/usr/local/cuda``).
    visible : str, optional
        ``CUDA_VISIBLE_DEVICES``.
    error : str, optional
        Error of CuPy or Numba when asked for the devices.
    """

    driver: tuple[int, int] | None = None
    devices: tuple[Device, ...] = ()
    packages: Mapping[str, str] = field(default_factory=dict)
    toolkit: bool = False
    visible: str | None = None
    error: str | None = None

    @property
    def cupy(self) -> dict[str, int | None]:
        """CuPy distributions and the CUDA major version of each; None if its name does not say."""
        named = {n: int(n.removeprefix("cupy-cuda").removesuffix("x")) for n in self.packages if n.startswith("cupy-cuda")}
        return named | ({"cupy": None} if "cupy" in self.packages else {})

    @property
    def numba(self) -> int | None:
        """CUDA major version of the compiler that numba-cuda finds among the wheels; None without one."""
        majors = {_major(self.packages[n]) for n in ("nvidia-nvvm", "nvidia-cuda-nvcc-cu12") if n in self.packages}
        if len(majors) > 1 and "cuda-bindings" in self.packages:
            return _major(self.packages["cuda-bindings"])
        return max(majors, default=None)

    @property
    def extra(self) -> str:
        """Extra for this driver and these devices: ``cuda12`` or ``cuda13``."""
        old = self.driver is not None and self.driver[0] < 13
        return "cuda12" if old or any(_capability(d) < FLOOR[13] for d in self.devices) else "cuda13"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A problem in words, and its fix; `blocks` if CUDA cannot be used before it is fixed."""

    problem: str
    fix: str
    blocks: bool = True


def _major(number: str) -> int:
    return int(number.split(".", 1)[0])


def _capability(device: Device) -> tuple[int, int]:
    major, minor = device.capability.split(".")
    return int(major), int(minor)


def diagnose(facts: MachineFacts) -> list[Diagnosis]:
    """Return all problems, root causes first; none if CUDA can be used.

    Examples
    --------
    >>> diagnose(MachineFacts())[0].problem
    'no NVIDIA driver (libcuda) was found'
    """
    if facts.driver is None:
        way = (
            "install NVIDIA's driver (https://www.nvidia.com/drivers), or in a container pass the GPU in (docker run --gpus all)"
        )
        return [Diagnosis("no NVIDIA driver (libcuda) was found", way)]
    problems = [*_devices(facts), *_packages(facts), *_majors(facts), *_memory(facts)]
    if facts.error is not None and not any(d.blocks for d in problems):
        way = f"see whether nvidia-smi works; if it does, {_install(facts).replace('install', 'install --force-reinstall', 1)}"
        problems.append(Diagnosis(f"CUDA cannot be used: {facts.error}", way))
    return problems


def _install(facts: MachineFacts) -> str:
    return install_line(facts.extra)


def _devices(facts: MachineFacts) -> list[Diagnosis]:
    if not facts.devices:
        if facts.visible is not None:
            return [Diagnosis(f"CUDA_VISIBLE_DEVICES={facts.visible!r} hides every device", "unset CUDA_VISIBLE_DEVICES")]
        why = f": {facts.error}" if facts.error else ""
        return [Diagnosis(f"the driver shows no device{why}", "see what nvidia-smi says; in a container pass the GPU in")]
    majors = {m for m in (*facts.cupy.values(), facts.numba) if m in FLOOR}
    toolkit = max(majors, default=12)
    low = [d for d in facts.devices if _capability(d) < FLOOR[toolkit]]
    problems = []
    for device in low:
        least = ".".join(map(str, FLOOR[toolkit]))
        text = f"{device.name} has compute capability {device.capability}, CUDA {toolkit} needs {least} or more"
        if _capability(device) >= FLOOR[12]:
            way = f"pip uninstall -y {' '.join(_of_major(facts, toolkit))} && {install_line('cuda12')}"
        else:
            way = "no toolkit that gpuflow runs on compiles for it; use another device, or gpuflow.target cpu"
        problems.append(Diagnosis(text, way, blocks=len(low) == len(facts.devices)))
    return problems


def _packages(facts: MachineFacts) -> list[Diagnosis]:
    cupy, numba, way = bool(facts.cupy), "numba-cuda" in facts.packages, _install(facts)
    if not cupy and not numba:
        return [Diagnosis("cupy and numba-cuda are not installed", way)]
    if not cupy or not numba:
        there, missing = ("numba-cuda", "cupy") if numba else (next(iter(facts.cupy)), "numba-cuda")
        return [Diagnosis(f"{there} is installed, but {missing} is not", way)]
    if len(facts.cupy) > 1:
        names = sorted(facts.cupy)
        return [Diagnosis(f"{' and '.join(names)} are both installed", f"pip uninstall -y {' '.join(names)} && {way}")]
    if facts.numba is None and not facts.toolkit:
        extra = facts.extra.replace("cuda", "cu")
        return [Diagnosis("numba-cuda is installed without a CUDA compiler (NVVM)", f"pip install 'numba-cuda[{extra}]'")]
    return []


def _majors(facts: MachineFacts) -> list[Diagnosis]:
    """Find wheels of a CUDA major version other than the driver's or the other wheels'."""
    assert facts.driver is not None
    name, cupy = next(iter(facts.cupy.items()), ("cupy", None))
    wheels = [(name, cupy), (f"numba-cuda[cu{facts.numba}]", facts.numba if "numba-cuda" in facts.packages else None)]
    late = [(n, m) for n, m in wheels if m is not None and m > facts.driver[0]]
    if late:
        major = max(m for _, m in late)
        text = (
            f"the driver supports CUDA {facts.driver[0]}.{facts.driver[1]}, older than {' and '.join(n for n, _ in late)} needs"
        )
        remove = " ".join(_of_major(facts, major))
        update = f"update the driver to {DRIVERS.get(major, 'a newer one')} or later"
        return [Diagnosis(text, f"{update}, or pip uninstall -y {remove} && {_install(facts)}")]
    if cupy is not None and facts.numba is not None and cupy != facts.numba and "numba-cuda" in facts.packages:
        fits = int(facts.extra.removeprefix("cuda"))
        wrong = cupy if facts.numba == fits else facts.numba
        way = f"pip uninstall -y {' '.join(_of_major(facts, wrong))} && {_install(facts)}"
        return [Diagnosis(f"{name} is for CUDA {cupy}, numba-cuda's compiler is of CUDA {facts.numba}", way, blocks=False)]
    return []


def _of_major(facts: MachineFacts, major: int) -> list[str]:
    """Return the installed distributions for this CUDA major version."""
    wheels = [n for n, m in facts.cupy.items() if m == major]
    names = ("nvidia-cuda-nvcc-cu12",) if major == 12 else ("nvidia-nvvm",)
    return wheels + [n for n in names if n in facts.packages]


def _memory(facts: MachineFacts) -> list[Diagnosis]:
    problems = []
    for k, device in enumerate(facts.devices):
        if device.free is not None and device.free < ENOUGH:
            text = f"device {k} ({device.name}) has {device.free >> 20} MiB of {device.memory >> 20} free"
            way = "end what nvidia-smi shows on it, or choose another device with CUDA_VISIBLE_DEVICES"
            problems.append(Diagnosis(text, way, blocks=False))
    if not problems and facts.error is not None and ("out of memory" in facts.error or "MemoryAllocation" in facts.error):
        way = "end what nvidia-smi shows on the device, or choose another with CUDA_VISIBLE_DEVICES"
        problems.append(Diagnosis(f"no device memory is free: {facts.error}", way))
    return problems


# -- facts ------------------------------------------------------------------------------------------------------------
@lru_cache(maxsize=2)
def gather(memory: bool = False) -> MachineFacts:
    """Gather the facts of this machine. Never raises: errors are facts too.

    Free memory is only measured with `memory`, because that creates a context, some hundred MiB, on every device.
    """
    library = _library()
    if library is None:
        return MachineFacts()
    driver, devices, error = ask_driver(library)
    packages = {name: installed for name in BEARING if (installed := _version(name)) is not None}
    facts = MachineFacts(driver, devices, packages, _toolkit(), os.environ.get("CUDA_VISIBLE_DEVICES"), error)
    if error is not None or not devices or any(d.blocks for d in diagnose(facts)):
        return facts
    try:
        free = _try(len(devices) if memory else 0)
    except Exception as problem:  # a broken driver or toolkit raises many kinds of errors
        return MachineFacts(driver, devices, packages, facts.toolkit, facts.visible, f"{type(problem).__name__}: {problem}")
    measured = tuple(Device(d.name, d.capability, d.memory, f) for d, f in zip(devices, free, strict=True)) if free else devices
    return MachineFacts(driver, measured, packages, facts.toolkit, facts.visible)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _toolkit() -> bool:
    roots = [os.environ.get(n) for n in ("CUDA_HOME", "CUDA_PATH", "CONDA_PREFIX")] + ["/usr/local/cuda"]
    return any((Path(root) / "nvvm").is_dir() for root in roots if root)


def _try(ask: int) -> list[int]:
    """Query devices by CuPy and Numba, and the free bytes of the first `ask`."""
    from cupy.cuda import Device as Handle
    from cupy.cuda import runtime
    from numba import cuda

    if runtime.getDeviceCount() == 0:
        raise RuntimeError("CuPy finds no device")
    if not cuda.is_available():
        raise RuntimeError("Numba finds no CUDA driver")
    return [Handle(k).mem_info[0] for k in range(ask)]


def _library() -> Any:
    import ctypes

    for name in ("libcuda.so.1", "libcuda.so", "nvcuda.dll"):
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


def ask_driver(library: Any) -> tuple[tuple[int, int] | None, tuple[Device, ...], str | None]:
    """Query the driver's interface: (CUDA version, devices, error); needs no package and creates no context."""
    from ctypes import byref, c_int, c_size_t, create_string_buffer

    number = c_int(0)
    if library.cuDriverGetVersion(byref(number)) != 0 or not number.value:
        return None, (), None
    driver = number.value // 1000, number.value % 1000 // 10
    status = library.cuInit(0)
    if status != 0:
        return driver, (), None if status == 100 else f"cuInit fails with error {status}"  # 100: no device
    count, devices = c_int(0), []
    library.cuDeviceGetCount(byref(count))
    for k in range(count.value):
        handle, major, minor, size, name = c_int(0), c_int(0), c_int(0), c_size_t(0), create_string_buffer(256)
        library.cuDeviceGet(byref(handle), k)
        library.cuDeviceGetName(name, 256, handle)
        library.cuDeviceGetAttribute(byref(major), 75, handle)  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
        library.cuDeviceGetAttribute(byref(minor), 76, handle)
        library.cuDeviceTotalMem_v2(byref(size), handle)
        devices.append(Device(name.value.decode(errors="replace"), f"{major.value}.{minor.value}", size.value))
    return driver, tuple(devices), None
