"""What a sample of the keys shows, and that kernels for it go on being right while chunks come and the table grows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import pytest
from gpuflow_kernels.binding import Bindings
from gpuflow_kernels.codegen.common.arguments import Argument, Role
from gpuflow_kernels.codegen.cuda.private_groups import NEIGHBOURS
from gpuflow_kernels.primitives.cuda import launcher, tables
from gpuflow_kernels.target import CUDA, PYTHON

from tests.cuda_model.runtime import cuda_model
from tests.support.cuda_cases import (
    FLAG,
    HOSTILE,
    KEY,
    REAL,
    WIDE,
    agg,
    check,
    data,
    grouping,
    key_ranges,
    mostly_one,
    sampled,
    standing_together,
)


@pytest.mark.parametrize("keys", [mostly_one, standing_together], ids=["hot", "runs"])
@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_a_sample_has_shown_holds_for_later_chunks(keys: Any, hostile: str) -> None:
    """The table grows meanwhile, and the hot key's place in it changes."""
    aggs = (agg("len"), agg("sum", WIDE), agg("min", REAL), agg("any", FLAG))
    run = sampled(grouping((), (KEY,), aggs, key_ranges(1), pieces=3), keys)
    chunk = data(300, True, 4)
    expected = run(PYTHON, chunk, HOSTILE[hostile])
    for seed in range(3):
        with cuda_model(seed, relaxed=seed == 1, multiprocessors=2) as model:
            check(run(CUDA, chunk, HOSTILE[hostile]), expected)
        texts = [launch.text for launch in model.launches if launch.kernel == "run"]
        assert any(("touched" if keys is mostly_one else "held") in text for text in texts)


def test_a_sample_tells_keys_apart() -> None:
    """One key with a sixteenth of the rows is hot wherever it stands; runs are told by their length; else nothing changes."""
    rows, rng = np.arange(1 << 17), np.random.default_rng(0)
    spread = rng.integers(0, 1 << 40, len(rows))
    drawn = {
        "": spread,
        "hot": np.where(rng.random(len(rows)) < 0.08, 77, spread),
        "runs": rows // 5000 * (1 << 33),
    }
    drawn["hot again"] = np.full(len(rows), 5 << 40)
    for name, keys in drawn.items():
        told: list[Any] = []
        table = SimpleNamespace(arguments=dict, learn=lambda *found, told=told: told.append(found))
        with cuda_model() as model, mock.patch.object(launcher.Run, "__call__", taking(keys)):
            generated = SimpleNamespace(text="", kernels=(), members=(), checks=())
            launcher.sample(CUDA, generated, {}, len(keys), table, Bindings())  # type: ignore[arg-type]
            assert model.block == 32
        ((_, total, found, _),) = told
        assert total == len(keys)
        assert ("hot" if found.hot is not None else "runs" if found.runs else "") == name.removesuffix(" again")
        assert found.hot in (None, 77, 5 << 40)
        assert abs(found.keys - len(np.unique(sampled_rows(keys)))) <= 1
        assert found.keys <= found.groups <= len(keys)


@pytest.mark.parametrize(("groups", "standing"), [(1, 1), (100, 1), (10_000, 1), (1_000_000, 1), (250_000, 4), (3_000, 50)])
def test_groups_are_estimated_from_keys_seen_once_and_twice(groups: int, standing: int) -> None:
    """Extrapolating the keys of a sample told 10,000 groups in a billion rows as 152 million. `standing` equal keys stand
    together in a table sorted by them, where a key is at one place however many rows it has."""
    rng = np.random.default_rng(groups)
    rows = 1 << 22
    keys = np.sort(np.arange(rows) // standing % groups) if standing > 1 else rng.integers(0, groups, rows)
    true = len(np.unique(keys))
    told: list[Any] = []
    table = SimpleNamespace(arguments=dict, learn=lambda *found: told.append(found))
    with cuda_model(), mock.patch.object(launcher.Run, "__call__", taking(keys)):
        generated = SimpleNamespace(text="", kernels=(), members=(), checks=())
        launcher.sample(CUDA, generated, {}, len(keys), table, Bindings())  # type: ignore[arg-type]
    ((_, _, found, _),) = told
    assert true / 3 <= found.groups <= 3 * true
    if standing == 1:
        assert abs(found.groups - true) <= 0.3 * true


@pytest.mark.parametrize(
    ("groups", "size", "copies"),
    [
        (2, 8, 32),
        (16, 64, 32),
        (16, 128, 16),
        (16, 192, 16),
        (16, 200, 8),
        (10, 192, 16),
        (64, 64, 8),
        (256, 128, 1),
        (257, 128, 0),
    ],
)
def test_few_groups_have_copies_for_half_the_lanes_of_a_warp(groups: int, size: int, copies: int) -> None:
    room, found = tables.copies_in_shared(groups, size)
    assert (found if room else 0) == copies
    assert room in (0, 1 << (groups - 1).bit_length())
    assert room * size * found <= tables.SHARED * (1.5 if groups <= tables.HANDFUL else 1)


def sampled_rows(keys: Any) -> Any:
    """Neighbours from places that lie evenly apart."""
    places = launcher.SAMPLE // NEIGHBOURS
    return keys[(np.arange(places) * (len(keys) // places))[:, None] + np.arange(NEIGHBOURS)].ravel()


def taking(keys: Any) -> Any:
    """In place of the kernel that takes the sample."""

    def launch(self: Any, name: str, things: int, given: Any, rows: Any, every: Any) -> None:
        assert (name, things, int(every) * (launcher.SAMPLE // NEIGHBOURS) <= len(keys)) == ("sample", launcher.SAMPLE, True)
        given[Argument(Role.ROW_WORD)][...] = CUDA.xp.asarray(sampled_rows(keys))

    return launch
