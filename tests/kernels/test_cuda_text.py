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

ARCHITECTURES = ((7, 5), (9, 0), (8, 0), (10, 0))


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

    def ptx(self, launch: Launch, capabilities: tuple[tuple[int, int], ...] = ARCHITECTURES) -> dict[tuple[int, int], str]:
        """The PTX of one launched kernel by compute capability."""
        from numba import cuda

        kernel = getattr(module_for(launch.text), launch.kernel)
        cuda.compile_ptx(kernel, signature(launch), cc=capabilities[0])
        return {cc: self.library.get_asm_str(cc=cc) for cc in capabilities}


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
            for tiny in (False, True):  # tiny tables grow
                case.run(CUDA, data(60, nulls, 3), Bindings(tiny=tiny))
    finally:
        targets._generate = original
    launched = {(x.text, x.kernel) for x in device.launches}
    for generated in (skeletons_cuda.generate(*key) for key in seen):
        for kernel, _ in generated.kernels:
            assert (generated.text, kernel) in launched, f"{case.name}: {kernel} was not launched"
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


# Every case is compiled for every architecture. Those that stand for a skeleton are compiled for two of them without nulls
# in the data and for the other two with; the others, whose kernels differ little by that, take turns.
BOTH = ("map", "compact", "reduce", "dense", "hash of one word")
COMPILED = [
    (c, nulls, ARCHITECTURES[2 * nulls :][:2] if c.name in BOTH else ARCHITECTURES)
    for k, c in enumerate(CASES)
    for nulls in (False, True)
    if c.name in BOTH or nulls == bool(k % 2)
]


@pytest.mark.parametrize(
    ("case", "nulls", "architectures"), COMPILED, ids=[f"{c.name}, {'nulls' if n else 'no nulls'}" for c, n, _ in COMPILED]
)
def test_compiles(case: Case, nulls: bool, architectures: tuple[tuple[int, int], ...], compiler: Compiler) -> None:
    for launch in recorded(case, nulls)[0]:
        for (major, minor), ptx in compiled(compiler, launch, architectures).items():
            assert f".target sm_{major}{minor}" in ptx
            assert ptx.count(".entry") == 1


_ptx: dict[tuple[Launch, tuple[int, int]], str] = {}


def compiled(compiler: Compiler, launch: Launch, wanted: tuple[tuple[int, int], ...]) -> dict[tuple[int, int], str]:
    """PTX by architecture; kernels that several cases share are compiled once."""
    missing = tuple(cc for cc in wanted if (launch, cc) not in _ptx)
    if missing:
        _ptx.update({(launch, cc): text for cc, text in compiler.ptx(launch, missing).items()})
    return {cc: _ptx[launch, cc] for cc in wanted}


def kernel_ptx(compiler: Compiler, name: str, kernel: str) -> str:
    case = next(c for c in CASES if c.name == name)
    launch = next(x for x in recorded(case, False)[0] if x.kernel == kernel)
    return compiled(compiler, launch, ((9, 0),))[9, 0]


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
