"""Memory of results that are gone is used again, and none of one that is not."""

from __future__ import annotations

import gc
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from gpuflow_kernels import host_memory
from gpuflow_kernels.host_memory import SMALL, Pool

LARGE = SMALL // 8 + 1000


def address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


@pytest.mark.parametrize("dtype", ["int64", "float32", "bool", "uint8"])
def test_an_array_like_any_other(dtype: str) -> None:
    pool = Pool(1 << 28)
    for count in (0, 3, LARGE * 8):
        array = pool.empty(count, dtype)
        assert type(array) is np.ndarray
        assert array.dtype == dtype
        assert array.shape == (count,)
        assert array.flags.writeable
        assert array.flags.c_contiguous
        array[:] = 1
        assert array.sum() == count
        copy = pickle.loads(pickle.dumps(array))
        assert (copy == array).all()


def test_memory_comes_back_when_the_last_view_goes() -> None:
    pool = Pool(1 << 28)
    array = pool.empty(LARGE, "int64")
    array[:] = np.arange(LARGE)
    place, view = address(array), array[10:20].view("uint64")
    del array
    gc.collect()
    other = pool.empty(LARGE, "int64")
    assert address(other) != place
    other[:] = -1
    assert view.tolist() == list(range(10, 20))
    del view
    gc.collect()
    assert pool.idle > 0
    again = pool.empty(LARGE, "float64")
    assert address(again) == place
    assert pool.idle == 0


def test_no_more_is_kept_than_the_bound() -> None:
    pool = Pool(3 << 20)
    arrays = [pool.empty(LARGE, "int64") for _ in range(8)]
    del arrays
    gc.collect()
    assert SMALL < pool.idle <= 3 << 20
    pool.clear()
    assert pool.idle == 0


def test_small_arrays_are_left_to_numpy() -> None:
    pool = Pool(1 << 28)
    array = pool.empty(1000, "int64")
    assert array.flags.owndata
    del array
    assert pool.idle == 0


def test_threads_never_share_an_array() -> None:
    pool = Pool(1 << 26)

    def work(number: int) -> bool:
        for k in range(60):
            array = pool.empty(LARGE + k % 3, "int64")
            array[:] = number
            if not (array == number).all():
                return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(work, range(8)))


def test_rows_are_taken_in_order() -> None:
    values = np.arange(LARGE * 2)
    order = np.random.default_rng(0).permutation(len(values))
    assert (host_memory.take(values, order) == order).all()
    assert (host_memory.take(values[:5], np.array([4, 0, 4])) == [4, 0, 4]).all()


def test_a_process_with_a_limit_keeps_a_few_per_cent_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a worker of 500 MB on a machine of 64 GB, which watches its resident memory."""
    monkeypatch.setattr(host_memory, "machine_memory", lambda: 64 << 30)
    monkeypatch.setattr(host_memory, "pool", Pool(4 << 30))
    arrays = [host_memory.empty(LARGE * k, "int64") for k in range(1, 20)]
    del arrays
    gc.collect()
    assert host_memory.pool.idle > 64 << 20
    try:
        host_memory.limit_process(500_000_000)
        assert host_memory.limit() == 500_000_000
        assert host_memory.pool.idle <= host_memory.pool.bound == 500_000_000 // 32
        assert host_memory.pool.idle == sum(len(m) for kept in host_memory.pool._free.values() for m in kept)
        assert all(host_memory.pool._free.values())
        array = host_memory.empty(LARGE, "int64")
        assert array.nbytes == 8 * LARGE
        host_memory.limit_process(None)
        assert (host_memory.limit(), host_memory.pool.bound) == (64 << 30, 4 << 30)
    finally:
        host_memory.limit_process(None)
