"""Functions that check and build plan nodes: the only way a Frame or a SQL text makes a plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import index
from typing import Any

import numpy as np
from gpuflow_kernels.declare.choices import checked_flag, is_one_of
from gpuflow_kernels.dtypes import BOOL, NULL, DType, common
from gpuflow_kernels.ir.expressions import Ref, Row

from gpuflow.errors import DuplicateNameError, PlanError, TypeMismatchError
from gpuflow.expr.aggregates import Split, bind_aggregates
from gpuflow.expr.bind import Binder, cast_to, refuse_opaque, zone_hint
from gpuflow.expr.expand import expand, flatten, named, require
from gpuflow.expr.expr import Expr
from gpuflow.expr.methods import as_node
from gpuflow.expr.nodes import Aggregated, Column, Literal, Node, column_names, has_aggregation, render
from gpuflow.schema import Schema

from .first_appearance import in_order
from .nodes import Aggregate, Distinct, Filter, Limit, Plan, Project, Scan, Sort, Union, passthrough
from .source import Source


def scan(source: Source) -> Scan:
    """All columns of a source."""
    return Scan(source, source.schema.names)


def filter(plan: Plan, conditions: Sequence[Any]) -> Plan:
    """Keep the rows for which all conditions are true.

    Raises
    ------
    TypeMismatchError
        When a condition is not bool.
    """
    if not conditions:
        raise PlanError("filter() needs a condition")
    for condition in flatten(conditions):
        if isinstance(condition, bool) and any(isinstance(c, (list, tuple)) for c in conditions):
            raise TypeMismatchError("filter() takes conditions on columns, not a list of True and False for the rows")
        for node in expand(as_node(condition, names=True), plan.schema):
            row = Binder(plan.schema).row(node)
            if row.dtype == NULL:
                row = cast_to(row, BOOL)
            if row.dtype != BOOL:
                raise TypeMismatchError(
                    f"filter() takes a condition, and {render(node)} is {row.dtype}; compare it, as in {render(node)} > 0 "
                    "or .is_not_null()"
                )
            plan = Filter(plan, row)
    return plan


def select(plan: Plan, values: Iterable[Any], by_name: Mapping[str, Any]) -> Plan:
    """New columns only. With aggregations: one row, computed from all rows. Literals alone are one row too, as in Polars;
    beside columns they stand in every row."""
    columns = named(values, by_name, plan.schema, what="select")
    if any(has_aggregation(node) for _, node in columns):
        return _select_aggregates(plan, columns)
    if columns and not any(column_names(node) for _, node in columns):
        return _select_aggregates(Limit(plan, 0), columns)  # no row needs to be read
    binder = Binder(plan.schema)
    return Project(plan, tuple((name, binder.row(node)) for name, node in columns))


def _select_aggregates(plan: Plan, columns: list[tuple[str, Node]]) -> Plan:
    for _, node in columns:
        if not has_aggregation(node) and column_names(node):
            whole = next(n for _, n in columns if has_aggregation(n))
            raise PlanError(
                f"select: {render(whole)} is one value, and {render(node)} has one for every row; aggregate both, or compute "
                "the aggregation by itself and join it to the rows"
            )
    return aggregated(plan, (), bind_aggregates(columns, plan.schema, Schema()))


def with_columns(plan: Plan, values: Iterable[Any], by_name: Mapping[str, Any]) -> Plan:
    """All columns, with new ones added or put in the place of those with their name."""
    columns = named(values, by_name, plan.schema, what="with_columns")
    binder = Binder(plan.schema)
    return Project(plan, tuple((dict(passthrough(plan.schema)) | {n: binder.row(e) for n, e in columns}).items()))


def drop(plan: Plan, names: Iterable[Any]) -> Plan:
    """All columns but these."""
    gone = [c for n in flatten(names) for c in _plain(n, plan.schema, "drop")]
    require(gone, plan.schema)
    return Project(plan, tuple((n, r) for n, r in passthrough(plan.schema) if n not in gone))


def rename(plan: Plan, mapping: Mapping[str, str] | Callable[[str], str]) -> Plan:
    """Columns under other names."""
    if not isinstance(mapping, Mapping):
        if not callable(mapping):
            raise TypeMismatchError(f"rename() takes a dict of names, or a function that makes them, not {mapping!r:.60}")
        mapping = {n: mapping(n) for n in plan.schema}
    for old, new in mapping.items():
        if not isinstance(new, str):
            raise TypeMismatchError(f"rename: the new name of {old!r} must be a str, not {new!r:.60}")
    require(mapping, plan.schema)
    names = [mapping.get(n, n) for n in plan.schema]
    for name in names:
        if names.count(name) > 1:
            both = [n for n in plan.schema if mapping.get(n, n) == name]
            raise DuplicateNameError(f"rename: {' and '.join(repr(n) for n in both)} would both be called {name!r}", column=name)
    return Project(plan, tuple((mapping.get(n, n), r) for n, r in passthrough(plan.schema)))


def group_keys(plan: Plan, values: Iterable[Any], by_name: Mapping[str, Any]) -> tuple[tuple[str, Row], ...]:
    """The keys of a group_by: columns or expressions without aggregations."""
    columns = named(values, by_name, plan.schema, what="group_by")
    if not columns:
        raise PlanError("group_by() needs a key; without one use select(...) with aggregations")
    binder = Binder(plan.schema)
    keys = tuple((name, binder.row(node)) for name, node in columns)
    refuse_opaque("group_by", (row for _, row in keys))
    return keys


def aggregate(
    plan: Plan,
    keys: tuple[tuple[str, Row], ...],
    values: Iterable[Any],
    by_name: Mapping[str, Any],
    *,
    maintain_order: bool = False,
) -> Plan:
    """One row for each distinct key: the keys, then the aggregations."""
    taken = dict(keys)
    columns = named(values, by_name, plan.schema, what="agg", without=taken)
    for name, node in columns:
        if name in taken:
            raise DuplicateNameError(
                f"agg: {render(node)} would be called {name!r} like a key; name it, as in agg({name}_2=...)", column=name
            )
        if not has_aggregation(node) and not isinstance(node, Literal) and not column_names(node) <= set(taken):
            raise PlanError(
                f"agg: {render(node)} has many values in a group; aggregate it, as in .sum() or .first(), or make it a key of "
                "group_by()"
            )
    split = bind_aggregates(columns, plan.schema, Schema({n: r.dtype for n, r in keys}))
    return aggregated(plan, keys, split, maintain_order=maintain_order)


def aggregated(plan: Plan, keys: tuple[tuple[str, Row], ...], split: Split, *, maintain_order: bool = False) -> Plan:
    """The nodes for bound aggregations: an Aggregate, with a Project above where something is computed from them."""
    visible = (*((n, Ref(n, r.dtype)) for n, r in keys), *split.outputs)
    if maintain_order:
        return Project(in_order(plan, keys, split.aggs), visible)
    result = Aggregate(plan, keys, split.aggs)
    return result if split.direct else Project(result, visible)


def sort(plan: Plan, values: Iterable[Any], descending: bool | Sequence[bool], nulls_last: bool | Sequence[bool]) -> Plan:
    """Stable sort by expressions."""
    nodes = [e for v in flatten(values) for e in expand(as_node(v, names=True), plan.schema)]
    if not nodes:
        raise PlanError("sort() needs a column")
    binder = Binder(plan.schema)
    keys = tuple(binder.row(n) for n in nodes)
    refuse_opaque("sort", keys)
    return Sort(plan, keys, _flags("descending", descending, len(keys)), _flags("nulls_last", nulls_last, len(keys)))


def _flags(what: str, value: bool | Sequence[bool], count: int) -> tuple[bool, ...]:
    listed = [value] * count if isinstance(value, (bool, np.bool_)) else value
    if isinstance(listed, str) or not isinstance(listed, Iterable):
        raise TypeMismatchError(f"sort: {what} takes True or False, or a list of them, not {value!r:.60}")
    given = list(listed)
    for flag in given:
        if not isinstance(flag, (bool, np.bool_)):
            raise TypeMismatchError(f"sort: {what} takes True or False for each column, not {flag!r:.60}")
    flags = tuple(map(bool, given))
    if len(flags) != count:
        raise PlanError(f"sort: {what} has {len(flags)} entries for {count} columns")
    return flags


def limit(plan: Plan, count: int, offset: int = 0) -> Plan:
    """Some rows in order."""
    return Limit(plan, whole("number of rows", count), whole("offset", offset))


def skip(plan: Plan, offset: int) -> Plan:
    """All rows in order from `offset`."""
    return Limit(plan, None, whole("offset", offset))


def whole(what: str, value: Any) -> int:
    try:
        number = index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise TypeMismatchError(f"the {what} must be an int, not {value!r:.60}")
    if number < 0:
        raise PlanError(f"the {what} must not be negative ({value}); rows from the end are not known in a lazy table")
    return number


def distinct(plan: Plan, subset: Iterable[Any] | None, *, keep: str = "any", maintain_order: bool = False) -> Plan:
    """One row for each distinct combination of all columns, or of `subset`.

    Parameters
    ----------
    keep : {"any", "first", "last"}
        Which row stays, when `subset` leaves columns out.
    """
    checked_flag(maintain_order, "unique: maintain_order=", TypeMismatchError)
    if not is_one_of(keep, ("any", "first", "last")):
        raise PlanError(f"unique: keep={keep!r} is not one of 'any', 'first', 'last'")
    names = plan.schema.names if subset is None else plain_names(subset, plan.schema, "unique")
    refuse_opaque("unique", (Ref(n, plan.schema[n]) for n in names))
    others = [n for n in plan.schema if n not in names]
    if not others and not maintain_order:
        return Distinct(plan)
    keys = tuple((n, Ref(n, plan.schema[n])) for n in names)
    method = "last" if keep == "last" else "first"
    columns: list[tuple[str, Node]] = [(n, Aggregated(method, (Column(n),))) for n in others]
    split = bind_aggregates(columns, plan.schema, Schema({n: r.dtype for n, r in keys}))
    result = aggregated(plan, keys, split, maintain_order=maintain_order)
    return Project(result, passthrough(plan.schema))


def union(parts: Sequence[Plan]) -> Plan:
    """All rows of all inputs, in order. Columns must have the same names in the same order; types meet.

    Raises
    ------
    TypeMismatchError
        When a column's types cannot meet.
    """
    if not parts:
        raise PlanError("concat() needs at least one table")
    first = parts[0].schema
    for number, part in enumerate(parts[1:], 2):
        if part.schema.names != first.names:
            raise PlanError(_differing(number, first, part.schema))
    types = {name: meeting(name, list(enumerate((p.schema for p in parts), 1))) for name in first}
    cast = []
    for part in parts:
        columns = tuple((n, cast_to(Ref(n, d), types[n])) for n, d in part.schema.items())
        cast.append(part if all(isinstance(r, Ref) for _, r in columns) else Project(part, columns))
    return cast[0] if len(cast) == 1 else Union(tuple(cast))


def _differing(number: int, first: Schema, other: Schema) -> str:
    missing = [n for n in first if n not in other]
    more = [n for n in other if n not in first]
    text = f"concat: table {number} has other columns than the first"
    if not missing and not more:
        return f"{text}: the same names in another order; select({', '.join(repr(n) for n in first)}) from it"
    parts = [f"it lacks {', '.join(repr(n) for n in missing)}"] if missing else []
    parts += [f"it has {', '.join(repr(n) for n in more)} more"] if more else []
    return f"{text}: {' and '.join(parts)}; select() what they share, or fill the others with null: concat(..., how='diagonal')"


def meeting(name: str, schemas: Sequence[tuple[int, Schema]]) -> DType:
    """The type in which a column of several tables, given with their numbers, meets.

    Raises
    ------
    TypeMismatchError
        When there is none.
    """
    dtype = schemas[0][1][name]
    for number, schema in schemas[1:]:
        met = common(dtype, schema[name])
        if met is None:
            raise TypeMismatchError(
                f"concat: column {name!r} is {dtype} in the tables before and {schema[name]} in table {number}"
                + (zone_hint([dtype, schema[name]]) or "; cast one of them")
            )
        dtype = met
    return dtype


def plain_names(subset: Any, schema: Schema, what: str) -> tuple[str, ...]:
    """The columns of a `subset` of the method `what`: names, or expressions that are columns."""
    values = list(subset) if isinstance(subset, Iterable) and not isinstance(subset, (str, Expr)) else [subset]
    names = [c for v in flatten(values) for c in _plain(v, schema, what)]
    require(names, schema)
    return tuple(dict.fromkeys(names))


def _plain(value: Any, schema: Schema, what: str) -> list[str]:
    nodes = expand(as_node(value, names=True), schema)
    for node in nodes:
        if not isinstance(node, Column):
            raise PlanError(f"{what}() takes column names, and {render(node)} is an expression")
    return [n.name for n in nodes if isinstance(n, Column)]
