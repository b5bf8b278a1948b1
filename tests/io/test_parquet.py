"""Parquet as a source: what is found, agreed on, cut into partitions, read, and how it fails."""

from __future__ import annotations

import os
import pickle
from decimal import Decimal
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest
from gpuflow_kernels import dtypes as t

from gpuflow.arrow import convert
from gpuflow.errors import DuplicateNameError, ReadError
from gpuflow.frame.frame import Table
from gpuflow.io import scan_parquet
from gpuflow.io.parquet import footers
from gpuflow.plan.source import ColumnStatistics, Source, Split
from gpuflow.schema import Schema


def write(path: Path, rows: int = 30, start: int = 0, group: int = 10, **more: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    numbers = np.arange(start, start + rows)
    pq.write_table(pa.table({"x": numbers, "s": [f"s{n % 4}" for n in numbers], **more}), path, row_group_size=group)
    return path


def table(source: Source, splits: list[Split] | None = None) -> Table:
    names = tuple(source.schema)
    return Table(source.schema, [split.read(names) for split in (source.splits(None) if splits is None else splits)])


def test_file_folder_glob_list_and_remote_give_the_same(tmp_path: Path) -> None:
    write(tmp_path / "d/a.parquet")
    write(tmp_path / "d/deeper/b.parquet", start=30)
    write(tmp_path / "d/_temporary/c.parquet")
    write(tmp_path / "d/.hidden.parquet")
    (tmp_path / "d/_SUCCESS").touch()
    (tmp_path / "d/notes.txt").write_text("x")
    (tmp_path / "d/d").mkdir()
    import fsspec

    memory = fsspec.filesystem("memory")
    for name in ("a.parquet", "deeper/b.parquet"):
        memory.pipe_file(f"/flow/{name}", (tmp_path / "d" / name).read_bytes())
    memory.pipe_file("/flow/_x/c.parquet", b"")
    for paths in (
        tmp_path / "d",
        f"file://{tmp_path}/d",
        str(tmp_path / "d/**/[ab].parquet"),
        [tmp_path / "d/a.parquet", tmp_path / "d/deeper/b.parquet"],
        "memory://flow",
        "memory://flow/**/*b*.parquet",
        ["memory://flow/a.parquet", tmp_path / "d/deeper"],
    ):
        source = scan_parquet(paths)
        expected = list(range(60)) if "*b*" not in str(paths) else list(range(30, 60))
        assert table(source)["x"].to_pylist() == expected
        assert source.rows() == len(expected)


def test_label_and_token(tmp_path: Path) -> None:
    path = write(tmp_path / "d/a.parquet")
    first = scan_parquet(path)
    assert first.label == "parquet a.parquet"
    assert scan_parquet(path).token == first.token
    write(path, rows=31)
    os.utime(path, ns=(1, 1))
    assert scan_parquet(path).token != first.token
    write(tmp_path / "d/b.parquet")
    assert scan_parquet(tmp_path / "d").label == "parquet d/ (2 files)"


def test_footers_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.parquet")
    opened: list[str] = []
    real = footers._parquet
    monkeypatch.setattr(footers, "_parquet", lambda file, *a, **o: (opened.append(file.path), real(file, *a, **o))[1])
    source = scan_parquet(tmp_path)
    scan_parquet(tmp_path)
    assert len(opened) == 1
    source.splits(None)[0].read(("x",))
    assert len(opened) == 2, "the second time for the data"


@pytest.mark.parametrize("rows", [1, 10, 25, 60, 1000])
def test_partitions_keep_row_groups_whole_and_in_order(tmp_path: Path, rows: int) -> None:
    write(tmp_path / "a.parquet", rows=100, group=15)
    write(tmp_path / "b.parquet", rows=20, start=100, group=5)
    source = scan_parquet(tmp_path)
    splits = source.splits(None, rows)
    assert [s.rows for s in splits] == [s.read(()).length for s in splits]
    assert sum(s.rows or 0 for s in splits) == 120
    assert all(split.nbytes for split in splits)
    assert table(source, splits)["x"].to_pylist() == list(range(120))
    if rows == 1:
        assert len(splits) == 11
    if rows == 1000:
        assert len(splits) == 1


def test_default_gives_every_thread_two_partitions(tmp_path: Path) -> None:
    import dask

    pq.write_table(pa.table({"x": np.arange(2_000_000)}), tmp_path / "a.parquet", row_group_size=65_536)
    with dask.config.set({"gpuflow.threads": 2}):
        rows = [split.rows for split in scan_parquet(tmp_path).splits(None)]
        assert len(rows) == 4 and min(rows) > 450_000, "equal shares, no rest left over"
    with dask.config.set({"gpuflow.partition-rows": 1_000_000}):
        assert len(scan_parquet(tmp_path).splits(None)) == 2


def test_splits_travel_alone_and_narrow(tmp_path: Path) -> None:
    source = scan_parquet(write(tmp_path / "a.parquet"))
    split = source.splits(None)[0]
    sent = pickle.dumps(split.narrow(("s",)))
    assert len(sent) < 3000
    assert pickle.loads(sent).read(("s",)).length == 30
    assert pickle.loads(pickle.dumps(source)).rows() == 30


def test_columns_come_in_the_order_asked(tmp_path: Path) -> None:
    source = scan_parquet(write(tmp_path / "a.parquet"))
    chunk = source.splits(None)[0].read(("s", "x"))
    assert [c.dtype for c in chunk.columns] == [t.STRING, t.INT64]
    assert convert.to_arrow(chunk.columns[0])[:5].to_pylist() == ["s0", "s1", "s2", "s3", "s0"]


def test_names_that_look_like_paths_or_code(tmp_path: Path) -> None:
    names = ["a", "a.b", "", "'", '"\n', "__import__('os')", "日本"]
    pq.write_table(pa.table([pa.array([i]) for i in range(len(names))], names=names), tmp_path / "a.parquet")
    source = scan_parquet(tmp_path)
    assert list(source.schema) == names
    for i, name in enumerate(names):
        assert source.splits(None)[0].read((name,)).columns[0].values.tolist() == [i]


def test_statistics_over_files(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", u=pa.array([0, 2**63] * 15, pa.uint64()), n=pa.nulls(30, pa.int32()))
    write(tmp_path / "b.parquet", start=70, u=pa.array([5, None] * 15, pa.uint64()), n=pa.array(range(30), pa.int32()))
    source = scan_parquet(tmp_path)
    assert source.statistics("x") == ColumnStatistics(0, 99, 0)
    assert source.statistics("u") == ColumnStatistics(0, 2**63, 15)
    assert source.statistics("n") == ColumnStatistics(0, 29, 30)
    low, high = source.statistics("s").low, source.statistics("s").high
    assert low <= "s0"
    assert high >= "s3"


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_temporal_statistics_are_in_the_column_s_unit(tmp_path: Path, unit: str) -> None:
    pq.write_table(
        pa.table({"d": pa.array([1, 7], pa.duration(unit)), "t": pa.array([1, 7], pa.timestamp(unit))}), tmp_path / "a.parquet"
    )
    source = scan_parquet(tmp_path)
    for name in ("d", "t"):
        values = table(source).column(name).values.tolist()
        assert (source.statistics(name).low, source.statistics(name).high) == (values[0], values[1])


def test_unsupported_columns_are_named_but_do_not_stop_the_others(tmp_path: Path) -> None:
    deep = pa.array([1] * 30)
    for _ in range(70):
        deep = pa.StructArray.from_arrays([deep], ["a"])
    source = scan_parquet(write(tmp_path / "a.parquet", z=deep))
    assert list(source.schema) == ["x", "s"]
    assert "64 levels" in source.unsupported["z"]
    assert len(table(source)) == 30


def test_hive_folders_become_columns(tmp_path: Path) -> None:
    for year, name, day in [("2012", "a%2Fb", "2020-01-01"), ("2013", "__HIVE_DEFAULT_PARTITION__", "2020-01-02")]:
        write(tmp_path / f"year={year}/name={name}/day={day}/f.parquet", rows=3)
    source = scan_parquet(tmp_path)
    assert dict(list(source.schema.items())[2:]) == {"year": t.INT64, "name": t.STRING, "day": t.DATE}
    rows = table(source).to_pylist()
    assert [(r["year"], r["name"], str(r["day"])) for r in rows[::3]] == [(2012, "a/b", "2020-01-01"), (2013, None, "2020-01-02")]
    assert source.statistics("year") == ColumnStatistics(2012, 2013, 0)
    assert source.statistics("name").nulls == 3
    assert "year" not in scan_parquet(tmp_path, hive_partitioning=False).schema
    assert scan_parquet(tmp_path, hive_schema={"year": t.STRING}).schema["year"] == t.STRING
    assert scan_parquet(str(tmp_path / "year=*/**/*.parquet")).schema["year"] == t.INT64
    with pytest.raises(ReadError, match="name=a/b, which is no int64"):
        table(scan_parquet(tmp_path, hive_schema={"name": t.INT64}))
    write(tmp_path / "loose.parquet")
    with pytest.raises(ReadError, match="hive_partitioning=False"):
        scan_parquet(tmp_path)


def test_missing_file_folder_and_glob(tmp_path: Path) -> None:
    write(tmp_path / "flights.parquet")
    with pytest.raises(ReadError, match=r"flight\.parquet.*near names there: flights\.parquet"):
        scan_parquet(tmp_path / "flight.parquet")
    with pytest.raises(ReadError, match="no file matches"):
        scan_parquet(tmp_path / "*.pq")
    with pytest.raises(ReadError, match="no file or folder"):
        scan_parquet("memory://nowhere/x.parquet")
    with pytest.raises(ReadError, match="empty"):
        scan_parquet([])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReadError, match=r"has no Parquet files .* it is empty"):
        scan_parquet(tmp_path / "empty")
    (tmp_path / "empty/x.csv").touch()
    with pytest.raises(ReadError, match=r"it holds 1 other files \(x\.csv\)"):
        scan_parquet(tmp_path / "empty")


@pytest.mark.parametrize("keep", [0, 3, 100, -5])
def test_truncated_file_is_named(tmp_path: Path, keep: int) -> None:
    path = write(tmp_path / "cut.parquet")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ReadError, match=r"cut\.parquet: it is not a whole Parquet file") as caught:
        scan_parquet(path)
    assert caught.value.file == str(path)
    assert pickle.loads(pickle.dumps(caught.value)).file == str(path)


