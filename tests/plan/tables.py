"""Sources without files, for tests of planning: a schema, a row count, and rows for the interpreter."""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.column import Chunk
from gpuflow_kernels.dtypes import BOOL, DATE, FLOAT32, FLOAT64, INT8, INT32, INT64, STRING, UINT64, DType, timestamp
from gpuflow_kernels.ir.expressions import Row

from gpuflow.frame.frame import Frame
from gpuflow.plan.source import ColumnStatistics, Source, Split
from gpuflow.schema import Schema


class NoSplit(Split):
    """A partition that must not be read."""

    def __init__(self, rows: int | None) -> None:
        self.rows, self.nbytes = rows, None

    def read(self, columns: tuple[str, ...]) -> Chunk:
        raise AssertionError("planning must not read")


class FakeSource(Source):
    """A table that is only known by its schema, and perhaps by Python rows."""

    def __init__(self, name: str, fields: dict[str, DType], count: int | None = None, data: Any = None) -> None:
        self.schema, self.label, self.token = Schema(fields), name, f"fake:{name}"
        self.count, self.data = count, data

    def splits(self, predicate: Row | None, partition_rows: int | None = None) -> list[Split]:
        return [NoSplit(self.count)]

    def rows(self) -> int | None:
        return self.count

    def statistics(self, column: str) -> ColumnStatistics:
        return ColumnStatistics()


def frame(name: str, fields: dict[str, DType], count: int | None = None, data: Any = None) -> Frame:
    return Frame.scan(FakeSource(name, fields, count, data))


FLIGHTS = {
    "carrier": STRING,
    "dep_delay": INT32,
    "arr_delay": INT64,
    "distance": FLOAT64,
    "speed": FLOAT32,
    "day": DATE,
    "time": timestamp("us"),
    "late": BOOL,
    "small": INT8,
    "big": UINT64,
}


def flights(count: int | None = 1000) -> Frame:
    return frame("flights", FLIGHTS, count)


def airlines(count: int | None = 16) -> Frame:
    return frame("airlines", {"carrier": STRING, "name": STRING, "founded": INT32}, count)


def facts(rows: int = 100) -> Frame:
    """Numbers, and a key that `other` has too."""
    return frame("facts", {"k": INT32, "x": INT32, "y": INT64, "z": FLOAT64}, rows)


def other(rows: int = 10) -> Frame:
    """A small table to join `facts` with, by `k`."""
    return frame("other", {"k": INT32, "w": INT32}, rows)
