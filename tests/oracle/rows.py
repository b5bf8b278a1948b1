"""`evaluate` a row tree for one row, and `aggregate` over a list of rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from gpuflow_kernels import rowmath
from gpuflow_kernels.algorithms.strings import Numbers, Scalar, StringColumn
from gpuflow_kernels.body_source import Body
from gpuflow_kernels.codegen.common.row_source import returns_tuple
from gpuflow_kernels.declare.scalar import CUSTOM, PARTIAL, Table
from gpuflow_kernels.dtypes import DType
from gpuflow_kernels.errors import ArithmeticOverflowError
from gpuflow_kernels.ir.expressions import Agg, Call, Const, Member, Ref, Row

from gpuflow.arrow.host_strings import evaluate_on_host

Env = dict[str | int, tuple[Any, bool]]
"""For every column its value (physical; a str for strings) and whether it is valid."""

Value = tuple[Any, bool]


@cache
def function_of(body: Body) -> Callable[..., Any]:
    """The declared body as a Python function."""
    space: dict[str, Any] = {n: getattr(rowmath, n) for n in rowmath.NAMES}
    space.update(body.captured)
    exec(body.text, space)
    return space[body.name]  # type: ignore[no-any-return]


def constant(value: Any) -> Any:
    """A constant of a signature as the body gets it."""
    if isinstance(value, Table):
        return np.array(value.values, dtype="int64")
    return np.uint64(value) if isinstance(value, int) and value >= 1 << 63 else value


def typed(value: Any, dtype: DType) -> Any:
    """`value` as the scalar that kernels hold for it; strings stay as they are."""
    if dtype.kind == "string":
        return "" if isinstance(value, (int, np.integer)) else value
    if dtype.is_wide:
        return value if isinstance(value, tuple) else (np.int64(int(value) >> 64), np.uint64(int(value) & (1 << 64) - 1))
    return getattr(rowmath, dtype.register)(value)


def zero(dtype: DType) -> Any:
    return typed(0, dtype)


def evaluate(row: Row, env: Env) -> Value:
    """The value of `row` and whether it is valid (the value of a null is arbitrary).

    Raises
    ------
    ArithmeticOverflowError
        Where a declaration says that the exact result does not fit, for valid arguments on the branch taken.
    """
    with np.errstate(all="ignore"):
        return _evaluate(row, env)


def _evaluate(row: Row, env: Env) -> Value:
    if isinstance(row, Ref):
        value, valid = env[row.key]
        return (typed(value, row.dtype), True) if valid else (zero(row.dtype), False)
    if isinstance(row, Const):
        return (zero(row.dtype), False) if row.value is None else (typed(row.value, row.dtype), True)
    if isinstance(row, Member):
        value, valid = _evaluate(row.arg, env)
        return np.bool_(any(_equal(value, v) for v in row.values)), valid
    assert isinstance(row, Call), f"the interpreter knows no {type(row).__name__}"
    if row.overload.branch:
        condition, valid = _evaluate(row.args[0], env)
        return _evaluate(row.args[1 if valid and condition else 2], env)
    return _call(row, [_evaluate(a, env) for a in row.args])


def _equal(x: Any, y: Any) -> bool:
    return bool(x == y or (x != x and y != y))


def _call(row: Call, operands: list[Value]) -> Value:
    overload = row.overload
    if overload.of_text:
        return _text(row, operands)
    valid = all(v for _, v in operands)
    if overload.null == CUSTOM:
        arguments = [part for value, known in operands for part in (value, np.bool_(known))]
    elif not valid:
        return zero(row.dtype), False
    else:
        arguments = [value for value, _ in operands]
    arguments += [constant(c) for c in row.constants]
    if overload.overflow is not None and function_of(overload.overflow)(*arguments):
        raise ArithmeticOverflowError(overload.complaint(row.dtype))
    result = function_of(overload.body)(*arguments)
    if overload.null in (CUSTOM, PARTIAL):
        result, valid = result
    return typed(result, row.dtype), bool(valid)


def _text(row: Call, operands: list[Value]) -> Value:
    """A text function of one row, from its body over bytes, or from its host function over columns of one row."""
    overload = row.overload
    if not all(valid for _, valid in operands):
        return zero(row.dtype), False
    values = [value for value, _ in operands]
    if overload.text is None or (overload.host and not all(v.isascii() for v in values if isinstance(v, str))):
        return _on_host(row, values)
    arguments: list[Any] = []
    for value in values:
        encoded = np.frombuffer(value.encode(), np.uint8) if isinstance(value, str) else None
        arguments += [value] if encoded is None else [encoded, np.int64(0), np.int64(len(encoded))]
    arguments += [constant(c) for c in row.constants]
    if overload.overflow is not None and function_of(overload.overflow)(*arguments):
        raise ArithmeticOverflowError(overload.complaint(row.dtype))
    body = function_of(overload.body)
    if overload.text == "write":
        size = body(np.empty(0, np.uint8), np.int64(0), *arguments)
        size, valid = size if overload.null == PARTIAL else (size, True)
        out = np.empty(int(size), np.uint8)
        body(out, np.int64(0), *arguments)
        return out.tobytes().decode() if valid else "", bool(valid)
    result = body(*arguments)
    *found, valid = result if overload.null == PARTIAL else (*(result if overload.text == "view" else (result,)), True)
    if overload.text == "view":
        begin, end = found
        return arguments[0][int(begin) : int(end)].tobytes().decode() if valid else "", bool(valid)
    return typed(found[0], row.dtype), bool(valid)


def _on_host(row: Call, values: list[Any]) -> Value:
    encoded = (Scalar(a.dtype, v.encode() if isinstance(v, str) else v) for a, v in zip(row.args, values, strict=True))
    first, *rest = encoded
    if isinstance(first.value, bytes):
        data = np.frombuffer(first.value, np.uint8)
        arguments: tuple[Any, ...] = (StringColumn(np.array([0, len(data)]), data), *rest)
    else:
        arguments = (Numbers(first.dtype, np.array([first.value], first.dtype.storage)), *rest)
    answer = evaluate_on_host(row.overload, row.dtype, row.constants, arguments, 1)
    if answer.error_mask is not None and answer.error_mask[0]:
        raise ArithmeticOverflowError(row.overload.complaint(row.dtype))
    if answer.valid is not None and not answer.valid[0]:
        return zero(row.dtype), False
    if answer.strings is not None:
        begin, end = answer.strings.offsets[:2]
        return answer.strings.data[int(begin) : int(end)].tobytes().decode(), True
    return typed(answer.values[0], row.dtype), True


_COMBINE: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b,
    "min": min,
    "max": max,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
}


def aggregate(node: Agg, rows: list[Env]) -> Value:
    """The result of an aggregation over `rows`, which are one group, in order.

    Raises
    ------
    ArithmeticOverflowError
        Where the exact result does not fit.
    """
    with np.errstate(all="ignore"):
        return _aggregate(node, rows)


def _aggregate(node: Agg, rows: list[Env]) -> Value:
    declared = node.aggregation
    rows = [env for env in rows if node.filter is None or all(_evaluate(node.filter, env))]
    operands = [[_evaluate(a, env) for a in node.args] for env in rows]
    if node.distinct:
        operands = list(
            {tuple(("nan" if v != v else v) if valid else None for v, valid in row): row for row in operands}.values()
        )
    if not declared.slots:
        return _holistic(node, operands)
    state = None
    for position, row in enumerate(operands):
        if not declared.lift_nulls and not all(valid for _, valid in row):
            continue
        state = lifted(node, row, position) if state is None else combined(node, state, lifted(node, row, position))
    if state is None:
        return (zero(node.dtype), False) if declared.empty is None else (typed(declared.empty, node.dtype), True)
    return finalized(node, state)


def lifted(node: Agg, row: list[Value], position: int) -> tuple[Any, ...]:
    """The slots for one row."""
    assert node.aggregation.lift is not None
    parts = [part for value, valid in row for part in ((value, np.bool_(valid)) if node.aggregation.lift_nulls else (value,))]
    if node.aggregation.position:
        parts.append(np.int64(position))
    return _slots(node, function_of(node.aggregation.lift)(*parts))


def combined(node: Agg, a: tuple[Any, ...], b: tuple[Any, ...]) -> tuple[Any, ...]:
    """Two groups' slots put together."""
    if node.aggregation.combine is not None:
        return _slots(node, function_of(node.aggregation.combine)(*a, *b))
    return _slots(node, tuple(_COMBINE[str(s.combine)](x, y) for s, x, y in zip(node.slots, a, b, strict=True)))


