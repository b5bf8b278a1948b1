"""The CUDA target, run without a device, gives what the PYTHON target gives."""

from __future__ import annotations

import pytest
from gpuflow_kernels.binding import Bindings
from gpuflow_kernels.target import CUDA, PYTHON

from tests.cuda_serial.cases import CASES, Case, check, data
from tests.cuda_serial.runtime import serial_cuda
from tests.cuda_serial.threads import OneByOne, Switching

HOSTILE = {
    "plain": Bindings(),
    "tiny": Bindings(tiny=True),
    "one hash": Bindings(constant_hash=True),
    "tiny, one hash": Bindings(tiny=True, constant_hash=True),
}


@pytest.mark.parametrize("nulls", [False, True], ids=["no nulls", "nulls"])
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_same_as_python(case: Case, nulls: bool) -> None:
    for seed, (rows, hostile) in enumerate([(70, "plain"), (40, "tiny"), (0, "plain"), (1, "tiny"), (25, "one hash")]):
        chunk, bindings = data(rows, nulls, seed), HOSTILE[hostile]
        expected = case.run(PYTHON, chunk, bindings)
        with serial_cuda(OneByOne(seed)):
            check(case.run(CUDA, chunk, bindings), expected)


CONTENDED = [c for c in CASES if c.name.startswith(("hash of", "packed", "number", "dense"))]


@pytest.mark.parametrize("case", CONTENDED, ids=lambda c: c.name)
def test_threads_that_meet(case: Case) -> None:
    chunk = data(24, True, 5)
    for seed, hostile in enumerate(("plain", "tiny", "tiny, one hash")):
        expected = case.run(PYTHON, chunk, HOSTILE[hostile])
        with serial_cuda(Switching(seed)):
            check(case.run(CUDA, chunk, HOSTILE[hostile]), expected)
