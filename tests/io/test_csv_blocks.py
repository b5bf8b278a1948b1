"""What straddles blocks of delimited text: every hostile thing at every place around the edge of a block."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest
from gpuflow_kernels.primitives.cpu import delimited as d
from gpuflow_kernels.primitives.cpu.compiled import compiled

import gpuflow as gf
from gpuflow.errors import ReadError
from gpuflow.io import scan_csv
from gpuflow.io.datasets.options import ScanOptions
from gpuflow.io.text import records as module
from gpuflow.io.text.csv import CsvSource
from gpuflow.io.text.record_ends import last_end
from gpuflow.io.text.records import Block, Dialect, Records
from tests.support.reading import table
from tests.support.running import running

TEXTS: dict[str, tuple[str, dict[str, Any]]] = {
    "returns and newlines in quotes": ('id,s\r\n0,"z\r\nB"\r\n1,x\r\n2,"\r\n\r\n"\r\n3,"a\r"\r\n', {}),
    "newlines in quotes, returns outside": ('id,s\n0,"a\rb"\n1,"\r\n"\n2,"\n"\n3,x\n', {}),
    "quotes in quotes": ('id,s\n0,""""\n1,"a""b"\n2,"""\n"""\n3,""\n4,"x"",""y"\n', {}),
    "separators in quotes": ('id,s\n0,","\n1,",,\n,"\n2,x\n', {}),
    "characters of several bytes": ("id,s\n0,é\n1,😀é\n2,\"ß\n😀\"\n3,𝔘\n", {}),
    "a mark": ('\ufeffid,s\n0,"\ufeff"\n1,x\n', {}),
    "a header over several lines": ('"i\r\nd","s\n,q"\n0,"x\ny"\n1,z\n', {}),
    "comments": ('# one, "\nid,s\n# two\n0,"x\n# three\ny"\n#\n1,z\n# end', {"comment_prefix": "#"}),
    "comments of two characters": ("// a\nid,s\n0,/\n//b\n1,//x\n", {"comment_prefix": "//"}),
    "skipped rows": ('"odd\nrow"\nsecond\nid,s\n"below\nit",z\n0,x\n1,"y\nz"\n', {"skip_rows": 2, "skip_rows_after_header": 1}),
    "skipped lines": ('"odd\nrow"\nid,s\n0,x\n1,"y\nz"\n', {"skip_lines": 2}),
    "no end": ('id,s\n0,"x\ny"\n1,"z\n"', {}),
    "half an end": ("id,s\r\n0,x\r\n1,y\r", {}),
    "first rows": ('id,s\n0,"x\ny"\n1,"z\n"\n2,"not, read', {"n_rows": 2}),
    "short rows": ('id,s,t\n0\n1,"x\ny"\n2,a,b\n3,"z"\n', {}),
    "one column": ('s\n"x\ny"\n\nz\n\n', {}),
    "another line end": ('id,s;0,x;1,"y;z";2,"\n"', {"eol_char": ";"}),
    "no quotes": ('id,s\n0,"x\n1,y"\n2,"\n', {"quote_char": None}),
}  # fmt: skip


def right(text: str, options: dict[str, Any]) -> tuple[list[str], list[tuple[Any, ...]]]:
    frame = pl.read_csv(text.encode(), infer_schema_length=None, **options)
    return frame.columns, frame.rows()


RETURNS_AT_THE_END = (["id", "s"], [(0, "x"), (1, "y")])


@pytest.mark.parametrize("name", TEXTS)
def test_every_edge(name: str) -> None:
    text, options = TEXTS[name]
    if name == "first rows":
        expected = right('id,s\n0,"x\ny"\n1,"z\n"\n', {})
    else:
        expected = RETURNS_AT_THE_END if name == "half an end" else right(text, options)
    content, others = text.encode(), {name: value for name, value in options.items() if name != "n_rows"}
    for size in (*range(1, 16), *range(16, len(content) + 2, 3)):
        found = table(CsvSource(content, ScanOptions(n_rows=options.get("n_rows")), block=size, **others))
        assert (found.columns, [tuple(row.values()) for row in found.to_pylist()]) == expected, size


def test_a_line_end_in_quotes_at_the_edge_of_a_real_block(tmp_path: Path) -> None:
    """A known fault of pyarrow's reader of blocks: the newline of such a line end is lost."""
    head = b'id,s\n0,"'
    for before in (1, 0):
        value = b"z" * (2**20 - before - len(head)) + b"\r\nB"
        path = tmp_path / "a.csv"
        path.write_bytes(head + value + b'"\n1,x\n')
        assert table(scan_csv(path))["s"].to_pylist() == [value.decode(), "x"]


