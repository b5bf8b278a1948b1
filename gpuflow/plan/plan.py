"""The base of all logical nodes: what a rule of the optimiser, a printer or an estimate asks of a node, with common answers.

Expressions inside nodes are bound typed rows whose `Ref.key` is a column name of the input. Building a node through the checked
functions of `gpuflow.plan` makes it valid; the classes only hold the result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self, TypeVar

from gpuflow_kernels.ir.expressions import Agg, Call, Const, Lookup, Member, Ref, Row, column_refs

from gpuflow.schema import Schema

from .node import Node

_ROWS = (Ref, Const, Call, Member, Lookup, Agg)

Columns = frozenset[str]


@dataclass(frozen=True)
class Passed:
    """Conditions or limits that went through a node: the node, what each input gets, and what has to stay above."""

    node: Plan
    inputs: tuple[Any, ...]
    above: Any = ()


class Plan(Node):
    """A logical node. Its fields hold inputs, rows (alone, in tuples, or in tuples of (name, row)) and plain values."""

    exact_inputs: ClassVar[bool] = False
    """Whether its inputs should have the columns that it requires and no others, because it moves or compares whole rows."""
    from_first_rows: ClassVar[bool] = False
    """Whether its first rows can be computed from the first rows of its input."""

    @cached_property
    def inputs(self) -> tuple[Plan, ...]:
        """The nodes that it reads."""
        return self.children

    with_inputs = Node.with_children

    @cached_property
    def schema(self) -> Schema:
        """Names and types of its columns; by default those of its first input."""
        return self.inputs[0].schema

    def describe(self) -> str:
        """Write the node in one line for people."""
        return type(self).__name__.upper()

    @cached_property
    def fault(self) -> str | None:
        """What is wrong with the node, if a rule of the optimiser broke it."""
        return self.find_fault()

    @cached_property
    def broken(self) -> Plan | None:
        """The first node from here down that has a fault."""
        if self.fault:
            return self
        for node in self.inputs:
            if node.broken is not None:
                return node.broken
        return None

    def find_fault(self) -> str | None:
        """Check that rows read columns which the inputs have. Nodes that can be wrong in other ways check those first."""
        for refs, source in zip(self._refs, self.inputs, strict=True):
            columns = source.schema.items()
            for ref in refs:
                if (ref.key, ref.dtype) not in columns:
                    return f"which reads {ref.key!r} as {ref.dtype} from {source.schema}"
        return None

    # -- rows -----------------------------------------------------------------------------------------------------------
    @cached_property
    def rows(self) -> tuple[Row | Agg, ...]:
        """The rows that it evaluates, in the order of its fields."""
        return tuple(row for name in self.field_names for row in _rows_of(getattr(self, name)))

    @property
    def rows_by_input(self) -> tuple[tuple[Row | Agg, ...], ...]:
        """For each input, the rows that it evaluates over it."""
        return (self.rows,) if len(self.inputs) == 1 else ((),) * len(self.inputs)

    @cached_property
    def reads(self) -> tuple[Columns, ...]:
        """For each input, the columns that its rows read."""
        return tuple(frozenset(r.key for r in refs if isinstance(r.key, str)) for refs in self._refs)

    @cached_property
    def _refs(self) -> tuple[list[Ref], ...]:
        return tuple(column_refs(rows) for rows in self.rows_by_input)

    def map_rows(self, change: Callable[[Any], Any]) -> Self:
        """Change every row; the node itself when nothing changes."""
        if not self.rows:
            return self
        return self.rebuild(**{name: _mapped(getattr(self, name), change) for name in self.field_names})

    # -- columns --------------------------------------------------------------------------------------------------------
    def narrow(self, needed: Columns) -> Plan:
        """Leave out what only makes columns that are not `needed`; the result has the needed ones, in their old order, and
        perhaps more of the old ones. It is of another class where the whole node can go."""
        return self

    def required(self, needed: Columns) -> tuple[Columns, ...]:
        """Return the columns that it reads of each input when `needed` of its own are read."""
        return tuple(needed.intersection(i.schema) | reads for i, reads in zip(self.inputs, self.reads, strict=True))

    # -- estimates ------------------------------------------------------------------------------------------------------
    @cached_property
    def estimated_rows(self) -> float | None:
        """The number of rows, roughly; None when a source does not know its own."""
        return self.estimate(*(i.estimated_rows for i in self.inputs))

    def estimate(self, *counts: float | None) -> float | None:
        """Guess the number of rows from that of each input."""
        return counts[0]

    @cached_property
    def share(self) -> float:
        """The part of its source's rows that filters keep: joining with a filtered table filters."""
        return self.inputs[0].share if len(self.inputs) == 1 else 1.0

    # -- what passes ----------------------------------------------------------------------------------------------------
    def pass_filters(self, conditions: list[Row]) -> Passed:
        """Say which conditions on its columns can be asked of its inputs instead. By default none."""
        return Passed(self, ([],) * len(self.inputs), conditions)

    def pass_limit(self, count: int | None, offset: int) -> Passed | None:
        """Say how a limit above it can be put below: what limit, as (count, offset) or None, each input gets, and whether the
        one above stays. By default it cannot."""
        return None


def _rows_of(value: Any) -> tuple[Any, ...]:
    """The rows that a field holds."""
    if isinstance(value, _ROWS):
        return (value,)
    if isinstance(value, tuple) and value:
        if isinstance(value[0], _ROWS):
            return value
        if _is_named(value[0]):
            return tuple(row for _, row in value)
    return ()


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """A field with its rows changed; itself when it has none, or none changes."""
    rows = _rows_of(value)
    new = tuple(map(change, rows))
    if all(a is b for a, b in zip(rows, new, strict=True)):
        return value
    if not isinstance(value, tuple):
        return new[0]
    return tuple((name, row) for (name, _), row in zip(value, new, strict=True)) if _is_named(value[0]) else new


def _is_named(item: Any) -> bool:
    return isinstance(item, tuple) and len(item) == 2 and isinstance(item[1], _ROWS)


Kind = TypeVar("Kind", bound=Plan)


def transform_plan(plan: Plan, kind: type[Kind], change: Callable[[Kind], Plan]) -> Plan:
    """Rebuild bottom-up; `change` maps each node of a kind, whose inputs are already rebuilt. Shared inputs stay shared."""
    memo: dict[int, Plan] = {}

    def visit(node: Plan) -> Plan:
        if id(node) not in memo:
            inputs = [visit(i) for i in node.inputs]
            same = all(a is b for a, b in zip(inputs, node.inputs, strict=True))
            rebuilt = node if same else node.with_inputs(*inputs)
            memo[id(node)] = change(rebuilt) if isinstance(rebuilt, kind) else rebuilt
        return memo[id(node)]

    try:
        return visit(plan)
    finally:
        memo.clear()  # `visit` refers to itself: tables in memory would live on until a garbage collection
