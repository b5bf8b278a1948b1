"""Every public function has an example in its docstring, and all examples in docstrings run: on the target PYTHON."""

from __future__ import annotations

import doctest
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

import dask
import pytest
from gpuflow_kernels.declare.aggregate import AGGREGATIONS
from gpuflow_kernels.declare.scalar import SCALARS

import gpuflow as gf
from gpuflow.docstrings import sections
from tests.docstrings import public_objects

ROOT = Path(__file__).resolve().parents[2]

ELSEWHERE = {"from_cupy", "Table.to_cupy", "cluster"}
"""What needs a device or starts processes: their examples are shown, not run."""


def modules() -> list[str]:
    """The modules with examples, but for the declarations, whose docstrings the registries hold."""
    found = []
    for base, package in ((ROOT, "gpuflow"), (ROOT / "kernels", "gpuflow_kernels")):
        for file in sorted(base.glob(f"{package}/**/*.py")):
            if not {"functions", "aggregations"} & set(file.parts) and ">>> " in file.read_text(encoding="utf-8"):
                parts = file.relative_to(base).with_suffix("").parts
                found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return found


def declared() -> dict[str, str]:
    """Docstrings of the declared functions that users can write: as a method or as an operator."""
    found = {name: f.doc for name, f in SCALARS.items() if f.method or f.operator}
    return found | {f"{name} (aggregation)": f.doc for name, f in AGGREGATIONS.items()}


def written() -> dict[str, str]:
    """Return the docstrings of everything public."""
    return {name: inspect.getdoc(thing) or "" for name, thing in public_objects().items()}


def without_example(docs: dict[str, str]) -> list[str]:
    """Names whose docstrings have no example that runs."""
    found = []
    for name, doc in docs.items():
        examples = doctest.DocTestParser().get_examples(doc)
        run = [e for e in examples if name in ELSEWHERE or not e.options.get(doctest.SKIP)]
        if all(e.source.startswith(("import ", "from ")) for e in run):
            found.append(name)
    return found


@pytest.fixture(autouse=True)
def on_python() -> Iterator[None]:
    """What an example declares is forgotten after it."""
    scalars, aggregations = dict(SCALARS), dict(AGGREGATIONS)
    with dask.config.set({"gpuflow.target": "python"}):
        yield
    for registry, before in ((SCALARS, scalars), (AGGREGATIONS, aggregations)):
        registry.clear()
        registry.update(before)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", modules())
def test_examples_of_modules_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("name", declared())
def test_examples_of_declared_functions_run(name: str) -> None:
    test = doctest.DocTestParser().get_doctest(declared()[name], {}, name, None, None)
    assert doctest.DocTestRunner(verbose=False).run(test).failed == 0


def test_every_public_function_has_an_example() -> None:
    docs = declared() | written()
    assert {"abs", "sum (aggregation)", "dt.year", "lit", "scan_csv", "Frame.join", "Table.to_arrow", "Expr.cast"} <= set(docs)
    assert without_example(docs) == []


def test_what_is_no_example() -> None:
    docs = {"prose": "Adds.", "imports": ">>> import os", "skipped": ">>> f()  # doctest: +SKIP", "fine": ">>> f()\n1"}
    assert without_example(docs) == ["prose", "imports", "skipped"]


def test_a_method_has_the_docstring_of_its_declaration() -> None:
    x = gf.col("x")
    for method, entry in ((x.abs, SCALARS["abs"]), (x.dt.year, SCALARS["dt.year"]), (x.sum, AGGREGATIONS["sum"])):
        declared, shown = sections(entry.doc), sections(method.__doc__)
        assert {title: shown[title] for title in declared} == declared
        assert shown["Returns"].startswith("Expr")
