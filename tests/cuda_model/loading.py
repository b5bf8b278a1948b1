"""Texts as modules: imports replaced by the interpreter's own names, and faults planted in them."""

from __future__ import annotations

import ast
import linecache
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import CodeType, ModuleType
from typing import Any

import numpy as np
from gpuflow_kernels import rowmath
from gpuflow_kernels.body_source import parse, parsing

from .device import Cuda, intrinsics
from .numbers import CASTS

_planted: list[tuple[Callable[[str], bool], Callable[[str], str]]] = []


def load(name: str, text: str, cuda: Cuda) -> ModuleType:
    """The module of a text, its decorators replaced by nothing, `planted` faults in it."""
    for applies, change in _planted:
        if applies(text):
            text = change(text)
    names = ROWMATH | CASTS | intrinsics(cuda) | {"cuda": cuda, "np": np, "kernel": lambda f: f, "device": lambda f: f}
    module, file = ModuleType(name), f"<{name}>"
    code, constants = _compiled(text, file, frozenset(names))
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    module.__dict__.update(names | constants | {"TEXT": text})
    exec(code, module.__dict__)
    return module


ROWMATH: dict[str, Any] = {n: getattr(rowmath, n) for n in rowmath.NAMES}


@lru_cache(2048)
def _compiled(text: str, file: str, names: frozenset[str]) -> tuple[CodeType, dict[str, Any]]:
    """The code of a text and the constants in it. A text is loaded for every schedule that it runs under."""
    constants: dict[str, Any] = {}

    def named(match: re.Match[str]) -> str:
        """``uint64(7)`` is made once, not at every execution."""
        name = f"_{match[1]}_{match[2].translate(_IN_NAMES)}"
        constants[name] = CASTS[match[1]](float(match[2]) if "." in match[2] else int(match[2]))
        return name

    tree = parse(_CONSTANT.sub(named, text))
    tree.body = [node for node in tree.body if not _replaced(node, names)]
    with parsing:
        return compile(tree, file, "exec"), constants


_CONSTANT = re.compile(rf"\b({'|'.join(CASTS)})\((-?\d+(?:\.\d+)?)\)")
_IN_NAMES = str.maketrans("-.", "mp")


def _replaced(node: ast.stmt, names: frozenset[str]) -> bool:
    """Whether a statement of a module only binds what is bound already."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        bound = [(a.asname or a.name).split(".")[0] for a in node.names]
        missing = [n for n in bound if n not in names and n not in ("libdevice", "math")]
        if missing:
            raise ImportError(
                f"the interpreter has no {', '.join(missing)} (line {node.lineno}); add it to tests/cuda_model/device.py"
            )
        return True
    return isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in names


@contextmanager
def planted(applies: Callable[[str], bool] | str, old: str, new: str, nth: int | None = None) -> Iterator[None]:
    """Within this block the texts that are loaded have a fault.

    Parameters
    ----------
    applies : callable or str
        Which texts: what answers for a text, or a part of it.
    old, new : str
        What is replaced by what.
    nth : int, optional
        Which occurrence is replaced, counted from 0; all of them if not given.

    Raises
    ------
    AssertionError
        When the block ends without a replacement: no such text was loaded, or `old` is not in it. A module that was
        loaded earlier in the same `cuda_model` is not loaded again.
    """
    made = 0

    def change(text: str) -> str:
        nonlocal made
        parts = text.split(old)
        assert len(parts) > (nth or 0) + 1, f"nothing to replace: {old!r} is not {nth or 0} + 1 times in\n{text}"
        made += 1
        if nth is None:
            return new.join(parts)
        return old.join(parts[: nth + 1]) + new + old.join(parts[nth + 1 :])

    entry = ((lambda text: applies in text) if isinstance(applies, str) else applies, change)
    _planted.append(entry)
    failed = True
    try:
        yield
        failed = False
    except BaseException:
        failed = made == 0  # an error after the planting is what the fault is for
        raise
    finally:
        _planted.remove(entry)
        if not failed:
            assert made, f"no text was loaded that has {old!r}"
