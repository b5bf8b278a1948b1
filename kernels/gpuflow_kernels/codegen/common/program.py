"""The row part of a kernel: steps and key words, the same text on every target. Skeletons add loads, loops and sinks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from gpuflow_kernels.declare.scalar import Table
from gpuflow_kernels.ir.expressions import Const, LiteralSlot, Member, Ref, Row
from gpuflow_kernels.ir.pipeline import Group, Pipeline, Probe, Shape, TableShape

from .arguments import Argument, Role
from .literals import abstracted
from .row_source import FALSE, TRUE, RowWriter, Value, both, loaded, zero


@dataclass(frozen=True, slots=True)
class Generated:
    """One generated module and what its kernel has to be given.

    Attributes
    ----------
    text : str
        The whole module.
    params : tuple of Argument
        The kernel's arguments in order.
    row_lines : tuple of str
        The lines of one row, without the sink; equal on every target.
    literals, lookups, members, tables
        The literals, numbers of the look-up tables, value sets and constant arrays to pass.
    checks : tuple of str
        What error number ``k + 1`` means.
    columns : tuple of int
        Input columns that are read.
    out_nullable : tuple of bool
        For writing sinks, which outputs need a validity.
    """

    text: str
    params: tuple[Argument, ...]
    row_lines: tuple[str, ...]
    literals: tuple[Const, ...]
    lookups: tuple[int, ...]
    members: tuple[Member, ...]
    tables: tuple[Table, ...]
    checks: tuple[str, ...]
    columns: tuple[int, ...]
    out_nullable: tuple[bool, ...] = ()

    def filled(self, given: tuple[Any, ...]) -> Generated:
        """What was generated for an abstracted pipeline, with the literals in their places again."""
        literals = tuple(given[c.value.index] if isinstance(c.value, LiteralSlot) else c for c in self.literals)
        members = tuple(replace(m, values=given[m.values[0].index]) for m in self.members)
        tables = tuple(Table(given[t.values.index]) for t in self.tables)
        return replace(self, literals=literals, members=members, tables=tables)


def word(row: Row, value: Value) -> str:
    """Text of the 64-bit key word of a value: equal words if and only if equal values (-0.0 is 0.0, NaN is NaN)."""
    return f"float_bits(float64({value.text}))" if row.dtype.is_float else f"int64({value.text})"


def key_words(writer: RowWriter, keys: tuple[Row, ...]) -> tuple[list[str], list[str]]:
    """Write the keys; names of their words and masks."""
    values = [writer.emit(k) for k in keys]
    words = [writer.assign(word(k, v), "w") for k, v in zip(keys, values, strict=True)]
    return words, [v.valid for v in values]


def hash_words(words: list[str], masks: list[str], with_mask: bool) -> tuple[list[str], str | None]:
    """Words with nulls zeroed, and the text of the mask word (bit k set: key k is null) or None."""
    clean = [
        w if m == TRUE else "int64(0)" if m == FALSE else f"int64({w} if {m} else 0)" for w, m in zip(words, masks, strict=True)
    ]
    if not with_mask:
        return clean, None
    bits = [f"(int64(0) if {m} else int64({1 << k}))" for k, m in enumerate(masks) if m != TRUE]
    return clean, " | ".join(bits) if bits else "int64(0)"


def write_steps(writer: RowWriter, pipeline: Pipeline, shape: Shape, sink: Callable[[], None]) -> None:
    """Write every step, each inside the block of the one before, and the sink innermost."""
    with ExitStack() as stack:
        for step in pipeline.steps:
            if isinstance(step, Probe):
                _probe(writer, step, shape.tables[step.table], stack)
            else:
                value = writer.emit(step.predicate)
                test = both(value.valid, value.text)
                if test != TRUE:
                    stack.enter_context(writer.block(f"if {test}:"))
        sink()


def _probe(writer: RowWriter, step: Probe, table: TableShape, stack: ExitStack) -> None:
    t = f"t{step.table}"
    words, masks = key_words(writer, step.keys)
    r = f"r{step.table}"
    if table.mode == "direct":
        inside = " & ".join(f"({w} >= {t}_b{k}) & ({w} <= {t}_e{k})" for k, w in enumerate(words))
        inside = both(*masks, inside)
        packed = " + ".join(f"({w} - {t}_b{k}) * {t}_k{k}" for k, w in enumerate(words))
        writer.line(f"{r} = int64({t}_direct[{packed}]) if {inside} else int64(-1)")
    else:
        with_mask = table.words > len(words)
        clean, mask = hash_words(words, masks if step.nulls_equal else [TRUE] * len(words), with_mask)
        arguments = [*clean, *([mask] if mask else []), *(f"{t}_w{k}" for k in range(table.words))]
        call = f"find_{table.words}({t}_slots, {t}_shift, {', '.join(arguments)})"
        valid = TRUE if with_mask else both(*masks)
        writer.line(f"{r} = {call}" if valid == TRUE else f"{r} = {call} if {valid} else int64(-1)")
    if step.matched != step.unmatched:
        stack.enter_context(writer.block(f"if {r} {'>=' if step.matched else '<'} 0:"))
    if not step.brings:
        return
    if not table.unique:
        # `u` is where a kernel that stopped inside this loop goes on (-2: from the start); used once.
        n = step.table
        if not step.unmatched:
            writer.line(f"x{n} = {t}_offsets[uint64({r})]")
            writer.line(f"y{n} = {t}_offsets[uint64({r} + 1)]")
        else:
            writer.line(f"x{n} = {t}_offsets[uint64({r})] if {r} >= 0 else int64(-1)")
            writer.line(f"y{n} = {t}_offsets[uint64({r} + 1)] if {r} >= 0 else int64(0)")
        writer.line(f"x{n} = u{n} if u{n} > x{n} else x{n}")
        writer.line(f"u{n} = int64(-2)")
        stack.enter_context(writer.block(f"for q{n} in range(x{n}, y{n}):"))
        r = f"q{n}"
    for key, position, dtype in step.payload:
        number = writer.fresh()
        load, present = loaded(dtype, f"{t}_p{position}[uint64({r})]"), f"bool_({t}_n{position}[uint64({r})])"
        nullable = table.nullable[position]
        if not step.unmatched:
            writer.line(f"v{number} = {load}")
            valid = TRUE
            if nullable:
                writer.line(f"m{number} = {present}")
                valid = f"m{number}"
        else:
            writer.line(f"v{number} = {load} if {r} >= 0 else {zero(dtype)}")
            writer.line(f"m{number} = {present} if {r} >= 0 else False" if nullable else f"m{number} = {r} >= 0")
            valid = f"m{number}"
        writer.bind(Ref(key, dtype), Value(f"v{number}", valid))


def repeated(pipeline: Pipeline, shape: Shape) -> tuple[int, ...]:
    """Numbers of the tables whose repeated keys make this kernel loop."""
    return tuple(s.table for s in pipeline.probes if s.brings and not shape.tables[s.table].unique)


def null_keys(pipeline: Pipeline, shape: Shape) -> tuple[bool, ...]:
    """Which keys of a grouping sink can be null, for inputs of this shape."""
    return _null_keys(abstracted(pipeline)[0], shape)


@lru_cache(maxsize=4096)
def _null_keys(pipeline: Pipeline, shape: Shape) -> tuple[bool, ...]:
    assert isinstance(pipeline.sink, Group)
    writer, keys = RowWriter(shape.nullable), pipeline.sink.keys
    found: list[bool] = []
    write_steps(writer, pipeline, shape, lambda: found.extend(writer.emit(k).valid != TRUE for k in keys))
    return tuple(found)


def input_params(writer: RowWriter, pipeline: Pipeline, shape: Shape) -> tuple[Argument, ...]:
    """The arguments that rows read: columns, literals, look-ups, members, arrays, join tables."""
    arguments = []
    for position in sorted(writer.columns):
        arguments.append(Argument(Role.INPUT, position))
        if shape.nullable[position]:
            arguments.append(Argument(Role.VALIDITY, position))
    arguments += [Argument(Role.LITERAL, k) for k in range(len(writer.literals))]
    arguments += [Argument(Role.LOOKUP, k) for k in writer.lookups]
    arguments += [Argument(Role.MEMBERS, k) for k in range(len(writer.members))]
    arguments += [Argument(Role.ARRAY, k) for k in range(len(writer.tables))]
    for step in pipeline.probes:
        table = shape.tables[step.table]
        if table.mode == "direct":
            parts = ["direct", *(f"{x}{k}" for k in range(table.words) for x in "bek")]
        else:
            parts = ["slots", "shift", *(f"w{k}" for k in range(table.words))]
        if step.brings:
            if not table.unique:
                parts.append("offsets")
            for _, position, _ in step.payload:
                parts.append(f"p{position}")
                if table.nullable[position]:
                    parts.append(f"n{position}")
        arguments += [Argument(Role.JOIN, step.table, part) for part in parts]
    return tuple(dict.fromkeys(arguments))
