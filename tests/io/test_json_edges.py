"""What straddles blocks, members of compressed files, and reads: every hostile thing at every place around an edge."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gpuflow.io import scan_json, scan_ndjson
from gpuflow.io.text import ndjson
from tests.support.reading import table

HOSTILE = [
    '{"s":"é漢😀","n":1,"o":{"k":[1,2]}}',
    '{"s":"} { ] [ \\" \\\\","n":2}\r',
    "",
    ' \t{"n":3,"s":"a\\nb\\u00e9\\ud83d\\ude00"}  ',
    "   ",
    '{"o":{"k":[]},"s":"null"}\r',
    '{"s":null,"o":null,"n":null}',
]
SCHEMA = pa.schema([("s", pa.string()), ("n", pa.int64()), ("o", pa.struct([("k", pa.list_(pa.int64()))]))])


def expected(text: str) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in text.split("\n") if line.strip()]
    return [{name: row.get(name) for name in ("s", "n", "o")} for row in rows]


def read(path: Path, scan: Any = scan_ndjson) -> list[dict[str, Any]]:
    found = table(scan(path)).to_arrow()
    return [{name: row.get(name) for name in ("s", "n", "o")} for row in found.to_pylist()]


@pytest.mark.parametrize(("mark", "end"), [("", "\n"), ("\ufeff", "")])
def test_blocks_of_every_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mark: str, end: str) -> None:
    text = "\n".join([*HOSTILE, *HOSTILE[::-1]]) + end
    path = tmp_path / "a.ndjson"
    path.write_text(mark + text, encoding="utf8", newline="")
    rows = expected(text)
    assert len(rows) == 10
    for size in range(1, len(text.encode()) + 4):
        monkeypatch.setattr(ndjson, "_BLOCK", size)
        assert read(path) == rows, size


@pytest.mark.parametrize("kind", ["gz", "bz2", "zst", "xz"])
def test_members_of_compressed_files(tmp_path: Path, kind: str) -> None:
    text = ("\n".join(HOSTILE) + "\n").encode()
    zstd = partial(pa.compress, codec="zstd", asbytes=True)
    press = {"gz": gzip.compress, "bz2": bz2.compress, "zst": zstd, "xz": lzma.compress}[kind]
    path = tmp_path / f"a.ndjson.{kind}"
    for place in range(0, len(text) + 1, 5):
        path.write_bytes(press(text[:place]) + press(text[place:]))
        assert read(path) == expected(text.decode()), place
    path.write_bytes(b"".join(press(text[k : k + 1]) for k in range(len(text))))
    assert read(path) == expected(text.decode())
    array = ("[" + ",".join(line for line in HOSTILE if line.strip()) + "]").encode()
    path.write_bytes(press(array[:50]) + press(array[50:]))
    assert read(path) == read(path, scan_json) == expected(text.decode())


def test_edges_of_reads_of_a_mebibyte(tmp_path: Path) -> None:
    """Text is read and parsed by the mebibyte, by the looks at types and by the reader."""
    path = tmp_path / "a.ndjson"
    head, tail = '{"s":"', '"}\r\n{"s":"b\\\\","n":1}\r\n'
    for odd in ("😀", "\\ud83d\\ude00"):
        for k in range(-len(odd.encode()) - 2, 2, 1 if odd == "😀" else 3):
            filler = "x" * ((1 << 20) + k - len(head))
            path.write_text(head + filler + odd + tail, encoding="utf8", newline="")
            found = table(scan_ndjson(path, infer_schema_length=None))
            assert found["s"].to_pylist() == [filler + json.loads(f'"{odd}"'), "b\\"]


def test_an_object_of_many_blocks(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    long = "é" * 3_000_000
    path.write_text(f'{{"n":1}}\n{{"s":"{long}"}}\n{{"n":2}}', encoding="utf8")
    assert table(scan_ndjson(path))["s"].to_pylist() == [None, long, None]
    path.write_text(f'[{{"n":1}},{{"s":"{long}"}},{{"n":2}}]', encoding="utf8")
    assert table(scan_ndjson(path))["s"].to_pylist() == [None, long, None]
