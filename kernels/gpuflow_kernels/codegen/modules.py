"""Generated modules in memory, loaded from their files.

A module's file is named by the hash of its text and of everything else its machine code depends on, so an edited row
function or another version of the compiler is another file: nothing stale can be loaded. How many modules stay in
memory, and where their files lie, are settings of the query that runs (`using`); the modules are shared by all.
"""

from __future__ import annotations

import hashlib
import importlib.util
import linecache
import os
import sys
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from .cache_folder import cache_folder, stored

CAPACITY = 512
"""Modules kept in memory where nothing else is said; the least recently used goes first (a compiled kernel holds about
1.7 MB)."""


@dataclass(frozen=True, slots=True)
class _Use:
    """What a thread runs with: where files lie, how many modules stay, and the names of those that it runs."""

    folder: str | None = None
    capacity: int = CAPACITY
    names: set[str] | None = None


class _Turn:
    """Who loads a module while others wait for it."""

    def __init__(self) -> None:
        self.lock, self.waiting = threading.Lock(), 0


_use: ContextVar[_Use] = ContextVar("use", default=_Use())  # noqa: B039  (frozen)
_modules: OrderedDict[str, ModuleType] = OrderedDict()
_loading: dict[str, _Turn] = {}
_running: Counter[str] = Counter()
_guard = threading.Lock()
_retired = [0, 0]


@contextmanager
def using(folder: str | None, capacity: int = CAPACITY) -> Iterator[None]:
    """Within this block modules are kept in `folder` (None: the default one), and up to `capacity` of them in memory.

    Holds for this thread alone. What is loaded here stays in memory until the block ends, whatever else is loaded
    elsewhere: compilers look a module up by its name when they read machine code from the disk.
    """
    names: set[str] = set()
    token = _use.set(_Use(folder, capacity, names))
    try:
        yield
    finally:
        with _guard:
            _running.subtract(names)
            for name in names:
                if not _running[name]:
                    del _running[name]
            _evict()
        _use.reset(token)


@cache
def versions(target: str) -> str:
    """What compiled code depends on besides its text."""
    from importlib.metadata import PackageNotFoundError, version

    found = [f"python {sys.version_info[:3]}", target]
    for package in ("numba", "numba-cuda", "llvmlite", "numpy"):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} none")
    if target == "cuda":  # texts import these, and a change of them is no change of a text
        intrinsics = Path(__file__).parent.parent / "primitives" / "cuda" / "intrinsics.py"
        found.append(f"intrinsics {hashlib.sha256(intrinsics.read_bytes()).hexdigest()}")
        found.append(os.environ.get("GPUFLOW_CUDA_INTRINSICS", ""))
    return "; ".join(found)


@lru_cache(4096)
def module_name(text: str, target: str) -> str:
    """Content address of a module. Kept, for every task asks for those that it runs."""
    return "k_" + hashlib.sha256(f"{versions(target)}\n{text}".encode()).hexdigest()[:40]


def load(text: str, target: str) -> ModuleType:
    """The module with this text, from memory, or written to disk and imported. Nothing is compiled yet.

    The PYTHON target's modules are run from memory, without a file.
    """
    name = module_name(text, target)
    with _guard:
        module = _known(name)
        if module is not None:
            return module
        turn = _loading.setdefault(name, _Turn())
        turn.waiting += 1
    try:
        with turn.lock:
            with _guard:
                module = _known(name)
            if module is None:
                module = LOADERS[target](name, text)
                with _guard:
                    _modules[name] = module
                    _known(name)
                    _evict()
    finally:
        with _guard:
            turn.waiting -= 1
            if not turn.waiting:
                del _loading[name]
    return module


def _known(name: str) -> ModuleType | None:
    """The module in memory, marked as used now and until the block of `using` ends."""
    module = _modules.get(name)
    if module is not None:
        _modules.move_to_end(name)
        names = _use.get().names
        if names is not None and name not in names:
            names.add(name)
            _running[name] += 1
    return module


def _interpreted(name: str, text: str) -> ModuleType:
    module = ModuleType(name)
    file = f"<{name}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    exec(compile(text, file, "exec"), module.__dict__)  # the text is our own: names and literals of users never enter it
    return module


def _imported(name: str, text: str) -> ModuleType:
    path = stored(cache_folder(_use.get().folder), name, text, lambda: [*_modules])
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # numba resolves a cached function's module by name
    spec.loader.exec_module(module)
    return module


LOADERS: dict[str, Callable[[str, str], ModuleType]] = {"python": _interpreted, "cpu": _imported, "cuda": _imported}
"""How the text of a module becomes one, by target: from memory, or from a file that compilers can cache beside."""


def _evict() -> None:
    """Forget the modules beyond the capacity whose last use is longest ago, those left out that a task is running."""
    excess = len(_modules) - _use.get().capacity
    if excess <= 0:
        return
    idle = [n for n in [*_modules][:-1] if n not in _running]  # the last one may have been loaded just now
    for name in idle[:excess]:
        misses, hits = _counts(_modules.pop(name))
        _retired[0] += misses
        _retired[1] += hits
        sys.modules.pop(name, None)
        linecache.cache.pop(f"<{name}>", None)


def _counts(module: ModuleType) -> tuple[int, int]:
    stats: Any = getattr(getattr(module, "run", None), "stats", None)
    if stats is None:
        return 0, 0
    return sum(stats.cache_misses.values()), sum(stats.cache_hits.values())


def compilations() -> int:
    """How many kernels this process has compiled so far (those loaded from the disk cache not counted)."""
    with _guard:
        return _retired[0] + sum(_counts(m)[0] for m in _modules.values())


def cache_hits() -> int:
    """How many compiled kernels this process has loaded from the disk cache."""
    with _guard:
        return _retired[1] + sum(_counts(m)[1] for m in _modules.values())


def forget() -> None:
    """Drop every module from memory (the disk cache stays)."""
    with _guard:
        for name in _modules:
            sys.modules.pop(name, None)
        _modules.clear()
        _retired[:] = [0, 0]
