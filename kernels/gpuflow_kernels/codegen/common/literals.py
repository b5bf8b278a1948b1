"""Literals are arguments of a kernel: its text is generated for a pipeline that has numbers in their place.

So a query with other literals needs no new text, and what is remembered of pipelines holds no long list of values.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

from gpuflow_kernels.declare.scalar import Table
from gpuflow_kernels.ir.expressions import Call, CodeOf, Const, LiteralSlot, Member, children, rebuild
from gpuflow_kernels.ir.pipeline import Pipeline
from gpuflow_kernels.ir.value_ranges import interval

LONG = 64
"""Lists of more values are not compared: it would take longer than what two equal ones could share."""


@lru_cache(maxsize=32)  # enough for the partitions of a query; more would keep lists of literals alive
def abstracted(pipeline: Pipeline) -> tuple[Pipeline, tuple[Any, ...]]:
    """Replace every literal of a pipeline by a `LiteralSlot`; return it with the literals, which are `Const` nodes
    and the values of `Member` and `Table`.

    Equal literals get one number, so that they share what is computed from them. Structural ones stay: they are text.
    """
    numbers: dict[Any, int] = {}
    given: list[Any] = []

    def number(literal: Any, key: Any) -> int:
        if key not in numbers:
            numbers[key] = len(given)
            given.append(literal)
        return numbers[key]

    def constant(value: Any) -> Any:
        return Table(LiteralSlot(number(value.values, value))) if isinstance(value, Table) else value

    def row(node: Any) -> Any:
        if isinstance(node, Const):
            if node.value is None or isinstance(node.value, CodeOf):
                return node
            return Const(LiteralSlot(number(node, node), interval(node)), node.dtype)
        if isinstance(node, Member):
            key = node.values if len(node.values) <= LONG else id(node.values)
            return replace(node, arg=row(node.arg), values=(LiteralSlot(number(node.values, key)),))
        operands = children(node)
        kept = _structural(node) if isinstance(node, Call) else ()
        if isinstance(node, Call) and any(isinstance(c, Table) for c in node.constants):
            node = replace(node, constants=tuple(map(constant, node.constants)))
        return rebuild(node, tuple(a if k in kept else row(a) for k, a in enumerate(operands))) if operands else node

    return pipeline.map_rows(row), tuple(given)


def _structural(call: Call) -> set[int]:
    """Positions of the literals that are written into the text."""
    names = enumerate(call.parameters)
    return {k for k, name in names if name in call.overload.structural and isinstance(call.args[k], Const)}
