"""Names of files are taken as given, read and written, wherever they are; only what does not exist may be a pattern."""

from __future__ import annotations

import gzip
import os
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.fs
import pytest

from gpuflow import io
from gpuflow.errors import PlanError, ReadError, TypeMismatchError, WriteError
from tests.support.reading import table

DATA = pa.table({"x": [1, 2, None], "k": ["a", "b", "a"]})
FORMATS = {
    "parquet": (io.write_parquet, io.scan_parquet),
    "csv": (io.write_csv, io.scan_csv),
    "csv.gz": (io.write_csv, io.scan_csv),
    "arrow": (io.write_ipc, io.scan_ipc),
    "ndjson": (io.write_ndjson, io.scan_ndjson),
}
NAMES = (
    "q?x", "q*x", "q[1]x", "q[x", "q]x", "q[!a]x", "q{1,2}x", "q#x", "q%20x", "q%x", "q x", " q", "~x", "q~", "q&a=1", "qé漢x",
    "q:x", "C:q", "q;x", "q,x", "q+x", "q@x", "q\\x", "q**x", "**", "q'x", 'q"x', "!x", "-x", "$HOME", "q$x", "q|x", "q<x>",
)  # fmt: skip
FAR = ("q?x", "q*x", "q[1]x", "q#x", "q%20x", "q +x")
DECOYS = ("q1x", "qax", "qx", "q2x", "q_x", "q!x")
"""What the patterns among the names would match."""


