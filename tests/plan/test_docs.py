"""Every row of `docs/semantics.md` names its tests, every test named there exists, and so do files that pages link to."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "semantics.md").read_text()
LINK = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
CELL = re.compile(r"(?<!\\)\|")


def rows(page: str) -> list[list[str]]:
    """The cells of all rows of all tables, without heads."""
    found = [[cell.strip() for cell in CELL.split(line)[1:-1]] for line in page.splitlines() if line.startswith("|")]
    return [row for row in found if row[0] != "case" and set(row[0]) != {"-"}]


@cache
def functions_of(path: Path) -> frozenset[str]:
    """Names of the test functions of a file; of none where there is no such file."""
    tree = ast.parse(path.read_text()) if path.is_file() else ast.Module([], [])
    return frozenset(n.name for n in tree.body if isinstance(n, ast.FunctionDef) and n.name.startswith("test_"))


def faults(page: str) -> list[str]:
    """Rows without a test, and links that lead nowhere."""
    bare = [f"no test: {row[0]}" for row in rows(page) if len(row) != 4 or not row[-1] or LINK.sub("", row[-1]).strip()]
    return bare + [f"no such test: {path}::{name}" for path, name in LINK.findall(page) if name not in functions_of(ROOT / path)]


def test_linked_files_exist() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    linked = [(page, target) for page in pages for target in re.findall(r"\]\(([\w./-]+)[)#]", page.read_text())]
    assert linked
    assert [(page.name, target) for page, target in linked if not (page.parent / target).exists()] == []


def test_every_row_names_tests_that_exist() -> None:
    assert len(rows(PAGE)) >= 35
    assert not faults(PAGE)


def test_every_test_of_the_semantics_is_named() -> None:
    named = {f"{path}::{name}" for path, name in LINK.findall(PAGE)}
    paths = (ROOT / "tests" / "frame").glob("test_semantics*.py")
    there = {f"{path.relative_to(ROOT).as_posix()}::{name}" for path in paths for name in functions_of(path)}
    assert there
    assert not there - named


HEAD = "| case | frames | SQL (planned) | tests |\n|---|---|---|---|\n"


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("| a | b | c | `tests/plan/test_docs.py::test_every_row_names_tests_that_exist` |", None),
        ("| a | b \\| c | d | `tests/plan/test_docs.py::test_every_row_names_tests_that_exist` |", None),
        ("| a | b | c |  |", "no test: a"),
        ("| a | b | c | somewhere |", "no test: a"),
        ("| a | b | `tests/plan/test_docs.py::test_every_row_names_tests_that_exist` |", "no test: a"),
        ("| a | b | c | `tests/plan/test_docs.py::test_gone` |", "no such test: tests/plan/test_docs.py::test_gone"),
        ("| a | b | c | `tests/plan/test_gone.py::test_gone` |", "no such test: tests/plan/test_gone.py::test_gone"),
    ],
)
def test_what_is_wrong_is_found(row: str, fault: str | None) -> None:
    assert faults(HEAD + row) == ([fault] if fault else [])
