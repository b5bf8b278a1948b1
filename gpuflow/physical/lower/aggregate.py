"""Group-by and distinct: partial groups of batches of partitions, then merged."""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.ir.pipeline import Group, Pipeline, partial_types

from gpuflow.physical.finalize_groups import final, merging
from gpuflow.physical.split_int128 import join_int128, split_int128
from gpuflow.plan import nodes as plans

from ..nodes import Gather, HashExchange, MergeGroups, Operator, PartialGroups
from ..planner import Planner, emits, lowers
from ..sizes import batches, bytes_of, row_bytes
from ..stream import Stream, over_parts
from ..tasks import GroupTask, MergeTask
from .segments import lower_segments

TREE = 16
"""Partial results that one task merges."""


@lowers(plans.Aggregate)
def lower_aggregate(planner: Planner, plan: plans.Aggregate) -> Operator:
    if any(agg.aggregation.segment is not None for _, agg in plan.aggs):
        return lower_segments(planner, plan)
    return MergeGroups(PartialGroups(planner.lower(plan.input), plan.keys, plan.aggs), plan.keys, plan.aggs)


@lowers(plans.Distinct)
def lower_distinct(planner: Planner, plan: plans.Distinct) -> Operator:
    return lower_aggregate(planner, plans.Aggregate(plan.input, plans.passthrough(plan.input.schema), ()))


@emits(PartialGroups)
def emit_partial_groups(planner: Planner, operator: PartialGroups) -> Stream:
    stream, rows = planner.under(operator.input, (r for _, r in (*operator.keys, *operator.aggs)))
    sink = Group(split_int128(rows[: len(operator.keys)]), rows[len(operator.keys) :])
    merge = MergeTask(planner.options, merging(sink))
    task = GroupTask(planner.options, tuple(n for n, _ in stream.reads), Pipeline(stream.inputs, stream.steps, sink), merge)
    inputs = stream.part_inputs()
    runs = [slice(k, k + 1) for k in range(len(inputs))] if operator.whole else _batches(planner, stream, inputs)
    return over_parts(tuple(planner.runner.add(task, inputs[run]) for run in runs), operator.output, operator.rows)


def _batches(planner: Planner, stream: Stream, inputs: list[Any]) -> list[slice]:
    """Runs of partitions for one task each; partitions that tasks make are taken to be of one size."""
    each = row_bytes(stream.inputs)
    made = None if stream.rows is None else stream.rows // max(1, len(stream.parts))
    return batches(planner.runner, inputs, [bytes_of(part, each, made) for part in stream.parts])


@emits(MergeGroups)
def emit_merge_groups(planner: Planner, operator: MergeGroups) -> Stream:
    """Merge what an exchange brought together; without one the groups below are whole."""
    below = planner.finished(operator.input)
    keys = split_int128(row for _, row in operator.keys)
    parts = below.parts
    if isinstance(operator.input, (Gather, HashExchange)):
        task = MergeTask(planner.options, merging(Group(keys, tuple(agg for _, agg in operator.aggs))))
        together = planner.together(operator.input)
        parts = tuple(_tree(planner, task, chunks) for chunks in together)
    columns = join_int128((name, row.dtype) for name, row in operator.keys)
    place = len(keys)
    for name, agg in operator.aggs:
        columns[name] = final(agg, place)
        place += len(partial_types(agg))
    return Stream(parts, below.reads, (), columns, rows=operator.rows, next_key=place)


def _tree(planner: Planner, merge: MergeTask, partials: tuple[Any, ...]) -> Any:
    while len(partials) > TREE:
        partials = tuple(planner.runner.add(merge, partials[k : k + TREE]) for k in range(0, len(partials), TREE))
    return planner.runner.add(merge, partials)
