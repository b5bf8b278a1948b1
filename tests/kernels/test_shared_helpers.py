"""Helpers of generated modules for CPUs: equal ones are compiled once, others are never taken for each other."""

from __future__ import annotations

from typing import Any

import pytest
from gpuflow_kernels.codegen.cpu import helpers


def defined(text: str) -> dict[str, Any]:
    names: dict[str, Any] = {"device": helpers.shared(nogil=True)}
    exec(text, names)
    return names


ONE = "@device\ndef one(x):\n    return x + 1\n"
TWICE = "@device\ndef twice(x):\n    return one(one(x))\n"


def test_equal_functions_are_one_helper_wherever_they_stand() -> None:
    here, there = defined(ONE + TWICE), defined("\n\n" + ONE + TWICE)
    assert here["twice"] is there["twice"] and here["twice"](3) == 5
    assert len(here["twice"].signatures) == 1


@pytest.mark.parametrize(
    "other",
    [ONE.replace("1", "1.0"), ONE.replace("1", "True"), ONE.replace("+", "-"), ONE.replace("x", "y").replace("y + 1", "-y")],
)
def test_constants_of_another_type_and_other_code_are_other_helpers(other: str) -> None:
    here, there = defined(ONE + TWICE), defined(other + TWICE)
    assert here["one"] is not there["one"] and here["twice"] is not there["twice"]
    assert type(here["twice"](3)) is int and here["twice"](3) == 5


def test_options_are_part_of_a_helper() -> None:
    names = defined(ONE)
    assert helpers.shared(nogil=False)(names["one"].py_func) is not names["one"]


def test_a_helper_keeps_only_the_names_it_uses() -> None:
    """The globals of a module would keep its kernels in memory after the module is forgotten."""
    names = defined(f"many = [1] * 1000\n{ONE}{TWICE}")
    assert names["one"].py_func.__globals__.keys() <= {"__name__", "__builtins__"}
    assert names["twice"].py_func.__globals__.keys() <= {"__name__", "__builtins__", "one"}


def test_the_helpers_longest_unused_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helpers, "_helpers", type(helpers._helpers)())
    monkeypatch.setattr(helpers, "CAPACITY", 2)
    first = defined(ONE)["one"]
    defined(ONE.replace("1", "2"))
    assert defined(ONE)["one"] is first
    defined(ONE.replace("1", "3"))
    assert len(helpers._helpers) == 2 and defined(ONE)["one"] is first
