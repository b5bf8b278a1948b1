"""The identity of a plan's result: equal tokens mean equal rows. Deterministic across processes."""

from __future__ import annotations

import hashlib
from dataclasses import fields, is_dataclass
from functools import cache, lru_cache
from typing import Any

from gpuflow_kernels.body_source import Body
from gpuflow_kernels.dtypes import DType

from .node import nodes_of
from .plan import Plan
from .source import Source


def token(plan: Plan) -> str:
    """A hash of the plan's nodes and of its sources' tokens; it reads no data and stays the same in another process."""
    memo: dict[int, str] = {}

    def visit(node: Plan) -> str:
        if id(node) not in memo:
            inputs = [visit(i) for i in node.inputs]
            values = ((n, getattr(node, n)) for n in node.field_names)
            own = [(n, content_of(v)) for n, v in values if not nodes_of(v)]
            memo[id(node)] = digest_of((type(node).__name__, inputs, own))
        return memo[id(node)]

    return visit(plan)


def digest_of(content: Any) -> str:
    """A hash of what `content_of` returned."""
    return hashlib.sha256(repr(content).encode("utf-8", "surrogatepass")).hexdigest()[:32]


_PLAIN = frozenset({type(None), bool, int, float, str, bytes})


def content_of(value: Any) -> Any:
    """What decides the result of a node of a plan, as plain tuples whose `repr` is the same in every process."""
    kind: Any = type(value)
    if kind in _PLAIN:
        return value
    if kind is tuple or kind is list:
        return tuple([content_of(v) for v in value])
    if kind is Body:
        return (value.text, value.captured)
    if kind is DType:
        return _type_content(value)
    names = _compared(kind)
    if names is not None:
        return (kind.__name__, *[content_of(getattr(value, name)) for name in names])
    if isinstance(value, Source):
        return ("source", value.token)
    if isinstance(value, (tuple, list)):
        return tuple(content_of(v) for v in value)
    assert isinstance(value, (bool, int, float, str, bytes)), f"a plan holds a {kind.__name__}"
    return value


@lru_cache(maxsize=1024)
def _type_content(dtype: DType) -> Any:
    return str(dtype) if dtype.detail is None else (str(dtype), repr(dtype.detail))


@cache
def _compared(kind: type) -> tuple[str, ...] | None:
    """The fields that say what a node is; None for what is no node. Asked for every node, and slow to find out."""
    if issubclass(kind, Source) or not is_dataclass(kind):
        return None
    return tuple(f.name for f in fields(kind) if f.compare)
