"""TPC-H ``lineitem`` from Parquet: ``python -m benchmarks.lineitem``. Each engine alone in its process.

The file is made by ``tpchgen-cli`` (the generator of the TPC-H specification, section 4, in Rust): decimals, dates and strings
as they are specified, SNAPPY pages, dictionaries where they pay.
"""

from __future__ import annotations

import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import click
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from benchmarks.report import markdown, put_into, save, show
from benchmarks.runner import DATA, ROOT, folder_of, machine
from benchmarks.timing import repeated

QUESTIONS = {
    "lineitem-q1": "TPC-H Q1: eight aggregates by return flag and line status",
    "lineitem-q6": "TPC-H Q6: revenue of discounted small orders of a year",
    "lineitem-1%": "all 16 columns of one row in a hundred",
}
ENGINES = ("gpuflow", "polars", "polars-streaming", "duckdb")

Q1 = """SELECT l_returnflag, l_linestatus, sum(l_quantity) AS sum_qty, sum(l_extendedprice) AS sum_base_price,
 sum(l_extendedprice * (1 - l_discount)) AS sum_disc_price, sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) AS sum_charge,
 avg(l_quantity) AS avg_qty, avg(l_extendedprice) AS avg_price, avg(l_discount) AS avg_disc, count(*) AS count_order
 FROM lineitem WHERE l_shipdate <= DATE '1998-09-02' GROUP BY l_returnflag, l_linestatus ORDER BY l_returnflag, l_linestatus"""
Q6 = """SELECT sum(l_extendedprice * l_discount) AS revenue FROM lineitem WHERE l_shipdate >= DATE '1994-01-01'
 AND l_shipdate < DATE '1995-01-01' AND l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24"""


def data_file(scale: float) -> Path:
    """Return the file of a scale factor; generate it if it does not exist."""
    folder = DATA / f"tpch-{scale:g}"
    path = folder / "lineitem.parquet"
    if not path.exists():
        command = [str(Path(sys.executable).parent / "tpchgen-cli"), "parquet", "-s", f"{scale:g}", "--tables=lineitem"]
        with tempfile.TemporaryDirectory(dir=_made(DATA)) as partial:
            subprocess.run([*command, "--output-dir", partial], check=True, stdout=subprocess.DEVNULL)
            _made(folder)
            (Path(partial) / "lineitem.parquet").replace(path)
    return path


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def few(scale: float) -> int:
    """Return the key below which parts are in one row of a hundred: keys are uniform, up to 200,000 at scale 1."""
    return int(2_000 * scale)


# -- the engines ------------------------------------------------------------------------------------------------------
def frames(module: Any, frame: Any, scale: float) -> dict[str, Any]:
    """Return the questions over a lazy frame of gpuflow or Polars, which share the names of methods."""
    import datetime as dt

    col, price, discount = module.col, module.col("l_extendedprice"), module.col("l_discount")
    one = module.lit(Decimal("1"))

    def scaled(expression: Any, scale: int) -> Any:
        """Cast for Polars, which rounds products to the larger scale of their factors, to a scale that holds all digits."""
        return expression.cast(module.Decimal(38, scale)) if module.__name__ == "polars" else expression

    charged = scaled(price, 4) * (one - discount)
    low, high = Decimal("0.05"), Decimal("0.07")
    in_year = (col("l_shipdate") >= dt.date(1994, 1, 1)) & (col("l_shipdate") < dt.date(1995, 1, 1))
    rare = (discount >= module.lit(low)) & (discount <= module.lit(high)) & (col("l_quantity") < module.lit(Decimal("24")))
    return {
        "lineitem-q1": frame.filter(col("l_shipdate") <= dt.date(1998, 9, 2))
        .group_by("l_returnflag", "l_linestatus")
        .agg(
            sum_qty=col("l_quantity").sum(),
            sum_base_price=price.sum(),
            sum_disc_price=charged.sum(),
            sum_charge=(scaled(charged, 6) * (one + col("l_tax"))).sum(),
            avg_qty=col("l_quantity").mean(),
            avg_price=price.mean(),
            avg_disc=discount.mean(),
            count_order=module.len(),
        )
        .sort("l_returnflag", "l_linestatus"),
        "lineitem-q6": frame.filter(in_year & rare).select(revenue=(scaled(price, 4) * discount).sum()),
        "lineitem-1%": frame.filter(col("l_partkey") <= few(scale)),
    }


