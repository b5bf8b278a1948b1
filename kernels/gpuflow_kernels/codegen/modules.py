"""Generated modules on disk and in memory.

A module's file is named by the hash of its text and of everything else its machine code depends on, so an edited row
function or another version of the compiler is another file: nothing stale can be loaded. The folder holds code that is
executed, so it belongs to the user alone.
"""

from __future__ import annotations

import hashlib
import importlib.util
import linecache
import os
import stat
import sys
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import ExecutionError

CAPACITY = 1024
"""Modules kept in memory; the least recently used goes first (a compiled kernel holds about 1.7 MB)."""

_modules: OrderedDict[str, ModuleType] = OrderedDict()
_locks: dict[str, threading.Lock] = {}
_guard = threading.Lock()
_retired = [0, 0]
_folder: list[Path | None] = [None]


def set_folder(folder: str | os.PathLike[str] | None) -> None:
    """Keep generated modules in `folder` instead of the default."""
    _folder[0] = Path(folder) if folder else None


def cache_folder() -> Path:
    """The folder of generated modules, made if needed.

    Default: ``$GPUFLOW_CACHE``, else ``gpuflow`` below ``$XDG_CACHE_HOME`` or ``~/.cache``; a private temporary folder
    where that cannot be written.

    Raises
    ------
    ExecutionError
        When the folder is not the user's own, or others may write to it.
    """
    chosen = _folder[0] or os.environ.get("GPUFLOW_CACHE")
    base = Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gpuflow"
    folder = base / "kernels"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        if chosen:
            raise ExecutionError(f"the kernel cache {folder} cannot be made; set GPUFLOW_CACHE to a private folder") from None
        return _private_folder()
    return _checked(folder)


@cache
def _private_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="gpuflow-"))


def _checked(folder: Path) -> Path:
    if os.name != "posix":
        return folder
    about = folder.stat()
    if about.st_uid != os.getuid():
        raise ExecutionError(f"the kernel cache {folder} belongs to another user; set GPUFLOW_CACHE to a folder of your own")
    if about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ExecutionError(f"others may write to the kernel cache {folder}: run chmod 700 on it, or set GPUFLOW_CACHE")
    return folder


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
    return "; ".join(found)


def module_name(text: str, target: str) -> str:
    """Content address of a module."""
    return "k_" + hashlib.sha256(f"{versions(target)}\n{text}".encode()).hexdigest()[:40]


def load(text: str, target: str) -> ModuleType:
    """The module with this text, from memory, or written to disk and imported. Nothing is compiled yet.

    The PYTHON target's modules are run from memory, without a file.
    """
    name = module_name(text, target)
    with _guard:
        module = _modules.get(name)
        if module is not None:
            _modules.move_to_end(name)
            return module
        lock = _locks.setdefault(name, threading.Lock())
    with lock:
        module = _modules.get(name)
        if module is None:
            module = LOADERS[target](name, text)
            with _guard:
                _modules[name] = module
                _evict()
    return module


def _interpreted(name: str, text: str) -> ModuleType:
    module = ModuleType(name)
    file = f"<{name}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    exec(compile(text, file, "exec"), module.__dict__)  # the text is our own: names and literals of users never enter it
    return module


def _imported(name: str, text: str) -> ModuleType:
    path = cache_folder() / f"{name}.py"
    if not path.exists():  # never rewritten: numba's cache goes by the file's time and size
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # numba resolves a cached function's module by name
    spec.loader.exec_module(module)
    return module


LOADERS: dict[str, Callable[[str, str], ModuleType]] = {"python": _interpreted, "cpu": _imported, "cuda": _imported}
"""How the text of a module becomes one, by target: from memory, or from a file that compilers can cache beside."""


def _evict() -> None:
    while len(_modules) > CAPACITY:
        name, module = _modules.popitem(last=False)
        misses, hits = _counts(module)
        _retired[0] += misses
        _retired[1] += hits
        sys.modules.pop(name, None)
        _locks.pop(name, None)
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
        _locks.clear()
        _retired[:] = [0, 0]
