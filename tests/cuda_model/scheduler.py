"""Threads of one launch: a greenlet each, in warps and blocks, and a seeded choice of who goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from sys import _getframe
from types import CodeType, FrameType
from typing import Any

import numpy as np
from greenlet import GreenletExit, getcurrent, greenlet  # type: ignore[import-untyped, unused-ignore]

from .delays import Buffer, Delays
from .faults import Fault, Kind, Place, calls_of, place_of
from .memory import Shared
from .numbers import int32_of

LANES = 32
SHARED_BYTES = 48 * 1024
"""Shared memory of a block that needs no permission."""
NOTHING_SEEN = (0,) * LANES


class Thread:
    """One thread. `clock` counts its warp barriers, `seen` those of the other lanes that it knows to be over."""

    __slots__ = ("block", "buffer", "clock", "greenlet", "lane", "number", "place", "seat", "seen", "tid", "value", "warp")

    def __init__(self, tid: int, warp: Warp, block: Block) -> None:
        self.tid, self.lane, self.warp, self.block = tid, tid % LANES, warp, block
        self.number = block.number * block.size + tid
        self.clock, self.seen = 0, NOTHING_SEEN
        self.greenlet: Any = None
        self.seat = -1  # where it stands among those that are ready
        self.place: tuple[Place, ...] = ()
        self.value: Any = None
        self.buffer: Buffer = {}

    def __repr__(self) -> str:
        return f"thread {self.tid} of block {self.block.number}"


class Warp:
    def __init__(self) -> None:
        self.lanes: list[Thread] = []
        self.live = 0
        self.pending: dict[tuple[str, int], list[Thread]] = {}
        self.gathering: dict[Any, list[Any]] = {}


class Block:
    """One block. `epoch` counts its barriers."""

    def __init__(self, number: int, size: int) -> None:
        self.number, self.size, self.live, self.epoch = number, size, size, 0
        self.warps = [Warp() for _ in range(-(-size // LANES))]
        self.threads = [Thread(t, self.warps[t // LANES], self) for t in range(size)]
        for thread in self.threads:
            thread.warp.lanes.append(thread)
            thread.warp.live |= 1 << thread.lane
        self.waiting: list[Thread] = []
        self.barrier = ""
        self.shared: dict[Place, Shared] = {}
        self.buffer: Buffer = {}


class Machine:
    """One launch.

    Parameters
    ----------
    kernel : function
    blocks, threads : int
        How many blocks, and threads of each.
    random : Random
    meeting : bool
        Whether threads meet at all; those of a kernel without atomics, barriers and the like run one after another.
    relaxed : bool
        Whether stores to global memory are seen late.
    budget : int
        Steps (accesses and switches) after which the threads are taken to wait for each other for ever.
    resident : int
        Blocks at a time; 0 draws 2 to 4.
    access_switches : float
        The probability of a switch before a plain access to global memory.
    """

    def __init__(
        self,
        kernel: Callable[..., None],
        blocks: int,
        threads: int,
        random: Random,
        meeting: bool,
        relaxed: bool,
        budget: int,
        resident: int,
        access_switches: float,
    ) -> None:
        self.kernel, self.code, self.name = kernel, kernel.__code__, kernel.__name__
        self.blocks, self.threads, self.meeting = int32_of(blocks), int32_of(threads), meeting
        self.random, self.budget, self.access_switches = random.random, budget, access_switches if meeting else 0.0
        self.resident = resident or random.randint(2, 4)
        self.stay = random.choice((0.0, 0.0, 0.5, 0.9))  # fine-grained schedules and long runs find different faults
        self.delays = Delays(self, random.random) if relaxed and meeting else None
        self.steps = 0
        self.ready: list[Thread] = []
        self.order = list(range(blocks))
        random.shuffle(self.order)
        self.shuffle = random.shuffle
        self.current: Any = None
        self.hub: Any = None
        self.running: dict[Block, None] = {}

    def fault(self, kind: Kind, at: Sequence[FrameType | Place], detail: str) -> Fault:
        places = [place_of(x) if isinstance(x, FrameType) else x for x in at]
        return Fault(kind, self.name, places, detail)

    # -- running -------------------------------------------------------------------------------------------------------
    def run(self, arguments: Sequence[Any]) -> None:
        if self.meeting:
            self._together(arguments)
            return
        with np.errstate(all="ignore"):
            for number in self.order:
                threads = Block(number, int(self.threads)).threads
                self.shuffle(threads)
                for thread in threads:
                    self.current = thread
                    self.kernel(*arguments)

    def _together(self, arguments: Sequence[Any]) -> None:
        self.hub = getcurrent()

        def life() -> None:
            self.hub.switch()  # begun by the hub, or Python would count the frames of all that begin each other
            with np.errstate(all="ignore"):  # a greenlet has a context of its own
                self.kernel(*arguments)
                self._end(self.current)

        waiting = self.order[::-1]
        try:
            while True:
                while waiting and len(self.running) < self.resident:
                    block = Block(waiting.pop(), int(self.threads))
                    self.running[block] = None
                    for thread in block.threads:
                        thread.greenlet = greenlet(life)
                        thread.greenlet.switch()
                        self.wake(thread)
                if not self.ready:
                    if self.running:
                        raise self._stuck("nobody can go on")
                    break
                self._go_on()
            if self.delays:
                self.delays.finish()
        finally:
            for block in self.running:
                for thread in block.threads:
                    if thread.greenlet:
                        thread.greenlet.throw(GreenletExit)

    def _end(self, thread: Thread) -> None:
        block, warp = thread.block, thread.warp
        self._sleep(thread)
        block.live -= 1
        warp.live &= ~(1 << thread.lane)
        if block.waiting:
            first = block.waiting[0]
            raise self.fault("barrier", first.place[:1], f"{first} waits at {block.barrier}, but {thread} has ended")
        for (operation, mask), lanes in warp.pending.items():
            if mask >> thread.lane & 1:
                raise self.fault("warp", lanes[0].place[:1], f"{operation} of mask {mask:#010x} names {thread}, which has ended")
        if block.live == 0:
            del self.running[block]

    # -- taking turns --------------------------------------------------------------------------------------------------
    def plain_turn(self, shared: bool) -> None:
        """Before a plain access."""
        if shared or (self.access_switches and self.random() < self.access_switches):
            self.switch()
        else:
            self.steps += 1
            if self.steps > self.budget:
                raise self._endless()

    def switch(self) -> None:
        """Let a thread go on that is ready, which may be the current one."""
        self.steps += 1
        if self.steps > self.budget:
            raise self._endless()
        if self.delays:
            self.delays.settle()
        ready = self.ready
        if self.stay and self.random() < self.stay:
            return
        chosen = ready[int(self.random() * len(ready))]
        if chosen is not self.current:
            self.current = chosen
            chosen.greenlet.switch()

    def wake(self, thread: Thread) -> None:
        thread.seat = len(self.ready)
        self.ready.append(thread)

    def _sleep(self, thread: Thread) -> None:
        last = self.ready.pop()
        if last is not thread:
            self.ready[thread.seat] = last
            last.seat = thread.seat
        thread.seat = -1

    def _go_on(self) -> None:
        chosen = self.ready[int(self.random() * len(self.ready))]
        self.current = chosen
        chosen.greenlet.switch()

    def wait(self) -> None:
        """The current thread goes on when another one has woken it."""
        self._sleep(self.current)
        if self.ready:
            self._go_on()
        else:
            self.hub.switch()

    # -- barriers ------------------------------------------------------------------------------------------------------
    def barrier(self, name: str, value: Any, answer: Callable[[list[Any]], Any], frame: FrameType) -> Any:
        self.switch()
        thread = self.current
        block = thread.block
        thread.place, thread.value = calls_of(frame, self.code), value
        if block.live < block.size:
            raise self.fault("barrier", [frame], f"{thread} comes to {name}, but a thread of its block has ended")
        if block.waiting and block.waiting[0].place != thread.place:
            first = block.waiting[0]
            places = [*first.place[:1], *thread.place[:1]]
            raise self.fault("barrier", places, f"{first} waits at {block.barrier}, and {thread} at another {name}")
        block.waiting.append(thread)
        block.barrier = name
        if len(block.waiting) < block.size:
            self.wait()
            return thread.value
        result = answer([t.value for t in block.waiting])
        block.epoch += 1
        for array in block.shared.values():
            array.cells.clear()
        for other in block.waiting:
            other.value = result
            if self.delays:
                self.delays.hand_over(other)
            if other is not thread:
                self.wake(other)
        block.waiting = []
        return result

    def shared_array(self, size: int, dtype: Any, frame: FrameType) -> Shared:
        block, place = self.current.block, place_of(frame)
        array: Shared | None = block.shared.get(place)
        if array is None:
            array = block.shared[place] = Shared(self, f"shared memory {len(block.shared) + 1}", size, dtype)
            used = sum(a.data.nbytes for a in block.shared.values())
            if used > SHARED_BYTES:
                raise self.fault("shared", [frame], f"{used} bytes of shared memory, {SHARED_BYTES} at most")
        return array

    # -- who waits where -----------------------------------------------------------------------------------------------
    def _endless(self) -> Fault:
        return self._stuck(f"no end after {self.budget} steps")

    def _stuck(self, why: str) -> Fault:
        groups: dict[tuple[str, Place | None], list[Thread]] = {}
        for thread in [t for block in self.running for t in block.threads] or [self.current]:
            if thread in thread.block.waiting:
                what = f"waits at {thread.block.barrier}"
            elif any(thread in lanes for lanes in thread.warp.pending.values()):
                what = "waits for its warp"
            elif thread.greenlet or not self.running:
                what = "runs"
            else:
                continue
            place = self._inside(thread) if what == "runs" else thread.place[0]
            groups.setdefault((what, place), []).append(thread)
        kinds = {what for what, _ in groups}
        kind: Kind = "deadlock" if "runs" in kinds else "warp" if "waits for its warp" in kinds else "barrier"
        told = [f"{threads[0]}{_more(threads)} {what}" for (what, _), threads in groups.items()]
        return self.fault(kind, [place for _, place in groups if place], f"{why}: {'; '.join(told)}")

    def _inside(self, thread: Thread) -> Place | None:
        """The innermost point of the text at which a thread is."""
        frame = _getframe(1) if thread is self.current else thread.greenlet.gr_frame
        while frame is not None and frame.f_code.co_filename != self.code.co_filename:
            frame = frame.f_back
        return None if frame is None else place_of(frame)


def _more(threads: list[Thread]) -> str:
    return f" and {len(threads) - 1} more" if len(threads) > 1 else ""


def meets(kernel: Callable[..., None], names: frozenset[str]) -> bool:
    """Whether a kernel, or a function of its module that it calls, uses one of `names`."""
    codes: list[CodeType] = [kernel.__code__]
    seen: set[CodeType] = set()
    while codes:
        code = codes.pop()
        if code in seen:
            continue
        seen.add(code)
        if names.intersection(code.co_names):
            return True
        for name in code.co_names:
            called = getattr(kernel.__globals__.get(name), "__code__", None)
            if called is not None and called.co_filename == kernel.__code__.co_filename:
                codes.append(called)
    return False
