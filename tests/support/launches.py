"""Every kernel that a case launches, as the compiler would see it on a device."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from gpuflow_kernels import target as targets
from gpuflow_kernels.binding import Bindings
from gpuflow_kernels.codegen.cuda.skeletons import CudaGenerated
from gpuflow_kernels.ir.pipeline import Pipeline, Shape
from gpuflow_kernels.target import CUDA

from benchmarks.assembling import Kernel
from tests.cuda_model.runtime import cuda_model
from tests.support.cuda_cases import CASES, Case, data
from tests.support.golden import GOLDEN, Golden

BLOCK = 256
"""Threads of a block on a device, which generated texts name."""


@dataclass(frozen=True)
class Recorded:
    """What a case launches, in order and once each, and what was generated from which pipelines."""

    kernels: tuple[Kernel, ...]
    modules: tuple[tuple[Pipeline, Shape, CudaGenerated], ...]


@cache
def recorded(case: Case, nulls: bool, block: int = BLOCK) -> Recorded:
    """Run a case, once with room and once with tables so tiny that they grow; faster in smaller blocks, but then the texts
    are not those of a device."""
    seen: dict[tuple[Pipeline, Shape], CudaGenerated] = {}
    original = targets._generate

    def generate(pipeline: Pipeline, shape: Shape, name: str) -> Any:
        generated = original(pipeline, shape, name)
        assert isinstance(generated, CudaGenerated)
        seen[pipeline, shape] = generated
        return generated

    targets._generate = generate  # type: ignore[assignment]
    try:
        with cuda_model(block=block) as device:
            for tiny in (False, True):
                case.run(CUDA, data(60, nulls, 3), Bindings(tiny=tiny))
    finally:
        targets._generate = original
    return Recorded(tuple(Kernel(x.text, x.kernel, x.types) for x in device.launches), tuple((*k, g) for k, g in seen.items()))


def everything() -> dict[Kernel, str]:
    """All kernels of all cases, each with the first case that launches it."""
    kernels: dict[Kernel, str] = {}
    for golden in GOLDEN:
        for kernel in recorded(golden, golden.nulls).kernels:
            kernels.setdefault(kernel, named(golden, golden.nulls))
    for case in CASES:
        for nulls in (False, True):
            for kernel in recorded(case, nulls).kernels:
                kernels.setdefault(kernel, named(case, nulls))
    return kernels


def named(case: Case, nulls: bool) -> str:
    if isinstance(case, Golden):
        return f"golden: {case.name}"
    return f"{case.name}, nulls" if nulls else case.name
