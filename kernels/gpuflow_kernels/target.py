"""The three targets: their array modules, code generators and calls of kernels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from .codegen import modules
from .codegen.common.literals import abstracted
from .codegen.common.program import Generated
from .errors import ExecutionError, KernelCompileError
from .ir.pipeline import Pipeline, Shape


@dataclass(frozen=True, slots=True)
class Target:
    """Where kernels run: ``python`` (generated text uncompiled), ``cpu`` or ``cuda``."""

    name: str

    @property
    def xp(self) -> Any:
        """The array module: NumPy, or CuPy on the GPU."""
        if self.name != "cuda":
            return np
        from .primitives.cuda import runtime

        return runtime.device.xp

    def generate(self, pipeline: Pipeline, shape: Shape) -> Generated:
        """Generate the module of a pipeline, without loading or compiling it.

        Raises
        ------
        KernelCompileError
            When the pipeline has more levels than Python can read.
        """
        if self.name == "cuda":
            from .primitives.cuda import runtime

            shape = replace(shape, block=runtime.device.block)
        abstract, given = abstracted(pipeline)
        try:
            return _generate(abstract, shape, self.name).filled(given)
        except (RecursionError, IndentationError):
            raise KernelCompileError(
                "expressions, joins and filters are nested too deeply for one kernel; persist() a result on the way"
            ) from None

    def asarray(self, values: Any) -> Any:
        """Copy `values` to this target's memory, if they are not there."""
        if self.name == "cuda":
            from .primitives.cuda import runtime

            return runtime.asarray(values)
        return values.get() if hasattr(values, "get") and not isinstance(values, np.ndarray) else np.asarray(values)


@lru_cache(maxsize=4096)
def _generate(pipeline: Pipeline, shape: Shape, target: str) -> Generated:
    if target == "cuda":
        from .codegen.cuda import skeletons as skeletons_cuda

        return skeletons_cuda.generate(pipeline, shape)
    from .codegen.cpu import skeletons as skeletons_cpu

    return skeletons_cpu.generate(pipeline, shape, target)


PYTHON, CPU, CUDA = Target("python"), Target("cpu"), Target("cuda")
TARGETS = {t.name: t for t in (PYTHON, CPU, CUDA)}


def call(target: Target, generated: Generated, arguments: dict[str, Any]) -> int:
    """Run a CPU or PYTHON kernel with arguments by name; return its error number.

    Raises
    ------
    KernelCompileError
        When the kernel does not compile; the message names its file.
    """
    module = modules.load(generated.text, target.name)
    values = [arguments[name] for name in generated.params]
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
