"""Sort rows by small integer ids with a counting sort."""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.target import Target


def rows_by_id(target: Target, ids: Any, count: int) -> tuple[Any, Any]:
    """Sort stably by id; return (offsets of length count + 1, row numbers ordered by id)."""
    xp = target.xp
    offsets = xp.zeros(count + 1, dtype="int64")
    offsets[1:] = xp.cumsum(xp.bincount(ids, minlength=count)) if len(ids) else 0
    if target.name == "cuda":
        return offsets, xp.argsort(ids, kind="stable")
    from gpuflow_kernels.primitives.cpu.partition import order_by

    return offsets, order_by(target, ids, offsets)
