"""Decode text in other encodings to a stream of UTF-8."""

from __future__ import annotations

import codecs
from typing import Any

from gpuflow.errors import TypeMismatchError

LOSSY = "utf8-lossy"
"""UTF-8 in which invalid bytes become ``\\ufffd``."""


def checked_encoding(encoding: str) -> str:
    """Return the name of an encoding, ``utf8`` for all names of UTF-8. Raises `TypeMismatchError` for an unknown one."""
    if not isinstance(encoding, str) or not encoding.isascii():
        raise TypeMismatchError(f"encoding={encoding!r:.60} is no encoding")
    try:
        if encoding == LOSSY:
            return encoding
        "".encode(encoding)
        return "utf8" if codecs.lookup(encoding).name == "utf-8" else encoding
    except (LookupError, TypeError) as e:  # of bytes into bytes, or of texts into texts, is a LookupError too
        raise TypeMismatchError(f"encoding={encoding!r} is not one that Python knows, nor {LOSSY!r}") from e


class Decoded:
    """A stream that decodes bytes of an encoding to UTF-8."""

    def __init__(self, stream: Any, encoding: str) -> None:
        make = codecs.getincrementaldecoder("utf-8" if encoding == LOSSY else encoding)
        self._stream, self._encoding = stream, encoding
        self._decoder, self._line = make("replace" if encoding == LOSSY else "strict"), 1

    def read(self, size: int = -1) -> bytes:
        """Read `size` bytes, or all, and decode them.

        Raises
        ------
        ValueError
            With the line of bytes that are not in the encoding.
        """
        while True:
            block = self._stream.read(size) if size >= 0 else self._stream.read()
            try:
                text = self._decoder.decode(block, final=not block or size < 0)
            except UnicodeError as e:
                why = f"line {self._line}: {e}"
                if isinstance(e, UnicodeDecodeError):
                    line = self._line + e.object[: e.start].decode(self._encoding, "replace").count("\n")
                    wrong = e.object[e.start : e.end][:8]
                    why = f"line {line}: {wrong!r} is no text in {self._encoding} ({e.reason})"
                raise ValueError(f"{why}. Name its encoding: encoding='utf8-lossy', or another") from None
            self._line += text.count("\n")
            if text or not block:  # a block may be half a character
                return text.encode("utf-8", "replace")