def test_many_real_blocks(tmp_path: Path) -> None:
    """Blocks are parsed by several threads; rows stay in order, and none is lost."""
    rows = [(i, f'{i} "q"\r\n{"é" * (i % 50)}' if i % 3 else f"plain {i}") for i in range(60_000)]
    sink = io.StringIO()
    writer = csv.writer(sink)
    writer.writerows([("id", "s"), *rows])
    path = tmp_path / "a.csv"
    path.write_text(sink.getvalue(), encoding="utf-8", newline="")
    found = table(scan_csv(path)).to_dict()
    assert (found["id"], found["s"]) == ([i for i, _ in rows], [s for _, s in rows])
    with running():
        assert gf.scan_csv(path).select(gf.len()).collect().item() == len(rows)
    assert table(scan_csv(path, n_rows=45_001))["id"].to_pylist()[-1] == 45_000


COMPRESS = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": lambda text: pa.compress(text, "zstd", asbytes=True),
}


@pytest.mark.parametrize("suffix", COMPRESS)
def test_compressed_members_one_after_the_other(tmp_path: Path, suffix: str) -> None:
    text = 'id,s\r\n0,"é\r\nB"\r\n1,"a""b"\r\n'.encode()
    expected = {"id": [0, 1], "s": ["é\r\nB", 'a"b']}
    path = tmp_path / f"a.csv.{suffix}"
    for cut in range(len(text) + 1):
        parts = (text[:cut], text[cut:]) if cut % 2 else (text[:cut], b"", text[cut : cut + 3], text[cut + 3 :])
        path.write_bytes(b"".join(map(COMPRESS[suffix], parts)))
        assert table(CsvSource(path, block=7)).to_dict() == expected


