"""The interpreter of the CUDA model finds the faults that are planted in correct kernels."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from tests.cuda_model.faults import Fault
from tests.cuda_model.loading import planted
from tests.cuda_model.runtime import cuda_model
from tests.cuda_model.samples import SAMPLES

SEEDS = range(8)


@dataclass(frozen=True)
class Planted:
    """A sample with a fault: what replaces what, how it shows (`kinds` of faults, or wrong results), and in which mode."""

    what: str
    sample: str
    old: str
    new: str
    kinds: tuple[str, ...] = ()
    wrong: bool = False
    relaxed: bool = False
    nth: int | None = None
    least: int = field(default=len(SEEDS))
    """Schedules of `SEEDS` that show it."""


FAULTS = (
    Planted("a dropped barrier", "scan", "cuda.syncthreads()", "pass", ("race",), nth=1),
    Planted("another dropped barrier", "scan", "cuda.syncthreads()", "pass", ("race", "unwritten"), nth=0),
    Planted("a plain store for an atomic", "insert", "cuda.atomic.add(counts, s, 1)", "counts[s] += 1", ("race",)),
    Planted(
        "a plain store for an atomic in shared memory", "limbs", "cuda.atomic.add(high, g, 1)", "high[g] += 1", ("race",), least=3
    ),
    Planted(
        "a key published after its flag",
        "publish",
        "poke(second, s, -x)\n                    cuda.threadfence()\n                    cuda.atomic.exch(states, s, 2)",
        "cuda.threadfence()\n                    cuda.atomic.exch(states, s, 2)\n                    poke(second, s, -x)",
        wrong=True,
        relaxed=True,
        least=4,
    ),
    Planted("a fence left out before a flag", "publish", "cuda.threadfence()", "pass", wrong=True, relaxed=True, least=4),
    Planted("an off-by-one tail", "tiles", "while i < n:", "while i <= n:", ("bounds",)),
    Planted("an off-by-one full tile", "tiles", "if base + width <= n:", "if base + width <= n + 96:", ("bounds",)),
    Planted("rows counted that run again", "retry", "if tries == 4:", "if tries >= 2:", wrong=True),
    Planted(
        "a barrier in a branch",
        "scan",
        "        held[t] += left\n        cuda.syncthreads()",
        "        if t >= step:\n            held[t] += left\n            cuda.syncthreads()",
        ("barrier",),
    ),
    Planted(
        "a barrier that ended threads miss",
        "scan",
        "    x = int64(0)",
        "    if i >= n:\n        return\n    x = int64(0)",
        ("barrier",),
    ),
    Planted("a mask that misses a lane", "compact", "0xFFFFFFFF", "0x7FFFFFFF", ("warp",)),
    Planted("a mask that names too many", "warp sums", "match_any_sync(lanes, g)", "match_any_sync(0xFFFFFFFF, g)", ("warp",)),
    Planted("a read of what nobody wrote", "limbs", "        high[t] = 0\n", "", ("unwritten",)),
    Planted("a wrong offset of a warp", "compact", "for w in range(warp):", "for w in range(warp - 1):", ("race",)),
    Planted("no offset in the warp", "compact", " + cuda.popc(votes & cuda.lanemask_lt())", "", ("race",)),
    Planted("a fence left out before a done-flag", "last block", "cuda.threadfence()", "pass", wrong=True, relaxed=True, least=4),
    Planted("a carry lost between limbs", "limbs", "cuda.atomic.add(high, g, 1)", "pass", wrong=True),
    Planted("a carry of 64 bits", "limbs", "uint32(old + x) < old", "old + x < old", wrong=True),
    Planted("a plain load for a peek", "insert", "held = peek(slots, s)", "held = slots[s]", ("race",)),
    Planted("a plain load of a state that is waited for", "publish", "peek(states, s)", "states[s]", ("race",)),
    Planted(
        "a swap that is two steps",
        "insert",
        "cuda.atomic.cas(slots, s, -1, x)",
        "peek(slots, s)\n                poke(slots, s, x)",
        wrong=True,
        least=4,
    ),
    Planted("shared memory without syncwarp", "warp sums", "        cuda.syncwarp(lanes)\n", "", ("race",)),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.what)
def test_planted_faults_are_found(fault: Planted) -> None:
    shown: list[BaseException] = []
    for seed in SEEDS:
        with planted(lambda text: True, fault.old, fault.new, fault.nth), cuda_model(seed, fault.relaxed, budget=30_000) as model:
            try:
                SAMPLES[fault.sample].run(model)
            except (Fault, AssertionError) as e:
                shown.append(e)
    assert len(shown) >= fault.least
    assert all(e.kind in fault.kinds and e.lines if isinstance(e, Fault) else fault.wrong for e in shown), shown
