"""The micro-benchmarks' kernels. They read or count something that can be checked, so that nothing is optimised away."""

from __future__ import annotations

from gpuflow_kernels.primitives.cuda.intrinsics import pair, view_float64
from numba import cuda, int32, int64, uint32, uint64

SLOTS = 1024
"""Counters of a block in shared memory."""


@cuda.jit(device=True)
def mixed(i):
    """SplitMix64's finaliser (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014)."""
    z = uint64(i) + uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> uint64(27))) * uint64(0x94D049BB133111EB)
    return z ^ (z >> uint64(31))


@cuda.jit(device=True)
def slot(i, addresses):
    """A number below `addresses` (at most 2^32), as random as `mixed`, without a division."""
    return ((mixed(i) >> uint64(32)) * addresses) >> uint64(32)


# -- loads in flight: the arrays are multiples of eight grids long ------------------------------------------------------
@cuda.jit
def load_1(source, sums):
    thread, step = cuda.grid(1), cuda.gridsize(1)
    total, i = 0.0, thread
    while i < len(source):
        total += source[i]
        i += step
    sums[thread] = total


@cuda.jit
def load_2(source, sums):
    thread, step = cuda.grid(1), cuda.gridsize(1)
    total, i = 0.0, thread
    while i < len(source):
        a, b = source[i], source[i + step]
        total += a + b
        i += 2 * step
    sums[thread] = total


@cuda.jit
def load_4(source, sums):
    thread, step = cuda.grid(1), cuda.gridsize(1)
    total, i = 0.0, thread
    while i < len(source):
        a, b, c, d = source[i], source[i + step], source[i + 2 * step], source[i + 3 * step]
        total += (a + b) + (c + d)
        i += 4 * step
    sums[thread] = total


@cuda.jit
def load_8(source, sums):
    thread, step = cuda.grid(1), cuda.gridsize(1)
    total, i = 0.0, thread
    while i < len(source):
        a, b, c, d = source[i], source[i + step], source[i + 2 * step], source[i + 3 * step]
        j = i + 4 * step
        e, f, g, h = source[j], source[j + step], source[j + 2 * step], source[j + 3 * step]
        total += ((a + b) + (c + d)) + ((e + f) + (g + h))
        i += 8 * step
    sums[thread] = total


@cuda.jit
def pairs_1(source, sums):
    thread, step = cuda.grid(1), 2 * cuda.gridsize(1)
    total, i = 0.0, 2 * thread
    while i < len(source):
        a, b = pair(source, i)
        total += a + b
        i += step
    sums[thread] = total


@cuda.jit
def pairs_2(source, sums):
    thread, step = cuda.grid(1), 2 * cuda.gridsize(1)
    total, i = 0.0, 2 * thread
    while i < len(source):
        a, b = pair(source, i)
        c, d = pair(source, i + step)
        total += (a + b) + (c + d)
        i += 2 * step
    sums[thread] = total


@cuda.jit
def pairs_4(source, sums):
    thread, step = cuda.grid(1), 2 * cuda.gridsize(1)
    total, i = 0.0, 2 * thread
    while i < len(source):
        a, b = pair(source, i)
        c, d = pair(source, i + step)
        e, f = pair(source, i + 2 * step)
        g, h = pair(source, i + 3 * step)
        total += ((a + b) + (c + d)) + ((e + f) + (g + h))
        i += 4 * step
    sums[thread] = total


# -- random access ------------------------------------------------------------------------------------------------------
@cuda.jit
def gather(table, mask, rounds, sums):
    """Four look-ups in flight, `rounds` times; the table's length is mask + 1, a power of two."""
    thread = cuda.grid(1)
    total, i = int64(0), uint64(thread) * uint64(rounds) * uint64(4)
    for _ in range(rounds):
        a, b = table[mixed(i) & mask], table[mixed(i + uint64(1)) & mask]
        c, d = table[mixed(i + uint64(2)) & mask], table[mixed(i + uint64(3)) & mask]
        total += (a + b) + (c + d)
        i += uint64(4)
    sums[thread] = total


