"""Examples in the docstrings of the planning modules run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import gpuflow

PACKAGES = ("gpuflow.expr", "gpuflow.plan", "gpuflow.optimize")
NAMES = ["gpuflow", "gpuflow.frame", "gpuflow.errors", "gpuflow.schema", "gpuflow.preview"]
NAMES += [m.name for p in PACKAGES for m in pkgutil.iter_modules(importlib.import_module(p).__path__, p + ".")]


@pytest.mark.parametrize("name", NAMES)
def test_examples_run(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples():
    tests = doctest.DocTestFinder().find(gpuflow.Frame)
    assert sum(bool(t.examples) for t in tests) >= 2
