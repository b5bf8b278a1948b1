"""The names that a text takes from `numba.cuda` and from `gpuflow_kernels.primitives.cuda.intrinsics`."""

from __future__ import annotations

import operator
from collections.abc import Callable
from sys import _getframe
from types import FrameType
from typing import Any

import numpy as np

from . import warps
from .memory import CHANGE, PEEK, READ, WRITE, Guarded
from .numbers import clz, dtype_of, ffs, int32_of, popc, uint32_of
from .scheduler import LANES, Machine

MEETING = frozenset(
    "atomic shared syncthreads syncthreads_or syncthreads_and syncthreads_count syncwarp ballot_sync all_sync any_sync "
    "match_any_sync activemask shfl_sync shfl_up_sync shfl_down_sync shfl_xor_sync threadfence threadfence_block "
    "peek poke".split()
)
"""Names by which threads meet; a kernel without them runs its threads one after another."""


class Cuda:
    """`numba.cuda` for the launch in progress. Names that are not here do not exist for generated text."""

    warpsize = int32_of(LANES)
    popc, ffs, clz = staticmethod(popc), staticmethod(ffs), staticmethod(clz)

    def __init__(self) -> None:
        self.machine: Machine = None  # type: ignore[assignment]
        self.atomic, self.shared = _Atomic(self), _SharedMemory(self)
        self.threadIdx = _Dimension(lambda: self.machine.current.tid)
        self.blockIdx = _Dimension(lambda: self.machine.current.block.number)
        self.blockDim = _Dimension(lambda: self.machine.threads)
        self.gridDim = _Dimension(lambda: self.machine.blocks)

    @staticmethod
    def jit(function: Any = None, **options: Any) -> Any:
        return (lambda f: f) if function is None else function

    def grid(self, dimensions: int) -> Any:
        assert dimensions == 1
        return np.int64(self.machine.current.number)

    def gridsize(self, dimensions: int) -> Any:
        assert dimensions == 1
        return np.int64(int(self.machine.blocks) * int(self.machine.threads))

    @property
    def laneid(self) -> Any:
        return int32_of(self.machine.current.lane)

    def lanemask_lt(self) -> Any:
        return uint32_of((1 << self.machine.current.lane) - 1)

    # -- barriers and fences -------------------------------------------------------------------------------------------
    def syncthreads(self) -> None:
        self.machine.barrier("syncthreads", None, lambda values: None, _getframe(1))

    def syncthreads_or(self, predicate: Any) -> Any:
        return self._counted("syncthreads_or", predicate, lambda values: int(any(values)))

    def syncthreads_and(self, predicate: Any) -> Any:
        return self._counted("syncthreads_and", predicate, lambda values: int(all(values)))

    def syncthreads_count(self, predicate: Any) -> Any:
        return self._counted("syncthreads_count", predicate, lambda values: sum(map(bool, values)))

    def _counted(self, name: str, predicate: Any, answer: Callable[[list[Any]], int]) -> Any:
        frame = _getframe(2)
        if not isinstance(predicate, (int, np.integer)) or isinstance(predicate, bool):
            raise self.machine.fault("type", [frame], f"{name} takes an integer, not a {type(predicate).__name__}")
        return int32_of(self.machine.barrier(name, predicate, answer, frame))

    def threadfence(self) -> None:
        self.machine.switch()
        if self.machine.delays:
            self.machine.delays.fence(self.machine.current)

    def threadfence_block(self) -> None:
        self.machine.switch()
        if self.machine.delays:
            self.machine.delays.hand_over(self.machine.current)

    # -- warps ---------------------------------------------------------------------------------------------------------
    def syncwarp(self, mask: Any = warps.FULL) -> None:
        machine = self.machine
        warps.together(machine, "syncwarp", mask, None, _getframe(1), lambda lanes: warps.order(machine, lanes))

    def activemask(self) -> Any:
        return warps.active(self.machine, _getframe(1))

    def ballot_sync(self, mask: Any, predicate: Any) -> Any:
        return self._vote("ballot_sync", mask, predicate, lambda lanes: warps.mask32(warps.voted(lanes)))

    def all_sync(self, mask: Any, predicate: Any) -> Any:
        return self._vote("all_sync", mask, predicate, lambda lanes: np.bool_(all(t.value for t in lanes)))

    def any_sync(self, mask: Any, predicate: Any) -> Any:
        return self._vote("any_sync", mask, predicate, lambda lanes: np.bool_(warps.voted(lanes)))

    def _vote(self, name: str, mask: Any, predicate: Any, count: Callable[[list[Any]], Any]) -> Any:
        def answer(lanes: list[Any]) -> list[Any]:
            return [count(lanes)] * len(lanes)

        return warps.together(self.machine, name, mask, bool(predicate), _getframe(2), answer)

    def match_any_sync(self, mask: Any, value: Any) -> Any:
        return warps.together(self.machine, "match_any_sync", mask, value, _getframe(1), warps.matched)

    def shfl_sync(self, mask: Any, value: Any, lane: Any) -> Any:
        return self._shuffle("shfl_sync", mask, value, lane)

    def shfl_up_sync(self, mask: Any, value: Any, delta: Any) -> Any:
        return self._shuffle("shfl_up_sync", mask, value, delta)

    def shfl_down_sync(self, mask: Any, value: Any, delta: Any) -> Any:
        return self._shuffle("shfl_down_sync", mask, value, delta)

    def shfl_xor_sync(self, mask: Any, value: Any, lanes: Any) -> Any:
        return self._shuffle("shfl_xor_sync", mask, value, lanes)

    def _shuffle(self, name: str, mask: Any, value: Any, asked: Any) -> Any:
        machine, frame, kind = self.machine, _getframe(2), type(value).__name__.lower()
        if kind not in (*warps.SHUFFLED, "int", "float"):
            raise machine.fault("type", [frame], f"{name} takes {', '.join(warps.SHUFFLED)}, not {kind}")
        answer = warps.shuffled(machine, frame, warps.SOURCES[name])
        return warps.together(machine, name, mask, (value, asked), frame, answer)


