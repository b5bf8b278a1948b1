"""Interval arithmetic of row functions: the closed list of rules that declarations name (``interval="sum"``).

A rule maps the interval of each argument, minimum and maximum, to one that holds every exact result. Declarations have the rule's
name, not a function, because they are pickled as data.
"""

from __future__ import annotations

from collections.abc import Callable

Bounds = tuple[int, int]


def _sum(x: Bounds, y: Bounds) -> Bounds:
    return x[0] + y[0], x[1] + y[1]


def _difference(x: Bounds, y: Bounds) -> Bounds:
    return x[0] - y[1], x[1] - y[0]


def _product(x: Bounds, y: Bounds) -> Bounds:
    corners = [a * b for a in x for b in y]
    return min(corners), max(corners)


def _opposite(x: Bounds) -> Bounds:
    return -x[1], -x[0]


def _magnitude(x: Bounds) -> Bounds:
    least = 0 if x[0] <= 0 <= x[1] else min(abs(x[0]), abs(x[1]))
    return least, max(abs(x[0]), abs(x[1]))


def _same(x: Bounds) -> Bounds:
    return x


def _halved(x: Bounds, y: Bounds) -> Bounds | None:
    """Shift right by `y` places."""
    return (min(x[0], 0), max(x[1], 0)) if y[0] >= 0 else None


INTERVALS: dict[str, Callable[..., Bounds | None]] = {
    "sum": _sum,
    "difference": _difference,
    "product": _product,
    "opposite": _opposite,
    "magnitude": _magnitude,
    "same": _same,
    "shifted right": _halved,
}
"""Rules by name. They return None if the result has no known bounds."""
