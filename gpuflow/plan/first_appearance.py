"""Groups in the order in which they first appear: ``group_by(..., maintain_order=True)``."""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.body_source import body_of
from gpuflow_kernels.declare.aggregate import Aggregation, Slot
from gpuflow_kernels.dtypes import INT64, DType
from gpuflow_kernels.ir.expressions import Agg, Ref, Row
from gpuflow_kernels.rowmath import NAMES

from .nodes import Aggregate, Plan, Sort


def _lift(position: Any) -> Any:
    return position


def _finalize(least: Any) -> Any:
    return least


def _rule(args: tuple[DType, ...]) -> tuple[tuple[DType, ...], DType]:
    return (), INT64


_SLOTS = (Slot(INT64, "highest", "min"),)
FIRST_POSITION = Agg(
    Aggregation(
        name="first_position",
        slots=_SLOTS,
        lift=body_of(_lift, allowed=NAMES, what="first_position"),
        finalize=body_of(_finalize, allowed=NAMES, what="first_position"),
        combine=None,
        overflow=None,
        rule=_rule,
        empty=0,  # a group has a row, so it takes no flag for that
        position=True,
    ),
    (),
    INT64,
    tuple(s.resolve(None) for s in _SLOTS),
)
"""The position of a group's first row in the whole input. Not in the registry: users sort by it without naming it."""


def in_order(plan: Plan, keys: tuple[tuple[str, Row], ...], aggs: tuple[tuple[str, Agg], ...]) -> Plan:
    """An Aggregate whose rows come in the order of each group's first row. It has one column more, the position: the
    caller puts a Project above."""
    name = fresh("_position", {n for n, _ in (*keys, *aggs)})
    grouped = Aggregate(plan, keys, (*aggs, (name, FIRST_POSITION)))
    return Sort(grouped, (Ref(name, INT64),), (False,), (False,))


def fresh(name: str, taken: set[str]) -> str:
    """`name`, or with a number behind it when it is taken.

    >>> fresh("a", {"a", "a1"})
    'a2'
    """
    number, found = 0, name
    while found in taken:
        number += 1
        found = f"{name}{number}"
    return found
