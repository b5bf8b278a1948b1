"""The tasks of exchanges and of row operators, which run fused in one pipeline."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gpuflow_kernels.dtypes import DType
from gpuflow_kernels.ir.pipeline import Filter as Step

from .nodes import Broadcast, Filter, Gather, HashExchange, Project, RangeExchange
from .planner import Planner, emits
from .stream import Stream, over_parts
from .tasks import BoundsTask, DictionariesTask, ExtractTask, GatherTask, RangeTask, SampleTask, SplitTask

SAMPLES = 4096
"""Values sampled of each partition to find the ranges of a large sort."""


@emits(Filter)
def emit_filter(planner: Planner, operator: Filter) -> Stream:
    stream, (predicate,) = planner.under(operator.input, [operator.predicate])
    return replace(stream, steps=(*stream.steps, Step(predicate)), rows=operator.rows)


@emits(Project)
def emit_project(planner: Planner, operator: Project) -> Stream:
    stream, rows = planner.under(operator.input, (r for _, r in operator.columns))
    return replace(stream, columns=dict(zip((name for name, _ in operator.columns), rows, strict=True)))


@emits(Gather)
def emit_gather(planner: Planner, operator: Gather) -> Stream:
    return planner.finished(operator.input)


@emits(Broadcast)
def emit_broadcast(planner: Planner, operator: Broadcast) -> Any:
    return planner.emit(operator.input)


@emits(HashExchange)
def emit_hash_exchange(planner: Planner, operator: HashExchange) -> Stream:
    below = planner.finished(operator.input)
    names = [n for n, _ in below.output]
    split = SplitTask(planner.options, tuple(names.index(w) for w in operator.words), operator.by.n)
    pieces = tuple(planner.runner.add(split, chunk) for chunk in below.parts)
    return over_parts(_picked(planner, pieces, operator.by.n, below.inputs), below.output, operator.rows)


@emits(RangeExchange)
def emit_range_exchange(planner: Planner, operator: RangeExchange) -> Stream:
    """Find boundaries from samples of the first key, and split every partition at them."""
    below, number, add = planner.finished(operator.input), operator.by.n, planner.runner.add
    first = [n for n, _ in below.output].index(operator.first)
    order = operator.descending, operator.nulls_last
    samples = tuple(add(SampleTask(planner.options, first, SAMPLES), part) for part in below.parts)
    bounds = add(BoundsTask(planner.options, *order, number), samples)
    split = RangeTask(planner.options, first, *order, number)
    pieces = tuple(add(split, (part, bounds)) for part in below.parts)
    return over_parts(_picked(planner, pieces, number, below.inputs), below.output, operator.rows)


def _picked(planner: Planner, pieces: tuple[Any, ...], parts: int, types: tuple[DType, ...]) -> tuple[Any, ...]:
    """From split chunks, with columns of these types, to partitions: the pieces with the same number, put together.

    Between processes each piece travels by itself. Dictionaries that many pieces need travel by themselves too, once to
    each process.
    """
    runner, options = planner.runner, planner.options
    if runner.local:
        return tuple(runner.add(GatherTask(options, p), pieces) for p in range(parts))
    dictionaries = DictionariesTask(options)
    coded = any(t.is_coded for t in types)
    shared = tuple(runner.add(dictionaries, split) for split in pieces) if coded else ()
    picked = []
    for p in range(parts):
        items = tuple(runner.add(ExtractTask(options, p), split) for split in pieces)
        picked.append(runner.add(GatherTask(options, p, coded), (items, shared) if coded else items))
    return tuple(picked)
