"""Logical plan nodes: immutable, typed, and without any data.

Expressions inside nodes are bound (`gpuflow_kernels.ir.expressions`), their `Ref.key` a column name of the input.
Building a node through `gpuflow.plan.build` checks it; the classes here only hold the result.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from gpuflow_kernels.ir.expressions import Agg, Ref, Row

from gpuflow.schema import Schema

from .source import Source


@dataclass(frozen=True)
class Plan:
    """Base of all logical nodes."""

    @property
    def inputs(self) -> tuple[Plan, ...]:
        return ()

    @cached_property
    def schema(self) -> Schema:
        raise NotImplementedError

    def with_inputs(self, *inputs: Plan) -> Plan:
        """The same node over other inputs."""
        return self


@dataclass(frozen=True)
class _Unary(Plan):
    input: Plan

    @property
    def inputs(self) -> tuple[Plan, ...]:
        return (self.input,)

    @cached_property
    def schema(self) -> Schema:
        return self.input.schema

    def with_inputs(self, *inputs: Plan) -> Plan:
        return replace(self, input=inputs[0])


@dataclass(frozen=True)
class Scan(Plan):
    """Read `columns` of a source. `predicate` is only used to skip partitions: rows for which it is false may still
    come out, a Filter stands above for them."""

    source: Source
    columns: tuple[str, ...]
    predicate: Row | None = None

    @cached_property
    def schema(self) -> Schema:
        return Schema({c: self.source.schema[c] for c in self.columns}, self.source.unsupported)


@dataclass(frozen=True)
class Filter(_Unary):
    """Keep the rows for which `predicate` (bool) is true; null counts as false."""

    predicate: Row


@dataclass(frozen=True)
class Project(_Unary):
    """New columns computed from the input; select, with_columns, drop and rename all become this."""

    columns: tuple[tuple[str, Row], ...]

    @cached_property
    def schema(self) -> Schema:
        return Schema({name: e.dtype for name, e in self.columns})


@dataclass(frozen=True)
class Aggregate(_Unary):
    """One row per distinct key (one row in all without keys). Columns: keys, then aggregations."""

    keys: tuple[tuple[str, Row], ...]
    aggs: tuple[tuple[str, Agg], ...]

    @cached_property
    def schema(self) -> Schema:
        return Schema({name: e.dtype for name, e in (*self.keys, *self.aggs)})


@dataclass(frozen=True)
class Join(Plan):
    """Equi-join. `how` is inner, left, semi or anti. Output: all of `left`'s columns, then (inner, left) the columns
    named in `right_columns` as (output name, name in `right`).

    `build` is the side whose hash table is built; semi, anti and left always build the right side.
    """

    left: Plan
    right: Plan
    left_on: tuple[Row, ...]
    right_on: tuple[Row, ...]
    how: str
    right_columns: tuple[tuple[str, str], ...]
    nulls_equal: bool = False
    build: str = "right"

    @property
    def inputs(self) -> tuple[Plan, ...]:
        return (self.left, self.right)

    @cached_property
    def schema(self) -> Schema:
        right = {out: self.right.schema[name] for out, name in self.right_columns}
        return Schema({**self.left.schema, **right})

    def with_inputs(self, *inputs: Plan) -> Plan:
        return replace(self, left=inputs[0], right=inputs[1])


@dataclass(frozen=True)
class Sort(_Unary):
    """Stable sort. With `limit` only the first so many rows are kept (top-k). NaN sorts after every number."""

    keys: tuple[Row, ...]
    descending: tuple[bool, ...]
    nulls_last: tuple[bool, ...]
    limit: int | None = None


@dataclass(frozen=True)
class Limit(_Unary):
    """Rows ``offset`` to ``offset + count`` in order; all from ``offset`` where there is no ``count``."""

    count: int | None
    offset: int = 0


@dataclass(frozen=True)
class Distinct(_Unary):
    """One row for each distinct combination of all columns."""


@dataclass(frozen=True)
class Union(Plan):
    """All rows of all inputs, which have the same schema, in order."""

    parts: tuple[Plan, ...]

    @property
    def inputs(self) -> tuple[Plan, ...]:
        return self.parts

    @cached_property
    def schema(self) -> Schema:
        return self.parts[0].schema

    def with_inputs(self, *inputs: Plan) -> Plan:
        return replace(self, parts=inputs)


def passthrough(schema: Schema) -> tuple[tuple[str, Ref], ...]:
    """Projection columns that copy every column."""
    return tuple((name, Ref(name, dtype)) for name, dtype in schema.items())


def transform_plan(plan: Plan, change: Any) -> Plan:
    """Rebuild bottom-up; `change` maps each node whose inputs are already rebuilt. Shared inputs stay shared."""
    memo: dict[int, Plan] = {}

    def visit(node: Plan) -> Plan:
        if id(node) not in memo:
            inputs = tuple(visit(i) for i in node.inputs)
            same = all(a is b for a, b in zip(inputs, node.inputs, strict=True))
            memo[id(node)] = change(node if same else node.with_inputs(*inputs))
        return memo[id(node)]

    try:
        return visit(plan)
    finally:
        memo.clear()  # `visit` refers to itself: tables in memory would live on until a garbage collection
