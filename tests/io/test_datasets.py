"""Many files as one table: schemas that differ, keys in folder names, first rows, numbered rows, paths, thousands of files."""

from __future__ import annotations

import datetime
import gzip
import pickle
import threading
from pathlib import Path
from typing import Any

import duckdb
import fsspec
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.orc as orc
import pyarrow.parquet as pq
import pytest
from gpuflow_kernels import dtypes as t
from gpuflow_kernels import host_memory

import gpuflow as gf
from gpuflow import io
from gpuflow.errors import DuplicateNameError, ReadError, TypeMismatchError
from gpuflow.io.parquet import footers
from gpuflow.plan.source import ColumnStatistics
from tests.support.reading import table
from tests.support.running import assert_same, running


def write_ipc(data: pa.Table, path: Path, rows: int) -> None:
    with pa.ipc.new_file(path, data.schema) as writer:
        writer.write_table(data, max_chunksize=rows)


WRITERS: dict[str, Any] = {
    "parquet": lambda data, path, rows: pq.write_table(data, path, row_group_size=rows),
    "ipc": write_ipc,
    "orc": lambda data, path, rows: orc.write_table(data, path, stripe_size=1024),
}
SCANS = {"parquet": io.scan_parquet, "ipc": io.scan_ipc, "orc": io.scan_orc}
ENDS = {"parquet": "parquet", "ipc": "arrow", "orc": "orc"}


def files(kind: str, folder: Path, *tables: pa.Table, rows: int = 10) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for i, data in enumerate(tables):
        WRITERS[kind](data, folder / f"{i}.{ENDS[kind]}", rows)
    return folder


@pytest.mark.parametrize("kind", SCANS)
def test_schemas_that_can_meet(tmp_path: Path, kind: str) -> None:
    us, ns = pa.timestamp("us"), pa.timestamp("ns")
    first = pa.table({"i": pa.array([1, None], pa.int8()), "f": pa.array([0.5, 1], pa.float32()),
                      "n": pa.array([1, 2], pa.int32()), "t": pa.array([1, 2], us), "s": ["a", "b"]})  # fmt: skip
    second = pa.table({"s": ["c", None], "t": pa.array([3000, 4000], ns), "n": [0.25, None], "f": [1e300, None],
                       "i": pa.array([2**40, 3], pa.int64())})  # fmt: skip
    source = SCANS[kind](files(kind, tmp_path, first, second))

    assert dict(source.schema) == {"i": t.INT64, "f": t.FLOAT64, "n": t.FLOAT64, "t": t.timestamp("ns"), "s": t.STRING}
    found = table(source).to_dict()
    assert found["i"] == [1, None, 2**40, 3]
    assert found["f"] == [0.5, 1.0, 1e300, None]
    assert found["n"] == [1.0, 2.0, 0.25, None]
    assert found["s"] == ["a", "b", "c", None]
    assert [int(np.int64(v)) for v in table(source).column("t").values] == [1000, 2000, 3000, 4000]
    assert pickle.loads(pickle.dumps(source.splits(None, 1)[-1])).read(("s", "i")).length == 2


def test_numbers_that_do_not_fit_the_common_type_are_told(tmp_path: Path) -> None:
    source = io.scan_parquet(files("parquet", tmp_path, pa.table({"n": [2**53 + 1]}), pa.table({"n": [0.5]})))
    with pytest.raises(ReadError, match=r"0\.parquet, column 'n'.*9007199254740993"):
        table(source)
    with pytest.raises(ReadError, match=r"1\.parquet, column 'n': it is uint64 here and int64 in .*0\.parquet"):
        io.scan_parquet(files("parquet", tmp_path / "u", pa.table({"n": [1]}), pa.table({"n": pa.array([1], pa.uint64())})))