def test_damaged_page_names_row_group_and_column(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    data = pa.table({"x": np.arange(3000), "y": np.arange(3000) * 7})
    pq.write_table(data, path, row_group_size=1000, write_page_checksum=True, compression="none", use_dictionary=False)
    place = pq.ParquetFile(path).metadata.row_group(1).column(1)
    content = bytearray(path.read_bytes())
    content[place.data_page_offset + place.total_compressed_size - 20] ^= 4
    path.write_bytes(content)
    source = scan_parquet(path)
    split = source.splits(None, 10_000)[0]
    assert split.read(("x",)).length == 3000
    with pytest.raises(ReadError, match="row group 1, column 'y'") as caught:
        split.read(("x", "y"))
    assert (caught.value.row_group, caught.value.column) == (1, "y")


def test_file_that_changed_or_vanished_after_the_scan(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet")
    split = scan_parquet(path).splits(None)[0]
    write(path, rows=77)
    with pytest.raises(ReadError, match="has changed since it was scanned"):
        split.read(("x",))
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe_file("/changing/a.parquet", path.read_bytes())
    remote = scan_parquet("memory://changing/a.parquet").splits(None)[0]
    assert remote.read(("x",)).length == 77
    write(path, rows=78)
    memory.pipe_file("/changing/a.parquet", path.read_bytes())
    with pytest.raises(ReadError, match=r"memory://.*has changed since it was scanned"):
        remote.read(("x",))
    path.unlink()
    with pytest.raises(ReadError, match="No such file"):
        split.read(("x",))


def test_files_must_agree(tmp_path: Path) -> None:
    first = write(tmp_path / "a.parquet")
    pq.write_table(pa.table({"x": ["1"], "s": ["a"]}), tmp_path / "b.parquet")
    with pytest.raises(ReadError, match=r"b\.parquet, column 'x': it is string here and int64 in .*a\.parquet") as caught:
        scan_parquet(tmp_path)
    assert caught.value.column == "x"
    pq.write_table(pa.table({"s": ["a"]}), tmp_path / "b.parquet")
    with pytest.raises(ReadError, match=r"b\.parquet, column 'x': it has no such column.*missing_columns"):
        scan_parquet(tmp_path)
    with pytest.raises(ReadError, match=r"a\.parquet, column 'x': .*b\.parquet has no such column.*extra_columns"):
        scan_parquet([tmp_path / "b.parquet", first])
    pq.write_table(pa.table({"s": pa.array(["a"], pa.large_string()), "x": [100]}), tmp_path / "b.parquet")
    assert table(scan_parquet(tmp_path))["x"].to_pylist()[-1] == 100


def test_duplicate_names(tmp_path: Path) -> None:
    pq.write_table(pa.table([pa.array([1]), pa.array([2])], names=["x", "x"]), tmp_path / "a.parquet")
    with pytest.raises(DuplicateNameError, match=r"a\.parquet has more than one column named 'x'"):
        scan_parquet(tmp_path)


def test_text_that_is_no_text(tmp_path: Path) -> None:
    bad = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(np.array([0, 2], np.int32)), pa.py_buffer(b"\xff\xfe")])
    pq.write_table(pa.table({"s": bad}), tmp_path / "a.parquet")
    with pytest.raises(ReadError, match=r"a\.parquet, column 's'.*UTF8"):
        table(scan_parquet(tmp_path))


