"""Turn failures of files and networks into `ReadError` and `WriteError`, with the path, the reason, and the way out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

import pyarrow as pa

from gpuflow.errors import GpuflowError, ReadError, WriteError

FAILURES = (pa.ArrowException, OSError, EOFError, ValueError, KeyError, MemoryError, OverflowError)
"""Exceptions of pyarrow for damaged files; a damaged size may ask for memory that does not exist."""
_PACKAGE = re.compile(r"(?i)\binstall\s+[\"'`]?([a-z][a-z0-9_.-]*)")
_UNREACHABLE = re.compile(r"(?i)endpoint|connect|timed? ?out|timeout|name or service|name resolution|getaddrinfo|unreachable")
_DAMAGED = re.compile(r"(?i)\bdecompress|truncated compressed")
_CREDENTIALS = re.compile(r"(?i)credential|access ?denied|forbidden|unauthorized|invalidaccesskey|signaturedoesnotmatch")


def failure(
    path: str, reason: Any, *, row_group: int | None = None, column: str | None = None, block: str = "row group"
) -> ReadError:
    """Make a `ReadError` that names the file, and where known the row group (or the format's word for a `block`) and the
    column."""
    where = path
    if row_group is not None:
        where += f", {block} {row_group}"
    if column is not None:
        where += f", column {column!r}"
    return ReadError(f"cannot read {where}: {reason_of(reason)}", file=path, row_group=row_group, column=column)


def write_failure(path: str, reason: Any) -> WriteError:
    """Make a `WriteError` that names the file."""
    return WriteError(f"cannot write {path}: {reason_of(reason)}", file=path)


def reason_of(error: Any) -> str:
    """Describe an error of another library in one sentence, with what to do about it where that is known."""
    if not isinstance(error, BaseException):
        return str(error)
    if isinstance(error, ImportError):
        return _missing(error)
    if isinstance(error, FileNotFoundError) and refused(error):
        return reason_of(error.__cause__)
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    if not text or isinstance(error, KeyError):
        text = f"{type(error).__name__} {text}".rstrip()
    unknown = re.match(r"Protocol not known: (\S+)", text)
    if unknown:
        return _unknown(unknown.group(1))
    if _DAMAGED.search(text) and "damaged" not in text:
        return f"{text}; the file is damaged or cut off: copy it again, or compress it again"
    if _CREDENTIALS.search(text):
        return f"{text}; give credentials in storage_options, or ask for the permission"
    if _UNREACHABLE.search(f"{type(error).__name__} {text}"):
        return f"{text}; nothing answers there: check the address (storage_options) and the network"
    return text


def refused(error: FileNotFoundError) -> bool:
    """True where a file system says "not found" of a server that refused, or did not answer."""
    cause = error.__cause__
    if cause is None or isinstance(cause, FileNotFoundError):
        return False
    return isinstance(cause, OSError) or type(cause).__module__.startswith(("aiohttp", "requests", "httpx"))


def _missing(error: ImportError) -> str:
    match = _PACKAGE.search(str(error))
    name = match.group(1) if match else (error.name or "").split(".")[0]
    return f"{error}; the package is missing: pip install {name}" if name else str(error)


def _unknown(protocol: str) -> str:
    from fsspec import available_protocols

    near = get_close_matches(protocol, available_protocols(), n=3, cutoff=0.5)
    names = " or ".join(f"{name}://" for name in near)
    hint = f"did you mean {names}?" if near else "known are file://, s3://, gs://, https:// and others"
    return f"no file system is known for {protocol}://; {hint}"


def wrap_error(file: Any, error: BaseException, **where: Any) -> ReadError:
    """Wrap another library's error in a `ReadError` that names the file; raise an error of gpuflow unchanged.

    An error that is raised from itself cannot be pickled, so that it would never come back from a worker.
    """
    if isinstance(error, GpuflowError):
        raise error
    return failure(file.path, error, **where)


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Raise whatever another library raises as a `ReadError` that names the path."""
    try:
        yield
    except GpuflowError:
        raise
    except Exception as e:
        raise failure(path, e) from e


@contextmanager
def writing(path: str) -> Iterator[None]:
    """Raise whatever another library raises as a `WriteError` that names the path."""
    try:
        yield
    except GpuflowError:
        raise
    except Exception as e:
        raise write_failure(path, e) from e


class Guarded:
    """An open file of another library whose exceptions are replaced by what `fail` makes of them."""

    def __init__(self, handle: Any, path: str, fail: Callable[[str, Any], GpuflowError]) -> None:
        self._handle, self._path, self._fail = handle, path, fail

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._handle, name)
        if not callable(value):
            return value

        def call(*args: Any, **named: Any) -> Any:
            try:
                return value(*args, **named)
            except GpuflowError:
                raise
            except Exception as e:
                raise self._fail(self._path, e) from e

        return call

    def __enter__(self) -> Guarded:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
