"""The benchmark's answers agree between engines, its checks can fail, and its report is right."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from benchmarks import data
from benchmarks.answers import canonical, differences
from benchmarks.questions import QUESTIONS
from benchmarks.report import markdown, put_into, ratio
from benchmarks.runner import run

GROUPED = QUESTIONS["groupby-q1"]


@pytest.mark.slow
@pytest.mark.parametrize("task", ["groupby", "join"])
def test_engines_agree(task: str, tmp_path: Path) -> None:
    asked = [key for key in QUESTIONS if key.startswith(task)]
    report = run(100_000, ("gpuflow", "polars", "duckdb"), asked, repeat=2, data=tmp_path, say=lambda line: None)
    for key, entry in report["questions"].items():
        errors = {e: t["error"] for e, t in entry["engines"].items() if "error" in t}
        assert not errors, (key, errors)
        assert not entry["wrong"], (key, entry["wrong"])
        assert entry["rows"] > 0


def test_groupby_data() -> None:
    table = data.groupby_table(10_000, 10)
    assert table.equals(data.groupby_table(10_000, 10))
    assert not table.equals(data.groupby_table(10_000, 10, seed=1))
    assert table["id1"].chunk(0).dictionary.to_pylist()[:2] == ["id001", "id002"]
    assert table["id3"].chunk(0).dictionary[0].as_py() == "id0000000001"
    sizes = {name: len(table[name].unique()) for name in table.column_names}
    assert [sizes[k] for k in ("id1", "id3", "id4", "id6", "v1", "v2")] == [10, 1000, 10, 1000, 5, 15]


def test_join_data() -> None:
    tables = data.join_tables(50_000)
    x, medium, big = tables["x"], tables["medium"], tables["big"]
    assert (x.num_rows, tables["small"].num_rows, medium.num_rows, big.num_rows) == (50_000, 10, 50, 50_000)
    for table, key in ((x, "id3"), (medium, "id2"), (big, "id3")):
        assert len(table[key].unique()) == table.num_rows
    common = np.intersect1d(x["id3"].to_numpy(), big["id3"].to_numpy())
    assert len(common) == 45_000
    for number, text in (("id1", "id4"), ("id2", "id5"), ("id3", "id6")):
        assert big[text].cast(pa.string()).to_pylist()[:50] == [f"id{n}" for n in big[number].to_pylist()[:50]]


def test_files_round_trip(tmp_path: Path) -> None:
    path = data.tables_for("groupby", 1_000, tmp_path)["x"]
    written = path.stat().st_mtime_ns
    assert data.read(path).equals(data.groupby_table(1_000))
    assert data.tables_for("groupby", 1_000, tmp_path)["x"].stat().st_mtime_ns == written


def _answer(v1: list[float], ids: list[str]) -> dict[str, Any]:
    return canonical(pa.table({"id1": ids, "v1": v1}), GROUPED)


def test_row_order_and_layout_of_an_answer_do_not_matter() -> None:
    plain = pa.table({"v1": pa.array([1, 2], pa.int32()), "id1": ["id001", "id002"]})
    coded = pa.table({"id1": pa.array(["id002", "id001"]).dictionary_encode(), "v1": pa.array([2, 1], pa.int64())})
    assert differences(canonical(plain, GROUPED), canonical(coded, GROUPED), 1e-12) == []


@pytest.mark.parametrize(
    ("v1", "ids", "message"),
    [
        ([1.0, 2.0, 3.0], ["id1", "id2", "id3"], "3 rows against 2"),
        ([1.0, 2.1], ["id1", "id2"], "1 values differ"),
        ([1.0, float("nan")], ["id1", "id2"], "1 values differ"),
        ([1.0, 2.0], ["id1", "id4"], "column id1 differs"),
        ([1.0, None], ["id1", "id2"], "column v1"),
    ],
)
def test_a_wrong_answer_is_found(v1: list[Any], ids: list[str], message: str) -> None:
    found = differences(_answer(v1, ids), _answer([1.0, 2.0], ["id1", "id2"]), 1e-12)
    assert message in "; ".join(found)


def test_last_bits_of_float_sums_may_differ() -> None:
    assert differences(_answer([1.0 + 2e-16], ["id1"]), _answer([1.0], ["id1"]), 1e-12) == []


REPORT: dict[str, Any] = {
    "machine": {"processor": "P", "cores": 2, "memory_gib": 8, "python": "3.12"},
    "date": "2025-01-01",
    "rows": 1000,
    "threads": 2,
    "engines": {"gpuflow": {"version": "1"}, "polars": {"version": "2"}, "duckdb": {"version": "3"}},
    "questions": {
        "groupby-q1": {
            "text": "sum v1 by id1",
            "engines": {
                "gpuflow": {"first": 1.0, "median": 0.2, "times": [0.2] * 5},
                "polars": {"first": 1.0, "median": 0.4, "times": [0.4] * 5},
                "duckdb": {"first": 1.0, "median": 0.1, "times": [0.1, 0.1]},
            },
            "wrong": {},
        }
    },
}


def test_ratio_is_to_the_best_engine_that_is_right() -> None:
    entry = copy.deepcopy(REPORT["questions"]["groupby-q1"])
    assert ratio(entry) == pytest.approx(0.5)
    entry["wrong"]["duckdb"] = "against polars: column v1 differs"
    assert ratio(entry) == pytest.approx(2.0)
    entry["engines"]["gpuflow"] = {"error": "no"}
    assert ratio(entry) is None


def test_report_goes_between_its_marks(tmp_path: Path) -> None:
    text = markdown(REPORT, "make bench")
    assert "| groupby-q1 | sum v1 by id1 | 0.200 | 0.400 | 0.100 (n=2) | 1.00 | 0.50 |" in text
    document = tmp_path / "d.md"
    document.write_text("before\n<!-- db -->\nold\n<!-- end -->\nafter\n")
    put_into(document, "db", "new\n")
    assert document.read_text() == "before\n<!-- db -->\nnew\n<!-- end -->\nafter\n"
    with pytest.raises(ValueError, match="no mark"):
        put_into(document, "other", "new\n")
