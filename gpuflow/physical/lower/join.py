"""Joins: rows of one side are looked up in a table of the other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gpuflow.physical.split_int128 import split_int128
from gpuflow.plan import nodes as plans

from ..nodes import BuildTable, LookUp, Operator
from ..planner import Planner, emits, lowers
from ..stream import Stream
from ..tasks import BuildTask


@lowers(plans.Join)
def lower_join(planner: Planner, plan: plans.Join) -> Operator:
    left = planner.lower(plan.left), plan.left_on, plan.left_columns
    right = planner.lower(plan.right), plan.right_on, plan.right_columns
    side = "left" if plan.build == "right" else "right"
    (probe, keys, kept), (build, build_keys, payload) = (left, right) if side == "left" else (right, left)
    words, order = split_int128(keys), tuple(plan.schema)
    return LookUp(probe, build, keys, build_keys, words, plan.kind, side, kept, payload, order, plan.nulls_equal)


@emits(LookUp)
def emit_look_up(planner: Planner, operator: LookUp) -> Stream:
    stream, words = planner.under(operator.probe, operator.words)
    table = planner.emit(operator.build)
    types = dict(operator.build.output)
    payload = tuple((out, types[old]) for out, old in operator.payload)
    stream = replace(stream, columns={out: stream.columns[old] for out, old in operator.kept})
    result = stream.probe(table, words, operator.kind, operator.side, payload, operator.nulls_equal, operator.rows)
    return replace(result, columns={name: result.columns[name] for name in operator.order})


@emits(BuildTable)
def emit_build_table(planner: Planner, operator: BuildTable) -> Any:
    """One table of all partitions, or a tuple with one for each."""
    below = planner.finished(operator.input)
    names = [n for n, _ in below.output]
    keys, payload = (tuple(names.index(n) for n in columns) for columns in (operator.keys, operator.payload))
    task = BuildTask(planner.options, keys, payload, operator.nulls_equal)
    if operator.each:
        return tuple(planner.runner.add(task, (part,)) for part in below.parts)
    return planner.runner.add(task, below.parts)
