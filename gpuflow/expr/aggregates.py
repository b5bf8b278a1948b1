"""Expressions over groups: taken apart into plain aggregations, and what is computed from their results."""

from __future__ import annotations

from dataclasses import dataclass

from gpuflow_kernels.declare.aggregate import AGGREGATIONS, AggregateFunction, Aggregation
from gpuflow_kernels.dtypes import ALL, BOOL, NULL, DType
from gpuflow_kernels.ir.expressions import Agg, Call, Const, Ref, Row, walk

from gpuflow.errors import PlanError, TypeMismatchError, UnsupportedError
from gpuflow.schema import Schema

from .bind import Binder, apply, cast_to, describe, refuse_opaque
from .near_names import near
from .nodes import Aggregated, Alias, Node, children, has_aggregation, render


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
        for arg in children(node):
            if has_aggregation(arg):
                raise PlanError(f"{render(node)}: an aggregation of an aggregation; write group_by().agg() twice")
        args = [self.rows.row(a) for a in node.args[: entry.arity]]
        params = dict(node.params)
        try:
            resolved = entry.signature(tuple(a.dtype for a in args), params)
        except ValueError as e:  # how a type rule refuses a parameter
            raise PlanError(f"{render(node)}: {e}") from None
        if resolved is None or not resolved[0].value_blind:
            refuse_opaque(render(node), args)
        if resolved is None:
            raise TypeMismatchError(_mismatch(node, entry, [a.dtype for a in args]))
        aggregation, signature = resolved
        _supported(aggregation)
        condition = self._condition(node)
        bound = tuple(_guarded(cast_to(a, t), condition) for a, t in zip(args, signature.args, strict=True))
        slots = tuple(s.resolve(signature.args[0] if signature.args else None) for s in aggregation.slots)
        literals = tuple(
            Const(params.get(name, parameter.default), parameter.literal)
            for name, parameter in entry.parameters.items()
            if parameter.literal is not None
        )
        distinct = node.distinct and not aggregation.idempotent
        return Agg(aggregation, bound, signature.result, slots, signature.constants, literals, condition, distinct)

    def _condition(self, node: Aggregated) -> Row | None:
        """Bind the condition on the rows to aggregate; None where all are."""
        if node.filter is None:
            return None
        row = self.rows.row(node.filter)
        row = cast_to(row, BOOL) if row.dtype == NULL else row
        if row.dtype != BOOL:
            raise TypeMismatchError(
                f"{render(node)}: filter= takes a condition, and {render(node.filter)} is {row.dtype}; compare it, as in "
                f"{render(node.filter)} > 0 or .is_not_null()"
            )
        return None if isinstance(row, Const) and row.value is True else row


def _guarded(row: Row, condition: Row | None) -> Row:
    """Return `row`, null where it could raise for a row that `condition` leaves out."""
    can_raise = any(isinstance(n, Call) and n.overload.overflow is not None for n in walk(row))
    if condition is None or not can_raise:
        return row
    return apply("when", row.dtype, condition, row, Const(None, row.dtype))


def _supported(aggregation: Aggregation) -> None:
    if not aggregation.slots and aggregation.over_distinct is None and aggregation.segment is None:
        raise UnsupportedError(
            f"aggregation {aggregation.name!r} has no slots, no segment(), and is no other aggregation over its distinct "
            "values; declare slots, or segment()"
        )


def _mismatch(node: Aggregated, entry: AggregateFunction, seen: list[DType]) -> str:
    text = f"{render(node)}: {node.name}() does not accept {' and '.join(str(d) for d in seen)}"
    if len(seen) == 1:
        text += f"; it accepts {describe([d for d in ALL if entry.resolve((d,))])}"
    return text
