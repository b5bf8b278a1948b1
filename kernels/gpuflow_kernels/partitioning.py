"""Splitting a chunk by the hash of keys, so that equal keys of all chunks end in the same part."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

from .codegen.module_text import HEADERS
from .codegen.modules import load
from .codegen.tables_text import hash_text
from .column import Chunk, Column
from .counting import rows_by_id
from .filtering import moved
from .rowmath import prelude
from .target import Target

NULL_WORD = np.int64(-0x61C8864680B583EB)


@lru_cache(maxsize=64)
def _hash_module(words: int, target: str) -> str:
    names = [f"w{k}" for k in range(words)]
    loads = ", ".join(f"{w}[i]" for w in names)
    if target == "cuda":
        loop = "    i = cuda.grid(1)\n    if i < len(out):"
    else:
        loop = "    for i in range(len(out)):"
    # the low 32 bits of the hash: a table in the same part chooses its slots by the top ones
    run = f"""@kernel
def run(parts, out, {", ".join(names)}):
{loop}
        out[i] = int64(((hash_{words}({loads}) & uint64(0xFFFFFFFF)) * parts) >> uint64(32))"""
    return "\n\n\n".join([HEADERS[target], prelude(["int64", "uint64"], target).strip(), hash_text(words), run]) + "\n"


def key_words_of(target: Target, keys: tuple[Column, ...]) -> list[Any]:
    """Key words of columns as arrays: equal keys have equal words, whether or not there are nulls beside them.

    Nulls share a word with a value that hardly occurs. A bit of their own would tell them apart, and would send the
    same value elsewhere from a chunk that has no nulls.
    """
    xp = target.xp
    words = []
    for key in keys:
        values = target.asarray(key.values)
        if key.dtype.is_float:
            real = values.astype("float64") + 0.0  # -0.0 + 0.0 is 0.0
            real[xp.isnan(real)] = xp.nan
            word = real.view("int64")
        else:
            word = values.view("int64") if values.dtype == np.dtype("uint64") else values.astype("int64")
        if key.validity is not None:
            word = xp.where(target.asarray(key.validity), word, NULL_WORD)
        words.append(xp.ascontiguousarray(word))
    return words


def partition_ids(target: Target, words: list[Any], parts: int) -> Any:
    """The part of every row (int64), from its key words."""
    out = target.xp.empty(len(words[0]), dtype="int64")
    module = load(_hash_module(len(words), target.name), target.name)
    if target.name == "cuda":
        from .primitives.cuda.drive import launch

        launch(module.run, len(out), (np.uint64(parts), out, *words))
    else:
        with np.errstate(all="ignore"):
            module.run(np.uint64(parts), out, *words)
    return out


def split(target: Target, chunk: Chunk, words: list[Any], parts: int) -> list[Chunk]:
    """The chunk's rows by the hash of their key words, in `parts` pieces; rows keep their order within a piece.

    `words` come from `key_words_of` or any other function under which equal keys of all chunks have equal words.
    """
    if parts == 1:
        return [chunk]
    return split_by(target, chunk, partition_ids(target, words, parts), parts)


def split_by(target: Target, chunk: Chunk, ids: Any, parts: int) -> list[Chunk]:
    """The chunk's rows by part number (int64, 0 to parts - 1), in order within a part. Pieces are views of one copy."""
    offsets, order = rows_by_id(target, ids, parts)
    chunk = Chunk(tuple(moved(target, c) for c in chunk.columns), chunk.length)
    ordered = chunk.take(order, chunk.length)
    bounds = [int(o) for o in offsets.tolist()]
    return [ordered.take(slice(a, b), b - a) for a, b in pairwise(bounds)]
