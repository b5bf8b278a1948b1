"""Access file systems behind URLs by fsspec.

Names are taken literally: only functions of fsspec that expand no wildcards are called, except for patterns."""

from __future__ import annotations

import glob
import io
import os
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from inspect import signature
from typing import Any

from gpuflow.errors import TypeMismatchError

from .failures import refused

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(://|::)")
"""A scheme has two letters at least: a single letter is a drive or a folder, as for fsspec."""
_TWICE = {"config_kwargs": {"retries": {"total_max_attempts": 2, "mode": "standard"}}}
_PATIENCE: dict[str | None, dict[str, Any]] = {"s3": _TWICE, "s3a": _TWICE}
"""Options that limit retries of a server that does not answer: botocore tries five times, and s3fs repeats that five times."""
_ONE_HANDLE = {"tar", "libarchive", "ftp"}
"""File systems with one position for all open files, which threads would change for each other; zip files have a lock."""
_turn = threading.Lock()
_LOCAL = re.compile(r"(file|local)://")


def is_remote(path: str) -> bool:
    """Return whether a path is a URL, or a chain of URLs, that does not name local files."""
    return _SCHEME.match(path) is not None and "://" in path and _LOCAL.match(path) is None


def was_url(path: Any) -> bool:
    """Return whether a path is a URL that `pathlib` has changed."""
    match = re.match(r"([a-z][a-z0-9+.-]+):/(?!/)", path) if isinstance(path, str) else None
    if match is None:
        return False
    from fsspec import available_protocols

    return match.group(1) in available_protocols()


def local_path(path: str) -> str:
    """Return the path in a URL of local files."""
    return _LOCAL.sub("", path, count=1)


def locate(url: str, options: Mapping[str, Any], filesystem: Any = None) -> tuple[Any, str]:
    """Return the file system of a URL, and the path in it. Raises what fsspec raises."""
    if filesystem is not None:
        return filesystem, filesystem._strip_protocol(url)
    import fsspec.core

    if _is_chain(url):
        return fsspec.core.url_to_fs(url, **options)
    protocol = fsspec.core.split_protocol(url)[0]
    kind = fsspec.get_filesystem_class(protocol)
    return kind(**{**_PATIENCE.get(protocol, {}), **kind._get_kwargs_from_urls(url), **options}), kind._strip_protocol(url)


def _is_chain(url: str) -> bool:
    """Return whether a URL chains file systems, as in ``zip://a.csv::s3://…``; two colons may also be part of a name."""
    from fsspec import available_protocols, get_filesystem_class
    from fsspec.core import split_protocol

    *upper, last = url.split("::")
    protocols = available_protocols()
    if not upper or not all("://" in part or part in protocols for part in upper):
        return False
    if "://" in last or last in protocols:
        return True
    # a file system on top of another one, as an archive, may be on top of a local path
    protocol = split_protocol(upper[-1])[0] or upper[-1]
    return protocol in protocols and "target_protocol" in signature(get_filesystem_class(protocol).__init__).parameters


def named(system: Any, path: str, url: str) -> str:
    """Return the URL of a file found below another URL, including the archive that it is in."""
    own = str(system.unstrip_protocol(path))
    return f"{own}::{url.partition('::')[2]}" if _is_chain(url) and "::" not in own else own


def given(filesystem: Any) -> Any:
    """Return a user's file system with fsspec's interface; None for none, and for the local one.

    Raises
    ------
    TypeMismatchError
        When it is neither fsspec's nor pyarrow's.
    """
    if filesystem is None:
        return None
    import fsspec
    import pyarrow.fs
    from fsspec.implementations.arrow import ArrowFSWrapper
    from fsspec.implementations.local import LocalFileSystem

    if isinstance(filesystem, (LocalFileSystem, pyarrow.fs.LocalFileSystem)):
        return None
    if isinstance(filesystem, fsspec.AbstractFileSystem):
        return filesystem
    if isinstance(filesystem, pyarrow.fs.FileSystem):
        return ArrowFSWrapper(filesystem)
    raise TypeMismatchError(f"filesystem= takes a file system of fsspec or pyarrow.fs, not a {type(filesystem).__name__}")


def look(system: Any, path: str) -> Mapping[str, Any] | None:
    """Return the file system's info of a file or folder; None where there is none. Raises its other errors."""
    try:
        return dict(system.info(path))
    except FileNotFoundError as e:
        if refused(e):
            raise
        return None


def opened(system: Any, path: str) -> Any:
    """Open a file for reading by this thread; of file systems with one handle for all files it is a copy in memory."""
    inner = system
    while type(inner).__name__ == "DirFileSystem":
        inner = inner.fs
    protocol = getattr(inner, "protocol", ())  # files in memory have none
    protocols = {protocol} if isinstance(protocol, str) else {*protocol}
    if not protocols & _ONE_HANDLE:
        return system.open(path, "rb")
    with _turn, system.open(path, "rb") as file:
        return io.BytesIO(file.read())


def forget(system: Any, path: str | None = None) -> None:
    """Drop the cached listing of a folder, or all listings, of a file system: files may have changed since."""
    if hasattr(system, "invalidate_cache"):
        with suppress(NotImplementedError):
            system.invalidate_cache(None if path is None else path.rsplit("/", 1)[0])


def matching(system: Any, path: str) -> tuple[dict[str, Mapping[str, Any]], str]:
    """Return the files that match a pattern, and the folder above its first wildcard."""
    pattern, root = split_pattern(path, lambda folder: look(system, folder) is not None)
    entries = system.glob(pattern, detail=True)
    return {name: info for name, info in entries.items() if info["type"] == "file"}, root


def split_pattern(path: str, exists: Callable[[str], bool]) -> tuple[str, str]:
    """Escape the leading folders of a pattern that exist literally; also return the folder above the first wildcard."""
    parts = path.split("/")
    fixed = 0
    while fixed < len(parts) - 1 and (not glob.has_magic(parts[fixed]) or exists("/".join(parts[: fixed + 1]))):
        fixed += 1
    return "/".join([*map(glob.escape, parts[:fixed]), *parts[fixed:]]), "/".join(parts[:fixed])


def move(system: Any, source: str, target: str) -> None:
    """Rename a file; copy it where the file system cannot rename."""
    from fsspec import AbstractFileSystem
    from fsspec.implementations.dirfs import DirFileSystem
    from fsspec.implementations.local import LocalFileSystem

    if isinstance(system, DirFileSystem):
        move(system.fs, system._join(source), system._join(target))
    elif isinstance(system, LocalFileSystem):
        os.replace(source, target)
    elif type(system).mv is AbstractFileSystem.mv:  # expands wildcards, as its copy() and rm() do
        system.cp_file(source, target)
        system.rm_file(source)
    else:
        system.mv(source, target)


def stamp(info: Mapping[str, Any]) -> str:
    """Return the version of a remote file: whichever of etag, time or checksum its file system has."""
    names = ("ETag", "etag", "mtime", "LastModified", "last_modified", "updated", "created", "CRC")
    value = next((info[name] for name in names if info.get(name) is not None), "")
    if isinstance(value, datetime):  # a listing may say the same time as a number
        value = value.timestamp()
    return f"{value:.6f}" if isinstance(value, (int, float)) else str(value)
