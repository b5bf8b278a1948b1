"""Threads that read at once, and the objects that they share."""

from __future__ import annotations

import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gpuflow import io
from tests.fuzz import shared_codecs
from tests.fuzz.files import own_decoder


class OwnedCodec:
    """Arrow's codec, which only the thread that made it may use."""

    def __init__(self, name: str) -> None:
        self._codec, self._owner = _CODEC(name), threading.get_ident()

    def decompress(self, *arguments: Any) -> Any:
        assert threading.get_ident() == self._owner, "a codec of another thread"
        return self._codec.decompress(*arguments)


_CODEC = pa.Codec


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_no_two_threads_use_one_codec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compression: str) -> None:
    path = tmp_path / "a.parquet"
    values = np.arange(40_000) % 251
    pq.write_table(pa.table({"x": values}), path, compression=compression, row_group_size=10_000, use_dictionary=False)
    monkeypatch.setattr(pa, "Codec", OwnedCodec)
    splits = io.scan_parquet(path).splits(None, 10_000)
    with own_decoder(), ThreadPoolExecutor(4) as pool:
        turn = threading.Barrier(len(splits))

        def read(split: Any) -> Any:
            turn.wait()
            return split.read(("x",)).columns[0].values

        assert len(splits) == 4
        assert np.array_equal(np.concatenate(list(pool.map(read, splits))), values)


@pytest.mark.slow
def test_compressed_files_are_read_alike_by_all_threads() -> None:
    """A small part of `python -m tests.fuzz.shared_codecs`, in a process of its own: a shared codec ended it."""
    assert shared_codecs.process(240_000, shared_codecs.COMPRESSIONS, reads=2) == ""


def test_files_of_one_archive_are_read_by_several_threads(tmp_path: Path) -> None:
    """All files of a tar are read through one handle, whose place threads moved under each other."""
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for k in range(8):
            pq.write_table(pa.table({"x": np.arange(20_000) + k}), tmp_path / f"{k}.parquet")
            archive.add(tmp_path / f"{k}.parquet", f"d/{k}.parquet")
    source = io.scan_parquet("d", filesystem=fsspec.filesystem("tar", fo=str(tmp_path / "a.tar")))
    expected = [(tmp_path / f"{k}.parquet").read_bytes() for k in range(8)]

    def whole(k: int) -> bool:
        opened = source.files[k % 8].open()
        return b"".join(iter(lambda: opened.read(997), b"")) == expected[k % 8]

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(whole, range(40)))
