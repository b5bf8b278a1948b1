"""Find files: turn what a user names (file, folder, glob, list, URL) into a list of files with size and time stamp."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import IO, Any, TypeVar
from urllib.parse import unquote

from gpuflow.errors import ReadError, TypeMismatchError

from . import remote
from .failures import Guarded, reading
from .failures import failure as failure
from .open_files import is_content, take

Path = str | os.PathLike[str] | bytes | IO[bytes] | IO[str]
Paths = Path | Sequence[Path]
"""What a user may pass to a scan."""
Look = TypeVar("Look")
HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
_THREADS, _LOCAL_THREADS = 16, 4
"""Threads that open files: many for a network, for which they mostly wait, few for a disk."""
_COMPRESSIONS = ("gz", "gzip", "snappy", "zst", "zstd", "lz4", "lzo", "br", "brotli", "bz2")
_CHANGED = "the file has changed since it was scanned; scan it again"


@dataclass(frozen=True, slots=True)
class File:
    """One file as it was when it was found.

    `stamp` changes when the content does: modification time in nanoseconds, or an object store's etag. `keys` are the
    hive partition keys and values in its path (``year=2013``; None for a null). `inner` is the path as its `filesystem`
    writes it; that may hold secrets.
    """

    path: str
    size: int
    stamp: str
    remote: bool = False
    keys: tuple[tuple[str, str | None], ...] = ()
    inner: str = field(default="", repr=False, compare=False)
    filesystem: Any = field(default=None, repr=False, compare=False)

    @property
    def identity(self) -> tuple[str, int, str]:
        return self.path, self.size, self.stamp

    @property
    def name(self) -> str:
        """Name within the file system or archive that holds the file."""
        return self.inner or self.path

    def open(self) -> Any:
        """Return a path for Arrow to open, or an open remote file.

        Raises
        ------
        ReadError
            When the file is gone or has changed since it was found.
        """
        if self.remote:
            with reading(self.path):
                remote.forget(self.filesystem, self.inner)
                info = self.filesystem.info(self.inner)
                if (int(info.get("size") or 0), remote.stamp(info)) != (self.size, self.stamp):
                    raise failure(self.path, _CHANGED)
                return Guarded(remote.opened(self.filesystem, self.inner), self.path, failure)
        try:
            now = os.stat(self.path)
        except OSError as e:
            raise failure(self.path, e) from e
        if (now.st_size, str(now.st_mtime_ns)) != (self.size, self.stamp):
            raise failure(self.path, _CHANGED)
        return self.path


@dataclass(frozen=True, slots=True)
class Kind:
    """Recognise files of a format in a folder.

    `what` is the format's name in error messages, as in ``Parquet``. A file's name ends with one of the `suffixes`, or one
    followed by a suffix for compression; formats with a `magic` begin with these bytes.
    """

    what: str
    suffixes: tuple[str, ...]
    magic: bytes = b""

    def chosen(self, every: Sequence[str], head: Callable[[str, int], bytes]) -> list[str]:
        """Choose files by suffix; those without one, as Spark and Hive write them, by their first bytes.

        `head(path, count)` reads the first bytes of a file. Of a format without `magic`, files without a suffix are chosen only
        if no file has one.
        """
        named = {p for p in every if self._is_named(os.path.basename(p).lower())}
        bare = [p for p in every if "." not in os.path.basename(p)]
        if not self.magic:
            return bare if not named else [p for p in every if p in named]
        with ThreadPoolExecutor(_LOCAL_THREADS) as pool:
            heads = pool.map(lambda p: head(p, len(self.magic)), bare)
            named |= {p for p, begin in zip(bare, heads, strict=True) if begin == self.magic}
        return [p for p in every if p in named]

    def _is_named(self, name: str) -> bool:
        stem, _, last = name.rpartition(".")
        return name.endswith(self.suffixes) or (bool(self.magic) and last in _COMPRESSIONS and stem.endswith(self.suffixes))


def _head(path: str, count: int) -> bytes:
    with open(path, "rb") as file:
        return file.read(count)


def find(
    paths: Paths,
    *,
    kind: Kind,
    options: Mapping[str, Any] | None = None,
    filesystem: Any = None,
    hive: bool = False,
    wildcards: bool = True,
) -> list[File]:
    """Find all files that `paths` names, in the order of the list, sorted by path below each of its entries.

    Parameters
    ----------
    paths : path, bytes, open file, or list of those
        A file; a folder, searched recursively for files of the `kind` (names that begin with ``_`` or ``.`` are passed over);
        a glob (``**`` included); or a URL of any file system fsspec knows. Bytes are the content of a
        file, and an object with a method ``read`` is an open one.
    kind : Kind
        Which files of a folder are meant.
    options : mapping, optional
        Options for the remote file system.
    filesystem : fsspec or pyarrow file system, optional
        Where all of `paths` are; a URL names its file system by itself.
    hive : bool
        Take ``key=value`` folder names below a folder or glob as partition keys.
    wildcards : bool
        Whether a name that does not exist may be a glob.

    Raises
    ------
    ReadError
        When there is nothing of the kind.
    """
    what = kind.what
    entries = [entry if is_content(entry) else text_of(entry, what) for entry in _listed(paths)]
    if not entries:
        raise ReadError(f"no {what} file was named: the list of paths is empty")
    files: list[File] = []
    system = remote.given(filesystem)
    for path in entries:
        if not isinstance(path, str):
            name, held = take(path, what)
            files.append(File(name, len(held.content), held.stamp, remote=True, filesystem=held))
        elif system is not None or remote.is_remote(path):
            with reading(path):
                files += _remote(path, kind, *remote.locate(path, options or {}, system), hive, wildcards)
        else:
            with reading(path):
                files += _local(home(remote.local_path(path)), kind, hive, wildcards)
    return files


def home(path: str) -> str:
    """Expand a leading ``~`` to the user's folder, unless a file of that very name exists."""
    return path if os.path.lexists(path) else os.path.expanduser(path)


