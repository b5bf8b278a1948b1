"""Grouping and aggregating; distinct rows are groups without aggregations."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

from gpuflow_kernels.ir.expressions import Agg, Row, substitute

from gpuflow.schema import Schema

from .estimate import GROUPS
from .plan import Columns, Passed, Plan
from .printing import column
from .typed_rows import as_key, may_raise, names, passthrough


class Aggregate(Plan):
    """One row per distinct key (one row in all without keys). Columns: keys, then aggregations."""

    input: Plan
    keys: tuple[tuple[str, Row], ...]
    aggs: tuple[tuple[str, Agg], ...]

    @cached_property
    def schema(self) -> Schema:
        return Schema({name: e.dtype for name, e in (*self.keys, *self.aggs)})

    def describe(self) -> str:
        values = f" {', '.join(column(n, a) for n, a in self.aggs)}" if self.aggs else ""
        by = f" BY {', '.join(column(n, r) for n, r in self.keys)}" if self.keys else ""
        return f"AGGREGATE{values}{by}"

    def narrow(self, needed: Columns) -> Plan:
        aggs = tuple((n, a) for n, a in self.aggs if n in needed)
        return self.rebuild(aggs=aggs or self.aggs[: 0 if self.keys else 1])  # without keys there is a row, of something

    def required(self, needed: Columns) -> tuple[Columns, ...]:
        return self.reads

    def estimate(self, *counts: float | None) -> float | None:
        return _groups(counts[0]) if self.keys else 1.0

    def pass_filters(self, conditions: list[Row]) -> Passed:
        """Conditions on keys pass; without keys there is one row whatever the input, and none does."""
        return _by_keys(self, dict(self.keys), conditions) if self.keys else super().pass_filters(conditions)


class Distinct(Plan):
    """One row for each distinct combination of all columns."""

    input: Plan

    exact_inputs: ClassVar[bool] = True

    def required(self, needed: Columns) -> tuple[Columns, ...]:
        return (frozenset(self.schema),)

    def estimate(self, *counts: float | None) -> float | None:
        return _groups(counts[0])

    def pass_filters(self, conditions: list[Row]) -> Passed:
        return _by_keys(self, dict(passthrough(self.schema)), conditions)


def _groups(rows: float | None) -> float | None:
    return None if rows is None else max(1.0, rows * GROUPS)


def _by_keys(node: Plan, keys: Mapping[str, Row], conditions: list[Row]) -> Passed:
    """Let conditions on keys pass, unless they may raise: a group's key is asked of what it is made of (`as_key`)."""
    of_rows = {name: as_key(row) for name, row in keys.items()}
    down: list[Row] = []
    above: list[Row] = []
    for condition in conditions:
        below = substitute(condition, of_rows)
        passes = names([condition]) <= keys.keys() and not may_raise(below)
        (down if passes else above).append(below if passes else condition)
    return Passed(node, (down,), above)
