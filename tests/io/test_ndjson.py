"""JSON lines as a source: against Polars, types that are given, and what is malformed."""

from __future__ import annotations

import datetime
import gzip
import pickle
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from gpuflow_kernels import dtypes as t

import gpuflow as gf
from gpuflow.errors import ColumnNotFoundError, ReadError, UnsupportedError
from gpuflow.io import scan_ndjson
from tests.support.reading import table
from tests.support.running import running


def lines(folder: Path, *rows: str, name: str = "a.ndjson") -> Path:
    path = folder / name
    path.write_bytes("".join(row + "\n" for row in rows).encode())
    return path


TABLES: dict[str, tuple[list[str], dict[str, Any]]] = {
    "types": (['{"i":1,"f":1.5,"s":"x","b":true,"n":null}', '{"i":2,"f":2,"s":"é\\n\\u00e9","b":false,"n":null}'], {}),
    "fields in another order, some missing": (['{"a":1,"b":"x"}', '{"b":"y"}', '{"b":null,"a":3}', "{}"], {}),
    "whole and other numbers": (['{"a":1}', '{"a":0.5}'], {}),
    "blank lines": (['{"a":1}', "", '  {"a":2}', ""], {}),
    "dates are strings": (['{"a":"2024-02-29"}', '{"a":"2024-02-29 10:00:00"}'], {}),
    "first rows": (['{"a":1}'] * 5, {"n_rows": 2}),
    "numbered": (['{"a":1}'] * 2, {"row_index_name": "n", "row_index_offset": 5}),
    "a late field": (['{"a":1}'] * 3 + ['{"a":1,"b":2}'], {"infer_schema_length": None}),
    "quotes": (['{"a b":"\\"x\\",\\\\"}'], {}),
}


@pytest.mark.parametrize("name", TABLES)
def test_as_in_polars(tmp_path: Path, name: str) -> None:
    rows, options = TABLES[name]
    path = lines(tmp_path, *rows)
    expected = pl.scan_ndjson(path, **options).collect()
    found = table(scan_ndjson(path, **options))
    assert (found.columns, [tuple(r.values()) for r in found.to_pylist()]) == (expected.columns, expected.rows())


def test_types_that_are_given(tmp_path: Path) -> None:
    path = lines(
        tmp_path,
        '{"d":"2024-02-29","t":"2024-02-29T10:00:00","p":5,"i":7,"f":1,"x":[1]}',
        '{"d":null,"t":null,"p":null,"i":null,"f":null}',
    )
    kinds = {"d": t.DATE, "t": t.timestamp("us"), "p": t.duration("s"), "i": t.INT8, "f": t.FLOAT32}
    source = scan_ndjson(path, schema=kinds)
    assert dict(source.schema) == kinds
    first = {
        "d": datetime.date(2024, 2, 29),
        "t": datetime.datetime(2024, 2, 29, 10),
        "p": datetime.timedelta(seconds=5),
        "i": 7,
        "f": 1.0,
    }
    assert table(source).to_pylist() == [first, dict.fromkeys(kinds)]
    assert scan_ndjson(path, schema_overrides={"d": "date"}).schema["d"] == t.DATE
    with pytest.raises(ColumnNotFoundError, match="schema_overrides names 'q'"):
        scan_ndjson(path, schema_overrides={"q": "int64"})


def test_only_columns_that_are_asked_for_are_read(tmp_path: Path) -> None:
    path = lines(tmp_path, '{"a":1,"b":1,"c":{"x":[1]}}', '{"a":2,"b":"x","c":{"x":[]}}')
    with running():
        frame = gf.scan_ndjson(path, infer_schema_length=1)
        assert frame.select(gf.col("a").sum()).collect().item() == 3
        assert frame.select(gf.len()).collect().item() == 2
        with pytest.raises(ReadError, match="line 2"):
            frame.select(gf.col("b").sum()).collect()


