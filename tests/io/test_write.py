"""Writing Parquet: whole or not at all, and only below the folder named."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gpuflow_kernels import dtypes as t
from hypothesis import given, settings
from hypothesis import strategies as st

from gpuflow import io
from gpuflow.errors import ColumnNotFoundError, DuplicateNameError, PlanError, TypeMismatchError, UnsupportedError
from gpuflow.frame.frame import Table
from gpuflow.io.write import files
from gpuflow.plan.source import Source

DATA = pa.table({
    "i": pa.array([1, None, 3, 4], pa.int8()), "u": pa.array([2**64 - 1, 0, None, 1], pa.uint64()),
    "f": [1.5, float("nan"), None, -0.0],
    "b": [True, None, False, True], "s": ["x", None, "", "é"], "d": pa.array([0, None, 2, 3], pa.date32()),
    "t": pa.array([0, None, 10**18, 5], pa.timestamp("ns")), "p": pa.array([None, 1, 2, 3], pa.duration("us")),
})  # fmt: skip


def table(source: Source, rows: int | None = None) -> Table:
    return Table(source.schema, [split.read(tuple(source.schema)) for split in source.splits(None, rows)])


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_round_trip(tmp_path: Path, size: int, compression: str) -> None:
    source = table(io.from_arrow(DATA), 2)
    source.write_parquet(tmp_path / "new/a.parquet", row_group_size=size, compression=compression)
    assert os.listdir(tmp_path / "new") == ["a.parquet"]
    back = table(io.scan_parquet(tmp_path / "new/a.parquet"))
    assert back.equals(source)
    metadata = pq.ParquetFile(tmp_path / "new/a.parquet").metadata
    assert [metadata.row_group(g).num_rows for g in range(metadata.num_row_groups)] == {1: [1] * 4, 3: [3, 1], 1000: [4]}[size]
    io.write_parquet(source.chunks, tmp_path / "b.parquet", schema=source.schema)
    assert table(io.scan_parquet(tmp_path / "b.parquet")).equals(source)


EMPTY = pa.schema([
    ("i", pa.int32()), ("b", pa.bool_()), ("d", pa.date32()), ("s", pa.string()), ("u", pa.uint64()), ("v", pa.float64()),
])  # fmt: skip


@pytest.mark.parametrize("keys", ["i", "s", ["i", "b", "d", "s", "u"]])
@pytest.mark.parametrize("end", ["parquet", "csv", "arrow", "ndjson"])
def test_a_partitioned_table_without_rows_can_be_scanned(tmp_path: Path, end: str, keys: Any) -> None:
    """Names and types are found again where the format keeps them, in gpuflow and in Polars."""
    api, scan = {
        "parquet": (io.write_parquet, io.scan_parquet), "csv": (io.write_csv, io.scan_csv),
        "arrow": (io.write_ipc, io.scan_ipc), "ndjson": (io.write_ndjson, io.scan_ndjson),
    }[end]  # fmt: skip
    for _ in range(2):
        api(EMPTY.empty_table(), tmp_path / "t", partition_by=keys)
    source = scan(tmp_path / "t")
    assert len(table(source)) == 0
    named = [keys] if isinstance(keys, str) else keys
    types = {"i": "int64", "b": "bool", "d": "date", "s": "string", "u": "int64"}
    assert {name: str(source.schema[name]) for name in named} == {name: types[name] for name in named}
    if end in ("parquet", "arrow"):
        assert sorted(source.schema) == sorted(EMPTY.names)
    if end == "parquet":
        assert pl.read_parquet(tmp_path / "t", hive_partitioning=True).shape == (0, len(EMPTY))
    io.write_parquet(DATA, tmp_path / "n", partition_by="i")  # a table with rows has no folder but theirs
    assert sorted(p.name for p in (tmp_path / "n").iterdir()) == sorted(
        f"i={'__HIVE_DEFAULT_PARTITION__' if v is None else v}" for v in set(DATA["i"].to_pylist())
    )


def test_empty_and_remote(tmp_path: Path) -> None:
    empty = Table(io.from_arrow(DATA).schema, [])
    empty.write_parquet(tmp_path / "a.parquet")
    assert table(io.scan_parquet(tmp_path)).equals(empty)
    io.write_parquet(DATA, "memory://out/a.parquet")
    assert table(io.scan_parquet("memory://out/a.parquet")).equals(DATA)
    with pytest.raises(PlanError, match="exists"):
        io.write_parquet(DATA, "memory://out/a.parquet", overwrite=False)


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    io.write_parquet(DATA, path)
    before = path.read_bytes()
    source = table(io.from_arrow(DATA))

    def chunks() -> Any:
        yield source.chunks[0]
        raise RuntimeError("lost")

    for options in ({}, {"partition_by": "i"}):
        target = path if not options else tmp_path / "folder"
        with pytest.raises(RuntimeError, match="lost"):
            io.write_parquet(chunks(), target, schema=source.schema, **options)
        assert os.listdir(tmp_path) == ["a.parquet"]
        assert path.read_bytes() == before


def test_what_is_there_is_replaced_with_care(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    io.write_parquet(DATA, path)
    with pytest.raises(PlanError, match="overwrite=True"):
        io.write_parquet(DATA, path, overwrite=False)
    io.write_parquet(DATA.slice(1), path)
    assert io.scan_parquet(path).rows() == 3
    with pytest.raises(PlanError, match="is a folder"):
        io.write_parquet(DATA, tmp_path)
    with pytest.raises(PlanError, match="is a file"):
        io.write_parquet(DATA, path, partition_by="i")
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/thesis.doc").touch()
    with pytest.raises(PlanError, match=r"thesis\.doc"):
        io.write_parquet(DATA, tmp_path / "precious", partition_by="i")
    io.write_parquet(DATA, tmp_path / "f", partition_by="i")
    io.write_parquet(DATA.slice(2), tmp_path / "f", partition_by="i")
    assert sorted(os.listdir(tmp_path / "f")) == ["i=3", "i=4"]
    assert not [name for name in os.listdir(tmp_path) if "tmp" in name]


def test_mistakes_in_the_call(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for error, match, options in [
        (ColumnNotFoundError, "names 'q'", {"partition_by": "q"}),
        (TypeMismatchError, "'f' is float64", {"partition_by": ["f"]}),
        (DuplicateNameError, "'i'", {"partition_by": ["i", "i"]}),
        (TypeMismatchError, "compression='rar'", {"compression": "rar"}),
        (TypeMismatchError, "row_group_size=0", {"row_group_size": 0}),
    ]:
        with pytest.raises(error, match=match):
            io.write_parquet(DATA, path, **options)
    with pytest.raises(PlanError, match="every column"):
        io.write_parquet(pa.table({"i": [1]}), path, partition_by="i")
    with pytest.raises(UnsupportedError, match=r"column 'l' is .*interval, which Parquet does not store .*write_ipc"):
        io.write_parquet(pa.table({"l": pa.nulls(1, pa.month_day_nano_interval())}), path)
    with pytest.raises(UnsupportedError, match="local folders only"):
        io.write_parquet(DATA, "memory://x", partition_by="i")
    with pytest.raises(PlanError, match="too long"):
        io.write_parquet(pa.table({"s": ["x" * 300], "v": [1]}), path, partition_by="s")
    assert os.listdir(tmp_path) == []


names = st.sampled_from(["k", "a b", "..", ".hidden", "_x", "a/b", "a=b", "%2F", "é", "\n", "\\", "*[?]"])
texts = st.none() | st.sampled_from(
    ["", ".", "..", "../../etc", "/abs", "a=b", "%2F", "__HIVE_DEFAULT_PARTITION__", "x\0y", "日", "1"]
)


@settings(max_examples=30, deadline=None)
@given(names, st.lists(st.tuples(texts, st.none() | st.integers(-2, 2), st.none() | st.booleans()), min_size=1, max_size=8))
def test_hive_round_trip_stays_below_its_root(name: str, rows: list[tuple[str | None, int | None, bool | None]]) -> None:
    import tempfile

    data = pa.table([
        pa.array([r[0] for r in rows], pa.string()), pa.array([r[1] for r in rows], pa.int16()),
        pa.array([r[2] for r in rows], pa.bool_()), pa.array(range(len(rows)), pa.int64()),
    ], names=[name, "n", "b", "v"])  # fmt: skip
    with tempfile.TemporaryDirectory() as outer:
        root = Path(outer) / "root"
        given_table = table(io.from_arrow(data), 3)
        given_table.write_parquet(root, partition_by=[name, "n", "b"])
        assert os.listdir(outer) == ["root"]
        source = io.scan_parquet(root, hive_schema={name: t.STRING, "n": t.INT16, "b": t.BOOL})
        back = table(source).to_arrow().select([name, "n", "b", "v"])
        assert given_table.equals(back, ordered=False)


def test_many_folders_do_not_keep_many_files_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_OPEN_FILES", 3)
    data = table(io.from_numpy({"k": np.arange(40) % 10, "v": np.arange(40)}), 20)
    data.write_parquet(tmp_path / "d", partition_by="k")
    back = table(io.scan_parquet(tmp_path / "d")).to_arrow().select(["k", "v"])
    assert data.equals(back, ordered=False)
    assert max(len(files) for _, _, files in os.walk(tmp_path / "d")) > 1
