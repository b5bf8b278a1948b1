"""Gives the text functions that are evaluated by row arguments that stand there before: columns, literals, other texts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gpuflow_kernels.dtypes import BOOL
from gpuflow_kernels.ir.expressions import Call, Const, Ref, Row, children, is_by_row, rebuild

from gpuflow.expr.bind import apply
from gpuflow.plan.nodes import Filter, Join, Limit, Plan, Project, Sort, passthrough, transform_plan
from gpuflow.plan.order import fresh

from .rows import conjoin, map_rows, may_raise


def split_texts(plan: Plan) -> Plan:
    """``PROJECT concat(when(p) …, x)`` becomes ``PROJECT concat(_text, x)`` over ``PROJECT _text = when(p) …``: such a function
    is evaluated for whole columns, before the kernel that its result enters.
    """
    return transform_plan(plan, _split)


class _Splitter:
    """Collects the rows that have to be columns below a node."""

    def __init__(self, taken: set[str]) -> None:
        self.taken = taken
        self.columns: dict[Row, str] = {}

    def change(self, row: Any, guards: tuple[Row, ...] = ()) -> Any:
        """`row` with what must be a column replaced by one. `guards` are the conditions under which it is evaluated."""
        if isinstance(row, Call) and is_by_row(row):
            return rebuild(row, tuple(self._ready(a, guards) for a in row.args))
        if isinstance(row, Call) and row.overload.branch:
            condition, yes, no = row.args
            parts = (
                self.change(condition, guards),
                self.change(yes, (*guards, condition)),
                self.change(no, (*guards, _not(condition))),
            )
            return rebuild(row, parts)
        operands = children(row)
        return rebuild(row, tuple(self.change(o, guards) for o in operands)) if operands else row

    def _ready(self, row: Row, guards: tuple[Row, ...]) -> Row:
        if isinstance(row, (Ref, Const)):
            return row
        if isinstance(row, Call) and row.overload.of_text:
            return rebuild(row, tuple(self._ready(a, guards) for a in row.args))  # type: ignore[no-any-return]
        if guards and may_raise(row):  # only for the rows that it would be evaluated for
            row = apply("when", row.dtype, conjoin(guards), row, Const(None, row.dtype))
        if row not in self.columns:
            self.columns[row] = fresh("_text", self.taken)
            self.taken.add(self.columns[row])
        return Ref(self.columns[row], row.dtype)

    def below(self, plan: Plan) -> Plan:
        """`plan` with the columns, which may hold such functions themselves."""
        if not self.columns:
            return plan
        return _split(Project(plan, (*passthrough(plan.schema), *((name, row) for row, name in self.columns.items()))))


def _not(condition: Row) -> Row:
    """Whether a condition is false or null."""
    return apply("not", BOOL, apply("fill_null", BOOL, condition, Const(False, BOOL)))


def _split(node: Plan) -> Plan:
    if isinstance(node, Join):
        left, right = _Splitter({*node.schema}), _Splitter({*node.right.schema})
        on = tuple(map(left.change, node.left_on)), tuple(map(right.change, node.right_on))
        if not left.columns and not right.columns:
            return node
        joined = replace(node, left=left.below(node.left), right=right.below(node.right), left_on=on[0], right_on=on[1])
        return Project(joined, passthrough(node.schema)) if left.columns else joined
    if not node.inputs:
        return node
    splitter = _Splitter({*node.schema, *node.inputs[0].schema})
    changed = map_rows(node, splitter.change)
    if not splitter.columns:
        return node
    result = changed.with_inputs(splitter.below(node.inputs[0]))
    return Project(result, passthrough(node.schema)) if isinstance(node, (Filter, Sort, Limit)) else result