def _listed(paths: Any) -> list[Any]:
    one = isinstance(paths, (str, os.PathLike)) or is_content(paths) or not isinstance(paths, Iterable)
    return [] if paths is None else [paths] if one else list(paths)


def text_of(path: Any, what: str) -> str:
    """Return a path as text.

    Raises
    ------
    TypeMismatchError
        When it is none.
    """
    if isinstance(path, (str, os.PathLike)):
        text = os.fspath(path)
        if not isinstance(path, str) and remote.was_url(text):
            hint = "pathlib.Path leaves out one of its slashes"
            raise TypeMismatchError(f"the URL of a {what} file is a string, not {path!r:.60}: {hint}")
        if isinstance(text, str):
            return text
    raise TypeMismatchError(f"the path of a {what} file is a string or a pathlib.Path, not {path!r:.60}")


def in_threads(look: Callable[[File], Look], files: Sequence[File]) -> list[Look]:
    """Apply `look` to each of the files, by several threads; results are in order."""
    if len(files) <= 1:
        return [look(file) for file in files]
    most = _THREADS if any(file.remote for file in files) else _LOCAL_THREADS
    with ThreadPoolExecutor(min(most, len(files))) as pool:
        return list(pool.map(look, files))


def identity(files: Iterable[File], *more: Any) -> str:
    """Return a token that changes when any of the files does."""
    digest = hashlib.sha256(repr(([f.identity for f in files], more)).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:32]


def label(what: str, paths: Any, files: Sequence[File]) -> str:
    """Describe files briefly, as in ``parquet flights/ (12 files)``."""
    first = paths if isinstance(paths, (str, os.PathLike)) else files[0].path if is_content(paths) else next(iter(paths))
    name = files[0].path if is_content(first) else os.fspath(first).rstrip("/")
    name = name.rsplit("/", 1)[-1] or name
    return f"{what} {name}" if len(files) == 1 else f"{what} {name}{'/' if '*' not in name else ''} ({len(files)} files)"


