"""Tables of decimals, and DuckDB's answers to queries on them."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

import gpuflow as gf
from tests.support.running import difference

TYPES = {
    "a": pa.decimal128(15, 2),
    "b": pa.decimal128(9, 4),
    "c": pa.decimal128(4, 1),
    "i": pa.int32(),
    "n": pa.int64(),
    "f": pa.float64(),
    "k": pa.int64(),
    "t": pa.bool_(),
}


def table(rows: int = 90, nulls: bool = True, seed: int = 0) -> pa.Table:
    """Decimals of three types beside integers, floats, truth values and a key."""
    rng = random.Random(seed)

    def digits(precision: int, scale: int) -> list[Decimal]:
        edge = [0, 1, -1, 5, -5, 10**scale, 15 * 10**scale // 10, 25 * 10**scale // 10, -(25 * 10**scale // 10)]
        values = edge + [rng.choice((1, -1)) * rng.randrange(10 ** rng.randrange(1, precision + 1)) for _ in range(rows)]
        return [Decimal(v).scaleb(-scale) for v in values[:rows]]

    columns: dict[str, list[Any]] = {
        "a": digits(11, 2),
        "b": digits(9, 4),
        "c": digits(4, 1),
        "i": [rng.choice((0, 1, -7, 1000)) for _ in range(rows)],
        "n": [rng.choice((0, 3, -2, 10**9)) for _ in range(rows)],
        "f": [rng.choice((0.5, -1.25, 1e6, 0.07, 2.5)) for _ in range(rows)],
        "k": [rng.randrange(4) for _ in range(rows)],
        "t": [rng.random() < 0.5 for _ in range(rows)],
    }
    if nulls:
        columns = {name: [None if name != "k" and rng.random() < 0.15 else v for v in found] for name, found in columns.items()}
    return pa.table({name: pa.array(found, TYPES[name]) for name, found in columns.items()})


def duck(query: str, t: pa.Table) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return types and rows of DuckDB's answer to a query on `t`."""
    with duckdb.connect() as connection:
        connection.register("t", t)
        cursor = connection.execute(query)
        return [str(d[1]) for d in cursor.description], cursor.fetchall()


def type_name(dtype: gf.DType) -> str:
    names = {"float64": "DOUBLE", "float32": "FLOAT", "int64": "BIGINT", "int32": "INTEGER", "bool": "BOOLEAN"}
    return f"DECIMAL({dtype.precision},{dtype.scale})" if dtype.is_decimal else names[str(dtype)]


def equal(found: Any, expected: Any) -> bool:
    if isinstance(found, float) and isinstance(expected, float):
        return not difference([(found,)], [(expected,)])
    return found == expected and (found is None) == (expected is None)


def decimals(values: list[Any], precision: int, scale: int) -> gf.Frame:
    return gf.from_arrow(
        pa.table({"x": pa.array([None if v is None else Decimal(v) for v in values], pa.decimal128(precision, scale))})
    )
