"""Find where the last record of a block of text ends, without parsing records one by one.

A line end is the end of a record if the number of quotes before it is even. That holds if every opening quote (the first, the
third, ...) stands at the beginning of a field or right behind the closing one, where the two mean a quote in a field. Quotes are
counted 64 at a time, as bits of words.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Bits = np.ndarray[Any, np.dtype[np.uint64]]
_ONE, _TOP = np.uint64(1), np.uint64(63)


def last_end(text: bytes, separator: int, quote: int, end: int) -> int | None:
    """Find the place after the last complete record, 0 where there is none.

    Parameters
    ----------
    text : bytes
        Text without comments that begins where a record does.
    separator, quote, end : int
        Bytes that separate fields, quote them (-1 for none) and end lines.

    Returns
    -------
    int or None
        None where a quote stands in a field that does not begin with one.
    """
    stop = text.rfind(end) + 1
    if quote < 0 or text.find(quote, 0, stop) < 0:
        return stop
    data = np.frombuffer(text, np.uint8)
    quotes, ends = _bits(data == quote), _bits(data == end)
    inside = _parity(quotes)
    beside = _bits(data == separator) | quotes | ends
    before = beside << _ONE
    before[1:] |= beside[:-1] >> _TOP
    before[0] |= _ONE
    if np.any(quotes & inside & ~before):
        return None
    ends &= ~inside
    words = np.flatnonzero(ends)
    return int(words[-1]) * 64 + int(ends[words[-1]]).bit_length() if len(words) else 0


def _bits(mask: np.ndarray[Any, Any]) -> Bits:
    """Pack a mask into words of 64 bits, lowest bit first, filled up with zeros."""
    packed = np.packbits(mask, bitorder="little")
    words = np.zeros(-(-len(packed) // 8), "<u8")
    words.view(np.uint8)[: len(packed)] = packed
    return words


def _parity(bits: Bits) -> Bits:
    """Compute for each bit whether the number of set bits up to and including it is odd."""
    odd = bits.copy()
    for step in (1, 2, 4, 8, 16, 32):
        odd ^= odd << np.uint64(step)
    odd[1:] ^= -np.bitwise_xor.accumulate(odd >> _TOP)[:-1]
    return odd
