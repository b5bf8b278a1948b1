"""What a kernel is run with: strings resolved to codes and tables, join tables, literals, settings."""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.algorithms.join_table import JoinTable
from gpuflow_kernels.binding import Bindings
from gpuflow_kernels.column import Chunk
from gpuflow_kernels.ir.pipeline import Pipeline
from gpuflow_kernels.target import TARGETS, Target

from gpuflow.physical.tasks import Options

from .strings import resolve
from .text_plan import plan_strings

POSITION_BITS = 40
"""Rows of a partition are numbered below this many bits; the partition's ordinal stands above."""


def target_of(options: Options) -> Target:
    return TARGETS[options.target]


def bindings_for(
    options: Options, pipeline: Pipeline, chunk: Chunk, tables: tuple[JoinTable, ...], ordinal: int
) -> tuple[Pipeline, Chunk, Bindings, tuple[Any, ...]]:
    """The pipeline with strings resolved, what to run it over and with, and the dictionaries of its outputs."""
    plan = plan_strings(pipeline)
    strings = resolve(target_of(options), plan, chunk, tables)
    ranges = () if options.tiny else strings.key_ranges
    bindings = Bindings(
        tables,
        strings.lookups,
        strings.codes,
        ordinal << POSITION_BITS,
        ranges,
        options.morsel,
        options.tiny,
        options.constant_hash,
    )
    return plan.pipeline, strings.chunk, bindings, strings.dictionaries