def identity(node: Agg) -> tuple[Any, ...]:
    """The slots of a group without rows."""
    return _slots(node, tuple(s.identity for s in node.slots))


def finalized(node: Agg, state: tuple[Any, ...]) -> Value:
    """The result of a group's slots."""
    declared = node.aggregation
    assert declared.finalize is not None
    state += tuple(typed(p.value, p.dtype) for p in node.parameters) + tuple(constant(c) for c in node.constants)
    if declared.overflow is not None and function_of(declared.overflow)(*state):
        raise ArithmeticOverflowError(f"{declared.name} does not fit {node.dtype}")
    result = function_of(declared.finalize)(*state)
    value, valid = result if returns_tuple(declared.finalize) == 2 else (result, True)
    return typed(value, node.dtype), bool(valid)


def _slots(node: Agg, values: Any) -> tuple[Any, ...]:
    values = values if isinstance(values, tuple) else (values,)
    return tuple(typed(v, s.type) for v, s in zip(values, node.slots, strict=True))


def _holistic(node: Agg, operands: list[list[Value]]) -> Value:
    """Aggregations without slots have no bodies, the planner rewrites them: their meaning is written out here."""
    assert node.aggregation.over_distinct == "len", node.aggregation.name
    values = {("nan" if v != v else v) if valid else None for ((v, valid),) in operands}
    return typed(len(values), node.dtype), True
