"""``when(...).then(...).otherwise(...)``: a choice while it is being written."""

from __future__ import annotations

from typing import Any

from .expr import Expr, all_of, choose
from .methods import Unfinished, as_node
from .nodes import Node, render


class When(Unfinished):
    """``when(condition)``, waiting for ``then``: no expression yet, and an error wherever one is needed.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [3, -3, None]}).select(a=gf.when(gf.col("x") > 0).then(1).otherwise(0)).collect().to_dict()
    {'a': [1, 0, 0]}
    """

    __slots__ = ("_branches", "_condition")

    def _complaint(self) -> str:
        """What an error says where an expression is wanted."""
        text = render(self._condition)
        return f"when({text}) has no value yet: write when({text}).then(value), and .otherwise(other) if it is not to be null"

    def __init__(self, branches: tuple[tuple[Node, Node], ...], condition: Any) -> None:
        self._branches, self._condition = branches, as_node(condition)

    def then(self, value: Any) -> Then:
        """Give the value where the condition is true; a str is a column's name (`lit("...")` for text).

        Parameters
        ----------
        value : expression, column name or literal
            As in Polars, null where no condition is true unless `otherwise` follows.

        Returns
        -------
        Then

        Examples
        --------
        >>> import gpuflow as gf
        >>> signs = gf.from_dict({"x": [3, -3, None]})
        >>> signs.select(a=gf.when(gf.col("x") > 0).then("x"), b=gf.when(gf.col("x") > 0).then(gf.lit("x"))).collect().to_dict()
        {'a': [3, None, None], 'b': ['x', None, None]}
        """
        return Then((*self._branches, (self._condition, as_node(value, names=True))))


class Then(Expr):
    """``when(...).then(...)``: an expression that is null elsewhere, until ``otherwise`` or a further ``when``."""

    __slots__ = ("_branches",)
    _branches: tuple[tuple[Node, Node], ...]

    def __init__(self, branches: tuple[tuple[Node, Node], ...]) -> None:
        object.__setattr__(self, "_branches", branches)
        super().__init__(_nested(branches, as_node(None)))

    def __reduce__(self) -> tuple[Any, ...]:
        return Then, (self._branches,)

    def when(self, *conditions: Any) -> When:
        """Add a further condition, for rows where those before are not true.

        Parameters
        ----------
        *conditions : expressions of bools, or names of such columns
            All must hold. Null counts as false.

        Returns
        -------
        When

        Examples
        --------
        >>> import gpuflow as gf
        >>> signs = gf.from_dict({"x": [3, -3, None]})
        >>> signs.select(a=gf.when(gf.col("x") > 0).then(1).when(gf.col("x") < 0).then(-1)).collect().to_dict()
        {'a': [1, -1, None]}
        """
        return When(self._branches, all_of(conditions))

    def otherwise(self, value: Any) -> Expr:
        """Give the value where no condition is true; a str is a column's name.

        Parameters
        ----------
        value : expression, column name or literal
            Its type and those of the other values must have one that holds all.

        Returns
        -------
        Expr

        Examples
        --------
        >>> import gpuflow as gf
        >>> signs = gf.from_dict({"x": [3, -3, None], "y": [7, 8, 9]})
        >>> signs.select(a=gf.when(gf.col("x") > 0).then("x").otherwise("y")).collect().to_dict()
        {'a': [3, 8, 9]}
        """
        return Expr(_nested(self._branches, as_node(value, names=True)))


def _nested(branches: tuple[tuple[Node, Node], ...], last: Node) -> Node:
    result = Expr(last)
    for condition, value in reversed(branches):
        result = choose(Expr(condition), Expr(value), result)
    return result._node
