"""Lists, structs and maps as JSON lines: what is written, against Python's reader, and what is read again."""

from __future__ import annotations

import datetime
import decimal
import json
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

import gpuflow as gf
from gpuflow.errors import UnsupportedError
from gpuflow.frame.frame import Table
from tests.support.running import running

AT = datetime.datetime(2020, 2, 29, 10, 0, 0, 5)
FLAGS = pa.list_(pa.struct([("b", pa.bool_()), ("f", pa.float64())]))
TIMES = pa.struct([("d", pa.date32()), ("t", pa.timestamp("us"))])
NESTED: dict[str, pa.Array] = {
    "lists": pa.array([[1, None, 3], None, [], [None], [2**62]]),
    "lists of text": pa.array([['a"b,]', "é\n", ""], None, [], [None], ["null"]]),
    "lists of lists": pa.array([[[1], [], None], None, [], [None, [2, 3]], [[]]]),
    "large": pa.array([["a"], None, [], [None], ["b", "c"]], pa.large_list(pa.large_string())),
    "fixed": pa.array([[1, 2], None, [3, None], [4, 5], None], pa.list_(pa.int16(), 2)),
    "views": pa.array([["a"], None, [], ["b", "c"], []], pa.list_view(pa.string_view())),
    "nothing but empty": pa.array([[], None, [], [], []], pa.list_(pa.int64())),
    "structs": pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": None}, {"a": 2, "b": '"'}, {"a": 3, "b": ""}]),
    "no fields": pa.array([{}, None, {}, {}, {}], pa.struct([])),
    "structs of lists": pa.array([{"a": [{"b": [1]}]}, None, {"a": None}, {"a": []}, {"a": [None, {"b": None}]}]),
    "names": pa.array([{'é "': 1}, None, {'é "': 2}, {'é "': None}, None]),
    "bools and floats": pa.array([[(True, 1.0)], None, [], [(None, float("nan"))], [(False, -2.5)]], FLAGS),
    "map": pa.array([[("k", 1)], None, [], [("l", None), ("m", 2)], []], pa.map_(pa.string(), pa.int64())),
    "times": pa.array([(AT.date(), AT), None, (None, AT), (AT.date(), None), None], TIMES),
    "decimals": pa.array([[decimal.Decimal("1.50")], None, [], [None], []], pa.list_(pa.decimal128(9, 2))),
}
OTHERWISE: dict[str, list[Any]] = {
    "bools and floats": [[{"b": True, "f": 1.0}], None, [], [{"b": None, "f": None}], [{"b": False, "f": -2.5}]],
    "map": [[{"key": "k", "value": 1}], None, [], [{"key": "l", "value": None}, {"key": "m", "value": 2}], []],
    "times": [
        {"d": "2020-02-29", "t": "2020-02-29 10:00:00.000005"},
        None,
        {"d": None, "t": "2020-02-29 10:00:00.000005"},
        {"d": "2020-02-29", "t": None},
        None,
    ],
    "decimals": [[1.5], None, [], [None], []],
}
"""What JSON makes of values that it has no form for."""


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("name", NESTED)
def test_nested_columns_are_written_as_json(tmp_path: Path, name: str, parts: int) -> None:
    data, path = pa.table({"i": range(5), "n": NESTED[name]}), tmp_path / "a.ndjson"
    with running(parts=parts, rows=5):
        gf.from_arrow(data).filter(gf.col("i") != 4).collect().write_ndjson(path)
        expected = OTHERWISE.get(name, data["n"].to_pylist())[:4]
        assert [json.loads(line) for line in path.read_text("utf8").splitlines()] == [
            {"i": i, "n": value} for i, value in enumerate(expected)
        ]
        assert pl.read_ndjson(path)["n"].to_list() == expected or name in ("no fields", "nothing but empty")
        if name != "times":  # of which scan_ndjson makes points in time
            assert gf.scan_ndjson(path).collect().to_dict()["n"] == expected


def test_nested_columns_in_parts(tmp_path: Path) -> None:
    data = pa.table({"k": [1, 2, 1, 2, 1], "n": NESTED["structs of lists"]})
    with running():
        gf.from_arrow(data).collect().write_ndjson(tmp_path / "t", partition_by="k")
        found = gf.scan_ndjson(tmp_path / "t").sort("k").collect()
    values = data["n"].to_pylist()  # files in which all are null, or empty, have another type
    assert found.to_dict() == {"n": values[::2] + values[1::2], "k": [1, 1, 1, 2, 2]}


@pytest.mark.parametrize(
    "kind",
    [pa.list_(pa.binary()), pa.struct([("a", pa.list_(pa.month_day_nano_interval()))]), pa.struct([("a", pa.int8())] * 2)],
    ids=str,
)
def test_nested_columns_without_text(tmp_path: Path, kind: pa.DataType) -> None:
    for write in (Table.write_ndjson, Table.write_csv):
        with running(), pytest.raises(UnsupportedError, match=r"column 'n' is .*has no text for"):
            write(gf.from_arrow(pa.table({"n": pa.nulls(2, kind)})).collect(), tmp_path / "a")
