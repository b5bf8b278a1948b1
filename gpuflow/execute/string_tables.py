"""Carry out a `StringPlan` on a partition: look-up tables, codes of literals, dictionaries, columns of results by row.

With the settings of the task they are all that a kernel runs with (`bind`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, reduce
from operator import and_, or_
from typing import Any

import numpy as np
from gpuflow_kernels.algorithms.join_table import JoinTable
from gpuflow_kernels.algorithms.strings import Numbers, Scalar, StringColumn, StringResult, evaluate
from gpuflow_kernels.binding import Bindings
from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.declare.scalar import SCALARS
from gpuflow_kernels.dtypes import BOOL, INT64, STRING
from gpuflow_kernels.ir.expressions import Call, Const, Ref, Row, is_by_entry
from gpuflow_kernels.target import TARGETS, Target

from gpuflow.arrow.columns import string_bytes, strings_from
from gpuflow.arrow.dictionaries import EMPTY, Dictionary, dictionary_of, distinct_column, index_in, pooled, remembered, unify
from gpuflow.arrow.host_strings import evaluate_on_host, is_for_host
from gpuflow.arrow.schema import entries_type
from gpuflow.physical.string_codes import EntryFunction, EnumCategories, LiteralOrder, Origin, Prepared
from gpuflow.physical.strings import StringPlan
from gpuflow.physical.tasks import Options

POSITION_BITS = 40
"""Rows of a partition are numbered below this many bits; the partition's ordinal stands above."""


def bind(
    options: Options, plan: StringPlan, chunk: Chunk, tables: tuple[JoinTable, ...] = (), ordinal: int = 0
) -> tuple[Chunk, Bindings, tuple[Any, ...]]:
    """Prepare a partition for the pipeline of `plan`: the chunk to run it over, with columns of results by row, what to run it
    with, and the dictionaries of its outputs."""
    lookups: tuple[Any, ...] = ()
    codes: tuple[int, ...] = ()
    dictionaries: tuple[Any, ...] = (None,) * len(plan.origins)
    if plan.has_strings:
        target = TARGETS[options.target]
        chunk = _with_columns_by_row(target, plan, chunk)
        if plan.distinct:
            columns = (distinct_column(c) if k in plan.distinct else c for k, c in enumerate(chunk.columns))
            chunk = Chunk(tuple(columns), chunk.length)
        made = _Preparation(target, plan, chunk, tables)
        lookups, codes = tuple(made.lookups), tuple(made.codes)
        dictionaries = tuple(None if o is None else made.dictionary(o) for o in plan.origins)
    keys = len(plan.pipeline.sink.keys)
    ranges = tuple((0, max(0, len(d) - 1)) if d is not None else None for d in dictionaries[:keys])
    bindings = Bindings(
        tables,
        lookups,
        codes,
        ordinal << POSITION_BITS,
        () if options.tiny else ranges,
        options.morsel_rows,
        options.tiny,
        options.constant_hash,
    )
    return chunk, bindings, dictionaries


