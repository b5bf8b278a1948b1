"""Write files and folders atomically.

Everything is written under a hidden name in the same folder, then renamed in one step: a reader never sees half a table, and a
failure or a killed process leaves the previous file.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

from gpuflow.errors import PlanError
from gpuflow.io.datasets import remote
from gpuflow.io.datasets.failures import Guarded, reason_of, write_failure, writing

_NO_REPLACE, _EXCHANGE = 1, 2
_AT_FDCWD = -100


def local_file(target: str, overwrite: bool, write: Callable[[str], None]) -> None:
    """Call `write` with a temporary file name, then rename the file to `target`."""
    if os.path.isdir(target) and not os.path.islink(target):
        raise PlanError(f"{target!r} is a folder; name a file in it, or give partition_by to write a folder")
    if os.path.lexists(target) and not (os.path.isfile(target) or os.path.islink(target)):
        raise PlanError(f"{target!r} is a device, a pipe or a socket, which a file would take the place of; name a file")
    _refuse(target, overwrite)
    with _beside(target) as temporary:
        write(temporary)
        with writing(target):
            if overwrite:
                os.replace(temporary, target)
            else:
                _rename_new(temporary, target)


def local_folder(target: str, overwrite: bool, suffix: str, write: Callable[[str], None]) -> None:
    """Call `write` with a temporary folder, then rename it to `target`.

    An existing folder is only replaced if it holds nothing but files with `suffix`.
    """
    _refuse(target, overwrite)
    if os.path.lexists(target):
        if not os.path.isdir(target) or os.path.islink(target):
            raise PlanError(f"{target!r} is a file; partition_by writes a folder")
        for _, _, names in os.walk(target):
            other = [name for name in names if not name.endswith(suffix)]
            if other:
                raise PlanError(f"{target!r} holds {other[0]!r}, no {suffix} file: it is not replaced; name another folder")
    with _beside(target) as temporary:
        with writing(target):
            os.mkdir(temporary)
        write(temporary)
        with writing(target):
            if not os.path.lexists(target):
                _rename_new(temporary, target)
            elif not _rename(temporary, target, _EXCHANGE):
                _swap(temporary, target)


def remote_file(url: str, overwrite: bool, system: Any, path: str, write: Callable[[Any], None]) -> None:
    """Call `write` with an open temporary file of a remote file system, then move it to `path`, the path of `url`."""
    with writing(url):
        there = remote.look(system, path)
    if there is not None and there["type"] == "directory":
        raise PlanError(f"{url!r} is a folder; name a file in it")
    if there is not None and not overwrite:
        raise PlanError(f"{url!r} exists; pass overwrite=True to replace it")
    temporary = f"{path}.{uuid.uuid4().hex}.tmp"  # not all stores publish a file only when it is closed
    try:
        with writing(url):
            stream = Guarded(_created(system, temporary), url, write_failure)
        with stream:
            write(stream)
        with writing(url):
            remote.move(system, temporary, path)
    except BaseException:
        with suppress(Exception):  # the first error is raised
            if remote.look(system, temporary) is not None:
                system.rm_file(temporary)
        raise


def _created(system: Any, path: str) -> Any:
    """Open a new file for writing; make its folder where the file system has folders."""
    try:
        return system.open(path, "wb")
    except FileNotFoundError:
        system.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
        return system.open(path, "wb")


def remove(path: str) -> None:
    """Remove a file or a whole folder, if it exists."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.lexists(path):
        os.unlink(path)


@contextmanager
def _beside(target: str) -> Iterator[str]:
    """Make the folder of `target`, yield a hidden name in it, and remove what has that name afterwards."""
    folder = os.path.dirname(target)
    try:
        os.makedirs(folder, exist_ok=True)
    except (OSError, ValueError) as e:
        taken = isinstance(e, (FileExistsError, NotADirectoryError))
        reason = "a file is in its way" if taken else reason_of(e)
        raise write_failure(target, f"the folder {folder!r} cannot be made: {reason}") from e
    # a long name must not become too long by it
    temporary = os.path.join(folder, f".{os.path.basename(target)[:32]}.{uuid.uuid4().hex}.tmp")
    try:
        yield temporary
    finally:
        remove(temporary)


def _refuse(target: str, overwrite: bool) -> None:
    if not overwrite and os.path.lexists(target):
        raise PlanError(f"{target!r} exists; pass overwrite=True to replace it")


def _rename_new(temporary: str, target: str) -> None:
    """Rename without replacing anything, not even a file created since the check."""
    try:
        if not _rename(temporary, target, _NO_REPLACE):
            _refuse(target, overwrite=False)
            os.rename(temporary, target)
    except FileExistsError:
        raise PlanError(f"{target!r} has come about while it was written; pass overwrite=True to replace it") from None


def _swap(temporary: str, target: str) -> None:
    """Exchange two folders in two steps, where the system cannot do it in one."""
    old = temporary.removesuffix(".tmp") + ".old"
    os.rename(target, old)
    try:
        os.rename(temporary, target)
    except BaseException:
        os.rename(old, target)
        raise
    remove(old)


@cache
def _renameat2() -> Any:
    if sys.platform != "linux":
        return None
    try:
        function = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    return function


def _rename(source: str, target: str, flags: int) -> bool:
    """Call Linux's renameat2; return False where the system or the file system lacks it."""
    function = _renameat2()
    if function is None:
        return False
    if function(_AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(target), flags) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM):
        return False
    raise OSError(code, os.strerror(code), target)
