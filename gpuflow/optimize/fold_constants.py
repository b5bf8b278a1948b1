"""Computes what does not depend on any row: ``x > 2 * 3`` becomes ``x > 6``, ``p & true`` becomes ``p``."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import numpy as np
from gpuflow_kernels.body_source import Body
from gpuflow_kernels.declare.scalar import CUSTOM, PROPAGATE, Table
from gpuflow_kernels.dtypes import BOOL, STRING, DType
from gpuflow_kernels.ir.expressions import Call, Const, Member, Row, transform
from gpuflow_kernels.rowmath import NAMES, prelude

from gpuflow.plan.filter import Filter
from gpuflow.plan.limit import Limit
from gpuflow.plan.plan import Plan, transform_plan


def fold_constants(plan: Plan) -> Plan:
    """``FILTER x > 2 * 3 & true`` becomes ``FILTER x > 6``. What would raise is left to raise when it runs."""

    def change(node: Plan) -> Plan:
        node = node.map_rows(partial(transform, change=fold))
        if isinstance(node, Filter) and isinstance(node.predicate, Const):
            return node.input if node.predicate.value else Limit(node.input, 0)
        return node

    return transform_plan(plan, Plan, change)


def fold(row: Any) -> Any:
    """`row` with its own operation done, when its operands are constants or one of them decides."""
    if isinstance(row, Member) and isinstance(row.arg, Const):
        value = row.arg.value
        return Const(None if value is None else value in row.values, BOOL)
    if not isinstance(row, Call):
        return row
    if row.overload.branch and isinstance(row.args[0], Const):
        return row.args[1 if row.args[0].value else 2]
    decided = _decided(row)
    if decided is not None:
        return decided
    if row.args and not row.overload.of_text and all(isinstance(a, Const) for a in row.args):
        return evaluate(row) or row
    return row


def _decided(row: Call) -> Row | None:
    """``and`` and ``or`` of bool with one constant: the other operand, or the constant."""
    if row.overload.traits.logic not in ("and", "or") or len(row.args) != 2:
        return None
    if any(d != BOOL for d in (row.dtype, *(a.dtype for a in row.args))):
        return None
    neutral = row.overload.traits.logic == "and"
    for one, other in (row.args, row.args[::-1]):
        if isinstance(one, Const) and one.value is not None:
            return other if one.value is neutral else one
    return None


def evaluate(call: Call) -> Const | None:
    """The result of a call on constants, by running its body uncompiled; None when that would overflow or is not
    possible here."""
    constants = [a for a in call.args if isinstance(a, Const)]
    overload = call.overload
    if any(d.is_wide for d in (call.dtype, *(c.dtype for c in constants))):
        return None  # their literals would be pairs
    if overload.null != CUSTOM and any(c.value is None for c in constants):
        return Const(None, call.dtype)
    if call.dtype == STRING and constants and constants[0].dtype.kind == "enum":
        return Const(constants[0].dtype.detail[constants[0].value], STRING)
    words = sorted({c.value for c in constants if c.dtype.is_text and c.value is not None}, key=lambda w: (isinstance(w, str), w))
    registers = [_register(c, words) for c in constants]
    if overload.null == CUSTOM:
        pairs = zip(registers, constants, strict=True)
        registers = [x for value, c in pairs for x in (value, np.bool_(c.value is not None))]
    arguments = (*registers, *(np.array(c.values, np.int64) if isinstance(c, Table) else c for c in call.constants))
    with np.errstate(all="ignore"):
        try:
            if overload.overflow is not None and _function(overload.overflow)(*arguments):
                return None
            result = _function(overload.body)(*arguments)
        except (ArithmeticError, ValueError):
            return None
    value, valid = (result, True) if overload.null == PROPAGATE else result
    return _constant(value, call.dtype, words) if valid else Const(None, call.dtype)


def _register(const: Const, words: list[Any]) -> Any:
    value = 0 if const.value is None else const.value
    if const.dtype.is_text:
        value = 0 if const.value is None else words.index(const.value)
    return np.dtype(const.dtype.register.rstrip("_")).type(value)


def _constant(value: Any, dtype: DType, words: list[Any]) -> Const | None:
    if dtype == BOOL:
        return Const(bool(value), dtype)
    if dtype.is_float:
        return Const(float(np.dtype(dtype.storage).type(value)), dtype)
    if dtype.is_text:
        return Const(words[int(value)], dtype) if 0 <= int(value) < len(words) else None
    low, high = dtype.bounds
    return Const(int(value), dtype) if low <= int(value) <= high else None


@lru_cache(maxsize=1024)
def _function(body: Body) -> Callable[..., Any]:
    used = {n.id for n in ast.walk(body.tree) if isinstance(n, ast.Name)} & NAMES
    scope: dict[str, Any] = dict(body.captured)
    exec(prelude(used, "python") + body.text, scope)  # text of a declaration, never of a query
    function: Callable[..., Any] = scope[body.name]
    return function
