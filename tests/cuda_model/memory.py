"""Arrays as a kernel sees them: every access is checked against its bounds, what is written yet, and the other threads.

Accesses to one element are a race when they come from two threads, at least one writes, not both are atomic (an atomic,
`peek` or `poke`), and nothing orders them: a barrier between them for threads of one block, ``syncwarp`` for lanes of one
warp, nothing for threads of two blocks. The last accesses of each kind are kept by thread, with the thread's count of
barriers and warp barriers at that time (a small vector clock; FastTrack, Flanagan and Freund, PLDI 2009).
"""

from __future__ import annotations

from collections.abc import Callable
from sys import _getframe
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np

from .faults import place_of
from .numbers import NARROW, signed64, unsigned64

if TYPE_CHECKING:
    from .scheduler import Machine, Thread

READ, WRITE, PEEK, CHANGE = range(4)
ACTIONS = ("a load", "a store", "a peek", "an atomic or poke")
CONFLICTS = ((WRITE, CHANGE), (WRITE, READ, CHANGE, PEEK), (WRITE,), (WRITE, READ))
"""By the kind of an access, the kinds of earlier ones that it must be ordered after."""

Access = tuple[int, int, Any, int]
"""Barriers and warp barriers that the thread had passed, and the place."""
Cell = list[dict["Thread", Access] | None]
Cells = dict[int, Cell]


def ordered(earlier: Thread, access: Access, later: Thread) -> bool:
    """Whether what `earlier` did then is known to be over for `later`."""
    if earlier.block is not later.block:
        return False
    return access[0] < later.block.epoch or (earlier.warp is later.warp and access[1] < later.seen[earlier.lane])


