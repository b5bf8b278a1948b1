"""Correct kernels, one for each way in which threads meet, with what they have to give.

A sample is a text and a function that launches it on a model and compares the outcome with NumPy's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from gpuflow_kernels.codegen.modules import load

from .runtime import ModelRuntime

HEADER = """from numba import cuda
from numpy import int32, int64, uint32, uint64
from gpuflow_kernels.primitives.cuda.intrinsics import pair, peek, poke, put_pair, view_int32, view_int64, view_uint32

kernel = cuda.jit
device = cuda.jit(device=True)


"""


@dataclass(frozen=True)
class Sample:
    name: str
    text: str
    check: Callable[[ModelRuntime, Any], None]

    def run(self, model: ModelRuntime) -> None:
        self.check(model, load(self.text, "cuda"))


SAMPLES: dict[str, Sample] = {}


def sample(name: str, text: str) -> Callable[[Callable[[ModelRuntime, Any], None]], None]:
    def add(check: Callable[[ModelRuntime, Any], None]) -> None:
        SAMPLES[name] = Sample(name, HEADER + text, check)

    return add


def numbers(count: int, high: int, low: int = 0) -> Any:
    return np.random.default_rng(count + high).integers(low, high, count)


def same(found: Any, expected: Any) -> None:
    np.testing.assert_array_equal(found.get(), expected)


@sample(
    "scan",
    """@kernel
def scan(p_values, p_sums, p_totals, n):
    values = view_int64(p_values, n)
    sums = view_int64(p_sums, n)
    totals = view_int64(p_totals, 0)
    held = cuda.shared.array(64, int64)
    t = cuda.threadIdx.x
    i = cuda.blockIdx.x * cuda.blockDim.x + t
    x = int64(0)
    if i < n:
        x = values[i]
    held[t] = x
    cuda.syncthreads()
    step = 1
    while step < cuda.blockDim.x:
        left = int64(0)
        if t >= step:
            left = held[t - step]
        cuda.syncthreads()
        held[t] += left
        cuda.syncthreads()
        step = step * 2
    if i < n:
        sums[i] = held[t]
    if t == cuda.blockDim.x - 1:
        totals[cuda.blockIdx.x] = held[t]
""",
)
def _(model: ModelRuntime, module: Any) -> None:
    values, xp = numbers(150, 100), model.xp
    sums, totals = xp.empty(150, dtype="int64"), xp.empty(3, dtype="int64")
    model.launch(module.scan, 3, [xp.asarray(values), sums, totals, np.int64(150)], threads=64)
    parts = [values[k : k + 64] for k in range(0, 150, 64)]
    same(sums, np.concatenate([np.cumsum(p) for p in parts]))
    same(totals, [p.sum() for p in parts])


@sample(
    "compact",
    """@kernel
