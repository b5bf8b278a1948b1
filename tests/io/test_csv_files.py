"""Delimited text in several files, in archives, in other encodings, and values that no sample shows."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import pickle
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from gpuflow_kernels import dtypes as t

from gpuflow.errors import DuplicateNameError, PlanError, ReadError, TypeMismatchError
from gpuflow.frame.frame import Table
from gpuflow.io import scan_csv, scan_ndjson, write_csv
from gpuflow.io.text.csv import CsvSource
from tests.support.reading import table


def files(folder: Path, *texts: str) -> Path:
    for k, text in enumerate(texts):
        (folder / f"{k:02}.csv").write_text(text, encoding="utf-8", newline="")
    return folder


def archive(members: dict[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", compression) as made:
        for name, text in members.items():
            made.writestr(name, text)
    return sink.getvalue()


def test_new_names_stand_for_those_of_the_first_file(tmp_path: Path) -> None:
    folder = files(tmp_path, "a,b\n1,2\n", "b,a\n20,10\n", *["a,b\n5,6\n"] * 9, "b,a\n200,100\n")
    for names in (["q", "r"], ["q"], ["b", "a"]):
        first, second = [*names, "b"][:2]
        found = table(scan_csv(folder, new_columns=names)).to_dict()
        assert found == {first: [1, 10, *[5] * 9, 100], second: [2, 20, *[6] * 9, 200]}
    typed = scan_csv(folder, new_columns=["q"], schema_overrides={"q": "string"}, null_values={"q": "10"})
    assert table(typed).to_dict()["q"] == ["1", None, *["5"] * 9, "100"]
    assert dict(scan_csv(folder, new_columns=["q"], schema={"b": "string", "q": "int8"}).schema) == {"b": t.STRING, "q": t.INT8}
    assert table(scan_csv(folder, schema_overrides=["string"])).to_dict()["a"][1] == "10"
    with pytest.raises(DuplicateNameError, match="more than one column named 'b'"):
        scan_csv(folder, new_columns=["b"])


def test_hive_keys_beside_columns_in_another_order(tmp_path: Path) -> None:
    for year, text in ((2013, "a,b\n1,x\n"), (2014, "b,a\ny,2\n")):
        (tmp_path / f"year={year}").mkdir()
        (tmp_path / f"year={year}" / "f.csv").write_text(text)
    assert table(scan_csv(tmp_path, new_columns=["q"])).to_dict() == {"q": [1, 2], "b": ["x", "y"], "year": [2013, 2014]}


@pytest.mark.parametrize("far", [False, True])
def test_columns_that_other_files_lack_or_have(tmp_path: Path, far: bool) -> None:
    """Far files are read later than types are looked for."""
    between = ["a,b\n5,x\n"] * (10 if far else 0)
    folder = files(tmp_path, "a,b\n1,x\n", *between, "a\n2\n", "c,b,a\n,y,3\n")
    last = folder / f"{len(between) + 2:02}.csv"
    with pytest.raises(ReadError, match=r"01\.csv|11\.csv.*'b' is in one alone: pass missing_columns='insert'"):
        table(scan_csv(folder))
    with pytest.raises(ReadError, match=r"(02|12)\.csv.*'c' is in one alone: pass extra_columns='ignore'"):
        table(scan_csv(folder, missing_columns="insert"))
    found = table(scan_csv(folder, missing_columns="insert", extra_columns="ignore")).to_dict()
    assert found == {"a": [1, *[5] * len(between), 2, 3], "b": ["x", *["x"] * len(between), None, "y"]}
    given = {"b": "string", "z": "int8"}
    assert table(scan_csv(last, schema=given, missing_columns="insert", extra_columns="ignore")).to_dict() == {
        "b": ["y"],
        "z": [None],
    }
    last.write_text("d\n3\n")
    found = table(scan_csv(folder, missing_columns="insert", extra_columns="ignore"), 1)
    assert found.to_dict()["b"][-1] is None


def test_files_without_a_header_of_other_widths(tmp_path: Path) -> None:
    folder = files(tmp_path, "1\n2,x\n", "3,y,0.5\n", *["4\n"] * 9, "5,z,1.5,9\n")
    source = scan_csv(folder, has_header=False)
    assert list(source.schema) == ["column_0", "column_1", "column_2"]
    with pytest.raises(ReadError, match=r"11\.csv: line 1: Expected 3 columns, got 4: 5,z,1\.5,9.*truncate_ragged_lines=True"):
        table(source)
    found = table(scan_csv(folder, has_header=False, truncate_ragged_lines=True)).to_pylist()
    assert [tuple(row.values()) for row in found[:3]] == [(1, None, None), (2, "x", None), (3, "y", 0.5)]
    given = {"p": "int64", "q": "string", "r": "float64", "s": "int64"}
    with pytest.raises(ReadError, match=r"Expected 4 columns, got 2: .*missing_columns='insert'"):
        scan_csv(folder, has_header=False, schema=given)
    assert table(scan_csv(folder, has_header=False, schema=given, missing_columns="insert")).to_dict()["s"][-1] == 9


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip_archives(tmp_path: Path, compression: int) -> None:
    text = "a,b\n" + "".join(f"{i},x\n" for i in range(30_000))
    content = archive({"__MACOSX/._a.csv": "junk", "folder/": "", "folder/a.csv": text}, compression)
    (tmp_path / "a.csv.zip").write_bytes(content)
    for source in (tmp_path, tmp_path / "a.csv.zip", content):
        assert table(scan_csv(source, new_columns=["q"]))["q"].to_pylist()[-1] == 29_999
    json = archive({"a": '{"a":1}\n{"a":2}\n'}, compression)
    assert table(scan_ndjson(json)).to_dict() == {"a": [1, 2]}
    cut = tmp_path / "cut.zip"
    for damaged in (content[:-30], content[: len(content) // 2]):
        cut.write_bytes(damaged)
        with pytest.raises(ReadError, match=r"cut\.zip: the zip archive is damaged or cut off"):
            table(scan_csv(cut))


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_zeros_that_fill_up_the_last_block_of_a_tape(compress: Any) -> None:
    """What ends with them, or has them between members, is whole, as for Python's own readers of gzip."""
    padded = compress(b"a\n1\n") + bytes(700) + compress(b"2\n") + bytes(3)
    assert table(scan_csv(padded)).to_dict() == {"a": [1, 2]}
    with pytest.raises(ReadError, match="decompress failed"):
        table(scan_csv(padded + b"garbage" * 9))


