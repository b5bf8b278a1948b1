"""The lazy table: a logical plan with the methods that extend it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gpuflow.errors import TypeMismatchError
from gpuflow.expr.bind import HOST_CHECKS
from gpuflow.plan import build
from gpuflow.plan.concat import concat as concatenated

from .collection import Collection
from .elsewhere import hinted
from .table import Table
from .uncomputed import Uncomputed
from .verbs import Verbs, plan_of


class Frame(Uncomputed, Collection):
    """A table that has not been computed: immutable, cheap, typed.

    Methods return new frames; errors in names and types are raised at once, and `collect` runs the query. A Frame is a
    Dask collection, so `dask.compute`, `dask.persist` and a `distributed.Client` take it too. Frames come from
    `gpuflow.scan_parquet`, `gpuflow.from_arrow` and their like.

    Examples
    --------
    >>> import numpy as np
    >>> import gpuflow as gf
    >>> from gpuflow import col
    >>> trips = gf.from_numpy({"x": np.arange(4), "y": np.array([0.5, 1.5, 2.5, 3.5])})
    >>> trips.filter(col("x") > 1).select(total=col("y").sum())
    Frame of 1 column, not computed
      total: float64
    """

    _computed = "frame.collect()"

    @classmethod
    def _other(cls) -> tuple[type, str]:
        return Table, "it is not computed; call .collect() first: frame.collect().{name}"

    @hinted
    def limit(self, n: int = 5) -> Frame:
        """Keep the first `n` rows.

        Parameters
        ----------
        n : int

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.limit(1).collect().to_dict()
        {'k': ['a'], 'x': [1]}
        """
        return Frame(build.limit(self._plan, n))

    @hinted
    def head(self, n: int = 5) -> Frame:
        """Keep the first `n` rows.

        Parameters
        ----------
        n : int

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.head(1).collect().to_dict()
        {'k': ['a'], 'x': [1]}
        """
        return self.limit(n)

    @hinted
    def slice(self, offset: int, length: int | None = None) -> Frame:
        """Keep `length` rows from row `offset` on, or all from there.

        Parameters
        ----------
        offset : int
            From 0. Rows from the end are not known before the query runs; a Table has them.
        length : int, optional

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.slice(1, 2).collect().to_dict()
        {'k': ['b', 'a'], 'x': [2, None]}
        >>> frame.slice(2).collect().to_dict()
        {'k': ['a'], 'x': [None]}
        """
        return Frame(build.skip(self._plan, offset) if length is None else build.limit(self._plan, length, offset))

    # -- showing ------------------------------------------------------------------------------------------------------
    def __repr__(self) -> str:
        try:
            columns = self.schema.items()
            lines = [f"Frame of {len(columns)} column{'' if len(columns) == 1 else 's'}, not computed"]
            return "\n".join([*lines, *(f"  {n}: {d}" for n, d in columns)])
        except Exception as e:  # a repr must not raise, in a debugger least of all
            return f"Frame, not computed ({type(e).__name__})"

    def _repr_html_(self) -> str | None:
        """For notebooks: the schema, and the first rows where they cost little."""
        try:
            from gpuflow.display.html import schema_html, table_html

            try:
                table = self.preview()
            except Exception:  # what cannot be read now is told by collect(), not by a display
                table = None
            if table is None:
                return str(schema_html(self.schema, "not computed: .collect() runs it, .explain() shows the plan"))
            return str(table_html(table, caption="first rows; .collect() computes all"))
        except Exception:
            return None


Verbs._frame = Frame


def concat(frames: Iterable[Any], how: str = "vertical") -> Frame:
    """Append the rows of several tables, one after the other. Types of columns meet: int32 and int64 become int64.

    Parameters
    ----------
    frames : iterable of Frame, Table, or anything that `gpuflow.from_any` takes
    how : {"vertical", "vertical_relaxed", "diagonal", "diagonal_relaxed"}
        ``vertical``: all have the same columns. ``diagonal``: what a table lacks is null there; columns come in the order
        in which they first appear. The ``relaxed`` ways are the same ones.

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
    if isinstance(frames, (Verbs, str, Mapping)) or not isinstance(frames, Iterable):
        raise TypeMismatchError(f"concat() takes a list of tables, not one {type(frames).__name__}; write concat([a, b])")
    return Frame(concatenated([plan_of(part, "concat") for part in frames], how))


def _refuse(host: str, given: tuple[Any, ...]) -> None:
    """Have a host function look at literal arguments; it is loaded when there are such."""
    from gpuflow.arrow.text_functions import refuse

    refuse(host, given)


HOST_CHECKS.append(_refuse)
