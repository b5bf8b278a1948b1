"""Handle JSON as text: check lines, turn documents into lines, and values into the text that they are written as."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

import pyarrow as pa

DEEPEST = 500
"""Most levels of nesting of a line: some thousands of them crash pyarrow."""
_BLANK = re.compile(r"[ \t\n\r]*")
_BARE_NULL = re.compile(rb"(?:\A(?:\xef\xbb\xbf)?|[\n}])[ \t\r]*null")
"""A null in place of an object, which crashes pyarrow."""
_BLANKS = (b"\n", b"\r", b" ", b"\t")
_PLAIN = json.JSONDecoder()


class Repeated(ValueError):
    """A key occurs twice in one object, with two values."""


class DocumentRows(io.BytesIO):
    """A stream of the rows of a JSON document, one on each line."""


class Behind:
    """A stream with some bytes, read from it before, put back in front."""

    def __init__(self, start: bytes, stream: Any) -> None:
        self._start, self._stream = start, stream

    def read(self, size: int | None = None) -> bytes:
        if size is None or size < 0:
            start, self._start = self._start, b""
            return start + bytes(self._stream.read())
        if self._start:
            start, self._start = self._start[:size], self._start[size:]
            return start
        return bytes(self._stream.read(size))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object; raise `Repeated` if a key has two values."""
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields and fields[name] != value:
            raise Repeated(f"key {name!r} stands twice in one object, with {fields[name]!r:.60} and {value!r:.60}")
        fields.setdefault(name, value)
    return fields


