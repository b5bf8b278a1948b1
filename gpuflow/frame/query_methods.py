"""The methods that frames and tables share and that make a query: rows and columns chosen, computed, grouped, joined, sorted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gpuflow.errors import EmptyFilterWarning, TypeMismatchError
from gpuflow.expr.near_names import warn
from gpuflow.plan import build
from gpuflow.plan.foreign_arguments import refuse_other_forms
from gpuflow.plan.row_index import with_row_index

from .other_names import hinted
from .tabular import FrameT, Tabular


class QueryMethods(Tabular[FrameT]):
    """Methods that make a frame of some rows and columns of this one, or of several."""

    def lazy(self) -> FrameT:
        """Make a frame of the same rows; those of a table in memory are not copied.

        Returns
        -------
        Frame

        Examples
        --------
        >>> import gpuflow as gf
        >>> table = gf.from_dict({"x": [1, 2, None]}).collect()
        >>> table.lazy()
        Frame of 1 column, not computed
          x: int64
        """
        return self._of(self._plan)

    def filter(self, *conditions: Any, **equal: Any) -> FrameT:
        """Keep the rows for which all conditions are true.

        Parameters
        ----------
        *conditions : expressions of bools, names of such columns, or lists of them
            All must hold. Null counts as false.
        **equal : ``name=value``
            Conditions that a column equals a value.

        Returns
        -------
        Frame

        Raises
        ------
        ColumnNotFoundError
            For a name that the table lacks; the message has near ones.
        TypeMismatchError
            For types that an expression does not take.

        Notes
        -----
        Rows keep their order. Filters run where data is read, if they can: row groups of Parquet files are passed over where
        their statistics rule them out.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.filter(gf.col("x") > 0, k="a").collect().to_dict()
        {'k': ['a'], 'x': [1]}
        """
        from gpuflow.expr import col

        refuse_other_forms("filter", conditions, equal, self.schema)
        if any(c is False for c in conditions):
            warn(
                "filter(False) keeps no row; a method compared without being called is False: write gf.col('t').dt.month() == 1; "
                "and so is gf.col('x') is None: write gf.col('x').is_null()",
                EmptyFilterWarning,
            )
        return self._of(build.filter(self._plan, [*conditions, *(col(n) == v for n, v in equal.items())]))

    def select(self, *exprs: Any, **named: Any) -> FrameT:
        """Keep or compute these columns only.

        With aggregations in all of them the result is one row, computed from all rows.

        Parameters
        ----------
        *exprs : column names, expressions, or lists of them
            The columns, in order.
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
        DuplicateNameError
            When two columns get one name.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.select("k", twice=gf.col("x") * 2).collect().to_dict()
        {'k': ['a', 'b', 'a'], 'twice': [2, 4, None]}
        >>> frame.select(gf.len(), gf.col("x").sum()).collect().to_dict()
        {'len': [3], 'x': [3]}
        """
        refuse_other_forms("select", exprs, named, self.schema)
        return self._of(build.select(self._plan, exprs, named))

    def with_columns(self, *exprs: Any, **named: Any) -> FrameT:
        """Add columns, or put them in the place of those with the same name.

        Parameters
        ----------
        *exprs : expressions, or lists of them
            All are computed from the columns as they were before.
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

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.with_columns(gf.col("x") + 1, known=gf.col("x").is_not_null()).collect().to_dict()
        {'k': ['a', 'b', 'a'], 'x': [2, 3, None], 'known': [True, True, False]}
        """
        refuse_other_forms("with_columns", exprs, named, self.schema)
        return self._of(build.with_columns(self._plan, exprs, named))

    @hinted
    def with_row_index(self, name: str = "index", offset: int = 0) -> FrameT:
        """Put a column with the number of each row in front of the others.

        Parameters
        ----------
        name : str
            The name of the new column, a uint32.
        offset : int
            The number of the first row.

        Returns
        -------
        Frame

        Raises
        ------
        DuplicateNameError
            When there is a column of that name.
        ArithmeticOverflowError
            When it is computed, and a number is no uint32.

        Notes
        -----
        Rows are numbered in their order: that of the files or tables that they come from, or of a `sort()`; the order of groups
        and of joined rows is not defined. Filters above it leave no row out sooner, for that would change the numbers.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"]})
        >>> frame.with_row_index("row", offset=1).filter(gf.col("k") == "a").collect().to_dict()
        {'row': [1, 3], 'k': ['a', 'a']}
        """
        return self._of(with_row_index(self._plan, name, offset))

    @hinted
    def drop(self, *columns: Any) -> FrameT:
        """Leave columns out.

        Parameters
        ----------
        *columns : column names, or lists of them
            What to leave out.

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
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.drop("k").columns
        ['x']
        """
        return self._of(build.drop(self._plan, columns))

    @hinted
    def rename(self, mapping: Mapping[str, str] | Callable[[str], str]) -> FrameT:
        """Give columns other names.

        Parameters
        ----------
        mapping : dict, or function of a name
            ``{old: new}``, or what makes the new name of each column from the old one.

        Returns
        -------
        Frame

        Raises
        ------
        ColumnNotFoundError
            For a name that the table lacks; the message has near ones.
        DuplicateNameError
            When two columns get one name.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.rename({"k": "key"}).columns
        ['key', 'x']
        >>> frame.rename(str.upper).columns
        ['K', 'X']
        """
        return self._of(build.rename(self._plan, mapping))

    @hinted
    def sort(self, *by: Any, descending: bool | Sequence[bool] = False, nulls_last: bool | Sequence[bool] = False) -> FrameT:
        """Sort the rows; equal ones keep their order.

        Parameters
        ----------
        *by : column names or expressions
            The first one decides, the next ones where it is equal.
        descending, nulls_last : bool, or a list with one for each of `by`
            Nulls stand before everything unless `nulls_last`.

        Returns
        -------
        Frame

        Raises
        ------
        ColumnNotFoundError
            For a name that the table lacks; the message has near ones.
        TypeMismatchError
            For types that an expression does not take.

        Notes
        -----
        NaN stands after every number. ``head(n)`` behind a sort keeps `n` rows of each partition only.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.sort("k", "x", descending=[False, True], nulls_last=True).collect().to_dict()
        {'k': ['a', 'a', 'b'], 'x': [1, None, 2]}
        """
        refuse_other_forms("sort", by, {}, self.schema)
        return self._of(build.sort(self._plan, by, descending, nulls_last))

    @hinted
    def unique(self, subset: Any = None, *, keep: str = "any", maintain_order: bool = False) -> FrameT:
        """Keep one row for each combination of values, of all columns or those of `subset`.

        Parameters
        ----------
        subset : column name or list of names, optional
            The columns compared; all by default. Null equals null, NaN equals NaN.
        keep : {"any", "first", "last"}
            Which row stays, when columns outside `subset` differ.
        maintain_order : bool
            Rows come in the order of first appearance.

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
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.unique("k", keep="first", maintain_order=True).collect().to_dict()
        {'k': ['a', 'b'], 'x': [1, 2]}
        """
        return self._of(build.distinct(self._plan, subset, keep=keep, maintain_order=maintain_order))

    def distinct(self) -> FrameT:
        """Keep one row for each combination of values of all columns.

        Returns
        -------
        Frame

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"k": ["a", "b", "a", None, None]}).distinct().sort("k").collect().to_dict()
        {'k': [None, 'a', 'b']}
        """
        return self.unique()

    def pipe(self, function: Any, *args: Any, **named: Any) -> Any:
        """Call ``function(self, ...)``, for chains.

        Parameters
        ----------
        function : callable
            Gets this table first, then the other arguments.
        *args, **named
            What else it gets.

        Returns
        -------
        object
            What the function returns.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> def largest(table, column):
        ...     return table.sort(column, descending=True).head(1)
        >>> frame.pipe(largest, "k").collect().to_dict()
        {'k': ['b'], 'x': [2]}
        """
        if not callable(function):
            raise TypeMismatchError(f"pipe() takes a function, which gets the table, not {function!r:.60}")
        return function(self, *args, **named)
