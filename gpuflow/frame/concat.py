"""One table of the rows of several: `concat`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gpuflow.errors import TypeMismatchError
from gpuflow.plan.concat import concat as concatenated

from .frame import Frame
from .tabular import Tabular, plan_of


def concat(frames: Iterable[Any], how: str = "vertical") -> Frame:
    """Append the rows of several tables, one after the other.

    Types of columns meet: int32 and int64 become int64.

    Parameters
    ----------
    frames : iterable of Frame, Table, or anything that `gpuflow.from_any` takes
        The tables, in order.
    how : {"vertical", "vertical_relaxed", "diagonal", "diagonal_relaxed"}
        ``vertical``: all have the same columns. ``diagonal``: what a table lacks is null there; columns come in the order
        in which they first appear. The ``relaxed`` ways are the same ones.

    Returns
    -------
    Frame

    Raises
    ------
    PlanError
        When there is no table, or columns differ.
    TypeMismatchError
        When types do not meet, or something is no table.
    UnsupportedError
        For ``horizontal`` and ``align``; the message says what to write instead.

    Examples
    --------
    >>> import gpuflow as gf
    >>> parts = [gf.from_dict({"x": [1]}), gf.from_dict({"x": [2.5, None]})]
    >>> gf.concat(parts).collect().to_dict()
    {'x': [1.0, 2.5, None]}
    >>> gf.concat([gf.from_dict({"x": [1]}), gf.from_dict({"y": ["a"]})], how="diagonal").collect().to_dict()
    {'x': [1, None], 'y': [None, 'a']}
    """
    if isinstance(frames, (Tabular, str, Mapping)) or not isinstance(frames, Iterable):
        raise TypeMismatchError(f"concat() takes a list of tables, not one {type(frames).__name__}; write concat([a, b])")
    return Frame(concatenated([plan_of(part, "concat") for part in frames], how))
