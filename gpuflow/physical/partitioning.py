"""How the rows of an operator are spread over its partitions, and whether that is as another operator requires.

Keys are rows over the operator's output columns, so their types belong to them. Rows with equal keys lie in one partition, as
groups understand equal: null equals null, NaN equals NaN, and 0.0 equals -0.0. A join that treats nulls as different rows
drops them or keeps them as they are, so its partitioning holds for groups too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gpuflow_kernels.ir.expressions import Ref, Row, transform, walk

Key = tuple[Row, ...]
"""One key of a partitioning: rows that are equal in every output row, each as good as the others."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """`n` partitions, of which nothing more is known."""

    n: int


@dataclass(frozen=True, slots=True)
class Single:
    """All rows in one partition."""

    n: int = 1


@dataclass(frozen=True, slots=True)
class Replicated:
    """All rows at every partition of the other input."""

    n: int = 1


@dataclass(frozen=True, slots=True)
class Hash:
    """Rows by the hash of `keys` in `n` partitions; as a requirement, with any number where `n` is 0."""

    keys: tuple[Key, ...]
    n: int = 0


@dataclass(frozen=True, slots=True)
class Range:
    """Rows by range of `keys` in `n` partitions, in order; equal first keys share a partition."""

    keys: tuple[Key, ...]
    n: int = 0


Partitioning = Unknown | Single | Replicated | Hash | Range


def keyed(rows: Iterable[Row]) -> tuple[Key, ...]:
    """Keys that are known by one row each."""
    return tuple((row,) for row in rows)


def satisfies(provided: Partitioning, required: Partitioning) -> bool:
    """Whether rows that are spread as `provided` are spread as `required` too."""
    if isinstance(required, Unknown):
        return True
    if isinstance(required, Hash) and not required.n:
        return provided.n == 1 or _together(provided, [row for key in required.keys for row in key])
    return provided == required or (isinstance(required, Single) and provided.n == 1)


def _together(provided: Partitioning, keys: list[Row]) -> bool:
    """Whether rows with equal `keys` lie in one partition."""
    if not isinstance(provided, (Hash, Range)):
        return False
    decisive = provided.keys[:1] if isinstance(provided, Range) else provided.keys
    return all(any(_follows(row, keys) for row in key) for key in decisive)


def _follows(row: Row, keys: list[Row]) -> bool:
    """Whether rows with equal `keys` have an equal `row`. What is computed from floats may differ: 1 / 0.0 and 1 / -0.0."""
    if row in keys:
        return True
    columns = [n for n in walk(row) if isinstance(n, Ref)]
    return bool(columns) and all(c in keys and not c.dtype.is_float for c in columns)


def places(provided: Partitioning, keys: tuple[Row, ...]) -> tuple[int, ...] | None:
    """Which of a join's `keys` rows are hashed by, in order; None unless by nothing else.

    The other side has to be hashed by just the same, so equal results are not enough as they are for groups.
    """
    if not isinstance(provided, Hash):
        return None
    numbers = [next((k for k, row in enumerate(keys) if row in key), None) for key in provided.keys]
    return None if None in numbers else tuple(n for n in numbers if n is not None)


def through(provided: Partitioning, columns: Iterable[tuple[str, Row]]) -> Partitioning:
    """The partitioning by the names of a projection's output; unknown once a key is no longer among the columns."""
    if not isinstance(provided, (Hash, Range)):
        return provided if provided.n == 1 else Unknown(provided.n)
    names: dict[Row, list[Ref]] = {}
    for name, row in columns:
        names.setdefault(row, []).append(Ref(name, row.dtype))
    keys: list[Key] = []
    for key in provided.keys:
        new = tuple(row for old in key for row in _renamed(old, names))
        if not new:
            break
        keys.append(new)
    enough = keys if isinstance(provided, Range) else len(keys) == len(provided.keys)
    return replace(provided, keys=tuple(keys)) if enough else Unknown(provided.n)


def _renamed(row: Row, names: Mapping[Row, list[Ref]]) -> list[Row]:
    """What `row` is called in the output: the columns that hold it, or the same computed from such columns."""
    if row in names:
        return list(names[row])
    columns = {n for n in walk(row) if isinstance(n, Ref)}
    if isinstance(row, Ref) or not columns <= names.keys():
        return []

    def change(node: Any) -> Any:
        return names[node][0] if isinstance(node, Ref) else node

    return [transform(row, change)]


def also(provided: Partitioning, equal: Iterable[tuple[Row, Row]]) -> Partitioning:
    """The partitioning where the two rows of each pair are equal in all output rows: keys are known by both."""
    if not isinstance(provided, (Hash, Range)):
        return provided
    pairs = tuple(equal)
    keys = tuple((*key, *(b for a, b in pairs if a in key and b not in key)) for key in provided.keys)
    return replace(provided, keys=keys)
