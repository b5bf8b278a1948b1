"""Files and modules that are named outside of Python code are there: they move, and what names them fails silently."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
PAGES = sorted(["CONTRIBUTING.md", "README.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))])
TOP = "benchmarks|docs|examples|gpuflow|kernels|notebooks|tests"
HISTORY = {"docs/decisions.md"}
"""Pages of what was, which may name what is gone."""


def module_is_there(name: str) -> bool:
    path = name.removesuffix(".*").replace(".", "/")
    return any((ROOT / top / f"{path}{end}").exists() for top in (".", "kernels") for end in (".py", ""))


def test_types_are_checked_of_modules_that_are_there() -> None:
    """A module that mypy's settings name and that has moved is no longer checked strictly."""
    own = [m for o in PROJECT["tool"]["mypy"]["overrides"] for m in o["module"] if m.startswith("gpuflow")]
    assert own and [m for m in own if not module_is_there(m)] == []


def test_the_quick_tests_are_there() -> None:
    (line,) = re.findall(r"^FAST :=(.*)$", MAKEFILE, re.MULTILINE)
    assert [p for p in shlex.split(line) if not (ROOT / p).exists()] == []


def test_modules_run_by_make_are_there() -> None:
    names = set(re.findall(r" -m ((?:tests|benchmarks)[\w.]*)", MAKEFILE))
    assert len(names) > 5 and [n for n in names if not module_is_there(n)] == []


@pytest.mark.parametrize("page", [p for p in PAGES if p not in HISTORY])
def test_paths_on_a_page_are_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(re.findall(rf"`((?:{TOP})/[\w./-]+\w/?)`", text)) | {
        link.partition("#")[0] for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)\s]+)\)", text)
    }
    base = (ROOT / page).parent
    assert [n for n in sorted(named) if not ((ROOT / n).exists() or (base / n).exists())] == []
