"""Cases for the CUDA target: every skeleton over columns of every register type, as functions of a target.

A case takes a target, its data and the bindings to run under, and returns rows as plain Python values, with the number
of leading values that identify a row (its order is free then), or None where the order counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any
from unittest import mock

import gpuflow_kernels.aggregations.basic
import gpuflow_kernels.functions.builtin  # noqa: F401
import numpy as np
from gpuflow_kernels.algorithms import filtering, joining, partitioning
from gpuflow_kernels.algorithms.grouping import Grouper
from gpuflow_kernels.binding import Bindings
from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.declare.aggregate import AGGREGATIONS
from gpuflow_kernels.declare.scalar import SCALARS
from gpuflow_kernels.dtypes import BOOL, FLOAT32, FLOAT64, INT32, INT64, STRING, UINT64
from gpuflow_kernels.ir.expressions import Agg, Call, Const, Lookup, Member, Ref, Row
from gpuflow_kernels.ir.pipeline import Filter, Group, Pipeline, Probe, Write, needs_seen
from gpuflow_kernels.primitives.cuda import launcher, tables
from gpuflow_kernels.target import Target

Rows = tuple[list[tuple[Any, ...]], int | None]
Run = Callable[[Target, Chunk, Bindings], Rows]

TYPES = (INT64, FLOAT64, INT32, BOOL, STRING, UINT64, FLOAT32, INT64)
KEY, REAL, NARROW, FLAG, WORD, NATURAL, SINGLE, WIDE = (Ref(k, d) for k, d in enumerate(TYPES))
DICTIONARY = ("ant", "bee", "cat", "dog", "elk")


def call(name: str, *args: Row) -> Call:
    found = SCALARS[name].resolve(tuple(a.dtype for a in args))
    assert found is not None, f"{name} of {[a.dtype for a in args]}"
    overload, signature = found
    assert signature.args == tuple(a.dtype for a in args), f"{name} wants {signature.args}"
    return Call(overload, args, signature.result, signature.constants)


def agg(name: str, *args: Row) -> Agg:
    found = AGGREGATIONS[name].resolve(tuple(a.dtype for a in args))
    assert found is not None, f"{name} of {[a.dtype for a in args]}"
    overload, wanted, result = found
    assert wanted == tuple(a.dtype for a in args), f"{name} wants {wanted}"
    return Agg(overload, args, result, tuple(s.resolve(args[0].dtype if args else None) for s in overload.slots))


def data(rows: int, nulls: bool, seed: int) -> Chunk:
    """`rows` rows of `TYPES`; floats hold NaN, -0.0 and infinities."""
    rng = np.random.default_rng(seed)
    odd = np.array([np.nan, -0.0, 0.0, np.inf, -np.inf, 1.5, -2.25])
    values = (
        rng.integers(0, 9, rows),
        np.where(rng.random(rows) < 0.5, odd[rng.integers(0, len(odd), rows)], rng.normal(size=rows)),
        rng.integers(-4, 4, rows).astype("int32"),
        rng.random(rows) < 0.5,
        rng.integers(0, len(DICTIONARY), rows).astype("int32"),
        rng.integers(0, 3, rows).astype("uint64") + np.uint64(1 << 63),
        rng.integers(-3, 4, rows).astype("float32"),
        rng.integers(-3, 3, rows) << 40,
    )
    columns = []
    for dtype, array in zip(TYPES, values, strict=True):
        validity = rng.random(rows) < 0.8 if nulls else None
        columns.append(Column(dtype, array, validity, DICTIONARY if dtype == STRING else None))
    return Chunk(tuple(columns), rows)


def rows_of(chunk: Chunk) -> list[tuple[Any, ...]]:
    columns = []
    for c in chunk.columns:
        valid = [True] * len(c) if c.validity is None else c.validity.tolist()
        columns.append([v if ok else None for v, ok in zip(c.values.tolist(), valid, strict=True)])
    return list(zip(*columns, strict=True)) if columns else [()] * chunk.length


@dataclass(frozen=True)
class Case:
    name: str
    run: Run


CASES: list[Case] = []

HOSTILE = {
    "plain": Bindings(),
    "tiny": Bindings(tiny=True),
    "one hash": Bindings(constant_hash=True),
    "tiny, one hash": Bindings(tiny=True, constant_hash=True),
}


def case(name: str, run: Run) -> None:
    CASES.append(Case(name, run))


# -- rows -------------------------------------------------------------------------------------------------------------
def writing(steps: tuple[Any, ...], *columns: Row, tables: Callable[..., tuple[Any, ...]] | None = None) -> Run:
    def run(target: Target, chunk: Chunk, bindings: Bindings) -> Rows:
        built = tables(target, bindings) if tables else ()
        lookups = (np.array([3, 1, 4, 1, 5], dtype="int32"),)
        bindings = replace(bindings, tables=built, lookups=lookups)
        return rows_of(filtering.write(target, Pipeline(TYPES, steps, Write(columns)), chunk, bindings)), None

    return run


POSITIVE = Filter(call("gt", KEY, Const(3, INT64)))
BIG = Filter(call("gt", REAL, Const(0.0, FLOAT64)))
EVERYTHING = (
    call("add", KEY, Const(5, INT64)),
    call("mul", REAL, REAL),
    call("when", FLAG, KEY, WIDE),
    call("fill_null", REAL, Const(9.5, FLOAT64)),
    call("and", FLAG, call("lt", WORD, Const(3, STRING))),
    call("log", REAL),
    call("floordiv", WIDE, KEY),
    Member(KEY, (1, 4, 7), BOOL),
    Lookup(0, WORD, INT32),
)

case("map", writing((), *EVERYTHING, SINGLE, NARROW))
case("map of nothing", writing((), KEY, WORD))
case("compact", writing((POSITIVE, BIG), *EVERYTHING, *(Ref(k, d) for k, d in enumerate(TYPES))))
case("compact to a literal", writing((POSITIVE,), Const(7, INT64), Const(None, FLOAT64)))


# -- groups -----------------------------------------------------------------------------------------------------------
NAMED = (
    agg("len"), agg("count", REAL), agg("sum", KEY), agg("sum", REAL), agg("mean", NARROW), agg("min", REAL),
    agg("max", SINGLE), agg("min", NARROW), agg("max", WORD), agg("sum", NATURAL), agg("min", NATURAL), agg("any", FLAG),
    agg("all", FLAG), agg("max", WIDE), agg("min", FLAG), agg("max", FLAG), agg("sum", SINGLE),
)  # fmt: skip
FOLDED = (agg("var", SINGLE), agg("first", WORD), agg("last", REAL), agg("product", NARROW), agg("sum", WIDE), agg("last", FLAG))


def key_ranges(count: int) -> tuple[tuple[int, int] | None, ...]:
    """Return ranges that are too wide for any packed layout."""
    return ((-(1 << 62), 1 << 62),) * count


def grouping(
    steps: tuple[Any, ...],
    keys: tuple[Row, ...],
    aggs: tuple[Agg, ...],
    ranges: tuple[tuple[int, int] | None, ...] = (),
    pieces: int = 1,
    tables: Callable[..., tuple[Any, ...]] | None = None,
) -> Run:
    def run(target: Target, chunk: Chunk, bindings: Bindings) -> Rows:
        built = tables(target, bindings) if tables else ()
        grouper = Grouper(target, Pipeline(TYPES, steps, Group(keys, aggs)))
        bounds = [chunk.length * k // pieces for k in range(pieces + 1)]
        for start, stop in pairwise(bounds):
            piece = chunk.take(slice(start, stop), stop - start)
            grouper.add(piece, replace(bindings, tables=built, key_ranges=ranges, position=start))
        found = merged(target, grouper, bindings, ranges) if pieces > 1 else [r for c in grouper.results() for r in rows_of(c)]
        return found, len(keys)

    return run


def merged(target: Target, grouper: Grouper, bindings: Bindings, ranges: Any) -> list[tuple[Any, ...]]:
    """Merge the partial results of a grouper by a merging pipeline."""
    results, sink = grouper.results(), grouper.sink
    if not results:
        return []
    types = tuple(c.dtype for c in results[0].columns)
    at, aggs = len(sink.keys), []
    for a in sink.aggs:
        width = len(a.slots) + needs_seen(a)
        aggs.append(replace(a, args=tuple(Ref(k, types[k]) for k in range(at, at + width))))
        at += width
    keys = tuple(Ref(k, types[k]) for k in range(len(sink.keys)))
    merging = Grouper(target, Pipeline(types, (), Group(keys, tuple(aggs), merge=True)))
    for result in results:
        merging.add(result, replace(bindings, key_ranges=ranges or key_ranges(len(keys))))
    return [row for chunk in merging.results() for row in rows_of(chunk)]


def numbering(keys: tuple[Row, ...]) -> Run:
    """Check that equal keys have equal numbers below the number of groups; which number a group has is free."""

    def run(target: Target, chunk: Chunk, bindings: Bindings) -> Rows:
        grouper = Grouper(target, Pipeline(TYPES, (POSITIVE,), Group(keys, (), number=True)))
        ids = grouper.add(chunk, replace(bindings, key_ranges=key_ranges(len(keys))))
        found = [int(g) for g in ids]
        assert set(found) - {-1} == set(range(grouper.tables[0].groups if grouper.tables else 0))
        first = {g: k for k, g in reversed(list(enumerate(found)))}
        return [(-1 if g < 0 else first[g],) for g in found], None

    return run


case("reduce", grouping((), (), NAMED[::2] + FOLDED[::2], pieces=2))
case("reduce what is left", grouping((POSITIVE, BIG), (), NAMED[1::2] + FOLDED[1::2]))
case("dense", grouping((), (KEY,), NAMED, pieces=2))
case("dense by two keys", grouping((BIG,), (KEY, FLAG), NAMED[:4]))
case("dense, folded", grouping((), (NARROW,), FOLDED))
case("dense, filtered, folded", grouping((POSITIVE,), (KEY,), FOLDED[:2] + NAMED[:2]))
case("hash of one word", grouping((), (KEY,), NAMED[:8], key_ranges(1), pieces=3))
case("hash of a float", grouping((POSITIVE,), (REAL,), (agg("len"), agg("sum", KEY))))
case("hash of two words", grouping((), (WIDE, WORD), NAMED[8:] + FOLDED[:3], key_ranges(2), pieces=2))
case("hash of natural, single and flag", grouping((BIG,), (NATURAL, SINGLE, FLAG), FOLDED[3:]))
case("packed hash", grouping((), (WIDE, KEY), NAMED[:3] + FOLDED[:1], ((-(3 << 40), 3 << 40), (0, 1000))))


def sampled(run: Run, keys: Callable[[Any], Any], shared: bool = True) -> Run:
    """Other keys for more than 32 rows, of which 32 are looked at: one that half of them have is hot, else equal ones stand
    together. Not `shared`: no table lies in shared memory."""

    def go(target: Target, chunk: Chunk, bindings: Bindings) -> Rows:
        changed = replace(chunk.columns[0], values=keys(np.arange(chunk.length)))
        chunk = Chunk((changed, *chunk.columns[1:]), chunk.length)
        small = {"SAMPLE": 32, "HOT": 2, "LONG": 0, "STRETCH": 128}
        with mock.patch.multiple(launcher, **small), mock.patch.object(tables, "SHARED", tables.SHARED * shared):
            return run(target, chunk, bindings)

    return go


def mostly_one(row: Any) -> Any:
    return np.where(row % 4 < 3, 5, row % 9)


def standing_together(row: Any) -> Any:
    return row // 8


OPEN_GROUPS = grouping((), (KEY,), NAMED[:8], key_ranges(1))
DENSE_GROUPS = grouping((), (KEY,), NAMED[:6] + NAMED[11:13])
case("hash of one word, hot", sampled(OPEN_GROUPS, mostly_one))
case("hash of one word, runs", sampled(grouping((BIG,), (KEY,), NAMED[8:], key_ranges(1)), standing_together))
case("dense, hot", sampled(DENSE_GROUPS, mostly_one, shared=False))
case("dense, runs", sampled(DENSE_GROUPS, standing_together, shared=False))
case("number one word", numbering((KEY,)))
case("number two words", numbering((WIDE, REAL)))


# -- joins ------------------------------------------------------------------------------------------------------------
def table(kind: str, unique: bool, nulls: bool = False) -> Callable[..., tuple[Any, ...]]:
    """A join table on `KEY`, or on `KEY` and `WORD`."""

    def build(target: Target, bindings: Bindings) -> tuple[Any, ...]:
        numbers = np.array([2, 4, 6, 8, 3] if unique else [2, 4, 4, 8, 2, 4, 6])
        if kind != "direct":
            numbers = np.append(numbers, 1 << 50)
        rows = len(numbers)
        keys = [Column(INT64, numbers, np.arange(rows) % 4 != 3 if nulls else None)]
        if kind == "hash of two words":
            keys.append(Column(STRING, (np.arange(rows) % len(DICTIONARY)).astype("int32"), None, DICTIONARY))
        payload = (
            Column(FLOAT64, np.arange(rows) / 4, np.arange(rows) % 3 != 1),
            Column(INT32, np.arange(rows, dtype="int32")),
            Column(BOOL, np.arange(rows) % 2 == 0),
        )
        return (joining.build(target, tuple(keys), payload, bindings, nulls_equal=nulls),)

    return build


FOUND = ((20, 0, FLOAT64), (21, 1, INT32), (22, 2, BOOL))
FOUND_REFS = tuple(Ref(key, dtype) for key, _, dtype in FOUND)


PROBES = {
    "inner": {},
    "left": {"unmatched": True},
    "semi": {"brings": False},
    "anti": {"matched": False, "unmatched": True, "brings": False},
}


def joins(kind: str, unique: bool, how: str, to_groups: bool) -> None:
    bound = FOUND if how in ("inner", "left") else ()
    refs = FOUND_REFS if bound else ()
    probe = Probe(0, (KEY, WORD) if kind == "hash of two words" else (KEY,), bound, **PROBES[how])
    name = f"{how} join, {kind}, {'unique' if unique else 'repeated'}"
    build = table(kind, unique)
    if to_groups:
        aggs = (agg("sum", refs[0]), agg("var", refs[0]), agg("max", refs[1])) if bound else NAMED[:3]
        keys = {"direct": (NARROW,), "hash": (WIDE,)}.get(kind, ())
        case(f"{name}, to groups", grouping((BIG, probe), keys, aggs, tables=build))
    else:
        case(f"{name}, to rows", writing((probe,), *refs, KEY, call("add", KEY, Const(1, INT64)), tables=build))


for unique in (True, False):
    for how in ("inner", "left", "semi", "anti"):
        for kind in ("direct", "hash"):
            joins(kind, unique, how, False)
        joins("hash" if unique else "direct", unique, how, True)
    joins("hash of two words", unique, "left", False)
    joins("hash of two words", unique, "inner", True)

case(
    "left join of equal nulls",
    writing(
        (Probe(0, (KEY, WORD), FOUND, unmatched=True, nulls_equal=True),),
        *FOUND_REFS,
        tables=table("hash of two words", False, True),
    ),
)


# -- splitting --------------------------------------------------------------------------------------------------------
def splitting(target: Target, chunk: Chunk, bindings: Bindings) -> Rows:
    keys = (chunk.columns[0], chunk.columns[1], chunk.columns[5])
    parts = partitioning.split(target, chunk, partitioning.key_words_of(target, keys), 3)
    return [(k, *row) for k, part in enumerate(parts) for row in rows_of(part)], None


case("split", splitting)


def same(left: Any, right: Any) -> bool:
    """Compare values; floats to nine digits, because sums depend on their order; NaN equals itself."""
    if isinstance(left, float) and isinstance(right, float):
        return bool(np.isclose(left, right, rtol=1e-9, atol=1e-9, equal_nan=True))
    return type(left) is type(right) and left == right


def check(found: Rows, expected: Rows) -> None:
    (left, width), (right, _) = found, expected
    if width is not None:
        left, right = (sorted(rows, key=lambda row: repr(row[:width])) for rows in (left, right))
    assert len(left) == len(right), f"{len(left)} rows, {len(right)} expected"
    for k, (a, b) in enumerate(zip(left, right, strict=True)):
        assert len(a) == len(b) and all(map(same, a, b)), f"row {k} is {a}, {b} expected"
