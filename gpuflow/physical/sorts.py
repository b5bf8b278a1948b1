"""Lowering of sort and top-k."""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.ir.expressions import Row

from gpuflow.plan import nodes as plans

from .lower import Lowering
from .sizes import batch_bytes, width
from .stream import Stream, over_parts
from .tasks import BoundsTask, RangeTask, SampleTask, SortTask

SAMPLES = 4096
"""Values sampled of each partition to find the ranges of a large sort."""


def lower_sort(low: Lowering, plan: plans.Sort) -> Stream:
    stream, keys = low.under(plan.input, plan.keys)
    columns = tuple(stream.columns.values())
    by = tuple(columns.index(k) if k in columns else len(columns) + n for n, k in enumerate(keys))
    extra = tuple(k for k in keys if k not in columns)
    places = {k: len(columns) + n for n, k in enumerate(dict.fromkeys(extra))}
    by = tuple(places.get(k, b) for k, b in zip(keys, by, strict=True))
    rows: tuple[Row, ...] = (*columns, *places)
    parts: tuple[Any, ...] = low.write(stream, rows)
    keep = len(columns) if places else None
    if plan.limit is not None:
        if len(parts) > 1:
            top = SortTask(low.options, by, plan.descending, plan.nulls_last, plan.limit, None)
            parts = tuple(low.runner.add(top, (p,)) for p in parts)
            low.runner.note("sort", "top-k", f"the first {plan.limit:,} rows of each partition, then of those")
    else:
        total = low.rows_of(parts, stream.rows) if len(parts) > 1 else None
        if total is not None and total > low.profile.sort_rows:
            return _by_range(low, plan, parts, by, keep, stream.output, rows, total)
    last = SortTask(low.options, by, plan.descending, plan.nulls_last, plan.limit, keep)
    rows_out = stream.rows if plan.limit is None or stream.rows is None else min(plan.limit, stream.rows)
    return over_parts((low.runner.add(last, parts),), stream.output, rows_out)


def _by_range(
    low: Lowering,
    plan: plans.Sort,
    parts: tuple[Any, ...],
    by: tuple[int, ...],
    keep: int | None,
    output: Any,
    rows: tuple[Row, ...],
    total: int,
) -> Stream:
    """Partitions by range of the first key, each sorted by itself; equal first keys share a partition."""
    types = tuple(row.dtype for row in rows)
    wanted = -(-2 * total // low.profile.sort_rows)
    if not (low.runner.local or low.profile.on_device):
        wanted = max(wanted, -(-total * width(types) // batch_bytes(low.runner)))
    number = max(low.runner.threads, min(256, wanted))
    low.runner.note("sort", f"{number} ranges of the first key", f"{total:,} rows")
    first = plan.descending[0], plan.nulls_last[0]
    samples = tuple(low.runner.add(SampleTask(low.options, by[0], SAMPLES), p) for p in parts)
    bounds = low.runner.add(BoundsTask(low.options, *first, number), samples)
    pieces = tuple(low.runner.add(RangeTask(low.options, by[0], *first, number), (p, bounds)) for p in parts)
    ranges = low.gather(pieces, number, types)
    task = SortTask(low.options, by, plan.descending, plan.nulls_last, None, keep)
    return over_parts(tuple(low.runner.add(task, (r,)) for r in ranges), output, total)
