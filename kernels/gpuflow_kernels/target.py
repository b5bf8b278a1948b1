"""The three targets: their array modules, code generators and calls of kernels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from .codegen import modules
from .codegen.common.arguments import Arguments
from .codegen.common.literals import abstracted
from .codegen.common.program import Generated
from .column import Column
from .errors import ExecutionError, KernelCompileError
from .ir.pipeline import Pipeline, Shape


class Target:
    """Where kernels run: ``python`` (generated text uncompiled) or ``cpu``; `CudaTarget` for ``cuda``.

    `xp` is the array module: NumPy, or CuPy on the GPU.
    """

    xp: Any = np

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"Target({self.name!r})"

    def __reduce__(self) -> str:
        return self.name.upper()

    def generate(self, pipeline: Pipeline, shape: Shape) -> Generated:
        """Generate the module of a pipeline, without loading or compiling it.

        Raises
        ------
        KernelCompileError
            When the pipeline has more levels than Python can read.
        """
        abstract, values = abstracted(pipeline)
        try:
            return _generate(abstract, shape, self.name).filled(values)
        except (RecursionError, IndentationError):
            raise KernelCompileError(
                "expressions, joins and filters are nested too deeply for one kernel; persist() a result on the way"
            ) from None

    def asarray(self, values: Any) -> Any:
        """`values` in this target's memory."""
        if type(values) is np.ndarray:
            return values
        return values.get() if hasattr(values, "get") and not isinstance(values, np.ndarray) else np.asarray(values)

    def moved(self, columns: Iterable[Column]) -> tuple[Column, ...]:
        """The columns in this target's memory; those that are there already are passed on."""
        return tuple([self._moved(column) for column in columns])

    def _moved(self, column: Column) -> Column:
        values = self.asarray(column.values)
        if values is column.values:
            return column
        validity = None if column.validity is None else self.asarray(column.validity)
        return Column(column.dtype, values, validity, column.dictionary, column.facts)


class CudaTarget(Target):
    """The GPU of this process, or its model."""

    @property
    def xp(self) -> Any:  # type: ignore[override]
        return _runtime().device.xp

    def generate(self, pipeline: Pipeline, shape: Shape) -> Generated:
        return super().generate(pipeline, replace(shape, block=_runtime().device.block))

    def asarray(self, values: Any) -> Any:
        return _runtime().asarray(values)


def _runtime() -> Any:
    from .primitives.cuda import runtime

    return runtime


@lru_cache(maxsize=4096)
def _generate(pipeline: Pipeline, shape: Shape, target: str) -> Generated:
    if target == "cuda":
        from .codegen.cuda import skeletons as skeletons_cuda

        return skeletons_cuda.generate(pipeline, shape)
    from .codegen.cpu import skeletons as skeletons_cpu

    return skeletons_cpu.generate(pipeline, shape, target)


PYTHON, CPU, CUDA = Target("python"), Target("cpu"), CudaTarget("cuda")
TARGETS = {t.name: t for t in (PYTHON, CPU, CUDA)}


def call(target: Target, generated: Generated, arguments: Arguments) -> int:
    """Run a CPU or PYTHON kernel; return its error number.

    Raises
    ------
    KernelCompileError
        When the kernel does not compile; the message names its file.
    """
    module = modules.load(generated.text, target.name)
    values = [arguments[argument] for argument in generated.params]
    if target.name == "python":
        with np.errstate(all="ignore"):
            return int(module.run(*values))
    try:
        return int(module.run(*values))
    except Exception as e:
        if type(e).__module__.startswith("numba"):
            raise KernelCompileError(f"generated kernel {module.__file__} did not compile: {e}") from e
        raise


def error_text(generated: Generated, code: int) -> str:
    """Return the message for a kernel's error number."""
    if not 1 <= code <= len(generated.checks):
        raise ExecutionError(f"kernel reported unknown error {code}")
    return generated.checks[code - 1]


def word_of(value: Any, register: str) -> Any:
    """Convert a literal to the typed scalar that kernels take."""
    return np.dtype("bool" if register == "bool_" else register).type(value)
