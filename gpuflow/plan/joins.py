"""Checks and builds joins."""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.declare.choices import checked_flag, is_one_of
from gpuflow_kernels.dtypes import DType, common
from gpuflow_kernels.ir.expressions import Row

from gpuflow.errors import DuplicateNameError, PlanError, TypeMismatchError, UnsupportedError
from gpuflow.expr.bind import Binder, cast_to, refuse_opaque, zone_hint
from gpuflow.expr.expand import expand, flatten, require
from gpuflow.expr.methods import as_node
from gpuflow.expr.nodes import Column, Node, render
from gpuflow.schema import Schema

from .nodes import Join, Plan

KINDS = ("inner", "left", "semi", "anti")

_FULL = (
    "append the right rows without a partner: "
    "gf.concat([a.join(b, on='k', how='left'), b.join(a, on='k', how='anti')], how='diagonal')"
)
MEANWHILE = {
    **dict.fromkeys(("full", "outer", "full_outer", "outer_coalesce"), _FULL),
    "right": "write b.join(a, on='k', how='left')",
    "cross": "join on a constant: a.with_columns(one=1).join(b.with_columns(one=1), on='one').drop('one')",
    "asof": "compute both, and go on in another library: a.to_polars().join_asof(b.to_polars(), ...)",
}
"""What to write instead of the kinds of joins that are not there yet."""


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

    Key columns of the right table do not appear a second time (as in Polars); other columns of the right whose name
    exists on the left get `suffix`.

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
    columns = () if how in ("semi", "anti") else _right_columns(left.schema, right.schema, left_nodes, right_nodes, suffix)
    return Join(left, right, tuple(left_rows), tuple(right_rows), how, columns, nulls_equal)


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
            name = a.name if isinstance(a, Column) else "x"
            cast = f"left.cast({{{name!r}: {str(right)!r}}}).join(...)"
            way = zone_hint([left, right]).removeprefix("; ") or f"cast one of them, as in {cast}"
        raise TypeMismatchError(f"join: {pair} would compare {left} with {right}; {way}")
    return dtype


def _right_columns(
    left: Schema, right: Schema, left_nodes: list[Node], right_nodes: list[Node], suffix: str
) -> tuple[tuple[str, str], ...]:
    merged = {b.name for a, b in zip(left_nodes, right_nodes, strict=True) if isinstance(a, Column) and isinstance(b, Column)}
    found: dict[str, str] = {}
    for name in right:
        if name in merged:
            continue
        output = name + suffix if name in left else name
        if output in left or output in found:
            raise DuplicateNameError(
                f"join: column {name!r} of the right table would be called {output!r}, and there is one already; pass another "
                "suffix=, or rename() one of them",
                column=output,
            )
        found[output] = name
    return tuple(found.items())