def test_many_columns() -> None:
    """Each stands in its place, with a header longer than what the kernel reads uncompiled."""
    names, rows = [f"c{k}" for k in range(1200)], [[str(k + row) for k in range(1200)] for row in range(2)]
    text = "\n".join(map(",".join, [names, *rows])) + "\n"
    found = table(scan_csv(text.encode(), schema_overrides={"c7": "string"})).to_pylist()
    assert [list(row) for row in found] == [names] * 2
    assert [row["c1199"] for row in found] == [1199, 1200]
    assert [row["c7"] for row in found] == ["7", "8"]


def test_zip_archives_of_none_or_many(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"holds 2 files \(a\.csv, b\.csv\), and one is read: unpack it"):
        scan_csv(archive({"a.csv": "a\n1\n", "b.csv": "a\n1\n"}))
    with pytest.raises(ReadError, match="holds no file"):
        scan_csv(archive({}))
    hurt = bytearray(archive({"a.csv": "a,b\n" + "1,2\n" * 999}))
    hurt[45] ^= 255
    with pytest.raises(ReadError, match="zip archive is damaged"):
        table(scan_csv(bytes(hurt)))


def test_xz_is_written_and_zip_is_not(tmp_path: Path) -> None:
    data = Table(*_one_column())
    write_csv(data, tmp_path / "a.csv.xz")
    assert lzma.decompress((tmp_path / "a.csv.xz").read_bytes()) == b"a\n1\n2\n"
    assert table(scan_csv(tmp_path / "a.csv.xz")).to_dict() == {"a": [1, 2]}
    with pytest.raises(PlanError, match=r"a\.csv\.zip' would be read as zip, .* not written; name it \.gz"):
        write_csv(data, tmp_path / "a.csv.zip")
    assert not (tmp_path / "a.csv.zip").exists()


def _one_column() -> tuple[Any, Any]:
    source = scan_csv(b"a\n1\n2\n")
    return source.schema, [split.read(("a",)) for split in source.splits(None)]


