"""What a pipeline's strings are for one partition: look-up tables, codes of literals, dictionaries, columns of results."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from gpuflow_kernels.algorithms.join_table import JoinTable
from gpuflow_kernels.algorithms.strings import Answer, Numbers, One, Text, evaluate
from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.declare.scalar import SCALARS
from gpuflow_kernels.dtypes import BOOL, INT64, STRING
from gpuflow_kernels.ir.expressions import Call, Const, Ref, Row, is_by_entry
from gpuflow_kernels.ir.pipeline import Group, Probe
from gpuflow_kernels.target import Target

from gpuflow.arrow.columns import string_bytes, strings_from
from gpuflow.arrow.convert import entries_type
from gpuflow.arrow.dictionaries import EMPTY, Dictionary, dictionary_of, distinct_column, index_in, pooled, remembered, unify
from gpuflow.arrow.host_text import evaluate_on_host, is_for_host

from .text_plan import Derived, Names, StringPlan


@dataclass(frozen=True)
class Resolved:
    """The string side of a run: the chunk with columns of results added, look-up tables by number, codes of literals, and a
    dictionary and a range of codes per origin."""

    chunk: Chunk
    lookups: tuple[Any, ...]
    codes: tuple[int, ...]
    dictionaries: tuple[Any, ...]
    key_ranges: tuple[tuple[int, int] | None, ...]


def resolve(target: Target, plan: StringPlan, chunk: Chunk, tables: tuple[JoinTable, ...]) -> Resolved:
    """Evaluate and unify what has to be for one partition."""
    if not plan.computed and not plan.made and not plan.recodes and all(o is None for o in plan.origins):
        nothing = tuple(None for _ in plan.origins)
        return Resolved(chunk, (), (), nothing, nothing)
    chunk = _with_computed(target, plan, chunk)
    if plan.distinct:
        columns = (distinct_column(c) if k in plan.distinct else c for k, c in enumerate(chunk.columns))
        chunk = Chunk(tuple(columns), chunk.length)
    payload = {key: tables[s.table].payload[p] for s in plan.pipeline.steps if isinstance(s, Probe) for key, p, _ in s.payload}

    def dictionary(origin: int) -> Any:
        if origin < 0:
            return made[-1 - origin]
        return (chunk.columns[origin] if origin < len(chunk.columns) else payload[origin]).dictionary

    lookups: list[Any] = [None] * plan.lookups
    codes: list[int] = []
    made: list[Any] = []
    for thing in plan.made:
        if isinstance(thing, Derived):
            made.append(_derive(target, thing, dictionary(thing.origin), lookups))
            continue
        if isinstance(thing, Names):
            made.append(_categories(thing.categories))
            continue
        found = [dictionary(o) for o in thing.origins]
        if thing.dtype.kind == "opaque":
            merged, luts = pooled(found, entries_type(thing.dtype))
            literals = []
            made.append(merged)
        elif thing.against:
            luts, literals = [_places(target, found[0], thing.literals)], _places_of(thing.literals)
            made.append(None)
        else:
            merged, luts, literals = unify(found, thing.literals, entries_type(thing.dtype))
            made.append(merged)
        codes += literals
        for k, lut in enumerate(luts):
            lookups[thing.first + k] = _padded(lut)
    for recode in plan.recodes:
        wanted = tables[recode.table].keys[recode.key].dictionary
        lookups[recode.index] = _padded(index_in(dictionary(recode.origin), wanted))
    dictionaries = tuple(None if o is None else dictionary(o) for o in plan.origins)
    keys = len(plan.pipeline.sink.keys) if isinstance(plan.pipeline.sink, Group) else 0
    ranges = tuple((0, max(0, len(d) - 1)) if d is not None else None for d in dictionaries[:keys])
    return Resolved(chunk, tuple(lookups), tuple(codes), dictionaries, ranges)


@lru_cache(maxsize=64)
def _categories(names: tuple[str, ...]) -> Dictionary:
    """The same object for the same categories, so that what is found out about it is kept."""
    return dictionary_of(names)


def _padded(table: Any) -> Any:
    """A table that code 0 may be looked up in: an empty dictionary has nulls for rows, and their code is 0."""
    return table if len(table) else np.zeros(1, dtype=table.dtype)


# -- comparison with a few literals -----------------------------------------------------------------------------------
def _places(target: Target, dictionary: Dictionary, literals: tuple[Any, ...]) -> Any:
    """For each entry its place among the literals: twice the number of literals below it, and one more where it is one."""

    def find() -> Any:
        text, xp = text_of(dictionary), target.xp
        places = xp.zeros(len(dictionary), dtype="int32")
        for literal in literals:
            order = evaluate(target, _COMPARE, INT64, (), (text, One(STRING, _bytes(literal))), len(dictionary)).values
            places += xp.where(order > 0, 2, xp.where(order == 0, 1, 0)).astype("int32")
        return places

    return remembered(("places", literals, target.name), [dictionary], find)


def _places_of(literals: tuple[Any, ...]) -> list[int]:
    encoded = [_bytes(literal) for literal in literals]
    return [2 * sum(other < e for other in encoded) + 1 for e in encoded]


_COMPARE = SCALARS["compare_text"].overloads[0]


# -- text functions ---------------------------------------------------------------------------------------------------
def text_of(dictionary: Dictionary) -> Text:
    """The entries of a dictionary as kernels take them."""
    return Text(*dictionary.fact("bytes", lambda: string_bytes(dictionary)))


def _derive(target: Target, derived: Derived, dictionary: Dictionary, lookups: list[Any]) -> Dictionary | None:
    """Evaluate a text function of entries: its look-up tables, and the dictionary of its results where those are strings."""
    values, made, valid, bad = _of_entries(target, derived.call, derived.place, dictionary)
    count = max(1, len(dictionary))
    if derived.values is not None:
        lookups[derived.values] = _padded(values)
    if derived.valid is not None:
        lookups[derived.valid] = np.ones(count, np.bool_) if valid is None else _padded(valid)
    if derived.bad is not None:
        lookups[derived.bad] = np.zeros(count, np.bool_) if bad is None else _padded(bad)
    return made


def _of_entries(target: Target, call: Call, place: int, dictionary: Dictionary) -> tuple[Any, Dictionary | None, Any, Any]:
    """(values, dictionary of string results, valid, bad) for the entries of a dictionary; remembered."""

    def find() -> tuple[Any, Dictionary | None, Any, Any]:
        literals = {k: One(a.dtype, _bytes(a.value)) for k, a in enumerate(call.args) if isinstance(a, Const)}
        arguments = tuple(literals[k] if k in literals else text_of(dictionary) for k in range(len(call.args)))
        return _evaluated(target, call, arguments, len(dictionary))

    consts = tuple(a for a in call.args if isinstance(a, Const))
    key = ("derived", call.overload, consts, call.constants, call.dtype, place, target.name)
    return remembered(key, [dictionary], find)  # type: ignore[no-any-return]


def _bytes(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def _evaluated(target: Target, call: Call, arguments: tuple[Any, ...], rows: int) -> tuple[Any, Dictionary | None, Any, Any]:
    """Run a text function where it has to run: (values, dictionary of string results, valid, bad)."""
    if is_for_host(call.overload, arguments):
        answer: Answer = evaluate_on_host(call.overload, call.dtype, call.constants, arguments, rows)
    else:
        answer = evaluate(target, call.overload, call.dtype, call.constants, arguments, rows)
    if answer.text is None:
        return answer.values, None, answer.valid, answer.bad
    return None, Dictionary(strings_from(answer.text.offsets, answer.text.data), distinct=False), answer.valid, answer.bad


# -- results by row ---------------------------------------------------------------------------------------------------
def _with_computed(target: Target, plan: StringPlan, chunk: Chunk) -> Chunk:
    """The chunk with a column more for each text function that is evaluated by row."""
    if not plan.computed:
        return chunk
    done: dict[Row, tuple[Column, Any]] = {}
    added = []
    for call, is_bad in plan.computed:
        if call not in done:
            done[call] = column_of(target, call, chunk)
        column, bad = done[call]
        if is_bad:
            flags = target.xp.zeros(chunk.length, dtype=bool) if bad is None else bad
            column = Column(BOOL, flags)
        added.append(column)
    return Chunk((*chunk.columns, *added), chunk.length)


def column_of(target: Target, row: Row, chunk: Chunk) -> tuple[Column, Any]:
    """A text function's results for the rows of a chunk, and which of them do not fit (None: all do). Its arguments are input
    columns, literals and further text functions."""
    if isinstance(row, Ref):
        assert isinstance(row.key, int)
        return chunk.columns[row.key], None
    assert isinstance(row, Call) and row.overload.of_text, f"{row} is no column and no text function"
    if is_by_entry(row):
        return _column_by_entry(target, row, chunk)
    columns: list[Column] = []
    arguments: list[Any] = []
    flaws: list[Any] = []
    for a in row.args:
        if isinstance(a, Const):
            if a.value is None:
                return _all_null(target, row, chunk.length), None
            arguments.append(One(a.dtype, _bytes(a.value)))
            continue
        column, bad = column_of(target, a, chunk)
        columns.append(column)
        flaws += [] if bad is None else [bad]
        if column.dtype == STRING:
            text = text_of(column.dictionary)
            # no entries: every row is null, and its code 0 stands for an empty string
            text = text if len(column.dictionary) else Text(np.zeros(2, np.int64), np.empty(0, np.uint8))
            arguments.append(replace(text, codes=column.values))
        else:
            arguments.append(Numbers(column.dtype, column.values))
    values, made, valid, bad = _evaluated(target, row, tuple(arguments), chunk.length)
    flaws += [] if bad is None else [bad]
    validity = _both(target, *(c.validity for c in columns), valid)
    if made is not None:
        values = target.asarray(np.arange(chunk.length, dtype=np.int32))
    return Column(row.dtype, values, validity, made), _either(target, flaws)


def _column_by_entry(target: Target, call: Call, chunk: Chunk) -> tuple[Column, Any]:
    place = next(k for k, a in enumerate(call.args) if not isinstance(a, Const))
    column, inner = column_of(target, call.args[place], chunk)
    if any(isinstance(a, Const) and a.value is None for a in call.args):
        return _all_null(target, call, chunk.length), inner
    values, made, valid, bad = _of_entries(target, call, place, column.dictionary)
    codes = target.asarray(column.values)

    def by_row(table: Any) -> Any:
        return None if table is None else target.asarray(_padded(table))[codes]

    validity = _both(target, column.validity, by_row(valid))
    flaws = [f for f in (inner, by_row(bad)) if f is not None]
    result = Column(call.dtype, codes if made is not None else by_row(values), validity, made)
    return result, _either(target, flaws)


def _all_null(target: Target, call: Call, rows: int) -> Column:
    nothing = target.xp.zeros(rows, dtype=bool)
    return Column(call.dtype, target.xp.zeros(rows, dtype=call.dtype.storage), nothing, EMPTY if call.dtype == STRING else None)


def _both(target: Target, *masks: Any) -> Any:
    known = [target.asarray(m) for m in masks if m is not None]
    if not known:
        return None
    result = known[0]
    for mask in known[1:]:
        result = result & mask
    return result


def _either(target: Target, flaws: list[Any]) -> Any:
    result = None
    for flaw in flaws:
        result = target.asarray(flaw) if result is None else result | target.asarray(flaw)
    return result
