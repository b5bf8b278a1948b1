"""Run generated kernels on a CPU (or uncompiled): morsels, growing outputs and tables."""

from __future__ import annotations

from typing import Any

import numpy as np
from gpuflow_kernels.codegen.common.arguments import Argument, Arguments, Role, control
from gpuflow_kernels.codegen.common.program import Generated, repeated
from gpuflow_kernels.codegen.cpu.skeletons import CURSORS
from gpuflow_kernels.ir.pipeline import Pipeline, Shape

from ...binding import Bindings
from ...cancelling import check
from ...dtypes import DType
from ...host_memory import empty
from ...target import Target, call
from .hash_table import empty_slots, rebuild

RESTART = -2
START, STOP, STATE, ROOM = map(control, ("start", "stop", "state", "room"))


def _state(loops: int) -> Any:
    state = np.zeros(CURSORS + loops, dtype=np.int64)
    state[CURSORS:] = RESTART
    return state


def write(
    target: Target,
    pipeline: Pipeline,
    shape: Shape,
    generated: Generated,
    arguments: Arguments,
    rows: int,
    types: tuple[DType, ...],
    compacting: bool,
    bindings: Bindings,
) -> tuple[list[Any], list[Any], int, int]:
    """Run a writing kernel over all rows; return (values, validities, rows written, error number)."""
    loops = len(repeated(pipeline, shape))
    room = 2 if loops and bindings.tiny else rows
    state = _state(loops)
    nullable = generated.out_nullable
    values = [empty(room, _stored(target, t)) for t in types]
    validities = [empty(room, bool) if n else None for n in nullable]
    start = 0
    while start < rows:
        check()
        stop = min(rows, start + bindings.morsel)
        arguments |= {START: np.uint64(start), STOP: np.uint64(stop), STATE: state, ROOM: np.uint64(room)}
        arguments |= {Argument(Role.OUTPUT, k): v for k, v in enumerate(values)}
        arguments |= {Argument(Role.OUTPUT_VALIDITY, k): v for k, v in enumerate(validities) if v is not None}
        if call(target, generated, arguments):
            room = max(4, room * 2)
            values = [_grown(v, room) for v in values]
            validities = [None if v is None else _grown(v, room) for v in validities]
            start = int(state[2])
            continue
        state[CURSORS:] = RESTART
        if state[1]:
            break
        start = stop
    length = int(state[0]) if compacting else rows
    with np.errstate(all="ignore"):
        trimmed = [_trimmed(v, length).astype(t.storage, copy=False) for v, t in zip(values, types, strict=True)]
    return trimmed, [None if v is None else _trimmed(v, length) for v in validities], length, int(state[1])


def _stored(target: Target, dtype: DType) -> str:
    """Return the type of the arrays that results are written to.

    Compiled code truncates a number that a narrow type cannot hold (under a null, or after a failed check), where NumPy raises:
    uncompiled kernels therefore write registers, which are truncated afterwards."""
    return dtype.register.rstrip("_") if target.name == "python" else dtype.storage


def _grown(array: Any, room: int) -> Any:
    larger = empty(room, array.dtype)
    larger[: len(array)] = array
    return larger


def _trimmed(array: Any, length: int) -> Any:
    """Return the first `length` entries; copied if a view would keep far more memory alive."""
    if length == len(array):
        return array
    return array[:length].copy() if length * 2 < len(array) else array[:length]


def group(
    target: Target,
    pipeline: Pipeline,
    shape: Shape,
    generated: Generated,
    arguments: Arguments,
    rows: int,
    table: Any,
    bindings: Bindings,
) -> int:
    """Run a grouping kernel over all rows of a chunk, growing `table` (`GroupTable`) as needed; return the error number."""
    loops = len(repeated(pipeline, shape))
    state = _state(loops)
    state[2] = table.groups
    start = 0
    while start < rows:
        check()
        stop = min(rows, start + bindings.morsel)
        arguments |= {START: np.uint64(start), STOP: np.uint64(stop), STATE: state}
        arguments |= table.arguments()
        if call(target, generated, arguments):
            table.groups = int(state[2])
            table.grow(target, bindings)
            start = int(state[0])
            continue
        state[CURSORS:] = RESTART
        if state[1]:
            break
        start = stop
    table.groups = int(state[2])
    return int(state[1])


def new_slots(target: Target, capacity: int) -> tuple[Any, Any]:
    """Make an empty hash table for `capacity` keys: (slots, shift)."""
    return empty_slots(capacity)


def rehash(target: Target, words: list[Any], count: int, capacity: int, constant_hash: bool) -> tuple[Any, Any]:
    """Make a table for `capacity` keys with the keys ``0 … count`` of `words`: (slots, shift)."""
    slots, shift = empty_slots(capacity)
    rebuild(target, words, count, slots, shift, constant_hash)
    return slots, shift


def probed(target: Target, slots: Any, words: list[Any]) -> Any:
    """Return the table that probes read: the slots themselves."""
    return slots
