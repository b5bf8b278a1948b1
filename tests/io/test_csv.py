"""Delimited text: options against Polars, types, what is malformed, and what becomes of it."""

from __future__ import annotations

import bz2
import datetime
import gzip
import lzma
import pickle
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from gpuflow_kernels import dtypes as t

import gpuflow as gf
from gpuflow.errors import ReadError, TypeMismatchError
from gpuflow.io import scan_csv
from tests.support.reading import table
from tests.support.running import running


def csv(folder: Path, text: str | bytes, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("a,b\n1,x\n2,\n", {}),
    "crlf": ("a,b\r\n1,x\r\n2,y\r\n", {}),
    "no newline at the end": ("a,b\n1,x\n2,y", {}),
    "byte order mark": ("\ufeffa,b\n1,x\n", {}),
    "separator": ("a;b\n1;x,y\n", {"separator": ";"}),
    "tab": ("a\tb\n1\tx y\n", {"separator": "\t"}),
    "quotes": ('a,b\n1,"x ""y"", z"\n2,"p\nq"\n', {}),
    "other quotes": ("a,b\n1,'x,y'\n2,\"z\n", {"quote_char": "'"}),
    "without quotes": ('a,b\n1,"x\n2,y"\n', {"quote_char": None}),
    "skipped lines": ('title\n"odd,\na,b\n1,x\n', {"skip_rows": 2, "quote_char": None}),
    "comments": ("# one\na,b\n1,x\n# two, three, four\n2,y\n", {"comment_prefix": "#"}),
    "long comments": ("// a\na,b\n1,x\n//\n2,/y\n", {"comment_prefix": "//"}),
    "null values": ("a,b\n1,NA\n-,y\n", {"null_values": ["NA", "-"]}),
    "one null value": ("a,b\n1,NA\n2,y\n", {"null_values": "NA"}),
    "null values of columns": ("a,b\n1,NA\n-,-\n3,y\n", {"null_values": {"a": "-", "b": "NA"}}),
    "new columns": ("a,b\n1,x\n", {"new_columns": ["q", "r"]}),
    "new columns, no header": ("1,x\n2,y\n", {"new_columns": ["q", "r"], "has_header": False}),
    "overrides": ("a,b\n1,2\n", {"schema_overrides": {"a": pl.Float32, "b": pl.String}}),
    "schema": ("a,b\n1,2\n", {"schema": {"a": pl.Int16, "b": pl.String}}),
    "schema, no header": ("1,2\n3,4\n", {"schema": {"p": pl.Int16, "q": pl.Float64}, "has_header": False}),
    "first rows": ("a,b\n" + "1,x\n" * 9, {"n_rows": 4}),
    "first row of quoted lines": ('a,b\n1,"x\ny"\n2,z\n', {"n_rows": 1}),
    "numbered": ("a,b\n1,x\n2,y\n", {"row_index_name": "n", "row_index_offset": 3}),
    "sample of none": ("a,b\n1,2\n", {"infer_schema_length": 0}),
    "all rows": ("a,b\n1,2\n1.5,x\n", {"infer_schema_length": None}),
    "sample that is enough": ("a,b\n" + "1,2\n" * 20 + "0.5,x\n", {"infer_schema_length": 21}),
    "bool": ("a,b\ntrue,1\nfalse,2\n", {}),
    "words in any case": ("a,b\ntRUE,1\nfalse,2\nFalsE,\n", {}),
    "only a header": ("a,b\n", {}),
    "only a header that does not end": ("a,b", {}),
    "only a row that does not end": ("1,x", {"has_header": False, "new_columns": ["p", "q"]}),
    "one column with nulls": ("a\n1\n\n3\n", {}),
    "one column, first rows": ("a\n1\n\n3\n4\n", {"n_rows": 3}),
    "one column without a header": ("1\n\n3\n", {"has_header": False, "new_columns": ["p"]}),
    "one column of strings": ('a\nx\n""\n\ny\n', {}),
    "short rows": ("a,b,c\n1\n2,x\n3,y,z\n", {}),
    "a short row, one column of strings": ("a\nx\n\n", {"schema_overrides": {"a": pl.String}}),
    "short rows without a header": ("1\n2,x\n4,y,5\n", {"has_header": False}),
    "long rows, cut": ("a,b\n1,x,y\n2,z\n", {"truncate_ragged_lines": True}),
    "repeated names": ("a,b,a,,a,\n1,2,3,4,5,6\n", {}),
    "a decimal comma": ("a;b\n1,5;x\n2;y\n", {"separator": ";", "decimal_comma": True}),
    "no decimal comma": ("a;b\n1,5;x\n2.5;1.000,5\n", {"separator": ";", "decimal_comma": True}),
    "empty strings": ("a,b,c\n,x,\ny,,1\nz\n", {"empty_string_is_null": False}),
    "empty strings and nulls": (
        "a,b\n,NA\n",
        {"empty_string_is_null": False, "null_values": "NA", "schema": {"a": pl.String, "b": pl.String}},
    ),
    "hexadecimal": ("a,b\n0x1F,1\n5,2\n", {}),
    "true and one": ("a\ntrue\n1\n", {}),
    "types by position": ("a,b\n1,2\n", {"schema_overrides": [pl.String, pl.Float64]}),
    "skipped rows of several lines": ('"x\ny",z\n\na,b\n1,2\n', {"skip_rows": 2}),
    "skipped lines, quotes or not": ('"x\na,b\n1,2\n', {"skip_lines": 1}),
    "rows skipped below the header": ('a,b\n"unit\n",m\n#\n1,2\n', {"skip_rows_after_header": 1, "comment_prefix": "#"}),
    "comments in quotes": ('a,b\n"x\n#y\nz",2\n#\n', {"comment_prefix": "#"}),
    "another line end": ('a,b;1,"x;y";2,z', {"eol_char": ";"}),
    "returns alone within lines": ("a,b\n1,x\ry\n2,z\n", {}),
    "long fields": ("a,b\n1," + "x" * (3 << 20) + "\n2,y\n", {}),
    "long names": ("a," + "x" * (3 << 20) + "\n2,y\n", {}),
    "quotes within": ('a,b\n1,5" x\n2,"x\ny\n"\n', {}),
}
NOT_IN_POLARS = {"quotes within": {"a": [1, 2], "b": ['5" x', "x\ny\n"]}}
TYPES = {pl.Float32: t.FLOAT32, pl.String: t.STRING, pl.Int16: t.INT16, pl.Float64: t.FLOAT64}


