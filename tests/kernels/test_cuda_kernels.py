"""The kernels that the CUDA target generates and launches, run in the interpreter of `tests.cuda_model`: answers as on the
other targets under many schedules, no race, no access out of bounds, and faults planted in these very texts are found."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from gpuflow_kernels.algorithms import filtering, joining, partitioning
from gpuflow_kernels.algorithms.grouping import Grouper
from gpuflow_kernels.binding import Bindings
from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.dtypes import FLOAT64, INT64
from gpuflow_kernels.errors import ArithmeticOverflowError
from gpuflow_kernels.ir.expressions import Const, Ref, Row
from gpuflow_kernels.ir.pipeline import Filter, Group, Pipeline, Probe, Write
from gpuflow_kernels.primitives.cuda import launcher, tables
from gpuflow_kernels.target import CPU, CUDA, PYTHON

from tests.cuda_model.faults import Fault
from tests.cuda_model.loading import planted
from tests.cuda_model.runtime import cuda_model
from tests.support.cuda_cases import (
    CASES,
    HOSTILE,
    KEY,
    REAL,
    TYPES,
    WIDE,
    WORD,
    Case,
    agg,
    call,
    check,
    data,
    rows_of,
)
from tests.support.golden import GOLDEN


@dataclass(frozen=True)
class Setting:
    """What a case runs under: rows, hostile bindings, threads of a block, multiprocessors, and whether stores are late."""

    rows: int
    hostile: str = "plain"
    block: int = 32
    multiprocessors: int = 1
    relaxed: bool = False


SETTINGS = (
    (Setting(150, relaxed=True), Setting(0), Setting(25, "tiny, one hash")),
    (Setting(70, "tiny", block=64), Setting(1, "tiny"), Setting(30, "tiny, one hash", relaxed=True)),
)
"""Without nulls, and with."""


def same_as(case: Case, setting: Setting, nulls: bool, seed: int) -> None:
    chunk, bindings = data(setting.rows, nulls, seed), HOSTILE[setting.hostile]
    expected = case.run(PYTHON, chunk, bindings)
    with cuda_model(seed, setting.relaxed, setting.block, setting.multiprocessors):
        check(case.run(CUDA, chunk, bindings), expected)


@pytest.mark.parametrize("nulls", [False, True], ids=["no nulls", "nulls"])
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_same_as_python(case: Case, nulls: bool) -> None:
    for seed, setting in enumerate(SETTINGS[nulls]):
        same_as(case, setting, nulls, seed)


@pytest.mark.parametrize("case", GOLDEN, ids=lambda c: c.name)
def test_fifty_schedules(case: Case) -> None:
    """Golden pipelines, as on the CPU target; blocks take turns of 1 to 17 multiprocessors."""
    inputs = {rows: data(rows, getattr(case, "nulls", False), rows) for rows in (24, 80)}
    expected = {rows: case.run(CPU, chunk, Bindings()) for rows, chunk in inputs.items()}
    for seed in range(50):
        rows = 80 if seed % 10 == 0 else 24
        with cuda_model(seed, relaxed=seed % 2 == 1, multiprocessors=(1, 17)[seed % 2]):
            check(case.run(CUDA, inputs[rows], Bindings()), expected[rows])


CONTENDED = [c for c in CASES if c.name.startswith(("hash of", "packed", "number", "dense", "reduce"))]


@pytest.mark.parametrize("case", CONTENDED, ids=lambda c: c.name)
def test_threads_that_meet(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """One key for all rows, tables of two slots, a hash that tells nothing apart, accumulators in and out of shared memory."""
    chunk = data(40, True, 5)
    equal = Chunk(tuple(c.take(np.zeros(40, dtype=np.int64)) for c in chunk.columns), 40)
    for seed, hostile in enumerate(("plain", "tiny", "tiny, one hash")):
        monkeypatch.setattr(tables, "SHARED", (32 << 10) * (seed != 1))
        for rows in (chunk, equal):
            expected = case.run(PYTHON, rows, HOSTILE[hostile])
            with cuda_model(seed, relaxed=seed == 1, block=64, multiprocessors=3):
                check(case.run(CUDA, rows, HOSTILE[hostile]), expected)


# -- things a case does not reach -------------------------------------------------------------------------------------
def test_columns_that_begin_anywhere() -> None:
    """Slices begin where two items cannot be loaded at once."""
    chunk = data(90, True, 1)
    pipeline = Pipeline(TYPES, (Filter(call("gt", KEY, Const(3, INT64))),), Write((KEY, call("mul", REAL, REAL), WORD)))
    with cuda_model():
        moved = Chunk(CUDA.moved(chunk.columns), 90)
        for start in (0, 1, 2, 33):
            piece, length = slice(start, 80), 80 - start
            found = filtering.write(CUDA, pipeline, moved.take(piece, length), Bindings())
            expected = filtering.write(PYTHON, pipeline, chunk.take(piece, length), Bindings())
            check((rows_of(found), None), (rows_of(expected), None))


@pytest.mark.parametrize("selected", [0, 1, 30, 400])
def test_few_rows_are_written_from_a_list(selected: int) -> None:
    values = np.zeros(1500)
    values[np.random.default_rng(selected).permutation(1500)[:selected]] = 1.0
    chunk = Chunk((Column(FLOAT64, values), Column(INT64, np.arange(1500))), 1500)
    pipeline = Pipeline((FLOAT64, INT64), (Filter(call("gt", Ref(0, FLOAT64), Const(0.5, FLOAT64))),), Write((Ref(1, INT64),)))
    with cuda_model(block=64, multiprocessors=2) as model:
        found = filtering.write(CUDA, pipeline, chunk, Bindings())
    assert found.columns[0].values.tolist() == np.flatnonzero(values).tolist()
    kernels = {launch.kernel for launch in model.launches}
    assert ("take" in kernels) == (0 < selected < 1500 / launcher.FEW)


def test_the_key_that_marks_free_slots_is_a_key() -> None:
    from gpuflow_kernels.codegen.common.table_lookups import EMPTY

    keys = np.array([EMPTY, 5, EMPTY, EMPTY + 1, 5, EMPTY] * 5)
    sink = Group((Ref(0, INT64),), (agg("len"), agg("sum", Ref(0, INT64))))
    for bindings in (HOSTILE["tiny"], HOSTILE["plain"]):
        answers = []
        for target in (PYTHON, CUDA):
            with cuda_model():
                grouper = Grouper(target, Pipeline((INT64,), (), sink))
                wide = Bindings(tiny=bindings.tiny, key_ranges=((-(1 << 62), 1 << 62),))
                for _ in range(2):
                    grouper.add(Chunk((Column(INT64, keys),), len(keys)), wide)
                answers.append(([r for c in grouper.results() for r in rows_of(c)], 1))
        check(answers[1], answers[0])


def test_a_sample_sizes_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "SAMPLE", 64)
    keys = np.random.default_rng(0).permutation(900) << 33
    grouper_rows = []
    for target in (PYTHON, CUDA):
        with cuda_model(multiprocessors=2) as model:
            grouper = Grouper(target, Pipeline((INT64,), (), Group((Ref(0, INT64),), (agg("len"),))))
            grouper.add(Chunk((Column(INT64, keys),), 900), Bindings(key_ranges=((-(1 << 62), 1 << 62),)))
            grouper_rows.append(([r for c in grouper.results() for r in rows_of(c)], 1))
    check(grouper_rows[1], grouper_rows[0])
    assert "again" not in {launch.kernel for launch in model.launches}


@pytest.mark.parametrize("nulls", [False, True], ids=["no nulls", "nulls"])
def test_more_groups_than_the_cache_holds(nulls: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are split by their keys; chunks that follow go the same way; groups of several tables are put together."""
    monkeypatch.setattr(launcher, "SAMPLE", 64)
    monkeypatch.setattr(tables, "CACHED", 4096)
    kept = Filter(call("gt", REAL, Const(-1.0, FLOAT64)))
    aggs = (agg("len"), agg("sum", KEY), agg("max", call("mul", REAL, REAL)))
    answers, chunk = [], data(900, nulls, 3)
    wide = replace(chunk.columns[7], values=np.random.default_rng(1).integers(0, 500, 900) << 33)
    chunk = Chunk((*chunk.columns[:7], wide), 900)
    for target in (PYTHON, CUDA):
        with cuda_model(multiprocessors=2) as model:
            grouper = Grouper(target, Pipeline(TYPES, (kept,), Group((WIDE,), aggs)))
            for start in (0, 500):
                piece = chunk.take(slice(start, start + 450), min(900 - start, 450))
                grouper.add(piece, Bindings(key_ranges=((-(1 << 62), 1 << 62),)))
            results = grouper.results()
            answers.append(([r for c in results for r in rows_of(c)], 1))
    check(answers[1], answers[0])
    assert len(results) == 1
    assert "scatter" in {launch.kernel for launch in model.launches}


