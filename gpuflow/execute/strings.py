"""Strings inside kernels are numbers. This finds which string values meet, and gives those one sorted dictionary.

All string operands and results of a call meet: they form a *cluster*. At run time the dictionaries of a cluster's
columns and its literals are unified; each column is read through a look-up table of ranks, each literal is its rank,
and the ordinary integer bodies compare, choose and aggregate. A string that is only copied keeps its own codes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from gpuflow_kernels.codegen.pipeline import Filter, Group, Pipeline, Probe, Write
from gpuflow_kernels.column import Chunk
from gpuflow_kernels.dtypes import STRING
from gpuflow_kernels.join_table import JoinTable
from gpuflow_kernels.rowtree import Call, CodeOf, Const, Lookup, Member, Ref, Row

from gpuflow.io.dictionaries import unify


@dataclass(frozen=True)
class Cluster:
    """Columns (keys) and literals that share a dictionary. Entry k of `columns` is read through look-up `first` + k;
    literal k is code number `first_code` + k."""

    columns: tuple[int, ...]
    literals: tuple[str, ...]
    first: int
    first_code: int


@dataclass(frozen=True)
class Recode:
    """Look-up `index`: from the dictionary of `origin` to the codes of key `key` of join table `table` (-1: absent).
    `origin` is a column key, or minus one minus the number of a cluster."""

    index: int
    origin: int
    table: int
    key: int


@dataclass(frozen=True)
class StringPlan:
    """A pipeline with its strings resolved.

    `origins` says for each output of the sink (columns, or keys and then arguments per aggregation) where its
    dictionary comes from: a column key, minus one minus a cluster number, or None for other types.
    """

    pipeline: Pipeline
    clusters: tuple[Cluster, ...]
    recodes: tuple[Recode, ...]
    origins: tuple[int | None, ...]


class _Planner:
    def __init__(self) -> None:
        self.clusters: list[Cluster] = []
        self.recodes: list[Recode] = []
        self.lookups = 0
        self.codes = 0

    def rewrite(self, row: Row) -> tuple[Row, int | None]:
        """`row` with its strings resolved, and the origin of its dictionary (None unless it is a string). A bare column
        keeps its own codes."""
        if row.dtype != STRING:
            return self._operands(row), None
        if isinstance(row, Ref):
            assert isinstance(row.key, int)
            return row, row.key
        columns: list[int] = []
        literals: list[str] = []
        _members(row, columns, literals)
        cluster = self._cluster(columns, literals)
        return self._within(row, cluster), -1 - self.clusters.index(cluster)

    def _cluster(self, columns: list[int], literals: list[str]) -> Cluster:
        cluster = Cluster(tuple(dict.fromkeys(columns)), tuple(dict.fromkeys(literals)), self.lookups, self.codes)
        self.lookups += len(cluster.columns)
        self.codes += len(cluster.literals)
        self.clusters.append(cluster)
        return cluster

    def _operands(self, row: Row) -> Row:
        """A row that is no string itself: each of its string operands' clusters is resolved."""
        if isinstance(row, Member) and row.arg.dtype == STRING:
            columns: list[int] = []
            literals: list[str] = []
            _members(row.arg, columns, literals)
            cluster = self._cluster(columns, [*literals, *row.values])
            places = {v: cluster.first_code + k for k, v in enumerate(cluster.literals)}
            codes = tuple(CodeOf(places[v]) for v in row.values)
            return replace(row, arg=self._within(row.arg, cluster), values=codes)
        if isinstance(row, Member):
            return replace(row, arg=self._operands(row.arg))
        if not isinstance(row, Call):
            return row
        return replace(row, args=self.together(row.args)[0])

    def together(self, operands: tuple[Row, ...]) -> tuple[tuple[Row, ...], int | None]:
        """Operands that meet, the strings among them in one dictionary, and its origin (None without strings)."""
        strings = [a for a in operands if a.dtype == STRING]
        if not strings:
            return tuple(map(self._operands, operands)), None
        columns: list[int] = []
        literals: list[str] = []
        for operand in strings:
            _members(operand, columns, literals)
        shared = self._cluster(columns, literals)
        rows = (self._within(a, shared) if a.dtype == STRING else self._operands(a) for a in operands)
        return tuple(rows), -1 - self.clusters.index(shared)

    def _within(self, row: Row, cluster: Cluster) -> Row:
        """A string row with its leaves in the cluster's dictionary."""
        if isinstance(row, Ref):
            assert isinstance(row.key, int)
            return Lookup(cluster.first + cluster.columns.index(row.key), row, STRING)
        if isinstance(row, Const):
            if row.value is None:
                return row
            return Const(CodeOf(cluster.first_code + cluster.literals.index(row.value)), STRING)
        assert isinstance(row, Call), f"a string cannot come from {row}"
        operands = tuple(self._within(a, cluster) if a.dtype == STRING else self._operands(a) for a in row.args)
        return replace(row, args=operands)

    def probe_key(self, row: Row, table: int, key: int) -> Row:
        new, origin = self.rewrite(row)
        if origin is None:
            return new
        self.recodes.append(Recode(self.lookups, origin, table, key))
        self.lookups += 1
        return Lookup(self.lookups - 1, new, STRING)


