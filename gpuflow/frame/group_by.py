"""Groups of rows, which become a table by aggregation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic

from gpuflow_kernels.declare.aggregate import AGGREGATIONS
from gpuflow_kernels.ir.expressions import Row

from gpuflow.errors import TypeMismatchError
from gpuflow.expr import all, len
from gpuflow.expr.near_names import listed
from gpuflow.plan import build, whole_frame
from gpuflow.plan.foreign_arguments import refuse_other_forms
from gpuflow.plan.plan import Plan

from .other_names import GROUP_WAYS, other_name
from .tabular import FrameT


class GroupBy(Generic[FrameT]):
    """``frame.group_by(...)``, waiting for `agg`, or for an aggregation of all other columns.

    Parameters
    ----------
    made : callable
        Makes a frame of a plan.
    plan : Plan
        What is grouped.
    keys : tuple of pairs
        Names and expressions of the keys.
    maintain_order : bool
        Whether groups come in the order of their first rows.

    Examples
    --------
    >>> import gpuflow as gf
    >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
    >>> frame.group_by("k")
    GroupBy(k); .agg(...) makes a Frame
    """

    def __init__(
        self, made: Callable[[Plan], FrameT], plan: Plan, keys: tuple[tuple[str, Row], ...], maintain_order: bool
    ) -> None:
        self._made, self._plan, self._keys, self._ordered = made, plan, keys, maintain_order

    def agg(self, *exprs: Any, **named: Any) -> FrameT:
        """Make one row for each group: the keys, then these expressions of aggregations.

        Parameters
        ----------
        *exprs : expressions, or lists of them
            Each must aggregate. `gpuflow.all` stands for the columns that are no keys.
        **named : ``new_name=expression``
            Expressions under names of their own.

        Returns
        -------
        Frame

        Raises
        ------
        ColumnNotFoundError
            For a name that the table lacks; the message has near ones.
        TypeMismatchError
            For types that an expression does not take.
        PlanError
            For an expression that aggregates nothing.

        Examples
        --------
        >>> import numpy as np
        >>> import gpuflow as gf
        >>> frame = gf.from_numpy({"k": np.array([1, 1, 2]), "x": np.array([1.0, 2.0, 3.0])})
        >>> frame.group_by("k").agg(rows=gf.len(), share=gf.col("x").sum() / gf.len()).columns
        ['k', 'rows', 'share']
        >>> frame.group_by("k", maintain_order=True).agg(gf.all().max()).collect().to_dict()
        {'k': [1, 2], 'x': [2.0, 3.0]}
        """
        refuse_other_forms("agg", exprs, named, self._plan.schema)
        return self._made(build.aggregate(self._plan, self._keys, exprs, named, maintain_order=self._ordered))

    def len(self, name: str | None = None) -> FrameT:
        """Count the rows of each group.

        Parameters
        ----------
        name : str, optional
            Name of the column, ``len`` by default.

        Returns
        -------
        Frame

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.group_by("k", maintain_order=True).len("rows").collect().to_dict()
        {'k': ['a', 'b'], 'rows': [2, 1]}
        """
        return self.agg(len().alias("len" if name is None else name))

    def sum(self) -> FrameT:
        """Add up all other columns, which must have a sum.

        Returns
        -------
        Frame

        Raises
        ------
        TypeMismatchError
            For a column without one; the message names the others.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.group_by("k", maintain_order=True).sum().collect().to_dict()
        {'k': ['a', 'b'], 'x': [1, 2]}
        """
        return self._each("sum")

    def mean(self) -> FrameT:
        """Compute the means of all other columns, which must have one.

        Returns
        -------
        Frame

        Raises
        ------
        TypeMismatchError
            For a column without one; the message names the others.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, 4]})
        >>> frame.group_by("k", maintain_order=True).mean().collect().to_dict()
        {'k': ['a', 'b'], 'x': [2.5, 2.0]}
        """
        return self._each("mean")

    def min(self) -> FrameT:
        """Find the least values of all other columns.

        Returns
        -------
        Frame

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, 4]})
        >>> frame.group_by("k", maintain_order=True).min().collect().to_dict()
        {'k': ['a', 'b'], 'x': [1, 2]}
        """
        return self._each("min")

    def max(self) -> FrameT:
        """Find the greatest values of all other columns.

        Returns
        -------
        Frame

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, 4]})
        >>> frame.group_by("k", maintain_order=True).max().collect().to_dict()
        {'k': ['a', 'b'], 'x': [4, 2]}
        """
        return self._each("max")

    def median(self) -> FrameT:
        """Take the medians of all other columns, which must have one.

        Returns
        -------
        Frame

        Raises
        ------
        TypeMismatchError
            For a column without one; the message names the others.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, 4]})
        >>> frame.group_by("k", maintain_order=True).median().collect().to_dict()
        {'k': ['a', 'b'], 'x': [2.5, 2.0]}
        """
        return self._each("median")

    def quantile(self, q: float, interpolation: str = "nearest") -> FrameT:
        """Take a quantile of all other columns, which must have one.

        Parameters
        ----------
        q : float
            The part of the values that lies below it, from 0 to 1.
        interpolation : {"nearest", "lower", "higher", "midpoint", "linear"}
            What is taken between two values.

        Returns
        -------
        Frame

        Raises
        ------
        TypeMismatchError
            For a column without one; the message names the others.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, 4]})
        >>> frame.group_by("k", maintain_order=True).quantile(0.5, "lower").collect().to_dict()
        {'k': ['a', 'b'], 'x': [1.0, 2.0]}
        """
        return self._each("quantile", q=q, interpolation=interpolation)

    def first(self, *, ignore_nulls: bool = False) -> FrameT:
        """Take the first row of each group; with `ignore_nulls` the first value of each column.

        Parameters
        ----------
        ignore_nulls : bool
            Whether nulls are skipped in each column.

        Returns
        -------
        Frame

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [None, 2, 4]})
        >>> frame.group_by("k", maintain_order=True).first().collect().to_dict()
        {'k': ['a', 'b'], 'x': [None, 2]}
        """
        return self.agg(all().first(ignore_nulls=ignore_nulls))

    def last(self, *, ignore_nulls: bool = False) -> FrameT:
        """Take the last row of each group; with `ignore_nulls` the last value of each column.

        Parameters
        ----------
        ignore_nulls : bool
            Whether nulls are skipped in each column.

        Returns
        -------
        Frame

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.group_by("k", maintain_order=True).last(ignore_nulls=True).collect().to_dict()
        {'k': ['a', 'b'], 'x': [1, 2]}
        """
        return self.agg(all().last(ignore_nulls=ignore_nulls))

    def n_unique(self) -> FrameT:
        """Count the different values of each other column, null being one.

        Returns
        -------
        Frame

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.group_by("k", maintain_order=True).n_unique().collect().to_dict()
        {'k': ['a', 'b'], 'x': [2, 1]}
        """
        return self.agg(all().n_unique())

    def _each(self, method: str, **params: Any) -> FrameT:
        keys = dict(self._keys)
        others = {n: d for n, d in self._plan.schema.items() if n not in keys}
        try:
            return self.agg([whole_frame.aggregated(method, n, d, **params) for n, d in others.items()])
        except TypeMismatchError as e:
            fits = [n for n, d in others.items() if AGGREGATIONS[method].resolve((d,))]
            way = f"; name those that have one: .agg(gf.col({listed(fits)}).{method}())" if fits else ""
            raise TypeMismatchError(f"{e}{way}") from None

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            if name in AGGREGATIONS and name not in GROUP_WAYS:
                way = {name: f"write .agg(gf.all().{name}()), or of one column .agg(gf.col('x').{name}())"}
                raise other_name("a GroupBy", name, way, ())
            if name in self._plan.schema:
                raise other_name("a GroupBy", name, {name: f"that is a column: write .agg(gf.col({name!r}).sum())"}, ())
            raise other_name("a GroupBy", name, GROUP_WAYS, dir(self), "frame.collect()")

        def __getitem__(self, key: Any) -> Any:
            name = key if isinstance(key, str) else "x"
            raise TypeMismatchError(f"a GroupBy is not indexed; write .agg(gf.col({name!r}).sum()) for what becomes of a column")

        def __iter__(self) -> Any:
            raise TypeMismatchError(
                "groups are not gone through one by one; write .agg(...), or frame.filter(gf.col('k') == value) for each value"
            )

    def __repr__(self) -> str:
        return f"GroupBy({', '.join(n for n, _ in self._keys)}); .agg(...) makes a Frame"
