"""The expression that users hold: operators and a few methods; all others come from the registries (`methods`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any

from gpuflow_kernels.aggregate import AggregationHandle
from gpuflow_kernels.dtypes import FLOAT64
from gpuflow_kernels.scalar import SCALARS, ScalarHandle

from gpuflow.errors import PlanError, TypeMismatchError

from .methods import Methods, aggregated_node, as_node, function_node
from .nodes import Alias, Column, Function, IsIn, Literal, Node, render
from .scalars import listed
from .types import column_type


class Expr(Methods):
    """An expression over the columns of a table that is not known yet.

    Immutable, hashed by content, and picklable. Made by `gpuflow.col`, `gpuflow.lit` and operators. Python's numbers,
    strings and dates beside an expression are literals.

    Examples
    --------
    >>> from gpuflow import col
    >>> (col("x") > 5) & col("name").is_null()
    ((col("x") > 5) & col("name").is_null())
    """

    __slots__ = ()

    def __init__(self, node: Node) -> None:
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
        """Whether `other` is the same expression (``==`` makes a new expression instead).

        >>> from gpuflow import col
        >>> (col("x") + 1).equals(col("x") + 1)
        True
        """
        return isinstance(other, Expr) and self._node == other._node

    def __bool__(self) -> bool:
        raise TypeError(
            f"{render(self._node)} has no truth value before a table is known: write & | ~ in place of and, or, not "
            "(with brackets around comparisons), is_in() in place of in, is_between() in place of a < x < b, and when() "
            "in place of if"
        )

    def __contains__(self, item: object) -> bool:
        raise TypeError("an expression contains nothing; use .is_in([...])")

    def __iter__(self) -> Any:
        raise TypeError(f"{render(self._node)} stands for a column and cannot be iterated")

    __array_ufunc__ = None  # lets `numpy.float64(2) * col("x")` reach the reflected operator

    # -- operators ----------------------------------------------------------------------------------------------------
    def __add__(self, other: Any) -> Expr:
        return operate("+", self, other)

    def __radd__(self, other: Any) -> Expr:
        return operate("+", other, self)

    def __sub__(self, other: Any) -> Expr:
        return operate("-", self, other)

    def __rsub__(self, other: Any) -> Expr:
        return operate("-", other, self)

    def __mul__(self, other: Any) -> Expr:
        return operate("*", self, other)

    def __rmul__(self, other: Any) -> Expr:
        return operate("*", other, self)

    def __truediv__(self, other: Any) -> Expr:
        return operate("/", self, other)

    def __rtruediv__(self, other: Any) -> Expr:
        return operate("/", other, self)

    def __floordiv__(self, other: Any) -> Expr:
        return operate("//", self, other)

    def __rfloordiv__(self, other: Any) -> Expr:
        return operate("//", other, self)

    def __mod__(self, other: Any) -> Expr:
        return operate("%", self, other)

    def __rmod__(self, other: Any) -> Expr:
        return operate("%", other, self)

    def __pow__(self, other: Any) -> Expr:
        return operate("**", self, other)

    def __rpow__(self, other: Any) -> Expr:
        return operate("**", other, self)

    def __eq__(self, other: object) -> Expr:  # type: ignore[override]
        return operate("==", self, other)

    def __ne__(self, other: object) -> Expr:  # type: ignore[override]
        return operate("!=", self, other)

    def __lt__(self, other: Any) -> Expr:
        return operate("<", self, other)

    def __le__(self, other: Any) -> Expr:
        return operate("<=", self, other)

    def __gt__(self, other: Any) -> Expr:
        return operate(">", self, other)

    def __ge__(self, other: Any) -> Expr:
        return operate(">=", self, other)

    def __and__(self, other: Any) -> Expr:
        return operate("&", self, other)

    def __rand__(self, other: Any) -> Expr:
        return operate("&", other, self)

    def __or__(self, other: Any) -> Expr:
        return operate("|", self, other)

    def __ror__(self, other: Any) -> Expr:
        return operate("|", other, self)

    def __xor__(self, other: Any) -> Expr:
        return operate("^", self, other)

    def __rxor__(self, other: Any) -> Expr:
        return operate("^", other, self)

    def __lshift__(self, other: Any) -> Expr:
        return operate("<<", self, other)

    def __rlshift__(self, other: Any) -> Expr:
        return operate("<<", other, self)

    def __rshift__(self, other: Any) -> Expr:
        return operate(">>", self, other)

    def __rrshift__(self, other: Any) -> Expr:
        return operate(">>", other, self)

    def __invert__(self) -> Expr:
        return operate("~", self)

    def __neg__(self) -> Expr:
        return operate("-", self)

    def __pos__(self) -> Expr:
        return self

    def __abs__(self) -> Expr:
        return self.abs()

    def and_(self, *others: Any) -> Expr:
        """Whether this and all others are true, as by ``&``: null where one is null and none is false.

        Parameters
        ----------
        *others : expression or bool

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [1, 5, None]}).select((gf.col("x") > 0).and_(gf.col("x") < 3)).collect().to_dict()
        {'x': [True, False, None]}
        """
        return Expr(reduce(lambda a, b: a & b, others, self)._node)

    def or_(self, *others: Any) -> Expr:
        """Whether this or one of the others is true, as by ``|``: null where one is null and none is true.

        Parameters
        ----------
        *others : expression or bool

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [1, 5, None]}).select((gf.col("x") > 9).or_(gf.col("x") < 3)).collect().to_dict()
        {'x': [True, False, None]}
        """
        return Expr(reduce(lambda a, b: a | b, others, self)._node)

    def not_(self) -> Expr:
        """The other truth value, as by ``~``; null for null.

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [True, None]}).select(gf.col("x").not_()).collect().to_dict()
        {'x': [False, None]}
        """
        return ~self

    def xor(self, other: Any) -> Expr:
        """Whether just one of both is true, as by ``^``; null where one is null.

        Parameters
        ----------
        other : expression or bool

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [True, False, None]}).select(gf.col("x").xor(True)).collect().to_dict()
        {'x': [False, True, None]}
        """
        return operate("^", self, other)

    # -- methods that are more than one declared function -------------------------------------------------------------
    def alias(self, name: str) -> Expr:
        """The expression under another output name.

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
        """The values as another type.

        Parameters
        ----------
        dtype : DType, Python class, type of NumPy, pandas, Polars or Arrow, or a name
            ``gf.Float64``, ``gf.Datetime("ms")``, ``int``, ``datetime.date``, ``"int64"``, ``numpy.float32``, ...
        strict : bool
            Raise where a value does not fit (True), or give null there.

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
        """Whether the value is one of `values`: null for null; nulls in the list are ignored (as in Polars).

        Parameters
        ----------
        values : list, tuple, set, or an array or column of NumPy, pandas, Polars or Arrow
            Literals. For the values of another table use ``join(..., how="semi")``.

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
        literals = [Literal(*found) for found in listed(values)]
        return Expr(IsIn(self._node, tuple(n for n in literals if n.value is not None)))

    def is_between(self, lower: Any, upper: Any, closed: str = "both") -> Expr:
        """Whether the value lies between `lower` and `upper`.

        Parameters
        ----------
        lower, upper : expression or literal
        closed : {"both", "left", "right", "none"}
            Which ends belong to it.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"x": [1, 2, 3, None]})
        >>> frame.select(a=gf.col("x").is_between(1, 2), b=gf.col("x").is_between(1, 2, closed="right")).collect().to_dict()
        {'a': [True, True, False, None], 'b': [False, True, False, None]}
        """
        if closed not in ("both", "left", "right", "none"):
            raise PlanError(f"closed={closed!r} is not one of 'both', 'left', 'right', 'none'")
        low: Expr = self >= lower if closed in ("both", "left") else self > lower
        high: Expr = self <= upper if closed in ("both", "right") else self < upper
        return low & high

    def fill_nan(self, value: Any) -> Expr:
        """The value, or another one where it is NaN; None makes null of NaN.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"x": [1.5, float("nan"), None]})
        >>> frame.select(a=gf.col("x").fill_nan(0), b=gf.col("x").fill_nan(None)).collect().to_dict()
        {'a': [1.5, 0.0, None], 'b': [1.5, None, None]}
        """
        return choose(self.is_not_nan() | self.is_null(), self, value)

    def null_count(self) -> Expr:
        """Number of nulls.

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [5, None, 5]}).select(gf.col("x").null_count()).collect().to_dict()
        {'x': [1]}
        """
        return Expr(aggregated_node("sum", (self.is_null(),)))

    def var(self, ddof: int = 1) -> Expr:
        """Variance; null for groups of at most `ddof` values.

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [1, 3, None]}).select(a=gf.col("x").var(), b=gf.col("x").var(ddof=0)).collect().to_dict()
        {'a': [2.0], 'b': [1.0]}
        """
        if ddof == 1:
            return Expr(aggregated_node("var", (self,)))
        count = Expr(aggregated_node("count", (self,))).cast(FLOAT64)
        squares = Expr(function_node("fill_null", (Expr(aggregated_node("var", (self,))), 0.0))) * (count - 1.0)
        return choose(count > float(ddof), squares / (count - float(ddof)), None)

    def std(self, ddof: int = 1) -> Expr:
        """Standard deviation; null for groups of at most `ddof` values.

        Examples
        --------
        >>> import gpuflow as gf
        >>> gf.from_dict({"x": [1, 3, 5, None]}).select(a=gf.col("x").std(), b=gf.col("x").std(ddof=2)).collect().to_dict()
        {'a': [2.0], 'b': [2.8284271247461903]}
        """
        if ddof == 1:
            return Expr(aggregated_node("std", (self,)))
        return self.var(ddof).sqrt()

    def pipe(self, function: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """``function(self, ...)``, for chains.

        Examples
        --------
        >>> import gpuflow as gf
        >>> def scaled(x, factor):
        ...     return x * factor
        >>> gf.col("x").pipe(scaled, factor=2)
        (col("x") * 2)
        """
        return function(self, *args, **named)


def _key(symbol: str, arity: int) -> str:
    for key, function in SCALARS.items():
        if function.operator == symbol and function.arity == arity:
            return key
    raise PlanError(f"no declared function of {arity} argument(s) means the operator {symbol!r}")


def operate(symbol: str, *operands: Any) -> Expr:
    """The declared function that means an operator, applied."""
    return Expr(Function(_key(symbol, len(operands)), tuple(as_node(o) for o in operands)))


def choose(condition: Any, yes: Any, no: Any) -> Expr:
    """`yes` where `condition` is true, else `no` (where it is false or null)."""
    key = next((k for k, f in SCALARS.items() if any(o.branch for o in f.overloads)), None)
    if key is None:
        raise PlanError("no declared function chooses between two values")
    return Expr(Function(key, (as_node(condition), as_node(yes), as_node(no))))


class When:
    """``when(condition)``, waiting for ``then``.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [3, -3, None]}).select(a=gf.when(gf.col("x") > 0).then(1).otherwise(0)).collect().to_dict()
    {'a': [1, 0, 0]}
    """

    __slots__ = ("_branches", "_condition")

    def __init__(self, branches: tuple[tuple[Node, Node], ...], condition: Any) -> None:
        self._branches, self._condition = branches, as_node(condition)

    def then(self, value: Any) -> Then:
        """The value where the condition is true; a str is a column's name, as in Polars (`lit("...")` for text).

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
        """A further condition, for rows where those before are not true.

        Examples
        --------
        >>> import gpuflow as gf
        >>> signs = gf.from_dict({"x": [3, -3, None]})
        >>> signs.select(a=gf.when(gf.col("x") > 0).then(1).when(gf.col("x") < 0).then(-1)).collect().to_dict()
        {'a': [1, -1, None]}
        """
        return When(self._branches, all_of(conditions))

    def otherwise(self, value: Any) -> Expr:
        """The value where no condition is true; a str is a column's name.

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


def all_of(conditions: tuple[Any, ...]) -> Expr:
    """Several conditions as one; a str is a column's name."""
    if not conditions:
        raise PlanError("at least one condition is needed")
    return reduce(lambda a, b: a & b, (Expr(as_node(c, names=True)) for c in conditions))


def _apply_scalar(key: str, *args: Any) -> Expr:
    return Expr(function_node(key, tuple(map(_column, args))))


def _apply_aggregation(key: str, *args: Any) -> Expr:
    return Expr(aggregated_node(key, tuple(map(_column, args))))


def _column(argument: Any) -> Any:
    """What is handed to a declared function: a str is the name of a column there, as in `select`."""
    return Expr(Column(argument)) if isinstance(argument, str) else argument


ScalarHandle.build = staticmethod(_apply_scalar)
AggregationHandle.build = staticmethod(_apply_aggregation)
