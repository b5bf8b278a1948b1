"""The CUDA text without a device: its rows are those of the other targets, and all of it compiles to PTX."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from gpuflow_kernels import target as targets
from gpuflow_kernels.binding import Bindings
from gpuflow_kernels.codegen import skeletons_cuda
from gpuflow_kernels.codegen.module_text import HEADERS
from gpuflow_kernels.codegen.pipeline import Pipeline, Shape
from gpuflow_kernels.target import CPU, CUDA, PYTHON

from tests.cuda_serial.cases import CASES, Case, data
from tests.cuda_serial.runtime import Launch, serial_cuda
from tests.cuda_serial.threads import OneByOne

# Every kernel is compiled for each architecture, half of them without nulls in the data and half with.
ARCHITECTURES = {False: ((7, 5), (9, 0)), True: ((8, 0), (10, 0))}


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> Callable[[Launch, tuple[int, int]], str]:
    """Compiles one launch for a compute capability to PTX; no driver is asked."""
    cuda = pytest.importorskip("numba.cuda", reason="numba-cuda is not installed", exc_type=ImportError)
    from numba.cuda import dispatcher

    chosen: list[tuple[int, int]] = [(0, 0)]
    monkeypatch.setattr(dispatcher, "get_current_device", lambda: SimpleNamespace(compute_capability=chosen[0]))

    def ptx(launch: Launch, capability: tuple[int, int]) -> str:
        chosen[0] = capability
        kernel = getattr(module_for(launch.text, capability), launch.kernel)
        return str(cuda.compile_ptx(kernel, signature(launch), cc=capability)[0])

    return ptx


@cache
def module_for(text: str, capability: tuple[int, int]) -> ModuleType:
    """The module with kernels left as functions; device functions are compiled once per capability."""
    module = ModuleType("k_text")
    assert text.startswith(HEADERS["cuda"])
    plain = text.replace("kernel = cuda.jit\n", "kernel = lambda f: f\n", 1)
    exec(compile(plain, "<k_text>", "exec"), module.__dict__)
    return module


def signature(launch: Launch) -> tuple[Any, ...]:
    from numba import types
    from numba.np.numpy_support import from_dtype

    def one(name: str, array: bool) -> Any:
        scalar = from_dtype(name if name != "bool" else "bool_")
        return types.Array(scalar, 1, "C") if array else scalar

    import numpy as np

    return tuple(
        types.Array(from_dtype(np.dtype(name)), 1, "C") if array else from_dtype(np.dtype(name)) for name, array in launch.types
    )


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


compiled: dict[str, set[tuple[int, int]]] = defaultdict(set)


@pytest.mark.parametrize("nulls", [False, True], ids=["no nulls", "nulls"])
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_compiles(case: Case, nulls: bool, compiler: Callable[[Launch, tuple[int, int]], str]) -> None:
    for launch in recorded(case, nulls)[0]:
        for capability in ARCHITECTURES[nulls]:
            ptx = compiled_ptx(compiler, launch, capability)
            assert f".target sm_{capability[0]}{capability[1]}" in ptx
            assert ptx.count(".entry") == 1


_ptx: dict[tuple[Launch, tuple[int, int]], str] = {}


def compiled_ptx(compiler: Callable[[Launch, tuple[int, int]], str], launch: Launch, capability: tuple[int, int]) -> str:
    if (launch, capability) not in _ptx:
        _ptx[launch, capability] = compiler(launch, capability)
    return _ptx[launch, capability]
