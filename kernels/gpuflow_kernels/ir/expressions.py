"""Typed row expressions: what plans hold after binding, and what code generation reads.

`Ref.key` is a column name in plans and a position in pipelines (names never reach generated text).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gpuflow_kernels.declare.aggregate import Aggregation, Slot
from gpuflow_kernels.declare.scalar import Constant, Overload, argument_names
from gpuflow_kernels.dtypes import DType


@dataclass(frozen=True, slots=True)
class Ref:
    """A column of the input."""

    key: str | int
    dtype: DType


@dataclass(frozen=True, slots=True, eq=False)
class Const:
    """A literal; `value` is None for null, a str for strings, bytes for binary, else a number or bool in the type's physical
    unit.

    Equal are literals that mean the same everywhere: 0.0 and -0.0 differ (``1 / x`` differs), NaN equals NaN.
    """

    value: Any
    dtype: DType

    @property
    def _identity(self) -> tuple[Any, ...]:
        value = self.value
        if isinstance(value, float):
            return self.dtype, float, "nan" if value != value else value, math.copysign(1.0, value)
        return self.dtype, type(value), value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Const) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)


@dataclass(frozen=True, slots=True)
class CodeOf:
    """Stands in a string `Const` for a code that is known only where the dictionary is: entry `index` of the codes
    handed to the kernel's run."""

    index: int


@dataclass(frozen=True, slots=True)
class LiteralSlot:
    """Stands in a `Const`, or for the values of a `Member` or `Table`, for literal number `index` of those that a kernel is
    given; `bounds` are the least and greatest integer that it may be, where it is one."""

    index: int
    bounds: tuple[int, int] | None = None


class CachedHash:
    """Base of nodes that compute their hash once: each look-up would compute it from all nodes below again."""

    __slots__ = ("_hash",)
    _hash: int

    def kept_hash(self, *fields: Any) -> int:
        try:
            return self._hash
        except AttributeError:
            found = hash(fields)
            object.__setattr__(self, "_hash", found)
            return found


@dataclass(frozen=True, slots=True)
class Call(CachedHash):
    """A declared row function applied to arguments already of the types its signature asks for.

    `constants` are further parameters of the body, numbers written into the text and a `Table` passed to the kernel.
    """

    overload: Overload
    args: tuple[Row, ...]
    dtype: DType
    constants: tuple[Constant, ...] = ()

    def __hash__(self) -> int:
        return self.kept_hash(self.overload, self.args, self.dtype, self.constants)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the body's parameters that `args` are passed for, one each."""
        return argument_names(self.overload)[: len(self.args)]


@dataclass(frozen=True, slots=True)
class Member:
    """Whether `arg` is one of `values` (physical values of `arg.dtype`, sorted, no nulls). Null where `arg` is null."""

    arg: Row
    values: tuple[Any, ...]
    dtype: DType


@dataclass(frozen=True, slots=True)
class Lookup:
    """``table[arg]``: an entry of look-up table number `index`, an array handed to the kernel at run time. Null where
    `arg` is null. Stages put these over string codes: recoding into a shared dictionary, or a predicate's answers."""

    index: int
    arg: Row
    dtype: DType


Row = Ref | Const | Call | Member | Lookup


@dataclass(frozen=True, slots=True)
class Agg:
    """A declared aggregation applied to row expressions, bound to concrete slots.

    Attributes
    ----------
    constants : tuple
        Numbers of its type rule, written into the text of what makes the result.
    parameters : tuple of Const
        The user's typed arguments, given to what makes the result as literals before the constants.
    filter : Row, optional
        Rows for which it is not true (null included) are not aggregated.
    distinct : bool
        Equal values are aggregated once; the optimiser rewrites it, no kernel sees it.
    """

    aggregation: Aggregation
    args: tuple[Row, ...]
    dtype: DType
    slots: tuple[Slot, ...]
    constants: tuple[Constant, ...] = ()
    parameters: tuple[Const, ...] = ()
    filter: Row | None = None
    distinct: bool = False


def children(node: Row | Agg) -> tuple[Row, ...]:
    """The direct operands of a node."""
    if isinstance(node, Agg):
        return node.args if node.filter is None else (*node.args, node.filter)
    if isinstance(node, Call):
        return node.args
    return (node.arg,) if isinstance(node, (Member, Lookup)) else ()


def rebuild(node: Any, operands: tuple[Row, ...]) -> Any:
    """`node` with other operands of the same types."""
    if isinstance(node, Agg) and node.filter is not None:
        return replace(node, args=operands[:-1], filter=operands[-1])
    if isinstance(node, (Call, Agg)):
        return replace(node, args=operands)
    return replace(node, arg=operands[0]) if isinstance(node, (Member, Lookup)) else node


def walk(node: Row | Agg) -> list[Row | Agg]:
    """List every node, operands first."""
    nodes: list[Row | Agg] = []
    for child in children(node):
        nodes += walk(child)
    nodes.append(node)
    return nodes


def transform(node: Any, change: Callable[[Any], Any]) -> Any:
    """Rebuild bottom-up, `change` applied to every node after its operands."""
    operands = children(node)
    new = tuple(transform(o, change) for o in operands)
    return change(node if all(a is b for a, b in zip(operands, new, strict=True)) else rebuild(node, new))


def substitute(row: Any, columns: Mapping[Any, Row]) -> Any:
    """Replace columns by what `columns` has for their keys; those that it lacks stay."""
    if isinstance(row, Ref):
        return columns.get(row.key, row)
    operands = children(row)
    new = tuple([substitute(o, columns) for o in operands])
    return row if all(a is b for a, b in zip(operands, new, strict=True)) else rebuild(row, new)


def column_refs(rows: Iterable[Row | Agg]) -> list[Ref]:
    """Collect all references to columns, in order, repeated ones as often as they stand there."""
    refs: list[Ref] = []
    todo = list(rows)
    while todo:
        node = todo.pop()
        if isinstance(node, Ref):
            refs.append(node)
        else:
            todo += children(node)
    return refs[::-1]


def refs(node: Row | Agg) -> set[str | int]:
    """Keys of all columns that the expression reads."""
    return {r.key for r in column_refs((node,))}


def is_by_entry(row: Row | Agg) -> bool:
    """Whether `row` is a text function of one string and literals, which is evaluated once for each entry of a dictionary."""
    if not isinstance(row, Call) or not row.overload.of_text:
        return False
    varying = [a for a in row.args if not isinstance(a, Const)]
    return len(varying) == 1 and varying[0].dtype.kind == "string"


def is_by_row(row: Row | Agg) -> bool:
    """Whether `row` is a text function that is evaluated for each row, before the kernel that its result enters."""
    return isinstance(row, Call) and row.overload.of_text and not is_by_entry(row)


def calls_by_row(rows: Iterable[Row | Agg]) -> list[Call]:
    """The text functions in `rows` that are evaluated for each row, but for those among the arguments of others."""
    calls: list[Call] = []
    for row in rows:
        if isinstance(row, Call) and is_by_row(row):
            calls.append(row)
        else:
            calls += calls_by_row(children(row))
    return calls
