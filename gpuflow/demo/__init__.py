"""``gpuflow demo``: real questions about the flights of 2013, timed, with a generated kernel and a plot."""

from __future__ import annotations

import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table as Lines

import gpuflow as gf
from gpuflow.installing import install_line

from .data import DemoDataError, locations, prepare
from .questions import QUESTIONS, Question

SHOWN = QUESTIONS[0]
"""Question whose kernel is printed."""
PLOTTED = next(q for q in QUESTIONS if q.name == "delay_by_hour_and_weather")


def frames(folder: Path) -> dict[str, Any]:
    """Return the five tables as lazy frames over the files of `prepare`."""
    return {name: gf.scan_parquet(place) for name, place in locations(folder).items()}


def run(data: Path | None, output: Path, console: Console) -> Path | None:
    """Answer all questions on `console`, and write the plot into the folder `output`.

    Missing packages are reported before anything runs; without matplotlib there is no plot.

    Parameters
    ----------
    data : Path, optional
        Folder for the Parquet files; the user's cache by default.
    output : Path
        Folder for the picture, created if it does not exist.
    console : Console
        Where to print.

    Returns
    -------
    Path or None
        The picture; None without matplotlib.

    Raises
    ------
    DemoDataError
        When the data has to be made, and the packages for that are missing.
    """
    started = time.perf_counter()
    folder = prepare(data)
    drawing = find_spec("matplotlib") is not None
    if not drawing:
        console.print(f"There will be no plot: matplotlib is not installed; {install_line('plot')}\n", markup=False)
    console.print(f"336,776 flights out of New York in 2013, in {folder} ({time.perf_counter() - started:.1f} s to prepare)\n")
    tables = frames(folder)
    plotted: dict[str, list[Any]] = {}
    for question in QUESTIONS:
        frame = question.ask(tables)
        start = time.perf_counter()
        result = frame.collect()
        first = time.perf_counter() - start
        start = time.perf_counter()
        # Run again on the files: only compiled kernels are kept from the first run.
        question.ask(frames(folder)).collect()
        second = time.perf_counter() - start
        columns = result.to_dict()
        console.print(as_lines(question.title, columns))
        console.print(f"first time {first:.2f} s, second time {second:.3f} s\n", style="dim")
        if question is PLOTTED:
            plotted = columns
    console.print(f"The kernel that answers “{SHOWN.title}”:", style="bold")
    kernel = SHOWN.ask(tables).explain("kernel")
    console.print(Syntax(kernel, "python", theme="ansi_dark", word_wrap=True))
    picture = plot(plotted, output / "delay-by-hour.png") if drawing else None
    shown = f"plot: {picture}" if drawing else f"no plot without matplotlib; {install_line('plot')}"
    console.print(f"\n{shown}   (all in {time.perf_counter() - started:.1f} s)", markup=False)
    return picture


def as_lines(title: str, columns: dict[str, list[Any]]) -> Lines:
    """Format a table of results for the terminal: numbers to the right, floats to one decimal."""
    lines = Lines(title=title, title_justify="left", title_style="bold")
    for name, values in columns.items():
        number = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values if v is not None)
        lines.add_column(name.replace("_", " "), justify="right" if number else "left")
    for row in zip(*columns.values(), strict=True):
        lines.add_row(*("" if v is None else f"{v:,.1f}" if isinstance(v, float) else _plain(v) for v in row))
    return lines


def _plain(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def plot(columns: dict[str, list[Any]], path: Path) -> Path:
    """Plot the mean departure delay by hour of day, in dry and in wet weather, as a PNG.

    Parameters
    ----------
    columns : dict of str to list
        The answer of `delay_by_hour_and_weather`.
    path : Path
        The picture to write.

    Raises
    ------
    DemoDataError
        When matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise DemoDataError(f"the plot needs matplotlib; {install_line('plot')}") from None
    figure = Figure(figsize=(8, 4.5), dpi=150, layout="constrained")
    axes = FigureCanvasAgg(figure).figure.add_subplot()
    rows = list(zip(columns["hour"], columns["wet"], columns["delay"], columns["flights"], strict=True))
    for wet, label, colour in ((False, "dry", "#c9772b"), (True, "rain or snow", "#2a6fb0")):
        # The mean of a few flights is not representative.
        points = [(hour, delay) for hour, w, delay, flights in rows if w is wet and flights >= 30]
        axes.plot([h for h, _ in points], [d for _, d in points], color=colour, linewidth=2.2, marker="o", markersize=4)
        axes.annotate(label, points[-1], xytext=(8, 0), textcoords="offset points", color=colour, va="center", weight="bold")
    axes.set_title("Late from morning to night: mean departure delay, New York 2013", loc="left")
    axes.set_xlabel("scheduled hour of departure")
    axes.set_ylabel("minutes")
    axes.set_ylim(bottom=0)
    axes.set_xticks(range(5, 24, 2))
    axes.margins(x=0.12)
    axes.grid(axis="y", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    return path


__all__ = ["Question", "as_lines", "frames", "plot", "run"]
