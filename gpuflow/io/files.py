"""From what a user names (file, folder, glob, list, URL) to a list of files with size and time stamp."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any, TypeVar
from urllib.parse import unquote

from gpuflow.errors import ReadError, TypeMismatchError

from .in_memory import is_content, take

Path = str | os.PathLike[str] | bytes | IO[bytes] | IO[str]
Paths = Path | Sequence[Path]
"""What a user may name to read."""
Look = TypeVar("Look")
HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
_THREADS, _LOCAL_THREADS = 16, 4
"""Threads that look at files: they wait for a network more than they compute, and less for a disk."""
_CHANGED = "the file has changed since it was scanned; scan it again"


@dataclass(frozen=True, slots=True)
class File:
    """One file as it was when it was found.

    `stamp` changes when the content does: modification time in nanoseconds, or an object store's etag. `keys` are the
    hive partition keys and values in its path (``year=2013``; None for a null). `inner` is the path as its file system
    writes it; that is found by `options`, which may hold secrets, unless it was handed in.
    """

    path: str
    size: int
    stamp: str
    remote: bool = False
    options: tuple[tuple[str, Any], ...] = field(default=(), repr=False, compare=False)
    keys: tuple[tuple[str, str | None], ...] = ()
    inner: str = field(default="", repr=False, compare=False)
    filesystem: Any = field(default=None, repr=False, compare=False)

    @property
    def identity(self) -> tuple[str, int, str]:
        return self.path, self.size, self.stamp

    def open(self) -> Any:
        """A path that Arrow opens itself, or an open remote file.

        Raises
        ------
        ReadError
            When the file is gone or is no longer the one that was found.
        """
        if self.remote:
            filesystem = self.filesystem or _filesystem(self.path, dict(self.options))[0]
            try:
                info = filesystem.info(self.inner)
                if (int(info.get("size") or 0), _stamp(info)) != (self.size, self.stamp):
                    raise failure(self.path, _CHANGED)
                return filesystem.open(self.inner, "rb")
            except ReadError:
                raise
            except OSError as e:
                raise failure(self.path, e) from e
        try:
            now = os.stat(self.path)
        except OSError as e:
            raise failure(self.path, e) from e
        if (now.st_size, str(now.st_mtime_ns)) != (self.size, self.stamp):
            raise failure(self.path, _CHANGED)
        return self.path


def failure(path: str, reason: Any, *, row_group: int | None = None, column: str | None = None) -> ReadError:
    """A `ReadError` that names the file, and where known the row group and the column."""
    where = path
    if row_group is not None:
        where += f", row group {row_group}"
    if column is not None:
        where += f", column {column!r}"
    if isinstance(reason, OSError) and reason.strerror:
        reason = reason.strerror
    return ReadError(f"cannot read {where}: {reason}", file=path, row_group=row_group, column=column)


def find(
    paths: Paths,
    *,
    suffixes: tuple[str, ...],
    what: str,
    options: Mapping[str, Any] | None = None,
    filesystem: Any = None,
    hive: bool = False,
) -> list[File]:
    """All files that `paths` names, in the order of the list, and sorted by path below each of its entries.

    Parameters
    ----------
    paths : path, bytes, open file, or list of those
        A file; a folder, searched recursively for files with one of `suffixes` (names that begin with ``_`` or ``.``
        are passed over); a glob (``**`` included); or a URL of any file system fsspec knows. Bytes are the content of a
        file, and an object with a method ``read`` is an open one.
    suffixes : tuple of str
        Which files of a folder are meant.
    what : str
        How errors call such a file, as in ``Parquet``.
    options : mapping, optional
        Options for the remote file system.
    filesystem : fsspec or pyarrow file system, optional
        Where all of `paths` are; a URL names its file system by itself.
    hive : bool
        Take ``key=value`` folder names below a folder or glob as partition keys.

    Raises
    ------
    ReadError
        When there is nothing of the kind.
    """
    entries = [entry if is_content(entry) else text_of(entry, what) for entry in _listed(paths)]
    if not entries:
        raise ReadError(f"no {what} file was named: the list of paths is empty")
    found: list[File] = []
    system = remote_filesystem(filesystem)
    for path in entries:
        if not isinstance(path, str):
            name, held = take(path, what)
            found.append(File(name, len(held.content), held.stamp, remote=True, filesystem=held))
        elif system is not None or ("://" in path and not path.startswith("file://")):
            found += _remote(path, suffixes, what, tuple((options or {}).items()), system, hive)
        else:
            found += _local(os.path.expanduser(path.removeprefix("file://")), suffixes, what, hive)
    return found


def _listed(paths: Any) -> list[Any]:
    one = isinstance(paths, (str, os.PathLike)) or is_content(paths) or not isinstance(paths, Iterable)
    return [] if paths is None else [paths] if one else list(paths)


def text_of(path: Any, what: str) -> str:
    """A path as text.

    Raises
    ------
    TypeMismatchError
        When it is none.
    """
    if isinstance(path, (str, os.PathLike)):
        text = os.fspath(path)
        if isinstance(text, str):
            return text
    raise TypeMismatchError(f"the path of a {what} file is a string or a pathlib.Path, not {path!r:.60}")


def in_threads(look: Callable[[File], Look], files: Sequence[File]) -> list[Look]:
    """``look`` at each of the files, by several threads; in order."""
    if len(files) <= 1:
        return [look(file) for file in files]
    most = _THREADS if any(file.remote for file in files) else _LOCAL_THREADS
    with ThreadPoolExecutor(min(most, len(files))) as pool:
        return list(pool.map(look, files))


def identity(files: Iterable[File], *more: Any) -> str:
    """A token that changes when any of the files does."""
    digest = hashlib.sha256(repr(([f.identity for f in files], more)).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:32]


def label(what: str, paths: Any, files: Sequence[File]) -> str:
    """Short description: ``parquet flights/ (12 files)``."""
    first = paths if isinstance(paths, (str, os.PathLike)) else files[0].path if is_content(paths) else next(iter(paths))
    name = files[0].path if is_content(first) else os.fspath(first).rstrip("/")
    name = name.rsplit("/", 1)[-1] or name
    return f"{what} {name}" if len(files) == 1 else f"{what} {name}{'/' if '*' not in name else ''} ({len(files)} files)"


def _local(path: str, suffixes: tuple[str, ...], what: str, hive: bool) -> list[File]:
    if os.path.isfile(path):
        return [_stat(path, ())]
    if os.path.isdir(path):
        every = _walk(path)
        chosen = [p for p in every if p.lower().endswith(suffixes)]
        if not chosen:
            raise _nothing(path, every, suffixes, what)
        return [_stat(p, _keys(p, path) if hive else ()) for p in chosen]
    if glob.has_magic(path):
        matches = sorted(p for p in glob.glob(path, recursive=True) if os.path.isfile(p) and not _ignored(os.path.basename(p)))
        if not matches:
            raise ReadError(f"no file matches {path!r}", file=path)
        root = _static(path)
        return [_stat(p, _keys(p, root) if hive else ()) for p in matches]
    raise ReadError(f"there is no file or folder {path!r}{_near(path)}", file=path)


def _walk(root: str) -> list[str]:
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [f for f in folders if not _ignored(f)]
        found += [os.path.join(folder, name) for name in names if not _ignored(name)]
    return sorted(found)


def _remote(
    url: str, suffixes: tuple[str, ...], what: str, options: tuple[tuple[str, Any], ...], system: Any, hive: bool
) -> list[File]:
    try:
        filesystem, path = (system, system._strip_protocol(url)) if system is not None else _filesystem(url, dict(options))
        magic = glob.has_magic(path) and not filesystem.exists(path)
        if magic:
            every = {p: i for p, i in filesystem.glob(path, detail=True).items() if i["type"] == "file"}
            root = _static(path)
        elif filesystem.isdir(path):
            root = path.rstrip("/")
            every = filesystem.find(path, detail=True)
            every = {p: i for p, i in every.items() if not any(_ignored(s) for s in p[len(root) :].split("/") if s)}
        elif filesystem.exists(path):
            root, every, magic = "", {path: filesystem.info(path)}, True
        else:
            raise ReadError(f"there is no file or folder {url!r}", file=url)
    except ReadError:
        raise
    except (OSError, ValueError, ImportError) as e:
        raise failure(url, e) from e
    chosen = sorted(every) if magic else sorted(p for p in every if p.lower().endswith(suffixes))
    if not chosen:
        raise _nothing(url, list(every), suffixes, what) if not magic else ReadError(f"no file matches {url!r}", file=url)
    return [
        File(
            filesystem.unstrip_protocol(p),
            int(every[p].get("size") or 0),
            _stamp(every[p]),
            True,
            options,
            _keys(p, root) if hive and root else (),
            p,
            system,
        )
        for p in chosen
    ]


def _stamp(info: Mapping[str, Any]) -> str:
    """What tells versions of a remote file apart; file systems call it by different names."""
    names = ("ETag", "etag", "mtime", "LastModified", "last_modified", "updated", "created")
    value = next((info[name] for name in names if info.get(name) is not None), "")
    if isinstance(value, datetime):  # a listing may say the same time as a number
        value = value.timestamp()
    return f"{value:.6f}" if isinstance(value, (int, float)) else str(value)


def _filesystem(url: str, options: dict[str, Any]) -> tuple[Any, str]:
    import fsspec.core

    return fsspec.core.url_to_fs(url, **options)


def remote_filesystem(filesystem: Any) -> Any:
    """The file system that a user handed in, behind fsspec's interface; None for none, and for this machine's own.

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


