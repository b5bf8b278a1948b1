"""Errors for names that users know from other libraries: each says what to write here instead.

A table of ways, by name, belongs to each kind of object; `unknown` makes the error from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gpuflow.errors import UnknownNameError

from .hints import close, listed


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
