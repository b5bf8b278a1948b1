"""Columns that are renamed where workers hold the partitions, and random plans on workers, against Polars."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dask
import pytest

import gpuflow as gf
from gpuflow import col
from tests.fuzz import plans

KEPT: dict[str, Callable[[gf.Frame, Any], gf.Frame]] = {
    "persist": lambda frame, client: frame.persist(),
    "dask.persist": lambda frame, client: dask.persist(frame)[0],
    "client.persist": lambda frame, client: client.persist(frame),
}


@pytest.mark.parametrize("way", KEPT)
def test_renamed_partitions_on_workers(way: str, active: Any) -> None:
    """Partitions stay where they are, under names of the past; what reads them goes by those of the query."""
    with dask.config.set({"gpuflow.partition-rows": 2, "gpuflow.target": "python"}):
        made = gf.from_dict({"a": [1, 2, 3, 4], "b": [10, 20, 30, 40], "c": ["w", "x", "y", "z"]}).filter(col("a") < 4)
        kept = KEPT[way](made.rename({"a": "b", "b": "a"}), active)
        swapped = kept.rename({"a": "c", "c": "a"})
        assert swapped.head(2).collect().to_dict() == {"b": [1, 2], "c": [10, 20], "a": ["w", "x"]}
        both = gf.concat([swapped, swapped.slice(1)])
        assert both.select("c", "b").collect().to_dict() == {"c": [10, 20, 30, 20, 30], "b": [1, 2, 3, 2, 3]}
        totals = both.group_by("a").agg(col("c").sum(), n=col("b").max()).sort("a")
        expected = {"a": ["w", "x", "y"], "c": [10, 40, 60], "n": [1, 2, 3]}
        assert totals.collect().to_dict() == expected
        assert dask.compute(totals)[0].to_dict() == expected
        joined = swapped.join(kept, left_on="c", right_on="a", suffix="2").select("b", "a", "c2", "b2").sort("b")
        assert joined.collect().to_dict() == {"b": [1, 2, 3], "a": ["w", "x", "y"], "c2": ["w", "x", "y"], "b2": [1, 2, 3]}


def test_random_plans_on_workers(active: Any) -> None:
    """Those among the first of a seed that keep a table on the workers, and some that do not."""
    numbers = [*[n for n in range(100) if "kept(" in plans.drawn(300, n).text][:10], *range(5)]
    for number in dict.fromkeys(numbers):
        plan = plans.drawn(300, number)
        assert not plans.wrong(plan), plans.script(plan)
