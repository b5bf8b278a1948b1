"""Room on the device: the pool that memory comes from, and what is done when it has none left.

`with_retry` is the ladder that a pipeline climbs when memory runs out: free what only pools hold and try again, cut the
rows in halves, move what lies on the device without being needed to the host, and at last an error that names the
operator, the bytes and the setting.

Not yet run on a device: `configure`, and what CuPy and RMM raise when they are out of memory.
"""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from ...column import Chunk, Column
from ...errors import DeviceMemoryError, ExecutionError
from . import runtime

FLOOR_ROWS = 1 << 16
"""Pieces of so few rows are not cut again."""
EVEN = 16
"""Pieces begin at multiples of so many rows, so that arrays stay aligned for 16-byte loads."""
Result = TypeVar("Result")

_configured: list[tuple[str, int | None]] = []
_lock = threading.Lock()
_users: defaultdict[int, list[int]] = defaultdict(list)
"""By a column's id the threads whose tasks use it."""
_task = threading.local()


def configure(pool: str, limit: int | None) -> None:
    """Choose where device memory comes from, for this process. Called again with the same, it does nothing.

    Parameters
    ----------
    pool : str
        ``cupy`` for CuPy's pool, ``rmm`` for the memory resource that RMM has for the device.
    limit : int, optional
        Most bytes that may be taken.

    Raises
    ------
    ExecutionError
        When RMM is asked for and missing.
    """
    with _lock:
        if _configured and _configured[0] == (pool, limit):
            return
        if pool == "rmm":
            _use_rmm(limit)
        else:
            _use_cupy(limit)
        _configured[:] = [(pool, limit)]


def _use_cupy(limit: int | None) -> None:
    import cupy

    pool = cupy.get_default_memory_pool()
    pool.set_limit(size=0 if limit is None else limit)
    if _configured and _configured[0][0] == "rmm":
        cupy.cuda.set_allocator(pool.malloc)


def _use_rmm(limit: int | None) -> None:
    try:
        import rmm
        from rmm.allocators.cupy import rmm_cupy_allocator
    except ImportError as e:
        raise ExecutionError("gpuflow.cuda.pool is rmm, but RMM is not installed: pip install rmm-cu13 (or rmm-cu12)") from e
    import cupy

    resource = rmm.mr.get_current_device_resource()
    if isinstance(resource, rmm.mr.CudaMemoryResource):  # nobody has set up a pool: every allocation would wait for the device
        resource = rmm.mr.CudaAsyncMemoryResource()
    if limit is not None:
        resource = rmm.mr.LimitingResourceAdaptor(resource, limit)
    rmm.mr.set_current_device_resource(resource)
    cupy.cuda.set_allocator(rmm_cupy_allocator)


def exhausted(error: BaseException) -> bool:
    """Whether an error says that the device, and not the host, has no memory left."""
    if isinstance(error, DeviceMemoryError):
        return False  # the ladder has been climbed already
    library = type(error).__module__.split(".")[0]
    if isinstance(error, MemoryError):
        return library == "cupy" or (library == "builtins" and "bad_alloc" in str(error))  # the second is RMM's
    return library in ("cupy", "cupy_backends") and getattr(error, "status", None) == 2  # cudaErrorMemoryAllocation


