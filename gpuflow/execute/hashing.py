"""Hashes of strings that are the same in every process, so that partitions agree."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpuflow.arrow.columns import string_bytes
from gpuflow.arrow.dictionaries import Dictionary

_MULTIPLIER = np.uint64(0x100000001B3)


def string_hashes(dictionary: Dictionary) -> Any:
    """Hash each entry of a dictionary of strings to an int64 (at least one value long).

    A polynomial in the FNV prime over the UTF-8 bytes, with the length added in; computed once for a dictionary.
    """
    return dictionary.fact("hashes", lambda: _hash(dictionary))


def _hash(dictionary: Dictionary) -> Any:
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
