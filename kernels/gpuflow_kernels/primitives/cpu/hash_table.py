"""Open-addressing tables of group ids: power-of-two slots, at most half full, linear probing, -1 for empty."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from gpuflow_kernels.codegen.common.module_source import HEADERS
from gpuflow_kernels.codegen.common.table_lookups import hash_text

from ...codegen.modules import load
from ...rowmath import prelude
from ...target import Target


def empty_slots(capacity: int) -> tuple[Any, Any]:
    """Make slots for `capacity` keys; also return the shift that turns a hash into a slot."""
    bits = max(1, int(capacity * 2 - 1).bit_length())
    return np.full(1 << bits, -1, dtype=np.int32 if capacity < 1 << 31 else np.int64), np.uint64(64 - bits)


@lru_cache(maxsize=64)
def rebuild_text(words: int, target: str, constant: bool) -> str:
    """Generate a module whose ``run`` inserts keys 0 … count of distinct `words` into empty slots."""
    names = [f"w{k}" for k in range(words)]
    loads = ", ".join(f"{w}[g]" for w in names)
    run = f"""@kernel
def run(count, slots, shift, {", ".join(names)}):
    mask = int64(len(slots) - 1)
    for g in range(count):
        s = int64(hash_{words}({loads}) >> shift)
        while slots[s] >= 0:
            s = (s + 1) & mask
        slots[s] = g
    return 0"""
    return "\n\n\n".join([HEADERS[target], prelude(["int64", "uint64"], target).strip(), hash_text(words, constant), run]) + "\n"


def rebuild(target: Target, words: list[Any], count: int, slots: Any, shift: Any, constant: bool) -> None:
    """Insert keys 0 … count into empty slots."""
    module = load(rebuild_text(len(words), target.name, constant), target.name)
    with np.errstate(all="ignore"):
        module.run(np.int64(count), slots, shift, *words)
