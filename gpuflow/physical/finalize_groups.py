"""From partial slots to results, as ordinary row expressions: finalizing fuses with whatever follows the group-by."""

from __future__ import annotations

from dataclasses import replace

from gpuflow_kernels.codegen.common.row_source import returns_tuple
from gpuflow_kernels.declare.scalar import PARTIAL, PROPAGATE, SCALARS, Overload, Signature
from gpuflow_kernels.dtypes import BOOL, INT64, DType
from gpuflow_kernels.functions import builtin  # noqa: F401  (fills the registry)
from gpuflow_kernels.ir.expressions import Agg, Call, Const, Ref, Row
from gpuflow_kernels.ir.pipeline import Group, Pipeline, needs_seen, partial_types


def merging(sink: Group) -> Pipeline:
    """The pipeline that merges partial results of a grouping sink: columns are its keys, then each one's partial columns."""
    types = [k.dtype for k in sink.keys]
    keys = tuple(Ref(k, d) for k, d in enumerate(types))
    aggs = []
    for agg in sink.aggs:
        partial = partial_types(agg)
        columns = tuple(Ref(len(types) + k, d) for k, d in enumerate(partial))
        aggs.append(replace(agg, args=columns, filter=None))
        types += partial
    return Pipeline(tuple(types), (), Group(keys, tuple(aggs), merge=True))


def final(agg: Agg, first: int) -> Row:
    """The result of an aggregation over partial columns from key `first` on."""
    aggregation = agg.aggregation
    assert aggregation.finalize is not None
    slots: tuple[Row, ...] = tuple(Ref(first + k, s.type) for k, s in enumerate(agg.slots))
    null = PARTIAL if returns_tuple(aggregation.finalize) == 2 else PROPAGATE
    overload = Overload(f"the {aggregation.name}", aggregation.finalize, null, never, aggregation.overflow)
    value = Call(overload, (*slots, *agg.parameters), agg.dtype, agg.constants)
    counter = next((k for k, s in enumerate(agg.slots) if s.counts), None)
    if needs_seen(agg):
        some: Row = Ref(first + len(slots), BOOL)
    elif counter is not None and agg.args:
        some = _call("gt", (slots[counter], Const(0, INT64)))
    else:
        return value
    return _call("when", (some, value, Const(aggregation.empty, agg.dtype)))


def never(args: tuple[DType, ...], params: object) -> Signature | None:
    """The type rule of an overload that is made here, already typed."""
    return None


def _call(name: str, args: tuple[Row, ...]) -> Call:
    found = SCALARS[name].resolve(tuple(a.dtype for a in args))
    assert found is not None, f"{name} does not take {[str(a.dtype) for a in args]}"
    overload, signature = found
    return Call(overload, args, signature.result, signature.constants)
