"""Random queries against Polars: ``python -m tests.fuzz.plans --count 50000 --seed 1``.

Each plan has 3 to 6 operators over three small tables, and runs in one of many ways: partitions, morsels, exchanges, hostile
tables and hashes, layouts of strings, rules of the optimiser left out, from memory or Parquet files, staged or as one Dask
graph. Polars runs it as written, without its own optimiser. What differs is made smaller and printed as a script.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import dask
import polars as pl

import gpuflow as gf
from tests.support.running import OPTIMISER_OFF, difference, records
from tests.support.tables import ALL_POOLS, series, widened

from .expressions import KINDS, Column
from .operators import NAMES, Operator, Operators, State

LETTERS = "iiijhxxxyystsbdeufwpmzcqvk"
"""Columns of `tests.support.tables`, the more frequent ones more often."""


@dataclass(frozen=True)
class Plan:
    """Tables, operators over them, and a way of running. Number -1 is the last table, which is the result."""

    tables: tuple[pl.DataFrame, ...]
    operators: tuple[Operator, ...]
    ordered: bool
    settings: dict[str, Any] = field(default_factory=dict)
    source: str = "memory"
    static: bool = False

    @property
    def used(self) -> list[int]:
        """The numbers of the tables that operators read."""
        return sorted({i for o in self.operators for i in o.inputs if i < len(self.tables)})

    @property
    def text(self) -> str:
        """The body of a function of the module `x` and the tables."""
        return "\n".join(f"{name} = {text}" for name, text in _lines(self))


def _name(plan: Plan, number: int) -> str:
    return "abc"[number] if number < len(plan.tables) else f"t{number - len(plan.tables) + 1}"


def _lines(plan: Plan) -> Iterator[tuple[str, str]]:
    for number, operator in enumerate(plan.operators, len(plan.tables)):
        text = operator.text
        for place, source in enumerate(operator.inputs):
            text = text.replace(f"@{place}", _name(plan, source))
        yield _name(plan, number), text


def drawn(seed: int, number: int) -> Plan:
    """Plan `number` of a seed."""
    random = Random(f"{seed} {number}")
    found = [_table(random) for _ in range(3)]
    tables = [rows for rows, _ in found]
    states = [State(columns, True, len(rows)) for rows, columns in found]
    operators = Operators(random, states)
    made = tuple(operators.draw() for _ in range(random.randint(3, 6)))
    most = max(1, max(len(t) for t in tables))
    return Plan(
        tuple(tables),
        made,
        states[-1].ordered,
        _settings(random, most),
        "parquet" if random.random() < 0.06 else "memory",
        random.random() < 0.15,
    )


def _table(random: Random) -> tuple[pl.DataFrame, dict[str, Column]]:
    """Rows, and what their columns are."""
    letters = random.sample(LETTERS, random.randint(2, 6))
    names = random.sample(NAMES, len(letters))
    rows = random.choice((0, 1, 2, 3, 5, 6, 7, 8, 9))
    found = {}
    for name, letter in zip(names, letters, strict=True):
        dtype, pool = ALL_POOLS[letter]
        values = random.sample(pool, min(len(pool), random.randint(1, 5)))  # few, so that they repeat
        if letter == "x":
            values += [0.0, -0.0]
        nulls = random.choice((0.0, 0.0, 0.2, 0.2, 1.0))
        found[name] = series([None if random.random() < nulls else random.choice(values) for _ in range(rows)], dtype)
    return pl.DataFrame(found), {name: Column(KINDS[letter]) for name, letter in zip(names, letters, strict=True)}


def _settings(random: Random, rows: int) -> dict[str, Any]:
    """A way of running; sizes decide between broadcast and exchange, one partition and many, and how often rows are merged."""
    parts = random.choice((1, 1, 2, 3, 17))
    found: dict[str, Any] = {
        "gpuflow.threads": 2,
        "gpuflow.partition-rows": max(1, -(-rows // parts)),
        "gpuflow.strings": random.choice(("auto", "plain", "dictionary")),
    }
    for name, small in (("broadcast-rows", 1), ("merge-rows", 1), ("sort-rows", 2), ("morsel-rows", random.choice((1, 3)))):
        if random.random() < 0.3:
            found[f"gpuflow.{name}"] = small
    hostile = [switch for switch in ("tiny", "hash") if random.random() < 0.15]
    off = random.random()
    disabled = OPTIMISER_OFF if off < 0.15 else [r for r in OPTIMISER_OFF if random.random() < 0.3] if off < 0.4 else []
    return found | {"gpuflow-tests.hostile": hostile, "gpuflow.optimize.disable": disabled}


# -- running ----------------------------------------------------------------------------------------------------------
HELPERS = """
def zeroed(table, names):  # keys of groups have one zero in gpuflow
    either = pl.col(names)
    return table if x is gf else table.with_columns(pl.when(either == 0.0).then(either.abs()).otherwise(either))

