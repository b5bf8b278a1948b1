"""Pieces of a split chunk that travel one by one: they hold their own memory, and about as much of it as their rows need."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from dask.sizeof import sizeof
from gpuflow_kernels import dtypes as t
from gpuflow_kernels.algorithms import partitioning
from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.target import CPU

import gpuflow as gf
from gpuflow import col
from gpuflow.arrow.dictionaries import Dictionary, concat_chunks, dictionary_of
from gpuflow.execute import stage
from gpuflow.execute.partitions import Partitions, reunited
from gpuflow.physical import tasks

ROWS, PARTS, WORDS = 1_000_000, 64, 10_000
OPTIONS = tasks.Options("cpu")


def memory_of(array: np.ndarray) -> int:
    """Bytes of the memory that an array keeps alive."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return int(array.nbytes)


def split_by(ids: np.ndarray, words: Dictionary | None, codes: np.ndarray | None = None) -> Partitions:
    """A chunk of numbers, and strings if there are `words`, split by part number."""
    columns = [Column(t.INT64, np.arange(len(ids)), np.arange(len(ids)) % 3 > 0)]
    if words is not None:
        columns.append(Column(t.STRING, codes, None, words))
    return Partitions(partitioning.split_by(CPU, Chunk(tuple(columns), len(ids)), ids, PARTS))


def alone(pieces: Partitions) -> list[Chunk]:
    return [stage.run(tasks.ExtractTask(OPTIONS, k), pieces) for k in range(PARTS)]


def test_a_piece_that_is_let_go_frees_its_memory() -> None:
    items = alone(split_by(np.arange(ROWS) % PARTS, None))
    held = [a for item in items for c in item.columns for a in (c.values, c.validity)]
    assert sum(map(memory_of, held)) < 1.3 * sum(a.nbytes for a in held)
    gone = [weakref.ref(a) for a in held]
    del held
    items[1:] = []
    gc.collect()
    assert sum(ref() is None for ref in gone) == 2 * (PARTS - 1)


def test_the_only_piece_is_not_copied() -> None:
    chunk = Chunk((Column(t.INT64, np.arange(ROWS)[::1]),), ROWS)
    assert np.shares_memory(Partitions([chunk]).alone(0).columns[0].values, chunk.columns[0].values)


@pytest.mark.parametrize("spread", ["by key", "everywhere", "one each"])
def test_strings_travel_about_once(spread: str) -> None:
    """64 pieces of rows of 12 bytes: with them go the strings of their keys, or all strings once for each receiver."""
    rng = np.random.default_rng(20)
    words = dictionary_of(pa.array([f"a string of some thirty letters {k:05d}" for k in range(WORDS)], pa.large_string()))
    codes = rng.integers(0, WORDS, ROWS).astype(np.int32)
    ids = codes % PARTS if spread == "by key" else np.arange(ROWS) % PARTS
    if spread == "one each":  # plain strings, every row has its own
        words = Dictionary(pa.array([f"row {k}" for k in range(ROWS)], pa.large_string()), distinct=False)
        codes = np.arange(ROWS, dtype=np.int32)
    pieces = split_by(ids, words, codes)
    items, shared = alone(pieces), stage.run(tasks.DictionariesTask(OPTIONS), pieces)
    receivers = 4
    travels = sum(map(sizeof, items)) + receivers * sizeof(shared)
    rows = ROWS * (8 + 1 + 4)
    assert travels < 1.1 * (rows + (words.nbytes if spread != "everywhere" else receivers * words.nbytes) + PARTS * 4096)
    for item, piece in zip(items, pieces, strict=True):
        back, was = (c.columns[1] for c in (reunited(item, shared), piece))
        assert back.dictionary.values.take(pa.array(back.values[:50])) == was.dictionary.values.take(pa.array(was.values[:50]))
    picked = stage.run(tasks.GatherTask(OPTIONS, 0, True), ([items[0], items[1]], [shared, shared]))
    want = concat_chunks(pieces[:2])
    assert picked.length == want.length
    assert picked.columns[0].values.tolist() == want.columns[0].values.tolist()


def test_empty_pieces_and_empty_dictionaries() -> None:
    nothing = Column(t.STRING, np.zeros(0, np.int32), None, dictionary_of([]))
    nulls = Column(t.STRING, np.zeros(4, np.int32), np.zeros(4, bool), dictionary_of([]))
    for column in (nothing, nulls):
        pieces = Partitions(partitioning.split_by(CPU, Chunk((column,), len(column)), np.arange(len(column)) % PARTS, PARTS))
        items = alone(pieces)
        assert sum(i.length for i in items) == len(column)
        assert all(reunited(i, pieces.shared).columns[0].dictionary is not None for i in items)


def test_an_exchange_of_strings_gives_what_one_process_gives(active: Any, notes: list[str]) -> None:
    import dask

    n = 40_000
    left = {"k": np.arange(n) % 911, "s": [f"shared {k % 700}" for k in range(n)], "t": [f"own {k}" for k in range(n)]}
    right = {"k": np.arange(911), "w": [f"w {k % 3}" for k in range(911)]}
    query = gf.from_dict(left).join(gf.from_dict(right), on="k").select("t", "s", "w").sort("t")
    settings = {"gpuflow.partition-rows": n // 4, "gpuflow.broadcast-rows": 10, "gpuflow.sort-rows": n // 3}
    want = {"t": sorted(left["t"])}
    with dask.config.set(settings):
        got = query.collect().to_dict()
    assert any("both sides exchanged" in note for note in notes)
    assert got["t"] == want["t"]
    assert got["s"] == [f"shared {int(t[4:]) % 700}" for t in got["t"]]
    assert got["w"] == [f"w {int(t[4:]) % 911 % 3}" for t in got["t"]]
    assert query.group_by("s").agg(n=gf.len()).select(col("n").sum()).collect().item() == n
