"""Strings inside kernels are numbers. This finds, for a pipeline, which numbers: look-ups over codes, and columns of results.
So are binary values, which take the ways of strings but for text functions, and opaque ones, of which only codes are copied.

* String operands that meet in a call form a *cluster*. When the pipeline runs the dictionaries of a cluster's columns and
  its literals are unified; each column is read through a look-up table of ranks, each literal is its rank, and the ordinary
  integer bodies compare, choose and aggregate. A string that is only copied keeps its own codes.
* A text function of one string column and literals is *derived*: evaluated once for each entry of a dictionary. Where it
  gives a string the codes stay as they are and another dictionary belongs to them; else its results are a look-up table.
* An enum as a string keeps its number: its categories are a dictionary.
* A text function of several columns, or of numbers, is evaluated for each row before the kernel runs; its results are a
  further column of the pipeline's input.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from gpuflow_kernels.declare.scalar import PARTIAL, PROPAGATE, Overload
from gpuflow_kernels.dtypes import BOOL, STRING, DType
from gpuflow_kernels.ir.expressions import (
    Call,
    CodeOf,
    Const,
    Lookup,
    Member,
    Ref,
    Row,
    children,
    is_by_entry,
    is_by_row,
    rebuild,
)
from gpuflow_kernels.ir.pipeline import Filter, Pipeline, Probe, Write
from gpuflow_kernels.rowmath import NAMES
from gpuflow_kernels.source import body_of

FEW = 4
"""Literals that entries are compared with one by one; with more of them all are sorted together."""


@dataclass(frozen=True)
class Cluster:
    """Origins and literals that share a dictionary. Entry k of `origins` is read through look-up `first` + k; literal k is
    code number `first_code` + k. With `against`, entries are compared with literals only, never with each other."""

    origins: tuple[int, ...]
    literals: tuple[Any, ...]
    first: int
    first_code: int
    dtype: DType
    against: bool = False


@dataclass(frozen=True)
class Names:
    """The categories of an enum, as a dictionary."""

    categories: tuple[str, ...]


@dataclass(frozen=True)
class Derived:
    """A text function of the entries of `origin`, which is its argument number `place`. Numbers of the look-up tables for
    its values (None where they are strings), for which of them are valid, and for which do not fit, where needed."""

    origin: int
    call: Call
    place: int
    values: int | None
    valid: int | None
    bad: int | None


@dataclass(frozen=True)
class Recode:
    """Look-up `index`: from the dictionary of `origin` to the codes of key `key` of join table `table` (-1: absent)."""

    index: int
    origin: int
    table: int
    key: int


@dataclass(frozen=True)
class StringPlan:
    """A pipeline with its strings resolved.

    An *origin* says where a dictionary comes from: a column key, or minus one minus a position in `made`.

    Attributes
    ----------
    pipeline : Pipeline
        Its inputs followed by one column for each of `computed`.
    computed : tuple of (Call, bool)
        What is evaluated for each row before: the call's result, or (True) whether it does not fit.
    made : tuple of Cluster, Names or Derived
        In the order in which they can be evaluated.
    recodes : tuple of Recode
    origins : tuple
        For each output of the sink (columns, or keys and then arguments per aggregation) the origin of its dictionary, None
        for other types.
    distinct : tuple of int
        Input columns whose codes must tell values apart.
    lookups : int
        Number of look-up tables.
    """

    pipeline: Pipeline
    computed: tuple[tuple[Call, bool], ...]
    made: tuple[Cluster | Names | Derived, ...]
    recodes: tuple[Recode, ...]
    origins: tuple[int | None, ...]
    distinct: tuple[int, ...]
    lookups: int


def may_be_null(overload: Overload) -> bool:
    """Whether a text function can answer null for arguments that are not."""
    return overload.null == PARTIAL or overload.host is not None


def may_not_fit(overload: Overload) -> bool:
    """Whether a text function can refuse its arguments."""
    return overload.overflow is not None or overload.host is not None


class _Planner:
    def __init__(self, inputs: int) -> None:
        self.inputs = inputs
        self.made: list[Cluster | Names | Derived] = []
        self.recodes: list[Recode] = []
        self.distinct: dict[int, None] = {}
        self.lookups = 0
        self.codes = 0
        self._derived: dict[Row, tuple[Row, int | None]] = {}

    def rewrite(self, row: Row) -> tuple[Row, int | None]:
        """`row` with its strings resolved, and the origin of its dictionary (None unless it is a string). A bare column
        keeps its own codes, and so does what is derived from one."""
        if is_by_entry(row):
            assert isinstance(row, Call)
            return self._derive(row)
        if not row.dtype.is_coded:
            return self._operands(row), None
        if isinstance(row, Ref):
            assert isinstance(row.key, int)
            return row, row.key
        if is_name(row):
            return self._name(row)
        cluster = self._cluster(*self._leaves(row), row.dtype)
        return self._within(row, cluster), self._origin(cluster)

    def key(self, row: Row) -> tuple[Row, int | None]:
        """Like `rewrite`, for a key: codes are equal only where values are."""
        new, origin = self.rewrite(row)
        if origin is None:
            return new, None
        if 0 <= origin < self.inputs:
            self.distinct[origin] = None
            return new, origin
        if origin < 0 and isinstance(self.made[-1 - origin], (Cluster, Names)):
            return new, origin
        cluster = self._cluster([origin], [], row.dtype)
        return Lookup(cluster.first, new, row.dtype), self._origin(cluster)

    def _name(self, row: Row) -> tuple[Row, int]:
        """An enum as a string."""
        assert isinstance(row, Call)
        names = Names(row.args[0].dtype.detail)
        if names not in self.made:
            self.made.append(names)
        return replace(row, args=(self._operands(row.args[0]),)), self._origin(names)

    def _origin(self, made: Cluster | Names | Derived) -> int:
        return -1 - self.made.index(made)

    def _table(self) -> int:
        self.lookups += 1
        return self.lookups - 1

    def _derive(self, call: Call) -> tuple[Row, int | None]:
        if call not in self._derived:
            self._derived[call] = self._new_derived(call)
        return self._derived[call]

    def _new_derived(self, call: Call) -> tuple[Row, int | None]:
        if any(isinstance(a, Const) and a.value is None for a in call.args):
            return Const(None, call.dtype), self._origin(self._cluster([], [], STRING)) if call.dtype == STRING else None
        place = next(k for k, a in enumerate(call.args) if not isinstance(a, Const))
        code, origin = self.rewrite(call.args[place])
        assert origin is not None
        values = None if call.dtype == STRING else self._table()
        valid = self._table() if may_be_null(call.overload) else None
        bad = self._table() if may_not_fit(call.overload) else None
        made = Derived(origin, call, place, values, valid, bad)
        self.made.append(made)
        row = code if values is None else Lookup(values, code, call.dtype)
        if bad is not None:
            row = checked(call, row, Lookup(bad, code, BOOL))
        if valid is not None:
            row = Call(_KNOWN, (row, Lookup(valid, code, BOOL)), call.dtype)
        return row, self._origin(made) if call.dtype == STRING else None

    def _cluster(self, origins: list[int], literals: list[Any], dtype: DType, against: bool = False) -> Cluster:
        named = tuple(dict.fromkeys(origins)), tuple(dict.fromkeys(literals))
        few = len(named[0]) == 1 and len(named[1]) <= FEW
        cluster = Cluster(*named, self.lookups, self.codes, dtype, against and few)
        self.lookups += len(cluster.origins)
        self.codes += len(cluster.literals)
        self.made.append(cluster)
        return cluster

    def _leaves(self, *rows: Row) -> tuple[list[int], list[Any]]:
        """Origins and literals that string rows can take their values from."""
        origins: list[int] = []
        literals: list[Any] = []
        for row in rows:
            for leaf in _leaves_of(row):
                if isinstance(leaf, Const):
                    literals.append(leaf.value)
                else:
                    origin = self.rewrite(leaf)[1]
                    assert origin is not None
                    origins.append(origin)
        return origins, literals

    def _operands(self, row: Row) -> Row:
        """A row that is no string itself: each of its string operands' clusters is resolved."""
        if is_by_entry(row):
            return self.rewrite(row)[0]
        if isinstance(row, Member) and row.arg.dtype.is_text:
            origins, literals = self._leaves(row.arg)
            cluster = self._cluster(origins, [*literals, *row.values], row.arg.dtype, against=True)
            places = {v: cluster.first_code + k for k, v in enumerate(cluster.literals)}
            codes = tuple(CodeOf(places[v]) for v in row.values)
            return replace(row, arg=self._within(row.arg, cluster), values=codes)
        if isinstance(row, Member):
            return replace(row, arg=self._operands(row.arg))
        if not isinstance(row, Call):
            return row
        return replace(row, args=self.together(row.args, not row.dtype.is_coded)[0])

    def together(self, operands: tuple[Row, ...], compared: bool = False) -> tuple[tuple[Row, ...], int | None]:
        """Operands that meet, those of one type of strings in one dictionary, and the origin of that of the first (None
        without strings). They are `compared` if nothing of the dictionary comes out. Opaque ones never meet."""
        strings = [a for a in operands if a.dtype.is_coded]
        if not strings:
            return tuple(map(self._operands, operands)), None
        if all(s.dtype.kind == "opaque" for s in strings):
            return tuple(self.rewrite(a)[0] for a in operands), self.rewrite(strings[0])[1]
        clusters: dict[DType, Cluster] = {}
        for dtype in dict.fromkeys(s.dtype for s in strings):
            same = [s for s in strings if s.dtype == dtype]
            apart = sum(not isinstance(s, Const) for s in same) == 1
            clusters[dtype] = self._cluster(*self._leaves(*same), dtype, against=compared and apart)
        rows = (self._within(a, clusters[a.dtype]) if a.dtype.is_coded else self._operands(a) for a in operands)
        return tuple(rows), self._origin(clusters[strings[0].dtype])

    def _within(self, row: Row, cluster: Cluster) -> Row:
        """A string row with its leaves in the cluster's dictionary."""
        if isinstance(row, Const):
            if row.value is None:
                return row
            return Const(CodeOf(cluster.first_code + cluster.literals.index(row.value)), row.dtype)
        if _is_leaf(row):
            code, origin = self.rewrite(row)
            assert origin is not None
            if isinstance(code, Const):
                return code
            return Lookup(cluster.first + cluster.origins.index(origin), code, row.dtype)
        assert isinstance(row, Call), f"a string cannot come from {row}"
        operands = tuple(self._within(a, cluster) if a.dtype == row.dtype else self._operands(a) for a in row.args)
        return replace(row, args=operands)

    def probe_key(self, row: Row, table: int, key: int) -> Row:
        new, origin = self.rewrite(row)
        if origin is None:
            return new
        self.recodes.append(Recode(self._table(), origin, table, key))
        return Lookup(self.lookups - 1, new, row.dtype)


