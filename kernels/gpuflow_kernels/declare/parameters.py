"""Typed arguments of declared aggregations that are no columns, such as ``ddof`` of a variance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from gpuflow_kernels.dtypes import BOOL, FLOAT64, INT64, DType

from .scalar import REQUIRED

_NOUNS = {int: "whole number", float: "number"}
_LITERALS: dict[type, DType] = {int: INT64, float: FLOAT64, bool: BOOL}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A typed argument that is no column.

    Numbers and truth values reach the declared bodies as literals of a kernel, so another value needs no other kernel. Words
    reach the type rule only, which makes constants of them.

    Parameters
    ----------
    type : {int, float, bool, str}
    default : optional
        Without one the argument must be given.
    choices : tuple of str
        The words that are accepted.
    least, most : number, optional
        Bounds of a number, both included.

    Examples
    --------
    >>> Parameter(int, 1, least=0).checked("ddof", 2)
    2
    >>> Parameter(float, least=0, most=1).checked("q", 1.5)
    Traceback (most recent call last):
    ...
    ValueError: q=1.5 is no number from 0 to 1
    """

    type: type
    default: Any = REQUIRED
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None

    @property
    def literal(self) -> DType | None:
        """The type of the literal that bodies get; None for words."""
        return _LITERALS.get(self.type)

    def checked(self, name: str, value: Any) -> Any:
        """Return `value` as a Python value of the declared type.

        Raises
        ------
        ValueError
            When it is of another type, no accepted word, or out of bounds.
        """
        if not self._takes(value):
            raise ValueError(f"{name}={value!r:.60} is {self._complaint()}")
        return self.type(value)

    def _takes(self, value: Any) -> bool:
        if self.type is bool:
            return isinstance(value, (bool, np.bool_))
        if self.type is str:
            return isinstance(value, str) and (not self.choices or value in self.choices)
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer) if self.type is int else Real):
            return False
        number: Any = value
        low = self.least if self.least is not None else -math.inf if self.type is float else -(1 << 63)
        high = self.most if self.most is not None else math.inf if self.type is float else (1 << 63) - 1
        return bool(low <= number <= high)

    def _complaint(self) -> str:
        if self.type is bool:
            return "neither True nor False"
        if self.type is str:
            return f"not one of {', '.join(map(repr, self.choices))}" if self.choices else "no word"
        bounds = "" if self.least is None else f" from {self.least}" + (" on" if self.most is None else f" to {self.most}")
        return f"no {_NOUNS[self.type]}{bounds}"
