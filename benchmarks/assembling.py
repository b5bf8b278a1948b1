"""Compile the text of a GPU kernel to machine code without a device: Numba to PTX, ptxas to a cubin, nvdisasm to SASS.

ptxas and nvdisasm come from the wheels ``nvidia-cuda-nvcc`` and ``nvidia-cuda-nvdisasm``, of the minor version of the NVVM
wheel that Numba compiles with.
"""

from __future__ import annotations

import ast
import gc
import importlib.util
import re
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

Architecture = tuple[int, int]
ARCHITECTURES: tuple[Architecture, ...] = ((7, 5), (8, 0), (9, 0), (10, 0))


class MissingToolError(RuntimeError):
    """ptxas or nvdisasm is not installed, or not in the version that is needed."""


@dataclass(frozen=True)
class Kernel:
    """One kernel as it is launched.

    Attributes
    ----------
    text : str
        Its module.
    name : str
    types : tuple of (str, bool)
        Of each argument the NumPy type, and whether it is an array of that.
    """

    text: str
    name: str
    types: tuple[tuple[str, bool], ...]

    @property
    def function(self) -> ast.FunctionDef:
        """The function definition in the text."""
        functions = [n for n in tree(self.text).body if isinstance(n, ast.FunctionDef) and n.name == self.name]
        assert len(functions) == 1, f"{len(functions)} functions are called {self.name}"
        return functions[0]


@dataclass(frozen=True)
class Assembled:
    """A kernel's machine code: the report of ptxas, and its instructions line by line as nvdisasm prints them.

    `symbols` names the functions in it by their addresses.
    """

    report: str
    lines: tuple[str, ...]
    symbols: tuple[tuple[int, str], ...]


@cache
def tree(text: str) -> ast.Module:
    """Parse the text of a module."""
    return ast.parse(text)


# -- PTX --------------------------------------------------------------------------------------------------------------
@cache
def _module(text: str) -> ModuleType:
    module = ModuleType("k_text")
    text = text.replace("cuda.jit(cache=True)", "cuda.jit")  # Numba caches on disk only functions that have a file
    exec(compile(text, "<k_text>", "exec"), module.__dict__)
    return module


def signature(kernel: Kernel) -> tuple[Any, ...]:
    """Return Numba's types of the arguments; arrays that the text makes itself are passed as addresses."""
    from numba import types
    from numba.np.numpy_support import from_dtype

    def array_of(item: Any) -> Any:
        return types.uint64 if "view_" in kernel.text else types.Array(item, 1, "C")

    items = [(from_dtype(np.dtype(name)), array) for name, array in kernel.types]
    return tuple(array_of(item) if array else item for item, array in items)


Compile = Callable[[Kernel, Sequence[Architecture]], dict[Architecture, str]]


@contextmanager
def ptx_compiler() -> Iterator[Compile]:
    """Yield a function that compiles a kernel to PTX for each architecture, without a driver.

    Numba's front end, which takes most of the time, runs once for all architectures.
    """
    from numba import cuda
    from numba.cuda import codegen, dispatcher

    library = codegen.CUDACodeLibrary
    name = "get_asm_strs" if hasattr(library, "get_asm_strs") else "get_asm_str"
    original, current_device = getattr(library, name), dispatcher.get_current_device
    seen: list[Any] = []

    def remembering(this: Any, cc: Any = None) -> Any:
        seen[:] = [this]
        return original(this, cc=cc)

    def compiled(kernel: Kernel, architectures: Sequence[Architecture]) -> dict[Architecture, str]:
        function = getattr(_module(kernel.text), kernel.name)
        options = {k: v for k, v in function.targetoptions.items() if k in ("fastmath", "launch_bounds") and v}
        cuda.compile_ptx(function.py_func, signature(kernel), cc=architectures[0], **options)
        return {cc: _shortened(seen[0].get_asm_str(cc=cc), kernel.name) for cc in architectures}

    setattr(library, name, remembering)
    dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=ARCHITECTURES[0])
    collecting = gc.isenabled()
    gc.disable()  # the compiler makes many small objects that live long, and collecting garbage takes a fifth of its time
    try:
        yield compiled
    finally:
        setattr(library, name, original)
        dispatcher.get_current_device = current_device
        if collecting:
            gc.enable()


def _shortened(ptx: str, name: str) -> str:
    """Replace the mangled name of the kernel, which contains all its types, by its own."""
    entries = re.findall(r"\.entry\s+(\w+)", ptx)
    assert len(entries) == 1, f"{len(entries)} entries"
    ptx = ptx.replace(entries[0], name)
    for k, environment in enumerate(sorted(set(re.findall(r"_ZN08NumbaEnv\w+", ptx)), key=len, reverse=True)):
        ptx = ptx.replace(environment, f"environment_{k}")
    return ptx


