"""String functions that are evaluated by row: what an earlier pipeline computes for them, and what the tasks carry."""

from __future__ import annotations

import pickle

import pytest
from gpuflow_kernels.dtypes import INT64, STRING
from gpuflow_kernels.ir.expressions import Ref

import gpuflow as gf
from gpuflow import col, when
from gpuflow.execute.explain import row_text
from gpuflow.execute.graph import Graph
from gpuflow.physical.planner import Planner
from gpuflow.physical.profile import Profile
from gpuflow.physical.strings import split_by_row
from gpuflow.physical.tasks import Options, PipelineTask

from .tables import frame

COLUMNS = {"s": Ref(0, STRING), "x": Ref(1, INT64)}


def rows(*expressions):
    projected = frame("words", {"s": STRING, "x": INT64}, 100).select(**{f"c{k}": e for k, e in enumerate(expressions)})
    return tuple(row for _, row in projected.plan.columns)


CASES = {
    "no string functions": ((col("x") % 3,), None),
    "by entry": ((col("s").str.head(1),), None),
    "of columns": ((gf.concat_str([col("s"), col("s").str.head(1)]), col("s").str.head(col("x"))), None),
    "of what is computed": ((col("s").str.head(col("x") % 3) == "a",), ["mod(cx, 3)"]),
    "of the same twice": ((col("s").str.head(col("x") % 3), col("s").str.tail(col("x") % 3)), ["mod(cx, 3)"]),
    "under a condition": (
        (when(col("x") > 0).then(col("s").str.head(col("x") * 2)).otherwise(col("s")),),
        ["when(gt(cx, 0), mul(cx, 2), None)"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_an_earlier_pipeline_computes(name):
    expressions, expected = CASES[name]
    split = split_by_row(rows(*expressions), COLUMNS, 2)
    assert (split and [row_text(row) for _, row in split.earlier]) == expected
    if split:
        done = COLUMNS | {name: Ref(2 + k, row.dtype) for k, (name, row) in enumerate(split.earlier)}
        assert split_by_row(split.rows, done, len(done)) is None, "a second time changes nothing"


def test_computed_columns_end_the_pipeline():
    columns = COLUMNS | {"x": rows(col("x") + 1)[0]}
    assert split_by_row(rows(col("s").str.head(1), col("x")), columns, 2) is None
    split = split_by_row(rows(col("s").str.head(col("x"))), columns, 2)
    assert split is not None and split.earlier == ()


def test_tasks_carry_the_plan_and_helpers_stay_inside():
    graph = Graph(1, local=True)
    query = frame("words", {"s": STRING, "x": INT64}, 100).filter(col("s").str.head(col("x") % 3) == "a").sort("s")
    planner = Planner(graph, Options("python", 1), None, Profile())
    stream = planner.emit(planner.lower(query.optimized))
    assert [name for name, _ in stream.output] == ["s", "x"]
    first, second = (task for task, _, _ in graph.order if isinstance(task, PipelineTask))
    assert [dtype for _, dtype in zip(second.columns, second.pipeline.inputs, strict=True)] == [STRING, INT64, INT64]
    assert [row_text(call) for call, _ in second.strings.by_row] == ["head(c0, c2)"]
    copy = pickle.loads(pickle.dumps(second))
    assert copy.strings == second.strings and copy == second
    assert not first.strings.by_row