def gpuflow_engine(path: str, scale: float, threads: int) -> dict[str, Any]:
    import gpuflow as gf

    return {key: (frame.collect, lambda t: t.to_arrow()) for key, frame in frames(gf, gf.scan_parquet(path), scale).items()}


def polars_engine(path: str, scale: float, threads: int, mode: str = "in-memory") -> dict[str, Any]:
    import polars as pl

    asked = frames(pl, pl.scan_parquet(path), scale)
    return {key: (lambda f=frame: f.collect(engine=mode), lambda t: t.to_arrow()) for key, frame in asked.items()}


def streaming_engine(path: str, scale: float, threads: int) -> dict[str, Any]:
    return polars_engine(path, scale, threads, "streaming")


def duckdb_engine(path: str, scale: float, threads: int) -> dict[str, Any]:
    import duckdb

    connection = duckdb.connect(config={"threads": threads})
    connection.execute(f"CREATE VIEW lineitem AS SELECT * FROM read_parquet('{path}')")
    texts = {"lineitem-q1": Q1, "lineitem-q6": Q6, "lineitem-1%": f"SELECT * FROM lineitem WHERE l_partkey <= {few(scale)}"}

    def ask(text: str) -> Any:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE answer AS {text}")
        return "answer"

    return {key: (lambda t=text: ask(t), lambda name: connection.table(name).to_arrow_table()) for key, text in texts.items()}


STARTS = {"gpuflow": gpuflow_engine, "polars": polars_engine, "polars-streaming": streaming_engine, "duckdb": duckdb_engine}


# -- one engine in its process ----------------------------------------------------------------------------------------
def answer_all(spec_file: str) -> None:
    """Ask every question several times, and write times and answers."""
    from importlib.metadata import version

    spec = json.loads(Path(spec_file).read_text())
    name, out = spec["engine"], Path(spec["out"])
    asked = STARTS[name](spec["path"], spec["scale"], spec["threads"])
    report: dict[str, Any] = {"version": version(name.removesuffix("-streaming")), "questions": {}}
    for key in spec["questions"]:
        ask, answer = asked[key]
        try:
            timing = repeated(ask, spec["repeat"], spec["budget"])
            pq.write_table(_comparable(answer(timing.pop("result"))), out / f"{name}-{key}.parquet")
        except Exception as error:
            timing = {"error": f"{type(error).__name__}: {error}"}
        report["questions"][key] = timing
    (out / f"{name}.json").write_text(json.dumps(report))


def _comparable(table: pa.Table) -> pa.Table:
    """Convert an answer to types that all engines can be compared in: one width of decimals, plain strings; rows in one order."""
    columns = []
    for column in table.columns:
        kind = column.type
        if pa.types.is_dictionary(kind):
            column = column.cast(kind.value_type)
            kind = column.type
        if pa.types.is_decimal(kind):
            column = column.cast(pa.decimal128(38, kind.scale))
        elif pa.types.is_integer(kind):
            column = column.cast(pa.int64())
        elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view():
            column = column.cast(pa.string())
        columns.append(column)
    result = pa.table(columns, names=table.column_names)
    keys = [n for n in ("l_orderkey", "l_linenumber", "l_returnflag", "l_linestatus") if n in result.column_names]
    return result.sort_by([(k, "ascending") for k in keys]) if keys else result


def _differences(one: pa.Table, other: pa.Table) -> str:
    if one.column_names != other.column_names or one.num_rows != other.num_rows:
        return f"{one.num_rows} rows of {one.column_names}, {other.num_rows} of {other.column_names}"
    for name in one.column_names:
        a, b = one[name].to_pylist(), other[name].to_pylist()
        for x, y in zip(a, b, strict=True):
            near = isinstance(x, float) and isinstance(y, (float, Decimal)) and abs(x - float(y)) <= 1e-12 * abs(x)
            if x != y and not near:
                return f"{name}: {x!r}, {y!r}"
    return ""