def _local(path: str, kind: Kind, hive: bool, wildcards: bool) -> list[File]:
    if os.path.isfile(path):
        return [_stat(path, ())]
    if os.path.isdir(path):
        every = _walk(path)
        chosen = kind.chosen(every, _head)
        if not chosen:
            raise _nothing(path, every, kind)
        return [_stat(p, _keys(p, path) if hive else ()) for p in chosen]
    if os.path.lexists(path):
        raise failure(path, _odd(path))
    if wildcards and glob.has_magic(path):
        pattern, root = remote.split_pattern(path, os.path.isdir)
        matches = sorted(p for p in glob.glob(pattern, recursive=True) if os.path.isfile(p) and not _ignored(os.path.basename(p)))
        if not matches:
            raise ReadError(f"no file matches {path!r}, nor is there a file of that name", file=path)
        return [_stat(p, _keys(p, root) if hive else ()) for p in matches]
    raise ReadError(f"there is no file or folder {path!r}{_near(path)}", file=path)


def _odd(path: str) -> str:
    """Explain why a path that is neither a file nor a folder cannot be read."""
    if os.path.islink(path):
        return f"it is a link to {os.readlink(path)!r}, which does not exist"
    return "it is a pipe, a socket or a device, which can be read but once; copy what it gives into a file"


def _walk(root: str) -> list[str]:
    def refused(error: OSError) -> None:
        raise failure(str(error.filename or root), error) from error

    paths = []
    for folder, folders, names in os.walk(root, onerror=refused):
        folders[:] = [f for f in folders if not _ignored(f)]
        paths += [os.path.join(folder, name) for name in names if not _ignored(name)]
    return sorted(paths)


def _remote(url: str, kind: Kind, system: Any, path: str, hive: bool, wildcards: bool) -> list[File]:
    remote.forget(system)
    there = remote.look(system, path)
    root = ""
    if there is None:
        if not wildcards or not glob.has_magic(path):
            raise ReadError(f"there is no file or folder {url!r}", file=url)
        every, root = remote.matching(system, path)
        every = {p: info for p, info in every.items() if not _ignored(p.rsplit("/", 1)[-1])}
        chosen = sorted(every)
        if not chosen:
            raise ReadError(f"no file matches {url!r}, nor is there a file of that name", file=url)
    elif there["type"] == "directory":
        root = path.rstrip("/")
        every = dict(system.find(path, detail=True))
        every = {p: info for p, info in every.items() if not any(_ignored(s) for s in p[len(root) :].split("/") if s)}
        chosen = kind.chosen(sorted(every), lambda p, count: bytes(system.cat_file(p, start=0, end=count)))
        if not chosen:
            raise _nothing(url, list(every), kind)
    else:
        every, chosen = {path: there}, [path]
    return [
        File(
            remote.named(system, p, url),
            int(every[p].get("size") or 0),
            remote.stamp(every[p]),
            True,
            _keys(p, root) if hive and root else (),
            p,
            system,
        )
        for p in chosen
    ]


def _stat(path: str, keys: tuple[tuple[str, str | None], ...]) -> File:
    try:
        stat = os.stat(path)
    except OSError as e:
        raise failure(path, e) from e
    return File(os.path.abspath(path), stat.st_size, str(stat.st_mtime_ns), keys=keys)


def _ignored(name: str) -> bool:
    return name.startswith(".") or (name.startswith("_") and "=" not in name)


def _keys(path: str, root: str) -> tuple[tuple[str, str | None], ...]:
    folders = path[len(root) :].replace(os.sep, "/").split("/")[:-1]
    pairs = (folder.split("=", 1) for folder in folders if "=" in folder)
    return tuple((unquote(key), None if value == HIVE_NULL else unquote(value)) for key, value in pairs)


def _nothing(path: str, every: Sequence[str], kind: Kind) -> ReadError:
    seen = ", ".join(sorted({os.path.basename(p) for p in every})[:3])
    there = f"it holds {len(every)} other files ({seen}{', …' if len(every) > 3 else ''})" if every else "it is empty"
    suffixes = " ".join("*" + s for s in kind.suffixes)
    return ReadError(f"the folder {path!r} has no {kind.what} files ({suffixes}); {there}", file=path)


def _near(path: str) -> str:
    from difflib import get_close_matches

    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        return f" (nor a folder {os.path.dirname(path)!r})"
    near = get_close_matches(os.path.basename(path), os.listdir(folder), n=3)
    return f"; near names there: {', '.join(near)}" if near else ""