class _Dimension:
    def __init__(self, x: Callable[[], int]) -> None:
        self._x = x

    @property
    def x(self) -> Any:
        return int32_of(int(self._x()))


class _SharedMemory:
    def __init__(self, cuda: Cuda) -> None:
        self._cuda = cuda

    def array(self, size: Any, dtype: Any) -> Any:
        return self._cuda.machine.shared_array(int(size), dtype_of(dtype), _getframe(1))


class _Atomic:
    """Read, change and write as one step; another thread's turn can come before, never between."""

    def __init__(self, cuda: Cuda) -> None:
        self._cuda = cuda

    def _change(self, array: Guarded, index: Any, value: Any, change: Callable[[Any, Any], Any], kinds: str = "iuf") -> Any:
        machine, frame = self._cuda.machine, _getframe(2)
        if array.dtype.kind not in kinds:
            raise machine.fault("type", [frame], f"no such atomic of {array.dtype} ({array.name})")
        machine.switch()
        operand = array.cast(value)
        return array.change(index, frame, lambda old: change(old, operand))

    def add(self, array: Any, index: Any, value: Any) -> Any:
        return self._change(array, index, value, lambda old, value: old + value)

    def sub(self, array: Any, index: Any, value: Any) -> Any:
        return self._change(array, index, value, lambda old, value: old - value)

    def min(self, array: Any, index: Any, value: Any) -> Any:
        return self._change(array, index, value, lambda old, value: value if value < old else old)

    def max(self, array: Any, index: Any, value: Any) -> Any:
        return self._change(array, index, value, lambda old, value: value if value > old else old)

    def and_(self, array: Any, index: Any, value: Any) -> Any:
        return self._change(array, index, value, lambda old, value: old & value, "iu")

    def or_(self, array: Any, index: Any, value: Any) -> Any:
        return self._change(array, index, value, lambda old, value: old | value, "iu")

    def xor(self, array: Any, index: Any, value: Any) -> Any:
        return self._change(array, index, value, lambda old, value: old ^ value, "iu")

    def exch(self, array: Any, index: Any, value: Any) -> Any:
        return self._change(array, index, value, lambda old, value: value, "iu")

    def cas(self, array: Any, index: Any, expected: Any, value: Any) -> Any:
        wanted = array.cast(expected)
        return self._change(array, index, value, lambda old, value: value if old == wanted else old, "iu")


# -- intrinsics -------------------------------------------------------------------------------------------------------
def intrinsics(cuda: Cuda) -> dict[str, Any]:
    """The functions of the intrinsics file by name."""

    def view(name: str) -> Callable[[Any, Any], Any]:
        dtype = np.dtype(name)

        def viewed(array: Any, length: Any) -> Any:
            machine, frame = cuda.machine, _getframe(1)
            if not isinstance(array, Guarded):
                raise machine.fault("type", [frame], f"view_{name} of {array!r}, which is no array")
            if array.dtype != dtype:
                raise machine.fault("type", [frame], f"view_{name} of {array.name}, which holds {array.dtype}")
            if not 0 <= int(length) <= array.size:
                raise machine.fault(
                    "bounds", [frame], f"view_{name} of {int(length)} items of {array.name}, that has {array.size}"
                )
            return array.part(int(length)) if length else array

        return viewed

    def only_global(array: Guarded, frame: FrameType) -> None:
        if array.shared:
            raise cuda.machine.fault("type", [frame], f"this load or store is of global memory, not of {array.name}")

    def both(array: Guarded, index: Any, frame: FrameType) -> int:
        only_global(array, frame)
        cuda.machine.plain_turn(False)
        i, size = array.inside(index, frame), array.dtype.itemsize
        off = (array.data.__array_interface__["data"][0] + i * size) % min(2 * size, 16)  # no access has more
        if i % 2 or off:
            raise cuda.machine.fault("misaligned", [frame], f"a pair at {array.name}[{i}], {off} bytes off")
        return i

    def pair(array: Guarded, index: Any) -> tuple[Any, Any]:
        frame = _getframe(1)
        i = both(array, index, frame)
        return array.load(i, READ, frame), array.load(i + 1, READ, frame)

    def put_pair(array: Guarded, index: Any, a: Any, b: Any) -> None:
        frame = _getframe(1)
        i = both(array, index, frame)
        array.store(i, a, WRITE, frame)
        array.store(i + 1, b, WRITE, frame)

    def item(array: Guarded, index: Any) -> Any:
        frame = _getframe(1)
        only_global(array, frame)
        cuda.machine.plain_turn(False)
        return array.load(index, READ, frame)

    def peek(array: Guarded, index: Any) -> Any:
        frame = _getframe(1)
        cuda.machine.switch()
        return array.load(index, PEEK, frame)

    def poke(array: Guarded, index: Any, value: Any) -> None:
        frame = _getframe(1)
        cuda.machine.switch()
        array.store(index, value, CHANGE, frame)

    kinds = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex128".split()
    loads = {"pair": pair, "entry": pair, "item": item, "put_pair": put_pair, "peek": peek, "poke": poke}
    products = {"rounded_product": operator.mul, "rounded_power": operator.pow}
    return loads | products | {f"view_{n}": view(n) for n in kinds}
