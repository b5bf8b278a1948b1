"""Parquet columns decoded by kernels: the same as pyarrow's, of all rows or of some, from every form of page."""

from __future__ import annotations

import random
from contextlib import nullcontext
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from gpuflow_kernels.primitives.cpu.bytes_of import SLACK
from gpuflow_kernels.primitives.cpu.compiled import compiled
from gpuflow_kernels.primitives.cpu.parquet import headers, pages
from gpuflow_kernels.primitives.cpu.parquet.snappy import snappy

from gpuflow import io
from gpuflow.arrow import convert
from gpuflow.arrow.schema import arrow_type
from gpuflow.errors import ReadError
from gpuflow.frame.frame import Table
from gpuflow.io.parquet import decode
from gpuflow.plan.source import RowSelector
from gpuflow.schema import Schema
from tests.fuzz import corpus
from tests.fuzz.files import own_decoder, same

ROWS = 5_000
FILES = corpus.files(checksums=True)


class Rows(RowSelector):
    """Asks for rows by their numbers."""

    def __init__(self, column: str, rows: np.ndarray[Any, Any]) -> None:
        self.columns, self._rows = (column,), rows

    def rows(self, chunk: Any) -> Any:
        return self._rows


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """Which columns were read, and whether by kernels."""
    seen: dict[str, bool] = {}
    read = decode.read

    def spy(*arguments: Any) -> Any:
        found = read(*arguments)
        seen[arguments[-2]] = found is not None
        return found

    monkeypatch.setattr(decode, "read", spy)
    return seen


@cache
def table(nulls: float, distinct: int, seed: int) -> pa.Table:
    """Columns of every type that kernels decode, with runs and without. Made once: all ways of writing begin with the same."""
    r = np.random.default_rng(seed)
    codes = np.sort(r.integers(0, distinct, ROWS)) if seed % 2 else r.integers(0, distinct, ROWS)
    numbers = codes * 977 - 5_000
    made: dict[str, pa.Array] = {"id": pa.array(np.arange(ROWS))}
    for kind in (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()):
        made[str(kind)] = pa.array(numbers.astype(kind.to_pandas_dtype()))
    made["float32"] = pa.array((numbers / 7).astype(np.float32))
    made["float64"] = pa.array(np.where(codes % 5 == 0, np.nan, np.where(codes % 7 == 0, -0.0, numbers / 3)))
    made["date"] = pa.array(numbers.astype(np.int32)).cast(pa.date32())
    for unit in ("ms", "us", "ns"):
        made[unit] = pa.array(numbers * 10**6, pa.timestamp(unit))
    made["zoned"] = pa.array(numbers * 10**6, pa.timestamp("us", "Europe/Berlin"))
    for digits in (7, 15, 18):
        made[f"decimal{digits}"] = pa.array([Decimal(int(n) % 99_999).scaleb(-2) for n in numbers], pa.decimal128(digits, 2))
    made["string"] = pa.array(["é" * (c % 9) + f"text {c}" if c % 11 else "" for c in codes.tolist()])
    made["binary"] = pa.array([bytes([c % 256, 0, 255]) * (c % 3) for c in codes.tolist()], pa.binary())
    columns = pa.table(made)
    if nulls:
        absent = pa.array(r.random(ROWS) < nulls)
        for k, field in enumerate(columns.schema):
            if field.name != "id":
                columns = columns.set_column(k, field, pc.if_else(absent, pa.scalar(None, field.type), columns[field.name]))
    return columns


SHAPES = [(nulls, distinct) for nulls in (0.0, 0.1, 0.999, 1.0) for distinct in (1, 2, 300, 5_000)]


@pytest.mark.parametrize("compression", ["none", *(pytest.param(c, marks=pytest.mark.slow) for c in ("snappy", "gzip", "zstd"))])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("dictionary", [True, False, "overflows"])
def test_all_rows_and_some(
    tmp_path: Path, decoded: dict[str, bool], compression: str, version: str, dictionary: bool | str
) -> None:
    for number, (nulls, distinct) in enumerate(SHAPES):
        path = tmp_path / f"{number}.parquet"
        data = table(nulls, distinct, number)
        required = pa.schema([f.with_nullable(bool(nulls)) for f in data.schema])
        pq.write_table(
            data.cast(required),
            path,
            compression=compression,
            data_page_version=version,
            use_dictionary=bool(dictionary),
            dictionary_pagesize_limit=200 if dictionary == "overflows" else 1 << 20,
            data_page_size=2_000,
            write_batch_size=100,
            row_group_size=[ROWS, 1_700][number % 2],
            store_decimal_as_integer=True,
            write_page_checksum=number % 3 == 0,
        )
        expected = pq.read_table(path)
        source = io.scan_parquet(path)
        (split,) = source.splits(None)
        names = tuple(source.schema)
        wanted = pa.table({n: expected[n].cast(arrow_type(source.schema[n])) for n in names})
        decoded.clear()
        with own_decoder():
            assert same(Table(source.schema, [split.read(names)]).to_arrow(), wanted)
            assert all(decoded[name] for name in names), decoded
            for rows in ([], [0], [ROWS - 1], range(0, ROWS, 3), sorted(random.Random(number).sample(range(ROWS), 40))):
                asked = np.array(rows, np.int64)
                found = Table(source.schema, [split.read_some(names, Rows("id", asked))]).to_arrow()
                assert same(found, wanted.take(pa.array(asked)))


