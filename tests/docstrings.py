"""Validation of public docstrings by numpydoc: ``python -m tests.docstrings``, a part of ``make lint``."""

from __future__ import annotations

import inspect
import sys
from typing import Any

import gpuflow as gf
from gpuflow.expr.methods import Accessor
from gpuflow.expr.when_then import Then, When

OFF = {
    "GL01": "text begins on the line of the quotes, as PEP 257 has it",
    "GL02": "docstrings of generated methods have no line for the closing quotes",
    "ES01": "one sentence is enough where it says all",
    "SA01": "names of other functions stand in the text that says why one would want them",
    "RT03": "the type is enough where the summary says what comes of it",
}
"""Checks of numpydoc that are off, and why."""

CLASSES = (gf.Expr, gf.Frame, gf.GroupBy, gf.Schema, gf.Table, Then, When)

NOUNS = frozenset("a an all another any both each how most no number one some the this what when where whether".split())
"""Words with which no imperative begins."""


def public_objects() -> dict[str, Any]:
    """Return the functions, classes, methods and properties that users call, by their names below ``gpuflow``."""
    objects = {n: getattr(gf, n) for n in gf.__all__}
    for owner in CLASSES:
        for name in dir(owner):
            member = inspect.getattr_static(owner, name)
            if isinstance(member, Accessor):
                methods = member.methods
                objects |= {f"{owner.__name__}.{name}.{n}": getattr(methods, n) for n in dir(methods)}
            else:
                objects[f"{owner.__name__}.{name}"] = member if isinstance(member, property) else getattr(owner, name)
    return {n: o for n, o in objects.items() if not n.rpartition(".")[2].startswith("_") and _is_ours(o)}


def _is_ours(thing: Any) -> bool:
    """Return whether an object has a docstring of this project: no constant, and nothing that a base of Python's brings."""
    if isinstance(thing, property):
        return _is_ours(thing.fget)
    function = inspect.unwrap(getattr(thing, "__func__", thing))
    return (inspect.isclass(thing) or inspect.isfunction(function)) and function.__module__.startswith("gpuflow")


def faults(name: str, thing: Any) -> list[str]:
    """Return what numpydoc, or the house, finds wrong with a docstring."""
    from numpydoc.docscrape import get_doc_object
    from numpydoc.validate import validate

    found = [f"{code} {text}" for code, text in validate(get_doc_object(thing))["errors"] if code not in OFF]
    first = (inspect.getdoc(thing) or "").partition(" ")[0].lower()
    if inspect.isroutine(inspect.unwrap(getattr(thing, "__func__", thing))) and first in NOUNS:
        found.append(f"the summary begins with {first!r}, not with an imperative")
    return found


def main() -> int:
    """Print every fault; the exit code is 1 where there is one."""
    wrong = {name: faults(name, thing) for name, thing in public_objects().items()}
    for name, texts in wrong.items():
        for text in texts:
            print(f"gpuflow.{name}: {text}")
    return int(any(wrong.values()))


if __name__ == "__main__":
    sys.exit(main())
