"""Errors for names that users know from other libraries: each says what to write here instead.

A table of ways, by name, belongs to each kind of object; `unknown` makes the error from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from inspect import signature
from typing import ParamSpec, TypeVar

from gpuflow.errors import TypeMismatchError, UnknownNameError

from .near_names import close, listed

_P = ParamSpec("_P")
_R = TypeVar("_R")


def unknown(owner: str, name: str, ways: Mapping[str, str], known: Iterable[str]) -> UnknownNameError:
    """Make the error for a name that an object lacks: with the way out, or with names spelt nearly like it.

    Parameters
    ----------
    owner : str
        The object with its article: ``a Frame``.
    name : str
        What was asked for.
    ways : mapping of str to str
        What to write instead, by the name in another library.
    known : iterable of str
        The names that the object has.

    Examples
    --------
    >>> print(unknown("a Frame", "groupby", {"groupby": "write .group_by(...)"}, ["sort"]))
    a Frame has no 'groupby'; write .group_by(...)
    >>> print(unknown("a Frame", "srot", {}, ["sort", "join"]))
    a Frame has no 'srot'; did you mean 'sort'?
    >>> print(unknown("an expression", "rank", {}, ["arctan", "radians"]))
    an expression has no 'rank'
    """
    way = ways.get(name) or ways.get(name.lower())
    if way is None:
        near = close(name, known)
        way = f"did you mean {listed(near, ' or ')}?" if near else ""
    # With a name and no object set, Python appends no guess of its own to the traceback.
    return UnknownNameError(f"{owner} has no {name!r}{'; ' if way else ''}{way}", name=name, obj=None)


def keyword_hints(keywords: Mapping[str, str]) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Decorate a function: for an unknown parameter it raises `TypeMismatchError`, which says what to write instead.

    Parameters
    ----------
    keywords : mapping of str to str
        What to write, by the parameter's name in another library; ``{method}`` is replaced by the function's name.
    """

    def decorate(function: Callable[_P, _R]) -> Callable[_P, _R]:
        own = signature(function).parameters.items()
        parameters = {f"*{n}" if p.kind is p.VAR_POSITIONAL else n: p for n, p in own if n != "self"}
        passes_on = any(p.kind is p.VAR_KEYWORD for p in parameters.values())  # the function called then checks the rest

        @wraps(function)
        def call(*args: _P.args, **named: _P.kwargs) -> _R:
            for name in named:
                if name in parameters or (passes_on and name not in keywords):
                    continue
                near = close(name, parameters)
                guess = f"did you mean {listed(near, ' or ')}?" if near else ""
                way = keywords[name].format(method=function.__name__) if name in keywords else guess
                takes = ", ".join(n for n, p in parameters.items() if p.kind is not p.VAR_KEYWORD) or "nothing"
                raise TypeMismatchError(f"{function.__name__}() takes no {name}=; {way + '; ' if way else ''}it takes {takes}")
            return function(*args, **named)

        return call

    return decorate
