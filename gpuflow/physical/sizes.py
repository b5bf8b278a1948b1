"""How much one task on a worker should work with. In one process rows decide, which the lowering of each operator counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from gpuflow_kernels.dtypes import DType

from .runner import RemotePartition, Runner

BATCH = 128 << 20
"""Bytes of input for a task of an exchange or a group-by: the answer to how many tasks there are must not depend on who is
there when a query is planned, for others may join while it runs."""
SHARE = 8
"""A task holds its inputs, what it makes of them, and tables: so many times one input at most."""
TEXT_BYTES = 32
"""Assumed bytes of a string, with its code."""


def row_bytes(dtypes: Iterable[DType]) -> int:
    """Bytes of a row of columns with these types, validity included; strings are guessed."""
    return sum(TEXT_BYTES if d.is_coded else np.dtype(d.storage).itemsize + 1 for d in dtypes) or 1


def batch_bytes(runner: Runner) -> int:
    """Bytes of input that a task of this runner should get."""
    return BATCH if runner.room is None else max(1, min(BATCH, runner.room // SHARE))


def bytes_of(part: Any, each: int, rows: int | None) -> int | None:
    """Bytes of a partition as far as is known, at `each` a row: by its own rows, or by `rows` of a part that a task makes."""
    count = getattr(part, "rows", None)
    if count is None and isinstance(part, RemotePartition):
        return None
    count = rows if count is None else count
    return getattr(part, "nbytes", None) if count is None else count * each


def batches(runner: Runner, parts: Sequence[Any], sizes: Sequence[int | None]) -> list[slice]:
    """Runs of consecutive parts, each for one task.

    In one process a few for each thread: a task merges its own at no cost. On a cluster as many bytes as `batch_bytes` says,
    less where there are threads without work; parts of unknown size stand alone.
    """
    if runner.local:
        number = min(len(parts), 2 * runner.threads)
        bounds = [len(parts) * k // number for k in range(number + 1)] if number else [0]
        return [slice(a, b) for a, b in pairwise(bounds)]
    known = sum(s for s in sizes if s is not None)
    most = min(batch_bytes(runner), -(-known // (2 * runner.threads)))
    found: list[slice] = []
    start, held = 0, 0
    for k, size in enumerate(sizes):
        if k > start and (size is None or held + size > most):
            found.append(slice(start, k))
            start, held = k, 0
        held = most if size is None else held + size
    return [*found, slice(start, len(parts))] if parts else []