@pytest.mark.parametrize("name", FILES)
def test_the_corpus(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(FILES[name][0])
    source = io.scan_parquet(path)
    names = tuple(source.schema)
    for split in source.splits(None):
        alone = Table(source.schema, [split.read(names)]).to_arrow()
        with own_decoder():
            assert same(Table(source.schema, [split.read(names)]).to_arrow(), alone)


def test_a_column_of_many_strings_from_few_entries(tmp_path: Path) -> None:
    """A dictionary that overflows late: what its entries give is longer than the file."""
    texts = ["x" * 1_000] * 4_000 + [f"{i}" * 40 for i in range(900)]
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"s": texts}), path, dictionary_pagesize_limit=4_000, write_batch_size=100, data_page_size=2_000)
    source = io.scan_parquet(path)
    with own_decoder():
        (split,) = source.splits(None)
        assert Table(source.schema, [split.read(("s",))]).to_arrow()["s"].to_pylist() == texts


@pytest.mark.parametrize("dictionary", [True, False])
def test_a_decimal_beyond_its_type_is_told_by_row_group(tmp_path: Path, dictionary: bool) -> None:
    """Kernels leave it to the reader that tells."""
    path = tmp_path / "a.parquet"
    kind, numbers = pa.decimal128(3, 0), np.array([[1, 0], [2, 0], [3, 0], [1000, 0]], np.int64)
    array = pa.Array.from_buffers(kind, 4, [None, pa.py_buffer(numbers)])
    pq.write_table(pa.table({"d": array}), path, row_group_size=2, use_dictionary=dictionary, store_decimal_as_integer=True)
    source = io.scan_parquet(path)
    with own_decoder(), pytest.raises(ReadError, match=r"row group 1, column 'd'.*row 1 has more digits"):
        source.splits(None)[0].read(("d",))


def test_strings_that_are_not_utf8_are_an_error(tmp_path: Path) -> None:
    for dictionary in (True, False):
        path = tmp_path / "a.parquet"
        pq.write_table(pa.table({"s": ["abcd", "efgh"]}), path, use_dictionary=dictionary, compression="none")
        path.write_bytes(path.read_bytes().replace(b"efgh", b"ef\xff\xfe"))
        source = io.scan_parquet(path)
        with own_decoder(), pytest.raises(ReadError, match="column 's'"):
            source.splits(None)[0].read(("s",))


# -- the kernels, uncompiled: Python tells an index beyond an array -----------------------------------------------------
def blocks(count: int) -> list[bytes]:
    """Things that compress in all ways: runs, repeats near and far, nothing at all."""
    r = random.Random(7)
    found = [b"", b"a", b"ab" * 40, bytes(300), r.randbytes(200)]
    for _ in range(count):
        parts = [r.randbytes(r.randrange(1, 90)) for _ in range(4)]
        found.append(
            b"".join(r.choice([*parts, b"\0" * r.randrange(80), b"xyz" * r.randrange(9)]) for _ in range(r.randrange(20)))
        )
    found.append(r.randbytes(70_000) + r.randbytes(10) * 900)
    return found


def test_snappy_as_another_decoder() -> None:
    codec = pa.Codec("snappy")
    for block in blocks(200):
        packed = np.frombuffer(b"??" + codec.compress(block, asbytes=True) + bytes(SLACK), np.uint8).copy()
        for room in (0, 1, 100):
            out = np.full(3 + len(block) + room, 7, np.uint8)
            assert compiled(snappy)(packed, 2, len(packed) - SLACK, out, 3, len(block)) == 0
            assert out[3 : 3 + len(block)].tobytes() == block
            assert out[:3].tolist() == [7, 7, 7]


