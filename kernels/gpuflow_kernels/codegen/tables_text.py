"""Text of the helper functions that look keys up: hashing, probing, membership. The same for every target."""

from __future__ import annotations

MULTIPLIERS = (0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93)
"""Odd 64-bit constants: the golden ratio (Knuth, TAOCP 3, 6.4) and the one of Evensen's rrmxmx finaliser."""


def hash_text(words: int, constant: bool = False) -> str:
    """``hash_k(x0, …)``: 64 mixed bits of `words` key words. The top bits choose a slot, the low ones a partition.

    `constant` makes every key collide, for tests.
    """
    names = [f"x{k}" for k in range(words)]
    first, second = (f"uint64({m})" for m in MULTIPLIERS)
    lines = [f"def hash_{words}({', '.join(names)}):"]
    if constant:
        lines.append("    return uint64(0)")
    else:
        lines.append(f"    h = uint64(x0) * {first}")
        lines.append("    h = h ^ (h >> uint64(32))")
        for name in names[1:]:
            lines.append(f"    h = (h ^ uint64({name})) * {first}")
            lines.append("    h = h ^ (h >> uint64(29))")
        lines.append(f"    h = h * {second}")
        lines.append("    return h ^ (h >> uint64(32))")
    return "@device\n" + "\n".join(lines)


def find_text(words: int) -> str:
    """``find_k(slots, shift, x0 …, w0 …)``: the id of the key in an open-addressing table, or -1."""
    x, w = [f"x{k}" for k in range(words)], [f"w{k}" for k in range(words)]
    same = " and ".join(f"{b}[uint64(g)] == {a}" for a, b in zip(x, w, strict=True))
    return f"""@device
def find_{words}(slots, shift, {", ".join(x + w)}):
    s = hash_{words}({", ".join(x)}) >> shift
    mask = uint64(len(slots) - 1)
    while True:
        g = int64(slots[s])
        if g < 0:
            return int64(-1)
        if {same}:
            return g
        s = (s + uint64(1)) & mask"""


MEMBER_TEXT = """@device
def is_member(x, values):
    low = int64(0)
    high = int64(len(values))
    while low < high:
        middle = (low + high) >> 1
        if values[middle] < x:
            low = middle + 1
        else:
            high = middle
    return low < len(values) and values[low] == x"""
