"""What the lines that columns were found in do not show: keys, types, texts; and documents. Against Polars, where it does."""

from __future__ import annotations

import io as python_io
import json
import pickle
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import gpuflow as gf
from gpuflow.errors import ReadError, TypeMismatchError
from gpuflow.io import scan_json, scan_ndjson
from tests.support.reading import table
from tests.support.running import running

SAMPLE = 500
LATE: dict[str, tuple[str, str, Any]] = {
    "a key": ('{"a":1}', '{"a":2,"b":"lost"}', r"column 'b': line 501: a key 'b', with 'lost', that no line has"),
    "a key alone": ('{"a":1}', '{"b":null}', r"column 'b': line 501: a key 'b', with None"),
    "in an object": ('{"a":{"x":1}}', '{"a":{"x":2,"y":[3]}}', r"column 'a\.y': line 501: a key 'a\.y', with \[3\]"),
    "in a list": ('{"a":[{"x":1}]}', '{"a":[{"x":1},{"y":3}]}', r"line 501: a key 'a\[\]\.y', with 3"),
    "in objects of objects": ('{"a":{"x":{"u":1}}}', '{"a":{"x":{"v":1}}}', r"line 501: a key 'a\.x\.v', with 1"),
    "beside a column without a type": (
        '{"a":1,"w":[18446744073709551617]}', '{"a":1,"b":2}', r"line 501: a key 'b', with 2",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LATE)
def test_a_key_that_comes_late_is_read_or_told(tmp_path: Path, name: str, recwarn: Any) -> None:
    first, last, message = LATE[name]
    path = tmp_path / "a.ndjson"
    path.write_text((first + "\n") * SAMPLE + last + "\n")
    assert table(scan_ndjson(path)).to_arrow().slice(SAMPLE).to_pylist()[0]  # a small file is looked at whole
    if name != "beside a column without a type":
        expected = pl.read_ndjson(path, infer_schema_length=None)[-1].to_dicts()
        for length in ("auto", None, SAMPLE + 1):
            assert table(scan_ndjson(path, infer_schema_length=length)).to_arrow().slice(SAMPLE).to_pylist() == expected
    source = scan_ndjson(path, infer_schema_length=SAMPLE)
    split = pickle.loads(pickle.dumps(source.splits(None)[0]))
    with pytest.raises(ReadError, match=message + r".*infer_schema_length=None.*schema=.*extra_columns='ignore'") as caught:
        split.read(tuple(source.schema))
    assert caught.value.file == str(path)
    ignored = table(scan_ndjson(path, infer_schema_length=SAMPLE, extra_columns="ignore"))
    assert len(ignored) == SAMPLE + 1
    assert table(scan_ndjson(path, infer_schema_length=SAMPLE, ignore_errors=True)).schema == ignored.schema
    if not first.startswith('{"a":{') and not first.startswith('{"a":['):
        assert split.read(()).length == SAMPLE + 1
        assert len(table(scan_ndjson(path, schema={"a": "int64"}))) == SAMPLE + 1


def test_a_query_over_known_columns_is_right_without_the_others(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text('{"a":1,"c":1}\n{"a":2,"b":5}\n')
    with running():
        frame = gf.scan_ndjson(path, infer_schema_length=1)
        assert frame.select(gf.col("a").sum(), n=gf.len()).collect().to_dict() == {"a": [3], "n": [2]}
        with pytest.raises(ReadError, match=r"column 'b': line 2: a key 'b', with 5"):
            frame.collect()
        for options in ({}, {"n_rows": 1, "infer_schema_length": 1}, {"infer_schema_length": 2}):
            assert gf.scan_ndjson(path, **options).collect()["a"].to_pylist()[0] == 1


def test_all_files_are_looked_at_for_none_and_auto(tmp_path: Path) -> None:
    for k in range(14):
        (tmp_path / f"{k:02}.jsonl").write_text('{"a":1}\n' if k < 13 else '{"a":1.5,"late":"x"}\n')
    (tmp_path / "00.jsonl").write_text("")
    for length in ("auto", None):
        found = table(scan_ndjson(tmp_path, infer_schema_length=length)).to_dict()
        assert (found["a"], found["late"]) == ([1.0] * 12 + [1.5], [None] * 12 + ["x"])
    with pytest.raises(ReadError, match=r"13\.jsonl.*line 1: a key 'late'"):
        table(scan_ndjson(tmp_path, infer_schema_length=1))
    with pytest.raises(TypeMismatchError, match="infer_schema_length='all'"):
        scan_ndjson(tmp_path, infer_schema_length="all")


MIXED = [
    '{"a":1.50,"k":1}',
    '{"a":"x","k":2}',
    '{"a":true,"k":3}',
    '{"a":[1, 2],"k":4}',
    '{"a":{"b":"é\\n"},"k":5}',
    '{"a":null,"k":6}',
    '{"a":18446744073709551616,"k":7}',
    '{"a":-0.0e5 ,"k":8}',
    '{"k":9}',
    '{"a":"1","k":10}',
]
TEXTS = ["1.50", "x", "true", "[1, 2]", '{"b":"é\\n"}', None, "18446744073709551616", "-0.0e5", None, "1"]


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    "options", [{}, {"schema_overrides": {"a": "string"}, "infer_schema_length": 1}, {"schema": {"a": "string"}}]
)
def test_values_without_a_type_in_common_are_text(tmp_path: Path, options: dict[str, Any], order: int) -> None:
    """As in Polars and DuckDB; Polars writes numbers anew, here they stay as they are written."""
    path = tmp_path / "a.ndjson"
    path.write_text("\n".join(MIXED[::order]) + "\n", encoding="utf8")
    for more in ({}, {"ignore_errors": True}) if options else ({},):
        found = table(scan_ndjson(path, **options, **more))
        assert found["a"].to_pylist() == TEXTS[::order]
        if "schema" not in options:
            assert found["k"].to_pylist() == list(range(1, 11))[::order]
    theirs = pl.read_ndjson(path, schema={"a": pl.String, "k": pl.Int64})["a"].to_list()
    for text, other in zip(TEXTS[::order], theirs, strict=True):
        assert text == other or json.loads(text or "") == json.loads(other)


def test_lists_and_objects_that_contradict_each_other_are_text(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text('{"a":[1],"o":{"x":1}}\n{"a":["x"],"o":{"x":"s"}}\n{"a":null,"o":3}\n')
    found = table(scan_ndjson(path)).to_dict()
    assert found == {"a": ["[1]", '["x"]', None], "o": ['{"x":1}', '{"x":"s"}', "3"]}


REPEATED = {
    "alike": ('{"a":1,"a":1}', 1, 1),
    "alike in an object": ('{"a":1,"o":{"x":2,"x":2}}', None, 1),
    "two values": ('{"a":1,"a":2}', None, 1),
    "in an object": ('{"a":5,"o":{"x":2,"x":3}}', None, 5),
}


@pytest.mark.parametrize("name", REPEATED)
@pytest.mark.parametrize("length", [1, "auto"])
def test_a_key_that_stands_twice(tmp_path: Path, name: str, length: Any) -> None:
    line, value, first = REPEATED[name]
    path = tmp_path / "a.ndjson"
    path.write_text(f'{{"a":0,"o":{{"x":1}}}}\n{line}\n')
    if value is None and "alike" not in name:
        with pytest.raises(ReadError, match=r"line 2: key '[ax]' stands twice in one object, with \d and \d.*ignore_errors=True"):
            table(scan_ndjson(path, infer_schema_length=length))
    else:
        assert table(scan_ndjson(path, infer_schema_length=length))["a"].to_pylist() == [0, first]
    assert table(scan_ndjson(path, infer_schema_length=length, ignore_errors=True))["a"].to_pylist() == [0, first]
    assert pl.read_ndjson(b'{"a":1,"a":2}')["a"].to_list() == [1]


ROWS = [{"a": 1, "b": {"c": ']},{ " \\ é'}}, {"a": 2.5, "z": "x\n"}, {"b": None}, {}, {"l": [[1], []]}]
DOCUMENTS = {
    "one line": json.dumps(ROWS),
    "pretty": json.dumps(ROWS, indent=2, ensure_ascii=False),
    "carriage returns": json.dumps(ROWS, indent=1).replace("\n", "\r\n"),
    "a mark and blanks": "\ufeff \n\t" + json.dumps(ROWS) + "\n \n",
    "many blanks": " " * 70_000 + json.dumps(ROWS),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_an_array_of_objects(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(DOCUMENTS[name], encoding="utf8", newline="")
    expected = pl.read_json(json.dumps(ROWS).encode()).to_dicts()
    for scan in (scan_json, scan_ndjson):
        for length in ("auto", None):
            assert table(scan(path, infer_schema_length=length)).to_arrow().to_pylist() == expected
        assert table(scan(path, n_rows=2, row_index_name="row"))["row"].to_pylist() == [0, 1]
        assert table(scan(python_io.BytesIO(path.read_bytes()))).to_arrow().to_pylist() == expected


def test_documents_of_objects_over_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("\n".join(json.dumps(row, indent=2) for row in ROWS[:2]))
    assert table(scan_json(path))["a"].to_pylist() == [1.0, 2.5]
    with pytest.raises(ReadError, match=r"line 1: it is no JSON.*scan_json reads objects that span lines"):
        table(scan_ndjson(path))
    path.write_text('{"a":[1,2],"b":3}')
    assert table(scan_json(path)).to_dict() == pl.read_json(path).to_dict(as_series=False) == {"a": [[1, 2]], "b": [3]}
    for empty in ("[]", "[ ]\n", ""):
        path.write_text(empty)
        assert (len(table(scan_json(path))), list(scan_json(path).schema)) == (0, [])
        assert len(table(scan_json(path, schema={"a": "int64"}))) == 0


WRONG = {
    "cut off": ('[{"a":1},', "it is no JSON"),
    "no comma": ('[{"a":1} {"a":2}]', "lacks a comma"),
    "no object": ('[{"a":1},\n2]', r"row 2: it holds a int, no object"),
    "another type": ('[{"a":1},\n\n{"a":\n"x"}]', r"column 'a': row 2: 'x' is no int64"),
    "another key": ('[{"a":1},\n\n{"b":\n"x"}]', r"row 2: a key 'b'"),
    "no text": (b'[{"a":"\xff"}]', "it is no JSON.*utf-8"),
    "deep": ("[" * 100_000, "it is no JSON|recursion"),
}


@pytest.mark.parametrize("name", WRONG)
def test_documents_that_are_wrong(tmp_path: Path, name: str) -> None:
    text, message = WRONG[name]
    path = tmp_path / "a.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    for scan in (scan_json, scan_ndjson):
        with pytest.raises(ReadError, match=rf"a\.json.*({message})"):
            table(scan(path, infer_schema_length=1))