ENCODINGS = ["latin-1", "cp1252", "utf-16", "utf-16-le", "utf-32", "shift-jis", "gb18030", "utf-8-sig", "utf-7"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_encodings_at_every_edge(encoding: str) -> None:
    value = "あ" if encoding in ("shift-jis", "gb18030") else "é"
    text = f'"a{value}",b\r\n1,"{value}\r\n{value}"\r\n2,{value}x\r\n'.encode(encoding)
    expected = {f"a{value}": [1, 2], "b": [f"{value}\r\n{value}", f"{value}x"]}
    for size in range(1, 9):
        assert table(CsvSource(text, encoding=encoding, block=size)).to_dict() == expected
    assert table(CsvSource(gzip.compress(text), encoding=encoding)).to_dict() == expected


def test_encodings_that_are_wrong(tmp_path: Path) -> None:
    lines = "".join(f"{i},x\n" for i in range(300_000))
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n" + lines.encode() + b"1,\xe9t\xe9\n2,y\n")
    for options, message in (
        ({}, r"a\.csv, column 'b': line 300002: it holds invalid UTF8 data\. Name its encoding: encoding='utf8-lossy'"),
        ({"encoding": "ascii"}, r"a\.csv: line 300002: b'\\xe9' is no text in ascii .*Name its encoding"),
        ({"encoding": "utf-16"}, r"a\.csv: line 1: .*BOM.*Name its encoding"),
    ):
        with pytest.raises(ReadError, match=message) as caught:
            table(scan_csv(path, **options))
        assert pickle.loads(pickle.dumps(caught.value)).file == str(path)
    found = table(scan_csv(path, encoding="utf8-lossy"))["b"].to_pylist()
    assert found[-2:] == ["\ufffdt\ufffd", "y"]
    path.write_bytes(b"a,\xe9\n1,2\n")
    with pytest.raises(ReadError, match=r"a\.csv: line 1: the header holds invalid UTF8 data\. Name its encoding"):
        scan_csv(path)
    halves = table(CsvSource("a,b\n1,é€😀\n".encode() + b"2,\xe2\x82\n3,\xf0\n", encoding="utf8-lossy", block=1))
    assert halves["b"].to_pylist() == ["é€😀", "\ufffd", "\ufffd"]
    assert table(scan_csv(codecs.BOM_UTF8 + b"a\n1\n", encoding="utf8-lossy")).to_dict() == {"a": [1]}


LATE: dict[str, tuple[str, str]] = {
    "text": ("1", "x"),
    "a float": ("1", "1.5"),
    "hexadecimal": ("1", "0x1F"),
    "beyond int64": ("1", "9223372036854775808"),
    "text among floats": ("1.5", "1.5x"),
    "no day": ("2024-02-29", "2023-02-29"),
    "a time among days": ("2024-02-29", "2024-02-29 10:00:00"),
    "a fraction of a second": ("2024-02-29 10:00:00", "2024-02-29 10:00:00.5"),
    "no bool": ("true", "maybe"),
    "a number among words": ("true", "1"),
    "a zone": ("2024-02-29 10:00:00", "2024-02-29T10:00:00Z"),
}


@pytest.mark.parametrize("name", LATE)
def test_values_that_no_sample_shows(tmp_path: Path, name: str) -> None:
    """They are an error with its line and ways out, each of which works."""
    early, late = LATE[name]
    text = "k,a\n" + f"0,{early}\n" * 12_000 + f'"q\n",{late}\n0,\n'
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(
        ReadError, match=rf"a\.csv, column 'a': line 12002: .*invalid value '{late}'.*schema_overrides={{'a': 'string'}}.*=None"
    ):
        table(CsvSource(path, schema_overrides={"k": "string"}, block=1 << 13))
    every = {"schema_overrides": {"k": "string"}, "infer_schema_length": None}
    for options in (every, {"schema_overrides": ["string", "string"]}):
        found = table(CsvSource(path, **options, block=1 << 13))["a"].to_pylist()
        assert (len(found), found[-1], found[-2] is None) == (12_002, None, False)
    lenient = table(CsvSource(path, schema_overrides={"k": "string"}, ignore_errors=True, block=1 << 13))["a"].to_pylist()
    assert lenient[-2:] == [None, None]


NUMBERS: dict[str, tuple[list[str], dict[str, Any], list[Any]]] = {
    "whole": (["1,234", "12", "-1,234,567", ""], {"thousands": ","}, [1234, 12, -1234567, None]),
    "with fractions": (["1,234.5", "0.25", "+1,000"], {"thousands": ","}, [1234.5, 0.25, 1000.0]),
    "both": (["1.234,5", "0,25", "1.000.000"], {"thousands": ".", "decimal_comma": True}, [1234.5, 0.25, 1e6]),
    "spaces": (["1 234", " 5"], {"thousands": " "}, [1234, 5]),
    "groups of two": (["12,34,567", "1"], {"thousands": ","}, [1234567, 1]),
    "no groups": (["1,2", "12"], {"thousands": ","}, ["1,2", "12"]),
    "text": (["1,234", "x"], {"thousands": ","}, ["1,234", "x"]),
    "typed": (["1,234", "5"], {"thousands": ",", "schema_overrides": {"a": "float32"}}, [1234.0, 5.0]),
    "null values": (["1,234", "n,a"], {"thousands": ",", "null_values": "n,a"}, [1234, None]),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_thousands(name: str) -> None:
    values, options, expected = NUMBERS[name]
    text = "a;b\n" + "".join(f"{value};x\n" for value in values)
    assert table(scan_csv(text.encode(), separator=";", **options))["a"].to_pylist() == expected


def test_thousands_as_in_duckdb(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('a,b\n"1,234",x\n5,"y,z"\n"-12,345,678",\n')
    found = table(scan_csv(path, thousands=",")).to_pylist()
    assert [tuple(row.values()) for row in found] == duckdb.sql(f"from read_csv('{path}', thousands=',', header=true)").fetchall()


def test_numbers_in_a_form_of_their_own_that_are_none() -> None:
    text = "a;b\n" + "1,234;x\n" * 3 + "1,2;y\n1;z\n"
    for options in ({"infer_schema_length": 2}, {"schema_overrides": {"a": "int64"}}):
        with pytest.raises(ReadError, match=r"column 'a': line 5: .*int64: invalid value '1,2'"):
            table(scan_csv(text.encode(), separator=";", thousands=",", **options))
        found = table(scan_csv(text.encode(), separator=";", thousands=",", ignore_errors=True, **options))
        assert found["a"].to_pylist() == [1234, 1234, 1234, None, 1]
    commas = scan_csv(b"a;b\n1,5;1\n2.5;2\n", separator=";", decimal_comma=True, schema_overrides={"a": "float64"})
    with pytest.raises(ReadError, match=r"column 'a': line 3: .*invalid value '2\.5'"):
        table(commas)


@pytest.mark.parametrize("separator", ["||", "::", "\t|\t", "§", "¦", "aXa", ", "])
def test_separators_of_several_characters(tmp_path: Path, separator: str) -> None:
    rows = [("id", "s"), ("1", f'"x{separator}y"'), ("2", '"p""q\nr"'), ("3", "\x1f|a:"), ("4", ""), ("5", '"\x1f"')]
    text = "\n".join(separator.join(row) for row in rows)
    for size in (1, 2, 3, 5, 1000):
        found = table(CsvSource(text.encode(), separator=separator, block=size)).to_dict()
        assert found == {"id": [1, 2, 3, 4, 5], "s": [f"x{separator}y", 'p"q\nr', "\x1f|a:", None, "\x1f"]}
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8")
    if len(separator.encode()) <= 4 and separator not in (", ", "\t|\t"):
        query = "select s from read_csv(?, delim=?, quote='\"', escape='\"', header=true)"
        assert [s for (s,) in duckdb.execute(query, [str(path), separator]).fetchall()] == found["s"]
    with pytest.raises(ReadError, match="line 3: Expected 2 columns, got 3"):
        table(scan_csv(separator.join("ab").encode() + b"\n1\n" + separator.join("123").encode(), separator=separator))


def test_a_record_too_large_to_parse(monkeypatch: pytest.MonkeyPatch) -> None:
    from gpuflow.io.text import records

    monkeypatch.setattr(records, "MOST", 1000)
    with pytest.raises(ReadError, match=r"the record that begins on line 3 has more than 1,000 bytes; pass quote_char=None"):
        table(CsvSource(b'a,b\n1,2\n1,"' + b"x\n" * 1000 + b'"\n', block=10))


def test_lines_of_errors_below_all_that_may_stand_above() -> None:
    text = 'one\n"two\nthree"\n# four\n\na,"b\nseven"\n# eight\n"nine\n10",1\r\n\n12,2\n13,x\n'
    source = scan_csv(text.encode(), comment_prefix="#", skip_lines=1, skip_rows=2, infer_schema_length=2)
    with pytest.raises(ReadError, match=r"column 'b\\nseven': line 13: .*'x'"):
        table(source)


def test_signs_and_zeros_as_in_polars() -> None:
    text = "a,b,c,d,e\n007,+5,1e3,.5,TRUE\n-0,-1,1,2.,false\n"
    found = table(scan_csv(text.encode())).to_pylist()
    assert found == pl.read_csv(text.encode()).to_dicts()


def test_arguments_of_new_columns() -> None:
    with pytest.raises(ReadError, match="new_columns names 3 columns, the file has 2"):
        scan_csv(b"1,2\n", has_header=False, new_columns=["p", "q", "r"])
    with pytest.raises(TypeMismatchError, match="new_columns='p' is no list"):
        scan_csv(b"1,2\n", new_columns="p")