@pytest.fixture(params=["local", "file url", "memory", "given", "pyarrow", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """A folder, how it is reached, and what lists the names of all files in it."""

    def below(system: Any, root: str) -> Any:
        return lambda: sorted(p[len(root) :].lstrip("/") for p in system.find(root) if not p.endswith("/"))

    here = fsspec.filesystem("file")
    if request.param in ("local", "file url"):
        yield ("file://" if request.param == "file url" else "") + str(tmp_path), {}, below(here, str(tmp_path))
    elif request.param == "memory":
        system = fsspec.filesystem("memory")
        yield f"memory://{tmp_path.name}", {}, below(system, f"/{tmp_path.name}")
        system.rm(f"/{tmp_path.name}", recursive=True)
    elif request.param == "given":
        yield "", {"filesystem": fsspec.filesystem("dir", path=str(tmp_path))}, below(here, str(tmp_path))
    elif request.param == "pyarrow":
        given = pyarrow.fs.SubTreeFileSystem(str(tmp_path), pyarrow.fs.LocalFileSystem())
        yield "", {"filesystem": given}, below(here, str(tmp_path))
    else:
        options = request.getfixturevalue("s3")
        root = f"bucket/{tmp_path.name}"
        yield f"s3://{root}", {"storage_options": options}, below(fsspec.filesystem("s3", **options), root)


def at(root: str, *names: str) -> str:
    return "/".join([*([root] if root else []), *names])


def test_every_name_is_itself(place: tuple[str, dict[str, Any], Any], request: pytest.FixtureRequest) -> None:
    root, options, files = place
    far = "s3" in request.node.name
    for decoy in DECOYS[: 2 if far else None]:
        io.write_parquet(pa.table({"y": [0]}), at(root, f"{decoy}.parquet"), **options)
    before = files()
    for end in ("parquet",) if far else FORMATS:
        write, scan = FORMATS[end]
        for name in FAR if far else NAMES if end == "parquet" else NAMES[:4]:
            if ":" in name and "pyarrow" in request.node.name:  # which takes it for a URL
                continue
            folder = f"d{end[-2:]}{name}"
            path = at(root, folder, f"{name}.{end}")
            write(DATA, path, **options)
            write(DATA.slice(1), path, **options)
            with pytest.raises(PlanError, match="exists"):
                write(DATA, path, overwrite=False, **options)
            assert [f for f in files() if f not in before] == [f"{folder}/{name}.{end}"], (name, end)
            before = files()
            scans = [path, [path], at(root, folder), at(root, folder, f"*.{end}")]
            for paths in scans[:1] if far else scans:
                source = scan(paths, **options)
                assert table(source).to_dict() == {"x": [2, None], "k": ["b", "a"]}, (paths, end)
                assert source.files[0].path.endswith(f"{name}.{end}")
            split = pickle.loads(pickle.dumps(source.splits(None)[0]))
            assert split.read(("x",)).length == 2
            with pytest.raises(ReadError, match=r"no file|cannot read"):
                scan(at(root, f"{name}-none.{end}"), **options)


def test_a_pattern_is_one_only_where_nothing_has_its_name(place: tuple[str, dict[str, Any], Any]) -> None:
    root, options, _ = place
    for name in ("a1", "a2"):
        io.write_csv(DATA, at(root, "t", f"{name}.csv"), **options)
    assert len(table(io.scan_csv(at(root, "t", "a[12].csv"), **options))) == 6
    with pytest.raises(ReadError, match=r"no file or folder .*a\[12\]"):
        io.scan_csv(at(root, "t", "a[12].csv"), glob=False, **options)
    with pytest.raises(ReadError, match="no file or folder"):
        io.scan_ipc(at(root, "t", "*.csv"), glob=False, **options)
    io.write_csv(DATA, at(root, "t", "a[12].csv"), **options)
    assert len(table(io.scan_csv(at(root, "t", "a[12].csv"), **options))) == 3
    assert len(table(io.scan_csv(at(root, "t", "a*.csv"), **options))) == 9
    # a folder in a pattern that exists is itself, and the next one may be a pattern
    for name in ("t[1]/k=1", "t[1]/k=2", "t1/k=3"):
        io.write_parquet(DATA.select(["x"]), at(root, name, "a.parquet"), **options)
    found = table(io.scan_parquet(at(root, "t[1]", "*", "a.parquet"), **options)).to_dict()
    assert found["k"] == [1] * 3 + [2] * 3


@pytest.mark.parametrize("name", [*NAMES[:10], *NAMES[-4:]])
def test_partitioned_folders(tmp_path: Path, name: str) -> None:
    (tmp_path / "q1x").mkdir()
    data = pa.table({"x": [1, 2, 3], name: [name, "b/c", None]})
    folder = tmp_path / name
    for _ in range(2):
        io.write_parquet(data, folder, partition_by=name)
    assert sorted(os.listdir(tmp_path)) == sorted([name, "q1x"])
    source = io.scan_parquet(folder)
    found = table(source).to_dict()
    assert dict(zip(found["x"], found[name], strict=True)) == {1: name, 2: "b/c", 3: None}
    assert io.scan_parquet(folder, include_file_paths="path").files[0].keys[-1][1] == source.files[0].path


def test_a_tilde_is_home_unless_a_file_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path)
    io.write_csv(DATA, "~/a.csv")
    assert (tmp_path / "home" / "a.csv").exists()
    assert len(table(io.scan_csv("~/a.csv"))) == len(table(io.scan_csv(Path("~/a.csv")))) == 3
    assert len(table(io.scan_csv("~"))) == 3
    (tmp_path / "~").mkdir()
    io.write_csv(DATA.slice(2), tmp_path / "~" / "a.csv")
    assert len(table(io.scan_csv("~/a.csv"))) == 1


def test_names_of_other_systems_and_slashes_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("C:\\data\\a.csv", "C://data/a.csv", "x:/y://z.csv", "ab:/c.csv"):
        io.write_csv(DATA, name)
        assert len(table(io.scan_csv(name))) == 3
    for path in (Path("s3://bucket/a.csv"), Path("file:///tmp/a.csv"), Path("memory://a.csv")):
        for use in (lambda path: io.scan_csv(path), lambda path: io.write_csv(DATA, path)):
            with pytest.raises(TypeMismatchError, match=r"the URL of a .* file is a string, not .*one of its slashes"):
                use(path)
    io.write_csv(DATA, "local://" + str(tmp_path / "l.csv"))
    assert len(table(io.scan_csv(f"local://{tmp_path}/l.csv"))) == len(table(io.scan_csv(f"{tmp_path}//l.csv"))) == 3
    io.write_csv(DATA, "t/a.csv")
    assert len(table(io.scan_csv("t/"))) == len(table(io.scan_csv("./t//"))) == 3
    io.write_csv(DATA, "u/", partition_by="k")
    assert len(table(io.scan_csv("u/"))) == 3
    for target in ("new/", "memory://new/", "memory://new/b/"):
        with pytest.raises(PlanError, match="ends like a folder"):
            io.write_csv(DATA, target)
    with pytest.raises(ReadError, match="no file or folder"):
        io.scan_csv("t/a.csv/")


def test_colons_and_chains() -> None:
    memory = fsspec.filesystem("memory")
    try:
        io.write_csv(DATA, "memory://chain/q::x.csv")
        assert len(table(io.scan_csv("memory://chain/q::x.csv"))) == 3
        io.write_csv(DATA, "memory://chain/a.csv")
        assert len(table(io.scan_csv("simplecache::memory://chain/a.csv"))) == 3
        with memory.open("/chain/x.zip", "wb") as raw, zipfile.ZipFile(raw, "w") as packed:
            packed.writestr("in/a.csv", "x\n1\n")
            packed.writestr("in/b.csv.gz", gzip.compress(b"x\n1\n"))
        for path in ("in/a.csv", "in/*.csv", "in/b.csv.gz"):
            url = f"zip://{path}::memory://chain/x.zip"
            source = pickle.loads(pickle.dumps(io.scan_csv(url).splits(None)[0]))
            assert source.read(("x",)).length == 1
    finally:
        memory.rm("/chain", recursive=True)
        memory.store.pop("chain/q::x.csv", None)


def test_names_that_are_no_text(tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(str(tmp_path)) + b"/\xff.csv")
    Path(name).write_text("x\n1\n")
    for path in (name, f"{tmp_path}/a\0.csv"):
        for use in (lambda path: io.scan_csv(path), lambda path: io.write_csv(DATA, path)):
            with pytest.raises(OSError, match=r"cannot (read|write) .*: |no file or folder") as caught:
                use(path)
            assert isinstance(caught.value, (ReadError, WriteError))
