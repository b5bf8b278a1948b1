"""Products of floats are rounded once and alike on every target: no compiler fuses them with the sum they enter."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
from gpuflow_kernels.binding import Bindings
from gpuflow_kernels.codegen import modules
from gpuflow_kernels.codegen.common.float_products import unfused
from gpuflow_kernels.declare.scalar import SCALARS
from gpuflow_kernels.declare.type_rules import always, numeric
from gpuflow_kernels.dtypes import FLOAT64
from gpuflow_kernels.ir.expressions import Const, Row
from gpuflow_kernels.ir.pipeline import Filter
from gpuflow_kernels.target import CPU

import gpuflow as gf
from benchmarks import assembling
from benchmarks.assembling import ARCHITECTURES, Kernel, assemble, ptx_compiler, sm
from gpuflow import col
from tests.cuda_model.runtime import cuda_model
from tests.support.cuda_cases import CASES, KEY, REAL, SINGLE, agg, call, data, grouping, writing
from tests.support.golden import Golden
from tests.support.launches import recorded
from tests.support.running import running

FUSED = re.compile(r"\b(?:fma\.rn|mad)\.f\d+|\bmul\.f(?:32|64)")
"""What PTX has of fused products, and of products that ptxas may still fuse."""
TARGETS = ("python", "cpu", "cuda")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("v = a * b", "v = rounded_product(a, b)"),
        ("v = (a + b * c) * d", "v = rounded_product(a + rounded_product(b, c), d)"),
        ("v = a * b * c - d", "v = rounded_product(rounded_product(a, b), c) - d"),
        ("if a * b - c > 0:\n    x = -a * 2.0", "if rounded_product(a, b) - c > 0:\n    x = rounded_product(-a, 2.0)"),
        ("x *= y + 1", "x = rounded_product(x, y + 1)"),
        ("def f(x):\n    x **= 3", "def f(x):\n    x = rounded_power(x, 3)"),
        ("v = (a - b) ** 2 / c", "v = rounded_power(a - b, 2) / c"),
        ("v = a ** b + a ** 0.5 + a ** 65", None),
        ("v = c[i * 2 + k] + uint64(i) * uint64(3) + 2 * cuda.threadIdx.x", None),
        ("v = c[i * 2] * w", "v = rounded_product(c[i * 2], w)"),
        ("v = f(a * b,\n      c * d)", "v = f(rounded_product(a, b),\n      rounded_product(c, d))"),
        ("def f(w):\n    h = uint64(3)\n    for k in range(4):\n        h = (h ^ w) * h * k\n    h *= 2", None),
        (
            "def f(w):\n    h = uint64(3)\n    h += w\n    h *= 2",
            "def f(w):\n    h = uint64(3)\n    h += w\n    h = rounded_product(h, 2)",
        ),
        ("h = int64(1)\na, h = f(h)\nv = h * h", "h = int64(1)\na, h = f(h)\nv = rounded_product(h, h)"),
        ("größe = ä * b", "größe = rounded_product(ä, b)"),
    ],
)
def test_texts(text: str, expected: str | None) -> None:
    assert unfused(text) == (expected or text)


# -- what compilers make of it ----------------------------------------------------------------------------------------
@pytest.fixture(scope="module", autouse=True)
def declared() -> Iterator[None]:
    """A user's function, forgotten afterwards."""
    before = dict(SCALARS)

    @gf.scalar(dtype=always(gf.Float64, numeric, argument=gf.Float64))
    def leftover(x, y, z):
        """What is left of a product, with powers and a loop."""
        total = x * y - z
        for k in range(3):
            total += x * k
        total *= 2.0
        if total > 1e300:
            return x**2 - y
        return total + x**3

    yield
    SCALARS.clear()
    SCALARS.update(before)


def rows() -> tuple[Row, ...]:
    """Rows in which a product enters a sum."""
    return (
        call("sub", call("mul", REAL, REAL), REAL),
        call("add", call("mul", SINGLE, SINGLE), SINGLE),
        call("leftover", REAL, REAL, REAL),
        call("sub", call("pow", REAL, Const(2.0, FLOAT64)), REAL),
    )


def cases() -> list[Golden]:
    keeping = Filter(call("gt", call("sub", call("mul", REAL, REAL), REAL), REAL))
    spread = tuple(agg(name, REAL) for name in ("mean", "var", "std"))
    return [
        Golden("rows", writing((keeping,), *rows())),
        Golden("reduced", grouping((keeping,), (), spread)),
        Golden("grouped", grouping((keeping,), (KEY,), (*spread, agg("sum", rows()[0])))),
    ]


def test_texts_of_kernels_have_no_plain_products() -> None:
    for case in (*CASES, *cases()):
        for kernel in recorded(case, False, 32).kernels:
            assert unfused(kernel.text) == kernel.text, f"{case.name}: {kernel.name}"


def test_ptx_has_no_fused_products() -> None:
    with ptx_compiler() as compiled:
        for case, name in zip(cases(), ("run", "fold", "run"), strict=True):
            kernel = next(k for k in recorded(case, False).kernels if k.name in (name, "match", "accumulate", "merge", "run"))
            for architecture, ptx in compiled(kernel, (ARCHITECTURES[0], ARCHITECTURES[-1])).items():
                assert not (wrong := FUSED.findall(ptx)), (case.name, kernel.name, sm(architecture), wrong)


