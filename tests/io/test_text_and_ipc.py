"""Delimited text and Arrow IPC files as sources."""

from __future__ import annotations

import gzip
import pickle
from pathlib import Path

import pyarrow as pa
import pytest
from gpuflow_kernels import dtypes as t

from gpuflow.errors import ColumnNotFoundError, DuplicateNameError, ReadError, TypeMismatchError
from gpuflow.frame.frame import Table
from gpuflow.io import scan_csv, scan_ipc
from gpuflow.plan.source import Source


def table(source: Source, rows: int | None = None) -> Table:
    return Table(source.schema, [split.read(tuple(source.schema)) for split in source.splits(None, rows)])


def csv(tmp_path: Path, text: str, name: str = "a.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf8")
    return path


def test_types_nulls_and_quotes(tmp_path: Path) -> None:
    path = csv(tmp_path, 'i,f,s,d,t,b,n\n1,1.5,"a\nb",2020-01-01,2020-01-01 10:00:00,true,\n,,"",,,,\n')
    source = scan_csv(path)
    assert dict(source.schema) == {
        "i": t.INT64, "f": t.FLOAT64, "s": t.STRING, "d": t.DATE, "t": t.timestamp("s"), "b": t.BOOL, "n": t.STRING
    }  # fmt: skip
    rows = table(source).to_pylist()
    assert (rows[0]["s"], str(rows[0]["t"])) == ("a\nb", "2020-01-01 10:00:00")
    assert rows[1] == {"i": None, "f": None, "s": "", "d": None, "t": None, "b": None, "n": None}
    assert source.rows() is None
    split = pickle.loads(pickle.dumps(source.splits(None)[0]))
    assert split.read(()).length == 2
    assert scan_csv(path, try_parse_dates=False).schema["d"] == t.STRING


def test_options(tmp_path: Path) -> None:
    path = csv(tmp_path, "comment\n1;NA\n3;4\n")
    source = scan_csv(path, separator=";", has_header=False, null_values="NA", skip_rows=1)
    assert table(source).to_dict() == {"column_0": [1, 3], "column_1": [None, 4]}
    named = scan_csv(csv(tmp_path, "a,a\n1,2\n"), new_columns=["x", "y"], schema_overrides={"y": "float32", "x": t.STRING})
    assert table(named).to_pylist() == [{"x": "1", "y": 2.0}]
    with gzip.open(tmp_path / "z.csv.gz", "wt") as file:
        file.write("a\n7\n")
    assert table(scan_csv(tmp_path / "z.csv.gz"))["a"].to_pylist() == [7]


def test_several_files_meet_in_one_type(tmp_path: Path) -> None:
    csv(tmp_path, "a,b\n1,\n", "1.csv")
    csv(tmp_path, "a,b\n1.5,x\n", "2.csv")
    source = scan_csv(tmp_path)
    assert len(source.splits(None)) == 2
    assert table(source).to_dict() == {"a": [1.0, 1.5], "b": [None, "x"]}
    csv(tmp_path, "a,c\n1,2\n", "3.csv")
    with pytest.raises(ReadError, match=r"3\.csv: its columns are \['a', 'c'\]"):
        scan_csv(tmp_path)


def test_malformed_lines_are_told(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"a\.csv: .*line 3: Expected 2 columns, got 3.*separator"):
        scan_csv(csv(tmp_path, "a,b\n1,2\n1,2,3\n"))
    with pytest.raises(ReadError, match="Empty CSV file"):
        scan_csv(csv(tmp_path, ""))


def test_a_value_that_does_not_fit_far_below_is_told_with_line_and_column(tmp_path: Path) -> None:
    source = scan_csv(csv(tmp_path, "k,a,b\n" + "0,1234567,1\n" * 200_000 + "0,x,1\n"))
    assert source.schema["a"] == t.INT64
    split = source.splits(None)[0]
    assert split.read(("b",)).length == 200_001
    with pytest.raises(ReadError, match=r"column 'a': line 200002: .*invalid value 'x'.*schema_overrides=\{'a'") as caught:
        split.read(("b", "a"))
    assert caught.value.column == "a"


def test_csv_mistakes_in_the_call(tmp_path: Path) -> None:
    with pytest.raises(DuplicateNameError, match=r"'a'; name the columns yourself"):
        scan_csv(csv(tmp_path, "b,a\n1,2\n"), new_columns=["a"])
    with pytest.raises(ColumnNotFoundError, match="schema_overrides names 'q'"):
        scan_csv(csv(tmp_path, "a\n1\n"), schema_overrides={"q": "int64"})
    with pytest.raises(TypeMismatchError, match="column 'a': 'int6' is no type"):
        scan_csv(csv(tmp_path, "a\n1\n"), schema_overrides={"a": "int6"})
    with pytest.raises(TypeMismatchError, match="separator must be one"):
        scan_csv(csv(tmp_path, "a\n1\n"), separator="")


@pytest.mark.parametrize("compression", [None, "zstd"])
def test_ipc(tmp_path: Path, compression: str | None) -> None:
    data = pa.table({"a": [1, None, 3], "s": pa.array(["x", None, "y"]).dictionary_encode(), "l": [[1]] * 3})
    path = tmp_path / "a.arrow"
    with pa.ipc.new_file(path, data.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(data)
        writer.write_table(data.slice(1))
    source = scan_ipc(path)
    assert (source.rows(), list(source.schema), source.unsupported) == (5, ["a", "s", "l"], {})
    assert [s.rows for s in source.splits(None, 3)] == [3, 2]
    for rows in (1, 100):
        assert table(source, rows).to_dict() == {"a": [1, None, 3, None, 3], "s": ["x", None, "y", None, "y"], "l": [[1]] * 5}
    assert pickle.loads(pickle.dumps(source.splits(None)[0])).read(("s", "a")).length == 5
    assert source.splits(None)[0].read(()).length == 5


def test_ipc_errors(tmp_path: Path) -> None:
    bad = tmp_path / "bad.arrow"
    bad.write_bytes(b"nonsense" * 9)
    with pytest.raises(ReadError, match=r"bad\.arrow: it is no Arrow IPC file"):
        scan_ipc(bad)
    codes = pa.DictionaryArray.from_arrays(pa.array([0, 9], pa.int32()), pa.array(["x"]), safe=False)
    with pa.ipc.new_file(bad, pa.schema({"s": codes.type})) as writer:
        writer.write_batch(pa.record_batch([codes], names=["s"]))
    with pytest.raises(ReadError, match=r"bad\.arrow, column 's'"):
        table(scan_ipc(bad))
    with pa.ipc.new_file(tmp_path / "other.arrow", pa.schema({"q": pa.int64()})):
        pass
    with pytest.raises(ReadError, match=r"other\.arrow, column 's': it has no such column"):
        scan_ipc(tmp_path)


def test_streams_of_old_arrow(tmp_path: Path) -> None:
    data = pa.table({"x": [1, None], "s": ["a", "b"]})
    options = pa.ipc.IpcWriteOptions(metadata_version=pa.ipc.MetadataVersion.V4, use_legacy_format=True)
    with pa.ipc.new_stream(tmp_path / "a.arrows", data.schema, options=options) as writer:
        writer.write_table(data)
    assert table(scan_ipc(tmp_path / "a.arrows")).to_dict() == data.to_pydict()
