"""The identity of a plan's result: equal tokens mean equal rows. Deterministic across processes."""

from __future__ import annotations

import hashlib
from dataclasses import fields, is_dataclass
from typing import Any

from gpuflow_kernels.aggregate import Aggregation
from gpuflow_kernels.dtypes import DType
from gpuflow_kernels.scalar import Overload
from gpuflow_kernels.source import Body

from .nodes import Plan
from .source import Source


def token(plan: Plan) -> str:
    """A hash of the plan's nodes and of its sources' tokens; it reads no data and stays the same in another process."""
    memo: dict[int, str] = {}

    def visit(node: Plan) -> str:
        if id(node) not in memo:
            inputs = [visit(i) for i in node.inputs]
            own = [(f.name, content_of(getattr(node, f.name))) for f in fields(node) if not _is_input(getattr(node, f.name))]
            memo[id(node)] = digest_of((type(node).__name__, inputs, own))
        return memo[id(node)]

    return visit(plan)


def _is_input(value: Any) -> bool:
    return isinstance(value, Plan) or (isinstance(value, tuple) and bool(value) and isinstance(value[0], Plan))


def digest_of(content: Any) -> str:
    """A hash of what `content_of` returned."""
    return hashlib.sha256(repr(content).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def content_of(value: Any) -> Any:
    """What decides the result of a node of a plan, as plain tuples whose `repr` is the same in every process."""
    if isinstance(value, Source):
        return ("source", value.token)
    if isinstance(value, Body):
        return (value.text, value.captured)
    if isinstance(value, DType):
        return str(value)
    if isinstance(value, (Overload, Aggregation)) or is_dataclass(value):
        return (type(value).__name__, *(content_of(getattr(value, f.name)) for f in fields(value) if f.compare))
    if isinstance(value, (tuple, list)):
        return tuple(content_of(v) for v in value)
    assert value is None or isinstance(value, (bool, int, float, str)), f"a plan holds a {type(value).__name__}"
    return value