def compact(p_values, p_out, p_taken, n, limit):
    values = view_int64(p_values, n)
    out = view_int64(p_out, 0)
    taken = view_int64(p_taken, 1)
    counts = cuda.shared.array(8, int32)
    start = cuda.shared.array(1, int64)
    t = cuda.threadIdx.x
    i = cuda.blockIdx.x * cuda.blockDim.x + t
    lane = cuda.laneid
    warp = t // 32
    x = int64(0)
    stays = False
    if i < n:
        x = values[i]
        stays = x < limit
    votes = cuda.ballot_sync(0xFFFFFFFF, stays)
    if lane == 0:
        counts[warp] = cuda.popc(votes)
    cuda.syncthreads()
    if t == 0:
        total = int64(0)
        for w in range(cuda.blockDim.x // 32):
            total += counts[w]
        start[0] = cuda.atomic.add(taken, 0, total)
    cuda.syncthreads()
    at = start[0]
    for w in range(warp):
        at += counts[w]
    if stays:
        out[at + cuda.popc(votes & cuda.lanemask_lt())] = x
""",
)
def _(model: ModelRuntime, module: Any) -> None:
    values, xp = numbers(300, 100), model.xp
    expected = np.sort(values[values < 60])
    out, taken = xp.empty(len(expected), dtype="int64"), xp.zeros(1, dtype="int64")
    model.launch(module.compact, 3, [xp.asarray(values), out, taken, np.int64(300), np.int64(60)], threads=128)
    assert int(taken[0]) == len(expected)
    same(xp.sort(out), expected)


@sample(
    "limbs",
    """@kernel
def limbs(p_groups, p_values, p_sums, n):
    groups = view_int32(p_groups, n)
    values = view_uint32(p_values, n)
    sums = view_int64(p_sums, 8)
    low = cuda.shared.array(8, uint32)
    high = cuda.shared.array(8, uint32)
    t = cuda.threadIdx.x
    if t < 8:
        low[t] = 0
        high[t] = 0
    cuda.syncthreads()
    i = cuda.grid(1)
    while i < n:
        g = groups[i]
        x = values[i]
        old = cuda.atomic.add(low, g, x)
        if uint32(old + x) < old:
            cuda.atomic.add(high, g, 1)
        i += cuda.gridsize(1)
    cuda.syncthreads()
    if t < 8:
        cuda.atomic.add(sums, t, (int64(high[t]) << 32) + int64(low[t]))
""",
)
def _(model: ModelRuntime, module: Any) -> None:
    groups, values, xp = numbers(200, 8).astype("int32"), numbers(200, 1 << 32, 1 << 30).astype("uint32"), model.xp
    sums = xp.zeros(8, dtype="int64")
    model.launch(module.limbs, 2, [xp.asarray(groups), xp.asarray(values), sums, np.int64(200)], threads=32)
    expected = np.zeros(8, dtype="int64")
    np.add.at(expected, groups, values.astype("int64"))
    same(sums, expected)


HASH = """@device
def hash_1(x0):
    h = uint64(x0) * uint64(0x9E3779B97F4A7C15)
    return h ^ (h >> uint64(32))


"""


@sample(
    "insert",
    HASH
    + """@kernel
def insert(p_keys, p_slots, p_counts, n, shift):
    keys = view_int64(p_keys, n)
    slots = view_int64(p_slots, 0)
    counts = view_int64(p_counts, 0)
    i = cuda.grid(1)
    while i < n:
        x = keys[i]
        s = int64(hash_1(x) >> shift)
        while True:
            held = peek(slots, s)
            if held == -1:
                held = cuda.atomic.cas(slots, s, -1, x)
                if held == -1:
                    held = x
            if held == x:
                break
            s = (s + 1) & (len(slots) - 1)
        cuda.atomic.add(counts, s, 1)
        i += cuda.gridsize(1)
""",
)
def _(model: ModelRuntime, module: Any) -> None:
    keys, xp = numbers(40, 1 << 40)[numbers(160, 40)], model.xp  # small numbers would not collide under this hash
    slots, counts = xp.full(128, -1, dtype="int64"), xp.zeros(128, dtype="int64")
    model.launch(module.insert, 2, [xp.asarray(keys), slots, counts, np.int64(160), np.uint64(57)], threads=32)
    taken = slots.get() >= 0
    found = dict(zip(slots.get()[taken].tolist(), counts.get()[taken].tolist(), strict=True))
    assert found == dict(zip(*(a.tolist() for a in np.unique(keys, return_counts=True)), strict=True))
    assert int(counts.sum()) == 160


@sample(
    "retry",
    HASH
    + """@kernel
def count(p_keys, p_rows, p_slots, p_counts, p_retry, p_left, n, shift):
    keys = view_int64(p_keys, 0)
    rows = view_int32(p_rows, n)
    slots = view_int64(p_slots, 0)
    counts = view_int64(p_counts, 0)
    retry = view_int32(p_retry, n)
    left = view_int32(p_left, 1)
    k = cuda.grid(1)
    if k < n:
        row = rows[k]
        x = keys[row]
        s = int64(hash_1(x) >> shift)
        tries = 0
        while tries < 4:
            held = peek(slots, s)
            if held == -1:
                held = cuda.atomic.cas(slots, s, -1, x)
                if held == -1:
                    held = x
            if held == x:
                break
            s = (s + 1) & (len(slots) - 1)
            tries += 1
        if tries < 4:
            cuda.atomic.add(counts, s, 1)
        if tries == 4:
            retry[cuda.atomic.add(left, 0, 1)] = row


@kernel
def move(p_old, p_before, p_slots, p_counts, n, shift):
    old = view_int64(p_old, n)
    before = view_int64(p_before, n)
    slots = view_int64(p_slots, 0)
    counts = view_int64(p_counts, 0)
    k = cuda.grid(1)
    if k < n and old[k] != -1:
        s = int64(hash_1(old[k]) >> shift)
        while cuda.atomic.cas(slots, s, -1, old[k]) != -1:
            s = (s + 1) & (len(slots) - 1)
        counts[s] = before[k]
""",
)
def _(model: ModelRuntime, module: Any) -> None:
    keys, xp, bits = numbers(100, 60), model.xp, 4
    slots, counts = xp.full(1 << bits, -1, dtype="int64"), xp.zeros(1 << bits, dtype="int64")
    rows, device_keys, rounds = xp.arange(100, dtype="int32"), xp.asarray(keys), 0
    while len(rows):
        n, rounds = len(rows), rounds + 1
        retry, left = xp.empty(n, dtype="int32"), xp.zeros(1, dtype="int32")
        arguments = [device_keys, rows, slots, counts, retry, left, np.int64(n), np.uint64(64 - bits)]
        model.launch(module.count, -(-n // 32), arguments, threads=32)
        rows = retry[: int(left[0])]
        if len(rows):
            assert bits < 12, "the table grows without an end"
            bits += 1
            more, moved = xp.full(1 << bits, -1, dtype="int64"), xp.zeros(1 << bits, dtype="int64")
            size = np.int64(len(slots))
            arguments = [slots, counts, more, moved, size, np.uint64(64 - bits)]
            model.launch(module.move, -(-len(slots) // 32), arguments, threads=32)
            slots, counts = more, moved
    assert rounds > 1
    taken = slots.get() >= 0
    found = dict(zip(slots.get()[taken].tolist(), counts.get()[taken].tolist(), strict=True))
    assert found == dict(zip(*(a.tolist() for a in np.unique(keys, return_counts=True)), strict=True))


@sample(
    "tiles",
    """@kernel
def tiles(p_a, p_out, n):
    a = view_int64(p_a, n)
    out = view_int64(p_out, n)
    t = int64(cuda.threadIdx.x)
    width = int64(cuda.blockDim.x) * 4
    base = int64(cuda.blockIdx.x) * width
    while base < n:
        if base + width <= n:
            i = base + t * 2
            x0, x1 = pair(a, i)
            j = i + width // 2
            y0, y1 = pair(a, j)
            put_pair(out, i, x0 * 2, x1 * 2)
            put_pair(out, j, y0 * 2, y1 * 2)
        else:
            i = base + t
            while i < n:
                out[i] = a[i] * 2
                i += cuda.blockDim.x
        base += cuda.gridDim.x * width
""",
)
def _(model: ModelRuntime, module: Any) -> None:
    values, xp = numbers(300, 100), model.xp
    out = xp.empty(300, dtype="int64")
    model.launch(module.tiles, 2, [xp.asarray(values), out, np.int64(300)], threads=32)
    same(out, values * 2)


@sample(
    "publish",
    HASH
    + """@kernel
def enter(p_keys, p_states, p_first, p_second, p_ids, n, shift):
    keys = view_int64(p_keys, n)
    states = view_int32(p_states, 0)
    first = view_int64(p_first, 0)
    second = view_int64(p_second, 0)
    ids = view_int64(p_ids, n)
    i = cuda.grid(1)
    if i < n:
        x = keys[i]
        s = int64(hash_1(x) >> shift)
        found = False
        while not found:
            state = peek(states, s)
            if state == 0:
                state = cuda.atomic.cas(states, s, 0, 1)
                if state == 0:
                    poke(first, s, x)
                    poke(second, s, -x)
                    cuda.threadfence()
                    cuda.atomic.exch(states, s, 2)
                    state = int32(2)
            if state == 2:
                if peek(first, s) == x and peek(second, s) == -x:
                    ids[i] = s
                    found = True
                else:
                    s = (s + 1) & (len(states) - 1)
""",
)
def _(model: ModelRuntime, module: Any) -> None:
    keys, xp = numbers(64, 12), model.xp
    states, ids = xp.zeros(32, dtype="int32"), xp.empty(64, dtype="int64")
    first, second = (xp.zeros(32, dtype="int64") for _ in range(2))
    arguments = [xp.asarray(keys), states, first, second, ids, np.int64(64), np.uint64(59)]
    model.launch(module.enter, 2, arguments, threads=32)
    same(first[ids], keys)
    assert int((states == 2).sum()) == len(np.unique(keys))


@sample(
    "last block",
    """@kernel
def total(p_values, p_parts, p_done, p_sum, n):
    values = view_int64(p_values, n)
    parts = view_int64(p_parts, 0)
    done = view_int32(p_done, 1)
    sum = view_int64(p_sum, 1)
    last = cuda.shared.array(1, int32)
    t = cuda.threadIdx.x
    x = int64(0)
    i = cuda.grid(1)
    while i < n:
        x += values[i]
        i += cuda.gridsize(1)
    delta = 16
    while delta > 0:
        x += cuda.shfl_down_sync(0xFFFFFFFF, x, delta)
        delta = delta // 2
    if t == 0:
        poke(parts, cuda.blockIdx.x, x)
        cuda.threadfence()
        last[0] = int32(cuda.atomic.add(done, 0, 1) == cuda.gridDim.x - 1)
    cuda.syncthreads()
    if last[0] != 0:
        y = int64(0)
        if t < cuda.gridDim.x:
            y = peek(parts, t)
        delta = 16
        while delta > 0:
            y += cuda.shfl_xor_sync(0xFFFFFFFF, y, delta)
            delta = delta // 2
        if t == 0:
            sum[0] = y
""",
)
def _(model: ModelRuntime, module: Any) -> None:
    values, xp = numbers(500, 1000), model.xp
    parts, done, found = xp.zeros(5, dtype="int64"), xp.zeros(1, dtype="int32"), xp.empty(1, dtype="int64")
    model.launch(module.total, 5, [xp.asarray(values), parts, done, found, np.int64(500)], threads=32)
    assert int(found[0]) == values.sum()


@sample(
    "warp sums",
    """@kernel
def add(p_groups, p_values, p_sums, n):
    groups = view_int64(p_groups, n)
    values = view_int64(p_values, n)
    sums = view_int64(p_sums, 0)
    held = cuda.shared.array(32, int64)
    lane = cuda.laneid
    i = cuda.grid(1)
    inside = i < n
    lanes = cuda.ballot_sync(0xFFFFFFFF, inside)
    if inside:
        g = groups[i]
        held[lane] = values[i]
        mine = cuda.match_any_sync(lanes, g)
        cuda.syncwarp(lanes)
        if lane == cuda.ffs(mine) - 1:
            x = int64(0)
            for k in range(32):
                if (mine >> k) & 1 == 1:
                    x += held[k]
            cuda.atomic.add(sums, g, x)
""",
)
def _(model: ModelRuntime, module: Any) -> None:
    groups, values, xp = numbers(75, 5), numbers(75, 100), model.xp
    sums = xp.zeros(5, dtype="int64")
    model.launch(module.add, 3, [xp.asarray(groups), xp.asarray(values), sums, np.int64(75)], threads=32)
    expected = np.zeros(5, dtype="int64")
    np.add.at(expected, groups, values)
    same(sums, expected)
