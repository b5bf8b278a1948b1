"""Files and folders that appear whole or not at all.

Everything is written under a hidden name beside its own, and takes its own in one step when it is whole: a reader never
sees half a table, and a failure, or a process that dies, leaves what was there before.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
import uuid
from collections.abc import Callable
from functools import cache
from typing import Any

from gpuflow.errors import PlanError

from .files import _filesystem, remote_filesystem

_NO_REPLACE, _EXCHANGE = 1, 2
_AT_FDCWD = -100


def local_file(target: str, overwrite: bool, write: Callable[[str], None]) -> None:
    """Have `write` write a file, given the name to write to, and give it the name `target`."""
    if os.path.isdir(target) and not os.path.islink(target):
        raise PlanError(f"{target!r} is a folder; name a file in it, or give partition_by to write a folder")
    if os.path.lexists(target) and not (os.path.isfile(target) or os.path.islink(target)):
        raise PlanError(f"{target!r} is a device, a pipe or a socket, which a file would take the place of; name a file")
    _refuse(target, overwrite)
    temporary = _hidden(target)
    try:
        write(temporary)
        if overwrite:
            os.replace(temporary, target)
        else:
            _rename_new(temporary, target)
    finally:
        remove(temporary)


def local_folder(target: str, overwrite: bool, suffix: str, write: Callable[[str], None]) -> None:
    """Have `write` fill a folder, given its name, and give it the name `target`.

    One that is there already is only replaced when it holds nothing but files with `suffix`.
    """
    _refuse(target, overwrite)
    if os.path.lexists(target):
        if not os.path.isdir(target) or os.path.islink(target):
            raise PlanError(f"{target!r} is a file; partition_by writes a folder")
        for _, _, names in os.walk(target):
            other = [name for name in names if not name.endswith(suffix)]
            if other:
                raise PlanError(f"{target!r} holds {other[0]!r}, no {suffix} file: it is not replaced; name another folder")
    temporary = _hidden(target)
    try:
        os.mkdir(temporary)
        write(temporary)
        if not os.path.lexists(target):
            _rename_new(temporary, target)
        elif not _rename(temporary, target, _EXCHANGE):
            _swap(temporary, target)
    finally:
        remove(temporary)


def remote_file(url: str, overwrite: bool, storage: dict[str, Any], filesystem: Any, write: Callable[[Any], None]) -> None:
    """Have `write` write to an open file of a remote file system, and give it the name in `url`."""
    system = remote_filesystem(filesystem)
    system, path = (system, system._strip_protocol(url)) if system is not None else _filesystem(url, storage)
    if not overwrite and system.exists(path):
        raise PlanError(f"{url!r} exists; pass overwrite=True to replace it")
    temporary = f"{path}.{uuid.uuid4().hex}.tmp"  # not all stores publish a file only when it is closed
    try:
        with _created(system, temporary) as stream:
            write(stream)
        system.mv(temporary, path)
    except BaseException:
        if system.exists(temporary):
            system.rm(temporary)
        raise


def _created(system: Any, path: str) -> Any:
    """A new file, open for writing, in a folder that is made where the file system has such a thing."""
    try:
        return system.open(path, "wb")
    except FileNotFoundError:
        system.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
        return system.open(path, "wb")


def remove(path: str) -> None:
    """Take away a file or a whole folder, if it is there."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.lexists(path):
        os.unlink(path)


def _hidden(target: str) -> str:
    os.makedirs(os.path.dirname(target), exist_ok=True)
    # a long name must not become too long by it
    return os.path.join(os.path.dirname(target), f".{os.path.basename(target)[:32]}.{uuid.uuid4().hex}.tmp")


def _refuse(target: str, overwrite: bool) -> None:
    if not overwrite and os.path.lexists(target):
        raise PlanError(f"{target!r} exists; pass overwrite=True to replace it")


def _rename_new(temporary: str, target: str) -> None:
    """Rename where nothing may be replaced, not even what has come about since it was looked for."""
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
    """Linux's renameat2; False where the system or the file system has none."""
    function = _renameat2()
    if function is None:
        return False
    if function(_AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(target), flags) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM):
        return False
    raise OSError(code, os.strerror(code), target)
