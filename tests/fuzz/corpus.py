"""Parquet files of every form that pyarrow can write, small enough to be damaged thousands of times."""

from __future__ import annotations

import datetime
import decimal
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 60
COMPRESSIONS = ("none", "snappy", "gzip", "brotli", "zstd", "lz4")
PAGES = ("1.0", "2.0")


def _some_null(values: list[Any]) -> list[Any]:
    return [None if i % 7 == 3 else v for i, v in enumerate(values)]


def table(rows: int = ROWS) -> pa.Table:
    """Every type of column, some without nulls, some with, one with nothing but nulls."""
    n = list(range(rows))
    random = np.random.default_rng(1)
    day = datetime.date(1969, 12, 1)
    return pa.table({
        "i8": pa.array(_some_null([v % 100 - 50 for v in n]), pa.int8()),
        "i16": pa.array([v * 7 for v in n], pa.int16()),
        "i32": pa.array(_some_null([v * v for v in n]), pa.int32()),
        "i64": pa.array([v * 10**12 for v in n], pa.int64()),
        "u8": pa.array(n, pa.uint8()),
        "u32": pa.array([2**32 - 1 - v for v in n], pa.uint32()),
        "u64": pa.array(_some_null([2**64 - 1 - v for v in n]), pa.uint64()),
        "f32": pa.array(_some_null(random.standard_normal(rows).tolist()), pa.float32()),
        "f64": pa.array([float("nan") if v == 5 else -0.0 if v == 6 else v / 3 for v in n], pa.float64()),
        "b": pa.array(_some_null([v % 3 == 0 for v in n]), pa.bool_()),
        "s": pa.array(_some_null([f"text {v % 5} é" for v in n]), pa.string()),
        "own": pa.array([f"{v:x}" * (v % 4) for v in n], pa.large_string()),
        "d": pa.array([day + datetime.timedelta(v) for v in n], pa.date32()),
        "ms": pa.array(_some_null([v * 1000 for v in n]), pa.timestamp("ms")),
        "us": pa.array([v * 10**9 for v in n], pa.timestamp("us")),
        "none": pa.nulls(rows, pa.int64()),
    })  # fmt: skip


