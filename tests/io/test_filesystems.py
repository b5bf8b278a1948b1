"""Files that are not on this machine's disk: fsspec URLs, file systems of fsspec and pyarrow, and S3."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.fs
import pyarrow.orc as orc
import pyarrow.parquet as pq
import pytest

import gpuflow as gf
from gpuflow import io
from gpuflow.errors import PlanError, ReadError
from tests.support.reading import table
from tests.support.running import running

DATA = pa.table({"x": [1, 2, None], "s": ["a", None, "c"]})
SCANS = {"parquet": io.scan_parquet, "csv": io.scan_csv, "arrow": io.scan_ipc, "ndjson": io.scan_ndjson, "orc": io.scan_orc}


def fill(folder: Path) -> None:
    """Two files of each kind, in hive folders."""
    for k in (1, 2):
        (folder / f"t/k={k}").mkdir(parents=True)
        pq.write_table(DATA, folder / f"t/k={k}/a.parquet")
        orc.write_table(DATA, folder / f"t/k={k}/a.orc")
        io.write_csv(DATA, folder / f"t/k={k}/a.csv")
        io.write_ipc(DATA, folder / f"t/k={k}/a.arrow")
        io.write_ndjson(DATA, folder / f"t/k={k}/a.ndjson")


@pytest.fixture(params=["fsspec url", "fsspec", "pyarrow", "pyarrow local", "s3 url", "s3 pyarrow"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, dict[str, Any], Any]:
    """A folder with files: its name, how it is reached, and a way to change a file in it."""
    fill(tmp_path)
    local = pyarrow.fs.LocalFileSystem()
    if request.param == "pyarrow local":
        return f"{tmp_path}/t", {"filesystem": local}, fsspec.filesystem("file")
    if request.param == "pyarrow":
        return (
            "t",
            {"filesystem": pyarrow.fs.SubTreeFileSystem(str(tmp_path), local)},
            fsspec.filesystem("dir", path=str(tmp_path)),
        )
    if request.param.startswith("s3"):
        options = request.getfixturevalue("s3")
        there = fsspec.filesystem("s3", **options)
        root = f"bucket/{tmp_path.name}"
        there.put(str(tmp_path / "t"), f"{root}/t", recursive=True)
        if request.param == "s3 url":
            return f"s3://{root}/t", {"storage_options": options}, there
        end = options["client_kwargs"]["endpoint_url"].removeprefix("http://")
        own = pyarrow.fs.S3FileSystem(
            access_key="id", secret_key="secret", endpoint_override=end, scheme="http", region="us-east-1"
        )
        return f"{root}/t", {"filesystem": own}, there
    memory = fsspec.filesystem("memory")
    memory.put(str(tmp_path / "t"), f"/{tmp_path.name}/t", recursive=True)
    if request.param == "fsspec url":
        return f"memory://{tmp_path.name}/t", {}, memory
    return f"/{tmp_path.name}/t", {"filesystem": memory}, memory


def test_every_format_from_everywhere(place: tuple[str, dict[str, Any], Any]) -> None:
    root, options, _ = place
    for end, scan in SCANS.items():
        for paths in (root, f"{root}/*/a.{end}", [f"{root}/k=2/a.{end}", f"{root}/k=1/a.{end}"]):
            source = scan(paths, **options)
            found = table(source).to_dict()
            assert (found["x"], found["s"]) == ([1, 2, None] * 2, ["a", None, "c"] * 2), (end, paths)
            if end in ("parquet", "arrow", "orc") and isinstance(paths, str):
                assert found["k"] == [1, 1, 1, 2, 2, 2]
        split = pickle.loads(pickle.dumps(source.splits(None, 1)[-1]))
        assert split.read(("s",)).length == (6 if end in ("parquet", "arrow", "orc") and split.rows == 6 else 3)
    with running():
        frame = gf.scan_parquet(root, **options)
        assert frame.filter(gf.col("k") == 2).select(gf.col("x").sum()).collect().item() == 3
    with pytest.raises(ReadError, match="no file or folder"):
        io.scan_parquet(f"{root}/nowhere", **options)
    with pytest.raises(ReadError, match="no file matches"):
        io.scan_parquet(f"{root}/*.parquet", **options)


def names(there: Any, folder: str) -> list[str]:
    """What is in a folder; on S3 pyarrow leaves an object without a name there, which stands for the folder."""
    found = there.find(there._strip_protocol(folder))
    return sorted(name for name in (path.rsplit("/", 1)[-1] for path in found) if name)


def test_writing_everywhere(place: tuple[str, dict[str, Any], Any]) -> None:
    root, options, there = place
    for write, scan, end in (
        (io.write_parquet, io.scan_parquet, "parquet"), (io.write_csv, io.scan_csv, "csv.gz"),
        (io.write_ipc, io.scan_ipc, "arrow"), (io.write_ndjson, io.scan_ndjson, "ndjson"),
    ):  # fmt: skip
        target = f"{root}/new/out.{end}"
        write(DATA, target, **options)
        write(DATA.slice(1), target, **options)
        assert table(scan(target, **options)).to_dict() == {"x": [2, None], "s": [None, "c"]}
        with pytest.raises(PlanError, match="exists"):
            write(DATA, target, overwrite=False, **options)
    assert names(there, f"{root}/new") == ["out.arrow", "out.csv.gz", "out.ndjson", "out.parquet"]


def test_a_failed_write_leaves_what_was_there(place: tuple[str, dict[str, Any], Any]) -> None:
    root, options, there = place
    source = table(io.from_arrow(DATA))
    io.write_parquet(source, f"{root}/n/a.parquet", **options)

    def chunks() -> Any:
        yield source.chunks[0]
        raise RuntimeError("lost")

    for name in ("a", "b"):
        with pytest.raises(RuntimeError, match="lost"):
            io.write_parquet(chunks(), f"{root}/n/{name}.parquet", schema=source.schema, **options)
    assert names(there, f"{root}/n") == ["a.parquet"]
    assert len(table(io.scan_parquet(f"{root}/n", **options))) == 3


def test_a_file_that_changed_after_the_scan(place: tuple[str, dict[str, Any], Any]) -> None:
    root, options, _ = place
    path = f"{root}/k=1/a.parquet"
    split = io.scan_parquet(path, **options).splits(None)[0]
    io.write_parquet(pa.table({"x": [5, 6, 7, 8], "s": ["q"] * 4}), path, **options)
    with pytest.raises(ReadError, match="has changed since it was scanned"):
        split.read(("x",))


def test_secrets_are_not_shown(s3: dict[str, Any]) -> None:
    io.write_parquet(DATA, "s3://bucket/shown/a.parquet", storage_options=s3)
    source = io.scan_parquet("s3://bucket/shown", storage_options=s3)
    shown = repr(source) + repr(source.files) + repr(source.splits(None)) + repr(source.options) + source.label + source.token
    assert "secret" not in shown


def test_what_another_process_writes_is_seen(s3: dict[str, Any]) -> None:
    """Listings are remembered by a file system; here another one, with its own memory, writes behind its back."""
    other = fsspec.filesystem("s3", **s3, skip_instance_cache=True)
    for k, expected in enumerate((1, 2, 3)):
        other.pipe(f"bucket/behind/{k}.csv", b"x\n1\n")
        for paths in ("s3://bucket/behind", "s3://bucket/behind/*.csv"):
            assert len(table(io.scan_csv(paths, storage_options=s3))) == expected
    other.pipe("bucket/behind/0.csv", b"x\n1\n2\n3\n")
    source = io.scan_csv("s3://bucket/behind/0.csv", storage_options=s3)
    assert len(table(source)) == 3
    other.pipe("bucket/behind/0.csv", b"x\n1\n2\n4\n")
    with pytest.raises(ReadError, match="has changed since it was scanned"):
        source.splits(None)[0].read(("x",))
    other.rm_file("bucket/behind/0.csv")
    with pytest.raises(ReadError, match=r"behind/0\.csv"):
        source.splits(None)[0].read(("x",))
    with pytest.raises(ReadError, match="no file or folder"):
        io.scan_csv("s3://bucket/behind/0.csv", storage_options=s3)
