"""Putting a module together: header, helpers, the kernel. Shared by the skeletons of all targets."""

from __future__ import annotations

import ast

from ..rowmath import NAMES, prelude
from ..source import parse
from .inline import names_used
from .rows import RowWriter
from .tables_text import MEMBER_TEXT, find_text, hash_text

HEADERS = {
    "python": "def kernel(f):\n    return f\n\n\ndevice = kernel",
    "cpu": 'from numba import njit\n\nkernel = njit(nogil=True, error_model="numpy", cache=True)\n'
    'device = njit(nogil=True, error_model="numpy")',
    "cuda": "from numba import cuda\n\nkernel = cuda.jit\ndevice = cuda.jit(device=True)",
}
"""What binds the decorators `kernel` and `device`, by target."""


def assemble(target: str, functions: list[str], writer: RowWriter, find: set[int], hashes: set[int], constant: bool) -> str:
    """The text of a module.

    Parameters
    ----------
    target : {"python", "cpu", "cuda"}
    functions : list of str
        Kernels with their decorator, last in the module.
    writer : RowWriter
        Which helpers and value sets the rows use.
    find, hashes : set of int
        Numbers of key words for which ``find_k`` and ``hash_k`` are needed.
    constant : bool
        Whether every key hashes alike (tests).
    """
    parts = [hash_text(k, constant) for k in sorted(find | hashes)]
    parts += [find_text(k) for k in sorted(find)]
    if writer.members:
        parts.append(MEMBER_TEXT)
    parts += [f"@device\n{text}" for _, text in sorted(writer.helpers.items())]
    body = "\n\n\n".join([*parts, *functions])
    defined = {n.name for n in parse(body).body if isinstance(n, ast.FunctionDef)}
    needed = (names_used([body]) & NAMES) - defined
    return "\n\n\n".join(p for p in (HEADERS[target], prelude(sorted(needed), target).strip(), body) if p) + "\n"


def indented(lines: list[str] | tuple[str, ...], depth: int) -> list[str]:
    return ["    " * depth + line for line in lines]
