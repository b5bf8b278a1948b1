"""The CUDA text without a device: its rows are those of the other targets, and all of it compiles to PTX."""

from __future__ import annotations

import re
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from gpuflow_kernels import target as targets
from gpuflow_kernels.binding import Bindings
from gpuflow_kernels.codegen import skeletons_cuda
from gpuflow_kernels.codegen.pipeline import Pipeline, Shape
from gpuflow_kernels.target import CPU, CUDA, PYTHON

from tests.cuda_serial.cases import CASES, Case, data
from tests.cuda_serial.runtime import Launch, serial_cuda
from tests.cuda_serial.threads import OneByOne

ARCHITECTURES = ((7, 5), (8, 0), (9, 0), (10, 0))


class Compiler:
    """numba.cuda up to PTX; no driver is asked. One pass to LLVM serves every architecture."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from numba.cuda import codegen, dispatcher

        device = SimpleNamespace(compute_capability=ARCHITECTURES[0])
        monkeypatch.setattr(dispatcher, "get_current_device", lambda: device)
        library = codegen.CUDACodeLibrary
        name = "get_asm_strs" if hasattr(library, "get_asm_strs") else "get_asm_str"
        original = getattr(library, name)
        self.library: Any = None

        def remembering(this: Any, cc: Any = None) -> Any:
            self.library = this
            return original(this, cc=cc)

        monkeypatch.setattr(library, name, remembering)

    def ptx(self, launch: Launch) -> dict[tuple[int, int], str]:
        """The PTX of one launched kernel by compute capability."""
        from numba import cuda

        kernel = getattr(module_for(launch.text), launch.kernel)
        cuda.compile_ptx(kernel, signature(launch), cc=ARCHITECTURES[0])
        return {cc: self.library.get_asm_str(cc=cc) for cc in ARCHITECTURES}


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> Compiler:
    return Compiler(monkeypatch)


@cache
def module_for(text: str) -> ModuleType:
    """The module, its kernels left as plain functions."""
    module = ModuleType("k_text")
    plain = text.replace("kernel = cuda.jit\n", "kernel = lambda f: f\n", 1)
    assert plain != text
    exec(compile(plain, "<k_text>", "exec"), module.__dict__)
    return module


def signature(launch: Launch) -> tuple[Any, ...]:
    from numba import types
    from numba.np.numpy_support import from_dtype

    scalars = [(from_dtype(np.dtype(name)), array) for name, array in launch.types]
    return tuple(types.Array(scalar, 1, "C") if array else scalar for scalar, array in scalars)


@cache
def recorded(case: Case, nulls: bool) -> tuple[tuple[Launch, ...], tuple[tuple[Pipeline, Shape], ...]]:
    """Everything a case launches, and the pipelines it generates."""
    seen: dict[tuple[Pipeline, Shape], None] = {}

    def generate(pipeline: Pipeline, shape: Shape, name: str) -> Any:
        seen[pipeline, shape] = None
        return skeletons_cuda.generate(pipeline, shape)

    original, targets._generate = targets._generate, generate  # type: ignore[assignment]
    try:
        with serial_cuda(OneByOne(0)) as device:
            case.run(CUDA, data(17, nulls, 3), Bindings())
    finally:
        targets._generate = original
    return tuple(device.launches), tuple(seen)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_rows_are_the_same_on_every_target(case: Case) -> None:
    generated = recorded(case, False)[1] + recorded(case, True)[1]
    for pipeline, shape in generated:
        lines = CUDA.generate(pipeline, shape).row_lines
        assert lines == PYTHON.generate(pipeline, shape).row_lines == CPU.generate(pipeline, shape).row_lines
        text = CUDA.generate(pipeline, shape).text
        for line in lines:  # in every kernel that runs over rows, not only in the last one
            assert re.search(rf"^ +{re.escape(line)}$", text, re.MULTILINE), line


# A join's kernels differ little with nulls in the input: its cases take turns.
WITH_NULLS = [(c, n) for k, c in enumerate(CASES) for n in (False, True) if " join" not in c.name or n == k % 2]


@pytest.mark.parametrize(("case", "nulls"), WITH_NULLS, ids=[f"{c.name}, {'nulls' if n else 'no nulls'}" for c, n in WITH_NULLS])
def test_compiles(case: Case, nulls: bool, compiler: Compiler) -> None:
    for launch in recorded(case, nulls)[0]:
        for (major, minor), ptx in compiled(compiler, launch).items():
            assert f".target sm_{major}{minor}" in ptx
            assert ptx.count(".entry") == 1


_ptx: dict[Launch, dict[tuple[int, int], str]] = {}


def compiled(compiler: Compiler, launch: Launch) -> dict[tuple[int, int], str]:
    if launch not in _ptx:
        _ptx[launch] = compiler.ptx(launch)
    return _ptx[launch]


def kernel_ptx(compiler: Compiler, name: str, kernel: str) -> str:
    case = next(c for c in CASES if c.name == name)
    launch = next(x for x in recorded(case, False)[0] if x.kernel == kernel)
    return compiled(compiler, launch)[9, 0]


def test_tables_are_built_by_native_atomics(compiler: Compiler) -> None:
    assert "atom.global.cas.b64" in kernel_ptx(compiler, "hash of one word", "insert")
    sums = kernel_ptx(compiler, "dense", "run")
    assert "red.global.add.f64" in sums or "atom.global.add.f64" in sums
    assert "red.global.add.u64" in sums or "atom.global.add.u64" in sums


def test_a_reduction_has_no_atomics(compiler: Compiler) -> None:
    for kernel in ("run", "fold"):
        ptx = kernel_ptx(compiler, "reduce", kernel)
        assert "atom." not in ptx
        assert "red." not in ptx