@cuda.jit
def add_int64(counters, addresses, rounds):
    i = uint64(cuda.grid(1)) * uint64(rounds)
    for k in range(rounds):
        cuda.atomic.add(counters, slot(i + uint64(k), addresses), int64(1))


@cuda.jit
def add_float64(counters, addresses, rounds):
    i = uint64(cuda.grid(1)) * uint64(rounds)
    for k in range(rounds):
        cuda.atomic.add(counters, slot(i + uint64(k), addresses), 1.0)


@cuda.jit
def cas_int64(counters, addresses, rounds):
    """Compare-and-swap of 0 with 1: the first one to come succeeds."""
    i = uint64(cuda.grid(1)) * uint64(rounds)
    for k in range(rounds):
        cuda.atomic.cas(counters, slot(i + uint64(k), addresses), int64(0), int64(1))


@cuda.jit
def shared_32(total, addresses, rounds):
    counters = cuda.shared.array(SLOTS, int32)
    for j in range(cuda.threadIdx.x, SLOTS, cuda.blockDim.x):
        counters[j] = 0
    cuda.syncthreads()
    i = uint64(cuda.grid(1)) * uint64(rounds)
    for k in range(rounds):
        cuda.atomic.add(counters, slot(i + uint64(k), addresses), int32(1))
    cuda.syncthreads()
    for j in range(cuda.threadIdx.x, SLOTS, cuda.blockDim.x):
        cuda.atomic.add(total, 0, int64(counters[j]))


@cuda.jit
def shared_64(total, addresses, rounds):
    counters = cuda.shared.array(SLOTS, int64)
    for j in range(cuda.threadIdx.x, SLOTS, cuda.blockDim.x):
        counters[j] = 0
    cuda.syncthreads()
    i = uint64(cuda.grid(1)) * uint64(rounds)
    for k in range(rounds):
        cuda.atomic.add(counters, slot(i + uint64(k), addresses), int64(1))
    cuda.syncthreads()
    for j in range(cuda.threadIdx.x, SLOTS, cuda.blockDim.x):
        cuda.atomic.add(total, 0, counters[j])


# -- launches: what they do is nothing, what they take counts -----------------------------------------------------------
@cuda.jit
def arrays_1(a):
    if cuda.grid(1) == uint32(77):
        a[0] = 1.0


@cuda.jit
def arrays_4(a, b, c, d):
    if cuda.grid(1) == uint32(77):
        a[0] = b[0] + c[0] + d[0]


@cuda.jit
def arrays_16(a, b, c, d, e, f, g, h, i, j, k, m, n, o, p, q):
    if cuda.grid(1) == uint32(77):
        a[0] = b[0] + c[0] + d[0] + e[0] + f[0] + g[0] + h[0] + i[0] + j[0] + k[0] + m[0] + n[0] + o[0] + p[0] + q[0]


@cuda.jit
def addresses_1(a):
    if cuda.grid(1) == uint32(77):
        view_float64(a, 1)[0] = 1.0


@cuda.jit
def addresses_4(a, b, c, d):
    if cuda.grid(1) == uint32(77):
        view_float64(a, 1)[0] = view_float64(b, 1)[0] + view_float64(c, 1)[0] + view_float64(d, 1)[0]


@cuda.jit
def addresses_16(a, b, c, d, e, f, g, h, i, j, k, m, n, o, p, q):
    if cuda.grid(1) == uint32(77):
        total = view_float64(b, 1)[0] + view_float64(c, 1)[0] + view_float64(d, 1)[0] + view_float64(e, 1)[0]
        total += view_float64(f, 1)[0] + view_float64(g, 1)[0] + view_float64(h, 1)[0] + view_float64(i, 1)[0]
        total += view_float64(j, 1)[0] + view_float64(k, 1)[0] + view_float64(m, 1)[0] + view_float64(n, 1)[0]
        view_float64(a, 1)[0] = total + view_float64(o, 1)[0] + view_float64(p, 1)[0] + view_float64(q, 1)[0]
