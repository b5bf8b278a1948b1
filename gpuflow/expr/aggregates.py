"""Expressions over groups: taken apart into plain aggregations, and what is computed from their results."""

from __future__ import annotations

from dataclasses import dataclass

from gpuflow_kernels.declare.aggregate import AGGREGATIONS, AggregateFunction, Aggregation
from gpuflow_kernels.dtypes import ALL, DType
from gpuflow_kernels.ir.expressions import Agg, Ref, Row

from gpuflow.errors import PlanError, TypeMismatchError, UnsupportedError
from gpuflow.schema import Schema

from .bind import Binder, cast_to, describe, refuse_opaque
from .hints import near
from .nodes import Aggregated, Alias, Node, has_aggregation, render

PASSING = frozenset({"len", "count", "first", "last", "first_valid", "last_valid"})
"""Aggregations that do not look into their arguments."""
REWRITTEN = frozenset({"n_unique"})
"""Holistic aggregations that the optimiser expresses by others."""


@dataclass(frozen=True, slots=True)
class Split:
    """Aggregations by (unique) name, and the output columns over them; `direct` when no expression is left over."""

    aggs: tuple[tuple[str, Agg], ...]
    outputs: tuple[tuple[str, Row], ...]

    @property
    def direct(self) -> bool:
        return tuple((n, Ref(n, a.dtype)) for n, a in self.aggs) == self.outputs


def bind_aggregates(named: list[tuple[str, Node]], schema: Schema, keys: Schema) -> Split:
    """Bind expressions of aggregations; equal aggregations are computed once.

    Parameters
    ----------
    named : list of (output name, expression)
    schema : Schema
        The rows that are aggregated.
    keys : Schema
        The group keys, which expressions may use beside aggregations.

    Raises
    ------
    PlanError
        For a column outside any aggregation.
    """
    binder = _GroupBinder(schema, keys, [n for n, _ in named])
    outputs = tuple((name, binder.output(name, node)) for name, node in named)
    return Split(tuple((name, agg) for agg, name in binder.found.items()), outputs)


class _GroupBinder(Binder):
    """Binds what stands around aggregations: columns are the keys and the results of aggregations."""

    def __init__(self, schema: Schema, keys: Schema, taken: list[str]) -> None:
        super().__init__(keys)
        self.rows = Binder(schema)
        self.found: dict[Agg, str] = {}
        self.taken = {*taken, *keys}

    def output(self, name: str, node: Node) -> Row:
        inner = node
        while isinstance(inner, Alias):
            inner = inner.arg
        if isinstance(inner, Aggregated):
            agg = self.agg(inner)
            return Ref(self.found.setdefault(agg, name), agg.dtype)
        self.expression = node
        return self.row(node)

    def column(self, name: str) -> Row:
        if name in self.schema:
            return super().column(name)
        self.rows.column(name)
        raise PlanError(
            f"{render(self.expression)}: col({name!r}) has many values in a group; aggregate it, as in "
            f"col({name!r}).first() or .sum()" + (", or make it a key of group_by()" if self.schema else "")
        )

    def aggregated(self, node: Aggregated) -> Row:
        agg = self.agg(node)
        if agg not in self.found:
            number = len(self.found)
            while (name := f"_agg{number}") in self.taken:
                number += 1
            self.taken.add(name)
            self.found[agg] = name
        return Ref(self.found[agg], agg.dtype)

    def agg(self, node: Aggregated) -> Agg:
        entry = AGGREGATIONS.get(node.name)
        if entry is None:
            raise PlanError(f"there is no aggregation {node.name!r}{near(node.name, AGGREGATIONS)}")
        for arg in node.args:
            if has_aggregation(arg):
                raise PlanError(f"{render(node)}: an aggregation of an aggregation; write group_by().agg() twice")
        args = [self.rows.row(a) for a in node.args[: entry.arity]]
        if node.name not in PASSING:
            refuse_opaque(render(node), args)
        found = entry.signature(tuple(a.dtype for a in args))
        if found is None:
            raise TypeMismatchError(_mismatch(node, entry, [a.dtype for a in args]))
        aggregation, signature = found
        types = signature.args
        _supported(aggregation)
        bound = tuple(cast_to(a, t) for a, t in zip(args, types, strict=True))
        slots = tuple(s.resolve(types[0] if types else None) for s in aggregation.slots)
        return Agg(aggregation, bound, signature.result, slots, signature.constants)


def _supported(aggregation: Aggregation) -> None:
    if not aggregation.slots and aggregation.name not in REWRITTEN:
        raise UnsupportedError(
            f"aggregation {aggregation.name!r} has no slots, and of those without only {', '.join(sorted(REWRITTEN))} can be "
            "computed; declare slots"
        )


def _mismatch(node: Aggregated, entry: AggregateFunction, seen: list[DType]) -> str:
    text = f"{render(node)}: {node.name}() does not accept {' and '.join(str(d) for d in seen)}"
    if len(seen) == 1:
        text += f"; it accepts {describe([d for d in ALL if entry.resolve((d,))])}"
    return text
