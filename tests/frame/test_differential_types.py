"""Random schemas of all types, under names of all kinds, through every operator: the PYTHON target against Polars."""

from __future__ import annotations

import datetime as dt
import operator
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import polars.selectors as cs
from hypothesis import given
from hypothesis import strategies as st

import gpuflow as gf
from tests.support.running import AXES, assert_same, examples, running
from tests.support.tables import ALL_POOLS, MORE, frame, table

NESTED, UNTYPED = "lo", "n"
ORDERED = "".join(c for c in ALL_POOLS if c not in NESTED + UNTYPED)
NAMES = ["x", "X", "a b", "ä", '"q"', "c0", "new\nline", "\\", "{}", "__import__", "col(x)", "%s", "🂡", "class", "'", "len"]

AGGREGATIONS = {
    **dict.fromkeys("ijh", ("sum", "min", "max", "mean", "first")),
    **dict.fromkeys("cq", ("sum", "min", "max", "first", "n_unique")),
    **dict.fromkeys("stvkzmde", ("min", "max", "last", "count", "n_unique")),
    **dict.fromkeys("xf", ("min", "max", "count")),
    **dict.fromkeys("uwp", ("min", "max", "first")),
    "b": ("any", "all", "sum"),
    "l": ("count", "first", "last"),
    "o": ("count", "first"),
    "n": ("count",),
}
HOW = st.sampled_from(["inner", "left", "right", "semi", "anti"])
COMPARISONS = (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge)


@st.composite
def schemas(draw: st.DrawFn) -> dict[str, str]:
    """Columns of the pools, at least one of a new type, and a name for each."""
    letters = draw(st.lists(st.sampled_from("".join(ALL_POOLS)), min_size=2, max_size=6, unique=True))
    if not set(letters) & set(MORE):
        letters.append(draw(st.sampled_from("".join(MORE))))
    names = draw(st.permutations(NAMES))
    return dict(zip(letters, names, strict=False))


def renamed(rows: pl.DataFrame, schema: dict[str, str]) -> pl.DataFrame:
    return rows.select(pl.col(letter).alias(name) for letter, name in schema.items())


def widened(rows: pl.DataFrame) -> pl.DataFrame:
    narrow = cs.integer() - cs.by_dtype(pl.UInt64)
    return rows.with_columns(narrow.cast(pl.Int64), cs.float().cast(pl.Float64))


@st.composite
def steps(draw: st.DrawFn, schema: dict[str, str]) -> Any:
    """A query of one operator after a filter, as a function of the module and two tables, and whether its order is known."""
    usable = [letter for letter in schema if letter in ORDERED]
    condition = draw(st.none() | conditions(schema, usable)) if usable else None

    def filtered(x: Any, t: Any) -> Any:
        return t if condition is None else t.filter(condition(x))

    kinds = ["all", "limit", "group", "reduce", "union", "choose"] + (["join", "sort", "distinct"] if usable else [])
    kind = draw(st.sampled_from(kinds))
    chosen = draw(st.lists(st.sampled_from(usable), min_size=1, max_size=2, unique=True)) if usable else []
    keys = [schema[letter] for letter in chosen]
    if kind == "all":
        return lambda x, t, u: filtered(x, t), True
    if kind == "limit":
        offset, count = draw(st.integers(0, 4)), draw(st.integers(0, 9))
        return lambda x, t, u: filtered(x, t).slice(offset, count), True
    if kind == "union":
        return lambda x, t, u: x.concat([t, filtered(x, u), t]), True
    if kind == "distinct":
        return lambda x, t, u: filtered(x, t).select(keys).unique(), False
    if kind == "choose":
        letter = draw(st.sampled_from(list(schema)))
        name, other = schema[letter], draw(st.booleans())

        def choose(x: Any, t: Any, u: Any) -> Any:
            if letter in NESTED + UNTYPED:
                return filtered(x, t).select(name, n=x.col(name).is_null())
            shifted = x.when(x.col(name).is_null() if other else x.col(name) == x.col(name)).then(x.col(name)).otherwise(None)
            return filtered(x, t).select(a=shifted, b=x.coalesce(shifted, x.col(name)), n=x.col(name).is_not_null())

        return choose, True
    if kind in ("group", "reduce"):
        keys = keys if kind == "group" else []
        pairs = [(s, m) for letter, s in schema.items() if s not in keys for m in AGGREGATIONS.get(letter, ())]
        aggs = draw(st.lists(st.sampled_from(pairs), max_size=3, unique=True)) if pairs else []

        def group(x: Any, t: Any, u: Any) -> Any:
            found = [getattr(x.col(name), method)().alias(f"{name} {method}") for name, method in aggs]
            if not keys:
                return filtered(x, t).select(x.len().alias("rows"), *found)
            return filtered(x, t).group_by(keys).agg(x.len().alias("rows"), *found)

        return group, False
    if kind == "sort":
        down, last = draw(st.lists(st.booleans(), min_size=2, max_size=2)), draw(st.booleans())

        def order(x: Any, t: Any, u: Any) -> Any:
            stable = {"maintain_order": True} if x is pl else {}
            return filtered(x, t).sort(keys, descending=down[: len(keys)], nulls_last=last, **stable)

        return order, True
    how, equal = draw(HOW), draw(st.booleans())
    brought = [name for letter, name in schema.items() if letter not in chosen][:2]

    def join(x: Any, t: Any, u: Any) -> Any:
        right = u.select(*keys, *(x.col(name).alias(f"{name} of the other") for name in brought))
        return filtered(x, t).join(right, on=keys, how=how, nulls_equal=equal)

    return join, False


def conditions(schema: dict[str, str], usable: list[str]) -> st.SearchStrategy[Any]:
    """Comparisons of a column with one of its values, membership, and null tests."""

    def compared(letter: str, k: int, compare: Any) -> Any:
        dtype, pool = ALL_POOLS[letter]
        value = pool[k % len(pool)]
        if letter == "z":
            value = value.replace(tzinfo=dt.UTC).astimezone(ZoneInfo("Europe/Berlin"))
        if letter in "u":
            return lambda x: compare(x.col(schema[letter]), x.lit(value, dtype=x.UInt64))
        return lambda x: compare(
            x.col(schema[letter]), x.lit(value, dtype=dtype) if x is pl and letter in "kcq" else x.lit(value)
        )

    return st.one_of(
        st.builds(compared, st.sampled_from(usable), st.integers(0, 5), st.sampled_from(COMPARISONS)),
        st.builds(lambda c: lambda x: x.col(schema[c]).is_not_null(), st.sampled_from(list(schema))),
    )


@examples(2000)
@given(st.data())
def test_random_schemas(data: st.DataObject) -> None:
    schema = data.draw(schemas())
    letters = "".join(schema)
    one, two = (renamed(data.draw(table(letters, most)), schema) for most in (10, 6))
    query, ordered = data.draw(steps(schema))
    parts, axis = data.draw(st.sampled_from([1, 3, 17])), data.draw(st.sampled_from(list(AXES)))
    with running(parts=parts, rows=max(len(one), len(two)), axis=axis):
        found = query(gf, frame(one), frame(two)).collect()
    expected = query(pl, widened(one).lazy(), widened(two).lazy()).collect()
    assert_same(found, expected, ordered=ordered, about=f"{schema} parts={parts} {axis}")
