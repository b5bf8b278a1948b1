"""Errors for names that users know from other libraries: each says what to write here instead.

A table of ways, by name, belongs to each kind of object; `unknown` makes the error from it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from gpuflow.errors import UnknownNameError

from .hints import listed


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


def close(name: str, known: Iterable[str]) -> list[str]:
    """Names that differ from `name` by a slip of the fingers; a few common letters are not enough.

    >>> close("fliter", ["filter", "fill_null"]), close("cut", ["count"]), close("median", ["radians", "mean"])
    (['filter'], [], [])
    """
    folded = {n.casefold(): n for n in known if not n.startswith("_")}
    return [folded[n] for n in difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.75) if _slip(name.casefold(), n)]


def _slip(name: str, other: str) -> bool:
    """True if the letters are the same in another order, or one or two are added, left out or replaced in a long name."""
    if sorted(name) == sorted(other) or name.replace("_", "") == other.replace("_", ""):
        return True
    wrong = sum(
        max(b - a, d - c) for tag, a, b, c, d in difflib.SequenceMatcher(None, name, other).get_opcodes() if tag != "equal"
    )
    shorter = min(len(name), len(other))
    return shorter > 3 and wrong <= (1 if shorter < 7 else 2)
