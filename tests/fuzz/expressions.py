"""Random expressions as text that means the same in gpuflow and in Polars, over columns of known kinds.

What is left out, and why (operators have a list of their own in `tests.fuzz.operators`):

* Integers stay small: products are taken of remainders, ``uint64`` and columns near the ends of int64 are only carried,
  compared and grouped by. gpuflow raises where a result leaves int64, Polars wraps around.
* Sums are taken of floats that are multiples of small powers of two alone (kind ``float``), so that they are exact in any
  order. Quotients and means (``ratio``) have the same bits in both and serve as keys; what is added up of them, variances
  and logarithms (``rough``) differ in their last bits, and are carried and compared with a tolerance.
* The sign of zero is looked at (``1 / x > 0``) where it is defined (`Column.signed`). It is not in sums (Polars takes
  ``-0.0 + 0.0`` for -0.0 where one is a literal), in the least and greatest of several zeros, nor where ties of an order are
  cut.
* float32 is carried, and cast to float64 before anything is computed: gpuflow computes with it in 32 bits, while the Polars
  tables are widened, since their narrow integers would wrap around.
* Counts and parts of dates are cast to Int64, in which gpuflow has them: Polars goes on in UInt32 or Int8.
* Floats are not written as text: the two have formats of their own.
* A choice is never between two literals: compared with a literal, it has other rows in Polars than its table
  (``select(lit(1) >= when(col("x") > 0).then(lit(1)).otherwise(lit(1)))`` gives two of three).
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from tests.support.expressions import PARTS, TEXTS

KINDS = {
    **dict.fromkeys("ijh", "int"),
    **dict.fromkeys("xy", "float"),
    **dict.fromkeys("st", "str"),
    "u": "u64",
    "w": "i64",
    "f": "f32",
    "b": "bool",
    "d": "date",
    "e": "time",
    "m": "ms",
    "z": "zone",
    "p": "duration",
    "c": "decimal2",
    "q": "decimal4",
    "v": "bytes",
    "k": "enum",
}
"""The kind of each column of `tests.support.tables.ALL_POOLS` that takes part: those of one kind may stand for each other."""

LITERALS: dict[str, tuple[str, ...]] = {
    "int": ("-2", "0", "1", "3"),
    "float": ("0.5", "2.0", "-0.25", "0.0", "-0.0", "float('nan')"),
    "bool": ("True", "False"),
    "str": ("'a'", "'b'", "'zz'", "''"),
    "date": ("dt.date(2000, 1, 1)",),
    "time": ("dt.datetime(2013, 7, 1, 5)",),
}
TYPES = {"int": "x.Int64", "float": "x.Float64", "bool": "x.Boolean", "str": "x.String", "date": "x.Date"}


class Column(NamedTuple):
    """What is known of a column or an expression: its kind, and whether the sign of its zeros is defined."""

    kind: str
    signed: bool = True


class Value(NamedTuple):
    """An expression."""

    text: str
    column: Column


class Expressions:
    """Draws expressions over `columns`."""

    def __init__(self, random: Random, columns: dict[str, Column]) -> None:
        self.random, self.columns = random, columns
        self.by_kind: dict[str, list[str]] = {}
        for name, column in columns.items():
            self.by_kind.setdefault(column.kind, []).append(name)

    @property
    def kinds(self) -> list[str]:
        """Kinds that there are expressions of."""
        return [*dict.fromkeys([*self.by_kind, *LITERALS])]

    def value(self, kind: str, depth: int = 2) -> Value:
        """An expression of a kind."""
        if depth == 0 or self.random.random() < 0.3:
            return self.leaf(kind)
        if kind == "bool":
            return self._condition(depth)
        own = _OWN.get(kind, ())
        pick = self.random.randrange(3 + 2 * len(own))
        if pick >= 3:
            return own[(pick - 3) // 2](self, depth - 1)
        return self._of_any(kind, depth - 1)

    def leaf(self, kind: str) -> Value:
        """A column, or a literal where there are literals of the kind."""
        names = self.by_kind.get(kind, [])
        if kind in ("float", "ratio", "rough") and not names:
            return Value(f"x.lit({self.random.choice(LITERALS['float'])}, x.Float64)", Column(kind))
        if names and (kind not in LITERALS or self.random.random() < 0.75):
            name = self.random.choice(names)
            return Value(f"x.col({name!r})", self.columns[name])
        literal = self.random.choice(LITERALS[kind])
        return Value(f"x.lit({literal}, {TYPES[kind]})" if kind in TYPES else f"x.lit({literal})", Column(kind))

    def condition(self, depth: int = 2) -> str:
        """A truth value, nearly always of a column."""
        text = self.value("bool", depth).text
        while "x.col(" not in text and self.random.random() < 0.98:
            text = self.value("bool", depth).text
        return text

    def _of_any(self, kind: str, depth: int) -> Value:
        a, b = self.value(kind, depth), self.value(kind, depth)
        texts = (
            f"x.coalesce({a.text}, {b.text})"
            if "x.col(" not in a.text + b.text
            else f"x.when({self.condition(1)}).then({a.text}).otherwise({b.text})",
            f"{a.text}.fill_null({b.text})",
            f"x.coalesce({a.text}, {b.text})",
        )
        return Value(self.random.choice(texts), Column(kind, a.column.signed and b.column.signed))

    def _condition(self, depth: int) -> Value:
        pick = self.random.randrange(10)
        if pick < 2:
            a, b = self.condition(depth - 1), self.condition(depth - 1)
            return _truth(f"({a} {self.random.choice('&|^')} {b})")
        if pick == 2:
            return _truth(f"(~{self.condition(depth - 1)})")
        if pick == 3 and self.columns:
            name, column = self.random.choice([*self.columns.items()])
            tests = ["is_null", "is_not_null"] + (["is_nan", "is_finite"] if column.kind in ("float", "ratio") else [])
            return _truth(f"x.col({name!r}).{self.random.choice(tests)}()")
        if pick == 4 and (zero := self.of_known_sign()):
            return _truth(f"(1 / {zero} > 0)")
        if pick == 5:
            return _truth(self._member())
        if pick == 6:
            text, test = self.value("str", depth - 1).text, self.random.choice(_SEARCHES)
            return _truth(f"{text}.str.{test}")
        kind = self.random.choice([k for k in self.kinds if k != "rough"])
        a, b = self.value(kind, depth - 1).text, self.value(kind, depth - 1).text
        if self.random.random() < 0.15:
            return _truth(f"{a}.{self.random.choice(('eq_missing', 'ne_missing'))}({b})")
        return _truth(f"({a} {self.random.choice(('==', '!=', '<', '<=', '>', '>='))} {b})")

    def of_known_sign(self) -> str | None:
        """Draw a column of floats in which the sign of zeros is defined."""
        names = [n for n, c in self.columns.items() if c.kind in ("float", "ratio") and c.signed]
        return f"x.col({self.random.choice(names)!r})" if names else None

    def _member(self) -> str:
        choices = {
            "int": "is_in([1, 3, None])",
            "str": "is_in(['a', '', 'nowhere'])",
            "float": "is_in([0.0, 1.5, float('nan')])",
            "date": "is_in([dt.date(1970, 1, 1)])",
        }
        kind = self.random.choice([*choices])
        if kind == "int" and self.random.random() < 0.5:
            return f"{self.leaf(kind).text}.is_between(0, 3, closed={self.random.choice(('both', 'left', 'none'))!r})"
        return f"{self.leaf(kind).text}.{choices[kind]}"


Own = Callable[[Expressions, int], Value]


def _truth(text: str) -> Value:
    return Value(text, Column("bool"))


def _pair(kind: str, form: str, signed: bool = True) -> Own:
    """An expression of two of a kind, as `form` says."""

    def drawn(e: Expressions, depth: int) -> Value:
        a, b = e.value(kind, depth), e.value(kind, depth)
        return Value(form.format(a=a.text, b=b.text), Column(kind, signed and a.column.signed and b.column.signed))

    return drawn


def _from(kind: str, other: str, form: str, **choices: tuple[Any, ...]) -> Own:
    """An expression of one of another kind, or the same."""

    def drawn(e: Expressions, depth: int) -> Value:
        a = e.value(other, depth)
        picked = {name: e.random.choice(of) for name, of in choices.items()}
        return Value(form.format(a=a.text, **picked), Column(kind, a.column.signed))

    return drawn


def _quotient(e: Expressions, depth: int) -> Value:
    if (zero := e.of_known_sign()) is not None:
        over = e.value(e.random.choice(("int", "float")), depth)
        return Value(f"({over.text} / {zero})", Column("ratio", over.column.signed))
    divisor = e.value("int", depth).text
    if "x.col(" not in divisor:  # Polars multiplies by the reciprocal of a constant, which rounds twice
        divisor = "x.lit(2, x.Int64)"
    return Value(f"({e.value('int', depth).text} / {divisor})", Column("ratio"))


def _text(e: Expressions, depth: int) -> Value:
    name, args, named = e.random.choice(TEXTS)
    given = ", ".join([*map(repr, args), *(f"{k}={v!r}" for k, v in named.items())])
    return Value(f"{e.value('str', depth).text}.str.{name}({given})", Column("str"))


_SEARCHES = ("starts_with('a')", "ends_with('b')", "contains('a', literal=True)", "contains('^[a-z]+$')")
_PARTS = (*PARTS, "month", "year")

_OWN: dict[str, tuple[Own, ...]] = {
    "int": (
        _pair("int", "({a} + {b})"),
        _pair("int", "({a} - {b})"),
        _pair("int", "({a} % 97 * ({b} % 97))"),
        _pair("int", "({a} // {b})"),
        _pair("int", "({a} % {b})"),
        _pair("int", "x.max_horizontal({a}, {b})"),
        _from("int", "int", "{a}.{f}()", f=("abs", "sign")),
        _from("int", "int", "(-{a})"),
        _from("int", "date", "{a}.dt.{f}().cast(x.Int64)", f=_PARTS),
        _from("int", "time", "{a}.dt.{f}().cast(x.Int64)", f=("hour", "minute", "day")),
        _from("int", "str", "{a}.str.{f}().cast(x.Int64)", f=("len_chars", "len_bytes")),
        _from("int", "str", "{a}.cast(x.Int64, strict=False)"),
        _from("int", "bool", "{a}.cast(x.Int64)"),
        _from("int", "float", "{a}.floor().cast(x.Int64, strict=False)"),
    ),
    "float": (
        _pair("float", "({a} + {b})", signed=False),
        _pair("float", "({a} - {b})", signed=False),
        _pair("float", "x.min_horizontal({a}, {b})", signed=False),
        _from("float", "float", "({a} * {f})", f=(0.5, -2.0, -1.0)),
        _from("float", "float", "{a}.{f}()", f=("abs", "floor", "ceil")),
        _from("float", "float", "{a}.fill_nan({f})", f=(0.0, -0.0, 1.5)),
        _from("float", "int", "({a}.cast(x.Float64) * 0.25)"),
    ),
    "ratio": (_quotient, _quotient, _from("ratio", "float", "{a}.abs().sqrt()"), _from("ratio", "ratio", "(-{a})")),
    "rough": (_from("rough", "float", "{a}.{f}()", f=("exp", "sin")), _from("rough", "ratio", "({a} + 1)")),
    "str": (
        _text,
        _text,
        _pair("str", "({a} + {b})"),
        _pair("str", "x.concat_str([{a}, {b}], separator='-', ignore_nulls=True)"),
        _pair("str", "x.min_horizontal({a}, {b})"),
        _from("str", "int", "{a}.cast(x.String)"),
        _from("str", "date", "{a}.dt.strftime('%Y-%m')"),
    ),
    "date": (
        _pair("date", "x.max_horizontal({a}, {b})"),
        _from("date", "date", "{a}.dt.truncate({f!r})", f=("1mo", "1y")),
        _from("date", "date", "{a}.dt.offset_by({f!r})", f=("1d", "-1mo")),
        _from("date", "time", "{a}.dt.date()"),
    ),
    "time": (
        _from("time", "time", "{a}.dt.truncate({f!r})", f=("1h", "1d")),
        _from("time", "time", "{a}.dt.offset_by({f!r})", f=("1d", "-2h")),
    ),
}
"""What there is of a kind beside columns, literals and choices between them."""
