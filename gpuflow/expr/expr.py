"""The expression that users hold: operators and a few methods; all others come from the registries (`methods`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import is_dataclass
from functools import reduce
from typing import Any

from gpuflow_kernels.declare.aggregate import AggregationHandle
from gpuflow_kernels.declare.choices import is_one_of
from gpuflow_kernels.declare.scalar import SCALARS, ScalarHandle

from gpuflow.errors import PlanError, TypeMismatchError, UnsupportedError

from .filtered import Filtered
from .methods import Methods, aggregated_node, as_node, function_node
from .nodes import Alias, Column, Function, IsIn, Literal, Node, render
from .operators import Operators, operate
from .other_names import WAYS
from .scalars import listed
from .types import column_type


class Expr(Operators["Expr"]):
    """An expression over the columns of a table that is not known yet.

    Immutable, hashed by content, and picklable. Made by `gpuflow.col`, `gpuflow.lit` and operators. Python's numbers, strings
    and dates beside an expression are literals.

    Parameters
    ----------
    node : Node
        Made by functions such as `gpuflow.col`; users never pass it.

    Examples
    --------
    >>> from gpuflow import col
    >>> (col("x") > 5) & col("name").is_null()
    ((col("x") > 5) & col("name").is_null())
    """

    __slots__ = ()

    def __init__(self, node: Node) -> None:
        if not is_dataclass(node):
            raise TypeMismatchError(f"Expr() is not called; write gf.col('x') for a column, gf.lit({node!r:.60}) for a value")
        object.__setattr__(self, "_node", node)

    @classmethod
    def _of(cls, node: Node) -> Expr:
        return Expr(node)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("expressions are immutable")

    def __reduce__(self) -> tuple[Any, ...]:
        return Expr, (self._node,)

    def __repr__(self) -> str:
        return render(self._node)

    def __hash__(self) -> int:
        return hash(self._node)

    def equals(self, other: object) -> bool:
        """Return whether `other` is the same expression (``==`` makes a new expression instead).

        Parameters
        ----------
        other : object
            What to compare with.

        Returns
        -------
        bool

        Examples
        --------
        >>> from gpuflow import col
        >>> (col("x") + 1).equals(col("x") + 1)
        True
        """
        return isinstance(other, Expr) and self._node == other._node

    def and_(self, *others: Any) -> Expr:
        """Return whether this and all others are true, as by ``&``: null where one is null and none is false.

        Parameters
        ----------
        *others : expression or bool
            Further conditions.

        Returns
        -------
        Expr

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [1, 5, None]}).select((gf.col("x") > 0).and_(gf.col("x") < 3)).collect().to_dict()
        {'x': [True, False, None]}
        """
        return Expr(reduce(lambda a, b: a & b, others, self)._node)

    def or_(self, *others: Any) -> Expr:
        """Return whether this or one of the others is true, as by ``|``: null where one is null and none is true.

        Parameters
        ----------
        *others : expression or bool
            Further conditions.

        Returns
        -------
        Expr

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [1, 5, None]}).select((gf.col("x") > 9).or_(gf.col("x") < 3)).collect().to_dict()
        {'x': [True, False, None]}
        """
        return Expr(reduce(lambda a, b: a | b, others, self)._node)

    def not_(self) -> Expr:
        """Return the other truth value, as by ``~``; null for null.

        Returns
        -------
        Expr

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [True, None]}).select(gf.col("x").not_()).collect().to_dict()
        {'x': [False, None]}
        """
        return ~self

    def xor(self, other: Any) -> Expr:
        """Return whether just one of both is true, as by ``^``; null where one is null.

        Parameters
        ----------
        other : expression or bool
            The other condition.

        Returns
        -------
        Expr

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [True, False, None]}).select(gf.col("x").xor(True)).collect().to_dict()
        {'x': [False, True, None]}
        """
        return operate("^", self, self, other)

    # -- methods that are more than one declared function -------------------------------------------------------------
    def alias(self, name: str) -> Expr:
        """Give the expression another output name.

        Parameters
        ----------
        name : str
            Name of the column that comes of it.

        Returns
        -------
        Expr

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [1, None]}).select((gf.col("x") + 1).alias("next")).collect().to_dict()
        {'next': [2, None]}
        """
        if not isinstance(name, str):
            raise TypeMismatchError(f"alias() takes a name, not {name!r}")
        return Expr(Alias(self._node, name))

    def cast(self, dtype: Any, *, strict: bool = True) -> Expr:
        """Convert the values to another type.

        Parameters
        ----------
        dtype : DType, Python class, type of NumPy, pandas, Polars or Arrow, or a name
            ``gf.Float64``, ``gf.Datetime("ms")``, ``int``, ``datetime.date``, ``"int64"``, ``numpy.float32``, ...
        strict : bool
            Raise where a value does not fit (True), or give null there.

        Returns
        -------
        Expr

        Raises
        ------
        TypeMismatchError
            For what is no type, or a type that values of this one are never converted to; when the frame is built.
        CastError
            With `strict`, for a value that does not fit; when the query runs.

        Notes
        -----
        Null stays null. Floats are cut off towards zero when they become whole numbers.

        Examples
        --------
        >>> import gpuflow as gf
        >>> numbers = gf.from_dict({"x": [1.7, 300.0, None]})
        >>> numbers.select(a=gf.col("x").cast(gf.Int64), b=gf.col("x").cast(gf.Int8, strict=False)).collect().to_dict()
        {'a': [1, 300, None], 'b': [1, None, None]}
        """
        to = column_type(dtype, "cast()")
        return Expr(Function("cast", (self._node,), (("to", to), *((("strict", False),) if not strict else ()))))

    def is_in(self, values: Iterable[Any]) -> Expr:
        """Return whether the value is one of `values`: null for null; nulls in the list are ignored (as in Polars).

        Parameters
        ----------
        values : list, tuple, set, or an array or column of NumPy, pandas, Polars or Arrow
            Literals. For the values of another table use ``join(..., how="semi")``.

        Returns
        -------
        Expr

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [1, 2, None]}).select(gf.col("x").is_in([1, 5, None])).collect().to_dict()
        {'x': [True, False, None]}
        """
        if isinstance(values, (str, bytes)) or isinstance(values, Methods) or not hasattr(values, "__iter__"):
            raise TypeMismatchError(
                f"is_in() takes a list of values, not {values!r:.60}; for the values of another table use join(how='semi')"
            )
        values = values if hasattr(values, "dtype") else list(values)
        if isinstance(values, list) and any(isinstance(v, Methods) for v in values):
            raise TypeMismatchError("is_in() takes literal values; compare with an expression by == instead")
        literals = [Literal(*value) for value in listed(values)]
        return Expr(IsIn(self._node, tuple(n for n in literals if n.value is not None)))

    def is_between(self, lower: Any, upper: Any, closed: str = "both") -> Expr:
        """Return whether the value lies between `lower` and `upper`; null for null.

        Parameters
        ----------
        lower, upper : expression or literal
            The ends.
        closed : {"both", "left", "right", "none"}
            Which ends belong to it.

        Returns
        -------
        Expr

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"x": [1, 2, 3, None]})
        >>> frame.select(a=gf.col("x").is_between(1, 2), b=gf.col("x").is_between(1, 2, closed="right")).collect().to_dict()
        {'a': [True, True, False, None], 'b': [False, True, False, None]}
        """
        if not is_one_of(closed, ("both", "left", "right", "none")):
            raise PlanError(f"closed={closed!r} is not one of 'both', 'left', 'right', 'none'")
        low: Expr = self >= lower if closed in ("both", "left") else self > lower
        high: Expr = self <= upper if closed in ("both", "right") else self < upper
        return low & high

    def fill_null(self, value: Any = None, strategy: str | None = None) -> Expr:
        """Put another value in place of null.

        Parameters
        ----------
        value : expression or literal
            What stands there instead.
        strategy : {"zero", "one"}, optional
            In place of a value.

        Returns
        -------
        Expr

        Raises
        ------
        UnsupportedError
            For a strategy that looks at other rows.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"x": [1.5, None]})
        >>> frame.select(a=gf.col("x").fill_null(7), b=gf.col("x").fill_null(strategy="zero")).collect().to_dict()
        {'a': [1.5, 7.0], 'b': [1.5, 0.0]}
        """
        if strategy is None:
            return Expr(function_node("fill_null", (self, value)))
        if value is not None:
            raise PlanError(f"fill_null() takes a value or a strategy, not both: {value!r:.60} and {strategy!r}")
        if not isinstance(strategy, str):
            raise PlanError(f"fill_null: strategy={strategy!r:.60} is not one of 'zero', 'one'")
        if strategy in ("zero", "one"):
            return Expr(function_node("fill_null", (self, int(strategy == "one"))))
        if strategy in ("min", "max", "mean"):
            first = f"value = frame.select({render(self._node)}.{strategy}()).collect().item()"
            way = f"compute it first, {first}, and write fill_null(value)"
            raise UnsupportedError(f"fill_null(strategy={strategy!r}) needs a value of all rows in each; {way}")
        if strategy in ("forward", "backward"):
            raise UnsupportedError(f"fill_null(strategy={strategy!r}): {WAYS['expression'][f'{strategy}_fill']}")
        raise PlanError(f"fill_null: strategy={strategy!r} is not one of 'zero', 'one'")

    def fill_nan(self, value: Any) -> Expr:
        """Put another value in place of NaN; None makes null of NaN.

        Parameters
        ----------
        value : expression, number or None
            What stands there instead.

        Returns
        -------
        Expr

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"x": [1.5, float("nan"), None]})
        >>> frame.select(a=gf.col("x").fill_nan(0), b=gf.col("x").fill_nan(None)).collect().to_dict()
        {'a': [1.5, 0.0, None], 'b': [1.5, None, None]}
        """
        return choose(self.is_not_nan() | self.is_null(), self, value)

    def null_count(self, *, filter: Any = None) -> Expr:
        """Count the nulls.

        Parameters
        ----------
        filter : expression, optional
            Count only rows for which this condition is true; null counts as false.

        Returns
        -------
        Expr

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [5, None, 5]}).select(gf.col("x").null_count()).collect().to_dict()
        {'x': [1]}
        """
        return Expr(aggregated_node("sum", (self.is_null(),), {"filter": filter}))

    def filter(self, *conditions: Any) -> Filtered:
        """Choose the rows that an aggregation sees: ``col("x").filter(condition).sum()`` is ``col("x").sum(filter=condition)``.

        Parameters
        ----------
        *conditions : expression or column name
            All must be true; null counts as false.

        Returns
        -------
        Expr

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [3, -3, None]}).select(gf.col("x").filter(gf.col("x") > 0).sum()).collect().to_dict()
        {'x': [3]}
        """
        return Filtered(self, all_of(conditions)._node)

    def pipe(self, function: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """Call ``function(self, ...)``, for chains.

        Parameters
        ----------
        function : callable
            Gets this expression first, then the other arguments.
        *args, **named
            What else it gets.

        Returns
        -------
        object
            What the function returns.

        Examples
        --------
        >>> import gpuflow as gf
        >>> def scaled(x, factor):
        ...     return x * factor
        >>> gf.col("x").pipe(scaled, factor=2)
        (col("x") * 2)
        """
        if not callable(function):
            raise TypeMismatchError(f"pipe() takes a function, which gets the expression, not {function!r:.60}")
        return function(self, *args, **named)


def all_of(conditions: tuple[Any, ...]) -> Expr:
    """Put several conditions together as one; a str is a column's name."""
    if not conditions:
        raise PlanError("at least one condition is needed")
    return reduce(lambda a, b: a & b, (Expr(as_node(c, names=True)) for c in conditions))


def choose(condition: Any, yes: Any, no: Any) -> Expr:
    """`yes` where `condition` is true, else `no` (where it is false or null).

    Returns
    -------
    Expr
    """
    key = next((k for k, f in SCALARS.items() if any(o.branch for o in f.overloads)), None)
    if key is None:
        raise PlanError("no declared function chooses between two values")
    return Expr(Function(key, (as_node(condition), as_node(yes), as_node(no))))


def _apply_scalar(key: str, *args: Any) -> Expr:
    return Expr(function_node(key, tuple(map(_column, args))))


def _apply_aggregation(key: str, *args: Any, **named: Any) -> Expr:
    return Expr(aggregated_node(key, tuple(map(_column, args)), named))


def _column(argument: Any) -> Any:
    """What is handed to a declared function: a str is the name of a column there, as in `select`."""
    return Expr(Column(argument)) if isinstance(argument, str) else argument


ScalarHandle.build = staticmethod(_apply_scalar)
AggregationHandle.build = staticmethod(_apply_aggregation)
