"""Plans of what is done to all columns at once: nulls and NaN left out or filled, types changed, whole tables aggregated."""

from __future__ import annotations

from collections.abc import Mapping
from operator import and_
from typing import Any

from gpuflow_kernels.declare.aggregate import AGGREGATIONS
from gpuflow_kernels.dtypes import DATE, NULL, DType

from gpuflow.errors import PlanError
from gpuflow.expr.expand import require
from gpuflow.expr.expr import Expr
from gpuflow.expr.methods import aggregated_node
from gpuflow.expr.nodes import Alias, Column, Columns, Literal
from gpuflow.expr.scalars import physical
from gpuflow.expr.types import column_type
from gpuflow.schema import Schema

from .build import filter, plain_names, select, with_columns
from .plan import Plan
from .typed_rows import in_pairs


def drop_nulls(plan: Plan, subset: Any) -> Plan:
    """The rows without a null, in all columns or those of `subset`."""
    names = plan.schema.names if subset is None else plain_names(subset, plan.schema, "drop_nulls")
    present = [Expr(Column(n)).is_not_null() for n in names]
    return filter(plan, in_pairs(present, and_)) if present else plan


def fill_null(plan: Plan, value: Any) -> Plan:
    """Nulls replaced by a literal, in columns of its kind, or by an expression, in all."""
    if isinstance(value, Expr):
        return with_columns(plan, [Expr(Column(n)).fill_null(value) for n in plan.schema], {})
    literal = Literal(*physical(value))
    if literal.value is None:
        raise PlanError("fill_null() needs a value to put in the place of nulls, such as 0 or an expression")
    names = [n for n, d in plan.schema.items() if d == NULL or _takes(d, literal.dtype)]
    return with_columns(plan, [Expr(Column(n)).fill_null(Expr(literal)) for n in names], {})


def _takes(column: DType, literal: DType) -> bool:
    """Whether a literal is of a column's kind: numbers are one kind, all others fill their own only, as in Polars."""
    if literal.is_numeric or literal.is_decimal:
        return column.is_numeric or column.is_decimal
    return column.kind == literal.kind and column.zone == literal.zone


def fill_nan(plan: Plan, value: Any) -> Plan:
    """NaN replaced in the columns of floats."""
    return with_columns(plan, [Expr(Column(n)).fill_nan(value) for n, d in plan.schema.items() if d.is_float], {})


def cast(plan: Plan, dtypes: Any, strict: bool) -> Plan:
    """All columns as one type, or some by name or type."""
    if isinstance(dtypes, Mapping):
        targets = {n: column_type(to, f"cast(), {key!r}") for key, to in dtypes.items() for n in _meant(key, plan.schema)}
    else:
        targets = dict.fromkeys(plan.schema, column_type(dtypes, "cast() of a type, or of a dict of types by column name"))
    return with_columns(plan, [Expr(Column(n)).cast(to, strict=strict) for n, to in targets.items() if plan.schema[n] != to], {})


def _meant(key: Any, schema: Schema) -> list[str]:
    """The columns that a key of `cast` stands for."""
    if not isinstance(key, str):
        now = column_type(key, "cast() takes types by column name, or by the type there is now")
        return [n for n, d in schema.items() if d == now]
    require([key], schema)
    return [key]


def whole(plan: Plan, method: str, **params: Any) -> Plan:
    """One row: an aggregation of every column, null where there is none for its type (as in Polars)."""
    columns = []
    params = dict(aggregated_node(method, (Expr(Columns(None)),), params).params)
    for name, dtype in plan.schema.items():
        # Polars has a mean of dates, and gpuflow none: that is said, where null would be another answer.
        known = AGGREGATIONS[method].signature((dtype,), params) or (method == "mean" and dtype == DATE)
        columns.append(aggregated(method, name, dtype, **params) if known else _null(name, dtype))
    return select(plan, columns, {})


def aggregated(method: str, name: str, dtype: DType, **params: Any) -> Expr:
    """A column aggregated; of a type that holds nothing but null, null (as in Polars) unless values are counted."""
    if dtype == NULL and method != "count":
        return _null(name, dtype)
    return Expr(aggregated_node(method, (Expr(Column(name)),), params))


def _null(name: str, dtype: DType) -> Expr:
    return Expr(Alias(Literal(None, dtype, fixed=True), name))
