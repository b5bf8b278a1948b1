"""Recognise compressed text by a file's name or first bytes, and decompress it as a stream."""

from __future__ import annotations

import bz2
import io
import lzma
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

COMPRESSED = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".xz": "xz", ".zip": "zip"}
"""Codec by a file's last suffix."""
WRITTEN = tuple(codec for codec in COMPRESSED.values() if codec != "zip")
_CONTENT = (
    (re.compile(rb"\x1f\x8b\x08"), "gzip"),
    (re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"), "bz2"),
    (re.compile(rb"\x28\xb5\x2f\xfd"), "zstd"),
    (re.compile(rb"\xfd7zXZ\x00"), "xz"),
    (re.compile(rb"PK(?:\x03\x04|\x05\x06)"), "zip"),
)
"""Codec by the first bytes of a file whose name does not say it."""
LOOKED = 16
_READ = 1 << 18


class _Gzip:
    """Decompress one member of a gzip stream, with the interface of `bz2.BZ2Decompressor`."""

    def __init__(self) -> None:
        self._member, self._more = zlib.decompressobj(16 + zlib.MAX_WBITS), False

    @property
    def eof(self) -> bool:
        return self._member.eof

    @property
    def needs_input(self) -> bool:
        return not self._more

    @property
    def unused_data(self) -> bytes:
        return self._member.unused_data

    def decompress(self, data: bytes, most: int) -> bytes:
        text = self._member.decompress(self._member.unconsumed_tail + data, most)
        self._more = len(text) == most or bool(self._member.unconsumed_tail)
        return text


_MEMBERS: dict[str, Callable[[], Any]] = {"gzip": _Gzip, "bz2": bz2.BZ2Decompressor, "xz": lzma.LZMADecompressor}
"""Decompressors of the standard library: pyarrow has no xz, and fails at zeros after gzip and at empty members of bz2."""
_FAILURES = (lzma.LZMAError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError)


def by_name(path: str) -> str | None:
    return COMPRESSED.get(os.path.splitext(path)[1].lower())


def by_content(start: bytes) -> str | None:
    return next((codec for sign, codec in _CONTENT if sign.match(start)), None)


def with_compressed(*suffixes: str) -> tuple[str, ...]:
    """Return the suffixes, each also followed by every suffix of compressed files."""
    return tuple(s + c for s in suffixes for c in ("", *COMPRESSED))


@contextmanager
def decompressed(raw: Any, codec: str) -> Iterator[Any]:
    """Open a stream of the decompressed content: all members one after the other, or the only file of a zip archive.

    Raises
    ------
    OSError
        When the stream is damaged or cut off; on opening or on reading.
    """
    if codec == "zip":
        try:
            with zipfile.ZipFile(raw) as archive, archive.open(_only(archive)) as member:
                yield _Guarded(member)
        except zipfile.BadZipFile as e:
            raise OSError(f"the zip archive is damaged or cut off: {e}") from e
        except (RuntimeError, NotImplementedError) as e:
            raise OSError(f"the zip archive cannot be unpacked: {e}") from e
    elif codec in _MEMBERS:
        yield io.BufferedReader(_Members(raw, codec), _READ)
    else:
        with pa.CompressedInputStream(raw, codec) as stream:
            yield stream


def _only(archive: zipfile.ZipFile) -> str:
    names = [i.filename for i in archive.infolist() if not i.is_dir() and not i.filename.startswith("__MACOSX/")]
    if len(names) != 1:
        some = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
        holds = f"holds {len(names)} files ({some})" if names else "holds no file"
        raise OSError(f"the zip archive {holds}, and one is read: unpack it, and scan what you want (workbooks: save as CSV)")
    return names[0]


class _Guarded:
    """A stream that raises every failure of a zip archive as `OSError`."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        try:
            return self._stream.read(size)  # type: ignore[no-any-return]
        except _FAILURES as e:
            raise OSError(f"the zip archive is damaged or cut off: {e}") from e


class _Members(io.RawIOBase):
    """Read the members of a compressed stream one after the other.

    Bytes behind the last member are an error unless all are zero: `BZ2File` and `LZMAFile` silently drop a damaged member that
    follows a whole one."""

    def __init__(self, raw: Any, codec: str) -> None:
        self._raw, self._codec, self._ahead = raw, codec, b""
        self._member: Any = None
        self._padded = False
        """Whether zeros may follow: a member has ended."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while True:
            if self._member is None or (self._member.needs_input and not self._member.eof):
                more = self._ahead or self._raw.read(_READ)
                self._ahead = b""
                if not more:
                    if self._member is not None:
                        raise OSError(f"Truncated compressed stream ({self._codec})")
                    return 0
            else:
                more = b""
            if self._member is None:
                more = more.lstrip(b"\0") if self._padded else more
                if not more:
                    continue
                self._member = _MEMBERS[self._codec]()
            try:
                data = self._member.decompress(more, len(buffer))
            except (lzma.LZMAError, zlib.error, OSError, EOFError, ValueError) as e:
                raise OSError(f"{self._codec} decompress failed: {e}") from e
            if self._member.eof:
                self._ahead, self._member, self._padded = self._member.unused_data, None, True
            if data:
                buffer[: len(data)] = data
                return len(data)