def test_damaged_snappy_stays_within_its_arrays() -> None:
    codec, r = pa.Codec("snappy"), random.Random(3)
    refused = 0
    with np.errstate(all="ignore"):
        for block in blocks(60)[:-1] * 3:
            packed = bytearray(codec.compress(block, asbytes=True))
            for _ in range(r.randrange(1, 4)):
                packed[r.randrange(len(packed))] ^= 1 << r.randrange(8)
            out = np.zeros(len(block), np.uint8)
            refused += snappy(np.frombuffer(packed + bytes(SLACK), np.uint8), 0, len(packed), out, 0, len(block)) < 0
    assert refused > 20


def test_damaged_pages_stay_within_their_arrays(tmp_path: Path) -> None:
    r = random.Random(5)
    path = tmp_path / "a.parquet"
    values = [None if i % 7 == 3 else i % 11 for i in range(120)]
    answers = set()
    for version, dictionary in (("1.0", True), ("2.0", True), ("1.0", False)):
        pq.write_table(
            pa.table({"x": values}),
            path,
            compression="none",
            data_page_version=version,
            use_dictionary=dictionary,
            data_page_size=50,
        )
        chunk = pq.read_metadata(path).row_group(0).column(0)
        start = chunk.dictionary_page_offset or chunk.data_page_offset
        content = path.read_bytes()[start : start + chunk.total_compressed_size]
        for _ in range(150):
            damaged = bytearray(content)
            for _ in range(r.randrange(1, 4)):
                damaged[r.randrange(len(damaged))] ^= 1 << r.randrange(8)
            data = np.frombuffer(damaged + bytes(SLACK), np.uint8)
            table, firsts = np.full((8, headers.FIELDS), headers.ABSENT, np.int64), np.zeros(2, np.int64)
            sums = np.zeros((1, headers.SUMS), np.int64)
            with np.errstate(all="ignore"):
                bounds = np.array([0, len(damaged)])
                found = headers.headers(data, bounds, table, firsts, sums)
                if found < 0 or sums[0, headers.ROWS] != len(values):
                    answers.add("header" if found < 0 else "counts")
                    continue
                for every in (1, 0):
                    wanted = np.arange(0, len(values), 5)
                    out = np.zeros(len(values) if every else len(wanted), np.int64)
                    spare = np.zeros(int(sums[0, headers.MOST]), np.int64)
                    valid, spare_valid = out.astype(bool), spare.astype(bool)
                    room = np.zeros(0, np.uint8)
                    ended = pages.column(
                        *(data, table, firsts, 0, np.array([True])),
                        *(8, -(1 << 63), (1 << 63) - 1, np.zeros(11, np.int64), -1),
                        *(every, wanted, np.zeros(1, np.int64)),
                        *(out, valid, room, room, spare, spare_valid),
                    )
                    answers.add("refused" if ended < 0 else "read")
    assert answers == {"header", "counts", "refused", "read"}


def test_a_page_of_another_type_than_its_header(tmp_path: Path) -> None:
    """A page that calls itself one of an index, which readers skip, with the header of one of data: its values are not read."""
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"x": [7, 7, None]}), path, compression="none", use_dictionary=False)
    content = bytearray(path.read_bytes())
    start = pq.read_metadata(path).row_group(0).column(0).data_page_offset
    assert content[start : start + 2] == b"\x15\x00"  # field 1: a page of data
    content[start + 1] = 2  # of an index
    path.write_bytes(content)
    for decoder in (nullcontext, own_decoder):
        with decoder(), pytest.raises(ReadError, match="3 values were expected, it holds 0"):
            io.scan_parquet(path).splits(None)[0].read(("x",))


def test_few_rows_are_left_to_pyarrow(tmp_path: Path, decoded: dict[str, bool]) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"x": range(10)}), path)
    source = io.scan_parquet(path)
    assert source.splits(None)[0].read(("x",)).columns[0].values.tolist() == list(range(10))
    assert decoded == {}


def test_a_table_of_one_schema(tmp_path: Path, decoded: dict[str, bool]) -> None:
    """Files that store a column more narrowly, or lack it: only what has the type of the table is decoded by kernels."""
    pq.write_table(pa.table({"x": pa.array([1, 2], pa.int32()), "y": [1.0, 2.0]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"x": pa.array([3, 2**40])}), tmp_path / "b.parquet")
    source = io.scan_parquet(tmp_path, schema=Schema({"x": convert.t.INT64, "y": convert.t.FLOAT64}), missing_columns="insert")
    names = ("x", "y")
    with own_decoder():
        found = Table(source.schema, [split.read(names) for split in source.splits(None)]).to_arrow()
    assert found.to_pydict() == {"x": [1, 2, 3, 2**40], "y": [1.0, 2.0, None, None]}
