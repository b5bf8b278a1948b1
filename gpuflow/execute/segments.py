"""Runs aggregations over sorted segments."""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.algorithms.segments import aggregate_segments
from gpuflow_kernels.binding import Bindings
from gpuflow_kernels.column import Chunk
from gpuflow_kernels.target import TARGETS

from gpuflow.arrow.dictionaries import concat_chunks, distinct_column
from gpuflow.physical.tasks import SegmentTask


def run_segments(task: SegmentTask, inputs: Any) -> Chunk:
    """Aggregate the groups of chunks, which are all rows of their groups."""
    chunk, options = concat_chunks(list(inputs)), task.options
    keys = tuple(distinct_column(c) for c in chunk.columns[: task.keys])
    bindings = Bindings(morsel=options.morsel_rows, tiny=options.tiny, constant_hash=options.constant_hash)
    return aggregate_segments(TARGETS[options.target], keys, chunk.columns[task.keys :], task.aggs, bindings)
