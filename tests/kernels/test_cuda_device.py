"""The CUDA target on a device gives what the CPU target gives, on more rows than a block has threads."""

from __future__ import annotations

import pytest
from gpuflow_kernels.binding import Bindings
from gpuflow_kernels.target import CPU, CUDA

from tests.support.cuda_cases import CASES, Case, check, data

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("nulls", [False, True], ids=["no nulls", "nulls"])
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_same_as_cpu(case: Case, nulls: bool) -> None:
    for rows, bindings in (
        (20_000, Bindings()),
        (3_000, Bindings(tiny=True)),
        (300, Bindings(constant_hash=True)),
        (0, Bindings()),
    ):
        chunk = data(rows, nulls, rows)
        check(case.run(CUDA, chunk, bindings), case.run(CPU, chunk, bindings))
