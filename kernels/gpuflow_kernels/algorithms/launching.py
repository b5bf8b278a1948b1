"""Choose the module that launches a target's kernels. The launchers of all targets have the same functions."""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.target import Target


def launcher_of(target: Target) -> Any:
    """Return the module that launches generated kernels on this target: ``write``, ``group``, ``new_slots`` and ``rehash``."""
    if target.name == "cuda":
        from gpuflow_kernels.primitives.cuda import launcher as cuda

        return cuda
    from gpuflow_kernels.primitives.cpu import launcher as cpu

    return cpu
