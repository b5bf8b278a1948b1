"""Docstrings of declared methods, with a section on their parameters made from the declaration."""

from __future__ import annotations

import inspect
import re
import textwrap

from gpuflow_kernels.declare.aggregate import AggregateFunction
from gpuflow_kernels.declare.scalar import ScalarFunction, argument_names

_SENTENCE = re.compile(r"(?<=\.)\s+")


def documented(entry: ScalarFunction | AggregateFunction, signature: inspect.Signature) -> str:
    """Write the docstring of a method: the declared one, with each parameter's name, type and default before the examples.

    A parameter has a line of its own where a sentence of the declared text behind the first one names it.

    Parameters
    ----------
    entry : ScalarFunction or AggregateFunction
    signature : inspect.Signature
        Of the method, ``self`` included.

    Examples
    --------
    >>> from gpuflow_kernels.declare.scalar import SCALARS
    >>> from gpuflow.expr.methods import signature_of
    >>> print(documented(SCALARS["round"], signature_of(SCALARS["round"])).partition("Examples")[0].rstrip())
    The value rounded to a number of digits after the point, halves to the even digit.
    <BLANKLINE>
    Parameters
    ----------
    digits : int, default 0
    """
    parameters = list(signature.parameters.values())[1:]
    if not parameters or "Parameters\n---" in entry.doc:
        return entry.doc
    text, examples = _parts(entry.doc)
    lines = ["Parameters", "----------"]
    for parameter in parameters:
        lines.append(f"{parameter.name} : {_type(entry, parameter)}")
        lines += textwrap.wrap(_line(text, parameter.name), 110, initial_indent="    ", subsequent_indent="    ")
    return "\n\n".join(part for part in (text, "\n".join(lines), examples) if part)


def _parts(doc: str) -> tuple[str, str]:
    """What a docstring says, and its examples under their heading."""
    found = re.search(r"^(Examples\n-+\n|>>> )", doc, re.MULTILINE)
    if found is None:
        return doc.strip(), ""
    examples = doc[found.start() :].strip()
    return doc[: found.start()].strip(), examples if examples.startswith("Examples") else f"Examples\n--------\n{examples}"


def _type(entry: ScalarFunction | AggregateFunction, parameter: inspect.Parameter) -> str:
    """The type of a parameter and its default, as NumPy's style has them."""
    known = parameter.annotation is not parameter.empty
    plain = parameter.annotation.__name__ if known else ""
    if isinstance(entry, ScalarFunction):
        columns = argument_names(entry.overloads[0])[: entry.arity]
        if parameter.name in columns:
            plain = "expression or literal"
        elif parameter.name == entry.or_column:
            plain = "str, duration or expression" if parameter.name in ("every", "by") else "literal or expression"
        elif parameter.name == "dtype":
            plain = "type, as `cast` takes it"
    default = "" if parameter.default is parameter.empty else parameter.default
    shown = "optional" if default is None else f"default {default!r}" if parameter.default is not parameter.empty else ""
    return ", ".join(part for part in (plain or "literal", shown) if part)


def _line(text: str, name: str) -> str:
    """The first sentence of a text that names a parameter, unless it is the summary, which stands right above."""
    _, *sentences = _SENTENCE.split(" ".join(text.split()))
    found = next((s for s in sentences if f"`{name}`" in s or f"``{name}=" in s), "")
    return found[:1].upper() + found[1:]
