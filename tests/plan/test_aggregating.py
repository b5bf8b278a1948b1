"""Expressions of aggregations: taken apart, computed once, and refused where they make no sense."""

from __future__ import annotations

import pytest
from gpuflow_kernels.declare.aggregate import AGGREGATIONS
from gpuflow_kernels.dtypes import FLOAT64, INT64

import gpuflow as gf
from gpuflow import col, lit
from gpuflow.errors import DuplicateNameError, PlanError, TypeMismatchError, UnsupportedError
from gpuflow.plan.nodes import Aggregate, Project

from .tables import flights


def logical(frame):
    return [line.strip() for line in frame.explain("logical").splitlines()]


def test_plain_aggregations_need_no_projection():
    plan = flights().group_by("carrier").agg(n=gf.len(), late=col("dep_delay").mean()).plan
    assert isinstance(plan, Aggregate)
    assert plan.schema.names == ("carrier", "n", "late")
    assert [a.aggregation.name for _, a in plan.aggs] == ["len", "mean"]


def test_expressions_are_split_and_common_parts_shared():
    frame = (
        flights()
        .group_by("carrier")
        .agg(total=(col("dep_delay").sum() / gf.len()) * 2, n=gf.len(), sum=col("dep_delay").sum(), again=col("dep_delay").sum())
    )
    plan = frame.plan
    assert isinstance(plan, Project)
    assert isinstance(plan.input, Aggregate)
    assert [a.aggregation.name for _, a in plan.input.aggs] == ["sum", "len"]
    assert plan.schema.names == ("carrier", "total", "n", "sum", "again")


def test_hidden_names_do_not_collide():
    frame = flights().group_by(_agg0="carrier").agg(_agg1=gf.len() + 1)
    assert frame.columns == ["_agg0", "_agg1"]
    assert len(frame.plan.input.schema) == 2


def test_keys_beside_aggregations():
    frame = flights().group_by("small").agg(x=col("arr_delay").max() - col("small"))
    assert logical(frame)[0] == "PROJECT small, x=_agg0 - small.cast(int64)"


def test_several_columns_at_once():
    frame = flights().group_by("carrier").agg(col("dep_delay", "arr_delay").max(), gf.len())
    assert frame.columns == ["carrier", "dep_delay", "arr_delay", "len"]


def test_expressions_as_keys_and_arguments():
    frame = flights().group_by(hour=col("time").dt.hour()).agg(x=(col("distance") * 2).sum())
    assert logical(frame)[0] == "AGGREGATE x=sum(distance * 2.0) BY hour=time.hour()"


def test_select_of_aggregations_is_one_row():
    frame = flights().select(col("distance").sum(), lit(3).alias("three"), n=gf.len())
    assert frame.columns == ["distance", "three", "n"]
    assert isinstance(frame.plan.input, Aggregate)
    assert frame.plan.input.keys == ()


def test_var_with_another_ddof():
    frame = flights().select(v=col("distance").var(ddof=0), s=col("distance").std(ddof=2))
    assert set(frame.dtypes) == {FLOAT64}
    assert logical(frame)[0] == "AGGREGATE v=var(distance, 0), s=std(distance, 2)"
    assert flights().select(col("distance").var(ddof=0)).columns == ["distance"]


def test_maintain_order_sorts_by_the_first_position():
    frame = flights().group_by("carrier", maintain_order=True).agg(n=gf.len())
    assert logical(frame)[:3] == [
        "PROJECT carrier, n",
        "SORT BY _position",
        "AGGREGATE n=len(), _position=first_position() BY carrier",
    ]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda f: f.group_by("carrier").agg("small"), PlanError, "many values in a group"),
        (lambda f: f.group_by("carrier").agg(x=col("small").sum() + col("small")), PlanError, "aggregate it"),
        (lambda f: f.group_by("carrier").agg(carrier=gf.len()), DuplicateNameError, "like a key"),
        (lambda f: f.group_by("carrier").agg(col("small").sum(), col("small").max()), DuplicateNameError, "'small'.*alias"),
        (lambda f: f.group_by("carrier").agg(x=col("small").sum().max()), PlanError, "aggregation of an aggregation"),
        (lambda f: f.group_by().agg(gf.len()), PlanError, "needs a key"),
        (lambda f: f.group_by("nobody"), KeyError, "no column 'nobody'"),
        (lambda f: f.group_by(col("small").sum()), PlanError, "is an aggregation"),
        (lambda f: f.group_by("small").agg(x=col("carrier").mean()), TypeMismatchError, r"mean\(\) does not accept string"),
        (lambda f: f.select(col("small").sum(), "carrier"), PlanError, "aggregate both"),
        (lambda f: f.filter(col("small").sum() > 3), PlanError, r"group_by\(...\).agg"),
        (lambda f: f.with_columns(x=col("small").sum()), PlanError, "is an aggregation"),
        (lambda f: f.sort(col("small").sum()), PlanError, "is an aggregation"),
    ],
)
def test_errors(make, error, message):
    with pytest.raises(error, match=message):
        make(flights())


@pytest.fixture
def declared():
    """Names declared by a test are taken out again."""
    before = set(AGGREGATIONS)
    yield
    for name in set(AGGREGATIONS) - before:
        del AGGREGATIONS[name]


def test_declared_aggregation_is_a_method_and_a_function(declared):
    @gf.aggregation(dtype=gf.rules.always(FLOAT64), slots=(gf.Slot(FLOAT64, 0.0, "add"), gf.Slot(INT64, 0, "add")))
    class log_mean:
        def lift(x):
            return log(x), 1

        def finalize(total, count):
            return exp(total / count)

    by_handle = flights().group_by("carrier").agg(x=log_mean(col("distance")))
    by_method = flights().group_by("carrier").agg(x=col("distance").log_mean())
    assert by_handle.explain() == by_method.explain()
    assert by_handle.schema["x"] == FLOAT64


def test_aggregation_without_slots_is_refused(declared):
    @gf.aggregation(dtype=gf.rules.always(FLOAT64))
    class middle:
        pass

    with pytest.raises(UnsupportedError, match=r"'middle' has no slots.*declare slots"):
        flights().select(middle(col("distance")))
