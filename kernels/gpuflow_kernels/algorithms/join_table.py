"""The finished build side of a join."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gpuflow_kernels.column import Column
from gpuflow_kernels.ir.pipeline import TableShape


@dataclass(frozen=True, slots=True, eq=False)
class JoinTable:
    """The build side of a join, ready for probing.

    Attributes
    ----------
    shape : TableShape
        Properties that probing kernels are specialised on.
    arrays : dict
        Arguments of probing kernels by name: ``direct`` or ``slots`` and words, ``offsets`` where keys repeat.
    payload : tuple of Column
        Payload in the order of key ids: the rows of key ``g`` are ``offsets[g] … offsets[g + 1]``, or ``g`` itself where
        keys are unique.
    keys : tuple of Column
        One row per distinct key (dictionaries of string keys are needed to recode what probes).
    rows, distinct : int
        Rows that can match, and distinct keys among them.
    """

    shape: TableShape
    arrays: dict[str, Any]
    payload: tuple[Column, ...]
    keys: tuple[Column, ...]
    rows: int
    distinct: int

    @property
    def nbytes(self) -> int:
        sizes = [int(getattr(a, "nbytes", 0)) for a in self.arrays.values()]
        return sum(sizes) + sum(c.nbytes for c in self.payload)