@pytest.mark.parametrize("kind", SCANS)
def test_columns_that_only_some_files_have(tmp_path: Path, kind: str) -> None:
    full = pa.table({"a": [1, 2], "s": ["x", None], "d": pa.array([1, 2], pa.date32())})
    files(kind, tmp_path, full, full.select(["a"]))
    scan = SCANS[kind]
    with pytest.raises(ReadError, match=rf"1\.{ENDS[kind]}, column 's': it has no such column.*missing_columns=") as caught:
        scan(tmp_path)
    assert (caught.value.column, Path(str(caught.value.file)).stem) == ("s", "1")
    source = scan(tmp_path, missing_columns="insert")
    day = datetime.date(1970, 1, 2)
    assert table(source, 1).to_dict() == {
        "a": [1, 2, 1, 2],
        "s": ["x", None, None, None],
        "d": [day, datetime.date(1970, 1, 3), None, None],
    }
    assert source.splits(None, 1)[-1].read(("s",)).length == 2
    backwards = [tmp_path / f"1.{ENDS[kind]}", tmp_path / f"0.{ENDS[kind]}"]
    with pytest.raises(ReadError, match=rf"0\.{ENDS[kind]}, column 's': .*extra_columns="):
        scan(backwards)
    assert table(scan(backwards, extra_columns="ignore")).to_dict() == {"a": [1, 2, 1, 2]}
    given = scan(tmp_path, schema={"s": "string", "a": "float64"}, missing_columns="insert", extra_columns="ignore")
    assert table(given).to_dict() == {"s": ["x", None, None, None], "a": [1.0, 2.0, 1.0, 2.0]}
    with pytest.raises(ReadError, match="column 's': it is string here and int64 in the schema that was given"):
        scan(tmp_path, schema={"s": "int64"}, missing_columns="insert", extra_columns="ignore")


def test_statistics_of_files_that_differ(tmp_path: Path) -> None:
    files("parquet", tmp_path, pa.table({"a": pa.array([1, 9], pa.int8()), "s": ["a", "b"]}), pa.table({"a": [2**40]}))
    source = io.scan_parquet(tmp_path, missing_columns="insert")
    assert source.statistics("a") == ColumnStatistics(1, 2**40, 0)
    assert source.statistics("s").nulls == 1
    frame = gf.Frame.scan(source)
    with running():
        assert frame.filter(gf.col("s").is_null()).collect().to_pylist() == [{"a": 2**40, "s": None}]
        assert frame.filter(gf.col("a") > 100).collect().to_pylist() == [{"a": 2**40, "s": None}]


def test_dictionaries_that_differ_between_files(tmp_path: Path) -> None:
    parts = [["x", "y", None] * 4, ["y", "z"] * 6, ["z", "x", "w"] * 4, [None] * 12]
    tables = [pa.table({"k": pa.array(p, pa.string()), "v": range(12)}) for p in parts]
    files("parquet", tmp_path, *tables, rows=5)
    expected = pl.concat([pl.DataFrame(x) for x in tables]).group_by("k").agg(pl.col("v").sum())
    with running(parts=7, rows=48):
        frame = gf.scan_parquet(tmp_path)
        assert_same(frame.group_by("k").agg(gf.col("v").sum()).collect(), expected)
        assert len(frame.filter(gf.col("k") == "z").collect()) == 10


@pytest.mark.parametrize("kind", SCANS)
@pytest.mark.parametrize("rows", [None, 0, 1, 15, 25, 99])
def test_first_rows_and_numbers(tmp_path: Path, kind: str, rows: int | None) -> None:
    data = [pa.table({"x": range(k, k + 20)}) for k in (0, 20)]
    files(kind, tmp_path, *data, rows=6)
    source = SCANS[kind](tmp_path, n_rows=rows, row_index_name="row", row_index_offset=7)
    expected = list(range(40))[:rows]
    for each in (4, 1000):
        found = table(source, each).to_dict()
        assert (found["x"], found["row"]) == (expected, [7 + x for x in expected])
    assert source.rows() == len(expected)
    assert list(source.schema) == ["row", "x"]
    if expected:
        assert source.statistics("row") == ColumnStatistics(7, 6 + len(expected), 0)


def test_numbers_stay_when_row_groups_are_skipped(tmp_path: Path) -> None:
    files("parquet", tmp_path, pa.table({"x": range(20)}), pa.table({"x": range(20, 40)}), rows=5)
    frame = gf.scan_parquet(tmp_path, row_index_name="row")
    with running():
        assert frame.filter(gf.col("x") > 31).select("row").collect()["row"].to_pylist() == list(range(32, 40))
        assert frame.filter(gf.col("row") == 17).collect().to_pylist() == [{"row": 17, "x": 17}]
    assert len(io.scan_parquet(tmp_path, row_index_name="row").splits(None, 1)) == 8


