"""Convert bit masks of rows, voted on by warps, to row numbers.

A segment is the rows of one warp: `width` words of 32 bits, in which bit ``b`` of word ``v`` stands for row
``segment * 32 * width + b * width + v``.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from gpuflow_kernels.codegen.common.module_source import module_of
from gpuflow_kernels.codegen.cuda.snippets import kernel_text, named, thread_number

from ...codegen.modules import load
from . import runtime

WEIGH = (named("words"), named("mask", "uint32"), named("counts", "int32"))
LIST = (named("segments"), named("width"), named("mask", "uint32"), named("starts", "int64"), named("index", "int64"))


@cache
def bits_text() -> str:
    """Generate the module: ``weigh`` counts the bits of each word, ``listed`` writes the numbers of the rows whose bit is set."""
    weigh = [
        thread_number("x"),
        "if x < words:",
        "    counts[x] = cuda.popc(mask[x])",
    ]
    listed = [
        thread_number("x"),
        "segment = x >> uint64(5)",
        "bit = x & uint64(31)",
        "if segment < segments:",
        "    below = (uint64(1) << bit) - uint64(1)",
        "    j = uint64(starts[segment])",
        "    v = uint64(0)",
        "    while v < width:",
        "        j += uint64(cuda.popc(uint32(uint64(mask[segment * width + v]) & below)))",
        "        v += uint64(1)",
        "    v = uint64(0)",
        "    while v < width:",
        "        if (uint64(mask[segment * width + v]) >> bit) & uint64(1) != uint64(0):",
        "            index[j] = int64((segment * uint64(32) + bit) * width + v)",
        "            j += uint64(1)",
        "        v += uint64(1)",
    ]
    return module_of("cuda", "\n\n\n".join([kernel_text("weigh", WEIGH, weigh), kernel_text("listed", LIST, listed)]))


def _launch(name: str, threads: int, arguments: list[Any]) -> None:
    runtime.launch_over(getattr(load(bits_text(), "cuda"), name), threads, arguments)


def listed(xp: Any, mask: Any, starts: Any, total: int, width: int) -> Any:
    """Return the numbers (int64, in order) of the `total` rows whose bit is set; `starts` is where those of each segment
    begin."""
    index = xp.empty(total, dtype="int64")
    if total:
        _launch("listed", len(starts) * 32, [np.uint64(len(starts)), np.uint64(width), mask, starts, index])
    return index


def weighed(xp: Any, mask: Any) -> tuple[Any, Any]:
    """Count set bits: return (number of set bits before each word, number of all), both on the device."""
    counts = xp.empty(len(mask), dtype="int32")
    _launch("weigh", len(mask), [np.uint64(len(mask)), mask, counts])
    ends = xp.cumsum(counts, dtype="int64")
    return ends - counts, ends[-1:]
