"""The methods of frames and tables that take all their columns at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gpuflow_kernels.dtypes import DType

from gpuflow.expr import all
from gpuflow.plan import build, whole_frame

from .other_names import hinted
from .tabular import FrameT, Tabular


class WholeFrameMethods(Tabular[FrameT]):
    """Nulls and NaN left out or filled, types changed, and one row for a whole table."""

    @hinted
    def drop_nulls(self, subset: Any = None) -> FrameT:
        """Keep the rows without a null, in all columns or those of `subset`.

        Parameters
        ----------
        subset : column name, or list of names, optional
            The columns looked at. NaN is a value.

        Returns
        -------
        Frame

        Raises
        ------
        ColumnNotFoundError
            For a name that the table lacks; the message has near ones.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", None, "c"], "x": [1, 2, None]})
        >>> frame.drop_nulls().collect().to_dict()
        {'k': ['a'], 'x': [1]}
        >>> frame.drop_nulls("k").collect().to_dict()
        {'k': ['a', 'c'], 'x': [1, None]}
        """
        return self._of(whole_frame.drop_nulls(self._plan, subset))

    @hinted
    def fill_null(self, value: Any) -> FrameT:
        """Put another value in place of null.

        Parameters
        ----------
        value : literal or expression
            A literal fills the columns of its kind: a number those of numbers, a string those of strings, and so on; others
            stay as they are. An expression fills all columns, and must suit them.

        Returns
        -------
        Frame

        Raises
        ------
        TypeMismatchError
            For a literal that suits no column, or an expression that does not suit all.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", None, "c"], "x": [1, 2, None]})
        >>> frame.fill_null(0).collect().to_dict()
        {'k': ['a', None, 'c'], 'x': [1, 2, 0]}
        >>> frame.fill_null(0).fill_null("?").collect().to_dict()
        {'k': ['a', '?', 'c'], 'x': [1, 2, 0]}
        """
        return self._of(whole_frame.fill_null(self._plan, value))

    @hinted
    def fill_nan(self, value: Any) -> FrameT:
        """Put another value in place of NaN, in the columns of floats.

        Parameters
        ----------
        value : number, None or expression
            What stands there instead; None makes null of NaN.

        Returns
        -------
        Frame

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "c"], "x": [1.5, float("nan"), None]})
        >>> frame.fill_nan(0).collect().to_dict()
        {'k': ['a', 'b', 'c'], 'x': [1.5, 0.0, None]}
        >>> frame.fill_nan(None).collect().to_dict()
        {'k': ['a', 'b', 'c'], 'x': [1.5, None, None]}
        """
        return self._of(whole_frame.fill_nan(self._plan, value))

    @hinted
    def cast(self, dtypes: DType | Mapping[str | DType, DType], *, strict: bool = True) -> FrameT:
        """Convert columns to other types.

        Parameters
        ----------
        dtypes : DType or dict
            One for all columns; or by the name of a column, or by the type that columns have.
        strict : bool
            Raise where a value does not fit (True), or give null there.

        Returns
        -------
        Frame

        Raises
        ------
        ColumnNotFoundError
            For a name that the table lacks; the message has near ones.
        TypeMismatchError
            For a type that a column's values are never converted to.
        CastError
            With `strict`, for a value that does not fit; when the query runs.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"x": [1, None], "y": [2, 3], "z": [0.5, 1.5]})
        >>> frame.cast({"x": gf.Float64, gf.Float64: gf.Float32}).schema
        Schema(x: float64, y: int64, z: float32)
        >>> frame.cast(gf.String).collect().to_dict()
        {'x': ['1', None], 'y': ['2', '3'], 'z': ['0.5', '1.5']}
        """
        return self._of(whole_frame.cast(self._plan, dtypes, strict))

    def null_count(self) -> FrameT:
        """Count the nulls of each column, in one row.

        Returns
        -------
        Frame

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"k": ["a", None], "x": [None, None]}).null_count().collect().to_dict()
        {'k': [1], 'x': [2]}
        """
        return self._of(build.select(self._plan, [all().null_count()], {}))

    def count(self) -> FrameT:
        """Count the values of each column that are not null, in one row.

        Returns
        -------
        Frame

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"k": ["a", None], "x": [1, 2]}).count().collect().to_dict()
        {'k': [1], 'x': [2]}
        """
        return self._of(whole_frame.whole(self._plan, "count"))

    def sum(self) -> FrameT:
        """Add up each column, in one row; null for what has no sum, such as strings.

        Returns
        -------
        Frame

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"k": ["a", "b"], "x": [1, 2]}).sum().collect().to_dict()
        {'k': [None], 'x': [3]}
        """
        return self._of(whole_frame.whole(self._plan, "sum"))

    def mean(self) -> FrameT:
        """Compute the mean of each column, in one row; null for what has none, such as strings.

        Returns
        -------
        Frame

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"k": ["a", "b"], "x": [1, 2]}).mean().collect().to_dict()
        {'k': [None], 'x': [1.5]}
        """
        return self._of(whole_frame.whole(self._plan, "mean"))

    def min(self) -> FrameT:
        """Find the least value of each column, in one row; null for opaque ones.

        Returns
        -------
        Frame

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"k": ["a", "b"], "x": [1, 2]}).min().collect().to_dict()
        {'k': ['a'], 'x': [1]}
        """
        return self._of(whole_frame.whole(self._plan, "min"))

    def max(self) -> FrameT:
        """Find the greatest value of each column, in one row; null for opaque ones.

        Returns
        -------
        Frame

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"k": ["a", "b"], "x": [1, 2]}).max().collect().to_dict()
        {'k': ['b'], 'x': [2]}
        """
        return self._of(whole_frame.whole(self._plan, "max"))

    def median(self) -> FrameT:
        """Make one row: the median of each column, null for what has none, such as strings.

        Returns
        -------
        Frame

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"k": ["a", "b"], "x": [1, 2]}).median().collect().to_dict()
        {'k': [None], 'x': [1.5]}
        """
        return self._of(whole_frame.whole(self._plan, "median"))

    def quantile(self, q: float, interpolation: str = "nearest") -> FrameT:
        """Make one row: a quantile of each column, null for what has none, such as strings.

        Parameters
        ----------
        q : float
            The part of the values that lies below it, from 0 to 1.
        interpolation : {"nearest", "lower", "higher", "midpoint", "linear"}
            What is taken between two values.

        Returns
        -------
        Frame

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"k": ["a", "b", "c"], "x": [1, 2, 9]}).quantile(0.5).collect().to_dict()
        {'k': [None], 'x': [2.0]}
        """
        return self._of(whole_frame.whole(self._plan, "quantile", q=q, interpolation=interpolation))
