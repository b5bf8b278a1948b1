"""The parts of ``make gpu-check`` rehearsed on NumPy arrays and the CPU target; their kernels compiled to PTX."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks.gpu.bench import Bench
from benchmarks.gpu.part import WHERE, run
from benchmarks.gpu.processes import outcome
from benchmarks.gpu.schedule import Deadline, rows_that_fit
from tests.support.host_device import Clock, HostDevice


@pytest.mark.parametrize(
    ("wanted", "width", "free", "rows"),
    [
        (10**9, 20, 140 << 30, 10**9),
        (10**9, 20, 8 << 30, 10**8),
        (10**9, 20, 16 << 30, 2 * 10**8),
        (10**9, 20, 40 << 30, 5 * 10**8),
        (10**6, 20, 140 << 30, 10**6),
        (10**9, 20, 40, 0),
    ],
)
def test_rows_are_chosen_from_the_free_memory(wanted: int, width: int, free: int, rows: int) -> None:
    assert rows_that_fit(wanted, width, free) == rows
    assert rows * width <= 0.4 * free
    bench = Bench(HostDevice(free), Deadline(10, Clock()), lambda record: None)
    assert bench.rows(wanted, width) == rows
    assert Bench(HostDevice(free), Deadline(10, Clock()), lambda record: None, rows=77).rows(wanted, width) == 77


# -- measuring --------------------------------------------------------------------------------------------------------
def bench_of(records: list[dict[str, Any]], clock: Callable[[], float] = time.perf_counter, **more: Any) -> Bench:
    bench = Bench(HostDevice(), Deadline(60, clock), records.append, clock=clock, **more)
    bench.copy = 1e9
    return bench


def test_a_measurement_is_a_fraction_of_copy_beside_its_peers() -> None:
    records: list[dict[str, Any]] = []
    clock = Clock()

    def taking(seconds: float) -> Callable[[], int]:
        def work() -> int:
            clock.now += seconds
            return 42

        return work

    def broken(module: Any) -> Any:
        raise MemoryError("no room")

    bench = bench_of(records, clock, peers={"cupy": np, "torch": None})
    peers = {"cupy": lambda module: taking(3.0), "torch": broken, "cudf": broken}
    bench.measure("w", 10, taking(0.5), lambda result: result * 10**7, lambda result: result == 42, peers, target=0.9)
    (record,) = outcome([*records, {"kind": "end"}], 0, "")["rows"]
    assert record["median"] == 0.5
    assert record["of_copy"] == pytest.approx(0.84)
    assert record["right"] is True
    assert record["peers"] == {"cupy": {"median": 3.0, "ratio": 6.0}, "torch": {"error": "MemoryError: no room"}}


def test_slow_peers_take_no_more_than_their_share() -> None:
    records: list[dict[str, Any]] = []
    clock = Clock()

    def slow() -> None:
        clock.now += 26

    bench = bench_of(records, clock, peers={"cupy": np, "torch": None})
    peers = {name: lambda module: slow for name in ("cupy", "torch")}
    bench.measure("w", 1, lambda: setattr(clock, "now", clock.now + 0.01), 8, lambda result: True, peers)
    assert [r.get("error") for r in records if r["kind"] == "peer"] == [None, "out of time"]
    stopped = outcome(records[:3], None, "")
    assert (stopped["status"], stopped["notes"]) == ("ok", ["stopped when its time was up, while cupy ran: w"])
    assert outcome(records[:1], None, "")["why"] == "did not end in its time, and was stopped in w"


def test_wrong_answers_and_errors_are_recorded() -> None:
    records: list[dict[str, Any]] = []
    bench = bench_of(records)
    bench.measure("wrong", 1, lambda: 1, 8, lambda result: False)
    bench.measure("unchecked", 1, lambda: 1, 8, lambda result: 1 / 0 > 0)
    bench.measure("raises", 1, lambda: 1 / 0, 8, lambda result: True)
    work = [r for r in records if r["kind"] == "work"]
    assert [r["right"] for r in work] == [False, False, False]
    assert "ZeroDivisionError" in work[1]["why"]
    assert "ZeroDivisionError" in work[2]["error"]
    found = outcome([*records, {"kind": "end"}], 0, "")
    assert (found["status"], found["why"]) == ("failed", "wrong or failing: wrong, unchecked, raises")


def test_nothing_is_begun_when_time_is_up() -> None:
    records: list[dict[str, Any]] = []
    clock = Clock()
    bench = bench_of(records, clock)
    clock.now += 59.5
    assert bench.measure("late", 1, lambda: 1, 8, lambda result: True) is None
    assert records == [{"kind": "note", "text": "late: not run: out of time"}]


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in WHERE if n != "micro"])
def test_every_part_gives_right_answers(name: str) -> None:
    records: list[dict[str, Any]] = []
    rows = 60_000 if name != "G4" else 50_000
    run(name, records.append, 600, rows, True, HostDevice(), {"cupy": np, "cudf": pd})
    assert records[-1] == {"kind": "end"}
    work = [r for r in records if r["kind"] in ("work", "micro")]
    assert work
    assert [r for r in work if not r["right"]] == []
    found = outcome(records, 0, "")
    assert found["status"] == "ok", found
    compared = [(row["name"], peer, result) for row in found["rows"] for peer, result in row.get("peers", {}).items()]
    assert bool(compared) is (name != "G8")
    for case, peer, result in compared:
        lacking = name == "G7" or (peer == "cupy" and "far apart" in case)
        assert ("error" if lacking else "ratio") in result, (case, peer, result)


def test_a_wrong_group_is_found() -> None:
    from benchmarks.gpu.groups import matches

    bench = bench_of([])
    keys, value = np.array([0, 1, 1, 3]), np.array([1.0, 2.0, 3.0, 4.0])
    good = {"key": np.array([1, 0, 3]), "n": np.array([2, 1, 1]), "total": np.array([5.0, 1.0, 4.0])}
    assert matches(bench, good, good["key"], keys, value)
    for bad in (
        good | {"n": np.array([1, 1, 1])},
        good | {"total": np.array([5.0, 1.0, 4.1])},
        {k: v[:2] for k, v in good.items()},
        good | {"key": np.array([1, 0, 0]), "total": np.array([5.0, 1.0, 1.0])},
    ):
        assert not matches(bench, bad, bad["key"], keys, value)


# -- micro-benchmarks -------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def micro() -> tuple[HostDevice, list[dict[str, Any]]]:
    device, records = HostDevice(), []
    run("micro", records.append, 600, None, False, device, {})
    return device, records


def test_micro_benchmarks_cover_what_kernels_are_planned_by(micro: tuple[HostDevice, list[dict[str, Any]]]) -> None:
    device, records = micro
    assert [r for r in records if "error" in r] == []
    names = {r["name"] for r in records if r["kind"] == "micro"}
    assert names == {
        "copy", "loads in flight", "random gather", "atomics, add_int64", "atomics, add_float64", "atomics, cas_int64",
        "atomics, shared_32", "atomics, shared_64", "launch, back to back",
    }  # fmt: skip
    notes = [r["text"] for r in records if r["kind"] == "note"]
    assert "gather from 8 GiB: not run: not enough free memory" in notes
    # nothing was run, and nothing of it passes for right
    assert not any(r["right"] for r in records if r["kind"] == "micro" and r["name"].startswith(("loads", "random", "atomics")))
    assert len({kernel for kernel, _ in device.launched}) == 19


@pytest.mark.slow
def test_micro_benchmark_kernels_compile(micro: tuple[HostDevice, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch) -> None:
    from numba import cuda, types
    from numba.cuda import dispatcher
    from numba.np.numpy_support import from_dtype

    monkeypatch.setattr(dispatcher, "get_current_device", lambda: SimpleNamespace(compute_capability=(9, 0)))
    expected = {
        "add_int64": "add.u64", "add_float64": "add.f64", "cas_int64": "cas.b64", "shared_32": "shared.add.u32",
        "pairs_1": "ld.global.cs.v2", "gather": "ld.global",
    }  # fmt: skip
    for kernel, arguments in micro[0].launched:
        scalars = [from_dtype(np.dtype(name)) for name, _ in arguments]
        signature = tuple(types.Array(s, 1, "C") if ndim else s for s, (_, ndim) in zip(scalars, arguments, strict=True))
        ptx, _ = cuda.compile_ptx(kernel.py_func, signature, cc=(9, 0))
        assert ptx.count(".entry") == 1
        assert expected.get(kernel.py_func.__name__, "ret;") in ptx, kernel.py_func.__name__
