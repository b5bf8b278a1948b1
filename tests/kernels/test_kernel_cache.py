"""The bounds of the kernel cache, in memory and on disk, and what threads with different settings do to each other."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import dask
import numpy as np
import pytest
from gpuflow_kernels.codegen import cache_folder, modules

import gpuflow as gf
from gpuflow import col


@pytest.fixture(autouse=True)
def nothing_in_memory() -> Iterator[None]:
    """Other tests' modules neither help nor count."""
    modules.forget()
    yield
    modules.forget()


def text(number: int) -> str:
    return f"def run():\n    return {number}\n"


def names(folder: Path) -> set[str]:
    return {p.name for p in folder.glob("kernels/k_*.py")}


def file_of(number: int) -> str:
    return modules.module_name(text(number), "cpu") + ".py"


# -- threads ----------------------------------------------------------------------------------------------------------
def test_threads_with_different_folders_do_not_mix_them_up(tmp_path: Path) -> None:
    meeting = threading.Barrier(2)

    def work(which: int) -> None:
        with modules.using(str(tmp_path / str(which))):
            for k in range(20):
                meeting.wait()
                assert modules.load(text(100 * which + k), "cpu").run() == 100 * which + k

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(2)))
    for which in range(2):
        assert names(tmp_path / str(which)) == {file_of(100 * which + k) for k in range(20)}


def test_a_query_leaves_nothing_set(tmp_path: Path) -> None:
    with dask.config.set({"gpuflow.cache.folder": str(tmp_path / "one"), "gpuflow.target": "cpu"}):
        gf.from_numpy({"x": np.arange(3)}).select(col("x") * 11).collect()
    assert len(names(tmp_path / "one")) == 1
    with modules.using(str(tmp_path / "two")):
        modules.load(text(1), "cpu")
    assert names(tmp_path / "two") == {file_of(1)}


