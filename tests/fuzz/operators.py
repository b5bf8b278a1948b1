"""Random operators on tables, as text that means the same in gpuflow and in Polars.

What is left out, and why:

* Rows are cut (`head`, `slice`) and picked (`first`, ``keep="first"``) only where their order is defined: as written, by
  ``maintain_order=True``, or after a sort by all columns. Groups, joined and distinct rows are compared as multisets.
* ``keep="any"`` may keep other rows than Polars: only the columns of the subset are selected from it.
* A float key comes out as 0.0 where its group has zeros of both signs or just -0.0 (docs/semantics.md): `zeroed` makes the
  same of the row that Polars keeps.
* Joins are bounded to a few hundred rows, and joins on several expressions give no key columns twice: all keys of a join are
  names, or all are expressions. (Polars keeps the right's key columns as soon as one key is an expression.)
* Products are of zeros and ones: others leave int64, where gpuflow raises.
* Rough floats (see `tests.fuzz.expressions`) are no keys of any kind, and not sorted by.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from .expressions import LITERALS, Column, Expressions, Value

NAMES = ("a", "b", "c", "d", "e", "f", "a_right", "a b", 'q"\n')
"""Few, so that they meet, and swap."""

MOST = 300
"""Rows that a table may have."""

FLOATS = ("float", "ratio", "f32")


@dataclass(frozen=True)
class Operator:
    """A table as text over others, which it calls ``@0`` and ``@1``, and their numbers."""

    text: str
    inputs: tuple[int, ...]


@dataclass(frozen=True)
class State:
    """What is known of a table: its columns, whether the order of its rows is defined, and how many they are at most."""

    columns: dict[str, Column]
    ordered: bool
    rows: int


Made = tuple[str, State, tuple[int, ...]]
"""Text, the table that it makes, and the tables beside the current one that it reads."""


class Operators:
    """Draws operators on the last of `tables`."""

    def __init__(self, random: Random, tables: list[State]) -> None:
        self.random, self.tables = random, tables

    def draw(self) -> Operator:
        """Add an operator, and the table that it makes."""
        while True:
            made = self.random.choices(CHOICES, WEIGHTS)[0](self)
            if made is not None and made[1].columns:
                text, state, others = made
                operator = Operator(text, (len(self.tables) - 1, *others))
                self.tables.append(state)
                return operator

    # -- helpers ------------------------------------------------------------------------------------------------------
    @property
    def now(self) -> State:
        return self.tables[-1]

    @property
    def words(self) -> Expressions:
        return Expressions(self.random, self.now.columns)

    def some(self, names: list[str], most: int) -> list[str]:
        """Between one and `most` of the names, in any order."""
        return self.random.sample(names, self.random.randint(1, min(most, len(names))))

    def exact(self) -> list[str]:
        """The columns that may be keys."""
        return [n for n, c in self.now.columns.items() if c.kind != "rough"]

    def keys(self) -> list[str]:
        """One or two columns that may be keys, floats at times alone; none where there are none."""
        floats = [n for n, c in self.now.columns.items() if c.kind in ("float", "ratio")]
        if floats and self.random.random() < 0.3:
            return self.some(floats, 1)
        return self.some(self.exact(), 2) if self.exact() else []

    def without_rough(self) -> tuple[str, dict[str, Column]]:
        """Write the table without its rough columns, and give the columns that remain."""
        left = {n: self.now.columns[n] for n in self.exact()}
        return ("@0" if len(left) == len(self.now.columns) else f"@0.select({list(left)!r})"), left

    def expression(self, depth: int = 2) -> Value:
        """An expression of any kind, with a column in it."""
        while True:
            found = self.words.value(self.random.choice([*self.words.kinds, "ratio", "rough"]), depth)
            if "x.col(" in found.text:
                return found

    def flags(self, count: int) -> list[bool]:
        return [self.random.random() < 0.4 for _ in range(count)]

    # -- rows and columns ---------------------------------------------------------------------------------------------
    def filter(self) -> Made:
        zero = self.words.of_known_sign()
        if zero and self.random.random() < 0.4:
            return f"@0.filter(1 / {zero} {self.random.choice('<>')} 0)", self.now, ()
        conditions = ", ".join(self.words.condition() for _ in range(self.random.choice((1, 1, 2))))
        return f"@0.filter({conditions})", self.now, ()

    def drop_nulls(self) -> Made:
        subset = repr(self.some([*self.now.columns], 2)) if self.random.random() < 0.7 else ""
        return f"@0.drop_nulls({subset})", self.now, ()

    def select(self) -> Made:
        names, columns, parts = self.random.sample(NAMES, len(NAMES)), {}, []
        for name in self.some([*self.now.columns], 6):
            if self.random.random() < 0.6:
                columns[name], text = self.now.columns[name], f"x.col({name!r})"
                parts.append((name, text))
        for _ in range(self.random.randrange(3) if parts else 1):
            name, value = names.pop(), self.expression()
            if name not in columns:
                columns[name] = value.column
                parts.append((name, f"{value.text}.alias({name!r})"))
        if not parts:
            return self.rename()
        self.random.shuffle(parts)
        text = ", ".join(t for _, t in parts)
        return f"@0.select({text})", replace(self.now, columns={n: columns[n] for n, _ in parts}), ()

    def with_columns(self) -> Made:
        columns, texts = dict(self.now.columns), []
        for name in self.random.sample(NAMES, self.random.randint(1, 3)):
            value = self.expression()
            columns[name] = value.column
            texts.append(f"{value.text}.alias({name!r})")
        return f"@0.with_columns({', '.join(texts)})", replace(self.now, columns=columns), ()

    def swap(self) -> Made | None:
        """Columns exchanged, by expressions or by names."""
        if len(self.now.columns) < 2:
            return None
        names = self.random.sample([*self.now.columns], min(len(self.now.columns), self.random.choice((2, 2, 3))))
        moved = dict(zip(names, names[1:] + names[:1], strict=True))
        if self.random.random() < 0.5:
            texts = ", ".join(f"x.col({a!r}).alias({b!r})" for a, b in moved.items())
            came = {b: self.now.columns[a] for a, b in moved.items()}
            return f"@0.with_columns({texts})", replace(self.now, columns=self.now.columns | came), ()
        return self._renamed(moved)

    def rename(self) -> Made:
        free = [n for n in NAMES if n not in self.now.columns]
        return self._renamed(dict(zip(self.some([*self.now.columns], 2), free, strict=False)))

    def _renamed(self, moved: dict[str, str]) -> Made:
        columns = {moved.get(n, n): c for n, c in self.now.columns.items()}
        return f"@0.rename({moved!r})", replace(self.now, columns=columns), ()

    def drop(self) -> Made | None:
        if len(self.now.columns) < 2:
            return None
        gone = self.some([*self.now.columns], len(self.now.columns) - 1)
        left = {n: c for n, c in self.now.columns.items() if n not in gone}
        return f"@0.drop({gone!r})", replace(self.now, columns=left), ()

    def persist(self) -> Made:
        return "kept(@0)", self.now, ()

    # -- order --------------------------------------------------------------------------------------------------------
    def number(self) -> Made | None:
        name = self.random.choice(NAMES)
        if not self.now.ordered or name in self.now.columns:
            return None
        text = f"@0.with_row_index({name!r}, {self.random.choice((0, 3))}).with_columns(x.col({name!r}).cast(x.Int64))"
        return text, replace(self.now, columns={name: Column("int"), **self.now.columns}), ()

    def cut(self) -> Made | None:
        """The first rows, or those from one on."""
        return (f"@0.{self._cut()}", self.now, ()) if self.now.ordered else None

    def _cut(self) -> str:
        count, offset = self.random.randrange(8), self.random.randrange(4)
        return self.random.choice((f"head({count})", f"limit({count})", f"slice({offset}, {count})", f"slice({offset})"))

    def sort(self) -> Made | None:
        """By all columns, often cut; or stable by some where rows had an order."""
        table, columns = self.without_rough()
        if not columns:
            return None
        keys = self.random.sample([*columns], len(columns))
        texts = [f"x.col({k!r})" for k in keys]
        text = f"ordered({table}, [{', '.join(texts)}], {self.flags(len(keys))}, {self.flags(len(keys))})"
        if self.now.ordered and self.random.random() < 0.5:
            value = self.expression(1)
            keys = [value.text if value.column.kind != "rough" else texts[0], *texts][: self.random.randint(1, 2)]
            text = f"ordered(@0, [{', '.join(keys)}], {self.flags(len(keys))}, {self.flags(len(keys))})"
            return (f"{text}.{self._cut()}" if self.random.random() < 0.5 else text), self.now, ()
        if not self.now.ordered:  # rows that differ in the sign of a zero are ties
            columns = {n: c._replace(signed=c.signed and c.kind not in FLOATS) for n, c in columns.items()}
        cut = f".{self._cut()}" if self.random.random() < 0.6 else ""
        return text + cut, State(columns, True, self.now.rows), ()

    # -- groups -------------------------------------------------------------------------------------------------------
    def group_by(self) -> Made | None:
        keys: dict[str, tuple[str, Column]] = {}
        for name in self.keys():
            keys[name] = repr(name), self.now.columns[name]
        if self.random.random() < 0.3 or not keys:
            value, name = self.expression(1), self.random.choice(NAMES)
            if value.column.kind != "rough":
                keys[name] = f"{value.text}.alias({name!r})", value.column
        if not keys:
            return None
        free = [n for n in NAMES if n not in keys]
        aggs = [(name, self.aggregation()) for name in self.random.sample(free, self.random.randint(1, 3))]
        ordered = self.random.random() < 0.4
        made = ", ".join(f"({value.text}).alias({name!r})" for name, value in aggs)
        by = ", ".join(t for t, _ in keys.values()) + (", maintain_order=True" if ordered else "")
        columns = {n: c._replace(signed=True) for n, (_, c) in keys.items()} | {n: v.column for n, v in aggs}
        text = self._zeroed(f"@0.group_by({by}).agg({made})", {n: c for n, (_, c) in keys.items()})
        return text, State(columns, ordered and self.now.ordered, self.now.rows), ()

    def _zeroed(self, text: str, keys: dict[str, Column]) -> str:
        floats = [n for n, c in keys.items() if c.kind in FLOATS]
        return f"zeroed({text}, {floats!r})" if floats else text

    def reduce(self) -> Made:
        aggs = [(name, self.aggregation()) for name in self.random.sample(NAMES, self.random.randint(1, 3))]
        made = ", ".join(f"({value.text}).alias({name!r})" for name, value in aggs)
        return f"@0.select({made})", State({n: v.column for n, v in aggs}, True, 1), ()

    def aggregation(self) -> Value:
        """An aggregation of a column or an expression; of numbers, at times something computed from several."""
        value = self.expression(1)
        kind, signed = value.column
        found: list[tuple[str, Column]] = [("count", Column("int")), ("null_count", Column("int"))]
        if self.now.ordered:
            found += [(m, value.column) for m in ("first", "last", "first(ignore_nulls=True)", "last(ignore_nulls=True)")]
        if kind != "rough":
            found += [("n_unique", Column("int"))] * 2
        if kind not in ("bool", "bytes"):
            found += [(m, Column(kind, signed and kind not in FLOATS)) for m in ("min", "max", "min", "max")]
        found += {
            "int": [("sum", value.column)] * 3
            + [("mean", Column("ratio")), ("product", Column("int"))]
            + _SPREAD
            + self._quantiles(),
            "float": [("sum", Column("float", False))] * 3 + [("mean", Column("ratio", False))] + _SPREAD + self._quantiles(),
            "ratio": [("sum", Column("rough")), ("mean", Column("rough"))],
            "bool": [("any", Column("bool")), ("all", Column("bool")), ("sum", Column("int"))] * 2,
            "duration": [("sum", Column("duration"))],
            "decimal2": [("sum", Column("decimals"))],
        }.get(kind, [])
        method, column = self.random.choice(found)
        if method == "product":
            return Value(f"({value.text} % 2).product()", column)
        text = f"{value.text}.{method}" + ("" if method.endswith(")") else "()")
        if method in ("count", "null_count", "n_unique") or (kind, method) == ("bool", "sum"):
            text += ".cast(x.Int64)"
        if column.kind == "int" and self.random.random() < 0.2:
            return Value(f"{text} {self.random.choice('+-')} x.len().cast(x.Int64)", column)
        return Value(text, column)

    def _quantiles(self) -> list[tuple[str, Column]]:
        """Write a quantile that is a value of the column, and one that is rounded between two."""
        of_one = (
            f"quantile({self.random.choice((0.0, 0.25, 0.5, 0.9, 1.0))}, {self.random.choice(('lower', 'higher', 'nearest'))!r})"
        )
        of_two = self.random.choice(("median()", "quantile(0.3, 'linear')", "quantile(0.7, 'midpoint')"))
        return [(of_one, Column("float", False)), (of_two, Column("rough"))]

    def unique(self) -> Made | None:
        table, columns = self.without_rough()
        if not columns:
            return None
        ordered = self.random.random() < 0.4
        kept = ", maintain_order=True" if ordered else ""
        order = ordered and self.now.ordered
        if self.random.random() < 0.5:
            text = self._zeroed(f"{table}.unique({kept[2:]})", columns)
            return text, State(_signed(columns, columns), order, self.now.rows), ()
        subset = self.keys()
        keys = {n: self.now.columns[n] for n in subset}
        if not self.now.ordered or self.random.random() < 0.2:
            text = self._zeroed(f"@0.unique({subset!r}{kept}).select({subset!r})", keys)
            return text, State(_signed(keys, keys), order, self.now.rows), ()
        keep = self.random.choice(("first", "last"))
        text = self._zeroed(f"@0.unique({subset!r}, keep={keep!r}{kept})", keys)
        return text, State(_signed(self.now.columns, keys), order and keep == "first", self.now.rows), ()

    # -- two tables ---------------------------------------------------------------------------------------------------
    def join(self) -> Made | None:
        number = self.random.randrange(len(self.tables))
        other = self.tables[number]
        pairs = [
            (a, b)
            for a, c in self.now.columns.items()
            for b, d in other.columns.items()
            if c.kind == d.kind and c.kind not in ("rough", "decimals")
        ]
        if not pairs:
            return None
        hows = ("inner", "left", "right", "semi", "anti") if self.now.rows * max(1, other.rows) <= MOST else ("semi", "anti")
        how, suffix = self.random.choice(hows), self.random.choice(("_right", "2"))
        same = [a for a, b in pairs if a == b]
        merged: set[str] = set()
        of_left: set[str] = set()
        if same and self.random.random() < 0.6:
            names = self.some(same, 2)
            on, merged, of_left = f"on={names!r}", set(names), set(names)
        elif self.random.random() < 0.7:
            chosen = {b: a for a, b in self.random.sample(pairs, min(len(pairs), self.random.choice((1, 1, 2))))}
            on, merged, of_left = f"left_on={[*chosen.values()]!r}, right_on={[*chosen]!r}", set(chosen), set(chosen.values())
            if len(set(chosen.values())) < len(chosen):
                return None
        else:
            kind = self.random.choice(("int", "str"))
            left, right = self.words.value(kind, 1).text, Expressions(self.random, other.columns).value(kind, 1).text
            if "x.col(" not in left or "x.col(" not in right or left.endswith("')") or right.endswith("')"):
                return None
            on = f"left_on={left}, right_on={right}"
        columns = dict(self.now.columns)
        if how == "right":
            merged, columns = set(), {n: c for n, c in columns.items() if n not in of_left}
        here = {*columns}
        if how in ("inner", "left", "right"):
            for name, column in other.columns.items():
                out = name + suffix if name in here else name
                if name not in merged:
                    if out in columns or (out != name and out in self.now.columns):  # there was one, for Polars
                        return None
                    columns[out] = column
        rows = self.now.rows * max(1, other.rows) if how in ("inner", "left", "right") else self.now.rows
        equal = f", nulls_equal={self.random.random() < 0.5}"
        return f"@0.join(@1, {on}, how={how!r}, suffix={suffix!r}{equal})", State(columns, False, rows), (number,)

    def concat(self) -> Made | None:
        """The table twice, or with another one that gets its columns."""
        number = self.random.randrange(len(self.tables))
        other = self.tables[number]
        if self.now.rows + other.rows > MOST:
            return None
        order = self.now.ordered and other.ordered
        if self.random.random() < 0.4:
            state = State(self.now.columns, self.now.ordered, 2 * self.now.rows)
            return f"x.concat([@0, {self._shuffled('@0', self.now.columns)}])", state, ()
        of_kind = Expressions(self.random, other.columns).by_kind
        columns, texts = {}, []
        for name, column in self.now.columns.items():
            if column.kind in of_kind:
                source = self.random.choice(of_kind[column.kind])
                columns[name] = column._replace(signed=column.signed and other.columns[source].signed)
                texts.append(f"x.col({source!r}).alias({name!r})")
            elif column.kind in LITERALS and texts:
                columns[name] = column
                texts.append(f"{Expressions(self.random, {}).leaf(column.kind).text}.alias({name!r})")
        if not columns:
            return None
        first = "@0" if len(columns) == len(self.now.columns) else f"@0.select({[*columns]!r})"
        parts = [first, f"@1.select({', '.join(texts)})"]
        self.random.shuffle(parts)
        return f"x.concat([{', '.join(parts)}])", State(columns, order, self.now.rows + other.rows), (number,)

    def _shuffled(self, table: str, columns: dict[str, Column]) -> str:
        """The same columns in the same order, at times by way of another one."""
        if self.random.random() < 0.5:
            return table
        names = self.random.sample([*columns], len(columns))
        return f"{table}.select({names!r}).select({[*columns]!r})"


def _signed(columns: dict[str, Column], keys: dict[str, Column]) -> dict[str, Column]:
    """The columns, zeros of keys having a sign that is known."""
    return {n: c._replace(signed=True) if n in keys else c for n, c in columns.items()}


_SPREAD = [("var", Column("rough")), ("std", Column("rough"))]

_WEIGHTS: dict[Callable[[Operators], Made | None], int] = {
    Operators.filter: 4,
    Operators.select: 3,
    Operators.with_columns: 3,
    Operators.swap: 3,
    Operators.rename: 1,
    Operators.drop: 1,
    Operators.drop_nulls: 1,
    Operators.persist: 1,
    Operators.cut: 3,
    Operators.number: 2,
    Operators.sort: 3,
    Operators.group_by: 4,
    Operators.reduce: 1,
    Operators.unique: 3,
    Operators.join: 5,
    Operators.concat: 4,
}
CHOICES, WEIGHTS = [*_WEIGHTS], [*_WEIGHTS.values()]
