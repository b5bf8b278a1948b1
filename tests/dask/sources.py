"""A table that is slow to read and tells who reads it, so that a test can strike in the middle of a query."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.dtypes import INT64
from gpuflow_kernels.ir.expressions import Row

from gpuflow.plan.source import Source, Split
from gpuflow.schema import Schema

SCHEMA = Schema({"k": INT64, "x": INT64})
ROWS = 400


class SlowSplit(Split):
    """Rows ``number * ROWS`` and on; reading takes `seconds`, and leaves a file named by the reader's process."""

    def __init__(self, number: int, folder: Path, seconds: float) -> None:
        self.number, self.folder, self.seconds = number, folder, seconds
        self.rows, self.nbytes = ROWS, 16 * ROWS

    def read(self, columns: tuple[str, ...]) -> Chunk:
        (self.folder / f"{os.getpid()}-{self.number}-{time.monotonic_ns()}").touch()
        time.sleep(self.seconds)
        x = np.arange(self.number * ROWS, (self.number + 1) * ROWS)
        made = {"k": x % 100, "x": x}
        return Chunk(tuple(Column(INT64, made[name]) for name in columns), ROWS)


class SlowSource(Source):
    """So many slow partitions."""

    def __init__(self, parts: int, folder: Path, seconds: float) -> None:
        self.schema, self.token, self.label = SCHEMA, f"slow-{folder}-{parts}", "slow"
        self._splits: list[Split] = [SlowSplit(n, folder, seconds) for n in range(parts)]

    def splits(self, predicate: Row | None, partition_rows: int | None = None) -> list[Split]:
        return list(self._splits)

    def rows(self) -> int:
        return ROWS * len(self._splits)


class FatalSplit(SlowSplit):
    """Ends the process that reads it."""

    def read(self, columns: tuple[str, ...]) -> Chunk:
        os._exit(3)


class FatalSource(SlowSource):
    """A table that no worker survives."""

    def __init__(self, folder: Path) -> None:
        super().__init__(1, folder, 0)
        self._splits = [FatalSplit(0, folder, 0)]