def types(asked: Any) -> Any:
    if isinstance(asked, dict):
        return {name: TYPES[kind] for name, kind in asked.items()}
    return [TYPES[kind] for kind in asked] if isinstance(asked, list) else asked


@pytest.mark.parametrize("name", OPTIONS)
def test_options_as_in_polars(tmp_path: Path, name: str) -> None:
    text, options = OPTIONS[name]
    path = csv(tmp_path, text)
    expected = pl.DataFrame(NOT_IN_POLARS[name]) if name in NOT_IN_POLARS else pl.scan_csv(path, **options).collect()
    ours = {name: types(value) if "schema" in name else value for name, value in options.items()}
    found = table(scan_csv(path, **ours))
    assert (found.columns, [tuple(r.values()) for r in found.to_pylist()]) == (expected.columns, expected.rows())


def test_dates_and_times(tmp_path: Path) -> None:
    path = csv(tmp_path, "d,t,z,x\n2024-02-29,2024-02-29 10:00:00,2024-02-29T10:00:00Z,12:30\n,,,\n")
    source = scan_csv(path)
    assert dict(source.schema) == {"d": t.DATE, "t": t.timestamp("s"), "z": source.schema["z"], "x": t.STRING}
    assert (source.schema["z"].kind, source.schema["z"].zone) == ("timestamp", "UTC")
    assert table(source).to_dict()["d"] == [datetime.date(2024, 2, 29), None]
    assert set(scan_csv(path, try_parse_dates=False).schema.values()) == {t.STRING}
    typed = scan_csv(path, schema_overrides={"t": t.timestamp("ms"), "x": "string"})
    assert table(typed).to_dict()["t"] == [datetime.datetime(2024, 2, 29, 10), None]


