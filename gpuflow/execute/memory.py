"""Memory of the engine, whatever the target: what runs again in smaller pieces when memory runs out, and what may be moved.

`with_retry` runs a piece of `Work`. When the memory that its arrays lie in is exhausted it frees what only pools hold, halves
the rows worked on at once, then moves columns out of that memory, and at last raises an error that names the operator, the
bytes and the setting. What differs between kinds of memory stands behind `Memory`.
"""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.errors import DeviceMemoryError

FLOOR_ROWS = 1 << 16
"""Pieces of at most so many rows are not halved."""
EVEN = 16
"""Pieces begin at multiples of so many rows, so that arrays stay aligned for 16-byte loads."""
Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)

_lock = threading.Lock()
_users: defaultdict[int, list[int]] = defaultdict(list)
"""By a column's id, the threads whose tasks read it."""
_task = threading.local()


class Memory(Protocol):
    """One kind of memory that arrays lie in: a device's, or this process's."""

    @property
    def limit(self) -> int | None:
        """Most bytes that a process may take of it, where that is set."""

    def exhausted(self, error: BaseException) -> bool:
        """True if an error says that this memory, and no other one, is full."""

    def free(self) -> None:
        """Give back what only pools and finished work still hold."""

    def spill(self, column: Column) -> tuple[Any, Any] | None:
        """Copy a column's values and validity out of this memory; None if neither lies in it."""


class ProcessMemory:
    """Memory of this process. Nothing is moved out of it yet: an error about it passes as it is."""

    limit: int | None = None

    def exhausted(self, error: BaseException) -> bool:
        return False

    def free(self) -> None:
        """Leave everything: NumPy's arrays go with their last reference."""

    def spill(self, column: Column) -> tuple[Any, Any] | None:
        return None


def memory_of(target: str) -> Memory:
    """The memory that arrays of a target lie in."""
    if target != "cuda":
        return PROCESS
    from gpuflow_kernels.primitives.cuda.memory import DEVICE

    return DEVICE


PROCESS = ProcessMemory()


class MemoryBudget:
    """How many rows are worked on at once: all of a chunk until memory has run out, then fewer.

    Attributes
    ----------
    limit : int or None
        Most rows of a piece.
    rows : int
        Rows of the largest chunk seen.
    columns : dict
        By id, the columns of all chunks seen: what may be spilled.
    """

    def __init__(self) -> None:
        self.limit: int | None = None
        self.rows = 0
        self.columns: dict[int, Column] = {}

    def pieces(self, chunk: Chunk, start: int = 0) -> Iterator[tuple[Chunk, int]]:
        """Cut the rows of a chunk from `start` on into pieces within the limit, each with the number of its first row."""
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
        """Halve the limit; False if pieces are small already."""
        rows = self.rows if self.limit is None else min(self.limit, self.rows)
        if rows <= FLOOR_ROWS:
            return False
        self.limit = -(-rows // 2 // EVEN) * EVEN if rows >= 4 * EVEN else -(-rows // 2)
        return True


def _piece(chunk: Chunk, first: int, last: int) -> Chunk:
    """Cut rows out of a chunk. The range of a column's values is kept, so that tables of all pieces get one layout."""
    columns = []
    for column in chunk.columns:
        ranges = {k: v for k, v in column.facts.items() if k == "range"}
        columns.append(replace(column.take(slice(first, last)), facts=ranges))
    return Chunk(tuple(columns), last - first)


class Work(Protocol[Result_co]):
    """What a task does over its rows, in a form that can be interrupted by want of memory and attempted again."""

    @property
    def name(self) -> str:
        """The operator, as errors name it."""

    def attempt(self, budget: MemoryBudget) -> Result_co:
        """Do the work in pieces as `MemoryBudget.pieces` cuts them. Called again after memory ran out: it then starts
        over, or continues where it failed if the results so far are still good."""

    def held(self) -> Iterable[Column]:
        """Columns that the work keeps from one attempt to the next, which may be spilled between them."""


def with_retry(memory: Memory, work: Work[Result]) -> Result:
    """Run `work` as a whole if its memory allows it, else in ever smaller pieces.

    Raises
    ------
    DeviceMemoryError
        When there is no room for `FLOOR_ROWS` rows with everything spilled that can be.
    """
    budget = MemoryBudget()
    result, missing = _attempted(memory, work, budget)
    if missing is None:
        return result
    memory.free()
    result, missing = _attempted(memory, work, budget)
    while missing is not None:
        if not budget.halve() and not spill(memory, [*budget.columns.values(), *work.held(), *getattr(_task, "columns", ())]):
            raise DeviceMemoryError(_message(memory, work.name, missing, budget))
        memory.free()
        result, missing = _attempted(memory, work, budget)
    return result


def _attempted(memory: Memory, work: Work[Any], budget: MemoryBudget) -> tuple[Any, int | None]:
    """(result, None), or (None, bytes that were missing; 0 where the error does not say).

    The error is dropped before this returns: its traceback holds the arrays of what has failed.
    """
    try:
        return work.attempt(budget), None
    except Exception as e:
        if not memory.exhausted(e):
            raise
        size = re.search(r"allocating ([\d,]+) bytes", str(e))
        return None, int(size[1].replace(",", "")) if size else 0


def _message(memory: Memory, operator: str, missing: int, budget: MemoryBudget) -> str:
    limit = memory.limit
    bound = "the device's memory" if limit is None else f"gpuflow.memory-limit ({limit:,} bytes)"
    more = f"{missing:,} more bytes" if missing else "more"
    rows = f", needed for {min(budget.rows, budget.limit or budget.rows):,} of {budget.rows:,} rows" if budget.rows else ""
    raised = "" if limit is None else " or gpuflow.memory-limit higher"
    return (
        f"{operator}: {bound} has no room for {more}{rows}, although all that could be moved is on the host; "
        f"set gpuflow.partition-rows lower{raised}, or gpuflow.target to cpu"
    )


@contextmanager
def reserve(columns: Iterable[Column]) -> Iterator[None]:
    """Within this block mark columns as inputs of this thread's task: tasks of other threads do not spill them."""
    reserved = list({id(c): c for c in columns}.values())
    me = threading.get_ident()
    with _lock:
        for column in reserved:
            _users[id(column)].append(me)
    above = getattr(_task, "columns", ())
    _task.columns = [*above, *reserved]
    try:
        yield
    finally:
        _task.columns = above
        with _lock:
            for column in reserved:
                _users[id(column)].remove(me)
                if not _users[id(column)]:
                    del _users[id(column)]


def spill(memory: Memory, columns: Iterable[Column]) -> int:
    """Move columns out of a memory, in place, so that all who hold one find its arrays where they are then; the bytes moved.

    Columns that another running task has reserved stay. Work that reads the columns has ended when this returns, because
    copying an array to the host waits for the current stream.
    """
    moved = 0
    for column in {id(c): c for c in columns}.values():
        arrays = memory.spill(column)
        if arrays is None:
            continue
        with _lock:
            if any(user != threading.get_ident() for user in _users.get(id(column), ())):
                continue
            for name, array in zip(("values", "validity"), arrays, strict=True):
                object.__setattr__(column, name, array)  # frozen for everyone else: the meaning stays the same
        moved += column.nbytes
    return moved