# -- where the time goes ----------------------------------------------------------------------------------------------
PARTS: dict[str, list[str] | None] = {
    "lineitem-q1": ["l_returnflag", "l_linestatus", "l_quantity", "l_extendedprice", "l_discount", "l_tax", "l_shipdate"],
    "lineitem-q6": ["l_extendedprice", "l_discount", "l_shipdate", "l_quantity"],
    "lineitem-1%": None,
}


def split(path: Path, scale: float, repeat: int = 5) -> dict[str, dict[str, float]]:
    """Measure seconds of one core for each question's columns, all rows of them.

    gpuflow: reading their bytes; decompressing their pages; decoding them; the question itself with the table in memory. pyarrow:
    reading, decompressing and decoding the same."""
    import dask

    import gpuflow as gf
    from gpuflow.io.parquet import decode, footers
    from gpuflow.io.parquet.pages import Memory, place_of, read_pages

    strings = ["l_returnflag", "l_linestatus", "l_shipinstruct", "l_shipmode"]
    source = gf.io.scan_parquet(path)
    questions = frames(gf, gf.scan_parquet(path).persist(), scale)
    footer, splits = footers.footer(source.files[0]), source.splits(None)
    times = {}
    for key, names in PARTS.items():
        columns = tuple(names or source.schema)

        def read(decompress: bool, columns: tuple[str, ...] = columns) -> None:
            stored, written = Memory(), Memory()
            with pa.OSFile(str(path)) as opened:
                for part, name in product(splits, columns):
                    for piece in part.pieces:
                        places = [place_of(footer, group, name, source.schema[name]) for group in piece.blocks]
                        assert all(places), f"{name} is left to pyarrow"
                        pages = read_pages(opened, places, np.cumsum([0, *piece.counts]), stored)
                        if decompress:
                            pages.decompress(None, written)

        def by_pyarrow(columns: tuple[str, ...] = columns) -> None:
            with pq.ParquetFile(path, read_dictionary=strings) as opened:
                for k in range(opened.num_row_groups):
                    opened.read_row_group(k, columns=list(columns), use_threads=False)

        with dask.config.set({"gpuflow.threads": 1}):
            asked = {
                "read": partial(read, False),
                "pages": partial(read, True),
                "columns": lambda columns=columns: [part.read(columns) for part in splits],
                "kernel": questions[key].collect,
                "pyarrow": by_pyarrow,
            }
            seconds = {name: repeated(work, repeat, 60)["median"] for name, work in asked.items()}
        times[key] = {
            "read": seconds["read"],
            "decompress": seconds["pages"] - seconds["read"],
            "decode": seconds["columns"] - seconds["pages"],
            "kernel": seconds["kernel"],
            "pyarrow": seconds["pyarrow"],
        }
    assert decode.ROWS <= min(part.rows or 0 for part in splits)
    return times


