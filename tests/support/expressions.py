"""Random expressions over the columns of `tables.POOLS` that mean the same in gpuflow and in Polars.

An expression is a function of the module (``gpuflow`` or ``polars``), for the two share their names. Integers stay
small, since Polars wraps around where gpuflow raises; float literals have short binary fractions.
"""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from .tables import NAN

Expression = Callable[[Any], Any]
Strategy = st.SearchStrategy[Expression]

COLUMNS = "ijhxybstde"
"""The columns that expressions read."""

INTEGER_OPERATORS = (operator.add, operator.sub, operator.mul, operator.floordiv, operator.mod)
FLOAT_OPERATORS = (operator.add, operator.sub, operator.mul, operator.truediv)
COMPARISONS = (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge)
PARTS = ("year", "month", "day", "ordinal_day", "weekday", "quarter", "week")


def column(name: str) -> Expression:
    return lambda x: x.col(name)


def literal(value: Any) -> Expression:
    return lambda x: x.lit(value)


def applied(function: Callable[..., Any], *args: Expression) -> Expression:
    """`function` of what the arguments are in a module."""
    return lambda x: function(*(a(x) for a in args))


def method(name: str, arg: Expression, *more: Expression) -> Expression:
    return lambda x: getattr(arg(x), name)(*(m(x) for m in more))


def of_module(name: str, *args: Expression) -> Expression:
    return lambda x: getattr(x, name)(*(a(x) for a in args))


def chosen(condition: Expression, yes: Expression, no: Expression) -> Expression:
    return lambda x: x.when(condition(x)).then(yes(x)).otherwise(no(x))


def part(name: str, arg: Expression) -> Expression:
    return lambda x: getattr(arg(x).dt, name)().cast(x.Int64)  # Polars would go on in int8


def _leaves(columns: str, literals: tuple[Any, ...]) -> Strategy:
    return st.one_of(st.sampled_from([column(c) for c in columns]), st.sampled_from([literal(v) for v in literals]))


def _any_type(leaf: Strategy, condition: Strategy, more: Callable[[Strategy], list[Strategy]], depth: int) -> Strategy:
    """Expressions of one type: what works for every type, and `more` of its own over smaller ones."""
    if depth == 0:
        return leaf
    inner = _any_type(leaf, condition, more, depth - 1)
    return st.one_of(
        leaf,
        st.builds(chosen, condition, inner, inner),
        st.builds(lambda a, b: method("fill_null", a, b), inner, inner),
        st.builds(lambda a, b, c: of_module("coalesce", a, b, c), inner, inner, inner),
        *more(inner),
    )


def _two(operators: tuple[Any, ...]) -> Callable[[Strategy], Strategy]:
    return lambda inner: st.builds(lambda f, a, b: applied(f, a, b), st.sampled_from(operators), inner, inner)


def _horizontal(inner: Strategy) -> Strategy:
    return st.builds(of_module, st.sampled_from(["min_horizontal", "max_horizontal"]), inner, inner)


INT_LEAF = _leaves("ijh", (-2, 0, 1, 3))
FLOAT_LEAF = _leaves("xy", (0.5, 2.0, -0.25))
STRING_LEAF = _leaves("st", ("a", "b", "zz", ""))
DATE_LEAF = _leaves("d", (dt.date(2000, 1, 1),))
TIME_LEAF = _leaves("e", (dt.datetime(2013, 7, 1, 5),))


def _compared(leaf: Strategy) -> Strategy:
    return st.builds(lambda f, a, b: applied(f, a, b), st.sampled_from(COMPARISONS), leaf, leaf)


def _simple_conditions() -> Strategy:
    members = {"i": [1, 3, None], "s": ["a", "", "nowhere"], "x": [0.0, 1.5, NAN], "h": [-128, 1], "d": [dt.date(1970, 1, 1)]}
    return st.one_of(
        st.just(column("b")),
        *(_compared(leaf) for leaf in (INT_LEAF, FLOAT_LEAF, STRING_LEAF, DATE_LEAF, TIME_LEAF)),
        st.sampled_from([method(n, column(c)) for c in "ixsb" for n in ("is_null", "is_not_null")]),
        st.sampled_from([method(n, column("x")) for n in ("is_nan", "is_not_nan", "is_finite", "is_infinite")]),
        st.sampled_from([lambda x, c=c, v=v: x.col(c).is_in(v) for c, v in members.items()]),
        st.sampled_from([lambda x, e=e: x.col("i").is_between(0, 3, closed=e) for e in ("both", "left", "right", "none")]),
        st.builds(lambda a, b: method("eq_missing", a, b), STRING_LEAF, STRING_LEAF),
        st.builds(lambda a, b: method("ne_missing", a, b), FLOAT_LEAF, FLOAT_LEAF),
    )


SIMPLE = _simple_conditions()


def integers(depth: int = 2) -> Strategy:
    dates = st.builds(part, st.sampled_from(PARTS), DATE_LEAF | TIME_LEAF)
    clock = st.builds(part, st.sampled_from(["hour", "minute", "second"]), TIME_LEAF)
    return _any_type(
        INT_LEAF | dates | clock | measured() if depth > 1 else INT_LEAF | dates | clock,
        SIMPLE,
        lambda inner: [
            _two(INTEGER_OPERATORS)(inner),
            _horizontal(inner),
            st.builds(method, st.sampled_from(["abs", "sign"]), inner),
            st.builds(lambda a: applied(operator.neg, a), inner),
        ],
        depth,
    )