MALFORMED: dict[str, tuple[list[str], dict[str, Any], str, list[Any]]] = {
    "cut off": (['{"a":1}', "", '{"a":', '{"a":2}'], {}, r"a\.ndjson.*line 3: it is no JSON", [1, 2]),
    "no object": (['{"a":1}', "[1]"], {}, r"line 2: it holds a list, no object", [1]),
    "a text among numbers": (
        ['{"a":1}', '{"a":"x"}'], {"infer_schema_length": 1}, r"column 'a': line 2: 'x' is no int64.*schema_overrides", [1, None],
    ),
    "a float among whole numbers": (['{"a":1}', '{"a":1.5}'], {"infer_schema_length": 1}, r"line 2: 1\.5 is no int64", [1, None]),
    "no such day": (['{"a":"2024-02-28"}', '{"a":"2024-02-30"}'], {"schema": {"a": "date"}},
                    r"line 2: '2024-02-30' is no date", [datetime.date(2024, 2, 28), None]),
    "too large": (['{"a":1}', '{"a":300}'], {"schema": {"a": "int8"}}, r"line 2: 300 is no int8", [1, None]),
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_malformed_is_told_or_left_out(tmp_path: Path, name: str) -> None:
    rows, options, message, kept = MALFORMED[name]
    path = lines(tmp_path, *rows)
    with pytest.raises(ReadError, match=message) as caught:
        table(scan_ndjson(path, **options))
    assert caught.value.file == str(path)
    source = scan_ndjson(path, **options, ignore_errors=True)
    assert table(source)["a"].to_pylist() == kept
    assert pickle.loads(pickle.dumps(source.splits(None)[0])).read(("a",)).length == len(kept)


def test_long_lines_several_files_and_compression(tmp_path: Path) -> None:
    lines(tmp_path, '{"a":"' + "x" * 3_000_000 + '"}', '{"a":"y"}', name="1.jsonl")
    (tmp_path / "2.jsonl.gz").write_bytes(gzip.compress(b'{"b":2.5,"a":null}\n'))
    (tmp_path / "3.jsonl").write_bytes(b"")
    source = scan_ndjson(tmp_path, include_file_paths="from")
    found = table(source).to_pylist()
    assert [(len(r["a"] or ""), r["b"], Path(r["from"]).name[0]) for r in found] == [
        (3_000_000, None, "1"),
        (1, None, "1"),
        (0, 2.5, "2"),
    ]
    assert len(source.splits(None)) == 3


def test_whole_numbers_beyond_int64_and_types_without_end(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    deep = "[" * 300 + "]" * 300
    path.write_text(f'{{"a": 9223372036854775808, "b": -1.5, "d": {deep}}}\n' + '{"a": 1, "b": 9223372036854775808}\n')
    source = scan_ndjson(path)
    assert dict(source.schema) == {"a": t.UINT64, "b": t.FLOAT64}
    assert table(source)["a"].to_pylist() == [2**63, 1]
    assert "64 levels" in source.unsupported["d"]


@pytest.mark.parametrize("values", [[1, 2**64], [2**63, -1], [-(2**63) - 1, None], [10**40]])
def test_whole_numbers_that_no_column_holds(tmp_path: Path, values: list[int | None]) -> None:
    """Polars makes Int128 of them, and raises beyond that; a float would not be what the file says."""
    path = lines(tmp_path, *(f'{{"a":{"null" if v is None else v}}}' for v in values))
    for ignore in (False, True):
        with pytest.raises(ReadError, match=r"column 'a': .*neither int64 nor uint64.*schema_overrides={'a': 'float64'}"):
            scan_ndjson(path, ignore_errors=ignore)
        source = scan_ndjson(path, schema_overrides={"a": "float64"}, ignore_errors=ignore)
        assert table(source)["a"].to_pylist() == [None if v is None else float(v) for v in values]


WITHIN = {
    "a list": ['{"a":1,"b":[1,18446744073709551616]}', '{"a":2,"b":[3]}'],
    "an unsigned one": ['{"a":1,"b":[18446744073709551615]}', '{"a":2}'],
    "an object": ['{"a":1,"b":{"x":-9223372036854775809,"y":0.5}}', '{"a":2,"b":null}'],
    "deeper": ['{"a":1,"b":[{"x":[99999999999999999999999,null]}]}', '{"a":2,"b":[]}'],
}


@pytest.mark.parametrize("name", WITHIN)
def test_whole_numbers_beyond_int64_in_lists_and_objects(tmp_path: Path, name: str) -> None:
    """The column is left out: floats would not be what the file says."""
    source = scan_ndjson(lines(tmp_path, *WITHIN[name]))
    assert dict(source.schema) == {"a": t.INT64}
    assert table(source)["a"].to_pylist() == [1, 2]
    assert "whole numbers beyond int64 in lists or objects" in source.unsupported["b"]


def test_whole_numbers_beyond_int64_in_lists_of_one_file(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_text('{"a":1,"b":[1]}\n')
    (tmp_path / "b.ndjson").write_text('{"a":2,"b":[18446744073709551616]}\n')
    source = scan_ndjson(str(tmp_path / "*.ndjson"))
    assert dict(source.schema) == {"a": t.INT64}
    assert "whole numbers beyond int64" in source.unsupported["b"]


def test_floats_beyond_int64_in_lists_are_floats(tmp_path: Path) -> None:
    source = scan_ndjson(lines(tmp_path, '{"b":[1e300,9223372036854775807]}', '{"b":[18446744073709551616, 0.5]}'))
    assert table(source)["b"].to_pylist() == [[1e300, 2.0**63], [2.0**64, 0.5]]


TWICE: dict[str, tuple[str, int, list[int]]] = {
    "side by side": ('{"a":1}\n{"a":2}{"a":3}\n{"a":4}\n', 2, [1, 4]),
    "apart": ('{"a":1}\n{"a":2} \t{"a":3}\n{"a":4}', 2, [1, 4]),
    "made up for by a blank line": ('{"a":1}\n\n{"a":2}{"a":3}\n{"a":4}\n', 3, [1, 4]),
    "and by one of spaces": ('{"a":1}\n{"a":2}{"a":3}\n \n{"a":4}\r\n', 2, [1, 4]),
    "after a blank line": ('\n{"a":1}{"a":2}\n{"a":3}', 2, [3]),
    "over two lines": ('{"a":1}\n{"a":\n2}\n', 2, [1]),
}


@pytest.mark.parametrize("name", TWICE)
def test_a_line_is_a_row(tmp_path: Path, name: str) -> None:
    """What is counted is what is read; as in Polars a line of two objects is an error."""
    text, line, kept = TWICE[name]
    path = tmp_path / "a.ndjson"
    path.write_bytes(text.encode())
    with pytest.raises(pl.exceptions.ComputeError):
        pl.read_ndjson(path)
    with running():
        frame = gf.scan_ndjson(path)
        for query in (frame, frame.select(gf.len()), frame.select(gf.col("a").sum())):
            with pytest.raises(ReadError, match=rf"a\.ndjson.*line {line}: it is no JSON"):
                query.collect()
        left = gf.scan_ndjson(path, ignore_errors=True)
        assert left.collect()["a"].to_pylist() == kept
        assert left.select(gf.len()).collect().item() == len(kept)


NULLS: dict[str, tuple[str, int, list[int]]] = {
    "first": ('null\n{"a":1}\n', 1, [1]),
    "last": ('{"a":1}\n \tnull', 2, [1]),
    "behind a mark": ('\ufeffnull\n{"a":1}\n', 1, [1]),
    "behind an object": ('{"a":1}\n{"a":2} null\n', 2, [1]),
    "twice": ('{"a":1}\nnull null\n', 2, [1]),
    "deep below": ('{"a":1}\n{"a":' + "[" * 30_000 + "]" * 30_000 + "}\n", 2, [1]),
    "deep in objects": ('{"a":1}\n{"b":' + '{"a":' * 30_000 + "1" + "}" * 30_001, 2, [1, None]),  # b has no type
}  # fmt: skip


@pytest.mark.parametrize("name", NULLS)
def test_what_would_end_the_process_is_told_or_left_out(tmp_path: Path, name: str) -> None:
    """pyarrow does where a line holds null instead of an object, and where it looks for types thousands of levels deep."""
    text, line, kept = NULLS[name]
    path = tmp_path / "a.ndjson"
    path.write_text(text, encoding="utf8")
    with pytest.raises(ReadError, match=rf"a\.ndjson.*line {line}: it "):
        table(scan_ndjson(path))
    assert table(scan_ndjson(path, ignore_errors=True))["a"].to_pylist() == kept


def test_null_in_a_text_is_text(tmp_path: Path) -> None:
    path = lines(tmp_path, '{"a":"} null"}', '{"a":"}null","b":{}}', '{"a":null}')
    assert table(scan_ndjson(path))["a"].to_pylist() == ["} null", "}null", None]


def test_columns_of_which_none_can_be_used_are_told(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=r"a\.ndjson.*column 'a' is .*nested 64 levels deep at most"):
        scan_ndjson(lines(tmp_path, '{"a":' + "[" * 100 + "]" * 100 + "}"))


def test_rows_are_counted_without_columns(tmp_path: Path) -> None:
    path = lines(tmp_path, '{"a":1}', "", '{"a":"x"}', " ", "[1]", "{}", '{"a":')
    with running():
        frame = gf.scan_ndjson(path, infer_schema_length=1, ignore_errors=True)
        assert (frame.select(gf.len()).collect().item(), frame.collect()["a"].to_pylist()) == (3, [1, None, None])
        with pytest.raises(ReadError, match="line 5: it holds a list"):
            gf.scan_ndjson(path, infer_schema_length=1).select(gf.len()).collect()
        empty = lines(tmp_path, "{}", "{}", '{"a":null}', name="e.ndjson")
        assert gf.scan_ndjson(empty).select(gf.len()).collect().item() == 3


CHANGED: dict[str, tuple[list[str], list[Any]]] = {
    "number and text": (["1", '"x"', "2.5"], [1.0, None, 2.5]),
    "text and number": (['"x"', "1"], ["x", "1"]),
    "number and bool": (["1", "true"], [1, None]),
    "null first": (["null", "1", '"x"'], [None, 1, None]),
    "list and number": (["[1]", "1", "[2,null]"], [[1], None, [2, None]]),
    "lists": (["[1]", '["x"]', "[2]"], [[1], None, [2]]),
    "structs": (['{"u":1}', '{"u":"x"}', "3"], [{"u": 1}, None, None]),
    "large numbers": ([str(2**63), '"x"', "1"], [2**63, None, 1]),
    "nothing but null": (["null", "null"], [None, None]),
}


@pytest.mark.parametrize("sample", [1, 2, None])
@pytest.mark.parametrize("name", CHANGED)
def test_a_type_that_changes_is_no_error_where_errors_are_ignored(tmp_path: Path, name: str, sample: int | None) -> None:
    """The first values decide, wherever the sample ends; what does not fit them is null."""
    values, expected = CHANGED[name]
    path = lines(tmp_path, *(f'{{"k":{k},"a":{value}}}' for k, value in enumerate(values)))
    if sample == 1 and name in ("number and text", "null first"):
        expected = {"number and text": [1, None, None], "null first": [None, "1", "x"]}[name]
    if sample == 2 and name == "number and text":
        expected = [1, None, None]
    found = table(scan_ndjson(path, ignore_errors=True, infer_schema_length=sample))
    assert (found["k"].to_pylist(), found["a"].to_pylist()) == (list(range(len(values))), expected)
