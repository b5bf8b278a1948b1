"""What frames and tables in memory share: a plan, and names and types of columns."""

from __future__ import annotations

import warnings
from os import PathLike
from typing import Any, Generic, TypeVar

from gpuflow_kernels.dtypes import DType

from gpuflow.errors import LeftOutWarning, TypeMismatchError
from gpuflow.plan import build
from gpuflow.plan.plan import Plan
from gpuflow.plan.source import Source
from gpuflow.schema import Schema

from .unsupported import Immutable

FrameT = TypeVar("FrameT")
"""The class of what methods make: `gpuflow.Frame`, which is defined above the modules that say what it does."""


class Tabular(Immutable, Generic[FrameT]):
    """Base of frames and tables: the rows that a plan gives."""

    _plan: Plan

    @staticmethod
    def _of(plan: Plan) -> FrameT:
        """Make a frame of a plan."""
        raise NotImplementedError

    @property
    def schema(self) -> Schema:
        """Return names and types of the columns, in order.

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [1, None]}).schema
        Schema(x: int64)
        """
        return self._plan.schema

    @property
    def columns(self) -> list[str]:
        """Return the names of the columns.

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [1], "y": ["a"]}).columns
        ['x', 'y']
        """
        return list(self.schema)

    @property
    def dtypes(self) -> list[DType]:
        """Return the types of the columns.

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [1], "y": ["a"]}).dtypes
        [int64, string]
        """
        return list(self.schema.values())

    @property
    def width(self) -> int:
        """Return the number of columns.

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [1], "y": ["a"]}).width
        2
        """
        return len(self.schema)


def plan_of(data: Any, what: str) -> Plan:
    """Return the plan of a Frame or Table, or one that scans anything else that `gpuflow.from_any` takes.

    Raises
    ------
    TypeMismatchError
        When `data` is no table.
    """
    if isinstance(data, Tabular):
        return data._plan
    from gpuflow.io import from_any

    if isinstance(data, (str, PathLike)):
        raise TypeMismatchError(
            f"{what}() takes tables, not the path of a file; write gf.scan_parquet({str(data)!r:.60}) or the like"
        )
    try:
        source = from_any(data)
    except TypeMismatchError as e:
        raise TypeMismatchError(f"{what}() takes a Frame, a Table, or what gf.from_any takes: {e}") from None
    return scan_plan(source, stacklevel=5)


def scan_plan(source: Source, stacklevel: int) -> Plan:
    """Scan all columns of a source; those that are left out of it are named by a `LeftOutWarning`."""
    if not isinstance(source, Source):
        raise TypeMismatchError(f"scan() takes a Source, not {source!r:.60}; gf.from_any(data) makes a frame of other tables")
    if source.unsupported:
        reasons = "; ".join(f"{name!r} is {reason}" for name, reason in source.unsupported.items())
        warnings.warn(f"{source.label}: columns are left out: {reasons}", LeftOutWarning, stacklevel=stacklevel)
    return build.scan(source)