def both(keys: Any, values: Any, refs: tuple[Row, ...], aggs: tuple[Any, ...], ranges: Any, position: int = 0) -> None:
    """Groups of two columns of integers: on CUDA, with a table and a sample too small, as on PYTHON."""
    answers = []
    for target in (PYTHON, CUDA):
        with cuda_model(multiprocessors=2, budget=10_000_000):
            grouper = Grouper(target, Pipeline((INT64, INT64), (), Group(refs, aggs)))
            chunk = Chunk((Column(INT64, keys), Column(INT64, values)), len(keys))
            grouper.add(chunk, Bindings(key_ranges=ranges, position=position))
            answers.append(([r for c in grouper.results() for r in rows_of(c)], len(refs)))
    check(answers[1], answers[0])


WIDE_RANGE = ((-(1 << 62), 1 << 62),)
FIRST, SECOND = Ref(0, INT64), Ref(1, INT64)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "SAMPLE", 64)
    monkeypatch.setattr(tables, "CACHED", 512)


def test_rows_keep_their_positions(small: None) -> None:
    from gpuflow.plan.first_appearance import FIRST_POSITION

    keys = np.random.default_rng(0).permutation(200) << 33
    both(np.concatenate([keys, keys]), np.arange(400), (FIRST,), (FIRST_POSITION,), WIDE_RANGE, position=1000)


