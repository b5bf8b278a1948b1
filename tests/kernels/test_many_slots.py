"""Aggregations of so many slots that not all threads of a block find room for them in its shared memory at once."""

from __future__ import annotations

from typing import Any

import gpuflow_kernels.functions.builtin  # noqa: F401
import numpy as np
import pytest
from gpuflow_kernels.algorithms.grouping import Grouper
from gpuflow_kernels.binding import Bindings
from gpuflow_kernels.body_source import Body
from gpuflow_kernels.codegen.cuda import reduce
from gpuflow_kernels.codegen.cuda.reduce import SHARED
from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.declare.aggregate import Aggregation, Slot
from gpuflow_kernels.dtypes import INT64
from gpuflow_kernels.errors import KernelCompileError
from gpuflow_kernels.ir.expressions import Agg, Ref
from gpuflow_kernels.ir.pipeline import Group, Pipeline
from gpuflow_kernels.target import CUDA, PYTHON, Target

from tests.cuda_model.runtime import cuda_model
from tests.support.cuda_cases import rows_of

ROWS = 80


def summing(slots: int, own: bool) -> Agg:
    """Slot ``k`` sums the values plus ``k``; by a combine of its own, or by that of the slots."""
    names, others = [f"a{k}" for k in range(slots)], [f"b{k}" for k in range(slots)]
    lift = Body(f"lift{slots}", ("x",), f"def lift{slots}(x):\n    return {', '.join(f'x + {k}' for k in range(slots))}")
    added = ", ".join(f"{a} + {b}" for a, b in zip(names, others, strict=True))
    head = f"def combine{slots}({', '.join([*names, *others])})"
    combine = Body(f"combine{slots}", (*names, *others), f"{head}:\n    return {added}") if own else None
    last = Body(f"last{slots}", tuple(names), f"def last{slots}({', '.join(names)}):\n    return {names[-1]}")
    made = tuple(Slot(INT64, 0, None if own else "add") for _ in names)
    declared = Aggregation(f"sums{slots}", made, lift, last, combine, None, lambda args: None, empty=0)
    return Agg(declared, (Ref(0, INT64),), INT64, made)


def sums(target: Target, aggs: tuple[Agg, ...], values: Any) -> list[tuple[Any, ...]]:
    grouper = Grouper(target, Pipeline((INT64,), (), Group((), aggs)))
    grouper.add(Chunk((Column(INT64, values),), len(values)), Bindings())
    return [row for chunk in grouper.results() for row in rows_of(chunk)]


@pytest.mark.parametrize("own", [False, True], ids=["by slot", "by a combine of its own"])
@pytest.mark.parametrize(("slots", "block"), [((48,), 32), ((49,), 32), ((3, 60), 32), ((49,), 256)], ids=str)
def test_threads_take_turns(slots: tuple[int, ...], block: int, own: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small block has as much less of shared memory here."""
    monkeypatch.setattr(reduce, "SHARED", SHARED * block // 256)
    values = np.random.default_rng(0).integers(-100, 100, ROWS)
    aggs = tuple(summing(n, own) for n in slots)
    with cuda_model(block=block) as device:
        found = sums(CUDA, aggs, values)
    assert found == sums(PYTHON, aggs, values)
    text = next(launch.text for launch in device.launches if launch.kernel == "run")
    assert ("while first < half:" in text) == (max(slots) > 48)


def test_slots_of_one_thread_that_do_not_fit_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reduce, "SHARED", 64)
    with cuda_model(block=32), pytest.raises(KernelCompileError, match=r"slots of an aggregation take 72 bytes"):
        sums(CUDA, (summing(9, False),), np.arange(3))
