"""Docstrings in NumPy's style, taken apart and composed: what several functions share is written once."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, TypeVar

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

ORDER = ("", "Parameters", "Returns", "Yields", "Raises", "Warns", "See Also", "Notes", "Examples")
"""Titles of sections in NumPy's order; what stands before the first one has none."""

_TITLE = re.compile(rf"^({'|'.join(filter(None, ORDER))})\n-+\n", re.MULTILINE)


def sections(doc: str | None) -> dict[str, str]:
    """Split a docstring into the texts of its sections, by title.

    Parameters
    ----------
    doc : str or None
        None, as Python has it without docstrings, has no sections.

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> sections("Add.\\n\\nReturns\\n-------\\nint\\n")
    {'': 'Add.', 'Returns': 'int'}
    """
    text, *rest = _TITLE.split(inspect.cleandoc(doc or ""))
    titled = zip(rest[::2], rest[1::2], strict=True)
    return {title: body.strip("\n") for title, body in [("", text), *titled] if body.strip()}


def joined(parts: dict[str, str]) -> str:
    """Write a docstring of sections, in NumPy's order.

    Parameters
    ----------
    parts : dict of str to str
        As `sections` returns them.

    Returns
    -------
    str

    Examples
    --------
    >>> print(joined({"Returns": "int", "": "Add."}))
    Add.
    <BLANKLINE>
    Returns
    -------
    int
    """
    titles = [title for title in ORDER if title in parts]
    return "\n\n".join(f"{title}\n{'-' * len(title)}\n{parts[title]}" if title else parts[title] for title in titles)


def parameters_as_in(base: Callable[..., Any]) -> Callable[[FunctionT], FunctionT]:
    """Describe the parameters that a function shares with another one by that one's texts.

    Parameters
    ----------
    base : function
        Where the texts stand. A parameter that the decorated function describes itself keeps its own text.

    Returns
    -------
    decorator

    Examples
    --------
    >>> def first(x):
    ...     '''Do this.
    ...
    ...     Parameters
    ...     ----------
    ...     x : int
    ...         A number.
    ...     '''
    >>> @parameters_as_in(first)
    ... def second(x):
    ...     '''Do that.'''
    >>> print(second.__doc__)
    Do that.
    <BLANKLINE>
    Parameters
    ----------
    x : int
        A number.
    """

    def decorate(function: FunctionT) -> FunctionT:
        parts = sections(function.__doc__)
        if parts:
            parts["Parameters"] = parameters(inspect.signature(function), function.__doc__, base.__doc__)
            function.__doc__ = joined(parts)
        return function

    return decorate


def parameters(signature: inspect.Signature, *docs: str | None) -> str:
    """Write the section on the parameters of a signature, each with the text of the first docstring that describes it."""
    entries = [_entries(sections(doc).get("Parameters", "")) for doc in docs]
    texts = (next((described[name] for described in entries if name in described), "") for name in signature.parameters)
    return "\n".join(text for text in dict.fromkeys(texts) if text)


def _entries(text: str) -> dict[str, str]:
    """Split a section of parameters into the text of each; those described together have the same text."""
    entries = re.split(r"\n(?=\S)", text) if text else []
    names = [[name.strip(" *") for name in entry.partition("\n")[0].partition(" :")[0].split(",")] for entry in entries]
    return {name: entry for group, entry in zip(names, entries, strict=True) for name in group}
