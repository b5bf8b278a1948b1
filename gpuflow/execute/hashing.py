"""Hashes of strings that are the same in every process, so that partitions agree."""

from __future__ import annotations

import weakref
from functools import partial
from typing import Any

import numpy as np

from gpuflow.io.columns import string_bytes

_MULTIPLIER = np.uint64(0x100000001B3)
_kept: dict[int, tuple[Any, Any]] = {}


def string_hashes(dictionary: Any) -> Any:
    """An int64 hash for each entry of a dictionary of strings (at least one entry long).

    A polynomial in the FNV prime over the UTF-8 bytes, with the length added in; computed once for a dictionary.
    """
    kept = _kept.get(id(dictionary))
    if kept is not None and kept[0]() is dictionary:
        return kept[1]
    hashes = _hash(dictionary)
    _kept[id(dictionary)] = (weakref.ref(dictionary, partial(_forget, id(dictionary))), hashes)
    return hashes


def _forget(key: int, _: Any, kept: dict[int, tuple[Any, Any]] = _kept) -> None:
    kept.pop(key, None)  # a default: when the interpreter ends, this module's names go first


def _hash(dictionary: Any) -> Any:
    offsets, data = string_bytes(dictionary)
    lengths = np.diff(offsets)
    if len(lengths) == 0:
        return np.zeros(1, dtype=np.int64)
    with np.errstate(over="ignore"):
        longest = int(lengths.max())
        powers = np.cumprod(np.full(longest + 1, _MULTIPLIER, dtype=np.uint64))
        place = np.arange(len(data), dtype=np.int64) - np.repeat(offsets[:-1], lengths)
        terms = (data.astype(np.uint64) + np.uint64(1)) * powers[place]
        # sums between offsets of a running total that wraps around: differences are right modulo 2^64
        running = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms, dtype=np.uint64)])
        total = running[offsets[1:]] - running[offsets[:-1]]
        return (total + lengths.astype(np.uint64)).view(np.int64)
