"""Partition rows: move them to their parts, all columns at once, in order within a part.

Each block has a run of neighbouring rows, each of its warps a shorter one. ``histogram`` counts the rows of every part in
every block; the scan of the counts, part by part, says where each block's rows of a part begin; ``scatter`` counts again
by warp, and gives every row its place from the rows of the same part before it in its warp. (The order of a stable radix
sort by one digit: Merrill and Grimshaw, "High performance and scalable radix sorting", 2011.)
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from gpuflow_kernels.codegen.common.module_source import indented, module_of
from gpuflow_kernels.codegen.cuda.snippets import Param, kernel_text, named

from ...codegen.modules import load
from . import runtime

STEPS = 16
"""Rows of one thread."""


def _params(dtypes: tuple[str, ...]) -> dict[str, tuple[Param, ...]]:
    rows = (named("rows"), named("parts"), named("ids", "int32"))
    columns = (named(f"{letter}{k}", dtype) for k, dtype in enumerate(dtypes) for letter in "co")
    return {"histogram": (*rows, named("counts", "int64")), "scatter": (*rows, named("starts", "int64"), *columns)}


@lru_cache(maxsize=256)
def partition_text(dtypes: tuple[str, ...], parts: int, block: int) -> str:
    """Generate the module for columns of `dtypes` and up to `parts` parts (a power of two), in blocks of `block` threads."""
    warps, run = block // 32, block * STEPS
    place = [
        "t = uint64(cuda.threadIdx.x)",
        "b = uint64(cuda.blockIdx.x)",
        "blocks = uint64(cuda.gridDim.x)",
    ]
    histogram = [
        f"held = cuda.shared.array({parts}, int32)",
        *place,
        "x = t",
        "while x < parts:",
        "    held[x] = 0",
        f"    x += uint64({block})",
        "cuda.syncthreads()",
        f"i = b * uint64({run}) + t",
        f"stop = min(rows, (b + uint64(1)) * uint64({run}))",
        "while i < stop:",
        "    cuda.atomic.add(held, uint64(ids[i]), 1)",
        f"    i += uint64({block})",
        "cuda.syncthreads()",
        "x = t",
        "while x < parts:",
        "    counts[x * blocks + b] = held[x]",
        f"    x += uint64({block})",
    ]
    scatter = [
        f"held = cuda.shared.array({parts * warps}, int32)",
        *place,
        "lane = uint64(cuda.laneid)",
        "warp = t >> uint64(5)",
        f"own = warp * uint64({parts})",
        "x = t",
        f"while x < uint64({parts * warps}):",
        "    held[x] = 0",
        f"    x += uint64({block})",
        "cuda.syncthreads()",
        f"first = b * uint64({run}) + warp * uint64({32 * STEPS})",
        "i = first + lane",
        f"stop = min(rows, first + uint64({32 * STEPS}))",
        "while i < stop:",
        "    cuda.atomic.add(held, own + uint64(ids[i]), 1)",
        "    i += uint64(32)",
        "cuda.syncthreads()",
        "x = t",
        "while x < parts:",
        "    before = int32(0)",
        "    w = uint64(0)",
        f"    while w < uint64({warps}):",
        f"        here = held[w * uint64({parts}) + x]",
        f"        held[w * uint64({parts}) + x] = before",
        "        before = int32(before + here)",
        "        w += uint64(1)",
        f"    x += uint64({block})",
        "cuda.syncthreads()",
        "step = uint64(0)",
        f"while step < uint64({STEPS}):",
        "    i = first + step * uint64(32) + lane",
        "    part = int32(-1)",
        "    if i < rows:",
        "        part = int32(item(ids, i))",
        *indented([f"x{k} = item(c{k}, i)" for k in range(len(dtypes))], 2),
        "    peers = uint32(cuda.match_any_sync(0xFFFFFFFF, part))",
        "    rank = cuda.popc(uint32(peers & uint32((uint64(1) << lane) - uint64(1))))",
        "    if part >= 0:",
        "        before = held[own + uint64(part)]",
        "    cuda.syncwarp()",
        "    if part >= 0:",
        "        if rank == 0:",
        "            held[own + uint64(part)] = int32(before + cuda.popc(peers))",
        "        j = uint64(starts[uint64(part) * blocks + b]) + uint64(before) + uint64(rank)",
        *indented([f"o{k}[j] = x{k}" for k in range(len(dtypes))], 2),
        "    cuda.syncwarp()",
        "    step += uint64(1)",
    ]
    params = _params(dtypes)
    kernels = [kernel_text(name, params[name], body) for name, body in (("histogram", histogram), ("scatter", scatter))]
    return module_of("cuda", "\n\n\n".join(kernels))


def pack(xp: Any, columns: list[Any], ids: Any, parts: int) -> tuple[list[Any], Any]:
    """Reorder the rows of arrays by part; also return where each part begins.

    Parameters
    ----------
    xp : module
        The array module.
    columns : list of arrays
        Of equal length and any type.
    ids : array of int32
        The part of every row, below `parts`.
    parts : int
        At most 1,024: counters for every warp of a block have to fit into shared memory.

    Returns
    -------
    (arrays, offsets)
        `offsets` has ``parts + 1`` entries.
    """
    device, rows = runtime.device, len(ids)
    block = device.block
    blocks = max(1, -(-rows // (block * STEPS)))
    width = max(1, 1 << (parts - 1).bit_length())
    module = load(partition_text(tuple(str(c.dtype) for c in columns), width, block), "cuda")
    counts = xp.empty(parts * blocks, dtype="int64")
    head = [np.uint64(rows), np.uint64(parts), ids]
    device.launch(module.histogram, blocks, [*head, counts], block)
    ends = xp.cumsum(counts)
    starts = ends - counts
    results = [xp.empty(rows, dtype=c.dtype) for c in columns]
    device.launch(
        module.scatter, blocks, [*head, starts, *(a for c, o in zip(columns, results, strict=True) for a in (c, o))], block
    )
    return results, xp.concatenate([starts[::blocks], ends[-1:]])
