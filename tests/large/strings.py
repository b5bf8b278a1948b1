"""More than 2^31 bytes of strings that all differ: 2.2 GB, 5 GB of memory, some minutes. Run by ``make test-large``."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import gpuflow as gf
from gpuflow import col
from tests.support.running import running

ROWS, WIDTH = 2_200, 1_000_000


@pytest.fixture(scope="module")
def strings() -> pa.LargeStringArray:
    """Each begins with its number and goes on with NUL."""
    data = np.zeros(ROWS * WIDTH, np.uint8)
    for digit in range(4):
        data[np.arange(ROWS) * WIDTH + digit] = 48 + np.arange(ROWS) // 10 ** (3 - digit) % 10
    offsets = np.arange(ROWS + 1, dtype=np.int64) * WIDTH
    return pa.LargeStringArray.from_buffers(ROWS, pa.py_buffer(offsets), pa.py_buffer(data))


def test_a_plain_column_of_more_than_2_to_the_31_bytes(strings: pa.LargeStringArray) -> None:
    query = gf.from_arrow(pa.table({"s": strings, "n": np.arange(ROWS)}))
    last = strings[ROWS - 1].as_py()
    with running("cpu", parts=4, rows=ROWS):
        assert query.select(col("s").str.len_bytes().sum()).collect().item() == ROWS * WIDTH > 2**31
        assert query.filter(col("s") == last).select("n").collect().to_dict() == {"n": [ROWS - 1]}
        found = query.filter(col("s").str.starts_with("21")).collect()
    assert found.to_dict()["n"] == list(range(2100, ROWS))
    assert found.to_arrow()["s"].combine_chunks().slice(99)[0].as_py() == last
