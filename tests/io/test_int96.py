"""Timestamps that Parquet keeps as INT96: whole, whatever their range, or an error that names the value."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gpuflow_kernels import dtypes as t

import gpuflow as gf
from gpuflow import col, io
from gpuflow.arrow import passthrough, stored_times
from gpuflow.arrow.row_value_error import RowValueError
from gpuflow.arrow.schema import dtype_of
from gpuflow.errors import ReadError, TypeMismatchError
from tests.support.reading import table

NEVER, FIRST, NOW = dt.datetime(9999, 12, 31), dt.datetime(1, 1, 1), dt.datetime(2020, 1, 1, 0, 0, 0, 123456)
VALUES = [NEVER, None, FIRST, NOW, dt.datetime(1969, 12, 31, 23, 59, 59, 999999)]
US, NS = pa.timestamp("us"), pa.timestamp("ns")
FORMS: dict[str, dict[str, Any]] = {
    "as Spark writes it": {"store_schema": False},
    "of Arrow": {},
    "plain": {"use_dictionary": False},
    "pages of version 2": {"data_page_version": "2.0", "compression": "zstd"},
    "several row groups": {"row_group_size": 2},
}


def write(path: Path, values: Any, kind: pa.DataType, **options: Any) -> Path:
    data = values if isinstance(values, pa.Array) else pa.array(values, kind)
    pq.write_table(pa.table({"t": data}), path, use_deprecated_int96_timestamps=True, **options)
    return path


@pytest.mark.parametrize("form", FORMS)
def test_times_of_all_years(tmp_path: Path, form: str) -> None:
    path = write(tmp_path / "a.parquet", VALUES, US, **FORMS[form])
    frame = gf.scan_parquet(path)
    assert dict(frame.schema) == {"t": t.timestamp("us")}
    assert frame.collect().to_dict()["t"] == VALUES
    assert pq.read_table(path, coerce_int96_timestamp_unit="us")["t"].to_pylist() == VALUES
    assert frame.filter(col("t") == NEVER).collect().to_dict()["t"] == [NEVER]


def test_nanoseconds_are_kept_where_the_writer_noted_them(tmp_path: Path) -> None:
    ends = pa.array([-(2**63), 2**63 - 1, -1, 0, 1_577_836_800_000_000_123, None], NS)
    source = io.scan_parquet(write(tmp_path / "a.parquet", ends, NS))
    assert dict(source.schema) == {"t": t.timestamp("ns")}
    assert table(source).to_arrow()["t"].cast(pa.int64()).to_pylist() == ends.cast(pa.int64()).to_pylist()


def test_nanoseconds_without_a_note_are_not_cut(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", [0, 1_577_836_800_000_000_123], NS, store_schema=False, row_group_size=1)
    with pytest.raises(
        ReadError, match=r"row group 1, column 't': row 0 is 2020-01-01 00:00:00\.000000123.*int96_unit='ns'"
    ) as e:
        table(io.scan_parquet(path))
    assert (e.value.row_group, e.value.column) == (1, "t")
    kept = table(io.scan_parquet(path, int96_unit="ns")).to_arrow()["t"]
    assert kept.cast(pa.int64()).to_pylist() == [0, 1_577_836_800_000_000_123]


def test_what_a_unit_does_not_hold_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", [NOW, NEVER], US)
    with pytest.raises(ReadError, match=r"row 1 is 9999-12-31 .* beyond timestamp\[ns\]; pass int96_unit='us'"):
        table(io.scan_parquet(path, int96_unit="ns"))
    with pytest.raises(ReadError, match=r"row 0 is 2020-01-01 .* more digits than timestamp\[s\]"):
        table(io.scan_parquet(path, int96_unit="s"))
    with pytest.raises(TypeMismatchError, match="int96_unit='day' is not one of 's', 'ms', 'us', 'ns'"):
        io.scan_parquet(path, int96_unit="day")


@pytest.mark.parametrize("noted", [True, False])
def test_inside_of_lists_structs_and_maps(tmp_path: Path, noted: bool) -> None:
    kinds = {
        "l": pa.list_(US),
        "s": pa.struct([("a", US), ("b", pa.list_(US)), ("c", pa.int64())]),
        "m": pa.map_(pa.string(), US),
    }
    rows = {
        "l": [[NEVER, None], None, [], [FIRST]],
        "s": [{"a": NEVER, "b": [NOW], "c": 1}, None, {"a": None, "b": None, "c": 2}, {"a": FIRST, "b": [], "c": None}],
        "m": [[("x", NEVER)], None, [], [("y", None), ("z", FIRST)]],
    }
    data = pa.table({name: pa.array(rows[name], kind) for name, kind in kinds.items()})
    path = tmp_path / "a.parquet"
    pq.write_table(data, path, use_deprecated_int96_timestamps=True, store_schema=noted)
    assert gf.scan_parquet(path).collect().to_arrow().to_pydict() == rows
    assert gf.scan_parquet(path).filter(col("l").is_not_null()).select("s").collect().to_dict()["s"] == [
        rows["s"][k] for k in (0, 2, 3)
    ]
    with pytest.raises(ReadError, match="a value inside is 9999-12-31"):
        gf.scan_parquet(path, int96_unit="ns").collect()


def test_zones_that_the_writer_noted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", [v and v.replace(tzinfo=dt.UTC) for v in VALUES], pa.timestamp("us", "Asia/Tokyo"))
    source = io.scan_parquet(path)
    assert dict(source.schema) == {"t": t.timestamp("us", "Asia/Tokyo")}
    assert table(source).to_arrow()["t"].cast(US).to_pylist() == VALUES


def test_beside_files_that_store_whole_numbers(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", VALUES, US)
    pq.write_table(pa.table({"t": pa.array(VALUES, US)}), tmp_path / "b.parquet")
    assert gf.scan_parquet(tmp_path).collect().to_dict()["t"] == VALUES * 2


def twelve(instants: Sequence[int | None], shift: int = 0) -> pa.Array:
    """Nanoseconds since 1970 as INT96, `shift` days of each in the nanoseconds of its day."""
    day = 86_400 * 10**9
    made = [
        None if ns is None else (ns % day + shift * day).to_bytes(8, "little", signed=True)
        + (ns // day - shift + 2_440_588).to_bytes(4, "little", signed=True)
        for ns in instants
    ]  # fmt: skip
    return pa.array(made, stored_times.INT96)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("shift", [0, 3, -3])
def test_up_to_the_last_tick_of_64_bits(unit: str, shift: int) -> None:
    """Against Python's integers, at every edge; no other reader is right at all of them."""
    step = 10**9 // t.UNITS[unit]
    day, least, most = 86_400 * 10**9, -(2**63), 2**63 - 1
    farthest = (2**31 - 1 - 2_440_588 - 4) * day
    edges = [least, least + 1, least + day // step, most, most - 1, most - day // step, 0, -1, 1]
    within = [v for v in edges if abs(v * step) <= farthest]
    instants = [None, *(v * step for v in within)]
    data = twelve(instants, shift).slice(1)
    found = stored_times.times(pa.chunked_array([data[:2], data[2:]]), pa.timestamp(unit))
    assert found.cast(pa.int64()).to_pylist() == within
    for beyond in (least - 1, most + 1):
        if abs(beyond * step) <= farthest:
            with pytest.raises(RowValueError, match=r"row 2 is .* beyond"):
                stored_times.times(pa.chunked_array([twelve([0, None]), twelve([beyond * step])]), pa.timestamp(unit))
    if unit != "ns":
        with pytest.raises(RowValueError, match=r"row 0 is .* more digits"):
            stored_times.times(pa.chunked_array([twelve([1])]), pa.timestamp(unit))
    under_null = pa.Array.from_buffers(stored_times.INT96, 1, [pa.py_buffer(b"\0"), pa.py_buffer(b"\xff" * 12)])
    assert stored_times.times(pa.chunked_array([under_null]), pa.timestamp(unit)).to_pylist() == [None]


@pytest.mark.parametrize(
    ("unit", "instant", "way_out"),
    [
        ("s", 123_456_000, "int96_unit='ns'"),
        ("s", 250_000_000_000_123_456_000, "int96_unit='us'"),
        ("us", 10**22 + 10**6, "int96_unit='ms'"),
        ("us", 10**22 + 10**3, "no int96_unit holds it: read the other columns"),
    ],
)
def test_the_way_out_is_one(unit: str, instant: int, way_out: str) -> None:
    """The finest unit that holds the value, which is never the one that does not."""
    with pytest.raises(RowValueError, match=f"row 0 is .*; (pass )?{way_out}"):
        stored_times.times(pa.chunked_array([twelve([instant])]), pa.timestamp(unit))


def test_other_columns_of_twelve_bytes_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    data = pa.table({"b": pa.array([b"x" * 12, None], pa.binary(12)), "t": pa.array([NEVER, FIRST], US)})
    pq.write_table(data, path, use_deprecated_int96_timestamps=True)
    found = gf.scan_parquet(path).collect()
    assert found.to_dict() == {"b": [b"x" * 12, None], "t": [NEVER, FIRST]}
    assert passthrough.fields_of(stored_times.INT96) == [] and dtype_of(stored_times.INT96) == t.BINARY
    assert np.dtype("V12").itemsize == stored_times.INT96.byte_width
