"""Functions of this package compiled from their text, with those that they call, as generated modules are."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any

from ...codegen.module_text import module_of
from ...codegen.modules import load
from ...source import bare


def compiled(function: Any, storage: str = "") -> Callable[..., Any]:
    """`function`, which may call functions of this package and of `rowmath`, and allocates nothing.

    One that takes arrays of several types is a module for each, named by `storage`: what is compiled twice is a fault elsewhere.
    """
    return load(_text(function, storage), "cpu").run  # type: ignore[no-any-return]


@cache
def _text(function: FunctionType, storage: str) -> str:
    order: dict[FunctionType, None] = {}
    _visit(function, order)
    *helpers, last = order
    tree = bare(last)
    tree.name = "run"
    note = [f"# values are {storage}"] if storage else []
    parts = [*note, *(f"@device\n{ast.unparse(bare(helper))}" for helper in helpers), f"@kernel\n{ast.unparse(tree)}"]
    return module_of("cpu", "\n\n\n".join(parts), {helper.__name__ for helper in helpers})


def _visit(function: FunctionType, order: dict[FunctionType, None]) -> None:
    names = {node.id for node in ast.walk(bare(function)) if isinstance(node, ast.Name)}
    for name in sorted(names):
        found = function.__globals__.get(name)
        if isinstance(found, FunctionType) and found.__module__.startswith(__package__) and found not in order:
            _visit(found, order)
    order[function] = None
