"""The ladder that is climbed when device memory runs out: each rung, and queries on a device that refuses memory."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import dask
import numpy as np
import polars as pl
import pytest
from gpuflow_kernels.algorithms.grouping import Grouper
from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.dtypes import INT64
from gpuflow_kernels.errors import DeviceMemoryError
from gpuflow_kernels.primitives.cuda import memory as device_memory
from gpuflow_kernels.primitives.cuda import runtime
from gpuflow_kernels.primitives.cuda.memory import DEVICE

import gpuflow as gf
from gpuflow.arrow import dictionaries
from gpuflow.execute import memory, pipeline_tasks
from gpuflow.execute.memory import MemoryBudget, reserve, spill
from tests.cuda_model.arrays import DeviceArray
from tests.cuda_model.faults import Fault
from tests.cuda_model.runtime import cuda_model
from tests.support.running import assert_same, running
from tests.support.tables import POOLS, frame, seeded, widened


class OutOfMemoryError(MemoryError):
    """What CuPy raises."""

    __module__ = "cupy.cuda.memory"


def refusal(size: int) -> OutOfMemoryError:
    return OutOfMemoryError(f"Out of memory allocating {size:,} bytes (allocated so far: 0 bytes).")


def on_device(*values: int, validity: bool = False) -> Column:
    valid = DeviceArray(np.ones(len(values), bool)) if validity else None
    return Column(INT64, DeviceArray(np.array(values, np.int64)), valid)


class Attempting:
    """Work whose attempts are calls of a function."""

    def __init__(self, name: str, attempt: Callable[[MemoryBudget], Any], held: Callable[[], Iterable[Column]] = tuple) -> None:
        self.name, self.attempt, self.held = name, attempt, held


def with_retry(*work: Any) -> Any:
    """Run `Attempting` on the device's memory."""
    return memory.with_retry(DEVICE, Attempting(*work))


