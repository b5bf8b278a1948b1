"""Docstrings of declared methods, with a section on their parameters made from the declaration."""

from __future__ import annotations

import inspect
import re
import textwrap

from gpuflow_kernels.declare.aggregate import AggregateFunction
from gpuflow_kernels.declare.scalar import ScalarFunction, argument_names

EVERYWHERE = {
    "filter": ("expression", "Aggregate only the rows for which this condition is true; null counts as false."),
    "distinct": ("bool", "Aggregate each different value once."),
}
"""Type and line of the parameters that every aggregation has, for none of them to declare."""
_SENTENCE = re.compile(r"(?<=\.)\s+")


TEXTS = {
    "ambiguous": "Which instant is meant in the hour that a zone's clock shows twice.",
    "base": "The base.",
    "by": "What separates the parts.",
    "characters": "The characters to take off.",
    "digits": "Digits after the point, 0 or more.",
    "dtype": "Type of the result.",
    "fill_char": "One character.",
    "format": 'As `strptime` of C and Python has it, such as ``"%Y-%m-%d"``.',
    "group_index": "Number of a group, from 1; 0 is the whole match.",
    "ignore_nulls": "Skip nulls.",
    "index": "Number of the part, from 1; a negative one counts from the end.",
    "length": "Number of characters.",
    "literal": "Take the pattern as a plain string, not as a regular expression.",
    "lower": "The least value allowed.",
    "n": "How many; a negative number counts from the other end.",
    "pattern": "What to look for.",
    "prefix": "What to look for at the begin.",
    "q": "A part of the values, from 0 to 1.",
    "scale": "Digits after the point.",
    "strict": "Raise where a value does not fit or means nothing (True), or give null there.",
    "suffix": "What to look for at the end.",
    "unit": 'Unit of time: ``"s"``, ``"ms"``, ``"us"`` or ``"ns"``.',
    "upper": "The greatest value allowed.",
    "value": "What stands there instead.",
    "x": "The other operand.",
    "y": "The other operand.",
    "zone": 'Name of a time zone, such as ``"Europe/Berlin"``.',
}
"""What a parameter of a name means, for declarations whose own text has no sentence on it."""


def documented(entry: ScalarFunction | AggregateFunction, signature: inspect.Signature) -> str:
    """Write the docstring of a method: the declared one, with its parameters and what it returns before the examples.

    A parameter is described by the first sentence of the declared text, behind the summary, that names it; otherwise by
    `TEXTS`.

    Parameters
    ----------
    entry : ScalarFunction or AggregateFunction
    signature : inspect.Signature
        Of the method, ``self`` included.

    Returns
    -------
    str

    Examples
    --------
    >>> from gpuflow_kernels.declare.scalar import SCALARS
    >>> from gpuflow.expr.methods import signature_of
    >>> print(documented(SCALARS["round"], signature_of(SCALARS["round"])).partition("Examples")[0].rstrip())
    Return the value rounded to a number of digits after the point, halves to the even digit.
    <BLANKLINE>
    Parameters
    ----------
    digits : int, default 0
        Digits after the point, 0 or more.
    <BLANKLINE>
    Returns
    -------
    Expr
        One value for each row.
    """
    text, examples = _parts(entry.doc)
    parts = [text]
    parameters = list(signature.parameters.values())[1:]
    if parameters and "Parameters\n---" not in text:
        lines = ["Parameters", "----------"]
        for parameter in parameters:
            lines.append(f"{parameter.name} : {_type(entry, parameter)}")
            line = _line(text, parameter.name) or TEXTS.get(parameter.name, "")
            lines += textwrap.wrap(line, 110, initial_indent="    ", subsequent_indent="    ")
        parts.append("\n".join(lines))
    if "Returns\n---" not in text:
        rows = "each row" if isinstance(entry, ScalarFunction) else "each group, or for all rows"
        parts.append(f"Returns\n-------\nExpr\n    One value for {rows}.")
    return "\n\n".join(part for part in (*parts, examples) if part)


def _parts(doc: str) -> tuple[str, str]:
    """Split a docstring into what it says, and its examples under their heading."""
    heading = re.search(r"^(Examples\n-+\n|>>> )", doc, re.MULTILINE)
    if heading is None:
        return doc.strip(), ""
    examples = doc[heading.start() :].strip()
    return doc[: heading.start()].strip(), examples if examples.startswith("Examples") else f"Examples\n--------\n{examples}"


def _type(entry: ScalarFunction | AggregateFunction, parameter: inspect.Parameter) -> str:
    """Describe the type of a parameter and its default, as NumPy's style has them."""
    annotated = parameter.annotation is not parameter.empty
    plain = parameter.annotation.__name__ if annotated else ""
    if isinstance(entry, AggregateFunction) and parameter.name in EVERYWHERE:
        plain = EVERYWHERE[parameter.name][0]
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
    """Find the first sentence of a text that names a parameter, except the summary, which stands right above."""
    if name in EVERYWHERE:
        return EVERYWHERE[name][1]
    _, *sentences = _SENTENCE.split(" ".join(text.split()))
    sentence = next((s for s in sentences if f"`{name}`" in s or f"``{name}=" in s), "")
    return sentence[:1].upper() + sentence[1:]
