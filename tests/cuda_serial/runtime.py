"""The stand-in for `gpuflow_kernels.primitives.cuda.runtime.CudaRuntime`."""

from __future__ import annotations

import ast
import sys
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np
from gpuflow_kernels import rowmath
from gpuflow_kernels.codegen import modules
from gpuflow_kernels.primitives.cuda import runtime
from gpuflow_kernels.source import parse

from .arrays import DeviceArray
from .threads import Cuda, OneByOne, Switching


class Launch:
    """One launch, as far as the compiler would see it: the module's text, the kernel, the types of its arguments."""

    def __init__(self, text: str, kernel: str, arguments: Sequence[Any]) -> None:
        self.text, self.kernel = text, kernel
        self.types = tuple((a.dtype.name, isinstance(a, np.ndarray)) for a in arguments)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Launch) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.text, self.kernel, self.types))


class SerialRuntime:
    """Runs kernels as Python, and remembers every launch."""

    xp = sys.modules[DeviceArray.__module__]
    lanes, chunk = 64, 8

    def __init__(self, schedule: OneByOne | Switching) -> None:
        self.schedule = schedule
        self.cuda = Cuda(schedule.switch)
        self.launches: dict[Launch, None] = {}

    def load(self, name: str, text: str) -> ModuleType:
        """The module, its imports and intrinsics replaced by `rowmath`, its decorators by nothing."""
        lines = text.splitlines()
        for node in parse(text).body:
            if isinstance(node, (ast.Import, ast.ImportFrom, ast.Assign)):
                lines[node.lineno - 1 : node.end_lineno] = [""] * (node.end_lineno - node.lineno + 1)
        module = ModuleType(name)
        same = {"kernel": lambda f: f, "device": lambda f: f}
        module.__dict__.update({n: getattr(rowmath, n) for n in rowmath.NAMES} | same | {"cuda": self.cuda, "TEXT": text})
        exec(compile("\n".join(lines), f"<{name}>", "exec"), module.__dict__)
        return module

    def launch(self, kernel: Any, threads: int, arguments: Sequence[Any]) -> None:
        for a in arguments:
            assert isinstance(a, (DeviceArray, np.generic)), f"{kernel.__name__} is given a {type(a)}"
        arguments = [a.host if isinstance(a, DeviceArray) else a for a in arguments]
        self.launches[Launch(kernel.__globals__["TEXT"], kernel.__name__, arguments)] = None
        threads = -(-threads // 32) * 32  # a launch is made of whole blocks: kernels guard their index

        def body(thread: int) -> None:
            self.cuda.place(thread, threads)
            with np.errstate(all="ignore"):
                kernel(*arguments)

        self.schedule.run(threads, body)


@contextmanager
def serial_cuda(schedule: OneByOne | Switching) -> Iterator[SerialRuntime]:
    """Within this block the CUDA target runs without a device."""
    saved = runtime.device, modules.LOADERS["cuda"], modules._modules
    stand_in = SerialRuntime(schedule)
    runtime.device, modules.LOADERS["cuda"], modules._modules = stand_in, stand_in.load, OrderedDict()
    try:
        yield stand_in
    finally:
        runtime.device, modules.LOADERS["cuda"], modules._modules = saved