def _stat(path: str, keys: tuple[tuple[str, str | None], ...]) -> File:
    try:
        stat = os.stat(path)
    except OSError as e:
        raise failure(path, e) from e
    return File(os.path.abspath(path), stat.st_size, str(stat.st_mtime_ns), keys=keys)


def _ignored(name: str) -> bool:
    return name.startswith(".") or (name.startswith("_") and "=" not in name)


def _static(path: str) -> str:
    """The folder above the first wildcard."""
    parts = path.split("/")
    fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    return "/".join(parts[:fixed])


def _keys(path: str, root: str) -> tuple[tuple[str, str | None], ...]:
    folders = path[len(root) :].replace(os.sep, "/").split("/")[:-1]
    pairs = (folder.split("=", 1) for folder in folders if "=" in folder)
    return tuple((unquote(key), None if value == HIVE_NULL else unquote(value)) for key, value in pairs)


def _nothing(path: str, every: Sequence[str], suffixes: tuple[str, ...], what: str) -> ReadError:
    seen = ", ".join(sorted({os.path.basename(p) for p in every})[:3])
    there = f"it holds {len(every)} other files ({seen}{', …' if len(every) > 3 else ''})" if every else "it is empty"
    return ReadError(f"the folder {path!r} has no {what} files ({' '.join('*' + s for s in suffixes)}); {there}", file=path)


def _near(path: str) -> str:
    from difflib import get_close_matches

    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        return f" (nor a folder {os.path.dirname(path)!r})"
    near = get_close_matches(os.path.basename(path), os.listdir(folder), n=3)
    return f"; near names there: {', '.join(near)}" if near else ""
