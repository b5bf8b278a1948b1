"""A report of `benchmarks.runner` as a table for the terminal, as Markdown, and as JSON."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

START, END = "<!-- {} -->", "<!-- end -->"


def ratio(entry: dict[str, Any]) -> float | None:
    """Return the best peer's median over gpuflow's: above 1, gpuflow is ahead. None where either has no answer."""
    medians = {e: t["median"] for e, t in entry["engines"].items() if "median" in t and e not in entry["wrong"]}
    ours = medians.pop("gpuflow", None)
    return min(medians.values()) / ours if ours and medians else None


def _seconds(timing: dict[str, Any] | None, wrong: bool) -> str:
    if timing is None:
        return ""
    if "error" in timing:
        return "fails"
    if wrong:
        return "wrong"
    return f"{timing['median']:.3f}" + ("" if len(timing["times"]) >= 5 else f" (n={len(timing['times'])})")


def rows(report: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return heading and lines of the ratio table."""
    engines = list(report["engines"])
    heading = ["question", "", *engines, "gpuflow, first call", "ratio"]
    lines = []
    for key, entry in report["questions"].items():
        cells = [_seconds(entry["engines"].get(e), e in entry["wrong"]) for e in engines]
        first = entry["engines"].get("gpuflow", {}).get("first")
        value = ratio(entry)
        lines.append([key, entry["text"], *cells, f"{first:.2f}" if first else "", f"{value:.2f}" if value else ""])
    for task in ("groupby", "join"):
        values = [v for k, e in report["questions"].items() if k.startswith(task) and (v := ratio(e))]
        if values:
            mean = math.exp(sum(map(math.log, values)) / len(values))
            lines.append([f"{task}, geometric mean", "", *[""] * (len(engines) + 1), f"{mean:.2f}"])
    return heading, lines


def markdown(report: dict[str, Any], command: str) -> str:
    """Return the table as Markdown, with what is needed to repeat the run."""
    heading, lines = rows(report)
    host = report["machine"]
    versions = ", ".join(f"{name} {e.get('version', '?')}" for name, e in report["engines"].items())
    text = [
        f"{host['processor']}, {report['threads']} threads each, {host['memory_gib']} GiB, Python {host['python']}, "
        f"{report['date']}, {report['rows']:,} rows; seconds, median; ratio = best other / gpuflow. `{command}`",
        "",
        f"{versions}.",
        "",
        "| " + " | ".join(heading) + " |",
        "|---|---|" + "---:|" * (len(heading) - 2),
        *("| " + " | ".join(line) + " |" for line in lines),
    ]
    return "\n".join(text) + "\n"


def show(report: dict[str, Any], console: Console) -> None:
    """Print the table, and every wrong or missing answer below it."""
    heading, lines = rows(report)
    table = Table(title=f"{report['rows']:,} rows, {report['threads']} threads, seconds (median)")
    for i, name in enumerate(heading):
        table.add_column(name, justify="left" if i < 2 else "right", no_wrap=i == 0)
    for line in lines:
        table.add_row(*line)
    console.print(table)
    for key, entry in report["questions"].items():
        for engine, why in entry["wrong"].items():
            console.print(f"{key}, {engine}: {why}", style="bold red", markup=False)
        for engine, timing in entry["engines"].items():
            if "error" in timing:
                console.print(f"{key}, {engine}: {timing['error']}", style="yellow", markup=False)


def save(report: dict[str, Any], folder: Path, name: str, command: str) -> Path:
    """Write ``<name>.json`` and ``<name>.md``; return the path of the first."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(report, indent=1) + "\n")
    path.with_suffix(".md").write_text(markdown(report, command))
    return path


def put_into(document: Path, name: str, text: str) -> None:
    """Replace the text between the marks ``<!-- name -->`` and ``<!-- end -->`` of a document."""
    old = document.read_text()
    start = START.format(name)
    if start not in old:
        raise ValueError(f"{document} has no mark {start}")
    before, rest = old.split(start, 1)
    after = rest.split(END, 1)[1]
    document.write_text(f"{before}{start}\n{text}{END}{after}")