def test_empty_files(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", rows=0)
    source = scan_parquet(tmp_path)
    assert source.rows() == 0
    assert table(source).shape == (0, 2)
    assert source.statistics("x") == ColumnStatistics(None, None, 0)


class _Keys(pe.KmsClient):
    """Holds keys as they are."""

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> str:
        return key_bytes.hex()

    def unwrap_key(self, wrapped_key: str, master_key_identifier: str) -> bytes:
        return bytes.fromhex(wrapped_key)


def chosen(source: Source, *names: str) -> Table:
    return Table(Schema({name: source.schema[name] for name in names}), [split.read(names) for split in source.splits(None)])


@pytest.mark.parametrize("remote", [False, True])
def test_of_encrypted_columns_the_others_are_read(tmp_path: Path, remote: bool) -> None:
    """pyarrow ends the process when it is asked to write such a footer down, which is how statistics are found."""
    data = pa.table({"a": [1, 2], "s": ["x", "y"], "d": pa.array([Decimal(1), Decimal(2)], pa.decimal128(9)), "t": ["u", "v"]})
    data = data.append_column("w", pa.array([0, 1], pa.timestamp("us")))
    config = pe.EncryptionConfiguration("k", column_keys={"k": ["a", "s"]}, plaintext_footer=True)
    sealed = pe.CryptoFactory(lambda _: _Keys()).file_encryption_properties(pe.KmsConnectionConfig(), config)
    with pq.ParquetWriter(
        tmp_path / "a.parquet", data.schema, encryption_properties=sealed, use_deprecated_int96_timestamps=True
    ) as writer:
        writer.write_table(data)
    content = (tmp_path / "a.parquet").read_bytes()
    path: Any = tmp_path / "a.parquet"
    if remote:
        path = "memory://sealed/a.parquet"
        fsspec.filesystem("memory").pipe("/sealed/a.parquet", content)
    source = scan_parquet(path)
    assert list(source.schema) == data.column_names
    assert chosen(source, "d", "t").to_arrow().to_pydict() == data.select(["d", "t"]).to_pydict()
    assert source.statistics("a") == source.statistics("t") == ColumnStatistics()
    for name in ("a", "s"):
        with pytest.raises(ReadError, match=rf"a\.parquet.*column '{name}': .*[Dd]ecrypt"):
            chosen(source, name)
    with pytest.raises(ReadError, match=r"column 'w': it is INT96 beside encrypted columns"):
        chosen(source, "w")