@pytest.mark.parametrize("kind", SCANS)
def test_paths_and_keys(tmp_path: Path, kind: str) -> None:
    for year, data in (("2012", [1, 2]), ("2013", [3])):
        files(kind, tmp_path / f"year={year}", pa.table({"x": data}))
    source = SCANS[kind](tmp_path, include_file_paths="from")
    found = table(source).to_pylist()
    assert [(r["x"], r["year"], Path(r["from"]).parent.name) for r in found] == [
        (1, 2012, "year=2012"), (2, 2012, "year=2012"), (3, 2013, "year=2013")
    ]  # fmt: skip
    with running():
        frame = gf.Frame.scan(source)
        assert frame.filter(gf.col("from").str.contains("2013")).select("x").collect()["x"].to_pylist() == [3]
    with pytest.raises(DuplicateNameError, match="include_file_paths='year'"):
        SCANS[kind](tmp_path, include_file_paths="year")
    with pytest.raises(DuplicateNameError, match="row_index_name='x'"):
        SCANS[kind](tmp_path, row_index_name="x")


HIVE: list[tuple[list[str], Any, list[Any]]] = [
    (["1", "-2", "__HIVE_DEFAULT_PARTITION__"], t.INT64, [1, -2, None]),
    (["9223372036854775807", "0"], t.INT64, [2**63 - 1, 0]),
    (["9223372036854775808", "0"], t.STRING, ["9223372036854775808", "0"]),
    (["007", "8"], t.STRING, ["007", "8"]),
    (["1e3", "1.5"], t.STRING, ["1e3", "1.5"]),
    (["2024-02-29", "2023-01-01"], t.DATE, [datetime.date(2024, 2, 29), datetime.date(2023, 1, 1)]),
    (["2023-02-29"], t.STRING, ["2023-02-29"]),
    (["true", "false"], t.BOOL, [True, False]),
    (["a%2Fb", "%C3%A9 ü", "%", "x%3Dy", "p=q", ""], t.STRING, ["a/b", "é ü", "%", "x=y", "p=q", ""]),
    (["%2E%2E", "..x"], t.STRING, ["..", "..x"]),
    (["__HIVE_DEFAULT_PARTITION__"], t.STRING, [None]),
]


@pytest.mark.parametrize(("names", "dtype", "values"), HIVE, ids=str)
def test_types_and_values_in_folder_names(tmp_path: Path, names: list[str], dtype: Any, values: list[Any]) -> None:
    for i, name in enumerate(names):
        files("parquet", tmp_path / f"k%20é={name}", pa.table({"x": [i]}))
    source = io.scan_parquet(tmp_path)
    assert source.schema["k é"] == dtype
    found = {row["x"]: row["k é"] for row in table(source).to_pylist()}
    assert [found[i] for i in range(len(names))] == values
    with running():
        for i, value in enumerate(values):
            frame = gf.Frame.scan(source)
            chosen = frame.filter(gf.col("k é").is_null() if value is None else gf.col("k é") == value)
            assert chosen.collect()["x"].to_pylist() == [i]


def test_keys_by_request(tmp_path: Path) -> None:
    files("parquet", tmp_path / "day=2024-01-01", pa.table({"x": [1]}))
    assert io.scan_parquet(tmp_path, try_parse_hive_dates=False).schema["day"] == t.STRING
    assert io.scan_parquet(tmp_path, hive_schema={"day": "string"}).schema["day"] == t.STRING
    files("parquet", tmp_path / "r/a=1/a=2", pa.table({"x": [1]}))
    with pytest.raises(DuplicateNameError, match="hive_partitioning=False"):
        io.scan_parquet(tmp_path / "r")