def _first(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return dict(reversed(pairs))


def object_on(line: bytes, forgiving: bool = False) -> Any:
    """Parse the object on a line; return what is wrong, as a string, where there is none.

    A repeated key keeps its first value if `forgiving`, or if both values are equal.
    """
    try:
        value = json.loads(line, object_pairs_hook=_first if forgiving else _once)
    except Repeated as e:
        return str(e)
    except (ValueError, RecursionError) as e:
        return f"it is no JSON: {e}"
    if not isinstance(value, dict):
        return f"it holds a {type(value).__name__}, no object" if value is not None else "it holds null, no object"
    if brackets(line) > DEEPEST and _depth(value) > DEEPEST:
        return f"it is nested more than {DEEPEST} levels deep"
    return value


def brackets(line: bytes) -> int:
    return line.count(b"[") + line.count(b"{")


def _depth(value: Any) -> int:
    level, depth = [value], 0
    while level := [v for x in level for v in (x.values() if isinstance(x, dict) else x if isinstance(x, list) else ())]:
        depth += 1
    return depth


def refuse_nulls(text: bytes) -> None:
    """Raise `pyarrow.ArrowInvalid` if a line holds null instead of an object."""
    for match in _BARE_NULL.finditer(text):  # the same characters may be inside a string
        start = text.rfind(b"\n", 0, match.end()) + 1
        end = text.find(b"\n", start)
        line = text[start:] if end < 0 else text[start:end]
        if isinstance(wrong := object_on(line), str):
            raise pa.ArrowInvalid(wrong)


def refuse_depths(text: bytes) -> None:
    """Raise `pyarrow.ArrowInvalid` if a line is nested too deep to infer types from it."""
    for line in text.split(b"\n"):
        if brackets(line) > DEEPEST and isinstance(wrong := object_on(line), str):
            raise pa.ArrowInvalid(wrong)


def count_lines(text: bytes) -> int:
    """Count lines that are not blank."""
    if text[:1].isspace() or any(b"\n" + blank in text for blank in _BLANKS):
        return sum(1 for line in text.split(b"\n") if line.strip())
    return text.count(b"\n") + (not text.endswith(b"\n"))


def members(line: str) -> Iterator[tuple[str, str]]:
    """Yield the keys of the object on a line, with their values as text. Raises `ValueError` if it is no object."""
    for name, value in _parts(line, "{", "}"):
        assert name is not None
        yield name, value


def _parts(line: str, begin: str, end: str) -> Iterator[tuple[str | None, str]]:
    """Yield the texts of the values between two brackets, each with its key in an object."""
    place = _blank(line, 0)
    if line[place : place + 1] == "\ufeff":
        place = _blank(line, place + 1)
    place = _behind(line, place, begin)
    while line[place : place + 1] != end:
        name = None
        if begin == "{":
            name, place = scanstring(line, _behind(line, place, '"', blank=False))
            place = _behind(line, _blank(line, place), ":")
        start = place
        _, place = _PLAIN.raw_decode(line, start)
        yield name, line[start:place]
        place = _blank(line, place)
        if line[place : place + 1] != end:
            place = _behind(line, place, ",")
            if line[place : place + 1] == end:
                raise json.JSONDecodeError("a comma stands behind the last value", line, place)
    if line[place + 1 :].strip():
        raise json.JSONDecodeError("more stands behind the object", line, place + 1)


def _behind(text: str, place: int, sign: str, blank: bool = True) -> int:
    if text[place : place + 1] != sign:
        raise json.JSONDecodeError(f"{sign} is expected", text, place)
    return _blank(text, place + 1) if blank else place + 1


def _blank(text: str, place: int) -> int:
    match = _BLANK.match(text, place)
    assert match is not None
    return match.end()


def with_texts(text: bytes, columns: frozenset[str], forgiving: bool) -> bytes:
    """Turn every value of these columns into a string; a value of another type becomes its text.

    A repeated key keeps its first value if `forgiving`, or if both values are written alike. Lines that are no objects are
    kept."""
    return b"\n".join(_with_texts(line, columns, forgiving) for line in text.split(b"\n"))


def _with_texts(line: bytes, columns: frozenset[str], forgiving: bool) -> bytes:
    if not line.strip():
        return line
    try:
        text = line.decode()
        changed = _unique(text, forgiving, columns)
    except (ValueError, RecursionError):
        return line
    return line if changed == text else changed.encode()


def _unique(text: str, forgiving: bool, columns: frozenset[str] = frozenset()) -> str:
    """Remove repeated keys within a value, and turn the values of `columns` into strings; unchanged text is returned as it is.

    Raises `Repeated` if a key has two values."""
    if text[:1] == "[":
        values = [value for _, value in _parts(text, "[", "]")]
        changed = [_unique(value, forgiving) for value in values]
        return text if changed == values else "[" + ",".join(changed) + "]"
    if text[:1] in '"-0123456789tfnNI':
        return text
    fields: dict[str, str] = {}
    same = True
    for name, value in members(text):
        if name in fields:
            if fields[name] != value and not forgiving:
                raise Repeated(name)
            same = False
            continue
        fields[name] = value
        if name not in columns:
            changed_value = _unique(value, forgiving)
        else:
            changed_value = value if value.startswith('"') or value == "null" else json.dumps(value)
        same, fields[name] = same and changed_value == value, changed_value
    return text if same else "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in fields.items()) + "}"


def rows_of(text: str, several: bool) -> DocumentRows | None:
    """Read the rows of a JSON document: the values of an array, or any number of objects over any lines.

    Text behind the array is an error if `several`; otherwise the result is None, and the text is read as lines. Raises
    `ValueError` for what is no JSON.
    """
    rows: list[str] = []
    place = _blank(text, text.startswith("\ufeff"))

    def value() -> None:
        nonlocal place
        start = place
        _, place = _PLAIN.raw_decode(text, start)
        rows.append(text[start:place].replace("\n", " ").replace("\r", " "))  # line ends occur only between values
        place = _blank(text, place)

    if text[place : place + 1] == "[":
        place = _blank(text, place + 1)
        while text[place : place + 1] != "]":
            value()
            if text[place : place + 1] == ",":
                place = _blank(text, place + 1)
            elif text[place : place + 1] != "]":
                raise json.JSONDecodeError("the array is cut off, or lacks a comma", text, place)
        place = _blank(text, place + 1)
        if place < len(text):
            if several:
                raise json.JSONDecodeError("more stands behind the array", text, place)
            return None
    while place < len(text):
        value()
    return DocumentRows("".join(row + "\n" for row in rows).encode())
