"""What the lanes of a warp do together. All of them wait until every lane that the mask names has come.

Only ``syncwarp`` orders memory: NVIDIA's programming guide says of votes, shuffles and matches that they imply no memory
barrier.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np

from .faults import calls_of
from .numbers import int32_of, uint32_of
from .scheduler import LANES, Machine, Thread

FULL = 0xFFFFFFFF
SHUFFLED = ("int32", "int64", "float32", "float64")


def mask32(lanes: int) -> Any:
    """A mask as votes give it: an int32."""
    return int32_of(lanes - (1 << 32) if lanes >> 31 else lanes)


def together(
    machine: Machine, operation: str, mask: Any, value: Any, frame: FrameType, answer: Callable[[list[Thread]], list[Any]]
) -> Any:
    """Wait for the lanes of `mask`; what `answer` gives this lane from the values of all of them."""
    machine.switch()
    thread: Thread = machine.current
    warp, named = thread.warp, int(mask) & FULL
    thread.place, thread.value = calls_of(frame, machine.code), value
    if not named >> thread.lane & 1:
        raise machine.fault("warp", [frame], f"lane {thread.lane} is not named by the mask {named:#010x} of its {operation}")
    gone = named & ~warp.live
    if gone:
        lane = (gone & -gone).bit_length() - 1
        raise machine.fault("warp", [frame], f"{operation} of mask {named:#010x} names lane {lane}, which has ended")
    for (other, theirs), lanes in warp.pending.items():
        if (other, theirs) != (operation, named) and theirs >> thread.lane & 1 and any(named >> t.lane & 1 for t in lanes):
            places = [lanes[0].place[0], thread.place[0]]
            what = f"{lanes[0]} waits at {other} of mask {theirs:#010x}, {thread} at {operation} of mask {named:#010x}"
            raise machine.fault("warp", places, what)
    lanes = warp.pending.setdefault((operation, named), [])
    lanes.append(thread)
    if len(lanes) < named.bit_count():
        machine.wait()
        return thread.value
    del warp.pending[operation, named]
    lanes.sort(key=lambda t: t.lane)
    for other_lane, result in zip(lanes, answer(lanes), strict=True):
        other_lane.value = result
        if other_lane is not thread:
            machine.wake(other_lane)
    return thread.value


def order(machine: Machine, lanes: list[Thread]) -> list[None]:
    """Make what these lanes have done so far known to be over for all of them."""
    first = lanes[0].seen
    known = list(first) if all(t.seen is first for t in lanes) else [max(s) for s in zip(*(t.seen for t in lanes), strict=True)]
    for t in lanes:
        t.clock += 1
        known[t.lane] = t.clock
    seen = tuple(known)
    for t in lanes:
        t.seen = seen
        if machine.delays:
            machine.delays.hand_over(t)
    return [None] * len(lanes)


def voted(lanes: list[Thread]) -> int:
    return sum(1 << t.lane for t in lanes if t.value)


def matched(lanes: list[Thread]) -> list[Any]:
    """For each lane the mask of those with the same bits."""
    masks: dict[Any, int] = {}
    keys = [np.asarray(t.value).tobytes() for t in lanes]
    for t, key in zip(lanes, keys, strict=True):
        masks[key] = masks.get(key, 0) | 1 << t.lane
    return [mask32(masks[key]) for key in keys]


def shuffled(machine: Machine, frame: FrameType, source: Callable[[int, int], int]) -> Callable[[list[Thread]], list[Any]]:
    """`source` takes a lane and what it asked for, and gives the lane it reads, or -1 for itself."""

    def answer(lanes: list[Thread]) -> list[Any]:
        values = {t.lane: t.value[0] for t in lanes}
        found = []
        for t in lanes:
            lane = source(t.lane, int(t.value[1]))
            lane = t.lane if lane < 0 else lane
            if lane not in values:
                raise machine.fault("warp", [frame], f"{t} shuffles from lane {lane}, which its mask does not name")
            found.append(values[lane])
        return found

    return answer


SOURCES: dict[str, Callable[[int, int], int]] = {
    "shfl_sync": lambda lane, asked: asked % LANES,
    "shfl_up_sync": lambda lane, asked: lane - asked,
    "shfl_down_sync": lambda lane, asked: lane + asked if lane + asked < LANES else -1,
    "shfl_xor_sync": lambda lane, asked: lane ^ asked if lane ^ asked < LANES else -1,
}


def active(machine: Machine, frame: FrameType) -> Any:
    """The lanes that happen to be here together: those of one warp that ask at one place, until one of them goes on."""
    thread: Thread = machine.current
    gathering, place = thread.warp.gathering, calls_of(frame, machine.code)
    group = gathering.setdefault(place, [0, False])
    group[0] |= 1 << thread.lane
    while not group[1] and machine.random() < 0.9:
        machine.switch()
    if not group[1]:
        group[1] = True
        del gathering[place]
    return uint32_of(group[0])