def rows(count: int) -> Chunk:
    return Chunk((on_device(*range(count)),), count)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the ladder does: ``free``, and ``park`` with the bytes moved."""
    found: list[Any] = []
    monkeypatch.setattr(runtime, "device", SimpleNamespace(free=lambda: found.append("free")))

    def spilling(where: Any, columns: Any) -> int:
        found.append(("park", moved := spill(where, columns)))
        return moved

    monkeypatch.setattr(memory, "spill", spilling)
    monkeypatch.setattr(memory, "FLOOR_ROWS", 4)
    return found


def refusing(log: list[Any], chunk: Chunk, refuses: Callable[[Chunk], bool]) -> Callable[[MemoryBudget], list[int]]:
    """An attempt that takes down the rows of each piece, starts anew each time, and has no room where `refuses` says so."""

    def attempt(budget: MemoryBudget) -> list[int]:
        seen: list[int] = []
        for piece, first in budget.pieces(chunk):
            log.append(piece.length)
            if refuses(piece):
                raise refusal(8000)
            seen += [first + k for k in range(piece.length)]
        return seen

    return attempt


def test_with_enough_memory_nothing_is_retried(log: list[Any]) -> None:
    assert with_retry("write", refusing(log, rows(10), lambda _: False)) == list(range(10))
    assert log == [10]


def test_first_everything_that_pools_hold_is_freed(log: list[Any]) -> None:
    assert with_retry("write", refusing(log, rows(10), lambda _: len(log) == 1)) == list(range(10))
    assert log == [10, "free", 10]


def test_then_rows_are_halved(log: list[Any]) -> None:
    assert with_retry("write", refusing(log, rows(100), lambda piece: piece.length > 32)) == list(range(100))
    assert log == [100, "free", 100, "free", 64, "free", 32, 32, 32, 4], "pieces begin at even places"
    log.clear()
    assert with_retry("write", refusing(log, rows(13), lambda piece: piece.length > 5)) == list(range(13))
    assert log == [13, "free", 13, "free", 7, "free", 4, 4, 4, 1]


def test_then_what_lies_on_the_device_is_moved_to_the_host(log: list[Any]) -> None:
    chunk, other, kept = rows(6), on_device(1, 2, validity=True), on_device(3)
    values = chunk.columns[0].values.host

    def parked(piece: Chunk) -> bool:
        return not isinstance(piece.columns[0].values, np.ndarray)

    with reserve([other]):
        assert with_retry("write", refusing(log, chunk, parked), lambda: [kept]) == list(range(6))
    assert log == [6, "free", 6, "free", 3, ("park", 6 * 8 + 2 * 9 + 8), "free", 3, 3]
    for column in (chunk.columns[0], other, kept):
        assert isinstance(column.values, np.ndarray)
    assert isinstance(other.validity, np.ndarray) and other.validity.all()
    assert np.array_equal(chunk.columns[0].values, values)


def test_what_was_made_since_is_moved_too(log: list[Any]) -> None:
    """A result of each piece stays; there is room for two of them on the device."""
    chunk, results, done = rows(12), [], [0]  # type: ignore[var-annotated]

    def attempt(budget: MemoryBudget) -> list[int]:
        for piece, first in budget.pieces(chunk, done[0]):
            if piece.length > 4 or sum(not isinstance(r.values, np.ndarray) for r in results) == 2:
                raise refusal(32)
            results.append(Column(INT64, DeviceArray(np.arange(first, first + piece.length))))
            done[0] = first + piece.length
        return [int(v) for r in results for v in (r.values if isinstance(r.values, np.ndarray) else r.values.host)]

    assert with_retry("write", attempt, lambda: results) == list(range(12)), "each row once, in order"
    assert [e for e in log if e != "free"] == [("park", 12 * 8 + 2 * 3 * 8)]


@pytest.mark.parametrize("limit", [None, 1_000_000])
def test_at_last_the_error_names_operator_bytes_and_setting(
    log: list[Any], limit: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_memory, "_configured", [("cupy", limit)])
    with pytest.raises(DeviceMemoryError) as caught:
        with_retry("group", refusing(log, rows(6), lambda _: True))
    assert isinstance(caught.value, MemoryError)
    told = str(caught.value)
    assert told.startswith("group: ") and "8,000 more bytes, needed for 3 of 6 rows" in told
    assert "gpuflow.partition-rows lower" in told
    assert ("gpuflow.memory-limit (1,000,000 bytes)" in told) == (limit is not None)
    assert log[-4:] == [("park", 48), "free", 3, ("park", 0)], "moved once, and then there is nothing left to move"
    assert caught.value.__context__ is None, "the reason's traceback would hold the arrays of what has failed"


def test_what_cannot_be_cut_is_tried_again_from_the_host(log: list[Any]) -> None:
    column = on_device(1, 2, 3)

    def attempt(budget: MemoryBudget) -> str:
        log.append("attempt")
        if not isinstance(column.values, np.ndarray):
            raise refusal(1)
        return "done"

    with reserve([column]):
        assert with_retry("sort", attempt) == "done"
    assert log == ["attempt", "free", "attempt", ("park", 24), "free", "attempt"]


def test_arrays_of_what_has_failed_are_gone_before_memory_is_freed(log: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    class Temporary:
        pass

    alive: list[weakref.ref[Temporary]] = []
    monkeypatch.setattr(runtime.device, "free", lambda: log.append([ref() is None for ref in alive]))

    def attempt(budget: MemoryBudget) -> int:
        temporary = Temporary()
        alive.append(weakref.ref(temporary))
        if len(alive) < 3:
            raise refusal(1)
        return len(alive)

    gc.disable()  # nothing may depend on its turn
    try:
        assert with_retry("write", refusing_rows(attempt)) == 3
    finally:
        gc.enable()
    assert log == [[True], [True, True]]


def refusing_rows(attempt: Callable[[MemoryBudget], Any]) -> Callable[[MemoryBudget], Any]:
    """`attempt` with rows to cut."""

    def with_rows(budget: MemoryBudget) -> Any:
        budget.rows = 8
        return attempt(budget)

    return with_rows


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (refusal(1), True),
        (MemoryError("std::bad_alloc: out_of_memory: RMM failure"), True),
        (type("CUDARuntimeError", (RuntimeError,), {"__module__": "cupy_backends.cuda.api.runtime", "status": 2})(), True),
        (type("CUDARuntimeError", (RuntimeError,), {"__module__": "cupy_backends.cuda.api.runtime", "status": 700})(), False),
        (DeviceMemoryError("climbed already"), False),
        (MemoryError(), False),
        (ValueError("std::bad_alloc"), False),
    ],
)
def test_which_errors_mean_that_the_device_is_full(error: Exception, expected: bool, log: list[Any]) -> None:
    assert DEVICE.exhausted(error) is expected

    def attempt(budget: MemoryBudget) -> None:
        raise error

    with pytest.raises(DeviceMemoryError if expected else type(error)):
        with_retry("write", attempt)
    assert bool(log) is expected


def test_the_hosts_own_want_of_memory_is_told_as_it_is(log: list[Any]) -> None:
    with pytest.raises(MemoryError, match="Unable to allocate") as caught:
        with_retry("write", lambda _: np.empty(1 << 60, np.uint8))
    assert not isinstance(caught.value, DeviceMemoryError) and log == []


def test_columns_of_other_tasks_stay_where_they_are() -> None:
    mine, shared = on_device(1), on_device(2)
    holding, done = threading.Event(), threading.Event()

    def other() -> None:
        with reserve([shared]):
            holding.set()
            assert done.wait(120)

    thread = threading.Thread(target=other)
    thread.start()
    assert holding.wait(120)
    with reserve([mine, shared]), reserve([mine]):
        assert spill(DEVICE, [mine, shared, mine]) == 8
        assert isinstance(mine.values, np.ndarray) and isinstance(shared.values, DeviceArray)
        done.set()
        thread.join(120)
        assert spill(DEVICE, [mine, shared]) == 8
    assert isinstance(shared.values, np.ndarray)
    assert not memory._users, "what no task uses is forgotten"


def test_known_ranges_stay_known_in_pieces(log: list[Any]) -> None:
    """Else each piece would choose a table of its own for its keys."""
    chunk, budget = rows(64), MemoryBudget()
    chunk.columns[0].facts.update(range=(0, 63), other=1)
    assert [piece for piece, _ in budget.pieces(chunk)] == [chunk]
    assert budget.halve() and budget.limit == 32
    assert [(p.columns[0].facts, len(p), first) for p, first in budget.pieces(chunk, 16)] == [
        ({"range": (0, 63)}, 32, 16),
        ({"range": (0, 63)}, 16, 48),
    ]


class Refusing:
    """An array module that has no memory for some of what it makes."""

    def __init__(self, module: Any) -> None:
        self._module = module
        self.calls = 0
        self.refuses: Callable[[int, int], bool] = lambda size, call: False
        self.refused: list[str] = []

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._module, name)
        if isinstance(function, type) or not callable(function) or name in ("asnumpy", "ndarray"):
            return function

        def call(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            size = int(getattr(result, "nbytes", 0))
            if name == "asarray" and args[0] is result:
                return result
            self.calls += 1
            if self.refuses(size, self.calls):
                self.refused.append(name)
                raise refusal(size)
            return result

        return call


QUERIES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "write": lambda x, t, u: t.filter(x.col("i") > 0).select("s", "i", r=x.col("x") * 2, z="x"),
    "map": lambda x, t, u: t.select("i", "s", r=x.col("j") + 1),
    "reduce": lambda x, t, u: t.select(a=x.col("i").sum(), b=x.col("x").min(), c=x.col("j").first(), n=x.len()),
    "group dense": lambda x, t, u: t.group_by("i").agg(a=x.col("j").sum(), b=x.col("y").max(), c=x.col("j").last(), n=x.len()),
    "group hash": lambda x, t, u: t.group_by("x", "s").agg(a=x.col("j").sum(), n=x.len()),
    "few groups, dense": lambda x, t, u: t.group_by("b").agg(a=x.col("j").sum(), c=x.col("y").max(), n=x.len()),
    "few groups, hash": lambda x, t, u: t.filter(x.col("i") == 1).group_by("x", "j").agg(a=x.col("y").max(), n=x.len()),
    "distinct": lambda x, t, u: t.select("s", "b").unique(),
    "join": lambda x, t, u: t.join(u.select("i", other=x.col("j")), on="i").select("i", "j", "other"),
    "sort": lambda x, t, u: t.sort("i", "j", "x").select("i", "j"),
}

ROWS = 60


@pytest.fixture
def refusing_device(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Refusing, list[Any]]]:
    """A device of the model whose array module can refuse, with what the ladder does."""
    done: list[Any] = []
    monkeypatch.setattr("gpuflow.execute.dask.cuda_problem", lambda: None)
    monkeypatch.setattr(memory, "FLOOR_ROWS", 8)

    def spilling(where: Any, columns: Any) -> int:
        done.append("park")
        return spill(where, columns)

    monkeypatch.setattr(memory, "spill", spilling)
    with cuda_model(0) as device:
        device.xp = Refusing(device.xp)  # type: ignore[assignment]
        monkeypatch.setattr(dictionaries, "array_module", lambda v: np if isinstance(v, np.ndarray) else device.xp)
        device.free = lambda: done.append("free")  # type: ignore[attr-defined]
        yield device.xp, done  # type: ignore[misc]


def ran(name: str) -> tuple[Any, Any]:
    """The result of a query, and what it is to be."""
    left, right = (seeded("".join(POOLS), n, n, "some") for n in (ROWS, 21))
    with running("cuda", "plain", 2, ROWS), dask.config.set({"gpuflow.threads": 1}):  # the model runs one launch at a time
        found = QUERIES[name](gf, frame(left), frame(right)).collect()
    return found, QUERIES[name](pl, widened(left).lazy(), widened(right).lazy()).collect()


@pytest.mark.slow
@pytest.mark.parametrize("name", QUERIES)
def test_answers_are_the_same_wherever_memory_runs_out_once(name: str, refusing_device: tuple[Refusing, list[Any]]) -> None:
    module, done = refusing_device
    ran(name)
    total = module.calls
    assert total > 3
    for k in range(1, total + 1, max(1, total // 8)):
        module.calls, module.refused, module.refuses = 0, [], lambda size, call, k=k: call == k
        done.clear()
        found, expected = ran(name)
        assert_same(found, expected, ordered=name in ("write", "map", "sort"), about=f"{name}, allocation {k} of {total}")
        assert len(module.refused) == 1 and done == ["free"]


@pytest.mark.parametrize("name", ["write", "map", "reduce", "few groups, dense", "few groups, hash"])
def test_answers_are_the_same_in_pieces(name: str, refusing_device: tuple[Refusing, list[Any]]) -> None:
    """No room for 30 rows of 8 bytes, as a partition has them. What is larger than any column is a table's own."""
    module, done = refusing_device
    module.refuses = lambda size, call: 150 < size < 600
    found, expected = ran(name)
    assert_same(found, expected, ordered=name in ("write", "map"), about=name)
    assert module.refused and done.count("free") > 2, "after the first time rows were halved"
    # All rows of a partition leave: there is no room for them in one piece either, and they are put together on the host.
    assert ("park" in done) == (name == "map")