def test_a_module_is_never_loaded_twice_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it is evicted while threads wait for it."""
    busy: Counter[str] = Counter()
    most: Counter[str] = Counter()
    load: Callable[[str, str], ModuleType] = modules.LOADERS["python"]

    def watched(name: str, content: str) -> ModuleType:
        busy[name] += 1
        most[name] = max(most[name], busy[name])
        time.sleep(0)
        module = load(name, content)
        busy[name] -= 1
        return module

    monkeypatch.setitem(modules.LOADERS, "python", watched)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:

        def work(seed: int) -> None:
            for k in range(300):
                with modules.using(None, 1):
                    assert modules.load(text((seed + k) % 3), "python").run() == (seed + k) % 3

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
    finally:
        sys.setswitchinterval(interval)
    assert len(most) == 3 and set(most.values()) == {1}
    assert not modules._loading and not modules._running
    assert len(modules._modules) == 1


# -- in memory --------------------------------------------------------------------------------------------------------
def test_what_runs_is_not_evicted(tmp_path: Path) -> None:
    with modules.using(str(tmp_path), 2):
        held = modules.load(text(0), "cpu")
        for k in range(1, 5):
            with modules.using(str(tmp_path), 2):
                modules.load(text(k), "cpu")
        assert sys.modules[held.__name__] is held
        assert modules.load(text(0), "cpu") is held
    kept = list(modules._modules)
    assert kept == [modules.module_name(text(4), "cpu"), held.__name__]
    assert modules.module_name(text(1), "cpu") not in sys.modules


def test_the_setting_bounds_what_a_query_leaves_in_memory(tmp_path: Path) -> None:
    rows = gf.from_numpy({"k": np.arange(60) % 5, "x": np.arange(60.0)})
    query = rows.filter(col("x") > 4).group_by("k").agg(col("x").sum()).with_columns(y=col("x") / 2).sort("k")
    settings = {"gpuflow.cache.folder": str(tmp_path), "gpuflow.target": "cpu", "gpuflow.partition-rows": 20}
    with dask.config.set({**settings, "gpuflow.cache.kernels": 1, "gpuflow.threads": 2}):
        found = query.collect()
    assert found["x"].to_pylist() == [sum(v for v in range(5, 60) if v % 5 == k) for k in range(5)]
    assert len(modules._modules) == 1
    assert len(names(tmp_path)) > 1


# -- on disk ----------------------------------------------------------------------------------------------------------
def stored(folder: Path, number: int, hours: float) -> str:
    """A module of 1000 bytes with 1000 bytes of machine code, used so many hours ago; its name."""
    name = f"k_{number:040}"
    (folder / "__pycache__").mkdir(exist_ok=True)
    moment = time.time() - 3600 * hours
    for path in (folder / f"{name}.py", folder / "__pycache__" / f"{name}.run-9.py311.1.nbc"):
        path.write_bytes(bytes(1000))
        os.utime(path, (moment, moment - 1e6))
    return name


def left(folder: Path) -> set[str]:
    return {p.name.partition(".")[0] for p in folder.rglob("k_*")}


def test_the_folder_is_pruned_by_last_use(tmp_path: Path) -> None:
    found = [stored(tmp_path, k, hours=20 - k) for k in range(8)]
    cache_folder.prune(tmp_path, 16_000)
    assert left(tmp_path) == set(found)
    cache_folder.prune(tmp_path, 12_000)  # down to 9,000 bytes: 4 of 8 stay
    assert left(tmp_path) == set(found[4:])
    assert len([*tmp_path.rglob("k_*")]) == 8


def test_what_is_in_use_or_was_lately_stays(tmp_path: Path) -> None:
    kept, gone = stored(tmp_path, 0, hours=30), stored(tmp_path, 1, hours=20)
    recent = [stored(tmp_path, k, hours=0.5) for k in range(2, 6)]
    (tmp_path / "broken.tmp").write_text("left by a crash")
    os.utime(tmp_path / "broken.tmp", (0, 0))
    cache_folder.prune(tmp_path, 1000, keep={kept})
    assert left(tmp_path) == {kept, *recent} and gone not in left(tmp_path)
    assert not (tmp_path / "broken.tmp").exists()


def test_a_use_is_noted_without_touching_what_compilers_go_by(tmp_path: Path) -> None:
    path = cache_folder.stored(tmp_path, "k_a", "x = 1\n", list)
    os.utime(path, ns=(1_000_000_007, 2_000_000_009))
    assert cache_folder.stored(tmp_path, "k_a", "x = 1\n", list) == path
    about = path.stat()
    assert about.st_mtime_ns == 2_000_000_009
    assert abs(about.st_atime - time.time()) < 60


def test_queries_go_on_while_the_folder_is_pruned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_folder, "DISK_BYTES", 1)
    monkeypatch.setattr(cache_folder, "GRACE", -60.0)
    monkeypatch.setattr(cache_folder, "_ROUND", 1)
    rows = gf.from_numpy({"x": np.arange(4)})
    with dask.config.set({"gpuflow.cache.folder": str(tmp_path), "gpuflow.target": "cpu", "gpuflow.cache.kernels": 1}):
        for k in range(2):
            for query, expected in ((rows.select(col("x") * (7 + k)), [(7 + k) * v for v in range(4)]),
                                    (rows.select(col("x") + col("x")), [0, 2, 4, 6])):  # fmt: skip
                assert query.collect()["x"].to_pylist() == expected
    assert len(names(tmp_path)) <= 2


# -- machine code of GPUs ---------------------------------------------------------------------------------------------
def test_cuda_kernels_are_kept_in_the_same_private_folder(tmp_path: Path) -> None:
    """That they are found there again takes a device to show."""
    pytest.importorskip("numba.cuda")
    from gpuflow_kernels.primitives.cuda.bits import bits_text

    with modules.using(str(tmp_path)):
        module = modules.load(bits_text(), "cuda")
    assert module.__file__ is not None and Path(module.__file__).parent == tmp_path / "kernels"
    for kernel in (module.weigh, module.listed):
        assert Path(kernel.stats.cache_path) == tmp_path / "kernels" / "__pycache__"
        assert Path(kernel.stats.cache_path).stat().st_uid == os.getuid()


def test_edited_intrinsics_are_other_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts import them, so that no text shows it when they change."""

    def name() -> str:
        modules.versions.cache_clear()
        modules.module_name.cache_clear()
        return modules.module_name("text", "cuda")

    try:
        before, read = name(), Path.read_bytes
        monkeypatch.setenv("GPUFLOW_CUDA_INTRINSICS", "plain")
        plain = name()
        monkeypatch.delenv("GPUFLOW_CUDA_INTRINSICS")
        monkeypatch.setattr(Path, "read_bytes", lambda path: read(path) + b"#" * (path.name == "intrinsics.py"))
        edited = name()
        monkeypatch.undo()
        assert len({before, plain, edited}) == 3
        assert name() == before
    finally:
        modules.versions.cache_clear()
        modules.module_name.cache_clear()
