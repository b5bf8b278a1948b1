"""The CUDA target, run without a device, gives what the PYTHON target gives."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from gpuflow_kernels import filtering
from gpuflow_kernels.binding import Bindings
from gpuflow_kernels.codegen.pipeline import Group, Pipeline, Write
from gpuflow_kernels.errors import ArithmeticOverflowError
from gpuflow_kernels.grouping import Grouper
from gpuflow_kernels.primitives.cuda import hash_table
from gpuflow_kernels.rowtree import Row
from gpuflow_kernels.target import CUDA, PYTHON

from tests.cuda_serial.cases import CASES, KEY, TYPES, WIDE, WORD, Case, agg, call, check, data
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


CLAIM = "held = cuda.atomic.cas(slots, s, -1, mine)"
TORN = "cuda.atomic.add(taken, 0, 0)\n                    slots[s] = mine"


def test_a_claim_that_is_no_swap_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The schedule of `test_threads_that_meet` tells a compare-and-swap from a look, another's turn, and a store."""
    text = hash_table.table_text(1, True)
    assert text.count(CLAIM) == 1
    case, chunk = next(c for c in CASES if c.name == "hash of one word"), data(24, False, 5)
    expected = case.run(PYTHON, chunk, HOSTILE["one hash"])
    monkeypatch.setattr(hash_table, "table_text", lambda words, constant: text.replace(CLAIM, TORN))
    found = 0
    for seed in range(5):
        with serial_cuda(Switching(seed)), suppress(Exception):
            try:
                check(case.run(CUDA, chunk, HOSTILE["one hash"]), expected)
            except AssertionError:
                found += 1
    assert found >= 4


@pytest.mark.parametrize("keys", [(), (KEY,), (WIDE, WORD)], ids=["reduce", "dense", "hash"])
def test_overflow_raises(keys: tuple[Row, ...]) -> None:
    chunk = data(50, True, 1)
    sink = Group(keys, (agg("sum", call("mul", call("mul", WIDE, WIDE), KEY)),))
    with serial_cuda(OneByOne(0)):
        with pytest.raises(ArithmeticOverflowError, match="mul does not fit int64"):
            Grouper(CUDA, Pipeline(TYPES, (), sink)).add(chunk, Bindings())
        with pytest.raises(ArithmeticOverflowError, match="mul does not fit int64"):
            filtering.write(CUDA, Pipeline(TYPES, (), Write((call("mul", WIDE, WIDE),))), chunk, Bindings())
        with pytest.raises(ArithmeticOverflowError, match="mul does not fit int64"):
            Grouper(CUDA, Pipeline(TYPES, (), Group((call("mul", WIDE, WIDE),), (), number=True))).add(chunk, Bindings())


def test_kernels_take_no_host_array() -> None:
    with serial_cuda(OneByOne(0)) as device, pytest.raises(AssertionError, match="is given a"):
        device.launch(lambda a: None, 1, [np.zeros(1)])
