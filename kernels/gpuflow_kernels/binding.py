"""What a generated kernel is given at run time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .algorithms.join_table import JoinTable
from .codegen.common.arguments import Argument, Arguments, Role, control
from .codegen.common.program import Generated
from .column import Chunk
from .dtypes import DType
from .ir.expressions import CodeOf
from .ir.pipeline import Pipeline, Shape
from .target import Target, word_of

POSITION = control("pos")


@dataclass(frozen=True, slots=True)
class Bindings:
    """Everything a run of a pipeline needs besides its input columns.

    Attributes
    ----------
    tables : tuple of JoinTable
        By the number that `Probe.table` names.
    lookups : tuple of arrays
        Look-up tables over string codes.
    codes : tuple of int
        Codes of string literals, see `CodeOf`.
    position : int
        Position of the chunk's first row in the whole input, for aggregations that depend on order.
    key_ranges : tuple
        Per grouping key the least and greatest word it can have, or None where unknown.
    morsel : int
        Rows per kernel call on a CPU.
    tiny : bool
        Start with tables and buffers of two entries (tests growth).
    constant_hash : bool
        All keys collide (tests probing).
    """

    tables: tuple[JoinTable, ...] = ()
    lookups: tuple[Any, ...] = ()
    codes: tuple[int, ...] = ()
    position: int = 0
    key_ranges: tuple[tuple[int, int] | None, ...] = ()
    morsel: int = 1 << 18
    tiny: bool = False
    constant_hash: bool = False


def shape_of(pipeline: Pipeline, chunk: Chunk, bindings: Bindings, **more: Any) -> Shape:
    """The shape a kernel over this chunk is specialised on."""
    nullable = tuple(c.validity is not None for c in chunk.columns)
    tables = tuple(t.shape for t in bindings.tables)
    return Shape(nullable, tables, constant_hash=bindings.constant_hash, **more)


def fitted(target: Target, shape: Shape, chunk: Chunk) -> Shape:
    """The shape for columns that lie where they do: a GPU loads two items at once where all begin at a multiple of two."""
    if target.name != "cuda":
        return shape
    arrays = [a for c in chunk.columns for a in (c.values, c.validity) if a is not None]
    return replace(shape, paired=all(a.data.ptr % min(2 * a.itemsize, 16) == 0 for a in arrays))


def input_arguments(target: Target, pipeline: Pipeline, generated: Generated, chunk: Chunk, bindings: Bindings) -> Arguments:
    """Give a value to each argument that rows read."""
    arguments: Arguments = {POSITION: word_of(bindings.position, "int64")}
    for position in generated.columns:
        column = chunk.columns[position]
        arguments[Argument(Role.INPUT, position)] = target.asarray(column.values)
        if column.validity is not None:
            arguments[Argument(Role.VALIDITY, position)] = target.asarray(column.validity)
    for k, const in enumerate(generated.literals):
        value = bindings.codes[const.value.index] if isinstance(const.value, CodeOf) else const.value
        arguments[Argument(Role.LITERAL, k)] = word_of(value, const.dtype.register)
    for k in generated.lookups:
        arguments[Argument(Role.LOOKUP, k)] = target.asarray(bindings.lookups[k])
    for k, member in enumerate(generated.members):
        arguments[Argument(Role.MEMBERS, k)] = member_array(target, member.values, member.arg.dtype, bindings)
    for k, array in enumerate(generated.tables):
        arguments[Argument(Role.ARRAY, k)] = target.asarray(np.array(array.values, dtype="int64"))
    for number in {s.table for s in pipeline.probes}:
        table = bindings.tables[number]
        for part, value in table.arrays.items():
            arguments[Argument(Role.JOIN, number, part)] = value
        for position, column in enumerate(table.payload):
            # a column that the table shares with one of its inputs may have been moved to the host since
            validity = None if column.validity is None else target.asarray(column.validity)
            arguments[Argument(Role.JOIN, number, f"p{position}")] = target.asarray(column.values)
            arguments[Argument(Role.JOIN, number, f"n{position}")] = validity
    return arguments


def member_array(target: Target, values: tuple[Any, ...], dtype: DType, bindings: Bindings) -> Any:
    """The sorted array of a value set; codes of strings are resolved, those not in the dictionary left out."""
    resolved = [bindings.codes[v.index] if isinstance(v, CodeOf) else v for v in values]
    xp = target.xp
    return xp.sort(xp.asarray(resolved, dtype="bool" if dtype.register == "bool_" else dtype.register))
