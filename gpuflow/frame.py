"""The lazy table: a logical plan with the methods that extend it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from gpuflow.errors import TypeMismatchError
from gpuflow.expr.bind import HOST_CHECKS
from gpuflow.grouping import GroupBy
from gpuflow.plan import build
from gpuflow.plan.joins import join
from gpuflow.tidying import Tidying


class Frame(Tidying):
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

    # -- rows and columns ---------------------------------------------------------------------------------------------
    def filter(self, *conditions: Any, **equal: Any) -> Frame:
        """Keep the rows for which all conditions are true (null counts as false); ``name=value`` means equality.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.filter(gf.col("x") > 0, k="a").collect().to_dict()
        {'k': ['a'], 'x': [1]}
        """
        from gpuflow.expr import col

        return Frame(build.filter(self._plan, [*conditions, *(col(n) == v for n, v in equal.items())]))

    def select(self, *exprs: Any, **named: Any) -> Frame:
        """Only these columns. With aggregations in all of them: one row, computed from all rows.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.select("k", twice=gf.col("x") * 2).collect().to_dict()
        {'k': ['a', 'b', 'a'], 'twice': [2, 4, None]}
        >>> frame.select(gf.len(), gf.col("x").sum()).collect().to_dict()
        {'len': [3], 'x': [3]}
        """
        return Frame(build.select(self._plan, exprs, named))

    def with_columns(self, *exprs: Any, **named: Any) -> Frame:
        """All columns, with these added, or put in the place of those with the same name.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.with_columns(gf.col("x") + 1, known=gf.col("x").is_not_null()).collect().to_dict()
        {'k': ['a', 'b', 'a'], 'x': [2, 3, None], 'known': [True, True, False]}
        """
        return Frame(build.with_columns(self._plan, exprs, named))

    def drop(self, *columns: Any) -> Frame:
        """All columns but these.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.drop("k").columns
        ['x']
        """
        return Frame(build.drop(self._plan, columns))

    def rename(self, mapping: Mapping[str, str] | Callable[[str], str]) -> Frame:
        """Columns under other names: ``{old: new}``, or a function that makes the new name of each column from the old one.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.rename({"k": "key"}).columns
        ['key', 'x']
        >>> frame.rename(str.upper).columns
        ['K', 'X']
        """
        return Frame(build.rename(self._plan, mapping))

    def group_by(self, *keys: Any, maintain_order: bool = False, **named: Any) -> GroupBy:
        """Groups of rows with equal keys, for `agg`. Null is a key like any other.

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
        return GroupBy(Frame, self._plan, build.group_keys(self._plan, keys, named), maintain_order)

    def join(
        self,
        other: Frame,
        on: Any = None,
        how: str = "inner",
        *,
        left_on: Any = None,
        right_on: Any = None,
        suffix: str = "_right",
        nulls_equal: bool = False,
    ) -> Frame:
        """Join with another frame on equal keys. The order of the result is not defined.

        Parameters
        ----------
        other : Frame
        on : column name, expression, or list of them
            Keys that both sides have; or `left_on` and `right_on` where they differ.
        how : {"inner", "left", "semi", "anti"}
            `left` keeps all rows of this frame; `semi` and `anti` keep those with and without a partner, and add no
            columns.
        suffix : str
            Behind the names of the other's columns that this frame has too.
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
        if not isinstance(other, Frame):
            raise TypeMismatchError(f"join() takes a Frame, not a {type(other).__name__}; make one by gf.from_any(...)")
        plan = join(
            self._plan,
            other._plan,
            on=on,
            left_on=left_on,
            right_on=right_on,
            how=how,
            suffix=suffix,
            nulls_equal=nulls_equal,
        )
        return Frame(plan)

    def sort(self, *by: Any, descending: bool | Sequence[bool] = False, nulls_last: bool | Sequence[bool] = False) -> Frame:
        """Stable sort; NaN stands after every number, nulls before everything unless `nulls_last`.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.sort("k", "x", descending=[False, True], nulls_last=True).collect().to_dict()
        {'k': ['a', 'a', 'b'], 'x': [1, None, 2]}
        """
        return Frame(build.sort(self._plan, by, descending, nulls_last))

    def limit(self, n: int = 10) -> Frame:
        """The first `n` rows.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.limit(1).collect().to_dict()
        {'k': ['a'], 'x': [1]}
        """
        return Frame(build.limit(self._plan, n))

    def head(self, n: int = 10) -> Frame:
        """The first `n` rows.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.head(1).collect().to_dict()
        {'k': ['a'], 'x': [1]}
        """
        return self.limit(n)

    def slice(self, offset: int, length: int | None = None) -> Frame:
        """`length` rows from row `offset` (from 0), or all from there.

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

    def unique(self, subset: Any = None, *, keep: str = "any", maintain_order: bool = False) -> Frame:
        """One row for each combination of values, of all columns or those of `subset`.

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
        return Frame(build.distinct(self._plan, subset, keep=keep, maintain_order=maintain_order))

    def distinct(self) -> Frame:
        """One row for each combination of values of all columns.

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"k": ["a", "b", "a", None, None]}).distinct().sort("k").collect().to_dict()
        {'k': [None, 'a', 'b']}
        """
        return self.unique()

    def union(self, *others: Frame) -> Frame:
        """The rows of this frame, then those of `others`; see `gpuflow.concat`.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.union(frame.head(1)).collect().to_dict()
        {'k': ['a', 'b', 'a', 'a'], 'x': [1, 2, None, 1]}
        """
        return concat([self, *others])

    def pipe(self, function: Any, *args: Any, **named: Any) -> Any:
        """``function(self, ...)``, for chains.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> def largest(table, column):
        ...     return table.sort(column, descending=True).head(1)
        >>> frame.pipe(largest, "k").collect().to_dict()
        {'k': ['b'], 'x': [2]}
        """
        return function(self, *args, **named)

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

    def __bool__(self) -> bool:
        raise TypeError("a Frame has no truth value; compute something of it first, as in frame.select(gf.len()).collect()")

    def __getitem__(self, key: Any) -> Any:
        way = f"frame.select({key!r})" if isinstance(key, (str, list)) else "frame.filter(...), .select(...) or .head(n)"
        raise TypeError(f"a Frame is not computed and cannot be indexed; write {way}")


def concat(frames: Iterable[Frame]) -> Frame:
    """All rows of several frames, one after the other. Columns must be the same; their types meet (int32 and int64
    become int64).

    Raises
    ------
    PlanError, TypeMismatchError

    Examples
    --------
    >>> import gpuflow as gf
    >>> parts = [gf.from_dict({"x": [1]}), gf.from_dict({"x": [2.5, None]})]
    >>> gf.concat(parts).collect().to_dict()
    {'x': [1.0, 2.5, None]}
    """
    parts = list(frames)
    for part in parts:
        if not isinstance(part, Frame):
            raise TypeMismatchError(f"concat() takes Frames, not a {type(part).__name__}")
    return Frame(build.union([p._plan for p in parts]))


def _refuse(host: str, given: tuple[Any, ...]) -> None:
    """Have a host function look at literal arguments; it is loaded when there are such."""
    from gpuflow.io.host_functions import refuse

    refuse(host, given)


HOST_CHECKS.append(_refuse)
