"""Enums in files: categories stand in the metadata of a field, as Polars keeps them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gpuflow_kernels.dtypes import STRING, enum

import gpuflow as gf
from gpuflow import col
from gpuflow.arrow.categories import FORMER_KEY, KEY, declared, encoded
from gpuflow.errors import ReadError
from tests.support.running import assert_same, running

CATEGORIES = ["zz\n", "a;b", "", "é😀", "m", "12;3", " "]
KIND = gf.Enum(CATEGORIES)
VALUES = ["m", "a;b", None, "é😀", "zz\n", "", "12;3", None, "m"]
ROWS = gf.from_dict({"e": VALUES, "k": [1, 2, 3] * 3}, schema={"e": KIND, "k": gf.Int64})
FORMATS: dict[str, tuple[str, Any, Any, dict[str, Any]]] = {
    "parquet": ("write_parquet", gf.scan_parquet, pl.scan_parquet, {"row_group_size": 2}),
    "ipc": ("write_ipc", gf.scan_ipc, pl.scan_ipc, {}),
}
CODED = pa.dictionary(pa.int32(), pa.large_string(), ordered=True)


def _field(metadata: bytes, kind: pa.DataType = CODED, key: bytes = KEY) -> pa.Field:
    return pa.field("e", kind, metadata={key: metadata})


def _write(path: Path, texts: list[str | None], metadata: bytes | None, name: str = "parquet") -> Path:
    """A file of dictionaries whose field has this metadata; two rows in a row group."""
    field = pa.field("e", CODED, metadata=None if metadata is None else {KEY: metadata})
    table = pa.table([pa.array(texts, pa.large_string()).dictionary_encode().cast(CODED)], schema=pa.schema([field]))
    if name == "parquet":
        pq.write_table(table, path, row_group_size=2)
    else:
        with pa.ipc.new_file(path, table.schema) as writer:
            writer.write_table(table)
    return path


@pytest.mark.parametrize("name", FORMATS)
def test_there_and_back(name: str, tmp_path: Path) -> None:
    write, scan, polars, options = FORMATS[name]
    with running():
        whole = ROWS.collect()
        getattr(whole, write)(tmp_path / "a", **options)
        getattr(whole, write)(tmp_path / "parts", partition_by="k", **options)
        assert scan(tmp_path / "a").schema["e"] == scan(tmp_path / "parts").schema["e"] == KIND
        assert scan(tmp_path / "a").collect().equals(whole)
        parts = scan(tmp_path / "parts").sort("k", "e").collect()
        assert parts.equals(ROWS.sort("k", "e").collect())
        theirs = polars(tmp_path / "a").collect()
        assert theirs.schema["e"] == pl.Enum(CATEGORIES)
        assert_same(whole, theirs, ordered=True)
        getattr(theirs, write)(tmp_path / "b")
        assert scan(tmp_path / "b").collect().equals(whole)


@pytest.mark.parametrize("categories", [[], ["x"], CATEGORIES], ids=len)
@pytest.mark.parametrize("name", FORMATS)
def test_without_values(categories: list[str], name: str, tmp_path: Path) -> None:
    write, scan, _, _ = FORMATS[name]
    kind = gf.Enum(categories)
    with running():
        for number, values in enumerate(([], [None, None])):
            table = gf.from_dict({"e": values}, schema={"e": kind}).collect()
            getattr(table, write)(tmp_path / str(number))
            found = scan(tmp_path / str(number)).collect()
            assert (found.schema["e"], found["e"].to_pylist()) == (kind, values)
            assert gf.from_arrow(table.to_arrow()).schema == table.schema


@pytest.mark.parametrize("count", [200, 300, 70_000])
@pytest.mark.parametrize("name", FORMATS)
def test_many_categories(count: int, name: str, tmp_path: Path) -> None:
    """Polars numbers them with as few bytes as will do, and writes no dictionary where nearly all texts differ."""
    write, scan, _, _ = FORMATS[name]
    names = [f"{k}" for k in range(count)][::-1]
    theirs = pl.DataFrame({"e": pl.Series([*names[::-1], None, "7"], dtype=pl.Enum(names))})
    getattr(theirs, write)(tmp_path / "a")
    with running():
        found = scan(tmp_path / "a").collect()
        assert (found.schema["e"], found["e"].to_pylist()) == (gf.Enum(names), theirs["e"].to_list())
        getattr(found, write)(tmp_path / "b")
        assert scan(tmp_path / "b").filter(col("e") < "9").collect()["e"].to_pylist() == names[:-10][::-1]


FILTERS: dict[str, Any] = {
    "at least": col("e") >= "a;b",
    "greater": col("e") > "é😀",
    "less": col("e") < "",
    "least": col("e") == "zz\n",
    "among": col("e").is_in(["zz\n", "12;3"]),
    "between": col("e").is_between("a;b", "m"),
    "null": col("e").is_null(),
    "as text": col("e").cast(gf.String) > "a",
}


@pytest.mark.parametrize("query", FILTERS)
def test_order_of_text_does_not_prune(query: str, tmp_path: Path) -> None:
    """Bounds in a file are of its texts; of categories they say nothing but how many are null."""
    with running():
        ROWS.collect().write_parquet(tmp_path / "a", row_group_size=1)
        scanned = gf.scan_parquet(tmp_path / "a")
        assert scanned.filter(FILTERS[query]).collect().equals(ROWS.filter(FILTERS[query]).collect())
        found = scanned.select(low=col("e").min(), high=col("e").max(), n=col("e").count()).collect()
        assert found.rows() == [("zz\n", "12;3", 7)]


def test_asked_for_otherwise(tmp_path: Path) -> None:
    """A schema that is given decides: strings, or other categories."""
    path = _write(tmp_path / "a", ["lo", "hi"], b"2;lo2;hi")
    with running():
        for kind in (STRING, enum(["hi", "mid", "lo"])):
            found = gf.scan_parquet(path, schema={"e": kind}).collect()
            assert (found.schema["e"], found["e"].to_pylist()) == (kind, ["lo", "hi"])
        found = gf.scan_parquet(path, schema={"e": KIND, "f": KIND}, missing_columns="insert").select("f").collect()
        assert (found.schema["f"], found["f"].to_pylist()) == (KIND, [None, None])
        few, many = (gf.Enum([*map(str, range(9)), *end]) for end in (["lo", "hi"], ["hi", "lo"]))
        for kind, least in ((few, "lo"), (many, "hi")):  # schemas that look alike, of one file
            assert gf.scan_parquet(path, schema={"e": kind}).select(col("e").min()).collect().item() == least


OTHERS: dict[str, bytes | None] = {"more": b"2;lo2;hi3;mid", "order": b"2;hi2;lo", "none": None}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("other", OTHERS)
def test_files_that_differ(other: str, name: str, tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    _write(first, ["lo", "hi"], b"2;lo2;hi", name)
    _write(second, ["hi"], OTHERS[other], name)
    found = "string" if other == "none" else "enum"
    with running(), pytest.raises(ReadError, match=rf"b, column 'e': it is {found}.* here and enum\[lo, hi\] in .*a; write both"):
        FORMATS[name][1]([first, second])
    _write(second, ["hi"], b"2;lo2;hi", name)
    with running():
        table = FORMATS[name][1]([first, second]).collect()
        assert (table.schema["e"], table["e"].to_pylist()) == (gf.Enum(["lo", "hi"]), ["lo", "hi", "hi"])


@pytest.mark.parametrize("name", FORMATS)
def test_texts_that_are_no_category(name: str, tmp_path: Path) -> None:
    path = _write(tmp_path / "a", ["lo", None, "hi", "hu", "lo"], b"2;lo2;hi", name)
    place = "row group 1, column 'e': row 1" if name == "parquet" else "column 'e': row 3"
    with running(), pytest.raises(ReadError, match=rf"a, .*{place[-18:]} is to be enum\[lo, hi\]; 'hu' is none") as told:
        FORMATS[name][1](path).collect()
    assert told.value.column == "e" and (name != "parquet" or told.value.row_group == 1)
    with running(), pytest.raises(ReadError, match="column 'e': row 3 is to be"):
        gf.from_arrow(pq.read_table(path) if name == "parquet" else pa.ipc.open_file(path).read_all()).collect()


DAMAGED: dict[str, bytes] = {
    "cut off": b"2;lo2;h",
    "too long": b"2;lo99999999999999999999;hi",
    "beyond": b"2;lo9999999999;hi",
    "no number": b"2;lox;hi",
    "negative": b"-2;lo",
    "no length": b";lo",
    "no semicolon": b"2",
    "rest": b"2;lo2;hi\n",
    "other digits": "٢;lo".encode(),
    "no text": b"1;\xff",
    "inside a character": "1;é".encode(),
    "twice": b"2;lo2;lo",
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_metadata_is_passed_over(name: str, tmp_path: Path) -> None:
    assert declared(_field(DAMAGED[name])) is None
    path = _write(tmp_path / "a", ["lo", "hi"], DAMAGED[name])
    with running():
        found = gf.scan_parquet(path).collect()
    assert (found.schema["e"], found["e"].to_pylist()) == (STRING, ["lo", "hi"])


def test_metadata() -> None:
    assert declared(pa.field("e", CODED, metadata=encoded(KIND))) == KIND
    assert declared(_field(b"2;lo", key=FORMER_KEY)) == gf.Enum(["lo"])
    assert declared(pa.field("e", CODED)) is declared(_field(b"2;lo", pa.large_string())) is None
    assert declared(_field(b"2;lo", pa.dictionary(pa.int8(), pa.int64()))) is None
    field = pl.DataFrame({"e": pl.Series([], dtype=pl.Enum(CATEGORIES))}).to_arrow().schema.field(0)
    assert field.metadata == encoded(KIND)


def test_arrow_tables(tmp_path: Path) -> None:
    """A table that pyarrow read may have the texts in use only, in any order, and others in each chunk."""
    read = pq.read_table(_write(tmp_path / "a", ["m", None, " ", "", "m", "a;b"], encoded(KIND)[KEY]))
    assert read["e"].chunk(0).dictionary.to_pylist() == ["m", " ", "", "a;b"]
    other = pq.read_table(_write(tmp_path / "b", ["a;b", "m"], encoded(KIND)[KEY]))
    with running():
        whole = ROWS.select("e").collect().to_arrow()
        for table in (read, read.slice(3, 2), read.schema.empty_table(), whole, pa.concat_tables([read, other])):
            found = gf.from_arrow(table).collect()
            assert (found.schema["e"], found["e"].to_pylist()) == (KIND, table["e"].to_pylist())
