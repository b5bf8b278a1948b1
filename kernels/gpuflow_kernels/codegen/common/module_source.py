"""Putting a module together: header, helpers, the kernel. Shared by the skeletons of all targets."""

from __future__ import annotations

import re

from gpuflow_kernels.rowmath import NAMES, prelude

from .float_products import POWER, PRODUCT, unfused
from .inline_bodies import names_used
from .row_source import RowWriter
from .table_lookups import CLAIM_NULL_TEXT, CLAIM_TEXT, MEMBER_TEXT, find_text, hash_text

HEADERS = {
    "python": "def kernel(f):\n    return f\n\n\ndevice = kernel",
    "cpu": "from gpuflow_kernels.codegen.cpu.helpers import shared\nfrom numba import njit\n\n"
    'kernel = njit(nogil=True, error_model="numpy", cache=True, no_cfunc_wrapper=True, _nrt=False)\n'
    'device = shared(nogil=True, error_model="numpy", no_cfunc_wrapper=True, no_cpython_wrapper=True, _nrt=False)',
    "cuda": "from numba import cuda\n\nkernel = cuda.jit(cache=True)\ndevice = cuda.jit(device=True)",
}
"""What binds the decorators `kernel` and `device`, by target.

Kernels of CPUs allocate nothing and are called from Python alone, helpers from kernels alone. Numba is called so: it compiles
in little more than half the time without what counts references (`_nrt`) and without entries that nobody uses.
"""

INTRINSICS = frozenset({"pair", "entry", "put_pair", "item", "peek", "poke", PRODUCT, POWER})
"""Names of `primitives.cuda.intrinsics` that texts import, besides the views."""
INTRINSICS_MODULE = "gpuflow_kernels.primitives.cuda.intrinsics"


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
    parts += [find_text(k, target) for k in sorted(find)]
    if any("claim(" in text for text in functions):
        parts.append(CLAIM_TEXT)
    if any("claim_null(" in text for text in functions):
        parts.append(CLAIM_NULL_TEXT)
    if writer.members:
        parts.append(MEMBER_TEXT)
    parts += [f"@device\n{text}" for _, text in sorted(writer.helpers.items())]
    body = "\n\n\n".join([*parts, *functions])
    return module_of(target, body, set(re.findall(r"^def (\w+)", body, re.MULTILINE)))


def module_of(target: str, body: str, defined: set[str] = frozenset()) -> str:  # type: ignore[assignment]
    """The module around `body`: decorators, then what it uses of the compiler, the hardware and `rowmath`."""
    used = names_used([body]) - defined
    heads, helpers = [HEADERS[target]], prelude(sorted(used & NAMES), target).strip()
    if target == "cuda":
        body, helpers = unfused(body), unfused(helpers)
        used |= {n for n in (PRODUCT, POWER) if f"{n}(" in body or f"{n}(" in helpers}
        special = sorted(n for n in used if n in INTRINSICS or n.startswith("view_"))
        if special:
            heads[0] = heads[0].replace("\n\n", f"\nfrom {INTRINSICS_MODULE} import {', '.join(special)}\n\n", 1)
        narrow = sorted(used & {"int32", "uint32"})
        if narrow:
            heads[0] = heads[0].replace("\n\n", f"\nfrom numpy import {', '.join(narrow)}\n\n", 1)
    return "\n\n\n".join(p for p in (*heads, helpers, body) if p) + "\n"


def indented(lines: list[str] | tuple[str, ...], depth: int) -> list[str]:
    return ["    " * depth + line for line in lines]
