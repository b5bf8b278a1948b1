"""Where each string function of a pipeline is evaluated. One pass while a plan is lowered; its result travels in the tasks.

* By entry: a function of one string and literals, once for each entry of the dictionary (`string_codes.EntryFunction`).
* By row: a function of several columns, or of numbers. It is evaluated for whole partitions, before the kernel runs, and its
  results are a further column that the kernel reads. So its arguments have to be columns of the partition, literals, or other
  string functions; `split_by_row` says what an earlier pipeline has to compute to make that so.
* In the kernel, by the ordinary functions of numbers: comparisons, choices and aggregations, over codes (`string_codes`).

`plan_strings` decides this for a pipeline. `gpuflow.execute.string_tables` carries it out for a partition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from gpuflow_kernels.dtypes import BOOL
from gpuflow_kernels.ir.expressions import Agg, Call, Const, Ref, Row, calls_by_row, children, is_by_row, rebuild
from gpuflow_kernels.ir.pipeline import Filter, Pipeline, Probe, Sink, Step, Write

from gpuflow.expr.bind import apply
from gpuflow.plan.first_appearance import fresh
from gpuflow.plan.typed_rows import conjoin, may_raise

from .string_codes import Origin, Prepared, Remap, StringCodes, checked, may_fail


# -- before the pipeline ----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class SplitRows:
    """Rows that read results of an earlier pipeline, and what that computes besides its columns: `earlier`, by name."""

    rows: tuple[Any, ...]
    earlier: tuple[tuple[str, Row], ...]


def split_by_row(rows: tuple[Row | Agg, ...], columns: Mapping[str, Row], inputs: int) -> SplitRows | None:
    """Find what an earlier pipeline must compute so that the string functions in `rows` read columns of a partition.

    Parameters
    ----------
    rows : tuple of Row or Agg
        Over names of `columns`.
    columns : mapping of str to Row
        What each column of the pipeline is, over keys; those below `inputs` are columns of the partition.
    inputs : int

    Returns
    -------
    SplitRows or None
        None if the functions can be evaluated where `rows` are. Else the earlier pipeline ends in `columns` and ``earlier``,
        of which rows are over `columns` too, and may have to be split themselves.
    """
    calls = calls_by_row(rows)
    if not calls:
        return None
    split = _Split({*columns})
    changed = tuple(split.row(row) for row in rows)
    if not split.earlier and all(_reads_inputs(call, columns, inputs) for call in calls):
        return None
    return SplitRows(changed, tuple((name, row) for row, name in split.earlier.items()))


class _Split:
    """Replaces computed arguments of string functions by columns, and collects these."""

    def __init__(self, taken: set[str]) -> None:
        self.taken = taken
        self.earlier: dict[Row, str] = {}

    def row(self, row: Any, guards: tuple[Row, ...] = ()) -> Any:
        """Replace them in `row`, which is evaluated where all of `guards` are true."""
        if is_by_row(row):
            return rebuild(row, tuple(self._argument(a, guards) for a in row.args))
        if isinstance(row, Call) and row.overload.branch:
            condition, yes, no = row.args
            parts = (
                self.row(condition, guards),
                self.row(yes, (*guards, condition)),
                self.row(no, (*guards, _untrue(condition))),
            )
            return rebuild(row, parts)
        operands = children(row)
        return rebuild(row, tuple(self.row(o, guards) for o in operands)) if operands else row

    def _argument(self, row: Row, guards: tuple[Row, ...]) -> Row:
        if isinstance(row, (Ref, Const)):
            return row
        if isinstance(row, Call) and row.overload.of_text:
            return rebuild(row, tuple(self._argument(a, guards) for a in row.args))  # type: ignore[no-any-return]
        if guards and may_raise(row):  # only for the rows that it would be evaluated for
            row = apply("when", row.dtype, conjoin(guards), row, Const(None, row.dtype))
        if row not in self.earlier:
            self.earlier[row] = fresh("_text", self.taken)
            self.taken.add(self.earlier[row])
        return Ref(self.earlier[row], row.dtype)


def _untrue(condition: Row) -> Row:
    """Whether a condition is false or null."""
    return apply("not", BOOL, apply("fill_null", BOOL, condition, Const(False, BOOL)))


def _reads_inputs(row: Row | Agg, columns: Mapping[str, Row], inputs: int) -> bool:
    """True if a string function reads only columns of the partition, literals, or other such functions."""
    if isinstance(row, Ref):
        source = columns[str(row.key)] if isinstance(row.key, str) else row
        if not isinstance(source, Ref):
            return _reads_inputs(source, columns, inputs)
        return isinstance(source.key, int) and source.key < inputs
    if isinstance(row, Call) and row.overload.of_text:
        return all(_reads_inputs(a, columns, inputs) for a in row.args)
    return isinstance(row, Const)


# -- the pipeline -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class StringPlan:
    """A pipeline whose strings are codes, and what has to be prepared on a partition before it runs.

    Attributes
    ----------
    pipeline : Pipeline
        Its inputs are followed by one column for each of `by_row`.
    by_row : tuple of (Call, bool)
        What is evaluated for each row before: the call's result, or (True) whether it is an error.
    prepared : tuple
        Dictionaries and look-up tables, in the order in which they can be made.
    remaps : tuple of Remap
    origins : tuple
        For each output of the sink (columns, or keys and then arguments per aggregation) the origin of its dictionary, None
        for other types.
    distinct : tuple of int
        Input columns whose entries must differ from each other.
    lookups : int
        Number of look-up tables.
    has_strings : bool
        Whether anything has to be prepared, or gets a dictionary.
    """

    pipeline: Pipeline
    by_row: tuple[tuple[Call, bool], ...]
    prepared: tuple[Prepared, ...]
    remaps: tuple[Remap, ...]
    origins: tuple[Origin | None, ...]
    distinct: tuple[int, ...]
    lookups: int
    has_strings: bool


@lru_cache(maxsize=32)  # 0.1 ms of a query that is run again; more would keep lists of literals alive
def plan_strings(pipeline: Pipeline) -> StringPlan:
    """Decide where the string functions of a pipeline are evaluated, and replace its strings by codes."""
    pipeline, by_row = _with_columns_by_row(pipeline)
    codes = StringCodes(len(pipeline.inputs))
    steps: list[Step] = []
    for step in pipeline.steps:
        if isinstance(step, Filter):
            steps.append(Filter(codes.value(step.predicate)[0]))
        else:
            keys = tuple(codes.join_key(row, step.table, k) for k, row in enumerate(step.keys))
            steps.append(replace(step, keys=keys))
    sink: Sink = pipeline.sink
    if isinstance(sink, Write):
        columns = [codes.value(row) for row in sink.columns]
        origins = tuple(origin for _, origin in columns)
        sink = Write(tuple(row for row, _ in columns))
    else:
        group_keys, aggs = [codes.group_key(row) for row in sink.keys], [codes.aggregation(agg) for agg in sink.aggs]
        origins = tuple(origin for _, origin in (*group_keys, *aggs))
        sink = replace(sink, keys=tuple(row for row, _ in group_keys), aggs=tuple(agg for agg, _ in aggs))
    return StringPlan(
        Pipeline(pipeline.inputs, tuple(steps), sink),
        by_row,
        tuple(codes.prepared),
        tuple(codes.remaps),
        origins,
        tuple(codes.distinct),
        codes.lookups,
        bool(by_row or codes.prepared or codes.remaps or any(origin is not None for origin in origins)),
    )


def _with_columns_by_row(pipeline: Pipeline) -> tuple[Pipeline, tuple[tuple[Call, bool], ...]]:
    """Replace every call that is evaluated by row by a further input column; also what these columns are."""
    calls = tuple(dict.fromkeys(calls_by_row(pipeline.rows())))
    if not calls:
        return pipeline, ()
    count = len(pipeline.inputs)
    by_row: list[tuple[Call, bool]] = []
    columns: dict[Any, Row] = {}
    for call in calls:
        column: Row = Ref(count + len(by_row), call.dtype)
        by_row.append((call, False))
        if any(may_fail(c.overload) for c in _evaluated_with(call)):
            column = checked(call, column, Ref(count + len(by_row), BOOL))
            by_row.append((call, True))
        columns[call] = column

    def change(row: Any) -> Any:
        if isinstance(row, Call) and row in columns:
            return columns[row]
        if isinstance(row, Ref):
            assert isinstance(row.key, int)
            return replace(row, key=row.key + len(by_row)) if row.key >= count else row
        operands = children(row)
        return rebuild(row, tuple(map(change, operands))) if operands else row

    inputs = pipeline.inputs + tuple(BOOL if is_error else call.dtype for call, is_error in by_row)
    changed = pipeline.map_rows(change)
    steps = tuple(
        replace(s, payload=tuple((k + len(by_row), p, d) for k, p, d in s.payload)) if isinstance(s, Probe) else s
        for s in changed.steps
    )
    return Pipeline(inputs, steps, changed.sink), tuple(by_row)


def _evaluated_with(call: Call) -> Iterator[Call]:
    """The call and the string functions among its arguments, which are evaluated with it."""
    yield call
    for argument in call.args:
        if isinstance(argument, Call) and argument.overload.of_text:
            yield from _evaluated_with(argument)