def _members(row: Row, columns: list[int], literals: list[str]) -> None:
    """Columns and literals that a string row can take its value from."""
    if isinstance(row, Ref):
        assert isinstance(row.key, int)
        columns.append(row.key)
    elif isinstance(row, Const):
        if row.value is not None:
            literals.append(row.value)
    elif isinstance(row, Call):
        for operand in row.args:
            if operand.dtype == STRING:
                _members(operand, columns, literals)


@lru_cache(maxsize=32)  # enough for the partitions of a query; more would keep lists of literals alive
def plan_strings(pipeline: Pipeline) -> StringPlan:
    """Resolve the strings of a pipeline; equal for all partitions."""
    planner = _Planner()
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
            new, origin = planner.rewrite(row)
            keys_out.append(new)
            origins.append(origin)
        for agg in sink.aggs:
            arguments, origin = planner.together(agg.args)
            origins.append(origin)
            aggs.append(replace(agg, args=arguments))
        sink = replace(sink, keys=tuple(keys_out), aggs=tuple(aggs))
    new_pipeline = Pipeline(pipeline.inputs, tuple(steps), sink)
    return StringPlan(new_pipeline, tuple(planner.clusters), tuple(planner.recodes), tuple(origins))


@dataclass(frozen=True)
class Resolved:
    """The string side of a run: look-up tables by number, codes of literals, and a dictionary per origin."""

    lookups: tuple[Any, ...]
    codes: tuple[int, ...]
    dictionaries: tuple[Any, ...]
    key_ranges: tuple[tuple[int, int] | None, ...]


def resolve(plan: StringPlan, chunk: Chunk, tables: tuple[JoinTable, ...]) -> Resolved:
    """Unify what has to be unified for one partition."""
    if not plan.clusters and not plan.recodes and all(o is None for o in plan.origins):
        return Resolved((), (), tuple(None for _ in plan.origins), tuple(None for _ in plan.origins))
    payload = {key: tables[s.table].payload[p] for s in plan.pipeline.steps if isinstance(s, Probe) for key, p, _ in s.payload}

    def dictionary(origin: int) -> Any:
        if origin < 0:
            return unified[-1 - origin]
        return (chunk.columns[origin] if origin < len(chunk.columns) else payload[origin]).dictionary

    count = sum(len(c.columns) for c in plan.clusters) + len(plan.recodes)
    lookups: list[Any] = [None] * count
    codes: list[int] = []
    unified: list[Any] = []
    recodes = {r.index: r for r in plan.recodes}
    for cluster in plan.clusters:
        merged, luts, literals = unify([dictionary(c) for c in cluster.columns], cluster.literals)
        unified.append(merged)
        codes += literals
        for k, lut in enumerate(luts):
            lookups[cluster.first + k] = _padded(lut)
    for index, recode in recodes.items():
        lookups[index] = _padded(_into(dictionary(recode.origin), tables[recode.table].keys[recode.key].dictionary))
    dictionaries = tuple(None if o is None else dictionary(o) for o in plan.origins)
    keys = len(plan.pipeline.sink.keys) if isinstance(plan.pipeline.sink, Group) else 0
    ranges = tuple((0, max(0, len(d) - 1)) if d is not None else None for d in dictionaries[:keys])
    return Resolved(tuple(lookups), tuple(codes), dictionaries, ranges)


def _padded(lut: Any) -> Any:
    """A table that code 0 may be looked up in: an empty dictionary has nulls for rows, and their code is 0."""
    return lut if len(lut) else np.zeros(1, dtype=np.int32)


def _into(source: Any, target: Any) -> Any:
    """For each entry of a dictionary its code in another one, -1 where it is not there."""
    if source is target:
        return np.arange(len(source), dtype=np.int32)
    merged, (from_source, from_target), _ = unify([source, target])
    codes = np.full(max(1, len(merged)), -1, dtype=np.int32)
    codes[from_target] = np.arange(len(from_target), dtype=np.int32)
    return codes[from_source]