class MemoryBudget:
    """How many rows are worked on at once: all of a chunk, until memory has run out.

    Attributes
    ----------
    limit : int or None
        Most rows of a piece.
    """

    def __init__(self) -> None:
        self.limit: int | None = None
        self.rows = 0
        self.columns: dict[int, Column] = {}

    def pieces(self, chunk: Chunk, start: int = 0) -> Iterator[tuple[Chunk, int]]:
        """The rows of a chunk from `start` on, in pieces that there is room for, each with the number of its first row."""
        self.rows = max(self.rows, chunk.length)
        self.columns |= {id(c): c for c in chunk.columns}
        step = chunk.length if self.limit is None else self.limit
        if chunk.length <= step and not start:
            yield chunk, 0
            return
        for first in range(start, chunk.length, step):
            last = min(first + step, chunk.length)
            yield _piece(chunk, first, last), first

    def halve(self) -> bool:
        """Go on with half the rows, if there are enough of them."""
        rows = self.rows if self.limit is None else min(self.limit, self.rows)
        if rows <= FLOOR_ROWS:
            return False
        self.limit = -(-rows // 2 // EVEN) * EVEN if rows >= 4 * EVEN else -(-rows // 2)
        return True


def _piece(chunk: Chunk, first: int, last: int) -> Chunk:
    """Rows of a chunk. A range of values that is known stays known, so that pieces get tables of the same layout."""
    columns = []
    for column in chunk.columns:
        known = {k: v for k, v in column.facts.items() if k == "range"}
        columns.append(replace(column.take(slice(first, last)), facts=known))
    return Chunk(tuple(columns), last - first)


def with_retry(
    operator: str, attempt: Callable[[MemoryBudget], Result], results: Callable[[], Iterable[Column]] = tuple
) -> Result:
    """Run one pipeline over one chunk (or anything else on the device), as a whole if there is room, else in pieces.

    Parameters
    ----------
    operator : str
        What the error is to call it.
    attempt : callable
        Does the work, piece by piece as `Room.pieces` gives them. It is called again after it has failed for want of
        memory: it then starts anew, or goes on where it failed if what it had done is still good.
    results : callable
        Columns that `attempt` has made and keeps from one call to the next.

    Raises
    ------
    DeviceMemoryError
        When there is no room for `FLOOR_ROWS` rows with everything on the host that can be there.
    """
    room = MemoryBudget()
    result, wanted = _tried(attempt, room)
    if wanted is None:
        return result
    free()
    result, wanted = _tried(attempt, room)
    while wanted is not None:
        if not room.halve() and not park([*room.columns.values(), *results(), *getattr(_task, "columns", ())]):
            raise DeviceMemoryError(_message(operator, wanted, room))
        free()
        result, wanted = _tried(attempt, room)
    return result


def _tried(attempt: Callable[[MemoryBudget], Result], room: MemoryBudget) -> tuple[Any, int | None]:
    """(result, None), or (None, bytes that there was no room for; 0 where the error does not tell).

    The error is let go before this returns: its traceback holds the arrays of what has failed.
    """
    try:
        return attempt(room), None
    except Exception as e:
        if not exhausted(e):
            raise
        told = re.search(r"allocating ([\d,]+) bytes", str(e))
        return None, int(told[1].replace(",", "")) if told else 0


def _message(operator: str, wanted: int, room: MemoryBudget) -> str:
    limit = _configured[0][1] if _configured else None
    bound = "the device's memory" if limit is None else f"gpuflow.memory-limit ({limit:,} bytes)"
    more = f"{wanted:,} more bytes" if wanted else "more"
    rows = f", needed for {min(room.rows, room.limit or room.rows):,} of {room.rows:,} rows" if room.rows else ""
    raised = "" if limit is None else " or gpuflow.memory-limit higher"
    return (
        f"{operator}: {bound} has no room for {more}{rows}, although all that could be moved is on the host; "
        f"set gpuflow.partition-rows lower{raised}, or gpuflow.target to cpu"
    )


def free() -> None:
    """Give back memory that only pools and finished work still hold."""
    give_back = getattr(runtime.device, "free", None)
    if give_back is not None:
        give_back()


def _on_device(array: Any) -> bool:
    return array is not None and not isinstance(array, np.ndarray)


@contextmanager
def using(columns: Iterable[Column]) -> Iterator[None]:
    """Within this block these columns are inputs of the task that this thread runs."""
    held = list({id(c): c for c in columns}.values())
    me = threading.get_ident()
    with _lock:
        for column in held:
            _users[id(column)].append(me)
    above = getattr(_task, "columns", ())
    _task.columns = [*above, *held]
    try:
        yield
    finally:
        _task.columns = above
        with _lock:
            for column in held:
                _users[id(column)].remove(me)
                if not _users[id(column)]:
                    del _users[id(column)]


def park(columns: Iterable[Column]) -> int:
    """Move columns to host memory, in place: whoever holds one finds its arrays there from now on. The bytes moved.

    Columns that another running task uses stay where they are. Work on the device that reads them has ended when this
    returns, because bringing an array to the host waits for the current stream.
    """
    moved = 0
    for column in {id(c): c for c in columns}.values():
        values, validity = column.values, column.validity
        if not _on_device(values) and not _on_device(validity):
            continue
        on_host = [a.get() if _on_device(a) else a for a in (values, validity)]
        with _lock:
            if any(user != threading.get_ident() for user in _users.get(id(column), ())):
                continue
            for name, array in zip(("values", "validity"), on_host, strict=True):
                object.__setattr__(column, name, array)  # frozen for everyone else: the meaning stays the same
        moved += column.nbytes
    return moved