def nested(rows: int = ROWS) -> pa.Table:
    """Nested columns between plain ones."""
    lists = [[i, None, i + 1][: i % 4] for i in range(rows)]
    structs = [{"x": i, "y": [str(i)]} for i in range(rows)]
    return pa.table({"a": range(rows), "l": lists, "s": ["x", None, "y"] * (rows // 3), "st": structs, "z": [0.5] * rows})


def decimals(rows: int = ROWS) -> pa.Table:
    """Decimals in each of the forms that they are stored in."""
    values = _some_null([decimal.Decimal(v).scaleb(-2) for v in range(rows)])
    return pa.table({f"d{p}": pa.array(values, pa.decimal128(p, 2)) for p in (8, 15, 18)})


ENCODINGS: dict[str, tuple[tuple[str, ...], str]] = {
    "plain": (("i8", "i32", "i64", "u64", "f32", "f64", "b", "s", "own", "d", "us"), "PLAIN"),
    "delta binary packed": (("i8", "i16", "i32", "i64", "u32", "u64", "d", "ms"), "DELTA_BINARY_PACKED"),
    "delta length": (("s", "own"), "DELTA_LENGTH_BYTE_ARRAY"),
    "delta byte array": (("s", "own"), "DELTA_BYTE_ARRAY"),
    "byte stream split": (("f32", "f64", "i32", "i64", "u32"), "BYTE_STREAM_SPLIT"),
    "run lengths": (("b",), "RLE"),
}


def files(*, checksums: bool) -> dict[str, tuple[bytes, pa.Table]]:
    """Name -> content of a file, and the table that it holds."""
    base = table()
    cases: dict[str, tuple[pa.Table, dict[str, Any]]] = {}
    for compression in COMPRESSIONS:
        for page in PAGES:
            cases[f"{compression}, page {page}"] = (base, {"compression": compression, "data_page_version": page})
    for name, (columns, encoding) in ENCODINGS.items():
        for page in PAGES:
            options = {"use_dictionary": False, "column_encoding": dict.fromkeys(columns, encoding), "data_page_version": page}
            cases[f"{name}, page {page}"] = (base.select(list(columns)), {**options, "compression": "none"})
    cases |= {
        "no dictionary": (base, {"use_dictionary": False, "compression": "none"}),
        "dictionary that overflows": (base, {"dictionary_pagesize_limit": 64, "data_page_size": 64, "write_batch_size": 8}),
        "many pages": (base, {"data_page_size": 40, "write_batch_size": 5, "compression": "snappy"}),
        "page index": (base, {"write_page_index": True}),
        "no statistics": (base, {"write_statistics": False}),
        "int96": (base.select(["us", "i8"]), {"use_deprecated_int96_timestamps": True}),
        "format 1.0": (base.select(["i8", "u8", "us", "s"]), {"version": "1.0", "store_schema": False}),
        "one row per group": (base.slice(0, 12), {"row_group_size": 1}),
        "groups": (base, {"row_group_size": 17}),
        "nested": (nested(), {"row_group_size": 25}),
        "decimals": (decimals(), {}),
        "decimals as integers": (decimals(), {"store_decimal_as_integer": True}),
        "empty": (base.slice(0, 0), {}),
        "without columns": (pa.table({"x": range(5)}).select([]), {}),
    }  # fmt: skip
    return {
        name: (_written(data, {"write_page_checksum": checksums, **options}), data) for name, (data, options) in cases.items()
    } | {"a group without rows": (_empty_group(checksums), base)}


def _written(data: pa.Table, options: dict[str, Any]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(data, sink, **options)
    return sink.getvalue()


def _empty_group(checksums: bool) -> bytes:
    sink = io.BytesIO()
    data = table()
    with pq.ParquetWriter(sink, data.schema, write_page_checksum=checksums) as writer:
        for part in (data.slice(0, 20), data.slice(0, 0), data.slice(20)):
            writer.write_table(part)
    return sink.getvalue()


def _flip(content: bytearray, random: np.random.Generator, low: int, high: int, bits: int = 1) -> bytearray:
    for place in random.integers(low, high, bits):
        content[place] ^= 1 << int(random.integers(8))
    return content


def _overwrite(content: bytearray, random: np.random.Generator, low: int, high: int) -> bytearray:
    start = int(random.integers(low, high))
    length = min(int(random.integers(1, 40)), high - start)
    content[start : start + length] = b"\0" * length if random.integers(2) else random.bytes(length)
    return content


def _cut(content: bytearray, random: np.random.Generator, low: int, high: int) -> bytearray:
    start = int(random.integers(low, high))
    del content[start : start + int(random.integers(1, 200))]
    return content


def _doubled(content: bytearray, random: np.random.Generator, low: int, high: int) -> bytearray:
    start = int(random.integers(low, high))
    length = int(random.integers(1, 100))
    content[start:start] = content[start : start + length]
    return content


DAMAGES: tuple[Callable[..., bytearray], ...] = (
    _flip,
    lambda c, r, low, high: _flip(c, r, low, high, 5),
    _overwrite,
    _cut,
    _doubled,
)


def data_end(content: bytes) -> int:
    """Where the data of a file ends and its footer begins."""
    return len(content) - 8 - int.from_bytes(content[-8:-4], "little")


def damaged(content: bytes, seed: int, end: int | None = None) -> bytes:
    """The content with something wrong before `end`; the same for the same seed. With an `end` its length stays."""
    random = np.random.default_rng(seed)
    kinds = DAMAGES if end is None else DAMAGES[:3]
    kind = kinds[int(random.integers(len(kinds)))]
    return bytes(kind(bytearray(content), random, 0, len(content) if end is None else end))