def test_the_search_for_fused_products_can_fail() -> None:
    kernel = Kernel("from numba import cuda\n\n\n@cuda.jit\ndef run(rows, c0, o0):\n    o0[0] = c0[0] * c0[1] - c0[2]\n", "run",
                    (("int64", False), ("float64", True), ("float64", True)))  # fmt: skip
    with ptx_compiler() as compiled:
        for ptx in compiled(kernel, ARCHITECTURES).values():
            assert FUSED.findall(ptx)


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=sm)
def test_machine_code_has_no_fused_products(architecture: tuple[int, int]) -> None:
    """ptxas fuses by default, too. (Quotients are computed by fused steps, so rows with `/` are left out.)"""
    case = Golden("own", writing((), *rows()[:2], rows()[3]))
    (kernel,) = [k for k in recorded(case, False).kernels if k.name == "run"][:1]
    with ptx_compiler() as compiled:
        (made,) = assemble([compiled(kernel, (architecture,))[architecture]], architecture)
    names = {line.split()[1 if not line.split()[1].startswith("@") else 2].split(".")[0] for line in made.lines}
    assert {"DMUL", "FMUL", "DADD", "FADD"} <= names and not {"DFMA", "FFMA"} & names


def test_linking_fuses_no_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """nvJitLink decides anew what is fused where kernels reach it as LTO-IR."""
    from numba import cuda

    linker = pytest.importorskip("cuda.bindings.nvjitlink")
    case = Golden("own", writing((), *rows()))
    kernel = next(k for k in recorded(case, False).kernels if k.name == "run")
    function = getattr(assembling._module(kernel.text), kernel.name)
    monkeypatch.setattr("numba.cuda.dispatcher.get_current_device", lambda: SimpleNamespace(compute_capability=(9, 0)))
    signature = assembling.signature(kernel)
    code, _ = cuda.compile(function.py_func, signature, cc=(9, 0), device=False, abi="numba", output="ltoir")
    options = ["-arch=sm_90", "-lto", "-ptx"]
    handle = linker.create(len(options), options)
    linker.add_data(handle, linker.InputType.LTOIR, code, len(code), "kernel")
    linker.complete(handle)
    text = bytearray(linker.get_linked_ptx_size(handle))
    linker.get_linked_ptx(handle, text)
    assert b"mul.rn.f64" in text and not FUSED.findall(text.decode())


def test_cpus_have_no_fused_products(tmp_path: Path) -> None:
    """LLVM fuses where it is told that it may, and Numba tells it so under fastmath only."""
    modules.forget()
    with modules.using(str(tmp_path)):  # what comes from the disk cannot be looked at
        for case in cases():
            case.run(CPU, data(50, False, 1), Bindings())
        texts = [t for m in modules._modules.values() for t in m.run.inspect_asm().values()]
    assert any("mulsd" in text or "mulpd" in text or "fmul" in text for text in texts)
    assert not [f for text in texts for f in re.findall(r"\bvfn?m(?:add|sub)\w*|\bfn?m(?:add|sub)\b|\bfmla\b", text)]


@pytest.fixture
def without_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CUDA target runs in the interpreter."""
    monkeypatch.setattr("gpuflow.execute.dask.cuda_problem", lambda: None)


# -- answers ----------------------------------------------------------------------------------------------------------
def test_a_product_is_the_same_in_a_filter_as_in_a_column(without_device: None) -> None:
    """GPUs kept no row of these, for what rounding cuts off was left of the product."""
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=300), rng.normal(size=300)
    frame = gf.from_numpy({"x": x, "y": y, "z": x * y})
    for target in TARGETS:
        with cuda_model(), running(target=target):
            kept = frame.filter(col("x") * col("y") - col("z") == 0).collect()
        assert len(kept) == 300, target


SPECIAL = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.1,
    -0.1,
    0.3,
    5.5,
    -7.0,
    1e17,
    1e300,
    -1e300,
    1e-300,
    5e-324,
    math.inf,
    -math.inf,
    math.nan,
    2.0**53,
]


def remainders(dtype: Any) -> tuple[pl.DataFrame, pl.DataFrame]:
    rng = np.random.default_rng(3)
    x, y = (list(v) for v in zip(*((a, b) for a in SPECIAL for b in SPECIAL), strict=True))
    x += list(np.round(rng.uniform(-100, 100, 1000), 2))
    y += list(rng.choice([0.1, -0.25, 3.7, -0.01, 1e-3], 1000))
    with np.errstate(over="ignore"):
        data = pl.DataFrame({"x": pl.Series(x).cast(dtype), "y": pl.Series(y).cast(dtype)})
    return data, data.select(q=pl.col("x") // pl.col("y"), r=pl.col("x") % pl.col("y"))


@pytest.mark.parametrize("dtype", [pl.Float64, pl.Float32], ids=str)
def test_remainders(dtype: Any, without_device: None) -> None:
    """Polars' to the bit, but where rounding left the range from zero to the divisor: it has wrong signs there."""
    data, theirs = remainders(dtype)
    results = []
    for target in TARGETS:
        with cuda_model(), running(target=target):
            found = gf.from_polars(data).select(q=col("x") // col("y"), r=col("x") % col("y")).collect().to_polars()
        results.append(found)
        assert found.equals(results[0], null_equal=True), target
        assert found["q"].equals(theirs["q"])
    corrected = 0
    for x, y, r, polars in zip(data["x"], data["y"], results[0]["r"], theirs["r"], strict=True):
        if math.isnan(polars) or polars == 0 or ((polars < 0) == (y < 0) and abs(polars) < abs(y)):
            assert r == polars or (math.isnan(r) and math.isnan(polars)), (x, y)
            continue
        corrected += 1
        assert r == 0 or (r < 0) == (y < 0), (x, y, r)
        assert abs(r) <= abs(y), (x, y, r)
        if r != 0:
            exact = float(np.remainder(np.float64(x), np.float64(y)))
            assert r == (exact if dtype == pl.Float64 else float(np.float32(exact))), (x, y)
    assert corrected > 10
