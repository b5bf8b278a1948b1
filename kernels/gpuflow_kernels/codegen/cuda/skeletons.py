"""GPU kernels of a pipeline. The lines of a row are those of every other target; what is around them is here.

A module holds the kernels of one pipeline, cut from one text of a row, so that literals and columns have the same names in
all of them. Rows that are written:

``run``     map: every row leaves
``match``   first of two passes: which rows leave, as bits, and how many of each segment (the rows of one warp); what the
            probes found is kept where the second pass needs it
``run``     the second: rows whose bit is set, to the place that the scan of the counts gives their segment
``take``    the same for few rows, from a list of their numbers
``count``, ``expand``   joins with repeated keys: matches of each row, then a thread for each row of the output
``count``, ``run``      the same where steps after the repeated look-up depend on what it found: a thread for each input row

Rows that are grouped:

``words``   key words of every leaving row, from which `primitives.cuda.hash_table` finds the groups
``run``     combines into the accumulators; where the table is an open one it finds the group itself, and marks rows that
            found no place
``again``   the same for a list of rows
``fold``    combines neighbours, for aggregations that have a combine of their own, and for the results of blocks
"""

from __future__ import annotations

from dataclasses import dataclass

from gpuflow_kernels.codegen.common.module_source import assemble
from gpuflow_kernels.codegen.common.program import Generated
from gpuflow_kernels.codegen.common.row_source import RowWriter
from gpuflow_kernels.ir.pipeline import Group, Pipeline, Shape

from .groups import grouping
from .module import Module
from .row_writers import writing
from .snippets import Kernel, named


@dataclass(frozen=True, slots=True)
class CudaGenerated(Generated):
    """A module with several kernels; `params` are those of the last."""

    kernels: tuple[Kernel, ...] = ()


def generate(pipeline: Pipeline, shape: Shape) -> CudaGenerated:
    """The module of one pipeline for ``cuda``."""
    module = Module(pipeline, shape, RowWriter(shape.nullable))
    module.know(named("start"), named("rows"), named("err", "int64"), named("pos"))
    nullable: tuple[bool, ...] = ()
    if isinstance(pipeline.sink, Group):
        row_lines = grouping(module)
    else:
        row_lines, nullable = writing(module)
    writer = module.writer
    find = {shape.tables[s.table].words for s in pipeline.probes if shape.tables[s.table].mode == "hash"}
    hashes = {1} if shape.group is not None and shape.group.mode == "open" else set()
    return CudaGenerated(
        assemble("cuda", module.texts, writer, find, hashes, shape.constant_hash),
        tuple(p.argument for p in module.kernels[-1].params),
        tuple(row_lines),
        tuple(writer.literals),
        tuple(writer.lookups),
        tuple(writer.members),
        tuple(writer.tables),
        tuple(writer.checks),
        tuple(sorted(writer.columns)),
        nullable,
        tuple(module.kernels),
    )
