"""Shared by all tests: where caches go, which tests need a device, and the demo's data."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parent.parent

# Before anything imports Dask: compiled kernels of tests are kept between runs, apart from the user's own.
os.environ.setdefault("DASK_GPUFLOW__CACHE__FOLDER", str(ROOT / ".pytest_cache" / "kernels"))
os.environ.setdefault("POLARS_MAX_THREADS", "2")
os.environ.setdefault("MPLBACKEND", "agg")

# Compiling takes its time in the first example; a failing example is printed whole, and found again from its seed.
hypothesis.settings.register_profile("default", deadline=None, derandomize=bool(os.environ.get("CI")), print_blob=True)
hypothesis.settings.load_profile("default")

# Compilers and plans make many small objects that stay: looking through them time and again takes a tenth of all time.
gc.set_threshold(50_000, 20, 50)


def pytest_collection_finish() -> None:
    """Nor are the modules and tests looked through that stay to the end."""
    gc.collect()
    gc.freeze()


def pytest_report_header(config: pytest.Config) -> str:
    from gpuflow.doctor import cuda

    found = cuda()
    return f"CUDA: {found.devices[0].name if found.devices else 'no device, tests marked gpu are left out'} ({found.reason})"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs a device where none is: deselected, which the last line counts, and never passed."""
    from gpuflow.doctor import cuda

    if cuda().devices:
        return
    out = [item for item in items if item.get_closest_marker("gpu")]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if not item.get_closest_marker("gpu")]


@pytest.fixture(scope="session")
def flights_folder(request: pytest.FixtureRequest) -> Path:
    """The demo's tables as Parquet, converted once and kept between runs."""
    from gpuflow.demo.data import prepare

    return prepare(Path(request.config.cache.mkdir("flights")) / "2013")


@pytest.fixture(scope="session")
def python_environment() -> dict[str, str]:
    """Environment for a Python started by a test: this checkout, and warnings as errors nowhere but here."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "kernels"), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    scripts = str(Path(sys.executable).parent)
    return os.environ | {"PYTHONPATH": path, "PATH": scripts + os.pathsep + os.environ.get("PATH", "")}
