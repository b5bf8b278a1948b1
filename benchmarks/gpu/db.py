"""G7: the questions of the db-benchmark, tables on the device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks import data
from benchmarks.answers import canonical, differences
from benchmarks.engines import Gpuflow, Pandas
from benchmarks.gpu.bench import Bench
from benchmarks.questions import GroupBy, Question, questions_of

SMALL = 20_000
"""Rows on which every answer is compared with the CPU target's, value by value."""
AMPLE = 30.0
"""Seconds that must be left for 1e8 rows to be drawn, copied and asked; with less there are 1e7."""
TARGET = 0.25
"""Seconds for all questions together."""


class Cudf(Pandas):
    """cuDF, asked as pandas is."""

    name = "cudf"

    def load(self, name: str, table: pa.Table) -> None:
        import cudf

        self.tables[name] = cudf.DataFrame.from_arrow(table)


@contextmanager
def on(target: str) -> Iterator[None]:
    """Run queries within this block on a target."""
    import dask.config

    with dask.config.set({"gpuflow.target": target}):
        yield


def run(bench: Bench) -> None:
    """All questions of both tasks; the sum of their medians against the target."""
    seconds, missing = 0.0, []
    for task in ("groupby", "join"):
        asked = questions_of(task)
        try:
            agreed = agreement(asked, "cuda" if bench.xp is not np else "cpu")
            target_rows = 100_000_000 if bench.deadline.left() > AMPLE else 10_000_000
            rows = bench.rows(target_rows, 200 if task == "groupby" else 400)
            tables = {"x": data.groupby_table(rows)} if task == "groupby" else join_tables(bench, rows)
            times = questions(bench, task, tables, asked, agreed)
        except Exception as error:
            bench.emit({"kind": "work", "name": task, "rows": None, "right": False, "error": f"{type(error).__name__}: {error}"})
            times = {}
        seconds += sum(times.values())
        missing += [f"{task}-{q.name}" for q in asked if q.name not in times]
    without = f", without {', '.join(missing)}" if missing else ""
    bench.emit({"kind": "note", "text": f"all questions together {seconds:.3f} s{without} (target {TARGET} at 1e8 rows)"})


def agreement(asked: list[Question], target: str) -> dict[str, list[str]]:
    """Return what differs from the CPU target's answers, by question, on few rows."""
    tables = {"x": data.groupby_table(SMALL, 10)} if asked[0].task == "groupby" else data.join_tables(SMALL)
    answers: dict[str, dict[str, Any]] = {}
    for name in ("cpu", target):
        with on(name):
            engine = Gpuflow(1)
            for table_name, table in tables.items():
                engine.load(table_name, table)
            answers[name] = {q.name: canonical(engine.answer(engine.ask(q)), q) for q in asked}
    return {q.name: differences(answers[target][q.name], answers["cpu"][q.name], q.tolerance) for q in asked}


def questions(
    bench: Bench, task: str, tables: dict[str, pa.Table], asked: list[Question], agreed: dict[str, list[str]]
) -> dict[str, float]:
    """Median seconds by question."""
    engine = Gpuflow(1)
    for name, table in tables.items():
        engine.load(name, table)
    peer: dict[str, Cudf] = {}

    def by_cudf(question: Question) -> Any:
        def prepare(module: Any) -> Any:
            if "cudf" not in peer:
                loading = Cudf(1)
                for name, table in tables.items():
                    loading.load(name, table)
                peer["cudf"] = loading
            return lambda: peer["cudf"].ask(question)

        return prepare

    seconds = {}
    for question in asked:
        wrong = agreed[question.name]

        def right(result: Any, question: Question = question, wrong: list[str] = wrong) -> bool:
            if wrong:
                raise ValueError(f"on {SMALL:,} rows: {'; '.join(wrong)}")
            return len(result) == expected_rows(bench, question, tables)

        def moved(result: Any, question: Question = question) -> int:
            return bytes_in(question, tables) + len(result) * sum(np.dtype(t.storage).itemsize for t in result.schema.values())

        rows = tables["x"].num_rows
        name, work = f"{task}-{question.name}: {question.text}", (lambda q=question: engine.ask(q))
        record = bench.measure(name, rows, work, moved, right, {"cudf": by_cudf(question)})
        if record is not None:
            seconds[question.name] = record["median"]
    return seconds