def test_null_and_the_empty_string_are_two_things(tmp_path: Path) -> None:
    path = csv(tmp_path, 'a,b\n"",1\n,2\n"NA",3\nNA,4\n')
    assert table(scan_csv(path, null_values="NA")).to_dict()["a"] == ["", None, "NA", None]
    own = scan_csv(path, null_values={"a": ["NA"]})
    assert table(own).to_dict()["a"] == ["", None, "NA", None]


def test_blank_lines_before_the_header_of_one_column(tmp_path: Path) -> None:
    for text, options in (
        ("\n\na\n1\n\n3\n", {}),
        ("x\n\na\n1\n\n3\n", {"skip_rows": 1}),
        ("\nq\n1\n\n3\n", {"new_columns": ["a"]}),
    ):
        assert table(scan_csv(csv(tmp_path, text), **options)).to_dict() == {"a": [1, None, 3]}


@pytest.mark.parametrize("column", ["a", "b"])
@pytest.mark.parametrize("kind", ["string", "int64"])
def test_a_quote_that_is_never_closed_is_told(tmp_path: Path, column: str, kind: str) -> None:
    path = csv(tmp_path, 'a,b\n"1\n1",2\n' + "1,2\n" * 5 + '1,"2\n' + "1,2\n" * 1000)
    source = scan_csv(path, schema_overrides={"a": "string", "b": kind}, infer_schema_length=2)
    with pytest.raises(ReadError, match=r"a\.csv.*line 9 is never closed; pass quote_char=None") as caught:
        source.splits(None)[0].read((column,))
    assert len(str(caught.value)) < 300


def test_an_error_shows_the_beginning_of_a_long_value(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"line 3: .*invalid value 'xxx.*…'") as caught:
        table(scan_csv(csv(tmp_path, "a,b\n1,2\n1," + "x" * 5000), infer_schema_length=1))
    assert len(str(caught.value)) < 600


def test_whole_numbers_beyond_int64(tmp_path: Path) -> None:
    text = "a,c,d\n1,1e19,1.5\n9223372036854775808,1,18446744073709551616\n18446744073709551615,,\n"
    source = scan_csv(csv(tmp_path, text))
    assert dict(source.schema) == {"a": t.UINT64, "c": t.FLOAT64, "d": t.FLOAT64}
    assert table(source)["a"].to_pylist() == [1, 2**63, 2**64 - 1]


BEYOND = [["1", str(2**64)], [str(2**63), "-1"], [str(-(2**63) - 1)], [str(10**40), ""], ["-0001", str(2**70)]]


@pytest.mark.parametrize("values", BEYOND)
def test_whole_numbers_that_no_column_holds(tmp_path: Path, values: list[str]) -> None:
    """Polars makes Int128 of them, and raises beyond that; a float would not be what the file says."""
    path = csv(tmp_path, "k,a\n" + "".join(f"x,{value}\n" for value in values), "w.csv")
    csv(tmp_path, "k,a\ny,3\n", "v.csv")
    for paths in (path, tmp_path):
        with pytest.raises(ReadError, match=r"w\.csv, column 'a': .*neither int64 nor uint64.*schema_overrides={'a': 'string'}"):
            scan_csv(paths)
    assert table(scan_csv(path, schema_overrides={"a": "string"}))["a"].to_pylist() == [v or None for v in values]
    floats = table(scan_csv(path, schema_overrides={"a": "float64"}))["a"].to_pylist()
    assert floats == [float(v) if v else None for v in values]
    if values[0] == "1":
        with pytest.raises(ReadError, match="column 'a'"):
            table(scan_csv(path, infer_schema_length=1))