def test_a_key_may_come_twice(small: None) -> None:
    keys = np.random.default_rng(0).integers(0, 150, 400)
    both(keys, np.arange(400), (FIRST, FIRST), (agg("sum", SECOND),), ((0, 1 << 28),) * 2)


def test_a_sample_may_mislead(small: None) -> None:
    """Few groups at the head and many after it; many at the head and few after it."""
    head, rest = np.repeat(np.arange(8), 8), np.arange(100, 700)
    for keys in (np.concatenate([head, rest]), np.concatenate([rest, head])):
        both(keys << 33, np.arange(len(keys)), (FIRST,), (agg("sum", SECOND),), WIDE_RANGE)


def test_one_part_of_an_exchange_is_split_anew(small: None) -> None:
    """An exchange has split rows by a hash before: the one that splits them again must differ."""
    keys = np.arange(6000) << 33
    column = Column(INT64, keys)
    part = partitioning.split(PYTHON, Chunk((column,), 6000), partitioning.key_words_of(PYTHON, (column,)), 16)[3]
    mine = part.columns[0].values
    both(mine, np.arange(len(mine)), (FIRST,), (agg("sum", SECOND),), WIDE_RANGE)
    with cuda_model():
        (column,) = CUDA.moved((Column(INT64, mine),))
        grouper = Grouper(CUDA, Pipeline((INT64,), (), Group((FIRST,), (agg("len"),))))
        grouper.add(Chunk((column,), len(mine)), Bindings(key_ranges=WIDE_RANGE))
        sizes = [sum(c.length for c in p.results()) for p in grouper._parts]
    assert len(sizes) > 2
    assert max(sizes) < len(mine) / 2


@pytest.mark.parametrize("parts", [1, 2, 3, 64])
def test_parts_keep_their_order(parts: int) -> None:
    chunk = data(1100, True, 2)
    keys = (chunk.columns[0], chunk.columns[1])
    expected = partitioning.split(PYTHON, chunk, partitioning.key_words_of(PYTHON, keys), parts)
    with cuda_model(3, block=64):
        found = partitioning.split(CUDA, chunk, partitioning.key_words_of(CUDA, keys), parts)
    assert len(found) == parts
    for a, b in zip(found, expected, strict=True):
        check((rows_of(a), None), (rows_of(b), None))


def test_a_row_with_many_matches() -> None:
    """Outputs are shared out evenly: one row has most of them, others none."""
    build = np.array([7] * 300 + [3, 3, 9])
    probe = np.array([1, 3, 7, 4, 9, 3, 2])
    steps = (Probe(0, (Ref(0, INT64),), ((9, 0, INT64),), unmatched=True),)
    pipeline = Pipeline((INT64,), steps, Write((Ref(0, INT64), Ref(9, INT64))))
    answers = []
    for target in (PYTHON, CUDA):
        with cuda_model(block=32, multiprocessors=3):
            payload = (Column(INT64, np.arange(len(build))),)
            table = joining.build(target, (Column(INT64, build),), payload, Bindings())
            found = filtering.write(target, pipeline, Chunk((Column(INT64, probe),), 7), Bindings(tables=(table,)))
            answers.append((rows_of(found), None))
    assert len(answers[0][0]) == 308
    check(answers[1], answers[0])


