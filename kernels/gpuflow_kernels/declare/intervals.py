"""What a row function does to intervals of whole numbers: the closed list that declarations name (``interval="sum"``).

A rule maps the interval of each argument, least and greatest value, to one that holds every exact result. It is a name
and not a function of the declaration, for declarations travel to other processes as data.
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
    """Shifted right by `y` places."""
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
"""Rules by name. None stands for no statement."""
