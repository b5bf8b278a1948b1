"""What several rules do with the rows inside plan nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import reduce
from typing import Any

from gpuflow_kernels.dtypes import BOOL
from gpuflow_kernels.ir.expressions import Agg, Call, Const, Ref, Row, transform, walk
from gpuflow_kernels.ir.intervals import cannot_overflow

from gpuflow.expr.bind import apply
from gpuflow.plan.nodes import Aggregate, Filter, Join, Plan, Project, Scan, Sort

LARGE = 256
"""Rows of more nodes than this are not put into others: text would grow with every step."""


_MANY = 16


def conjuncts(row: Row) -> list[Row]:
    """The conditions that `row` is the conjunction of.

    ``a & (b & c)`` gives ``[a, b, c]``; anything else, itself.
    """
    if isinstance(row, Call) and row.overload.name == "and" and all(d.dtype == BOOL for d in (row, *row.args)):
        return [c for a in row.args for c in conjuncts(a)]
    return [row]


def conjoin(rows: Iterable[Row]) -> Row:
    """One condition from several, equal ones once. Many are put together in pairs, so that nothing gets deep."""
    parts = [*dict.fromkeys(rows)]
    while len(parts) > _MANY:
        parts = [apply("and", BOOL, *parts[k : k + 2]) if k + 1 < len(parts) else parts[k] for k in range(0, len(parts), 2)]
    return reduce(lambda a, b: apply("and", BOOL, a, b), parts)


def substitute(row: Any, columns: Mapping[str, Row]) -> Any:
    """`row` with columns replaced by what they are computed from."""
    return transform(row, lambda n: columns.get(n.key, n) if isinstance(n, Ref) and isinstance(n.key, str) else n)


def as_key(row: Row) -> Row:
    """Rewrite `row` to the value that it has as a key of groups.

    0.0 and -0.0 are equal, though ``1 / x`` differs, and the key of their group is 0.0. Adding 0.0 gives just that, and leaves
    all other values as they are.
    """
    return apply("add", row.dtype, row, Const(0.0, row.dtype)) if row.dtype.is_float else row


def size(row: Row | Agg) -> int:
    """Number of nodes."""
    return sum(1 for _ in walk(row))


def may_raise(row: Row | Agg) -> bool:
    """Whether evaluating `row` can raise for some value: such a row must not be evaluated for rows that a filter or
    join would have removed before."""
    return any(isinstance(n, Call) and n.overload.overflow is not None and not cannot_overflow(n) for n in walk(row))


def names(rows: Iterable[Row | Agg]) -> set[str]:
    """Names of all columns that the rows read."""
    return {n.key for r in rows for n in walk(r) if isinstance(n, Ref) and isinstance(n.key, str)}


def rows_of(plan: Plan) -> tuple[Row | Agg, ...]:
    """The rows that a node evaluates over its inputs (of a join: the left's keys, then the right's)."""
    match plan:
        case Filter(_, predicate):
            return (predicate,)
        case Project(_, columns):
            return tuple(r for _, r in columns)
        case Aggregate(_, keys, aggs):
            return (*(r for _, r in keys), *(a for _, a in aggs))
        case Join(_, _, left_on, right_on):
            return (*left_on, *right_on)
        case Sort(_, keys):
            return keys
    return ()


def map_rows(plan: Plan, change: Callable[[Any], Any]) -> Plan:
    """The node with every row in it changed; itself when nothing does."""
    new: Plan = plan
    match plan:
        case Scan(_, _, predicate) if predicate is not None:
            new = replace(plan, predicate=change(predicate))
        case Filter(_, predicate):
            new = replace(plan, predicate=change(predicate))
        case Project(_, columns):
            new = replace(plan, columns=tuple((n, change(r)) for n, r in columns))
        case Aggregate(_, keys, aggs):
            new = replace(plan, keys=tuple((n, change(r)) for n, r in keys), aggs=tuple((n, change(a)) for n, a in aggs))
        case Join(_, _, left_on, right_on):
            new = replace(plan, left_on=tuple(map(change, left_on)), right_on=tuple(map(change, right_on)))
        case Sort(_, keys):
            new = replace(plan, keys=tuple(map(change, keys)))
    same = all(a is b for a, b in zip(rows_of(plan), rows_of(new), strict=True)) and not isinstance(plan, Scan)
    return plan if same else new
