"""Statistics that cannot be true, or that their writer is known to get wrong, skip no rows; others still do."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gpuflow_kernels import dtypes as t

import gpuflow as gf
from gpuflow import col
from gpuflow.errors import ReadError
from gpuflow.io.parquet import format as fmt
from gpuflow.io.parquet.writers import believed
from tests.support.footers import changed, written_by
from tests.support.running import running

BOUNDS = {fmt.MIN_VALUE: b"a", fmt.MAX_VALUE: b"b"}
TIME, TEXT, NUMBER = t.timestamp("us"), t.STRING, t.INT64
ARROW = "parquet-cpp-arrow version 26.0.1"
WRITERS: list[tuple[str, t.DType, int, bool, set[str]]] = [
    # writer, type, nulls among ten values, a dictionary array when written, what is believed
    (ARROW, NUMBER, 3, False, {"nulls", "bounds"}),
    (ARROW, TEXT, 3, True, {"nulls", "bounds"}),
    (ARROW, NUMBER, 10, False, {"bounds"}),
    (ARROW, NUMBER, 11, False, {"bounds"}),
    (ARROW, NUMBER, -1, False, {"bounds"}),
    ("parquet-cpp-arrow version 11.0.0", TEXT, 0, True, set()),
    ("parquet-cpp-arrow version 11.0.0", TEXT, 3, False, {"nulls", "bounds"}),
    ("Polars", NUMBER, 3, False, {"bounds"}),
    ("Polars", NUMBER, 0, False, {"nulls", "bounds"}),
    ("Polars (python) version 2.1.0 (build 7f902bd)", NUMBER, 3, False, {"nulls", "bounds"}),
    ("Arrow2 - Native Rust implementation of Arrow", TEXT, 0, False, {"bounds"}),
    ("Parquet.Net version 6.0.3 (build 1)", TIME, 3, False, {"nulls"}),
    ("Parquet.Net version 6.0.3 (build 1)", NUMBER, 3, False, {"nulls", "bounds"}),
    ("parquet-mr version 1.13.1", TIME, 3, False, {"nulls", "bounds"}),
    ("None", TEXT, 3, True, {"nulls", "bounds"}),
]


@pytest.mark.parametrize("case", WRITERS, ids=lambda case: f"{case[0][:24]}, {case[1]}, {case[2]}, {case[3]}")
def test_what_is_believed(case: tuple[str, t.DType, int, bool, set[str]]) -> None:
    writer, dtype, nulls, coded, right = case
    found = believed({fmt.NULL_COUNT: nulls} | BOUNDS, 10, dtype, writer, coded)
    assert found == ({fmt.NULL_COUNT: nulls} if "nulls" in right else {}) | (BOUNDS if "bounds" in right else {})


def test_nulls_of_all_values_are_believed_without_bounds() -> None:
    assert believed({fmt.NULL_COUNT: 10}, 10, NUMBER, ARROW, False) == {fmt.NULL_COUNT: 10}
    assert believed({fmt.NULL_COUNT: 10}, 10, NUMBER, "Polars", False) == {}


def rows(path: Path, condition: Any) -> list[Any]:
    with running():
        return gf.scan_parquet(path).filter(condition).select("x").collect().to_dict()["x"]


def test_bounds_of_times_that_are_off(tmp_path: Path) -> None:
    """As Parquet.Net writes them: four in the morning for noon."""
    noon, four = (dt.datetime(2021, 1, 1, hour) for hour in (12, 4))
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"x": pa.array([noon] * 5, pa.timestamp("ms"))}), path, use_dictionary=False)
    ticks = [(time - dt.datetime(1970, 1, 1)) // dt.timedelta(milliseconds=1) for time in (noon, four)]
    changed(path, (ticks[0].to_bytes(8, "little"), ticks[1].to_bytes(8, "little")))
    assert rows(path, col("x") == noon) == []  # which is why the writer matters
    changed(path, written_by("Parquet.Net version 4.25.0"))
    assert rows(path, col("x") == noon) == [noon] * 5


def test_nulls_of_dictionaries_that_are_not_counted(tmp_path: Path) -> None:
    """As Arrow wrote them before 5.0."""
    path, values = tmp_path / "a.parquet", ["a", None] * 77
    pq.write_table(pa.table({"x": pa.array(values).dictionary_encode()}), path)
    changed(path, (b"\x9a\x01", b"\x80\x00"))  # 77 and 0, in two bytes each
    assert pq.read_metadata(path).row_group(0).column(0).statistics.null_count == 0
    changed(path, written_by("parquet-cpp-arrow version 4.0.1"))
    assert rows(path, col("x").is_null()) == [None] * 77


def test_bounds_of_the_first_of_several_dictionaries(tmp_path: Path) -> None:
    """As Arrow wrote them before 12.0, here by hand."""
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"x": pa.array(["aa", "sean", "zzz"]).dictionary_encode()}), path)
    changed(path, (b"zzz", b"seb"), written_by("parquet-cpp-arrow version 10.0.1"))
    assert rows(path, col("x") == "zzz") == ["zzz"]


def test_nulls_multiplied_by_pages(tmp_path: Path) -> None:
    """As Polars wrote them: half of the values are null, on two pages."""
    path, values = tmp_path / "a.parquet", [None, "x"] * 77
    pq.write_table(pa.table({"x": values}), path)
    changed(path, (b"\x9a\x01", b"\xb4\x02"))  # 77 and 154
    assert rows(path, col("x").is_not_null()) == ["x"] * 77
    assert rows(path, col("x") == "x") == ["x"] * 77


def test_bounds_in_the_wrong_order(tmp_path: Path) -> None:
    """As old writers wrote them of unsigned numbers that they took for signed ones."""
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"x": pa.array([0, 2**63], pa.uint64())}), path, use_dictionary=False, store_schema=False)
    low, high = bytes(8), (2**63).to_bytes(8, "little")
    changed(path, (b"\x08" + low, b"\x08" + high), (b"\x08" + high, b"\x08" + low))
    stored = pq.read_metadata(path).row_group(0).column(0).statistics
    assert (stored.min, stored.max) == (2**63, 0)
    assert rows(path, col("x") == 0) == [0] and rows(path, col("x") > 5) == [2**63]


@pytest.mark.parametrize(("all_rows", "held"), [(154, None), (231, "231 rows in all, and 154 in its row groups"), (0, None)])
def test_row_groups_that_are_not_all_there(tmp_path: Path, all_rows: int, held: str | None) -> None:
    """Fewer rows than a footer says are lost ones; more are there, and some writers leave the total at 0."""
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"x": [7] * 154}), path, row_group_size=77, write_statistics=False)
    content = path.read_bytes()
    number = all_rows << 1  # zigzag, in two bytes
    changed(path, (b"\x16\xb4\x02", bytes([0x16, number & 127 | 128, number >> 7])))
    assert (path.read_bytes() == content) == (all_rows == 154)
    if held is None:
        with running():
            assert gf.scan_parquet(path).collect().to_dict()["x"] == [7] * 154
    else:
        with pytest.raises(ReadError, match=held):
            gf.scan_parquet(path)
