"""Operators of expressions, Python's and NumPy's, and what an expression is not: a truth value, a container, an array."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, NoReturn

from gpuflow_kernels.declare.scalar import SCALARS

from gpuflow.errors import NullComparisonWarning, PlanError, TypeMismatchError, UnsupportedError

from .methods import ExprT, Methods, as_node
from .nodes import Function, Literal, render

COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})


class Operators(Methods[ExprT], Generic[ExprT]):
    """Base of expressions: what Python's operators, `round`, `abs`, `math.floor` and NumPy's functions mean."""

    __slots__ = ()

    def __bool__(self) -> bool:
        raise TypeMismatchError(
            f"{render(self._node)} has no truth value before a table is known: write & | ~ in place of and, or, not "
            "(with brackets around comparisons), is_in() in place of in, is_between() in place of a < x < b, and when() "
            "in place of if"
        )

    def __float__(self) -> float:
        raise TypeMismatchError(
            f"{render(self._node)} is no number before a table is known: write .cast(gf.Float64) or .cast(gf.Int64), and methods "
            "or NumPy's functions in place of math's, as in .sqrt()"
        )

    __int__ = __complex__ = __float__

    def __contains__(self, item: object) -> bool:
        raise TypeMismatchError("an expression contains nothing; use .is_in([...])")

    if not TYPE_CHECKING:

        def __getitem__(self, key: Any) -> NoReturn:
            text = render(self._node)
            raise TypeMismatchError(
                f"{text} stands for a column and is not indexed by {key!r:.60}; frame.slice(offset, length) takes rows, "
                f"{text}.str.slice(offset, length) letters"
            )

    def __iter__(self) -> Any:
        raise TypeMismatchError(f"{render(self._node)} stands for a column and cannot be iterated")

    def __add__(self, other: Any) -> ExprT:
        return operate("+", self, self, other)

    def __radd__(self, other: Any) -> ExprT:
        return operate("+", self, other, self)

    def __sub__(self, other: Any) -> ExprT:
        return operate("-", self, self, other)

    def __rsub__(self, other: Any) -> ExprT:
        return operate("-", self, other, self)

    def __mul__(self, other: Any) -> ExprT:
        return operate("*", self, self, other)

    def __rmul__(self, other: Any) -> ExprT:
        return operate("*", self, other, self)

    def __truediv__(self, other: Any) -> ExprT:
        return operate("/", self, self, other)

    def __rtruediv__(self, other: Any) -> ExprT:
        return operate("/", self, other, self)

    def __floordiv__(self, other: Any) -> ExprT:
        return operate("//", self, self, other)

    def __rfloordiv__(self, other: Any) -> ExprT:
        return operate("//", self, other, self)

    def __mod__(self, other: Any) -> ExprT:
        return operate("%", self, self, other)

    def __rmod__(self, other: Any) -> ExprT:
        return operate("%", self, other, self)

    def __pow__(self, other: Any) -> ExprT:
        return operate("**", self, self, other)

    def __rpow__(self, other: Any) -> ExprT:
        return operate("**", self, other, self)

    def __eq__(self, other: object) -> ExprT:  # type: ignore[override]
        return operate("==", self, self, other)

    def __ne__(self, other: object) -> ExprT:  # type: ignore[override]
        return operate("!=", self, self, other)

    def __lt__(self, other: Any) -> ExprT:
        return operate("<", self, self, other)

    def __le__(self, other: Any) -> ExprT:
        return operate("<=", self, self, other)

    def __gt__(self, other: Any) -> ExprT:
        return operate(">", self, self, other)

    def __ge__(self, other: Any) -> ExprT:
        return operate(">=", self, self, other)

    def __and__(self, other: Any) -> ExprT:
        return operate("&", self, self, other)

    def __rand__(self, other: Any) -> ExprT:
        return operate("&", self, other, self)

    def __or__(self, other: Any) -> ExprT:
        return operate("|", self, self, other)

    def __ror__(self, other: Any) -> ExprT:
        return operate("|", self, other, self)

    def __xor__(self, other: Any) -> ExprT:
        return operate("^", self, self, other)

    def __rxor__(self, other: Any) -> ExprT:
        return operate("^", self, other, self)

    def __lshift__(self, other: Any) -> ExprT:
        return operate("<<", self, self, other)

    def __rlshift__(self, other: Any) -> ExprT:
        return operate("<<", self, other, self)

    def __rshift__(self, other: Any) -> ExprT:
        return operate(">>", self, self, other)

    def __rrshift__(self, other: Any) -> ExprT:
        return operate(">>", self, other, self)

    def __invert__(self) -> ExprT:
        return operate("~", self, self)

    def __neg__(self) -> ExprT:
        return operate("-", self, self)

    def __pos__(self) -> ExprT:
        made: ExprT = self._of(self._node)
        return made

    def __abs__(self) -> ExprT:
        return self.abs()

    # -- functions of Python ------------------------------------------------------------------------------------------
    def __round__(self, digits: int = 0) -> ExprT:
        return self.round(digits)

    def __floor__(self) -> ExprT:
        return self.floor()

    def __ceil__(self) -> ExprT:
        return self.ceil()

    def __trunc__(self) -> ExprT:
        return self.truncate()

    # -- functions of NumPy -------------------------------------------------------------------------------------------
    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **named: Any) -> Any:
        name = ufunc.__name__
        if method != "__call__" or named:
            raise TypeMismatchError(f"numpy.{name} takes expressions alone: without {', '.join(named) or method}")
        arrays = [i for i in inputs if getattr(i, "ndim", 0)]
        if arrays:
            raise TypeMismatchError(
                f"numpy.{name} of an expression and an array: make the array a column of the frame (gf.from_dict, join)"
            )
        if name in UFUNCS:
            return UFUNCS[name](*inputs)
        if len(inputs) == 1 and name in SCALARS and SCALARS[name].method:
            return getattr(self, name)()
        raise UnsupportedError(
            f"numpy.{name} has no meaning for expressions{_UFUNC_WAYS.get(name, '; declare a row function with @gf.scalar')}"
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise TypeMismatchError(
            f"{render(self._node)} is no array: it has values only where a frame computes it: frame.select(expr).collect(). "
            "NumPy's functions of single values work on expressions; for numpy.where() write gf.when()"
        )


def _applied(name: str) -> Callable[..., Any]:
    return lambda x, *more: getattr(x if isinstance(x, Methods) else _lifted(x, more), name)(*more)


def _lifted(value: Any, beside: tuple[Any, ...]) -> Any:
    """A literal as an expression."""
    return _first(beside)._of(as_node(value))


def _operator(symbol: str) -> Callable[..., Any]:
    return lambda *operands: operate(symbol, _first(operands), *operands)


def _first(operands: tuple[Any, ...]) -> Any:
    """Return the first operand that is an expression."""
    return next(o for o in operands if isinstance(o, Methods))


UFUNCS: dict[str, Callable[..., Any]] = {
    "add": _operator("+"),
    "subtract": _operator("-"),
    "multiply": _operator("*"),
    "divide": _operator("/"),
    "true_divide": _operator("/"),
    "floor_divide": _operator("//"),
    "remainder": _operator("%"),
    "power": _operator("**"),
    "float_power": _operator("**"),
    "equal": _operator("=="),
    "not_equal": _operator("!="),
    "less": _operator("<"),
    "less_equal": _operator("<="),
    "greater": _operator(">"),
    "greater_equal": _operator(">="),
    "bitwise_and": _operator("&"),
    "bitwise_or": _operator("|"),
    "bitwise_xor": _operator("^"),
    "logical_and": _operator("&"),
    "logical_or": _operator("|"),
    "logical_xor": _operator("^"),
    "logical_not": _operator("~"),
    "invert": _operator("~"),
    "left_shift": _operator("<<"),
    "right_shift": _operator(">>"),
    "negative": _operator("-"),
    "positive": lambda x: x,
    "absolute": _applied("abs"),
    "fabs": _applied("abs"),
    "rint": _applied("round"),
    "trunc": _applied("truncate"),
    "square": lambda x: operate("*", x, x, x),
    "reciprocal": lambda x: operate("/", x, 1.0, x),
    "exp2": lambda x: operate("**", x, 2.0, x),
    "deg2rad": _applied("radians"),
    "rad2deg": _applied("degrees"),
    "isnan": _applied("is_nan"),
    "isfinite": _applied("is_finite"),
    "isinf": _applied("is_infinite"),
    "arctan2": _applied("arctan2"),
    "hypot": _applied("hypot"),
}
"""NumPy's functions whose names differ from gpuflow's, or that take two arguments."""
_UFUNC_WAYS = {
    **dict.fromkeys(("maximum", "fmax"), "; write gf.max_horizontal(a, b), which leaves nulls and NaN out"),
    **dict.fromkeys(("minimum", "fmin"), "; write gf.min_horizontal(a, b), which leaves nulls and NaN out"),
    "fmod": "; write x % y, whose sign is the divisor's",
}


def _key(symbol: str, arity: int) -> str:
    for key, function in SCALARS.items():
        if function.operator == symbol and function.arity == arity:
            return key
    raise PlanError(f"no declared function of {arity} argument(s) means the operator {symbol!r}")


def operate(symbol: str, owner: Methods[ExprT], *operands: Any) -> ExprT:
    """Apply the declared function that an operator means; a comparison with None warns, for it is null in every row.

    Parameters
    ----------
    symbol : str
        As Python writes the operator.
    owner : Expr
        An expression among the operands, whose class the result has.
    *operands : expression or literal
        All operands, in order.

    Returns
    -------
    Expr
    """
    nodes = tuple(as_node(o) for o in operands)
    if symbol in COMPARISONS and any(o is None for o in operands):
        other = next((n for n in nodes if not isinstance(n, Literal)), nodes[0])
        way = f"{render(other)}.{'is_not_null' if symbol == '!=' else 'is_null'}()"
        warnings.warn(f"a comparison with None is null in every row; write {way}", NullComparisonWarning, stacklevel=3)
    made: ExprT = owner._of(Function(_key(symbol, len(operands)), nodes))
    return made
