"""Row trees for tests, without the layers above: functions by name, resolved by types, casts put in."""

from __future__ import annotations

from typing import Any

import gpuflow_kernels.aggregations.basic
import gpuflow_kernels.functions.builtin  # noqa: F401  (fills the registries)
from gpuflow_kernels.declare.aggregate import AGGREGATIONS
from gpuflow_kernels.declare.scalar import SCALARS
from gpuflow_kernels.dtypes import DType
from gpuflow_kernels.ir.expressions import Agg, Call, Const, Row


def const(value: Any, dtype: DType) -> Const:
    """A literal of a type."""
    return Const(value, dtype)


def call(name: str, *args: Row, **params: Any) -> Call:
    """The declared function `name` on `args`; a `TypeError` when it does not take their types."""
    found = SCALARS[name].resolve(tuple(a.dtype for a in args), params)
    if found is None:
        raise TypeError(f"{name} does not take {', '.join(str(a.dtype) for a in args)}")
    overload, signature = found
    if signature.sources:
        args = tuple(call(name, args[k]) if name else args[k] for k, name in signature.sources)
    if signature.via:
        args = (call(signature.via, args[0]), *args[1:])
    operands = tuple(cast_to(a, d) for a, d in zip(args, signature.args, strict=True))
    made = Call(overload, operands, signature.result, signature.constants)
    return call(signature.after[0], made, **signature.after[1]) if signature.after else made


def cast_to(row: Row, dtype: DType) -> Row:
    """`row` as `dtype`, by a strict cast where it is of another type."""
    return row if row.dtype == dtype else call("cast", row, to=dtype, strict=True)


def agg(name: str, *args: Row) -> Agg:
    """The declared aggregation `name` of `args`."""
    found = AGGREGATIONS[name].signature(tuple(a.dtype for a in args))
    if found is None:
        raise TypeError(f"{name} does not take {', '.join(str(a.dtype) for a in args)}")
    declared, signature = found
    types = signature.args
    operands = tuple(cast_to(a, d) for a, d in zip(args, types, strict=True))
    slots = tuple(s.resolve(types[0] if types else None) for s in declared.slots)
    parameters = AGGREGATIONS[name].parameters.values()
    literals = tuple(Const(p.default, p.literal) for p in parameters if p.literal is not None)
    return Agg(declared, operands, signature.result, slots, signature.constants, literals)
