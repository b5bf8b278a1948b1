"""Which driver calls a target's kernels. Drivers of all targets have the same functions."""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.target import Target


def drive_of(target: Target) -> Any:
    """The module that runs generated kernels on this target: ``write``, ``group``, ``new_slots`` and ``rehash``."""
    if target.name == "cuda":
        from gpuflow_kernels.primitives.cuda import launcher as cuda

        return cuda
    from gpuflow_kernels.primitives.cpu import launcher as cpu

    return cpu