def test_thousands_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Footers are read by several threads, once; a filter on a key leaves its files alone, and tasks stay small."""
    content = None
    for k in range(300):
        folder = tmp_path / f"name=value number {k}"
        folder.mkdir()
        if content is None:
            files("parquet", folder, pa.table({"x": range(10)}))
            content = (folder / "0.parquet").read_bytes()
        else:
            (folder / "0.parquet").write_bytes(content)
    readers: set[int] = set()
    opened: list[str] = []
    real = footers._parquet

    def noted(file: Any, handle: Any, **options: Any) -> Any:
        readers.add(threading.get_ident())
        opened.append(file.path)
        return real(file, handle, **options)

    monkeypatch.setattr(footers, "_parquet", noted)
    source = io.scan_parquet(tmp_path)
    assert (len(opened), len(readers) > 1) == (300, True)
    opened.clear()
    again = io.scan_parquet(tmp_path)
    assert opened == []
    with running():
        frame = gf.Frame.scan(again).filter(gf.col("name") == "value number 17")
        assert frame.select(gf.col("x").sum()).collect().item() == 45
    assert {Path(p).parent.name for p in opened} == {"name=value number 17"}
    split = source.splits(None, 1)[5]
    assert len(pickle.dumps(split)) < 1500
    assert pickle.loads(pickle.dumps(split)).read(("name", "x")).length == 10


@pytest.mark.parametrize("options", [{"missing_columns": "drop"}, {"extra_columns": "add"}, {"n_rows": -1}, {"n_rows": 1.5},
                                     {"row_index_offset": -1}, {"schema": {"x": "whole"}}, {"filesystem": 3}])  # fmt: skip
def test_mistakes_in_the_call(tmp_path: Path, options: dict[str, Any]) -> None:
    files("parquet", tmp_path, pa.table({"x": [1]}))
    with pytest.raises(TypeMismatchError, match=next(iter(options))):
        io.scan_parquet(tmp_path, **options)


def test_more_rows_than_memory_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of a few hundred bytes can claim any number of rows; what a key column of them needs is not allocated."""
    files("parquet", tmp_path / "k=1", pa.table({"x": range(1000)}), rows=1000)
    source = io.scan_parquet(tmp_path)
    monkeypatch.setattr(host_memory, "machine_memory", lambda: 8_000)
    with pytest.raises(ReadError, match=r"0\.parquet: it says that 1,000 rows .* smaller row groups"):
        source.splits(None)[0].read(("k",))


@pytest.mark.parametrize("paths", [5, [5], {}.items], ids=["number", "list of numbers", "method"])
def test_what_is_no_path(paths: Any) -> None:
    for scan in (io.scan_parquet, io.scan_csv):
        with pytest.raises(TypeMismatchError, match=r"the path of a (Parquet|CSV) file is a string or a pathlib.Path, not "):
            scan(paths)


@pytest.mark.parametrize("names", [("a.b",), ("x", "a.b"), ("a.b", "a"), ("", "x"), ("a", "", "x", "a.b")])
def test_orc_columns_with_dots_beside_others(tmp_path: Path, names: tuple[str, ...]) -> None:
    data = pa.table({"a": [{"b": 1, "c": "u"}], "l": [[1, 2]], "x": [7], "a.b": [8], "": [9]})
    orc.write_table(data, tmp_path / "a.orc")
    frame = gf.scan_orc(tmp_path / "a.orc")
    assert frame.select(*names).collect().to_dict() == data.select(names).to_pydict()
    assert frame.collect().to_dict() == data.to_pydict()


# -- unions of columns, and files without a suffix --------------------------------------------------------------------
@pytest.mark.parametrize("kind", SCANS)
def test_the_union_of_all_columns(tmp_path: Path, kind: str) -> None:
    """As DuckDB's union_by_name: columns in the order in which files bring them, types that meet."""
    tables = [
        pa.table({"a": pa.array([1, 2], pa.int32()), "b": ["x", "y"]}),
        pa.table({"c": [0.5], "a": pa.array([2**40])}),
        pa.table({"d": [[1], None], "b": ["z", None], "c": pa.array([7, 8], pa.int32())}),
    ]
    folder = files(kind, tmp_path / "d", *tables)
    both = {"missing_columns": "insert", "extra_columns": "insert"}
    source = SCANS[kind](folder, **both)
    assert list(source.schema) == ["a", "b", "c", "d"]
    assert (source.schema["a"], source.schema["c"]) == (t.INT64, t.FLOAT64)
    expected = {
        "a": [1, 2, 2**40, None, None],
        "b": ["x", "y", None, "z", None],
        "c": [None, None, 0.5, 7.0, 8.0],
        "d": [None, None, None, [1], None],
    }
    for rows in (None, 1):
        assert table(source, rows).to_arrow().to_pydict() == expected
    frame = {"parquet": gf.scan_parquet, "ipc": gf.scan_ipc, "orc": gf.scan_orc}[kind](folder, **both)
    with running():
        assert frame.filter(gf.col("c") > 1).select("b", "d").collect().to_dict() == {"b": ["z", None], "d": [[1], None]}
        assert frame.filter(gf.col("a").is_null()).select("c").collect().to_dict() == {"c": [7.0, 8.0]}
    if kind == "parquet":
        relation = duckdb.sql(f"select * from read_parquet('{folder}/*.parquet', union_by_name=true) order by filename")
        assert relation.fetchall() == list(zip(*expected.values(), strict=True))


