"""Uploads on a model of streams: what arrives is what was sent, however late anything runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from gpuflow_kernels.primitives.cuda.uploads import Uploader

from tests.support.streams import Device

STAGE = 64
SEEDS = range(30)


def samples(seed: int) -> Iterator[Any]:
    """Arrays of all types, lengths around those of a buffer, and every kind of strides."""
    rng = np.random.default_rng(seed)
    for kind in ("?", "i1", "u2", "i4", "u4", "i8", "u8", "f4", "f8", ">i4", "c16"):
        size = int(rng.choice([1, 7, 8, 9, 16, 17, 40]))
        values = rng.integers(0, 2 if kind == "?" else 100, 2 * size).astype(kind)
        yield values[:size]
        yield values[::2]
        yield values[::-1]
        yield values.reshape(2, size).T


def travel(device: Device, uploader: Uploader, arrays: list[Any]) -> list[Any]:
    """Upload each array, launch a kernel that reads it, and let it go; what the kernels have seen."""
    seen: list[Any] = []
    for values in arrays:
        sent = values.copy()
        array = uploader.upload(sent)
        sent[...] = 0  # the caller may write to it again
        device.read(array, seen)
        del array
    device.drain()
    return seen


def same(seen: list[Any], arrays: list[Any]) -> bool:
    return len(seen) == len(arrays) and all(np.array_equal(a, b) for a, b in zip(seen, arrays, strict=True))


@pytest.mark.parametrize("eager", ["", "uploads", "compute"])
@pytest.mark.parametrize("seed", SEEDS)
def test_what_arrives_is_what_was_sent(seed: int, eager: str) -> None:
    device, arrays = Device(seed, eager), list(samples(seed))
    seen = travel(device, Uploader(device, STAGE), arrays)
    assert same(seen, arrays)
    assert [s.dtype for s in seen] == [a.dtype.newbyteorder("=") for a in arrays]
    assert device.pinned_bytes == 2 * STAGE


class RefillsAtOnce(Uploader):
    """Writes into a buffer that may still be read."""

    def _buffer(self, turn: int) -> Any:
        self._copies[turn] = None
        return super()._buffer(turn)


class FreesAtOnce(Uploader):
    """Gives memory back that kernels may still read."""

    def _release(self, block: Any) -> None:
        return


class NeverWaits(Device):
    """Kernels that begin before their data is there."""

    def compute_waits(self, event: Any) -> None:
        return


@pytest.mark.parametrize(
    ("device", "uploader"), [(Device, RefillsAtOnce), (Device, FreesAtOnce), (NeverWaits, Uploader)], ids=lambda c: c.__name__
)
def test_planted_faults_are_found(device: type[Device], uploader: type[Uploader]) -> None:
    found = 0
    for seed in SEEDS:
        model, arrays = device(seed), list(samples(seed))
        found += not same(travel(model, uploader(model, STAGE), arrays), arrays)
    assert found > len(SEEDS) // 2


def test_copies_run_beside_the_kernels_of_the_data_before() -> None:
    """With kernels that start as late as they can, everything is copied before the first of them."""
    device = Device(0, eager="uploads")
    uploader, seen = Uploader(device, STAGE), []  # type: ignore[var-annotated]
    arrays = [np.full(STAGE // 4, k, np.int64) for k in range(3)]
    for values in arrays:
        device.read(uploader.upload(values), seen)
    device.drain()
    assert device.log == ["copy"] * 6 + ["kernel"] * 3
    assert same(seen, arrays)


def test_buffers_take_turns() -> None:
    """A third piece waits for the first only: one copy is always under way while the next piece is written."""
    device = Device(0)
    waited: list[Any] = []
    finish = device.finish
    device.finish = lambda event: (waited.append(len(device.uploads.work)), finish(event))[1]  # type: ignore[method-assign,assignment,return-value,func-returns-value]
    Uploader(device, STAGE).upload(np.arange(STAGE // 8 * 4))
    # Each time two copies and their two events are under way, less what has run: never just the newest one.
    assert len(waited) == 2 and all(n >= 2 for n in waited)


def test_memory_of_arrays_that_are_gone_is_used_again() -> None:
    device = Device(1)
    uploader = Uploader(device, STAGE)
    for k in range(20):
        array = uploader.upload(np.full(STAGE, k, np.uint8))
        del array
        uploader.reclaim(wait=True)
    assert device.blocks == 1
    held = [uploader.upload(np.full(STAGE, k, np.uint8)) for k in range(3)]
    uploader.reclaim(wait=True)
    assert device.blocks == 3, "what is in use is not given back"
    device.drain()
    assert [int(a.values[0]) for a in held] == [0, 1, 2]