def is_name(row: Row) -> bool:
    """Whether `row` is an enum as a string, in a kernel the number of its category."""
    return isinstance(row, Call) and row.overload.name == "cast" and row.dtype == STRING and row.args[0].dtype.kind == "enum"


def _is_leaf(row: Row) -> bool:
    return isinstance(row, Ref) or is_by_entry(row) or is_name(row)


def _leaves_of(row: Row) -> Iterator[Row]:
    """What a string row can take its value from: columns, results of text functions, and literals that are not null."""
    if isinstance(row, Const):
        if row.value is not None:
            yield row
    elif _is_leaf(row):
        yield row
    elif isinstance(row, Call):
        for operand in row.args:
            if operand.dtype == row.dtype:
                yield from _leaves_of(operand)


# -- what wraps results -----------------------------------------------------------------------------------------------
def _given(x: Any, known: Any) -> Any:
    return x, known


def _passed(x: Any, bad: Any) -> Any:
    return x


def _refused(x: Any, bad: Any) -> Any:
    return bad


def _untyped(args: tuple[DType, ...], params: dict[str, Any]) -> None:
    raise AssertionError("what wraps a text function's result is not typed")


_KNOWN = Overload("known", body_of(_given, allowed=NAMES, what="known"), PARTIAL, _untyped)
_PASSED, _REFUSED = (body_of(f, allowed=NAMES, what="checked") for f in (_passed, _refused))


