"""The end of an error message: names that are near, or all there are."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def near(name: str, known: Iterable[str], *, limit: int = 3) -> str:
    """``; did you mean 'x'?`` when a known name is near, else ``; there are ...`` when they are few, else nothing.

    >>> near("dep_dealy", ["dep_delay", "carrier"])
    "; did you mean 'dep_delay'?"
    >>> near("zzz", ["a", "b"])
    "; there are 'a', 'b'"
    """
    names = list(dict.fromkeys(known))
    folded = {n.casefold(): n for n in reversed(names)}
    found = [folded[m] for m in difflib.get_close_matches(name.casefold(), list(folded), n=limit, cutoff=0.6)]
    if found:
        return f"; did you mean {listed(found, ' or ')}?"
    if not names:
        return "; there are none"
    shown = names[:12]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return f"; there are {listed(shown)}{more}"


def listed(names: Iterable[str], separator: str = ", ") -> str:
    """Names quoted, in a row."""
    return separator.join(repr(n) for n in names)
