"""Folders and files inside of archives, by URLs of fsspec."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gpuflow as gf
from gpuflow import col
from gpuflow.errors import ReadError


def archive(folder: Path, kind: str, first: int, entries: bool = False) -> Path:
    """An archive of two files, of folders that have entries of their own or not."""
    (folder / "d/k=1").mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"x": [first, 2]}), folder / "d/a.parquet")
    pq.write_table(pa.table({"x": [3]}), folder / "d/k=1/b.parquet")
    (folder / "d/_SUCCESS").touch()
    path = folder / f"{first}.{kind}"
    if kind == "tar":
        with tarfile.open(path, "w") as made:
            made.add(folder / "d", "d")
        return path
    with zipfile.ZipFile(path, "w") as made:
        for file in sorted(folder.rglob("d/**/*")):
            if entries or file.is_file():
                made.write(file, file.relative_to(folder))
    return path


@pytest.mark.parametrize("before", ["", "file://"])
@pytest.mark.parametrize(("kind", "entries"), [("zip", False), ("zip", True), ("tar", True)])
def test_a_folder_in_an_archive_is_read_as_any_other(tmp_path: Path, kind: str, entries: bool, before: str) -> None:
    path = f"{before}{archive(tmp_path, kind, 1, entries)}"
    for inner in ("d", "d/", "/d", ""):
        frame = gf.read_parquet(f"{kind}://{inner}::{path}", hive_partitioning=False)
        assert frame.to_dict() == {"x": [1, 2, 3]}, inner
    assert gf.read_parquet(f"{kind}://d/*.parquet::{path}").to_dict() == {"x": [1, 2]}
    assert gf.read_parquet(f"{kind}://d/a.parquet::{path}").to_dict() == {"x": [1, 2]}
    with pytest.raises(ReadError, match="no file or folder"):
        gf.scan_parquet(f"{kind}://e::{path}")


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_files_of_one_name_in_two_archives_are_told_apart(tmp_path: Path, kind: str) -> None:
    """Of the same size, and with other bounds in their footers, by which row groups are skipped."""
    for first in (1, 9):
        url = f"{kind}://d/a.parquet::{archive(tmp_path, kind, first)}"
        frame = gf.scan_parquet(url, include_file_paths="from")
        assert frame.collect().to_dict() == {"x": [first, 2], "from": [url, url]}
        assert frame.filter(col("x") == first).collect().to_dict()["x"] == [first]


def test_an_archive_that_is_written_again_is_read_again(tmp_path: Path) -> None:
    for first in (1, 9):
        path = archive(tmp_path, "zip", first).rename(tmp_path / "a.zip")
        assert gf.scan_parquet(f"zip://d/a.parquet::{path}").filter(col("x") == first).collect().to_dict() == {"x": [first]}
