"""The methods that frames and tables share and that bring rows together: in groups, and with those of other tables."""

from __future__ import annotations

from typing import Any

from gpuflow.plan import build
from gpuflow.plan.concat import concat
from gpuflow.plan.foreign_arguments import refuse_other_forms
from gpuflow.plan.joins import join

from .group_by import GroupBy
from .other_names import hinted
from .tabular import FrameT, Tabular, plan_of


class CombineMethods(Tabular[FrameT]):
    """Methods that group rows, join them with another table's, or append another table's."""

    def group_by(self, *keys: Any, maintain_order: bool = False, **named: Any) -> GroupBy[FrameT]:
        """Group the rows with equal keys, for `agg`.

        Parameters
        ----------
        *keys : column names, expressions, or lists of them
            Null is a key like any other, and so is NaN.
        maintain_order : bool
            Groups come in the order of their first rows; otherwise in any order.
        **named : ``new_name=expression``
            Keys under names of their own.

        Returns
        -------
        GroupBy

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
    ) -> FrameT:
        """Join with another table on equal keys.

        Parameters
        ----------
        other : Frame, Table, or anything that `gpuflow.from_any` takes
            The right side.
        on : column name, expression, or list of them
            Keys that both sides have; or `left_on` and `right_on` where they differ.
        how : {"inner", "left", "right", "semi", "anti"}
            `left` keeps all rows of this table, `right` all of the other, whose keys then stand behind the columns of this
            one; `semi` and `anti` keep the rows of this table with and without a partner, and add no columns.
        left_on, right_on : column name, expression, or list of them
            Keys of this table and of the other, in pairs.
        suffix : str
            Behind the names of the other's columns that this table has too.
        nulls_equal : bool
            Whether null matches null.

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
            When a name with its suffix is there already.
        UnsupportedError
            For a kind of join that is not there yet; the message says what to write instead.

        Notes
        -----
        The order of the rows is not defined. A small side is loaded whole on every worker; otherwise both are exchanged by their
        keys.

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

    def union(self, *others: Any) -> FrameT:
        """Append the rows of other tables to those of this one; see `gpuflow.concat`.

        Parameters
        ----------
        *others : Frame, Table, or anything that `gpuflow.from_any` takes
            With the same columns; types meet as in `gpuflow.concat`.

        Returns
        -------
        Frame

        Raises
        ------
        PlanError
            When columns differ.
        TypeMismatchError
            When types do not meet, or something is no table.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.union(frame.head(1)).collect().to_dict()
        {'k': ['a', 'b', 'a', 'a'], 'x': [1, 2, None, 1]}
        """
        return self._of(concat([self._plan, *(plan_of(other, "union") for other in others)]))