@click.command()
@click.option("--scale", default=1.0, show_default=True)
@click.option("--engine", "engines", multiple=True, type=click.Choice(ENGINES), help="Only these; all by default.")
@click.option("--threads", default=2, show_default=True)
@click.option("--rounds", default=5, show_default=True, help="Engines take turns so many times: a machine's speed may change.")
@click.option("--repeat", default=3, show_default=True, help="Calls of each question in a round.")
@click.option("--budget", default=60.0, show_default=True, help="Seconds for the repeats of one question; two are always made.")
@click.option("--document", is_flag=True, help="Write results below benchmarks/results and into docs/performance.md.")
def main(scale: float, engines: tuple[str, ...], threads: int, rounds: int, repeat: int, budget: float, document: bool) -> None:
    """Ask three questions of lineitem, file to result, of every engine; exit with 1 on a wrong answer."""
    console, path = Console(width=None if sys.stdout.isatty() else 160), data_file(scale)
    chosen = engines or ENGINES
    report: dict[str, Any] = {
        "machine": machine(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "rows": pq.read_metadata(path).num_rows,
        "threads": threads,
        "engines": {name: {} for name in chosen},
        "questions": {key: {"text": text, "engines": {}, "wrong": {}} for key, text in QUESTIONS.items()},
    }
    limits = dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "DASK_GPUFLOW__THREADS"), str(threads))
    with tempfile.TemporaryDirectory() as scratch:
        spec = {"path": str(path), "scale": scale, "questions": list(QUESTIONS), "out": scratch}
        spec |= {"threads": threads, "repeat": repeat, "budget": budget}
        for number in range(rounds):
            for name in chosen:
                console.print(f"round {number + 1}: {name}", style="dim")
                answer = _ask(spec | {"engine": name}, limits, threads)
                report["engines"][name]["version"] = answer["version"]
                for key, timing in answer["questions"].items():
                    measured = report["questions"][key]["engines"]
                    measured[name] = _pooled(measured.get(name), timing)
        for key, entry in report["questions"].items():
            answers = {n: pq.read_table(p) for n in chosen if (p := Path(scratch) / f"{n}-{key}.parquet").exists()}
            reference = next((n for n in ("duckdb", *answers) if n in answers), None)
            for name, table in answers.items():
                if name != reference and (wrong := _differences(table, answers[str(reference)])):
                    entry["wrong"][name] = f"against {reference}: {wrong}"
    report["split"] = split(path, scale)
    show(report, console)
    command = shlex.join(["python", "-m", "benchmarks.lineitem", *(a for a in sys.argv[1:] if a != "--document")])
    text = markdown(report, command) + _split_text(report["split"])
    console.print(_split_text(report["split"]), markup=False)
    if document:
        host = report["machine"]
        save(report, folder_of(f"{host['processor']} {host['cores']} cores"), f"lineitem-sf{scale:g}", command)
        put_into(ROOT / "docs" / "performance.md", "lineitem", text)
    if any(entry["wrong"] for entry in report["questions"].values()):
        sys.exit(1)


def _ask(spec: dict[str, Any], limits: dict[str, str], threads: int) -> dict[str, Any]:
    """Run an engine in a process of its own, confined to as many cores as it may have threads."""
    file = Path(spec["out"]) / "spec.json"
    file.write_text(json.dumps(spec))
    start = "import sys; from benchmarks.lineitem import answer_all; answer_all(sys.argv[1])"
    if hasattr(os, "sched_setaffinity"):
        start = f"import os; os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[:threads]}); {start}"
    paths = os.pathsep.join([str(ROOT), str(ROOT / "kernels"), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    environment = os.environ | limits | {"PYTHONPATH": paths}
    subprocess.run([sys.executable, "-c", start, str(file)], check=True, env=environment, cwd=ROOT)
    answer: dict[str, Any] = json.loads((Path(spec["out"]) / f"{spec['engine']}.json").read_text())
    return answer


def _pooled(earlier: dict[str, Any] | None, timing: dict[str, Any]) -> dict[str, Any]:
    """Add the times of another round to earlier ones; an error in any of them stays."""
    if earlier is None or "error" in earlier or "error" in timing:
        return earlier if earlier is not None and "error" in earlier else timing
    times = [*earlier["times"], *timing["times"]]
    return earlier | {"times": times, "median": statistics.median(times)}


def _split_text(parts: dict[str, dict[str, float]]) -> str:
    lines = [f"| {key} | " + " | ".join(f"{s:.3f}" for s in seconds.values()) + " |" for key, seconds in parts.items()]
    head = [
        "",
        "Seconds of one core: for all rows of each question's columns, for the question when they are in memory, and those that",
        "pyarrow takes to read, decompress and decode the same:",
        "",
        "| question | read | decompress | decode | kernel | pyarrow |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    return "\n".join([*head, *lines]) + "\n"


if __name__ == "__main__":
    main()