# -- tools ------------------------------------------------------------------------------------------------------------
WHEELS = {"ptxas": "nvidia-cuda-nvcc", "nvdisasm": "nvidia-cuda-nvdisasm"}
NVVM = "nvidia-nvvm"


@cache
def tool(name: str) -> str:
    """Return the path of ptxas or nvdisasm, from its wheel or else from a CUDA toolkit on the path.

    Raises
    ------
    MissingToolError
        When there is none, or the wheel's minor version is not that of the NVVM wheel.
    """
    wheel, minor = WHEELS[name], _minor(NVVM)
    pinned = f"{wheel}=={minor}.*" if minor else wheel
    for folder in _wheels():
        paths = sorted(Path(folder).glob(f"*/bin/{name}"))
        if paths:
            if minor and _minor(wheel) not in (None, minor):
                raise MissingToolError(f"{name} is of CUDA {_minor(wheel)}, NVVM of {minor}: pip install '{pinned}'")
            return str(paths[0])
    on_path = shutil.which(name)
    if on_path is None:
        raise MissingToolError(f"{name} is not installed: pip install '{pinned}' (the minor version of {NVVM})")
    return on_path


def _wheels() -> list[str]:
    """Return the folders that NVIDIA's wheels share."""
    spec = importlib.util.find_spec("nvidia")
    return list(spec.submodule_search_locations or ()) if spec else []


def _minor(package: str) -> str | None:
    try:
        return ".".join(version(package).split(".")[:2])
    except PackageNotFoundError:
        return None


@cache
def versions() -> tuple[str, ...]:
    """Return the versions that machine code depends on besides the text of a kernel."""
    parts = []
    for package in ("numba-cuda", "numba", "llvmlite", "numpy", NVVM, *WHEELS.values()):
        try:
            parts.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            parts.append(f"{package} none")
    return tuple(parts)


def sm(architecture: Architecture) -> str:
    return f"sm_{architecture[0]}{architecture[1]}"


def _run(*command: str) -> tuple[str, str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} failed ({done.returncode}): {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout, done.stderr


def assemble(texts: Iterable[str], architecture: Architecture) -> list[Assembled]:
    """Assemble several PTX texts. nvdisasm takes half a second to start, so one process disassembles all."""
    ptxas, nvdisasm = tool("ptxas"), tool("nvdisasm")
    reports, code, starts, symbols = [], bytearray(), [], []
    with tempfile.TemporaryDirectory() as folder:
        source, cubin, raw = (Path(folder) / name for name in ("k.ptx", "k.cubin", "all.bin"))
        for text in texts:
            source.write_text(text)
            reports.append(_run(ptxas, "-v", f"-arch={sm(architecture)}", "-o", str(cubin), str(source))[1])
            part, named = _code(cubin.read_bytes())
            starts.append(len(code))
            symbols.append(named)
            code += part
        if not reports:
            return []
        raw.write_bytes(code)
        printed = _run(nvdisasm, "--binary", sm(architecture).replace("sm_", "SM"), str(raw))[0]
    lines: list[list[str]] = [[] for _ in starts]
    at = 0
    for line in printed.splitlines():
        match = _ADDRESS.match(line)
        if match:
            while at + 1 < len(starts) and int(match.group(1), 16) >= starts[at + 1]:
                at += 1
            lines[at].append(line.strip())
    return [
        Assembled(report, tuple(mine), tuple((start + offset, name) for offset, name in named))
        for report, mine, start, named in zip(reports, lines, starts, symbols, strict=True)
    ]


_ADDRESS = re.compile(r"\s*/\*([0-9a-f]{4,})\*/\s+\S")
_FUNCTION = 2


def _code(cubin: bytes) -> tuple[bytes, list[tuple[int, str]]]:
    """Return the instructions of a cubin (an ELF file), and the addresses and names of its functions."""
    (table,) = struct.unpack_from("<Q", cubin, 0x28)
    size, count, names_at = struct.unpack_from("<HHH", cubin, 0x3A)
    # name, type, flags, address, offset, size, link, info, alignment, entry size
    headers = [struct.unpack_from("<IIQQQQIIQQ", cubin, table + k * size) for k in range(count)]

    def string(section: int, offset: int) -> str:
        start = headers[section][4] + offset
        return cubin[start : cubin.index(b"\0", start)].decode()

    code, bases = bytearray(), {}
    for k, header in enumerate(headers):
        if string(names_at, header[0]).startswith(".text."):
            bases[k] = len(code)
            code += cubin[header[4] : header[4] + header[5]]
            code += bytes(-len(code) % 16)
    functions = []
    for header in headers:
        if string(names_at, header[0]) == ".symtab":
            for at in range(header[4], header[4] + header[5], header[9]):
                name, info, _, section, value, _ = struct.unpack_from("<IBBHQQ", cubin, at)
                if section in bases and info & 15 == _FUNCTION:
                    functions.append((bases[section] + value, string(header[6], name)))
    return bytes(code), sorted(functions)