def kept(table):
    return table.persist() if x is gf else table

def ordered(table, by, descending, nulls_last):
    more = {} if x is gf else {"maintain_order": True}
    return table.sort(by, descending=descending, nulls_last=nulls_last, **more)
"""
_HELPERS = compile(HELPERS, "<helpers>", "exec")


def built(plan: Plan, module: Any, tables: Mapping[int, Any]) -> Any:
    """The lazy table that a plan makes of `tables`, in gpuflow or in Polars."""
    names = {"x": module, "gf": gf, "pl": pl, "dt": dt} | {_name(plan, k): t for k, t in tables.items()}
    exec(_HELPERS, names)
    exec(plan.text, names)
    return names[_name(plan, len(plan.tables) + len(plan.operators) - 1)]


def expected(plan: Plan) -> pl.DataFrame:
    """What Polars makes of it as written."""
    lazy = built(plan, pl, {k: widened(plan.tables[k]).lazy() for k in plan.used})
    result: pl.DataFrame = lazy.collect(optimizations=pl.QueryOptFlags.none())
    return result


def wrong(plan: Plan, target: str = "python") -> str:
    """How the two answers differ, or nothing."""
    with ExitStack() as stack:
        stack.enter_context(dask.config.set({**plan.settings, "gpuflow.target": target}))
        sources = stack.enter_context(_sources(plan))
        try:
            frame = built(plan, gf, sources)
            found = dask.compute(frame)[0] if plan.static else frame.collect()
        except Exception as e:
            return f"{type(e).__name__}: {e}"
        wanted = expected(plan)
    if found.schema.names != tuple(wanted.columns):
        return f"columns {found.schema.names}, expected {tuple(wanted.columns)}"
    return difference(records(found), records(wanted), ordered=plan.ordered)


@contextmanager
def _sources(plan: Plan) -> Iterator[dict[int, gf.Frame]]:
    if plan.source == "memory":
        yield {k: gf.from_polars(plan.tables[k]) for k in plan.used}
        return
    with tempfile.TemporaryDirectory() as folder:
        found = {}
        for number in plan.used:
            table, files = plan.tables[number], []
            for k, piece in enumerate([*table.iter_slices(6)] or [table]):
                files.append(Path(folder) / f"{number}-{k}.parquet")
                piece.write_parquet(files[-1], row_group_size=3)
            found[number] = gf.scan_parquet(files)
        yield found


# -- what is wrong, made smaller ---------------------------------------------------------------------------------------
def kind_of(fault: str) -> str:
    """Which faults count as the same while a plan is made smaller: different rows, or an error of a type."""
    return fault.split(":")[0] if fault.split(":")[0].isidentifier() else "rows"


def shrunk(plan: Plan, target: str = "python", tries: int = 400) -> Plan:
    """A smaller plan that fails in the same way: operators, settings and rows left out one after the other."""
    kind = kind_of(wrong(plan, target))
    smaller = True
    while smaller:
        smaller = False
        for candidate in _smaller(plan):
            tries -= 1
            if tries < 0:
                return plan
            try:
                expected(candidate)
            except Exception:  # Polars cannot run it either: a column was left out that it needs
                continue
            fault = wrong(candidate, target)
            if fault and kind_of(fault) == kind:
                plan, smaller = candidate, True
                break
    return plan


def _smaller(plan: Plan) -> Iterator[Plan]:
    for number in reversed(range(len(plan.operators))):
        yield _without(plan, number)
    if plan.static:
        yield replace(plan, static=False)
    if plan.source != "memory":
        yield replace(plan, source="memory")
    for name in plan.settings:
        if name != "gpuflow.threads":
            yield replace(plan, settings={k: v for k, v in plan.settings.items() if k != name})
    for k in plan.used:
        table = plan.tables[k]
        pieces = [table.head(0), table.head(len(table) // 2), table.tail(len(table) // 2)]
        pieces += [table[:row].vstack(table[row + 1 :]) for row in range(len(table))]
        for piece in pieces:
            if len(piece) < len(table):
                yield replace(plan, tables=(*plan.tables[:k], piece, *plan.tables[k + 1 :]))


def _without(plan: Plan, number: int) -> Plan:
    """The plan with one operator left out: its input takes its place."""
    gone = len(plan.tables) + number
    instead = plan.operators[number].inputs[0]
    moved = [instead if k == gone else k - (k > gone) for k in range(len(plan.tables) + len(plan.operators))]
    operators = [replace(o, inputs=tuple(moved[i] for i in o.inputs)) for o in plan.operators]
    return replace(plan, operators=(*operators[:number], *operators[number + 1 :]))


def script(plan: Plan, target: str = "python") -> str:
    """The plan as a program that shows both answers."""
    lines = [
        "import datetime",
        "import datetime as dt",
        "import zoneinfo",
        "from decimal import Decimal",
        "from math import inf, nan",
    ]
    lines += ["import dask", "import polars as pl", "import gpuflow as gf", "from tests.support.tables import series, widened"]
    for k in plan.used:
        table = plan.tables[k].to_dict().items()
        columns = ", ".join(f"{n!r}: series({_plain(s)!r}, pl.{s.dtype!r})" for n, s in table)
        lines.append(f"{_name(plan, k)}0 = pl.DataFrame({{{columns}}})")
    lines += ["for x in (gf, pl):"]
    lines += [f"    {n} = gf.from_polars({n}0) if x is gf else widened({n}0).lazy()" for n in (_name(plan, k) for k in plan.used)]
    lines += [("    " + line).rstrip() for line in HELPERS.strip().splitlines()]
    lines += [f"    {name} = {text}" for name, text in _lines(plan)]
    last = _name(plan, len(plan.tables) + len(plan.operators) - 1)
    lines += [f"    with dask.config.set({ {**plan.settings, 'gpuflow.target': target}!r}):"]
    run = f"dask.compute({last})[0]" if plan.static else f"{last}.collect()"
    lines += [f"        print({run}.to_polars() if x is gf else {last}.collect(optimizations=pl.QueryOptFlags.none()))"]
    return "\n".join(lines)


def _plain(column: pl.Series) -> list[Any]:
    """Values as `series` takes them: times of a zone in UTC."""
    zoned = getattr(column.dtype, "time_zone", None)
    return (column.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if zoned else column).to_list()


@dataclass
class Report:
    """What a run found: failing plans, and how many plans had which operators."""

    seed: int
    run: int = 0
    failures: list[tuple[int, str]] = field(default_factory=list)
    operators: Counter[str] = field(default_factory=Counter)


def fuzz(
    count: int, seed: int, target: str = "python", *, first: int = 0, most: int = 5, shrink: bool = True, log: Any = None
) -> Report:
    """Run plans `first` to `first + count` of a seed; stop after `most` failures."""
    report = Report(seed)
    for number in range(first, first + count):
        plan = drawn(seed, number)
        report.run += 1
        fault = wrong(plan, target)
        if fault:
            small = shrunk(plan, target) if shrink else plan
            where = f"plan {number} of seed {seed} on {target}"
            report.failures.append((number, f"# {where}: {wrong(small, target)}\n{script(small, target)}\n"))
            if log is not None:
                print(report.failures[-1][1], file=log, flush=True)
            if len(report.failures) == most:
                break
        if log is not None and report.run % 1000 == 0:
            print(f"{report.run} plans, {len(report.failures)} differ", file=log, flush=True)
    return report


@contextmanager
def _cluster() -> Iterator[None]:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, protocol="tcp", host="127.0.0.1", dashboard_address=None
        ) as cluster,
        Client(cluster),
    ):
        yield


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.plans", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="plans to run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="the number of the first plan")
    parser.add_argument("--target", choices=("python", "cpu"), default="python")
    parser.add_argument("--most", type=int, default=5, help="failures after which to stop")
    parser.add_argument("--cluster", action="store_true", help="on a cluster of two workers, as threads of this process")
    asked = parser.parse_args(arguments)
    warnings.simplefilter("error")
    began = time.perf_counter()
    with _cluster() if asked.cluster else nullcontext():
        report = fuzz(asked.count, asked.seed, asked.target, first=asked.first, most=asked.most, log=sys.stdout)
    seconds = time.perf_counter() - began
    where = f"{asked.target}, on a cluster" if asked.cluster else asked.target
    print(f"seed {asked.seed}: {report.run} plans on {where}, {len(report.failures)} differ, {seconds:.0f} s")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
