"""What plans know of a function is declared with it: nothing outside the declarations compares names."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from gpuflow_kernels.declare.aggregate import AGGREGATIONS
from gpuflow_kernels.declare.scalar import SCALARS

import gpuflow  # noqa: F401  (fills the registries)

ROOT = Path(__file__).parents[2]
DECLARATIONS = ("builtin_", "functions", "aggregations", "dtype_like")
"""Modules and folders that declare functions, and one that compares names of types."""


def names() -> set[str]:
    """Every declared name, without its namespace."""
    return {key.rpartition(".")[2] for registry in (SCALARS, AGGREGATIONS) for key in registry}


def compared(tree: ast.AST, declared: set[str]) -> list[str]:
    """Names of functions that a module compares something called `name` with."""
    hits: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and _is_name(node.left):
            hits += _words(node.comparators)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_name(node.func.value):
            hits += _words(node.args) if node.func.attr in ("startswith", "endswith") else []
        elif isinstance(node, ast.Match) and _is_name(node.subject):
            hits += _words([v for case in node.cases for v in ast.walk(case.pattern) if isinstance(v, ast.Constant)])
    return [h for h in hits if h in declared]


def _is_name(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr == "name" and not (isinstance(node.value, ast.Name) and node.value.id in ("target", "parameter", "os"))
    return isinstance(node, ast.Name) and node.id == "name"


def _words(nodes: list[ast.AST]) -> list[str]:
    return [c.value for n in nodes for c in ast.walk(n) if isinstance(c, ast.Constant) and isinstance(c.value, str)]


def test_no_module_compares_names_of_functions() -> None:
    declared = names()
    assert {"and", "cast", "sum", "year"} <= declared
    faults = {}
    for folder in (ROOT / "gpuflow", ROOT / "kernels"):
        for file in folder.rglob("*.py"):
            inside = file.relative_to(folder).parts
            if not any(part.startswith(DECLARATIONS) for part in inside):
                faults[str(file)] = compared(ast.parse(file.read_text()), declared)
    assert {f: hits for f, hits in faults.items() if hits} == {}


@pytest.mark.parametrize(
    "text",
    [
        'call.overload.name == "cast"',
        'agg.aggregation.name in ("sum", "other")',
        'node.name.startswith("cast")',
        'match name:\n    case "sum":\n        pass',
    ],
)
def test_comparisons_are_seen(text: str) -> None:
    assert compared(ast.parse(text), names())