def bytes_in(question: Question, tables: dict[str, pa.Table]) -> int:
    """The columns that a question reads, strings as their four-byte codes."""

    def width(table: pa.Table, name: str) -> int:
        kind = table.schema.field(name).type
        return table.num_rows * (4 if pa.types.is_dictionary(kind) else kind.bit_width // 8)

    if isinstance(question, GroupBy):
        names = {*question.keys, *(column for _, function, column in question.aggs if function != "len")}
        return sum(width(tables["x"], n) for n in names)
    return sum(width(tables[t], n) for t in ("x", question.right) for n in tables[t].column_names)


def expected_rows(bench: Bench, question: Question, tables: dict[str, pa.Table]) -> int:
    """Count the rows of an answer by sorting or marking the key columns."""
    xp = bench.xp
    if isinstance(question, GroupBy):
        word = xp.zeros(tables["x"].num_rows, "uint64")
        for key in question.keys:  # distinct up to a chance of 1e-4: six keys have more values than 64 bits
            word = word * xp.uint64(0x9E3779B97F4A7C15) + _codes(xp, tables["x"], key).astype("uint64")
            word ^= word >> xp.uint64(29)
        return len(xp.unique(word))
    if question.how == "left":
        return tables["x"].num_rows
    left, right = (_codes(xp, tables[t], question.on) for t in ("x", question.right))
    times = xp.bincount(right, minlength=int(left.max()) + 1)
    return int(times[left].sum())


def _codes(xp: Any, table: pa.Table, name: str) -> Any:
    array = table[name].combine_chunks()
    array = array.chunk(0) if isinstance(array, pa.ChunkedArray) else array
    return xp.asarray((array.indices if pa.types.is_dictionary(array.type) else array).to_numpy(zero_copy_only=False))


def join_tables(bench: Bench, rows: int) -> dict[str, pa.Table]:
    """The tables of `benchmarks.data.join_tables`, drawn on the device and without ``id6``.

    Drawing 1e8 rows on the host takes minutes, and the 1e8 strings of ``id6``, which no question joins on, as long again.
    """
    xp, random = bench.xp, bench.random()

    def shuffled(values: Any) -> Any:
        return values[xp.argsort(random.random(len(values)))]

    sizes = {"small": max(rows // 1_000_000, 10), "medium": max(rows // 1_000, 10), "big": rows}
    sides = []
    for distinct in sizes.values():
        spare = max(distinct // 10, 1)
        keys = shuffled(xp.arange(1, distinct + spare + 1, dtype="int32"))
        sides.append((keys[:distinct], xp.concatenate([keys[: distinct - spare], keys[distinct:]])))
    tables = {}
    for name, n, keyed, value in (("x", rows, 3, "v1"), *((t, n, i, "v2") for i, (t, n) in enumerate(sizes.items(), 1))):
        columns = {}
        for i in range(keyed):
            keys = sides[i][name != "x"]
            ids = shuffled(xp.concatenate([keys, keys[bench.below(random, len(keys), n - len(keys))]]))
            columns[f"id{i + 1}"] = pa.array(_host(ids))
            if i < 2:
                top = max(int(side.max()) for side in sides[i])
                texts = pa.array([f"id{k}" for k in range(1, top + 1)])
                columns[f"id{i + 4}"] = pa.DictionaryArray.from_arrays(pa.array(_host(ids - 1)), texts)
        columns[value] = pa.array(_host(random.random(n) * 100))
        tables[name] = pa.table(dict(sorted(columns.items())))
    return tables


def _host(array: Any) -> Any:
    return array if isinstance(array, np.ndarray) else array.get()
