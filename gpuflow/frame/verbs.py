"""What a query does next: the methods that frames and tables in memory share. Each makes a new Frame."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar

from gpuflow_kernels.dtypes import DType

from gpuflow.errors import EmptyFilterWarning, LeftOutWarning, TypeMismatchError
from gpuflow.expr.hints import warn
from gpuflow.plan import build
from gpuflow.plan.concat import concat
from gpuflow.plan.joins import join
from gpuflow.plan.mistakes import refuse_other_forms
from gpuflow.plan.plan import Plan
from gpuflow.plan.row_index import with_row_index
from gpuflow.plan.source import Source
from gpuflow.schema import Schema

from .elsewhere import hinted
from .group_by import GroupBy
from .uncomputed import Unchangeable

if TYPE_CHECKING:
    from .frame import Frame


class Verbs(Unchangeable):
    """Rows and columns chosen, computed, grouped, joined and sorted."""

    _plan: Plan

    _frame: ClassVar[type[Frame]]
    """What methods make of a plan; set by `gpuflow.frame.frame`, which imports this module."""

    @staticmethod
    def _of(plan: Plan) -> Frame:
        return Verbs._frame(plan)

    @property
    def schema(self) -> Schema:
        """Names and types of the columns, in order."""
        return self._plan.schema

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self.schema)

    @property
    def dtypes(self) -> list[DType]:
        """Types of the columns."""
        return list(self.schema.values())

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.schema)

    def lazy(self) -> Frame:
        """Make a frame of the same rows; those of a table in memory are not copied.

        Examples
        --------
        >>> import gpuflow as gf
        >>> table = gf.from_dict({"x": [1, 2, None]}).collect()
        >>> table.lazy()
        Frame of 1 column, not computed
          x: int64
        """
        return self._of(self._plan)

    def filter(self, *conditions: Any, **equal: Any) -> Frame:
        """Keep the rows for which all conditions are true. Null counts as false.

        Parameters
        ----------
        *conditions : expressions of bools, names of such columns, or lists of them
        **equal : ``name=value``
            Conditions that a column equals a value.

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

    def select(self, *exprs: Any, **named: Any) -> Frame:
        """Keep or compute these columns only. With aggregations in all of them: one row, computed from all rows.

        Parameters
        ----------
        *exprs : column names, expressions, or lists of them
        **named : ``new_name=expression``

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

    def with_columns(self, *exprs: Any, **named: Any) -> Frame:
        """Add columns to those there are, or put them in the place of those with the same name.

        Parameters
        ----------
        *exprs : expressions, or lists of them
        **named : ``new_name=expression``

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
    def drop(self, *columns: Any) -> Frame:
        """Leave columns out.

        Parameters
        ----------
        *columns : column names, or lists of them

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.drop("k").columns
        ['x']
        """
        return self._of(build.drop(self._plan, columns))

    @hinted
    def rename(self, mapping: Mapping[str, str] | Callable[[str], str]) -> Frame:
        """Give columns other names.

        Parameters
        ----------
        mapping : dict, or function of a name
            ``{old: new}``, or what makes the new name of each column from the old one.

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

    def group_by(self, *keys: Any, maintain_order: bool = False, **named: Any) -> GroupBy:
        """Group the rows with equal keys, for `agg`. Null is a key like any other.

        Parameters
        ----------
        *keys, **named : column names or expressions
        maintain_order : bool
            Groups come in the order of their first rows; otherwise in any order.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.group_by("k", maintain_order=True).agg(gf.col("x").sum()).collect().to_dict()
        {'k': ['a', 'b'], 'x': [1, 2]}
        """
        refuse_other_forms("group_by", keys, named, self.schema)
        return GroupBy(self._of, self._plan, build.group_keys(self._plan, keys, named), maintain_order)

    @hinted
    def join(
        self,
        other: Any,
        on: Any = None,
        how: str = "inner",
        *,
        left_on: Any = None,
        right_on: Any = None,
        suffix: str = "_right",
        nulls_equal: bool = False,
    ) -> Frame:
        """Join with another table on equal keys. The order of the result is not defined.

        Parameters
        ----------
        other : Frame, Table, or anything that `gpuflow.from_any` takes
        on : column name, expression, or list of them
            Keys that both sides have; or `left_on` and `right_on` where they differ.
        how : {"inner", "left", "right", "semi", "anti"}
            `left` keeps all rows of this table, `right` all of the other, whose keys then stand behind the columns of this
            one; `semi` and `anti` keep the rows of this table with and without a partner, and add no columns.
        suffix : str
            Behind the names of the other's columns that this table has too.
        nulls_equal : bool
            Whether null matches null.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> names = gf.from_dict({"k": ["a", "c"], "name": ["one", "three"]})
        >>> frame.join(names, on="k", how="left").sort("k", "x").collect().to_dict()
        {'k': ['a', 'a', 'b'], 'x': [None, 1, 2], 'name': ['one', 'one', None]}
        >>> frame.join(names, on="k", how="anti").collect().to_dict()
        {'k': ['b'], 'x': [2]}
        """
        plan = join(
            self._plan,
            plan_of(other, "join"),
            on=on,
            left_on=left_on,
            right_on=right_on,
            how=how,
            suffix=suffix,
            nulls_equal=nulls_equal,
        )
        return self._of(plan)

    @hinted
    def sort(self, *by: Any, descending: bool | Sequence[bool] = False, nulls_last: bool | Sequence[bool] = False) -> Frame:
        """Sort the rows; equal ones keep their order. NaN stands after every number.

        Parameters
        ----------
        *by : column names or expressions
            The first one decides, the next ones where it is equal.
        descending, nulls_last : bool, or a list with one for each of `by`
            Nulls stand before everything unless `nulls_last`.

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
    def with_row_index(self, name: str = "index", offset: int = 0) -> Frame:
        """Put a column with the number of each row in front of the others.

        Parameters
        ----------
        name : str
            The name of the new column, a uint32.
        offset : int
            The number of the first row.

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
    def unique(self, subset: Any = None, *, keep: str = "any", maintain_order: bool = False) -> Frame:
        """Keep one row for each combination of values, of all columns or those of `subset`.

        Parameters
        ----------
        subset : column name or list of names, optional
        keep : {"any", "first", "last"}
            Which row stays, when columns outside `subset` differ.
        maintain_order : bool
            Rows come in the order of first appearance.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.unique("k", keep="first", maintain_order=True).collect().to_dict()
        {'k': ['a', 'b'], 'x': [1, 2]}
        """
        return self._of(build.distinct(self._plan, subset, keep=keep, maintain_order=maintain_order))

    def distinct(self) -> Frame:
        """Keep one row for each combination of values of all columns.

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"k": ["a", "b", "a", None, None]}).distinct().sort("k").collect().to_dict()
        {'k': [None, 'a', 'b']}
        """
        return self.unique()

    def union(self, *others: Any) -> Frame:
        """Append the rows of other tables to those of this one; see `gpuflow.concat`.

        Parameters
        ----------
        *others : Frame, Table, or anything that `gpuflow.from_any` takes

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.union(frame.head(1)).collect().to_dict()
        {'k': ['a', 'b', 'a', 'a'], 'x': [1, 2, None, 1]}
        """
        return self._of(concat([self._plan, *(plan_of(other, "union") for other in others)]))

    def pipe(self, function: Any, *args: Any, **named: Any) -> Any:
        """Call ``function(self, ...)``, for chains.

        Parameters
        ----------
        function : callable
            Gets this table first, then the other arguments.

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


def plan_of(data: Any, what: str) -> Plan:
    """The plan of a Frame or Table, or one that scans anything else that `gpuflow.from_any` takes.

    Raises
    ------
    TypeMismatchError
        When `data` is no table.
    """
    if isinstance(data, Verbs):
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