def test_a_query_for_which_there_is_no_room_at_all_says_so(refusing_device: tuple[Refusing, list[Any]]) -> None:
    module, done = refusing_device
    module.refuses = lambda size, call: size > 16
    with pytest.raises(
        DeviceMemoryError, match=r"^write: the device's memory has no room for \d+ more bytes, needed for 8 of 30"
    ):
        ran("write")
    assert "park" in done


def test_parts_of_a_merge_are_put_together_in_the_end(refusing_device: tuple[Refusing, list[Any]]) -> None:
    """No room for a table of all keys by index. Each half of the rows has its own then, and putting the two results together
    would find no room again, and cut them in the same two."""
    module, done = refusing_device
    module.refuses = lambda size, call: 1100 < size < 2000
    rows = pl.DataFrame({"k": np.arange(3, 131), "v": np.arange(128) * 3})
    with running("cuda", "plain", 2, 128), dask.config.set({"gpuflow.threads": 1}):
        found = frame(rows).group_by("k").agg(n=gf.len(), v=gf.col("v").sum()).collect()
    assert_same(found, rows.group_by("k").agg(n=pl.len(), v=pl.col("v").sum()))
    assert module.refused and "free" in done


@pytest.mark.slow
@pytest.mark.parametrize("name", ["group dense", "group hash"])
def test_going_on_with_a_table_that_memory_ran_out_for_is_found(
    name: str, refusing_device: tuple[Refusing, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault is planted: groups are added to what is left of the attempt before."""
    module, _ = refusing_device
    ran(name)
    total = module.calls
    for k in range(total // 3, total, 2):
        kept: dict[Any, Grouper] = {}
        monkeypatch.setattr(
            pipeline_tasks,
            "Grouper",
            lambda target, pipeline, kept=kept: kept.setdefault(id(pipeline), Grouper(target, pipeline)),
        )
        module.calls, module.refuses = 0, lambda size, call, k=k: call == k
        try:
            found, expected = ran(name)
            assert_same(found, expected, ordered=False, about=name)
        except (AssertionError, Fault, KeyError, IndexError, ValueError):
            return
    pytest.fail("no answer was wrong")
