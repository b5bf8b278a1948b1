"""Work on the typed rows inside plan nodes: conjunctions, which columns are read, what may raise."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial, reduce
from typing import TypeVar

from gpuflow_kernels.dtypes import BOOL
from gpuflow_kernels.ir.expressions import Agg, Call, Const, Ref, Row, column_refs, walk
from gpuflow_kernels.ir.value_ranges import cannot_overflow

from gpuflow.expr.bind import apply
from gpuflow.schema import Schema

Part = TypeVar("Part")
LARGE = 256
"""Rows of more nodes than this are not put into others: text would grow with every step."""


_MANY = 16


def conjuncts(row: Row) -> list[Row]:
    """Split a conjunction into its conditions.

    ``a & (b & c)`` gives ``[a, b, c]``; anything else, itself.
    """
    if isinstance(row, Call) and row.overload.traits.logic == "and" and all(d.dtype == BOOL for d in (row, *row.args)):
        return [c for a in row.args for c in conjuncts(a)]
    return [row]


def conjoin(rows: Iterable[Row]) -> Row:
    """Join conditions by ``and``, equal ones once. Many are joined in pairs, so that nothing gets deep."""
    both = partial(apply, "and", BOOL)
    return reduce(both, in_pairs([*dict.fromkeys(rows)], both, _MANY))


def in_pairs(parts: list[Part], join: Callable[[Part, Part], Part], most: int = 1) -> list[Part]:
    """Join neighbours, round after round, until at most `most` parts remain: the result is as shallow as can be."""
    while len(parts) > most:
        parts = [join(parts[k], parts[k + 1]) if k + 1 < len(parts) else parts[k] for k in range(0, len(parts), 2)]
    return parts


def as_key(row: Row) -> Row:
    """Rewrite `row` to the value that it has as a key of groups.

    0.0 and -0.0 are equal, though ``1 / x`` differs, and the key of their group is 0.0. Adding 0.0 gives just that, and leaves
    all other values as they are.
    """
    return apply("add", row.dtype, row, Const(0.0, row.dtype)) if row.dtype.is_float else row


def size(row: Row | Agg) -> int:
    """Count the nodes."""
    return sum(1 for _ in walk(row))


def may_raise(row: Row | Agg) -> bool:
    """True if evaluating `row` can raise for some value: it must not be evaluated for rows that a filter or join would have
    removed before."""
    return any(isinstance(n, Call) and n.overload.overflow is not None and not cannot_overflow(n) for n in walk(row))


def names(rows: Iterable[Row | Agg]) -> set[str]:
    """Collect the names of all columns that the rows read."""
    return {r.key for r in column_refs(rows) if isinstance(r.key, str)}


def passthrough(schema: Schema) -> tuple[tuple[str, Ref], ...]:
    """Return the projection columns that copy every column."""
    return tuple((name, Ref(name, dtype)) for name, dtype in schema.items())