class _Preparation:
    """Makes the dictionaries and look-up tables of a plan, in order."""

    def __init__(self, target: Target, plan: StringPlan, chunk: Chunk, tables: tuple[JoinTable, ...]) -> None:
        probes = plan.pipeline.probes
        self.columns = dict(enumerate(chunk.columns))
        self.columns |= {key: tables[probe.table].payload[p] for probe in probes for key, p, _ in probe.payload}
        self.target = target
        self.lookups: list[Any] = [None] * plan.lookups
        self.codes: list[int] = []
        self.made: list[Dictionary | None] = []
        for prepared in plan.prepared:
            self.made.append(self._make(prepared))
        for remap in plan.remaps:
            codes = index_in(self.dictionary(remap.origin), tables[remap.table].keys[remap.key].dictionary)
            self.lookups[remap.lookup] = _padded(codes)

    def dictionary(self, origin: Origin) -> Any:
        return self.made[-1 - origin] if origin < 0 else self.columns[origin].dictionary

    def _make(self, prepared: Prepared) -> Dictionary | None:
        """Fill in the look-up tables and codes of one entry of the plan; its dictionary, if it has one."""
        if isinstance(prepared, EntryFunction):
            return self._entry_function(prepared)
        if isinstance(prepared, EnumCategories):
            return _categories(prepared.categories)
        if isinstance(prepared, LiteralOrder):
            self.codes += _codes_in_order(prepared.literals)
            order = _order_of_entries(self.target, self.dictionary(prepared.origin), prepared.literals)
            self.lookups[prepared.lookup] = _padded(order)
            return None
        origins, entries = [self.dictionary(o) for o in prepared.origins], entries_type(prepared.dtype)
        codes: list[int]
        if prepared.dtype.kind == "opaque":
            (union, tables), codes = pooled(origins, entries), []
        else:
            union, tables, codes = unify(origins, prepared.literals, entries)
        self.codes += codes
        for k, table in enumerate(tables):
            self.lookups[prepared.first_lookup + k] = _padded(table)
        return union

    def _entry_function(self, function: EntryFunction) -> Dictionary | None:
        dictionary = self.dictionary(function.origin)
        values, strings, valid, errors = _of_entries(self.target, function.call, function.position, dictionary)
        count = max(1, len(dictionary))
        if function.values is not None:
            self.lookups[function.values] = _padded(values)
        if function.valid is not None:
            self.lookups[function.valid] = np.ones(count, np.bool_) if valid is None else _padded(valid)
        if function.errors is not None:
            self.lookups[function.errors] = np.zeros(count, np.bool_) if errors is None else _padded(errors)
        return strings


@lru_cache(maxsize=64)
def _categories(names: tuple[str, ...]) -> Dictionary:
    """The same object for the same categories, so that what is found out about it is kept."""
    return dictionary_of(names)


def _padded(table: Any) -> Any:
    """A table that code 0 may be looked up in: an empty dictionary has nulls for rows, and their code is 0."""
    return table if len(table) else np.zeros(1, dtype=table.dtype)


# -- comparison with a few literals -----------------------------------------------------------------------------------
def _order_of_entries(target: Target, dictionary: Dictionary, literals: tuple[Any, ...]) -> Any:
    """For each entry its place among the literals: twice the number of literals below it, and one more where it is one."""

    def find() -> Any:
        text, xp = text_of(dictionary), target.xp
        places = xp.zeros(len(dictionary), dtype="int32")
        for literal in literals:
            order = evaluate(target, _COMPARE, INT64, (), (text, Scalar(STRING, _bytes(literal))), len(dictionary)).values
            places += xp.where(order > 0, 2, xp.where(order == 0, 1, 0)).astype("int32")
        return places

    return remembered(("places", literals, target.name), [dictionary], find)


def _codes_in_order(literals: tuple[Any, ...]) -> list[int]:
    encoded = [_bytes(literal) for literal in literals]
    return [2 * sum(other < e for other in encoded) + 1 for e in encoded]


_COMPARE = SCALARS["compare_text"].overloads[0]


# -- text functions ---------------------------------------------------------------------------------------------------
def text_of(dictionary: Dictionary) -> StringColumn:
    """The entries of a dictionary as kernels take them."""
    return StringColumn(*dictionary.fact("bytes", lambda: string_bytes(dictionary)))


def _of_entries(target: Target, call: Call, position: int, dictionary: Dictionary) -> tuple[Any, Dictionary | None, Any, Any]:
    """(values, dictionary of string results, valid, errors) for the entries of a dictionary; remembered with it."""

    def find() -> tuple[Any, Dictionary | None, Any, Any]:
        literals = {k: Scalar(a.dtype, _bytes(a.value)) for k, a in enumerate(call.args) if isinstance(a, Const)}
        arguments = tuple(literals[k] if k in literals else text_of(dictionary) for k in range(len(call.args)))
        return _evaluated(target, call, arguments, len(dictionary))

    consts = tuple(a for a in call.args if isinstance(a, Const))
    key = ("by entry", call.overload, consts, call.constants, call.dtype, position, target.name)
    return remembered(key, [dictionary], find)  # type: ignore[no-any-return]


