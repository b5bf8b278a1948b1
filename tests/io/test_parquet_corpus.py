"""Parquet files of every form that pyarrow writes read equal to pyarrow; damaged ones read right, or not at all."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gpuflow import io
from gpuflow.arrow.schema import arrow_type
from gpuflow.errors import DuplicateNameError, ReadError
from gpuflow.io.parquet import footers
from tests.fuzz import corpus
from tests.fuzz.files import outcome, readable, same
from tests.support.reading import table

FILES = corpus.files(checksums=True)
SMALL = ("plain, page 2.0", "delta byte array, page 1.0", "dictionary that overflows")
COPIES = 30


@pytest.mark.parametrize("name", FILES)
def test_reads_as_pyarrow_does(tmp_path: Path, name: str) -> None:
    content, _ = FILES[name]
    path = tmp_path / "a.parquet"
    path.write_bytes(content)
    expected = pq.read_table(path)
    source = io.scan_parquet(path)
    kept = [n for n in expected.column_names if n not in source.unsupported]
    assert set(source.unsupported) <= {"l", "st"} | {f"d{p}" for p in (8, 15, 18)}
    assert list(source.schema) == kept
    wanted = pa.table({n: expected[n].cast(arrow_type(source.schema[n])) for n in kept if source.schema[n].kind != "opaque"})
    for rows in (1, 7, 10_000):
        found = table(source, rows).to_arrow().select(wanted.column_names)
        assert found.num_rows == expected.num_rows or not kept
        assert same(found, wanted)
    assert source.rows() == expected.num_rows
    assert sum(split.rows or 0 for split in source.splits(None)) == expected.num_rows


@pytest.mark.parametrize("checksums", [True, False])
@pytest.mark.parametrize("name", SMALL)
def test_damaged_files(tmp_path: Path, name: str, checksums: bool) -> None:
    """A small part of `make fuzz-files`. Bits of pages are what checksums are over; the footer has none of its own."""
    content, _ = corpus.files(checksums=checksums)[name]
    path = tmp_path / "a.parquet"
    expected = readable(path, content)
    found = [
        outcome(path, corpus.damaged(content, seed, corpus.data_end(content) if seed % 2 else None), expected)
        for seed in range(COPIES)
    ]
    allowed = {"error", "right"} if checksums else {"error", "right", "wrong"}
    assert set(found) <= allowed, found
    assert found.count("error") > COPIES // 2


def test_a_damage_is_the_same_for_the_same_seed() -> None:
    content, _ = FILES[SMALL[0]]
    assert corpus.damaged(content, 3) == corpus.damaged(content, 3) != content


def test_a_damaged_footer_does_not_end_the_process(tmp_path: Path) -> None:
    """pyarrow's own access to column chunks and their statistics does, through a C++ exception that nobody catches."""
    content, _ = corpus.files(checksums=False)["plain, page 1.0"]
    end, path = corpus.data_end(content), tmp_path / "a.parquet"
    outcomes = set()
    for place in range(end, len(content) - 8, 37):
        changed = bytearray(content)
        changed[place] ^= 1 << (place % 8)
        path.write_bytes(changed)
        try:
            source = io.scan_parquet(path)
            for name in source.schema:
                source.statistics(name)
            table(source)
            outcomes.add("read")
        except (ReadError, DuplicateNameError):
            outcomes.add("error")
        footers._cache.clear()
    assert outcomes == {"read", "error"}
