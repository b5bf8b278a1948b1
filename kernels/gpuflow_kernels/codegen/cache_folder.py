"""The folder of generated modules: whose it is, what is written there, and how it stays bounded.

It holds code that is executed, so it belongs to the user alone. Beside each ``k_<hash>.py`` lie the files in which a
compiler keeps the machine code.
"""

from __future__ import annotations

import os
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Collection
from functools import cache
from pathlib import Path

from ..errors import ExecutionError

DISK_BYTES = 512 << 20
"""Size up to which the folder may grow (a kernel takes about 70 kB)."""
GRACE = 3600.0
"""Seconds since its last use in which a module is never removed: another process may be about to read what belongs to it."""
_ROUND = 64
"""New modules of a process between two looks at the size."""

_written: dict[Path, int] = {}
_guard = threading.Lock()


def cache_folder(chosen: str | None) -> Path:
    """The folder of generated modules, made if needed.

    Parameters
    ----------
    chosen : str, optional
        The folder above it. Default: ``$GPUFLOW_CACHE``, else ``gpuflow`` below ``$XDG_CACHE_HOME`` or ``~/.cache``; a
        private temporary folder where that cannot be written.

    Raises
    ------
    ExecutionError
        When the folder is not the user's own, or others may write to it.
    """
    chosen = chosen or os.environ.get("GPUFLOW_CACHE")
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


def stored(folder: Path, name: str, text: str, in_use: Callable[[], Collection[str]]) -> Path:
    """The file of a module, written if it is not there, and marked as used now.

    Now and then the folder is brought down to `DISK_BYTES`; modules that `in_use` names are kept.
    """
    path = folder / f"{name}.py"
    if not _used_now(path):  # never rewritten: numba's cache goes by the file's time and size
        handle, temporary = tempfile.mkstemp(dir=folder, suffix=".tmp")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
        with _guard:
            count = _written[folder] = _written.get(folder, -1) + 1
        if count % _ROUND == 0:
            prune(folder, keep={name, *in_use()})
    return path


def _used_now(path: Path) -> bool:
    """Sets the time of the last access, which many file systems do not; False when there is no such file."""
    try:
        os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
    except FileNotFoundError:
        return False
    return True


def prune(folder: Path, limit: int | None = None, keep: Collection[str] = ()) -> None:
    """Remove modules, those first whose last use is longest ago, until three quarters of `limit` bytes are left.

    Nothing goes while `folder` is within `limit` (by default `DISK_BYTES`); what was used within `GRACE` seconds stays
    in any case, and so do the modules named by `keep`.
    """
    limit = DISK_BYTES if limit is None else limit
    sizes: dict[str, int] = {}
    files: dict[str, list[Path]] = {}
    used: dict[str, float] = {}
    for path in [*folder.glob("k_*"), *folder.glob("__pycache__/k_*"), *folder.glob("*.tmp")]:
        try:
            about = path.stat()
        except FileNotFoundError:  # another process is at it too
            continue
        name = path.name.partition(".")[0]
        sizes[name] = sizes.get(name, 0) + about.st_size
        files.setdefault(name, []).append(path)
        used[name] = max(used.get(name, 0.0), about.st_atime if path.suffix == ".py" else about.st_mtime)
    left, last = sum(sizes.values()), time.time() - GRACE
    if left <= limit:
        return
    for name in sorted(used, key=used.__getitem__):
        if left <= limit * 3 // 4 or used[name] > last:
            return
        if name not in keep:
            for path in files[name]:
                path.unlink(missing_ok=True)
            left -= sizes[name]
