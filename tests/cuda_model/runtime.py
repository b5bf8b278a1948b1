"""The stand-in for `gpuflow_kernels.primitives.cuda.runtime.device`."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random
from threading import Lock
from types import ModuleType
from typing import Any

import numpy as np
from gpuflow_kernels.codegen import modules
from gpuflow_kernels.primitives.cuda import runtime

from .arrays import DeviceArray
from .device import MEETING, Cuda
from .faults import Fault
from .loading import load
from .memory import Cells, Guarded
from .numbers import NARROW
from .scheduler import Machine, meets

BUDGET = 400_000


class Launch:
    """One launch, as far as the compiler would see it: the module's text, the kernel, the types of its arguments."""

    def __init__(self, text: str, kernel: str, arguments: Sequence[Any]) -> None:
        self.text, self.kernel = text, kernel
        self.types = tuple((a.dtype.name, isinstance(a, np.ndarray)) for a in arguments)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Launch) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.text, self.kernel, self.types))


class ModelRuntime:
    """Runs kernels in the interpreter, and remembers every distinct launch."""

    xp = sys.modules[DeviceArray.__module__]

    def __init__(self, seed: int, block: int, multiprocessors: int, **options: Any) -> None:
        self.block, self.multiprocessors, self.options = block, multiprocessors, options
        self.random, self.cuda = Random(seed), Cuda()
        self.launches: dict[Launch, None] = {}
        self.steps = 0
        self._one_at_a_time = Lock()

    def load(self, name: str, text: str) -> ModuleType:
        return load(name, text, self.cuda)

    def launch(self, kernel: Any, blocks: int, arguments: Sequence[Any], threads: int | None = None) -> None:
        """Run `blocks` blocks of `threads` threads to their end."""
        threads = self.block if threads is None else threads
        name, names = kernel.__name__, kernel.__code__.co_varnames
        for a in arguments:
            if not isinstance(a, (DeviceArray, np.generic)):
                raise Fault("launch", name, (), f"is given a {type(a).__name__}, not a device array or a typed scalar")
        if len(arguments) != kernel.__code__.co_argcount:
            raise Fault("launch", name, (), f"takes {kernel.__code__.co_argcount} arguments, is given {len(arguments)}")
        if not 0 < blocks < 1 << 31 or not 0 < threads <= 1024 or threads % 32:
            raise Fault("launch", name, (), f"{blocks} blocks of {threads} threads: 1 or more of 32, 64 … 1024")
        hosts = [a.host if isinstance(a, DeviceArray) else a for a in arguments]
        self.launches[Launch(kernel.__globals__["TEXT"], name, hosts)] = None
        meeting = meets(kernel, MEETING)
        machine = Machine(kernel, int(blocks), int(threads), self.random, meeting, **self.options)
        with self._one_at_a_time:  # threads of the host share the device
            self.cuda.machine = machine
            machine.run(_guarded(machine, arguments, names))
            self.steps += machine.steps


def _guarded(machine: Machine, arguments: Sequence[Any], names: Sequence[str]) -> list[Any]:
    """The arguments as a kernel sees them; arrays that share memory share what is known of their elements."""
    roots: list[tuple[Any, int]] = []
    for a in arguments:
        roots.append(a.root() if isinstance(a, DeviceArray) else (None, 0))
    counts: dict[int, int] = {}
    for root, _ in roots:
        counts[id(root)] = counts.get(id(root), 0) + 1
    cells: dict[int, Cells] = {}
    made: list[Any] = []
    for a, name, (root, start) in zip(arguments, names, roots, strict=False):
        if not isinstance(a, DeviceArray):
            made.append(NARROW[a.dtype.name](int(a)) if a.dtype.name in NARROW else a)
            continue
        if a.host.ndim != 1 or not a.host.flags.c_contiguous:
            raise Fault("launch", machine.name, (), f"{name} is no contiguous array of one dimension")
        shared = cells.setdefault(id(root), {}) if counts[id(root)] > 1 else None
        made.append(Guarded(machine, name, a.host, a.known, shared, start))
    return made


@contextmanager
def cuda_model(
    seed: int = 0,
    relaxed: bool = False,
    block: int = 32,
    multiprocessors: int = 1,
    resident: int = 0,
    budget: int = BUDGET,
    access_switches: float = 0.0,
) -> Iterator[ModelRuntime]:
    """Within this block the CUDA target runs in the interpreter.

    Parameters
    ----------
    seed : int
        Chooses the schedule.
    relaxed : bool
        Whether stores to global memory are seen late and out of order.
    block, multiprocessors : int
        What `runtime.device` says of itself.
    resident : int
        Blocks that run at a time; 0 draws 2 to 4 for each launch.
    budget : int
        Steps after which a launch is taken to hang.
    access_switches : float
        The probability of a switch of threads before a plain access to global memory.
    """
    saved = runtime.device, modules.LOADERS["cuda"], modules._modules
    stand_in = ModelRuntime(
        seed, block, multiprocessors, relaxed=relaxed, resident=resident, budget=budget, access_switches=access_switches
    )
    runtime.device, modules.LOADERS["cuda"], modules._modules = stand_in, stand_in.load, OrderedDict()
    try:
        yield stand_in
    finally:
        runtime.device, modules.LOADERS["cuda"], modules._modules = saved