def test_only_columns_that_others_add(tmp_path: Path) -> None:
    folder = files("parquet", tmp_path / "d", pa.table({"a": [1]}), pa.table({"a": [2], "b": ["x"]}))
    assert table(io.scan_parquet(folder, extra_columns="insert")).to_dict() == {"a": [1, 2], "b": [None, "x"]}
    given = io.scan_parquet(folder, schema={"a": "float64"}, extra_columns="insert", missing_columns="insert")
    assert table(given).to_dict() == {"a": [1.0, 2.0], "b": [None, "x"]}
    files("parquet", folder, pa.table({"a": [1]}), pa.table({"b": ["y"]}))
    with pytest.raises(ReadError, match=r"1\.parquet, column 'a': .*missing_columns=\"insert\" fills it"):
        io.scan_parquet(folder, extra_columns="insert")
    files("parquet", folder, pa.table({"a": [1]}), pa.table({"a": [1], "b": ["y"]}), pa.table({"a": [1], "b": [5]}))
    with pytest.raises(ReadError, match=r"2\.parquet, column 'b': it is int64 here and string in .*1\.parquet"):
        io.scan_parquet(folder, extra_columns="insert")
    with pytest.raises(ReadError, match=r'extra_columns="insert" takes it along.*"ignore" leaves it out'):
        io.scan_parquet(folder)
    (tmp_path / "a.csv").write_text("a\n1\n")
    with pytest.raises(TypeMismatchError, match="extra_columns='insert' is not for CSV"):
        io.scan_csv(tmp_path / "a.csv", extra_columns="insert")


@pytest.mark.parametrize("remote", [False, True])
@pytest.mark.parametrize("kind", SCANS)
def test_part_files_without_a_suffix(tmp_path: Path, kind: str, remote: bool) -> None:
    """As Spark and Hive write them: known by what they begin with, among files of their own that are none."""
    folder = tmp_path / "out"
    (folder / "day=1").mkdir(parents=True)
    for number, name in enumerate(["day=1/part-00000", "day=1/000000_0", "part-00001.parquet.gz", f"a.{ENDS[kind]}"]):
        if name != "part-00001.parquet.gz":
            WRITERS[kind](pa.table({"x": [number]}), folder / name, 10)
    for name in ("_SUCCESS", "_metadata", ".part-00000.crc", "README", "notes.txt", "empty"):
        (folder / name).write_bytes(b"" if name == "empty" else b"not a table")
    path: Any = folder
    if remote:
        system = fsspec.filesystem("memory")
        path = f"memory://parts-{kind}"
        system.put(str(folder), f"/parts-{kind}", recursive=True)
    found = [file.path.rsplit("/", 1)[-1] for file in io_files(kind, path)]
    assert found == [f"a.{ENDS[kind]}", "000000_0", "part-00000"]
    source = SCANS[kind](path, hive_partitioning=False)
    assert sorted(table(source).to_dict()["x"]) == [0, 1, 3]


def io_files(kind: str, path: Any) -> Any:
    return SCANS[kind](path, hive_partitioning=False).files


def test_names_that_tell_their_compression(tmp_path: Path) -> None:
    for name in ("a.gz.parquet", "b.parquet.gz", "c.parquet.snappy", "d.parquet.bak", "e.parquet.tmp"):
        pq.write_table(pa.table({"x": [name[0]]}), tmp_path / name)
    assert table(io.scan_parquet(tmp_path)).to_dict()["x"] == ["a", "b", "c"]
    (tmp_path / "b.parquet.gz").write_bytes(gzip.compress((tmp_path / "a.gz.parquet").read_bytes()))
    with pytest.raises(ReadError, match=r"b\.parquet\.gz: it is not a whole Parquet file"):
        io.scan_parquet(tmp_path)


def test_text_without_a_suffix(tmp_path: Path) -> None:
    """There is nothing to know it by, so it is meant only where there is nothing else."""
    for number in range(2):
        (tmp_path / f"part-0000{number}").write_text(f"x\n{number}\n")
    (tmp_path / "_SUCCESS").write_text("")
    assert table(io.scan_csv(tmp_path)).to_dict()["x"] == [0, 1]
    (tmp_path / "a.csv").write_text("x\n7\n")
    assert table(io.scan_csv(tmp_path)).to_dict()["x"] == [7]
