"""What a split makes: the pieces of one chunk, by number."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from gpuflow_kernels import host_memory
from gpuflow_kernels.column import Chunk, Column

from gpuflow.arrow.dictionaries import Dictionary, array_module, own_entries

Dictionaries = tuple[Dictionary | None, ...]


class Partitions(list[Chunk]):
    """Pieces of one chunk. They share dictionaries, so they are measured and sent as one thing, not as a list of many."""

    @cached_property
    def shared(self) -> Dictionaries:
        """The dictionaries that pieces leave out when they travel one by one: those of which most entries are needed by
        several pieces. Of the others each piece takes its own entries along."""
        return tuple(_shared([piece.columns[k] for piece in self]) for k in range(len(self[0].columns)))

    def alone(self, index: int) -> Chunk:
        """One piece for a journey: a copy, so that the memory of all pieces is free when the last one has left, and without
        `shared` dictionaries."""
        piece = self[index]
        columns = zip(piece.columns, self.shared, strict=True)
        return Chunk(tuple(_alone(c, d is not None, len(self) > 1) for c, d in columns), piece.length)


def _shared(columns: list[Column]) -> Dictionary | None:
    dictionary = columns[0].dictionary
    if dictionary is None or len(dictionary) > sum(map(len, columns)):
        return None
    xp = array_module(columns[0].values)
    needed = 0
    for column in columns:
        seen = xp.zeros(len(dictionary) or 1, dtype=bool)  # codes of an empty dictionary are 0
        seen[column.values] = True
        needed += int(seen.sum())
    return dictionary if needed >= 2 * len(dictionary) else None


FEW = 16
"""Entries of a dictionary that are not worth leaving out."""


def _alone(column: Column, shared: bool, copied: bool) -> Column:
    if column.dictionary is not None and not shared and len(column.dictionary) > FEW:
        column = own_entries(column)
    values = _copy(column.values) if copied else column.values
    validity = _copy(column.validity) if copied and column.validity is not None else column.validity
    return Column(column.dtype, values, validity, None if shared else column.dictionary)


def _copy(array: Any) -> Any:
    if array.base is None:
        return array
    if array_module(array) is not host_memory.np:
        return array.copy()
    made = host_memory.empty(len(array), array.dtype)
    made[:] = array
    return made


def reunited(piece: Chunk, dictionaries: Dictionaries) -> Chunk:
    """A piece that has come alone, with the dictionaries that it had left out."""
    columns = (
        c if d is None else Column(c.dtype, c.values, c.validity, d) for c, d in zip(piece.columns, dictionaries, strict=True)
    )
    return Chunk(tuple(columns), piece.length)