def checked(call: Call, value: Row, bad: Row) -> Call:
    """`value`, an error of `call` where `bad` says so."""
    complaint = call.overload.failure
    return Call(Overload(call.overload.name, _PASSED, PROPAGATE, _untyped, _REFUSED, failure=complaint), (value, bad), call.dtype)


# -- what is computed by row ------------------------------------------------------------------------------------------
def _rows_lifted(pipeline: Pipeline) -> tuple[Pipeline, tuple[tuple[Call, bool], ...]]:
    """The pipeline with every call that is evaluated by row replaced by a further input column."""
    found: dict[Call, None] = {}

    def look(row: Any) -> None:
        if isinstance(row, Call) and is_by_row(row):
            found[row] = None
            return
        for child in children(row):
            look(child)

    for row in _rows(pipeline):
        look(row)
    if not found:
        return pipeline, ()
    count = len(pipeline.inputs)
    computed: list[tuple[Call, bool]] = []
    places: dict[Call, Row] = {}
    for call in found:
        value: Row = Ref(count + len(computed), call.dtype)
        computed.append((call, False))
        if any(isinstance(n, Call) and n.overload.of_text and may_not_fit(n.overload) for n in _text_parts(call)):
            value = checked(call, value, Ref(count + len(computed), BOOL))
            computed.append((call, True))
        places[call] = value

    def change(row: Any) -> Any:
        if isinstance(row, Call) and row in places:
            return places[row]
        if isinstance(row, Ref):
            assert isinstance(row.key, int)
            return replace(row, key=row.key + len(computed)) if row.key >= count else row
        operands = children(row)
        return rebuild(row, tuple(map(change, operands))) if operands else row

    inputs = pipeline.inputs + tuple(BOOL if bad else call.dtype for call, bad in computed)
    steps = tuple(
        Filter(change(s.predicate))
        if isinstance(s, Filter)
        else replace(s, keys=tuple(map(change, s.keys)), payload=tuple((k + len(computed), p, d) for k, p, d in s.payload))
        for s in pipeline.steps
    )
    sink = pipeline.sink
    if isinstance(sink, Write):
        lifted: Any = Write(tuple(map(change, sink.columns)))
    else:
        lifted = replace(sink, keys=tuple(map(change, sink.keys)), aggs=tuple(map(change, sink.aggs)))
    return Pipeline(inputs, steps, lifted), tuple(computed)


