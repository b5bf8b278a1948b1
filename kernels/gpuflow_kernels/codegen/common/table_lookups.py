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


def find_text(words: int, target: str = "cpu") -> str:
    """``find_k(slots, shift, x0 …, w0 …)``: the id of the key in an open-addressing table, or -1.

    On a GPU a table of one-word keys has each key beside its id in one slot of 16 bytes: a probe is one random access.
    """
    x, w = [f"x{k}" for k in range(words)], [f"w{k}" for k in range(words)]
    if target == "cuda" and words == 1:
        look, same = "key, g = entry(slots, s * uint64(2))", "key == x0"
    else:
        look = "g = int64(slots[s])"
        same = " and ".join(f"{b}[uint64(g)] == {a}" for a, b in zip(x, w, strict=True))
    return f"""@device
def find_{words}(slots, shift, {", ".join(x + w)}):
    s = hash_{words}({", ".join(x)}) >> shift
    mask = uint64(18446744073709551615) >> shift
    while True:
        {look}
        if g < 0:
            return int64(-1)
        if {same}:
            return g
        s = (s + uint64(1)) & mask"""


EMPTY = -0x61C8864680B583EB
"""Marks a free slot of an open table. The one real key that equals it has the slot after the last."""

CLAIM_TEXT = f"""@device
def claim(keys, shift, x, probes):
    last = uint64(18446744073709551615) >> shift
    if x == int64({EMPTY}):
        poke(keys, last + uint64(1), int64({EMPTY + 1}))
        return int64(last) + int64(1)
    s = hash_1(x) >> shift
    n = uint64(0)
    while n < probes:
        held = peek(keys, s)
        if held == int64({EMPTY}):
            held = cuda.atomic.cas(keys, s, int64({EMPTY}), x)
            if held == int64({EMPTY}):
                held = x
        if held == x:
            return int64(s)
        s = (s + uint64(1)) & last
        n += uint64(1)
    return int64(-1)"""
"""``claim(keys, shift, x, probes)``: the slot of key `x` in an open table, its own or a free one that it takes, or -1 after
`probes` looks. The key word itself is swapped in, so that no second thread can open the same group."""

CLAIM_NULL_TEXT = f"""@device
def claim_null(keys, shift):
    last = uint64(18446744073709551615) >> shift
    poke(keys, last + uint64(2), int64({EMPTY + 1}))
    return int64(last) + int64(2)"""
"""``claim_null(keys, shift)``: the slot of null in an open table, the last of all."""

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
