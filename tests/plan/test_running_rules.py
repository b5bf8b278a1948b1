"""How rules are run: some left out, each one checked, plans kept small; and what they ask of expressions."""

from __future__ import annotations

import pytest

import gpuflow as gf
from gpuflow import col, lit
from gpuflow.errors import PlanError
from gpuflow.optimize import RULES, optimize, verify
from gpuflow.plan.nodes import Limit, Project
from gpuflow.plan.printing import tree
from gpuflow.plan.typed_rows import may_raise

from .tables import airlines, facts, flights, other

BY_NAME = {rule.__name__: rule for rule in RULES}


@pytest.mark.parametrize("disabled", sorted(BY_NAME))
def test_each_rule_can_be_left_out(disabled):
    query = (
        flights()
        .filter(col("dep_delay") > lit(2) * 3)
        .join(airlines(), on="carrier")
        .group_by("name")
        .agg(n=gf.len(), u=col("day").n_unique())
        .sort("n")
        .head(3)
    )
    plan = optimize(query.plan, [disabled])
    assert plan.schema == query.schema


def test_unknown_rule_names_near_ones():
    with pytest.raises(PlanError, match="'push_filter', which is no rule; did you mean 'push_filters'"):
        optimize(flights().plan, ["push_filter"])


def test_configuration_leaves_rules_out():
    import dask

    query = facts().sort("x").head(3)
    assert "TOP 3" in query.explain()
    with dask.config.set({"gpuflow.optimize.disable": ["top_k"]}):
        assert "SORT" in facts().sort("x").head(3).explain()


def test_a_broken_rule_is_named():
    plan = facts().filter(col("x") > 1).plan
    with pytest.raises(PlanError, match="'lose_columns' changed the columns"):
        verify("lose_columns", plan, facts().select("x").plan)
    wrong = Project(other().plan, facts().select("k", "x", "y", "z").plan.columns)
    with pytest.raises(PlanError, match=r"'misread' left .* which reads 'x' as int32"):
        verify("misread", plan, wrong)


def test_long_chains_do_not_explode():
    query = facts().select("y")
    for _ in range(40):
        query = query.with_columns(y=col("y").cast(gf.Float64) + col("y"))
    assert len(tree(query.filter(col("y") > 1).optimized)) < 200_000


@pytest.mark.parametrize(
    ("expr", "answer"),
    [
        (col("x") + 1, False),
        (col("y") + 1, True),
        (col("z") * 2, False),
        (col("y").cast(gf.Int8), True),
        (col("y").cast(gf.Int8, strict=False), False),
        (col("x") // col("y"), True),
        (col("y") % 0, False),
    ],
    ids=str,
)
def test_may_raise(expr, answer):
    assert may_raise(facts().select(a=expr).plan.columns[0][1]) is answer


def test_too_deep_is_said():
    query = facts()
    for _ in range(3000):
        query = gf.Frame(Limit(query.plan, 5))
    with pytest.raises(PlanError, match=r"too many steps.*persist\(\)"):
        optimize(query.plan)