def _text_parts(call: Call) -> Iterator[Row]:
    """The call and the text functions among its arguments, which are evaluated with it."""
    yield call
    for a in call.args:
        if isinstance(a, Call) and a.overload.of_text:
            yield from _text_parts(a)


def _rows(pipeline: Pipeline) -> Iterator[Any]:
    for step in pipeline.steps:
        yield from (step.predicate,) if isinstance(step, Filter) else step.keys
    sink = pipeline.sink
    yield from sink.columns if isinstance(sink, Write) else (*sink.keys, *sink.aggs)


@lru_cache(maxsize=32)  # enough for the partitions of a query; more would keep lists of literals alive
def plan_strings(pipeline: Pipeline) -> StringPlan:
    """Resolve the strings of a pipeline; equal for all partitions."""
    pipeline, computed = _rows_lifted(pipeline)
    planner = _Planner(len(pipeline.inputs))
    steps: list[Filter | Probe] = []
    for step in pipeline.steps:
        if isinstance(step, Filter):
            steps.append(Filter(planner.rewrite(step.predicate)[0]))
        else:
            keys = tuple(planner.probe_key(k, step.table, n) for n, k in enumerate(step.keys))
            steps.append(replace(step, keys=keys))
    origins: list[int | None] = []
    sink = pipeline.sink
    if isinstance(sink, Write):
        columns = []
        for row in sink.columns:
            new, origin = planner.rewrite(row)
            columns.append(new)
            origins.append(origin)
        sink = Write(tuple(columns))
    else:
        keys_out, aggs = [], []
        for row in sink.keys:
            new, origin = planner.key(row)
            keys_out.append(new)
            origins.append(origin)
        for agg in sink.aggs:
            arguments, origin = planner.together(agg.args)
            origins.append(origin)
            aggs.append(replace(agg, args=arguments))
        sink = replace(sink, keys=tuple(keys_out), aggs=tuple(aggs))
    new_pipeline = Pipeline(pipeline.inputs, tuple(steps), sink)
    made, recodes, distinct = tuple(planner.made), tuple(planner.recodes), tuple(planner.distinct)
    return StringPlan(new_pipeline, computed, made, recodes, tuple(origins), distinct, planner.lookups)