def test_whole_numbers_with_a_plus_are_text_as_in_polars(tmp_path: Path) -> None:
    """Telephone numbers: as floats they would lose the sign, and digits beyond the sixteenth."""
    path = csv(tmp_path, "a,b,c,d\n+318855443322,+1,1.0,+1.5\n5,,2.0,2\n")
    found = table(scan_csv(path)).to_dict()
    assert found == {"a": ["+318855443322", "5"], "b": ["+1", None], "c": [1.0, 2.0], "d": [1.5, 2.0]}
    assert {name: found[name] for name in ("a", "b", "c")} == pl.read_csv(path)[["a", "b", "c"]].to_dict(as_series=False)


def test_categories_by_request(tmp_path: Path) -> None:
    kind = t.enum(["low", "high"])
    path = csv(tmp_path, "a,b\nhigh,1\n,2\nlow,3\n")
    for options in ({"schema_overrides": {"a": kind}}, {"schema": {"a": kind, "b": "int64"}}):
        source = scan_csv(path, **options)
        assert (source.schema["a"], table(source)["a"].to_pylist()) == (kind, ["high", None, "low"])
    wrong = csv(tmp_path, "a\nlow\nhig\n", "w.csv")
    with pytest.raises(ReadError, match=r"w\.csv, column 'a': .*'hig' is none of its categories; did you mean 'high'"):
        table(scan_csv(wrong, schema_overrides={"a": kind}))
    assert table(scan_csv(wrong, schema_overrides={"a": kind}, ignore_errors=True))["a"].to_pylist() == ["low", None]


def test_compressed_by_name(tmp_path: Path) -> None:
    text = b"a,b\n" + b"".join(b"%d,x\n" % i for i in range(50_000))
    for name, content in (
        ("gz", gzip.compress(text)),
        ("bz2", bz2.compress(text)),
        ("zst", pa.compress(text, "zstd", asbytes=True)),
    ):
        path = csv(tmp_path, content, f"{name}.csv.{name}")
        assert table(scan_csv(path))["a"].to_pylist()[-1] == 49_999
        assert scan_csv(path, n_rows=2, infer_schema_length=None).splits(None)[0].read(("b",)).length == 2
    assert len(scan_csv(tmp_path).splits(None)) == 3
    with pytest.raises(ReadError, match=r"bad\.csv\.gz"):
        scan_csv(csv(tmp_path, b"no gzip at all", "bad.csv.gz"))


def test_compressed_by_content(tmp_path: Path) -> None:
    text = b"a,b\n1,x\n"
    for content in (gzip.compress(text), bz2.compress(text), pa.compress(text, "zstd", asbytes=True)):
        assert table(scan_csv(csv(tmp_path, content))).to_dict() == {"a": [1], "b": ["x"]}


@pytest.mark.parametrize(
    ("content", "match"),
    [(lzma.compress(b"a\n1\n")[:-1], "Truncated"), (b"PK\x03\x04" + bytes(30), "zip archive is damaged"),
     ("a\n1\n".encode("utf-16"), "UTF-16.*encoding='utf-16'"), (b"\xfe\xff\0a\0\n", "UTF-16")],
)  # fmt: skip
def test_what_is_no_text_is_told(tmp_path: Path, content: bytes, match: str) -> None:
    with pytest.raises(ReadError, match=rf"a\.csv: .*{match}"):
        scan_csv(csv(tmp_path, content))


def test_encodings(tmp_path: Path) -> None:
    latin = csv(tmp_path, "a,b\n1,é\n".encode("latin-1"))
    with pytest.raises(ReadError, match=r"a\.csv, column 'b'.*UTF8.*utf8-lossy"):
        table(scan_csv(latin))
    assert table(scan_csv(latin, encoding="utf8-lossy"))["b"].to_pylist() == ["\ufffd"]
    assert table(scan_csv(latin, encoding="latin-1"))["b"].to_pylist() == ["é"]
    wide = csv(tmp_path, "a,b\n1,é\n".encode("utf-16"), "w.csv")
    assert table(scan_csv(wide, encoding="utf-16"))["b"].to_pylist() == ["é"]