def floats(depth: int = 2) -> Strategy:
    return _any_type(
        FLOAT_LEAF,
        SIMPLE,
        lambda inner: [
            _two(FLOAT_OPERATORS)(inner),
            _two(FLOAT_OPERATORS)(inner),
            _horizontal(inner),
            st.builds(method, st.sampled_from(["abs", "sqrt", "floor", "ceil", "exp", "log", "sin", "cos", "round"]), inner),
            st.builds(lambda a, b: applied(operator.truediv, a, b), INT_LEAF, INT_LEAF),
            st.builds(lambda f, a, b: applied(f, a, b), st.sampled_from(FLOAT_OPERATORS), inner, INT_LEAF),
        ],
        depth,
    )


def conditions(depth: int = 2) -> Strategy:
    return _any_type(
        SIMPLE,
        SIMPLE,
        lambda inner: [
            _two((operator.and_, operator.or_, operator.xor))(inner),
            _two((operator.and_, operator.or_))(inner),
            st.builds(lambda a: applied(operator.invert, a), inner),
            _compared(integers(1)),
            _compared(floats(1)),
            _compared(strings(1)),
            searched(),
        ],
        depth,
    )


def text(name: str, arg: Expression, *more: Any, **named: Any) -> Expression:
    """A method of ``.str`` with plain arguments."""
    return lambda x: getattr(arg(x).str, name)(*more, **named)


TEXTS: tuple[tuple[str, tuple[Any, ...], dict[str, Any]], ...] = (
    ("to_uppercase", (), {}),
    ("to_lowercase", (), {}),
    ("strip_chars", (), {}),
    ("strip_chars", ("az",), {}),
    ("strip_prefix", ("a",), {}),
    ("head", (1,), {}),
    ("tail", (1,), {}),
    ("head", (-1,), {}),
    ("slice", (1,), {}),
    ("slice", (-2, 1), {}),
    ("replace", ("a", "bb"), {"literal": True}),
    ("replace_all", ("b", ""), {"literal": True}),
    ("replace_all", ("[a-b]", "<$0>"), {}),
    ("pad_start", (3, "*"), {}),
    ("pad_end", (2,), {}),
    ("zfill", (3,), {}),
    ("extract", ("(a|z)", 1), {}),
)
"""Functions from strings to strings, with arguments."""


def strings(depth: int = 2) -> Strategy:
    return _any_type(
        STRING_LEAF | st.builds(lambda a: lambda x: a(x).cast(x.String), INT_LEAF),
        SIMPLE,
        lambda inner: [
            _horizontal(inner),
            st.builds(lambda t, a: text(t[0], a, *t[1], **t[2]), st.sampled_from(TEXTS), inner),
            st.builds(lambda t, a: text(t[0], a, *t[1], **t[2]), st.sampled_from(TEXTS), inner),
            st.builds(
                lambda a, b, i: lambda x: x.concat_str([a(x), b(x)], separator="-", ignore_nulls=i), inner, inner, st.booleans()
            ),
            st.builds(lambda a, b: applied(operator.add, a, b), inner, inner),
            st.builds(lambda a, b: lambda x: a(x).str.head(b(x).abs()), inner, INT_LEAF),
        ],
        depth,
    )


def measured() -> Strategy:
    """Integers and conditions about strings."""
    measures = st.sampled_from(["len_chars", "len_bytes"])
    return st.builds(lambda n, a: lambda x: getattr(a(x).str, n)().cast(x.Int64), measures, strings(1)) | st.builds(
        lambda a: lambda x: a(x).cast(x.Int64, strict=False), strings(1)
    )


def searched() -> Strategy:
    tests: tuple[tuple[str, tuple[Any, ...], dict[str, Any]], ...] = (
        ("starts_with", ("a",), {}),
        ("ends_with", ("b",), {}),
        ("contains", ("a",), {"literal": True}),
        ("contains", ("^[a-z]+$",), {}),
        ("contains", ("",), {"literal": True}),
    )
    return st.builds(lambda t, a: text(t[0], a, *t[1], **t[2]), st.sampled_from(tests), strings(1))


def dates(depth: int = 1) -> Strategy:
    return _any_type(DATE_LEAF, SIMPLE, lambda inner: [_horizontal(inner)], depth)


def large_integers(depth: int = 3) -> Strategy:
    """Integers of every width and size, which overflow often."""
    leaf = _leaves("iwuhj", (-1, 0, 2, 3, 2**62, 2**63 - 1))
    other = st.sampled_from([operator.lt, operator.eq, operator.ge])
    if depth == 0:
        return leaf
    inner = large_integers(depth - 1)
    return st.one_of(
        leaf,
        _two(INTEGER_OPERATORS)(inner),
        _two((operator.add, operator.sub, operator.mul))(inner),
        st.builds(method, st.sampled_from(["abs", "sign"]), inner),
        st.builds(lambda a: applied(operator.neg, a), inner),
        st.builds(lambda f, a, b, c: chosen(applied(f, a, b), b, c), other, leaf, inner, leaf),
        st.builds(lambda a, b: method("fill_null", a, b), inner, leaf),
    )


EXPRESSIONS = st.one_of(integers(), floats(), conditions(), strings(), dates())
"""Expressions of every type."""