@pytest.mark.parametrize("keys", [(), (KEY,), (WIDE,), (WIDE, WORD)], ids=["reduce", "dense", "open", "hash"])
def test_overflow_raises(keys: tuple[Row, ...]) -> None:
    chunk = data(50, True, 1)
    product = call("mul", call("mul", WIDE, WIDE), KEY)
    with cuda_model():
        with pytest.raises(ArithmeticOverflowError, match="mul does not fit int64"):
            Grouper(CUDA, Pipeline(TYPES, (), Group(keys, (agg("sum", product),)))).add(chunk, Bindings())
        with pytest.raises(ArithmeticOverflowError, match="mul does not fit int64"):
            filtering.write(CUDA, Pipeline(TYPES, (), Write((call("mul", WIDE, WIDE),))), chunk, Bindings())
        with pytest.raises(ArithmeticOverflowError, match="mul does not fit int64"):
            Grouper(CUDA, Pipeline(TYPES, (), Group((call("mul", WIDE, WIDE),), (), number=True))).add(chunk, Bindings())


# -- faults in these texts --------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Planted:
    """A case whose text (the one with `where`) gets a fault; `least` of five schedules show it."""

    what: str
    case: str
    where: str
    old: str
    new: str
    hostile: str = "plain"
    rows: int = 150
    nth: int | None = None
    least: int = 5
    nulls: bool = True
    options: dict[str, Any] = field(default_factory=dict)


CLAIM = "cuda.atomic.cas(keys, s, int64(-7046029254386353131), x)"
FAULTS = (
    Planted(
        "a dropped barrier", "reduce", "half", "        cuda.syncthreads()\n        half", "        half", options={"block": 64}
    ),
    Planted(
        "a plain store for an atomic", "dense", "here", "cuda.atomic.add(low0, place, part0)", "low0[place]; low0[place] += part0"
    ),
    Planted("a tail that is one too long", "map", "put_pair", "while i < rows:", "while i <= rows:"),
    Planted("a tile that is not full", "compact", "ballot", "<= rows:", "<= rows + uint64(100):", nth=0),
    Planted("a ballot that misses a lane", "compact", "ballot", "0xFFFFFFFF", "0x7FFFFFFF"),
    Planted("a wrong place in the segment", "compact", "ballot", "uint32(bit - uint32(1))", "uint32(bit >> uint32(1))"),
    Planted("an uncleared copy", "dense", "here", "        here[x] = 0\n", ""),
    Planted("a lost carry", "dense, folded", "here", "uint64(uint32(old14 + part14) < part14)", "uint64(0)"),
    Planted(
        "rows counted that run again",
        "hash of one word",
        "pending",
        "cuda.atomic.or_(p",
        "cuda.atomic.add(g0, 0, 1); cuda.atomic.or_(p",
        "tiny",
    ),
    Planted("a plain look at a slot", "hash of one word", "claim", "held = peek(keys, s)", "held = keys[s]", "one hash", 40),
    Planted(
        "a claim in two steps", "hash of one word", "claim", CLAIM, "peek(keys, s); poke(keys, s, x)", "one hash", 40, least=3
    ),
    Planted("ranks that ignore earlier rows", "split", "match_any", "uint64(before) + uint64(rank)", "uint64(before)"),
    Planted("a hot key that every thread adds", "hash of one word, hot", "touched", "if t == uint64(0):", "if True:"),
    Planted(
        "a last run that is not added",
        "hash of one word, runs",
        "held",
        "    if held:\n        place",
        "    if False:\n        place",
    ),
    Planted("a run that goes on into another key", "dense, runs", "held", "if not (held & ", "if not (held | "),
    Planted("rows of two blocks", "dense, runs", "held", "min(rows, base + stretch)", "rows", options={"multiprocessors": 2}),
    Planted("lanes that do not wait", "split", "match_any", "part)]\n        cuda.syncwarp()", "part)]", least=3),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.what)
def test_planted_faults_are_found(fault: Planted) -> None:
    case = next(c for c in CASES if c.name == fault.case)
    chunk, bindings = data(fault.rows, fault.nulls, 5), HOSTILE[fault.hostile]
    expected = case.run(PYTHON, chunk, bindings)
    shown = 0
    for seed in range(5):
        with planted(fault.where, fault.old, fault.new, fault.nth), cuda_model(seed, **fault.options):
            try:
                check(case.run(CUDA, chunk, bindings), expected)
            except (Fault, AssertionError):
                shown += 1
    assert shown >= fault.least
