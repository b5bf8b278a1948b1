"""``python -m benchmarks``: measure, compare, report."""

from __future__ import annotations

import shlex
import sys

import click
from rich.console import Console

from benchmarks.engines import ENGINES
from benchmarks.questions import QUESTIONS
from benchmarks.report import markdown, put_into, save, show
from benchmarks.runner import ROOT, folder_of, run


@click.command()
@click.option("--rows", type=float, default=1e7, show_default=True, help="Rows of the large tables, such as 1e7.")
@click.option("--engine", "engines", multiple=True, type=click.Choice(list(ENGINES)), help="Only these; all by default.")
@click.option("--question", "questions", multiple=True, type=click.Choice(list(QUESTIONS)), help="Only these.")
@click.option("--threads", default=2, show_default=True)
@click.option("--repeat", default=5, show_default=True, help="Timed calls after the first.")
@click.option("--budget", default=90.0, show_default=True, help="Seconds for the repeats of one question; two are always made.")
@click.option(
    "--save/--no-save", "keep", default=True, show_default=True, help="Write JSON and Markdown below benchmarks/results."
)
@click.option("--document", is_flag=True, help="Also put the table into docs/performance.md.")
def main(
    rows: float,
    engines: tuple[str, ...],
    questions: tuple[str, ...],
    threads: int,
    repeat: int,
    budget: float,
    keep: bool,
    document: bool,
) -> None:
    """Ask the db-benchmark questions of every engine, alone and one after another; exit with 1 on a wrong answer."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    count = int(rows)
    chosen = engines or tuple(ENGINES)
    report = run(
        count,
        chosen,
        questions or tuple(QUESTIONS),
        threads=threads,
        repeat=repeat,
        budget=budget,
        say=lambda line: console.print(line, style="dim"),
    )
    show(report, console)
    name = f"db-benchmark-{count:.0e}".replace("e+0", "e").replace("e+", "e")
    command = shlex.join(["python", "-m", "benchmarks", *(a for a in sys.argv[1:] if a != "--document")])
    if keep:
        host = report["machine"]
        path = save(report, folder_of(f"{host['processor']} {host['cores']} cores"), name, command)
        console.print(f"written: {path.relative_to(ROOT)}")
    if document:
        put_into(ROOT / "docs" / "performance.md", "db-benchmark", markdown(report, command))
    if any(entry["wrong"] for entry in report["questions"].values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
