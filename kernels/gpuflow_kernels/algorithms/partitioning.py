"""Split a chunk by the hash of keys, so that equal keys of all chunks get into the same part."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from gpuflow_kernels.codegen.common.module_source import module_of
from gpuflow_kernels.codegen.common.table_lookups import hash_text
from gpuflow_kernels.codegen.cuda.snippets import kernel_text, named, thread_number
from gpuflow_kernels.codegen.modules import load
from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.host_memory import take
from gpuflow_kernels.target import Target

from .counting_sort import rows_by_id
from .sorting import float_bits

MOST_PARTS = 1024
"""Most parts that one pass over the rows makes on a GPU."""
NULL_WORD = np.int64(-0x61C8864680B583EB)


@lru_cache(maxsize=64)
def _hash_module(words: int, target: str) -> str:
    names = [f"w{k}" for k in range(words)]
    loads = ", ".join(f"{w}[i]" for w in names)
    # the low 32 bits of the hash: hash tables choose slots by the top ones
    part = f"((hash_{words}({loads}) & uint64(0xFFFFFFFF)) * parts) >> uint64(32)"
    if target == "cuda":
        params = (named("rows"), named("parts"), named("out", "int32"), *(named(w, "int64") for w in names))
        body = [
            thread_number("i"),
            "if i < rows:",
            f"    out[i] = int32({part})",
        ]
        run = kernel_text("run", params, body)
    else:
        run = f"""@kernel
def run(rows, parts, out, {", ".join(names)}):
    for i in range(rows):
        out[i] = int64({part})"""
    return module_of(target, "\n\n\n".join([hash_text(words), run]), {f"hash_{words}"})


def key_words_of(target: Target, keys: tuple[Column, ...]) -> list[Any]:
    """Return key words of columns as arrays: equal keys have equal words, whether or not a column has nulls.

    Nulls share a word with a rare value. A separate bit for them would give the same value another part in a chunk without nulls.
    """
    xp = target.xp
    words = []
    for key in keys:
        values = target.asarray(key.values)
        if key.dtype.is_float:
            word = float_bits(target, values)
        else:
            word = values.view("int64") if values.dtype == np.dtype("uint64") else values.astype("int64")
        if key.validity is not None:
            word = xp.where(target.asarray(key.validity), word, NULL_WORD)
        words.append(xp.ascontiguousarray(word))
    return words


def partition_ids(target: Target, words: list[Any], parts: int) -> Any:
    """Compute the part of every row from its key words: int64, on a GPU int32."""
    rows, on_device = len(words[0]), target.name == "cuda"
    out = target.xp.empty(rows, dtype="int32" if on_device else "int64")
    module = load(_hash_module(len(words), target.name), target.name)
    arguments = (np.uint64(rows), np.uint64(parts), out, *words)
    if not on_device:
        with np.errstate(all="ignore"):
            module.run(*arguments)
    elif rows:
        from gpuflow_kernels.primitives.cuda import runtime

        runtime.launch_over(module.run, rows, arguments)
    return out


def split(target: Target, chunk: Chunk, words: list[Any], parts: int) -> list[Chunk]:
    """Split a chunk by the hash of key words into `parts` pieces; rows keep their order within a piece.

    `words` come from `key_words_of`, or any other function that maps equal keys of all chunks to equal words.
    """
    if parts == 1:
        return [chunk]
    return split_by(target, chunk, partition_ids(target, words, parts), parts)


def split_by(target: Target, chunk: Chunk, ids: Any, parts: int) -> list[Chunk]:
    """Split a chunk by part numbers (0 to parts - 1); rows keep their order within a part. Pieces are views of one copy."""
    chunk = Chunk(target.moved(chunk.columns), chunk.length)
    if target.name == "cuda" and chunk.length and parts <= MOST_PARTS:
        ordered, offsets = _packed(target, chunk, ids.astype("int32", copy=False), parts)
    else:
        offsets, order = rows_by_id(target, ids, parts)
        ordered = in_order(chunk, order)
    bounds = [int(o) for o in offsets.tolist()]
    return [ordered.take(slice(a, b), b - a) for a, b in pairwise(bounds)]


def in_order(chunk: Chunk, order: Any) -> Chunk:
    """Reorder the rows of a chunk by these row numbers."""
    if type(order) is not np.ndarray:
        return chunk.take(order, chunk.length)
    columns = (
        Column(c.dtype, take(c.values, order), None if c.validity is None else take(c.validity, order), c.dictionary)
        for c in chunk.columns
    )
    return Chunk(tuple(columns), chunk.length)


def _packed(target: Target, chunk: Chunk, ids: Any, parts: int) -> tuple[Chunk, Any]:
    from gpuflow_kernels.primitives.cuda.partition import pack

    arrays = [a for c in chunk.columns for a in (c.values, c.validity) if a is not None]
    results, offsets = pack(target.xp, arrays, ids, parts)
    done = iter(results)
    columns = tuple(Column(c.dtype, next(done), None if c.validity is None else next(done), c.dictionary) for c in chunk.columns)
    return Chunk(columns, chunk.length), offsets
