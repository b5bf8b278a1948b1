"""A body has one meaning: compiled for CPUs it gives what it gives uncompiled, and it compiles for GPUs."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np
import pytest
from gpuflow_kernels import rowmath
from gpuflow_kernels.codegen.common.module_source import HEADERS
from gpuflow_kernels.dtypes import BOOL, BY_NAME
from gpuflow_kernels.rowmath import NAMES, prelude

from .batch import ZONE, Batch, Unit, batches, module_text, units
from .values import domain

ROWS = 40
HEADS = {target: HEADERS[target].replace(", cache=True", "") + "\n" for target in ("cpu", "cuda")}
STORED = {"bool_": "bool", "int64": "int64", "uint64": "uint64", "uint8": "uint8", "float32": "float32", "float64": "float64"}


@pytest.fixture(scope="module")
def made() -> list[Batch]:
    return batches(units())


def load(target: str, made: list[Batch], folder: Path) -> ModuleType:
    path = folder / f"batch_{target}.py"
    path.write_text(HEADS[target] + module_text(target, made))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def arguments(batch: Batch, small: bool) -> dict[tuple[str, int], np.ndarray[Any, Any]]:
    """Hostile values for every input, those of one type in another order for each position."""
    columns = {}
    for register, position in batch.inputs:
        values = domain(BOOL if register == "bool_" else BY_NAME[register])
        if small:
            values = [v for v in values if 0 <= v <= 2**32]
        picked = np.random.default_rng(position).permutation(np.arange(ROWS) % len(values))
        with np.errstate(all="ignore"):
            columns[register, position] = np.array(values, dtype=STORED[register])[picked]
    return columns


def close(ours: Any, theirs: Any, register: str) -> bool:
    a, b = float(ours), float(theirs)
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return a == b or math.isclose(a, b, rel_tol=1e-12 if register == "float64" else 1e-5, abs_tol=1e-300)


@pytest.mark.slow
def test_compiled_equals_uncompiled(made: list[Batch], tmp_path: Path) -> None:
    module = load("cpu", made, tmp_path)
    wrong = []
    for batch in made:
        run = module.kernel(getattr(module, batch.name))
        for small in (False, True):
            inputs = arguments(batch, small)
            sizes = {o: 1 + max(row for _, where in batch.places for t, row in where if t == o) for o in batch.outputs}
            outputs = {o: np.zeros((size, ROWS), STORED[o]) for o, size in sizes.items()}
            run(ROWS, ZONE, *(inputs[k] for k in batch.inputs), *(outputs[o] for o in batch.outputs))
            for unit, where in batch.places:
                if small or not unit.small:
                    columns = [inputs[a, k] for k, a in enumerate(unit.args)]
                    wrong += differences(unit, columns, [(register, outputs[register][row]) for register, row in where])
    assert not wrong, "\n".join(map(str, wrong[:20]))


def differences(unit: Unit, columns: list[Any], compiled: list[tuple[str, Any]]) -> list[Any]:
    """Where the function, run uncompiled on the rows of `columns`, does not give `compiled`."""
    wrong = []
    for i in range(ROWS):
        with np.errstate(all="ignore"):
            results = unit.python(*(column[i] for column in columns))
            results = results if isinstance(results, tuple) else (results,)
            typed = [getattr(rowmath, register)(r) for r, (register, _) in zip(results, compiled, strict=True)]
        for ours, (register, theirs) in zip(typed, compiled, strict=True):
            if not (close(ours, theirs[i], register) if "float" in register else ours == theirs[i]):
                wrong.append((unit.label, [c[i] for c in columns], ours, theirs[i]))
    return wrong


class Device:
    compute_capability = (8, 0)


@pytest.mark.slow
def test_all_bodies_compile_for_cuda(made: list[Batch], tmp_path: Path) -> None:
    from numba import cuda, types

    module = load("cuda", made, tmp_path)
    kinds = {"bool_": types.boolean, **{n: getattr(types, n) for n in ("int64", "uint64", "uint8", "float32", "float64")}}
    with mock.patch("numba.cuda.dispatcher.get_current_device", return_value=Device()):
        for batch in made:
            inputs = [types.Array(kinds[a], 1, "C") for a, _ in batch.inputs]
            outputs = [types.Array(kinds[o], 2, "C") for o in batch.outputs]
            text, _ = cuda.compile_ptx(getattr(module, batch.name), (types.int64, types.int64[::1], *inputs, *outputs), cc=(8, 0))
            assert ".visible .entry" in text or ".visible .func" in text


def test_prelude_is_the_same_in_any_order() -> None:
    for target in ("python", "cpu", "cuda"):
        names = sorted(NAMES)
        assert prelude(names, target) == prelude(reversed(names), target)
        assert prelude([], target) == ""


def test_prelude_defines_what_it_needs_and_no_more() -> None:
    text = prelude(["year_of_days"], "cpu")
    assert text.index("def civil_of_days") < text.index("def year_of_days")
    assert "log" not in text