def _bytes(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def _evaluated(target: Target, call: Call, arguments: tuple[Any, ...], rows: int) -> tuple[Any, Dictionary | None, Any, Any]:
    """Run a text function where it has to run: (values, dictionary of string results, valid, errors)."""
    if is_for_host(call.overload, arguments):
        result: StringResult = evaluate_on_host(call.overload, call.dtype, call.constants, arguments, rows)
    else:
        result = evaluate(target, call.overload, call.dtype, call.constants, arguments, rows)
    dictionary = None
    if result.strings is not None:
        dictionary = Dictionary(strings_from(result.strings.offsets, result.strings.data), distinct=False)
    return result.values, dictionary, result.valid, result.error_mask


# -- results by row ---------------------------------------------------------------------------------------------------
def _with_columns_by_row(target: Target, plan: StringPlan, chunk: Chunk) -> Chunk:
    """Add a column to the chunk for each of ``plan.by_row``."""
    if not plan.by_row:
        return chunk
    results: dict[Row, tuple[Column, Any]] = {}
    added = []
    for call, is_error in plan.by_row:
        if call not in results:
            results[call] = column_of(target, call, chunk)
        column, errors = results[call]
        if is_error:
            column = Column(BOOL, target.xp.zeros(chunk.length, dtype=bool) if errors is None else errors)
        added.append(column)
    return Chunk((*chunk.columns, *added), chunk.length)


def column_of(target: Target, row: Row, chunk: Chunk) -> tuple[Column, Any]:
    """Evaluate a text function for the rows of a chunk: results, and which of them are errors (None: none is). Its arguments
    are input columns, literals and further text functions."""
    if isinstance(row, Ref):
        assert isinstance(row.key, int)
        return chunk.columns[row.key], None
    assert isinstance(row, Call) and row.overload.of_text, f"{row} is no column and no text function"
    if is_by_entry(row):
        return _column_by_entry(target, row, chunk)
    columns: list[Column] = []
    arguments: list[Any] = []
    masks: list[Any] = []
    for a in row.args:
        if isinstance(a, Const):
            if a.value is None:
                return _all_null(target, row, chunk.length), None
            arguments.append(Scalar(a.dtype, _bytes(a.value)))
            continue
        column, errors = column_of(target, a, chunk)
        columns.append(column)
        masks.append(errors)
        if column.dtype == STRING:
            text = text_of(column.dictionary)
            # no entries: every row is null, and its code 0 stands for an empty string
            text = text if len(column.dictionary) else StringColumn(np.zeros(2, np.int64), np.empty(0, np.uint8))
            arguments.append(replace(text, codes=column.values))
        else:
            arguments.append(Numbers(column.dtype, column.values))
    values, strings, valid, errors = _evaluated(target, row, tuple(arguments), chunk.length)
    validity = _combined(target, and_, *(c.validity for c in columns), valid)
    if strings is not None:
        values = target.asarray(np.arange(chunk.length, dtype=np.int32))
    return Column(row.dtype, values, validity, strings), _combined(target, or_, *masks, errors)


def _column_by_entry(target: Target, call: Call, chunk: Chunk) -> tuple[Column, Any]:
    position = next(k for k, a in enumerate(call.args) if not isinstance(a, Const))
    column, inner = column_of(target, call.args[position], chunk)
    if any(isinstance(a, Const) and a.value is None for a in call.args):
        return _all_null(target, call, chunk.length), inner
    values, strings, valid, errors = _of_entries(target, call, position, column.dictionary)
    codes = target.asarray(column.values)

    def by_row(table: Any) -> Any:
        return None if table is None else target.asarray(_padded(table))[codes]

    validity = _combined(target, and_, column.validity, by_row(valid))
    result = Column(call.dtype, codes if strings is not None else by_row(values), validity, strings)
    return result, _combined(target, or_, inner, by_row(errors))


def _all_null(target: Target, call: Call, rows: int) -> Column:
    validity = target.xp.zeros(rows, dtype=bool)
    return Column(call.dtype, target.xp.zeros(rows, dtype=call.dtype.storage), validity, EMPTY if call.dtype == STRING else None)


def _combined(target: Target, operator: Callable[[Any, Any], Any], *masks: Any) -> Any:
    """Masks put together by `operator`; those that are None do not count, and None if all are."""
    given = [target.asarray(mask) for mask in masks if mask is not None]
    return reduce(operator, given) if given else None
