"""Joins on equal keys: the node, and the function that checks and builds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

from gpuflow_kernels.declare.choices import checked_flag, is_one_of
from gpuflow_kernels.dtypes import DType, common
from gpuflow_kernels.ir.expressions import Agg, Ref, Row, substitute, transform

from gpuflow.errors import DuplicateNameError, PlanError, TypeMismatchError, UnsupportedError
from gpuflow.expr.bind import Binder, cast_to, refuse_opaque, zone_hint
from gpuflow.expr.expand import expand, flatten, require
from gpuflow.expr.methods import as_node
from gpuflow.expr.nodes import Column, Node, render
from gpuflow.schema import Schema

from .join_kinds import KINDS, JoinKind
from .plan import Columns, Passed, Plan
from .printing import name, text
from .typed_rows import may_raise, names

_FULL = (
    "append the right rows without a partner: "
    "gf.concat([a.join(b, on='k', how='left'), b.join(a, on='k', how='anti')], how='diagonal')"
)
MEANWHILE = {
    **dict.fromkeys(("full", "outer", "full_outer", "outer_coalesce"), _FULL),
    "cross": "join on a constant: a.with_columns(one=1).join(b.with_columns(one=1), on='one').drop('one')",
    "asof": "compute both, and go on in another library: a.to_polars().join_asof(b.to_polars(), ...)",
}
"""What to write instead of the kinds of joins that are not there yet."""


class Join(Plan):
    """Equi-join. Columns: `left_columns`, then `right_columns`, each as (name in the output, name on its side).

    `build` is the side whose hash table is built, one of ``kind.builds``.
    """

    left: Plan
    right: Plan
    left_on: tuple[Row, ...]
    right_on: tuple[Row, ...]
    kind: JoinKind
    left_columns: tuple[tuple[str, str], ...]
    right_columns: tuple[tuple[str, str], ...]
    nulls_equal: bool = False
    build: str = "right"

    exact_inputs: ClassVar[bool] = True

    @cached_property
    def schema(self) -> Schema:
        left, right = dict(self.left.schema.items()), dict(self.right.schema.items())
        columns = {out: left[column] for out, column in self.left_columns}
        return Schema(columns | {out: right[column] for out, column in self.right_columns})

    def describe(self) -> str:
        on = " AND ".join(f"{text(a)} = {text(b)}" for a, b in zip(self.left_on, self.right_on, strict=True))
        side = f" (builds the {self.build} side)" if self.build != self.kind.builds[0] else ""
        nulls = " NULLS EQUAL" if self.nulls_equal else ""
        columns = [name(out) if out == old else f"{name(out)}={name(old)}" for out, old in self.right_columns]
        added = f" ADD {', '.join(columns)}" if columns else ""
        return f"{self.kind.name.upper()} JOIN ON {on}{nulls}{added}{side}"

    def find_fault(self) -> str | None:
        if any(a.dtype != b.dtype for a, b in zip(self.left_on, self.right_on, strict=True)):
            return "whose keys have different types"
        return super().find_fault()

    @property
    def rows_by_input(self) -> tuple[tuple[Row | Agg, ...], ...]:
        return self.left_on, self.right_on

    def narrow(self, needed: Columns) -> Plan:
        """Columns of the left side stay where they are keys too: they are there in any case."""
        keys = self.reads[0]
        return self.rebuild(
            left_columns=tuple((out, column) for out, column in self.left_columns if out in needed or column in keys),
            right_columns=tuple((out, column) for out, column in self.right_columns if out in needed),
        )

    def required(self, needed: Columns) -> tuple[Columns, ...]:
        left = {column for out, column in self.left_columns if out in needed}
        right = {column for out, column in self.right_columns if out in needed}
        return self.reads[0] | left, self.reads[1] | right

    def estimate(self, *counts: float | None) -> float | None:
        return self.kind.rows(counts[0], counts[1], self.left.share, self.right.share)

    @cached_property
    def share(self) -> float:
        both = self.kind.left_filters_pass and self.kind.right_filters_pass
        return self.left.share * self.right.share if both else 1.0

    def pass_filters(self, conditions: list[Row]) -> Passed:
        """Conditions on the columns of a side pass to it where the kind allows it, and those on its keys to the other side
        too, where values are equal to keys and perhaps not the same (0.0 and -0.0): so none on floats."""
        sides = (
            (self.kind.left_filters_pass, dict(self.left_columns), self._partners("left")),
            (self.kind.right_filters_pass, dict(self.right_columns), self._partners("right")),
        )
        down: tuple[list[Row], list[Row]] = ([], [])
        above = []
        for condition in conditions:
            used = names([condition])
            side = next((k for k, (passes, columns, _) in enumerate(sides) if passes and used <= columns.keys()), None)
            if side is None or may_raise(condition):
                above.append(condition)
                continue
            _, columns, partners = sides[side]
            down[side].append(_renamed(condition, columns))
            if used and used <= partners.keys():
                down[1 - side].append(substitute(condition, partners))
        return Passed(self, down, above)

    def _partners(self, side: str) -> Mapping[str, Row]:
        """The output columns that are keys of a side, each with the key of the other side that equals it."""
        on = (self.left_on, self.right_on) if side == "left" else (self.right_on, self.left_on)
        pairs = zip(*on, strict=True)
        keys = {a.key: b for a, b in pairs if isinstance(a, Ref) and isinstance(b, Ref) and not a.dtype.is_float}
        columns = self.left_columns if side == "left" else self.right_columns
        return {out: keys[column] for out, column in columns if column in keys}


def _renamed(condition: Row, columns: Mapping[str, str]) -> Row:
    """A condition on output columns over the names that they have on their side."""
    changed = {out for out, column in columns.items() if out != column}
    if not changed:
        return condition
    return transform(condition, lambda n: replace(n, key=columns[n.key]) if isinstance(n, Ref) and n.key in changed else n)  # type: ignore[no-any-return]


def join(
    left: Plan,
    right: Plan,
    *,
    on: Any = None,
    left_on: Any = None,
    right_on: Any = None,
    how: str = "inner",
    suffix: str = "_right",
    nulls_equal: bool = False,
) -> Plan:
    """Join two tables on equal keys.

    Key columns appear once (as in Polars): those of the left table, in a right join those of the right. Other columns of the
    right whose name comes out of the left get `suffix`.

    Raises
    ------
    TypeMismatchError
        When a pair of keys has types that are not compared as they are.
    UnsupportedError
        For kinds of joins that there are not.
    """
    if isinstance(how, str) and how in MEANWHILE:
        raise UnsupportedError(f"join: how={how!r} is a join that gpuflow does not have yet; meanwhile {MEANWHILE[how]}")
    checked_flag(nulls_equal, "join: nulls_equal=", TypeMismatchError)
    if not is_one_of(how, KINDS):
        raise UnsupportedError(f"join: how={how!r} is not supported; there are {', '.join(repr(k) for k in KINDS)}")
    left_nodes, right_nodes = _keys(left.schema, right.schema, on, left_on, right_on)
    left_rows, right_rows = [], []
    for a, b in zip(left_nodes, right_nodes, strict=True):
        x, y = _side(left.schema, a, "left"), _side(right.schema, b, "right")
        refuse_opaque("join", (x, y))
        dtype = _meeting(a, b, x.dtype, y.dtype)
        left_rows.append(cast_to(x, dtype))
        right_rows.append(cast_to(y, dtype))
    kind = KINDS[how]
    left_columns, right_columns = _output_columns(kind, left.schema, right.schema, left_nodes, right_nodes, suffix)
    on_left, on_right, build = tuple(left_rows), tuple(right_rows), kind.builds[0]
    return Join(left, right, on_left, on_right, kind, left_columns, right_columns, nulls_equal, build)


def _keys(left: Schema, right: Schema, on: Any, left_on: Any, right_on: Any) -> tuple[list[Node], list[Node]]:
    if on is not None:
        if left_on is not None or right_on is not None:
            raise PlanError("join: pass on=, or left_on= and right_on=, not both")
        left_on = right_on = on
    if left_on is None or right_on is None:
        raise PlanError("join: pass on=, or both left_on= and right_on=: the columns that must be equal")
    a = [e for v in flatten([left_on]) for e in expand(as_node(v, names=True), left)]
    b = [e for v in flatten([right_on]) for e in expand(as_node(v, names=True), right)]
    if len(a) != len(b) or not a:
        raise PlanError(f"join: {len(a)} key(s) on the left and {len(b)} on the right; they must be as many, and at least one")
    return a, b


def _side(schema: Schema, node: Node, side: str) -> Row:
    if isinstance(node, Column):
        try:
            require([node.name], schema)
        except KeyError as e:
            e.args = (f"join: in the {side} table {e}",)
            raise
    return Binder(schema).row(node)


def _meeting(a: Node, b: Node, left: DType, right: DType) -> DType:
    dtype = common(left, right)
    exact = dtype is not None and left.is_float == right.is_float
    if dtype is None or not exact:
        pair = render(a) if a == b else f"{render(a)} with {render(b)}"
        if left.is_integer and right.is_integer:
            way = "no integer type holds both: cast both to the type that holds your keys, as in .cast(gf.Int64)"
        elif "enum" in (left.kind, right.kind):
            way = "enums meet where their categories are the same: cast what is no string to gf.String"
        elif left.is_numeric and right.is_numeric:
            way = "equal floats are a matter of their last bits: cast one of them, as in .cast(gf.Int64)"
        else:
            key = a.name if isinstance(a, Column) else "x"
            cast = f"left.cast({{{key!r}: {str(right)!r}}}).join(...)"
            way = zone_hint([left, right]).removeprefix("; ") or f"cast one of them, as in {cast}"
        raise TypeMismatchError(f"join: {pair} would compare {left} with {right}; {way}")
    return dtype


def _output_columns(
    kind: JoinKind, left: Schema, right: Schema, left_nodes: list[Node], right_nodes: list[Node], suffix: str
) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    """What comes out of each side, as (name in the output, name there): keys that are columns on both sides come from one."""
    if not kind.adds_right:
        return tuple((n, n) for n in left), ()
    named = [(a, b) for a, b in zip(left_nodes, right_nodes, strict=True) if isinstance(a, Column) and isinstance(b, Column)]
    merged = {b.name for _, b in named} if kind.key_side == "left" else {a.name for a, _ in named}
    from_left = [n for n in left if kind.key_side == "left" or n not in merged]
    from_right = [n for n in right if kind.key_side == "right" or n not in merged]
    columns: dict[str, str] = {}
    for column in from_right:
        output = column + suffix if column in from_left else column
        if output in from_left or output in columns:
            raise DuplicateNameError(
                f"join: column {column!r} of the right table would be called {output!r}, and there is one already; pass another "
                "suffix=, or rename() one of them",
                column=output,
            )
        columns[output] = column
    return tuple((n, n) for n in from_left), tuple(columns.items())
