"""The lazy table: what it shows, how it asks for results, and that it is a Dask collection."""

from __future__ import annotations

import pickle

import dask
import numpy as np
import pytest
from dask.base import is_dask_collection, tokenize
from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.dtypes import FLOAT64, INT64

import gpuflow as gf
from gpuflow import col
from gpuflow.frame.preview import preview

from .tables import airlines, flights, frame


def chunk(*values):
    return Chunk((Column(INT64, np.array(values, dtype="int64")),), len(values))


class Execution:
    """Stands for `gpuflow.execute`: two partitions, and a note of what was asked."""

    def __init__(self):
        self.asked = []

    def collect(self, plan):
        self.asked.append(("collect", plan))
        return [chunk(1, 2), chunk(3)]

    def persist(self, plan):
        self.asked.append(("persist", plan))
        return frame("kept", {"x": INT64}).plan.source

    def graph(self, plan):
        self.asked.append(("graph", plan))
        return {"part-0": (chunk, 1, 2), "part-1": (chunk, 3)}, ["part-0", "part-1"]

    def situation(self):
        return "settings"

    def source_of(self, schema, keys, parts):
        self.asked.append(("source_of", {key: parts[key] for key in keys}))
        return frame("rebuilt", dict(schema)).plan.source

    def explain_physical(self, plan):
        return "pipelines"

    def explain_kernel(self, plan):
        return "def kernel"


@pytest.fixture
def execution(monkeypatch):
    fake = Execution()
    monkeypatch.setattr(gf, "execute", fake, raising=False)
    monkeypatch.setitem(__import__("sys").modules, "gpuflow.execute", fake)
    return fake


def test_schema_and_text():
    f = airlines()
    assert f.columns == ["carrier", "name", "founded"]
    assert [str(d) for d in f.dtypes] == ["string", "string", "int32"]
    assert f.width == 3
    assert repr(f) == "Frame of 3 columns, not computed\n  carrier: string\n  name: string\n  founded: int32"
    assert repr(f.group_by("name")) == "GroupBy(name); .agg(...) makes a Frame"


def test_repr_never_raises(monkeypatch):
    f = airlines()
    assert "carrier" in f._repr_html_()  # its source cannot be read

    class Broken:
        @property
        def schema(self):
            raise RuntimeError("broken")

    f._plan = Broken()
    assert repr(f) == "Frame, not computed (RuntimeError)"
    assert f._repr_html_() is None


def test_methods_give_new_frames():
    f = airlines()
    g = f.filter(col("founded") > 1990)
    assert f.explain("logical") == "SCAN airlines [carrier, name, founded]"
    assert g is not f
    assert f.pipe(lambda x, n: x.head(n), 3).explain("logical").startswith("LIMIT 3")


def test_collect_gives_a_table(execution):
    table = frame("t", {"x": INT64}).collect()
    assert isinstance(table, gf.Table)
    assert table.to_pylist() == [{"x": 1}, {"x": 2}, {"x": 3}]


def test_persist_gives_a_frame(execution):
    f = frame("t", {"x": INT64}).persist()
    assert f.explain("logical") == "SCAN kept [x]"


def test_explain_stages(execution):
    f = airlines().filter(col("founded") > 1)
    assert f.explain("physical") == "pipelines"
    assert f.explain("kernel") == "def kernel"
    assert f.explain() == f.explain("optimized")
    assert "WHERE MAYBE" in f.explain()
    assert "WHERE MAYBE" not in f.explain("logical")


def test_dask_collection(execution):
    f = frame("t", {"x": INT64})
    assert is_dask_collection(f)
    assert is_dask_collection(f)
    assert [what for what, _ in execution.asked] == ["graph"], "the graph is made once"
    (table,) = dask.compute(f)
    assert table.to_pylist() == [{"x": 1}, {"x": 2}, {"x": 3}]
    (table,) = dask.compute(f, scheduler="synchronous")
    assert len(table) == 3


def test_dask_persist(execution):
    (kept,) = dask.persist(frame("t", {"x": INT64}))
    assert isinstance(kept, gf.Frame)
    what, parts = execution.asked[-1]
    assert (what, list(parts)) == ("source_of", ["part-0", "part-1"])
    assert [len(p) for p in parts.values()] == [2, 1]


def test_dask_token_is_of_the_content():
    make = lambda n: flights().filter(col("small") > n)  # noqa: E731
    assert tokenize(make(1)) == tokenize(make(1))
    assert tokenize(make(1)) != tokenize(make(2))


def test_preview_only_for_a_prefix_of_one_piece():
    f = flights()
    assert preview(f.filter(col("small") > 1).select("small").head(3).plan, 10) is not None
    assert preview(f.sort("small").plan, 10) is None
    assert preview(f.group_by("small").agg(gf.len()).plan, 10) is None
    assert preview(f.join(airlines(), on="carrier").plan, 10) is None
    assert f.sort("small").preview() is None


def test_preview_reads_one_piece():
    f = gf.from_numpy({"x": np.arange(200_000)})
    plan = preview(f.select(y=col("x") + 1).plan, 5)
    source = plan.input.input.source if hasattr(plan.input, "input") else plan.input.source
    assert len(source.splits(None)) == 1
    assert source.rows() < 200_000


def test_reading_functions_give_frames():
    f = gf.from_numpy({"x": np.arange(3), "y": np.ones(3)})
    assert isinstance(f, gf.Frame)
    assert dict(f.schema) == {"x": INT64, "y": FLOAT64}
    assert gf.scan_parquet.__doc__ is not None
    assert gf.scan_parquet.__annotations__["return"] == "Frame"


def test_pickles_as_its_plan(execution):
    f = gf.from_numpy({"x": np.arange(3)}).filter(col("x") > 1).select(total=col("x").sum() * 2)
    f.__dask_graph__()
    again = pickle.loads(pickle.dumps(f))
    assert again.explain() == f.explain()
    assert "_graph" not in vars(again)
    assert again.select(col("total") + 1).schema["total"] == INT64
