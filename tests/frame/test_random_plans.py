"""Whole queries at random against Polars, by `tests.fuzz.plans`; and that this finds faults, and tells them in few words."""

from __future__ import annotations

import contextlib
import io
import os
import sys

import polars as pl
import pytest
from gpuflow_kernels.declare.aggregate import AGGREGATIONS

from tests.fuzz import plans
from tests.fuzz.expressions import KINDS
from tests.fuzz.operators import Operator
from tests.support.tables import ALL_POOLS

COUNT = round(500 * float(os.environ.get("FUZZ_FACTOR", "1")))


@pytest.mark.parametrize("seed", range(4))
def test_plans(seed: int) -> None:
    report = plans.fuzz(COUNT, seed, most=2)
    assert not report.failures, "\n".join(text for _, text in report.failures)


def test_plans_compiled() -> None:
    report = plans.fuzz(6, 100, "cpu", most=1)
    assert not report.failures, report.failures[0][1]


def test_kinds_and_aggregations_are_drawn() -> None:
    """Every aggregation that there is, and every column of the hostile tables but nested ones and those of no type."""
    assert set(ALL_POOLS) - set(KINDS) == set("lon")
    texts = "\n".join(plans.drawn(0, number).text for number in range(600))
    missing = [a for a in AGGREGATIONS if f".{a}(" not in texts and f"{a.removesuffix('_valid')}(ignore_nulls=True)" not in texts]
    assert missing == []


ZEROS = plans.Plan(
    (pl.DataFrame({"a": [1, 2, 3, 4], "b": [-0.0, 0.0, -0.0, 5.0], "c": ["x", None, "y", "z"]}),),
    (
        Operator("@0.rename({'a': 'd'})", (0,)),
        Operator("@0.filter(x.col('d') > 0)", (1,)),
        Operator("zeroed(@0.group_by('b').agg(x.len().cast(x.Int64).alias('n')), ['b'])", (2,)),
        Operator("@0.with_columns((x.col('n') + 1).alias('m'))", (3,)),
        Operator("@0.filter(1 / x.col('b') > 0)", (4,)),
    ),
    ordered=False,
    settings={"gpuflow.threads": 2, "gpuflow.partition-rows": 3, "gpuflow.morsel-rows": 1},
)


def test_a_planted_fault_is_found_and_made_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A condition moved below a group-by as if its key had the sign of each row's zero."""
    assert not plans.wrong(ZEROS)
    monkeypatch.setattr(sys.modules["gpuflow.plan.aggregate"], "as_key", lambda row: row)
    assert "1 rows" not in plans.wrong(ZEROS) and plans.wrong(ZEROS)
    small = plans.shrunk(ZEROS)
    assert [o.text.split("(")[0] for o in small.operators] == ["zeroed", "@0.filter"]
    assert len(small.tables[0]) <= 2 and set(small.settings) == {"gpuflow.threads"}
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        exec(plans.script(small), {})
    assert shown.getvalue().count("shape: ") == 2, "both answers"


def test_other_columns_and_errors_are_differences() -> None:
    """Names, their order, and errors of gpuflow alone."""
    table = pl.DataFrame({"a": [1, 2], "b": [3, 4]})
    for text, told in (
        ("@0.select('a' if x is gf else 'b')", "columns ('a',), expected ('b',)"),
        ("@0.select(*('ab' if x is gf else 'ba'))", "columns ('a', 'b'), expected ('b', 'a')"),
        ("@0.select('nothing') if x is gf else @0", "ColumnNotFoundError"),
        ("@0.head(1 if x is gf else 2)", "1 rows, 2 expected"),
        ("@0.select(x.col('a') + (1 if x is gf else 2), 'b')", "row 0"),
    ):
        assert plans.wrong(plans.Plan((table,), (Operator(text, (0,)),), ordered=True)).startswith(told)


def test_a_seed_is_a_plan() -> None:
    one, two = plans.drawn(7, 3), plans.drawn(7, 3)
    assert one.text == two.text and one.settings == two.settings and one.tables[0].equals(two.tables[0])
    assert plans.drawn(8, 3).text != one.text
