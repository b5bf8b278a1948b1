"""The end of an error message: names that are close, or all there are."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable

_NO_VOWELS = dict.fromkeys(map(ord, "aeiou"))


def near(name: str, known: Iterable[str], *, limit: int = 3) -> str:
    """``; did you mean 'x'?`` when a known name is close, else ``; there are ...`` with the first of them.

    Examples
    --------
    >>> near("dep_dealy", ["dep_delay", "carrier"])
    "; did you mean 'dep_delay'?"
    >>> near("zzz", ["a", "b"])
    "; there are 'a', 'b'"
    """
    names = list(dict.fromkeys(known))
    if found := close(name, names)[:limit]:
        return f"; did you mean {listed(found, ' or ')}?"
    if not names:
        return "; there are none"
    shown = names[:12]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return f"; there are {listed(shown)}{more}"


def close(name: str, known: Iterable[str]) -> list[str]:
    """Known names that are a slip of the fingers away from `name`, the closest first, three at most.

    Close are names that differ in case and underscores only, those of which one begins or ends with the words of the other,
    and those that differ by one letter in four, at least one (left out, put in, changed, or swapped with the next) and begin
    alike; and those that differ in vowels only. A few common letters are not enough.

    Examples
    --------
    >>> close("is_nul", ["is_null", "is_in"]), close("rank", ["arctan", "tan"]), close("DepDelay", ["dep_delay"])
    (['is_null'], [], ['dep_delay'])
    """
    wanted = _folded(name)
    ranked = []
    for candidate in dict.fromkeys(known):
        distance = None if candidate.startswith("_") and not name.startswith("_") else _distance(name, wanted, candidate)
        if distance is not None:
            ranked.append((distance, candidate))
    ranked.sort(key=lambda pair: pair[0])
    return [n for _, n in ranked[:3]]


def warn(message: str, kind: type[Warning]) -> None:
    """Warn at the line outside of gpuflow that led here."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == __name__.partition(".")[0]:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, kind, stacklevel=level)


def listed(names: Iterable[str], separator: str = ", ") -> str:
    """Names quoted, in a row."""
    return separator.join(repr(n) for n in names)


def _words(name: str) -> str:
    return name.casefold().replace("_", " ").replace("-", " ").replace(".", " ")


def _folded(name: str) -> str:
    return _words(name).replace(" ", "")


def _distance(name: str, wanted: str, candidate: str) -> float | None:
    """How far a candidate is from what was written; None where it is not close."""
    other = _folded(candidate)
    if wanted == other:
        return 0
    if min(len(name), len(candidate)) > 2:
        long, short = sorted((_words(candidate), _words(name)), key=len, reverse=True)
        if long.startswith(f"{short} ") or long.endswith(f" {short}"):
            return 1.5
    if len(wanted) == 2 and len(other) == 1 and other in wanted:
        return 1
    if len(_consonants(wanted)) > 2 and _consonants(wanted) == _consonants(other):
        return 2
    allowed = min(3, max(1, min(len(wanted), len(other)) // 4))
    if abs(len(wanted) - len(other)) > allowed or min(len(wanted), len(other)) < 3:
        return None
    slips = _slips(wanted, other)
    return slips if slips <= allowed and (slips == 1 or wanted[0] == other[0]) else None


def _consonants(word: str) -> str:
    return word[:1] + word[1:].translate(_NO_VOWELS)


def _slips(a: str, b: str) -> int:
    """Letters left out, put in, changed, or swapped with the next, from one word to the other."""
    before, last = list(range(len(b) + 1)), [0]
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                best = min(best, last[j - 2] + 1)
            row.append(best)
        last, before = before, row
    return before[-1]
