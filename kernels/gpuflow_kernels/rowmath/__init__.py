"""The functions that a row body may call; they mean the same on every target.

A body is ordinary Python text over these names, operators, `abs` and `range`. *Intrinsics* (`intrinsics`) are imported
differently by each target. *Helpers* (`integers`, `floats`, `calendar`) are plain functions of other
names here; their source is copied into generated modules. Uncompiled bodies call the functions of this module.

Floating-point functions take and return float64. Compiled for CPUs, and uncompiled, a float32 argument gives a
float32 result; compiled for CUDA some widen it, so a body that relies on the width must cast.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cache
from types import FunctionType

from gpuflow_kernels.body_source import bare

from . import calendar, floats, int128, integers, intrinsics, strftime, strings, strptime, time_formats, time_zones
from .calendar import *  # noqa: F403
from .floats import *  # noqa: F403
from .int128 import *  # noqa: F403
from .integers import *  # noqa: F403
from .intrinsics import *  # noqa: F403
from .strftime import *  # noqa: F403
from .strings import *  # noqa: F403
from .strptime import *  # noqa: F403
from .time_formats import *  # noqa: F403
from .time_zones import *  # noqa: F403

TARGETS = ("python", "cpu", "cuda")

_TEXT = (strings, time_formats, strptime, strftime)

_HELPERS: dict[str, FunctionType] = {
    name: f
    for module in (integers, floats, calendar, *_TEXT, int128, time_zones)
    for name, f in vars(module).items()
    if isinstance(f, FunctionType) and f.__module__ == module.__name__
}

TEXT_NAMES: frozenset[str] = frozenset(n for n, f in _HELPERS.items() if f.__module__ in {m.__name__ for m in _TEXT})
"""Helpers that take strings, or write them."""

WIDE_NAMES: frozenset[str] = frozenset(n for n in _HELPERS if n.startswith("wide"))
"""The functions of pairs of 64-bit numbers."""

NAMES: frozenset[str] = frozenset(_HELPERS) | frozenset(intrinsics.CPU)
"""Every name that a body may use, the register types and the constants ``nan inf pi`` among them."""


def prelude(names: Iterable[str], target: str) -> str:
    """Generate module text that defines `names`, and what they need, for one target.

    Parameters
    ----------
    names : iterable of str
        Names of `NAMES`.
    target : {"python", "cpu", "cuda"}
        Except for ``python`` the module must have bound the decorator ``device`` before this text.

    Returns
    -------
    str
        Imports, then definitions, each after what it uses; the same text for the same names in any order.

    Examples
    --------
    >>> print(prelude(["log"], "cpu"))
    from math import log
    <BLANKLINE>
    >>> print(prelude(["udiv", "log"], "python"))
    from gpuflow_kernels.rowmath import log, udiv
    <BLANKLINE>
    """
    requested = sorted(set(names))
    unknown = [n for n in requested if n not in NAMES]
    assert not unknown, f"no rowmath functions: {unknown}"
    assert target in TARGETS, target
    if not requested:
        return ""
    if target == "python":
        return f"from gpuflow_kernels.rowmath import {', '.join(requested)}\n"
    order: dict[str, None] = {}
    for name in requested:
        _visit(name, order)
    table = intrinsics.CPU if target == "cpu" else intrinsics.CUDA
    texts = [table[n] if n in table else _text(n) for n in order]
    imports = {t for t in texts if t.startswith("from ")}
    definitions = [t for t in texts if t not in imports]
    imports |= {line for mark, line in intrinsics.HEADERS.items() if any(mark in t for t in definitions)}
    return "\n".join([*sorted(imports), *definitions]) + "\n"


def _visit(name: str, order: dict[str, None]) -> None:
    if name not in order:
        for needed in _needs(name):
            _visit(needed, order)
        order[name] = None


@cache
def _text(name: str) -> str:
    return "@device\n" + ast.unparse(_bare(name))


@cache
def _needs(name: str) -> tuple[str, ...]:
    if name not in _HELPERS:
        return ()
    used = {n.id for n in ast.walk(_bare(name)) if isinstance(n, ast.Name)}
    return tuple(sorted((used & NAMES) - {name}))


@cache
def _bare(name: str) -> ast.FunctionDef:
    return bare(_HELPERS[name])
