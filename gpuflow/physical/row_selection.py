"""The first filters of a pipeline by themselves, for readers that make other columns only for the rows that pass them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

from gpuflow_kernels.dtypes import INT32
from gpuflow_kernels.ir.expressions import Ref, refs, substitute
from gpuflow_kernels.ir.pipeline import Filter, Pipeline, Write

from .strings import StringPlan, plan_strings


@dataclass(frozen=True)
class RowSelection:
    """What the first filters of a pipeline read, by number of input column, and a pipeline over these columns and the numbers
    of rows, which writes the numbers of the rows that pass."""

    inputs: tuple[int, ...]
    strings: StringPlan


def row_selection(pipeline: Pipeline) -> RowSelection | None:
    """Take the first filters out of a pipeline; None without any, or if they read all its columns."""
    predicates = [step.predicate for step in takewhile(lambda s: isinstance(s, Filter), pipeline.steps)]  # type: ignore[union-attr]
    keys = tuple(sorted({int(key) for predicate in predicates for key in refs(predicate)}))
    if not predicates or not keys or len(keys) == len(pipeline.inputs):
        return None
    inputs = tuple(pipeline.inputs[key] for key in keys)
    columns: dict[str | int, Ref] = {key: Ref(k, dtype) for k, (key, dtype) in enumerate(zip(keys, inputs, strict=True))}
    steps = tuple(Filter(substitute(p, columns)) for p in predicates)
    return RowSelection(keys, plan_strings(Pipeline((*inputs, INT32), steps, Write((Ref(len(keys), INT32),)))))