@pytest.mark.parametrize("suffix", COMPRESS)
def test_compressed_members_that_are_damaged(tmp_path: Path, suffix: str) -> None:
    text = b"id,s\n" + b"".join(b"%d,%d\n" % (i, i * 7919 % 1000) for i in range(2000))
    member = COMPRESS[suffix](text)
    path = tmp_path / f"a.csv.{suffix}"
    hurt = bytearray(member * 2)
    hurt[len(member) + 1] ^= 255
    for content in (member[:-3], member + member[: len(member) // 2], member + b"garbage", bytes(hurt)):
        path.write_bytes(content)
        with pytest.raises(ReadError, match=rf"a\.csv\.{suffix}: "):
            table(scan_csv(path))


SCRAPS = ["a", "b", ",", ",", '"', '"', '""', "\n", "\n", "\r\n", "\r", "é", "#", "||"]


@pytest.mark.parametrize(
    "dialect", [Dialect(b",", 34), Dialect(b"||", 34, b"#"), Dialect(b","), Dialect(b",", 39, b"", d.RETURN)]
)
def test_records_and_what_they_are_rewritten_to(monkeypatch: pytest.MonkeyPatch, dialect: Dialect) -> None:
    """Random texts: the same records in blocks of any size, and the same values, by pyarrow, of what is written of them."""
    rng = np.random.default_rng(7)
    for _ in range(100):
        text = ("".join(rng.choice(SCRAPS, rng.integers(1, 30))) + "\n").encode()
        seen = []
        for size in (1, 5, 1000):
            found = Records(io.BytesIO(text), dialect, size, strict=False)
            dialect_found = found.dialect
            seen.append([b.fields(*row[:2]) for b in found.blocks(blanks=False) for row in b.rows])
        assert seen[0] == seen[1] == seen[2], text
        width = max(map(len, seen[0]), default=0)
        if not width:
            continue
        block = Block(text, 1, dialect_found, True)
        written, apart = block.rewritten(width)
        names = [str(i) for i in range(width)]
        parsed = pacsv.read_csv(
            pa.BufferReader(written),
            pacsv.ReadOptions(column_names=names, block_size=len(written) + 1),
            pacsv.ParseOptions(
                delimiter=apart,
                quote_char=chr(max(dialect.quote, 34)),
                newlines_in_values=True,
                ignore_empty_lines=width > 1,
            ),
            pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        )
        assert [list(row.values()) for row in parsed.to_pylist()] == [r + [""] * (width - len(r)) for r in seen[0]], text
        monkeypatch.setattr(module, "_SMALL", 0)  # compiled as well
        assert Block(text, 1, dialect_found, True).rewritten(width) == (written, apart)
        monkeypatch.undo()


def test_the_quick_way_to_the_last_record_is_right_or_says_that_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it answers, the kernel says the same; it answers for all text that writers of this format make."""
    monkeypatch.setattr(module, "_SMALL", 0)  # compiled: faster for so many texts
    rng, answered = np.random.default_rng(11), 0
    scraps = ["a", "bcdefgh" * 9, ",", ",", "\n", "\n", "\r\n", '"x"', '"p""q\n"', '"\r\n,"', '""', '""""', '"', "\r", "é"]
    for k in range(3000):
        chosen = scraps[: len(scraps) - (3 if k % 2 else 0)]
        text = "".join(rng.choice(chosen, rng.integers(1, 40))).encode()
        for quote in (34, -1):
            found = last_end(text, ord(","), quote, d.NEWLINE)
            answered += found is not None
            if found is not None:
                assert found == module.find(text, Dialect(b",", quote), last=False)[1], (text, quote)
    assert 3600 < answered < 5900  # 3000 without quotes, and both ways with them
    sink = io.StringIO()
    csv.writer(sink).writerows([[k, 'x "y"\n' * (k % 4), f"{k},", ""] for k in range(500)])
    text = sink.getvalue().encode()
    for cut in (*range(1, 300), *range(len(text) - 99, len(text) + 1)):
        assert last_end(text[:cut], ord(","), 34, d.NEWLINE) == module.find(text[:cut], Dialect(b",", 34), last=False)[1], cut


def test_a_kernel_compiled_finds_what_its_text_says() -> None:
    text = np.frombuffer(b'a,"b\n""",c\r\n\n#x\n,\n"', np.uint8)
    answers = []
    for run in (d.records, compiled(d.records)):
        found, told = np.zeros((9, 3), np.int64), np.zeros(2, np.int64)
        count = run(text, 0, 1, text[1:2], 34, np.frombuffer(b"#", np.uint8), d.NEWLINE, 99, 0, found, told)
        answers.append((count, found.tolist(), told.tolist()))
    assert answers[0] == answers[1]
    assert [row[2] for row in answers[0][1][:5]] == [3, d.BLANK, d.COMMENT, 2, 1]
    assert answers[0][2][1] == d.OPEN | d.COMMENTS


def test_comments_are_looked_for_where_lines_begin() -> None:
    """Blocks without comments are cut by counting quotes, and parsed by pyarrow as they are."""
    for text, comment, ends, expected in (
        (b"#a\n1", b"#", d.NEWLINE, True),
        (b"1\n#a", b"#", d.NEWLINE, True),
        (b"1\r#a", b"#", d.NEWLINE, True),
        (b"1;#a", b"#", ord(";"), True),
        (b"1,#a\n2 #", b"#", d.NEWLINE, False),
        (b"1\n/a", b"//", d.NEWLINE, False),
        (b"#a\n#b", b"", d.NEWLINE, False),
    ):
        dialect = Dialect(b",", comment=comment, ends=ends)
        assert module._may_hold_comments(text, dialect) is expected, text
        assert not expected or not Block(text, 1, dialect, last=True).plain


def test_damaged_compression_names_the_way_out() -> None:
    content = b"a,b\n1,2\n" * 1000
    for damaged in (gzip.compress(content)[:-9], bz2.compress(content)[:-9], lzma.compress(content)[:40] + b"x" * 30):
        with pytest.raises(ReadError, match=r"the file is damaged or cut off: copy it again, or compress it again$"):
            table(scan_csv(damaged))


def test_integers_beside_fractions_are_floats() -> None:
    """Those beyond 2**53 are rounded, as by Polars; as decimals they are exact."""
    text = b"a\n9007199254740993\n1.5\n"
    assert table(scan_csv(text)).to_dict() == pl.read_csv(text).to_dict(as_series=False) == {"a": [2.0**53, 1.5]}
    exact = table(scan_csv(text, schema_overrides={"a": gf.Decimal(18, 1)}))["a"].to_pylist()
    assert list(map(str, exact)) == ["9007199254740993.0", "1.5"]
