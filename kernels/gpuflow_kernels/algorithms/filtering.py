"""Run pipelines that write rows: maps, filters, and joins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeGuard

from gpuflow_kernels.binding import Bindings, fitted, input_arguments, shape_of
from gpuflow_kernels.codegen.common.program import repeated
from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.errors import ArithmeticOverflowError
from gpuflow_kernels.ir.expressions import Ref
from gpuflow_kernels.ir.pipeline import Pipeline, Write
from gpuflow_kernels.target import Target, error_text

from .launching import launcher_of


def write(target: Target, pipeline: Pipeline, chunk: Chunk, bindings: Bindings) -> Chunk:
    """Run a pipeline whose sink is `Write` over one chunk.

    Parameters
    ----------
    target : Target
    pipeline : Pipeline
    chunk : Chunk
        Columns of ``pipeline.inputs``, in order.
    bindings : Bindings

    Returns
    -------
    Chunk
        The sink's columns; rows in input order. Computed string columns have no dictionary yet, which the caller adds. Columns
        that are only copied share memory with the input.

    Raises
    ------
    ArithmeticOverflowError
        When an exact result does not fit its type.
    """
    columns = pipeline.sink.rows()
    shape = shape_of(pipeline, chunk, bindings)
    compacting = pipeline.filters or bool(repeated(pipeline, shape))
    if compacting:
        return _run(target, pipeline, chunk, bindings, True)
    computed = tuple(c for c in columns if not _is_input(c, pipeline))
    produced: Iterator[Column] = iter(())
    if computed:
        smaller = Pipeline(pipeline.inputs, pipeline.steps, Write(computed))
        produced = iter(_run(target, smaller, chunk, bindings, False).columns)
    copied = iter(target.moved([chunk.columns[int(c.key)] for c in columns if _is_input(c, pipeline)]))
    results = (next(copied if _is_input(c, pipeline) else produced) for c in columns)
    return Chunk(tuple(results), chunk.length)


def _is_input(row: Any, pipeline: Pipeline) -> TypeGuard[Ref]:
    return isinstance(row, Ref) and isinstance(row.key, int) and row.key < len(pipeline.inputs)


def _run(target: Target, pipeline: Pipeline, chunk: Chunk, bindings: Bindings, compacting: bool) -> Chunk:
    chunk = Chunk(target.moved(chunk.columns), chunk.length)
    shape = fitted(target, shape_of(pipeline, chunk, bindings), chunk)
    generated = target.generate(pipeline, shape)
    arguments = input_arguments(target, pipeline, generated, chunk, bindings)
    types = pipeline.sink.outputs()
    values, validities, length, error = launcher_of(target).write(
        target, pipeline, shape, generated, arguments, chunk.length, types, compacting, bindings
    )
    if error:
        raise ArithmeticOverflowError(overflow_message(error_text(generated, error)))
    columns = (Column(d, v, m) for d, v, m in zip(types, values, validities, strict=True))
    return Chunk(tuple(columns), length)


def overflow_message(what: str) -> str:
    """Return the message of an overflow, with the way out; a declaration may have its own (`failure`)."""
    return f"{what}: cast to a wider type (float64), or filter the rows out first" if " does not fit " in what else what