@pytest.mark.parametrize(
    "text", ["\ufeff# x\na,b\n1,2\n# y\n3,4", "# x\ra,b\r1,2\r# y\r3,4\r", "# x\r\na,b\r\n1,2\r\n# y\r\n3,4"]
)
def test_comments_behind_a_mark_and_with_other_line_ends(tmp_path: Path, text: str) -> None:
    assert table(scan_csv(csv(tmp_path, text), comment_prefix="#")).to_dict() == {"a": [1, 3], "b": [2, 4]}


@pytest.mark.parametrize("options", [{"comment_prefix": "#"}, {"encoding": "utf8-lossy"}, {"encoding": "latin-1"}])
def test_an_open_quote_is_told_in_text_that_is_changed_first(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ReadError, match=r"a\.csv: the quote that opens a field .*is never closed"):
        table(scan_csv(csv(tmp_path, 'a,b\n1,"x\n3,4\n'), **options))


MALFORMED: dict[str, tuple[str, dict[str, Any], str, dict[str, list[Any]]]] = {
    "too many fields": (
        "a,b\n1,2\n\n1,2,3\n4,5\n", {}, r"a\.csv: line 4: .*Expected 2 columns, got 3: 1,2,3.*ignore_errors=True",
        {"a": [1, 4], "b": [2, 5]},
    ),
    "below quoted lines": (
        'a,b\n"p\nq",1\n"p\nq",2,3\n', {}, r"line 4: .*got 3", {"a": ["p\nq"], "b": [1]},
    ),
    "below comments": ("# x\na,b\n1,2\n# y\n1,2,3\n", {"comment_prefix": "#"}, r"line 5: .*got 3", {"a": [1], "b": [2]}),
    "a text among numbers": (
        "a,b\n1,2\n3,x\n", {"infer_schema_length": 1},
        r"column 'b': line 3: .*int64: invalid value 'x'.*schema_overrides=\{'b': 'string'\}", {"a": [1, 3], "b": [2, None]},
    ),
    "a float among numbers": (
        "a,b\n1,2\n3,2.5\n", {"infer_schema_length": 1}, r"column 'b': line 3", {"a": [1, 3], "b": [2, None]},
    ),
    "no such day": (
        "a,b\n1,2024-02-28\n3,2024-02-30\n", {"infer_schema_length": 1}, r"column 'b': line 3: .*'2024-02-30'",
        {"a": [1, 3], "b": [datetime.date(2024, 2, 28), None]},
    ),
    "too large": ("a,b\n1,300\n", {"schema_overrides": {"b": "int8"}}, r"column 'b': line 2: .*300", {"a": [1], "b": [None]}),
    "without a header": (
        "1,2\n3,x\n", {"has_header": False, "infer_schema_length": 1}, r"column 'column_1': line 2",
        {"column_0": [1, 3], "column_1": [2, None]},
    ),
    "other null values": (
        "a,b\n1,2\n-,x\n", {"infer_schema_length": 1, "null_values": {"a": "-"}}, r"column 'b': line 3",
        {"a": [1, None], "b": [2, None]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_malformed_is_told_or_left_out(tmp_path: Path, name: str) -> None:
    text, options, message, kept = MALFORMED[name]
    path = csv(tmp_path, text)
    with pytest.raises(ReadError, match=message) as caught:
        table(scan_csv(path, **options))
    assert caught.value.file == str(path)
    source = scan_csv(path, **options, ignore_errors=True)
    assert table(source).to_dict() == kept
    assert pickle.loads(pickle.dumps(source.splits(None)[0])).read(tuple(kept)[1:]).length == len(
        kept["b" if "b" in kept else "column_1"]
    )


def test_only_columns_that_are_asked_for_are_converted(tmp_path: Path) -> None:
    path = csv(tmp_path, "a,b\n1,2\n3,x\n")
    with running():
        frame = gf.scan_csv(path, infer_schema_length=1)
        assert frame.select(gf.col("a").sum()).collect().item() == 4
        assert frame.select(gf.len()).collect().item() == 2
        with pytest.raises(ReadError, match="column 'b'"):
            frame.select(gf.col("b").sum()).collect()


def test_files_with_columns_in_another_order(tmp_path: Path) -> None:
    csv(tmp_path, "a,b\n1,x\n", "1.csv")
    csv(tmp_path, "b,a\ny,2.5\n", "2.csv")
    assert table(scan_csv(tmp_path)).to_dict() == {"a": [1.0, 2.5], "b": ["x", "y"]}
    for k in range(3, 12):
        csv(tmp_path, "a,b\n1,x\n", f"{k:02}.csv")
    csv(tmp_path, "a,c\n1,x\n", "99.csv")
    source = scan_csv(tmp_path, schema_overrides={"a": "float64"})
    with pytest.raises(ReadError, match=r"99\.csv.*'b'"):
        table(source)
    rows = table(scan_csv([tmp_path / "1.csv", tmp_path / "2.csv"], row_index_name="n", include_file_paths="from")).to_pylist()
    assert [(r["n"], r["a"], Path(r["from"]).name) for r in rows] == [(0, 1.0, "1.csv"), (1, 2.5, "2.csv")]


@pytest.mark.parametrize(
    ("options", "match"),
    [({"separator": ""}, "separator"), ({"quote_char": "''"}, "quote_char"), ({"comment_prefix": ""}, "comment_prefix"),
     ({"infer_schema_length": -1}, "infer_schema_length"), ({"null_values": {"q": "x"}}, "null_values names 'q'"),
     ({"encoding": "nope"}, "encoding='nope' is not one that Python knows"),
     ({"encoding": "rot13"}, "encoding='rot13' is not one"), ({"encoding": "hex"}, "encoding='hex' is not one"),
     ({"separator": "\n"}, "separator='.n' ends a line"), ({"quote_char": "\r"}, "quote_char='.r' ends a line"),
     ({"separator": '"'}, "separator and quote_char are both"), ({"separator": '|"'}, "have '\"' in common"),
     ({"separator": "|;", "eol_char": ";"}, "separator='.;' ends a line"), ({"eol_char": "\r\n"}, "eol_char"),
     ({"skip_rows": -1}, "skip_rows=-1"), ({"skip_lines": 1.5}, "skip_lines=1.5"), ({"thousands": "ab"}, "thousands"),
     ({"thousands": "."}, "thousands='.' is the decimal point; pass decimal_comma=True"),
     ({"thousands": ",", "decimal_comma": True}, "thousands=',' is the decimal point"), ({"thousands": "1"}, "thousands"),
     ({"new_columns": "ab"}, "new_columns='ab' is no list"), ({"schema_overrides": "string"}, "schema_overrides='string'"),
     ({"schema_overrides": ["string", "string"]}, "has 2 types, the columns are"),
     ({"missing_columns": "x"}, "missing_columns='x' is not one of")],
)  # fmt: skip
def test_mistakes_in_the_call(tmp_path: Path, options: dict[str, Any], match: str) -> None:
    with pytest.raises(TypeMismatchError, match=match):
        scan_csv(csv(tmp_path, "a\n1\n"), **options)


def test_names_that_are_given(tmp_path: Path) -> None:
    path = csv(tmp_path, "a,b\n1,x\n")
    assert table(scan_csv(path, new_columns=["q"])).to_dict() == {"q": [1], "b": ["x"]}
    assert table(scan_csv(path, schema={"b": "string", "a": "int8"})).to_dict() == {"b": ["x"], "a": [1]}
    with pytest.raises(ReadError, match=r"column 'c': schema names it, the file has \['a', 'b'\]"):
        scan_csv(path, schema={"a": "int8", "b": "string", "c": "int8"})
    with pytest.raises(ReadError, match="column 'b': the schema that was given does not name it"):
        scan_csv(path, schema={"a": "int8"})
    with pytest.raises(ReadError, match="Expected 3 columns, got 2"):
        table(scan_csv(path, schema={"a": "int8", "b": "string", "c": "int8"}, has_header=False))


def test_more_new_names_than_columns(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="new_columns names 2 columns, the file has 1"):
        scan_csv(csv(tmp_path, "a\n1\n"), new_columns=["p", "q"])
