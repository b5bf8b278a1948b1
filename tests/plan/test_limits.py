"""docs/limits.md names what the messages say is not there yet, and nothing else. Its examples run in tests/examples."""

from __future__ import annotations

import re
from pathlib import Path

import gpuflow as gf
from gpuflow.expr import other_names as ways
from gpuflow.frame import other_names
from gpuflow.plan import concat, joins

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "limits.md").read_text()
TABLES = {**ways.WAYS, "table": other_names.WAYS, "group": other_names.GROUP_WAYS}
KINDS = {*joins.MEANWHILE, *concat.MEANWHILE}


def listed() -> set[str]:
    """The names that stand behind `Names:`, to the end of their paragraph."""
    paragraphs = re.findall(r"^Names: (.*?)\n\n", PAGE, re.MULTILINE | re.DOTALL)
    return {name for text in paragraphs for name in re.findall(r"`(\w+)`", text)}


def test_what_messages_call_missing_is_on_the_page() -> None:
    missing = {name for table in TABLES.values() for name, way in table.items() if re.search(r"\byet\b", way)}
    assert len(missing) > 150
    assert sorted((missing | KINDS) - listed()) == []


def test_what_is_on_the_page_is_missing() -> None:
    """A name that is there by now, everywhere where it was asked for, goes from the page."""
    known = {name for table in TABLES.values() for name in table} | KINDS
    assert sorted(listed() - known) == []
    owners = {"table": (gf.Frame, gf.Table), "group": (gf.GroupBy,), "expression": (gf.Expr,), "module": (gf,)}
    there = [
        f"{owner.__name__}.{name}"
        for kind, objects in owners.items()
        for owner in objects
        for name in TABLES[kind]
        if name in listed() and re.search(r"\byet\b", TABLES[kind][name]) and name in dir(owner)
    ]
    assert [name for name in there if name != "Table.tail"] == []


def test_hints_and_page_agree_on_joins() -> None:
    """The code that messages tell to write is the code that runs on the page."""
    page = " ".join(PAGE.split()).replace('"', "'")
    code = re.search(r"(gf\.concat\(.*\))$", joins.MEANWHILE["full"])
    assert code is not None
    assert code[1] in page
