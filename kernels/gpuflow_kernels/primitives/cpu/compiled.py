"""Compile functions of this package from their text, with those that they call, in the way of generated modules."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

from gpuflow_kernels.body_source import bare
from gpuflow_kernels.codegen.common.module_source import module_of

from ...codegen.modules import load

INTRINSICS = frozenset({"word", "store_word"})
"""Functions with an intrinsic of the same name, which compiled text imports instead."""


def compiled(function: Any, storage: str = "") -> Callable[..., Any]:
    """Compile `function`, which may call functions of this package and of `rowmath`, and allocates nothing.

    A function of arrays of several types gets one module for each type, named by `storage`: compiling a module for a second
    signature is an error.
    """
    return load(_text(function, storage), "cpu").run  # type: ignore[no-any-return]


@cache
def _text(function: FunctionType, storage: str) -> str:
    order: dict[FunctionType, None] = {}
    _visit(function, order)
    *helpers, last = order
    tree = bare(last)
    tree.name = "run"
    twins = sorted(helper.__name__ for helper in helpers if helper.__name__ in INTRINSICS)
    head = [f"from {__package__}.intrinsics import {', '.join(twins)}  # {_version()}"] if twins else []
    head += [f"# values are {storage}"] if storage else []
    parts = [f"@device\n{ast.unparse(bare(helper))}" for helper in helpers if helper.__name__ not in INTRINSICS]
    return module_of("cpu", "\n\n\n".join([*head, *parts, f"@kernel\n{ast.unparse(tree)}"]), {h.__name__ for h in helpers})


@cache
def _version() -> str:
    """Return a version of the intrinsics for cache keys: changing them does not change the text of callers."""
    return hashlib.sha256(Path(__file__).with_name("intrinsics.py").read_bytes()).hexdigest()[:16]


def _visit(function: FunctionType, order: dict[FunctionType, None]) -> None:
    names = {node.id for node in ast.walk(bare(function)) if isinstance(node, ast.Name)}
    for name in sorted(names):
        callee = function.__globals__.get(name)
        if isinstance(callee, FunctionType) and callee.__module__.startswith(__package__) and callee not in order:
            _visit(callee, order)
    order[function] = None