class Guarded:
    """An array in global memory."""

    shared = False
    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self, machine: Machine, name: str, data: Any, known: Any = None, cells: Cells | None = None, start: int = 0
    ) -> None:
        self.machine, self.name, self.data, self.size, self.dtype = machine, name, data, len(data), data.dtype
        self.cells: Cells = {} if cells is None else cells
        self.start, self.step = start, 1 if cells is None else data.itemsize
        self.known = known
        self.known_now = None if known is None or known.all() else memoryview(known.view(np.uint8))
        self.narrow: Callable[[int], Any] | None = NARROW.get(self.dtype.name)
        self.one = np.empty(1, dtype=self.dtype)

    def __len__(self) -> int:
        return self.size

    @property
    def shape(self) -> tuple[int]:
        return (self.size,)

    def part(self, length: int) -> Guarded:
        """The same memory, that ends after `length` items."""
        if length == self.size:
            return self
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__, size=length)
        return made

    def __getitem__(self, index: Any) -> Any:
        self.machine.plain_turn(self.shared)
        return self.load(index, READ, _getframe(1))

    def __setitem__(self, index: Any, value: Any) -> None:
        self.machine.plain_turn(self.shared)
        self.store(index, value, WRITE, _getframe(1))

    def __iter__(self) -> Any:
        raise TypeError("kernels cannot iterate over arrays")

    # -- one access ----------------------------------------------------------------------------------------------------
    def inside(self, index: Any, frame: FrameType) -> int:
        try:
            i: int = index.__index__()
        except (AttributeError, TypeError):
            raise self.machine.fault("type", [frame], f"index {index!r} of {self.name} is a {type(index).__name__}") from None
        if not 0 <= i < self.size:
            raise self.machine.fault("bounds", [frame], f"{self.name}[{i}] of {self.size} items, {self.machine.current}")
        return i

    def touch(self, i: int, kind: int, frame: FrameType) -> None:
        """Note an access, unless it is a race."""
        thread, key = self.machine.current, self.start + i * self.step
        place, cell = (frame.f_code, frame.f_lasti), self.cells.get(key)
        if cell is None:
            cell = self.cells[key] = [None, None, None, None]
        else:
            for other in CONFLICTS[kind]:
                entries = cell[other]
                if entries:
                    for earlier, access in entries.items():
                        if earlier is not thread and not ordered(earlier, access, thread):
                            raise self.race(i, (earlier, other, access), (kind, frame))
            if kind == WRITE:  # all before is ordered before this one, which stands for it from now on
                cell[:] = [None, None, None, None]
        entries, access = cell[kind], (thread.block.epoch, thread.clock, *place)
        if entries is None:
            cell[kind] = {thread: access}
        else:
            entries[thread] = access

    def race(self, i: int, earlier: tuple[Thread, int, Access], later: tuple[int, FrameType]) -> Exception:
        (thread, before, access), (kind, frame) = earlier, later
        one, two = f"{ACTIONS[before]} by {thread}", f"{ACTIONS[kind]} by {self.machine.current}"
        places = [(access[2], access[3]), place_of(frame)]
        return self.machine.fault("race", places, f"{self.name}[{i}]: {one}, then {two}, and nothing orders them")

    def load(self, index: Any, kind: int, frame: FrameType) -> Any:
        i = self.inside(index, frame)
        self.touch(i, kind, frame)
        if self.machine.delays and not self.shared:
            found = self.machine.delays.find(self, i)
            if found is not None:
                return found if self.narrow is None else self.narrow(int(found))
        if self.known_now is not None and not self.known_now[i]:
            raise self.machine.fault("unwritten", [frame], f"{self.name}[{i}] holds nothing yet, {self.machine.current}")
        return self.data[i] if self.narrow is None else self.narrow(int(self.data[i]))

    def store(self, index: Any, value: Any, kind: int, frame: FrameType) -> None:
        i = self.inside(index, frame)
        self.touch(i, kind, frame)
        if self.machine.delays and not self.shared:
            self.machine.delays.put(self, i, self.cast(value))
        else:
            self.land(i, self.cast(value))

    def land(self, i: int, value: Any) -> None:
        """Write into memory itself."""
        self.data[i] = value
        if self.known_now is not None:
            self.known_now[i] = 1

    def cast(self, value: Any) -> Any:
        """`value` as the item it is stored as; integers wrap around."""
        try:
            self.one[0] = value
        except OverflowError:
            if not isinstance(value, (int, np.integer)):
                return np.asarray(value).astype(self.dtype)[()]
            bits = unsigned64(int(value)) if self.dtype.kind == "u" else signed64(int(value))
            self.one[0] = bits.astype(self.dtype)
        return self.one[0]

    def change(self, index: Any, frame: FrameType, change: Callable[[Any], Any]) -> Any:
        """Read, change and write as one step; the old item."""
        machine = self.machine
        i = self.inside(index, frame)
        if self.dtype.itemsize not in (4, 8):
            raise machine.fault("type", [frame], f"no atomic takes {self.dtype} ({self.name})")
        self.touch(i, CHANGE, frame)
        if machine.delays and not self.shared:
            machine.delays.land(self, i)  # a thread's own accesses to one address stay in order
        if self.known_now is not None and not self.known_now[i]:
            raise machine.fault("unwritten", [frame], f"{self.name}[{i}] holds nothing yet, {machine.current}")
        old = self.data[i]
        self.data[i] = change(old)
        return old if self.narrow is None else self.narrow(int(old))


class Shared(Guarded):
    """An array in the shared memory of one block. What was done before a barrier concerns nobody after it."""

    shared = True

    def __init__(self, machine: Machine, name: str, size: int, dtype: Any) -> None:
        super().__init__(machine, name, rubbish(size, dtype), np.zeros(size, dtype=bool))


def rubbish(size: Any, dtype: Any) -> Any:
    """An array of what nobody wrote: values that are wrong wherever they end up."""
    made = np.empty(size, dtype=dtype)
    if made.dtype.kind == "b":
        made[...] = True
    else:
        made.view(np.uint8).fill(0x5B) if made.ndim else made.fill(0x5B)
    return made
