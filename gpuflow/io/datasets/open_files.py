"""Files in memory: bytes, and open files, which are read when they are scanned.

They implement the two methods of a file system that `File.open` calls, so that every reader treats them like a remote file.
"""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import dataclass
from typing import Any, ClassVar

from gpuflow.errors import ReadError, TypeMismatchError


@dataclass(frozen=True)
class InMemory:
    """A file system of one file, pickled with its content."""

    protocol: ClassVar[str] = "bytes"
    content: bytes
    stamp: str

    def info(self, path: str) -> dict[str, Any]:
        return {"size": len(self.content), "etag": self.stamp}

    def open(self, path: str, mode: str = "rb") -> io.BytesIO:
        return io.BytesIO(self.content)


def is_content(source: Any) -> bool:
    """Return whether a source is the content of a file, or an open file, rather than a path."""
    return isinstance(source, (bytes, bytearray, memoryview)) or (hasattr(source, "read") and not isinstance(source, os.PathLike))


def take(source: Any, what: str) -> tuple[str, InMemory]:
    """Read bytes or an open file, from its current position, and return its name and content.

    Parameters
    ----------
    source : bytes, bytearray, memoryview or object with a method ``read``
        Text is encoded as UTF-8.
    what : str
        Name of the format in error messages, as in ``Parquet``.

    Raises
    ------
    ReadError
        When the file cannot be read: it is closed, or open for writing.
    TypeMismatchError
        When ``read`` gives neither bytes nor text.

    Examples
    --------
    >>> take(io.StringIO("a,b"), "CSV")[1].content
    b'a,b'
    """
    name = getattr(source, "name", None)
    label = f"<{os.path.basename(name) if isinstance(name, str) and name else 'in memory'}>"
    content = source
    if hasattr(source, "read"):
        try:
            content = source.read()
        except Exception as e:  # whatever an object does that is no file of Python's
            raise ReadError(f"cannot read the open {what} file {label}: {e}", file=label) from e
    if isinstance(content, str):
        content = content.encode("utf-8", "surrogatepass")
    if not isinstance(content, (bytes, bytearray, memoryview)):
        raise TypeMismatchError(
            f"an open {what} file gives bytes or text when it is read; {type(source).__name__}.read() gave {content!r:.60}"
        )
    content = bytes(content)
    return label, InMemory(content, hashlib.sha256(content).hexdigest()[:32])
