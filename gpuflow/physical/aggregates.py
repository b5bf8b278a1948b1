"""Lowering of group-by and distinct: partial groups per batch of partitions, then merged."""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.ir.pipeline import Group, Pipeline

from gpuflow.plan import nodes as plans

from .finalize import final, merging, partial_types
from .lower import Lowering
from .sizes import batches, bytes_of, width
from .split_int128 import join_int128, split_int128, split_names
from .stream import Stream
from .tasks import GroupTask, MergeTask

TREE = 16
"""Partial results that one task merges."""


def lower_aggregate(low: Lowering, plan: plans.Aggregate) -> Stream:
    stream, rows_over_keys = low.under(plan.input, (r for _, r in (*plan.keys, *plan.aggs)))
    keys = split_int128(rows_over_keys[: len(plan.keys)])
    aggs = rows_over_keys[len(plan.keys) :]
    sink = Group(keys, aggs)
    merge = MergeTask(low.options, merging(sink))
    parts, rows = _merged(low, _partial(low, stream, sink, merge), merge, len(keys), stream.rows)
    columns = join_int128((name, row.dtype) for name, row in plan.keys)
    names = [n for name, row in plan.keys for n in split_names(name, row.dtype)]
    for (name, _), agg in zip(plan.aggs, aggs, strict=True):
        columns[name] = final(agg, len(names))
        names += [f"{name}: {agg.aggregation.name}, slot {k}" for k in range(len(partial_types(agg)))]
    reads = tuple(zip(names, merge.pipeline.inputs, strict=True))
    return Stream(parts, reads, (), columns, rows=rows, next_key=len(reads))


def _partial(low: Lowering, stream: Stream, sink: Group, merge: MergeTask) -> tuple[Any, ...]:
    """Partial groups, of runs of partitions."""
    pipeline = Pipeline(stream.inputs, stream.steps, sink)
    task = GroupTask(low.options, tuple(n for n, _ in stream.reads), pipeline, merge)
    inputs = stream.part_inputs()
    return tuple(low.runner.add(task, inputs[run]) for run in batches(low.runner, inputs, _sizes(stream)))


def _sizes(stream: Stream) -> list[int | None]:
    """Bytes of each partition; those that tasks make are taken to be of one size."""
    row_bytes = width(stream.inputs)
    made = None if stream.rows is None else stream.rows // max(1, len(stream.parts))
    return [bytes_of(part, row_bytes, made) for part in stream.parts]


def _merged(
    low: Lowering, partials: tuple[Any, ...], merge: MergeTask, keys: int, estimate: int | None
) -> tuple[tuple[Any, ...], int | None]:
    """Merge partial results: in one task, in a tree, or by an exchange where there are many groups."""
    if not keys:
        return (_tree(low, merge, partials),), 1
    if len(partials) == 1:
        return partials, low.rows_of(partials, estimate)
    groups = low.rows_of(partials, estimate)
    if groups is not None and groups > low.profile.merge_rows:
        parts = max(low.runner.threads, min(256, -(-groups // low.profile.merge_rows)))
        low.runner.note("group_by", f"merge by exchange into {parts} partitions", f"{groups:,} partial groups")
        exchanged = low.exchange(partials, keys, parts, merge.pipeline.inputs)
        return tuple(low.runner.add(merge, (chunk,)) for chunk in exchanged), groups
    reason = "few groups expected" if groups is None else f"{groups:,} partial groups"
    low.runner.note("group_by", "merge in one partition", reason)
    return (_tree(low, merge, partials),), groups


def _tree(low: Lowering, merge: MergeTask, partials: tuple[Any, ...]) -> Any:
    while len(partials) > TREE:
        partials = tuple(low.runner.add(merge, partials[k : k + TREE]) for k in range(0, len(partials), TREE))
    return low.runner.add(merge, partials)


def lower_distinct(low: Lowering, plan: plans.Distinct) -> Stream:
    return lower_aggregate(low, plans.Aggregate(plan.input, plans.passthrough(plan.input.schema), ()))
