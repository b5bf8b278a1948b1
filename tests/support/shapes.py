"""Sixty queries, one per line, that mean the same in gpuflow and in Polars.

Each is a function ``(x, t, u)`` of the module and two tables with the columns of `tables.POOLS`. Together they reach
every sink, way of looking up and way of grouping that is compiled.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import gpuflow as gf

Query = Callable[[Any, Any, Any], Any]

NAMED = ("i", "j", "x", "y", "b", "s")


def _aggs(x: Any, columns: str, *methods: str) -> list[Any]:
    return [getattr(x.col(c), m)().alias(f"{c}_{m}") for c in columns for m in methods]


def _conditions(x: Any) -> list[Any]:
    """Aggregations of some of the rows only: by numbers, a truth value that may be null, and strings."""
    return [
        x.col("j").filter(x.col("y") > 0).sum().alias("a"),
        x.col("x").filter(x.col("b")).max().alias("b"),
        x.col("s").filter(x.col("t") > "a").min().alias("c"),
        x.col("i").filter(x.col("s") == "a").n_unique().alias("d"),
        x.col("y").filter(x.col("j") > 1).std().alias("e"),
        x.col("x").filter(x.col("i") > 1000).count().alias("f"),
    ]


def _distinct_values(x: Any) -> list[Any]:
    """Aggregations of each value once, also of some of the rows only."""
    if x is gf:
        return [
            x.col("h").sum(distinct=True).alias("g"),
            x.col("s").count(distinct=True).alias("k"),
            x.col("h").mean(distinct=True, filter=x.col("y") > 0).alias("l"),
        ]
    return [
        x.col("h").unique().sum().alias("g"),
        x.col("s").drop_nulls().n_unique().cast(x.Int64).alias("k"),
        x.col("h").filter(x.col("y") > 0).unique().mean().alias("l"),
    ]


def _small(u: Any, x: Any, key: str) -> Any:
    """One row for each key: a side whose keys are unique."""
    return u.group_by(key).agg(other=x.col("j").min(), text=x.col("t").max())


def _renamed(u: Any, x: Any, *keys: str) -> Any:
    return u.select(*keys, other=x.col("j"), text=x.col("t"), when=x.col("d"))


SHAPES: dict[str, Query] = {
    # -- rows: map and compact
    "arithmetic": lambda x, t, u: t.select(a=x.col("i") * 3 + x.col("j"), b=x.col("x") / x.col("y"), c=-x.col("i")),
    "integer division": lambda x, t, u: t.select(a=x.col("i") // x.col("j"), b=x.col("i") % x.col("j"), c=x.col("i") // 7),
    "float functions": lambda x, t, u: t.select(
        a=x.col("y").sqrt(), b=x.col("x").floor(), c=x.col("y").exp(), d=x.col("x").abs()
    ),
    "comparisons": lambda x, t, u: t.select(a=x.col("i") < x.col("j"), b=x.col("x") >= x.col("y"), c=x.col("s") == x.col("t")),
    "three-valued": lambda x, t, u: t.select(a=x.col("b") & (x.col("i") > 0), b=x.col("b") | (x.col("x") > 0), c=~x.col("b")),
    "nulls": lambda x, t, u: t.select(a=x.col("i").fill_null(x.col("j")), b=x.col("x").is_null(), c=x.coalesce("s", "t")),
    "when": lambda x, t, u: t.select(a=x.when(x.col("i") > 1).then(x.col("x")).when(x.col("b")).then(x.col("y")).otherwise(0.5)),
    "when, strings": lambda x, t, u: t.select(a=x.when(x.col("x") > 0).then(x.col("s")).otherwise(x.lit("other"))),
    "members": lambda x, t, u: t.select(
        a=x.col("i").is_in([1, 2, 19]), b=x.col("s").is_in(["a", "é"]), c=x.col("x").is_in([1.5])
    ),
    "dates": lambda x, t, u: t.select(a=x.col("d").dt.year(), b=x.col("e").dt.hour(), c=x.col("d").dt.ordinal_day()),
    "horizontal": lambda x, t, u: t.select(
        a=x.max_horizontal("i", "j"), b=x.min_horizontal("x", "y"), c=x.max_horizontal("s", "t")
    ),
    "filter integers": lambda x, t, u: t.filter(x.col("i") > 1).select("i", "x", "s"),
    "filter and compute": lambda x, t, u: t.filter(x.col("y") > 0.0).select(r=x.col("i") + 1, s="s", z=x.col("y") * 2),
    "filter strings": lambda x, t, u: t.filter((x.col("s") > "a") | x.col("t").is_null()).select("s", "t", "u"),
    "filter dates": lambda x, t, u: t.filter(x.col("d") >= dt.date(1970, 1, 1)).filter(~x.col("b")).select("d", "e", "p"),
    "filter to nothing": lambda x, t, u: t.filter(x.col("i") > 1000).select("i", "s", r=x.col("x") + 1),
    "narrow and wide": lambda x, t, u: t.select(a=x.col("h") + x.col("i"), b=x.col("f"), c=x.col("u"), d=x.col("w")),
    "limit after filter": lambda x, t, u: t.filter(x.col("i") >= 0).select("i", "s").head(7),
    "union": lambda x, t, u: x.concat([t, u]).filter(x.col("i") != 2).select("i", "s", "x"),
    # -- reductions
    "reduce integers": lambda x, t, u: t.select(*_aggs(x, "i", "sum", "min", "mean"), *_aggs(x, "j", "max", "count")),
    "reduce conditions": lambda x, t, u: t.select(*_conditions(x), *_distinct_values(x)),
    "reduce floats": lambda x, t, u: t.select(*_aggs(x, "x", "min", "max"), *_aggs(x, "y", "sum", "var")),
    "reduce strings": lambda x, t, u: t.select(*_aggs(x, "s", "min", "last"), *_aggs(x, "t", "max", "count")),
    "reduce truths": lambda x, t, u: t.select(*_aggs(x, "b", "any", "all", "sum"), n=x.len()),
    "reduce filtered": lambda x, t, u: t.filter(x.col("b")).select(
        n=x.len(), s=x.col("i").sum(), m=(x.col("x") * x.col("y")).max()
    ),
    "reduce nothing": lambda x, t, u: t.filter(x.col("i") > 99).select(n=x.len(), s=x.col("i").sum(), m=x.col("x").max()),
    "reduce distinct": lambda x, t, u: t.select(a=x.col("i").n_unique(), b=x.col("s").n_unique(), c=x.col("x").n_unique()),
    "reduce other types": lambda x, t, u: t.select(*_aggs(x, "de", "min"), *_aggs(x, "pw", "max"), *_aggs(x, "u", "first")),
    # -- groups
    "group dense": lambda x, t, u: t.group_by("i").agg(x.len(), *_aggs(x, "j", "sum", "mean"), *_aggs(x, "x", "max")),
    "group packed": lambda x, t, u: t.group_by("i", "h", "d").agg(n=x.len(), s=x.col("j").sum()),
    "group wide": lambda x, t, u: t.group_by("w").agg(n=x.len(), m=x.col("x").min()),
    "group two wide": lambda x, t, u: t.group_by("w", "e").agg(n=x.len(), m=x.col("s").max()),
    "group floats": lambda x, t, u: t.group_by("x").agg(n=x.len(), s=x.col("i").sum()),
    "group float32": lambda x, t, u: t.group_by("f").agg(n=x.len(), s=x.col("y").sum()),
    "group unsigned": lambda x, t, u: t.group_by("u").agg(n=x.len(), s=x.col("i").max()),
    "group strings": lambda x, t, u: t.group_by("s").agg(n=x.len(), m=x.col("t").min(), v=x.col("y").std()),
    "group truths": lambda x, t, u: t.group_by("b", "s").agg(a=x.col("x").is_nan().any(), m=x.col("i").mean()),
    "group computed": lambda x, t, u: t.group_by(k=x.col("i") % 3).agg(n=x.len(), s=(x.col("j") * 2).sum()),
    "group year": lambda x, t, u: t.group_by(k=x.col("d").dt.year()).agg(n=x.len(), m=x.col("e").max()),
    "group filtered": lambda x, t, u: t.filter(x.col("y") > 0).group_by("t").agg(n=x.len(), p=x.col("y").product()),
    "group ordered": lambda x, t, u: t.group_by("s", maintain_order=True).agg(*_aggs(x, "i", "first"), *_aggs(x, "x", "last")),
    "group distinct": lambda x, t, u: t.group_by("b").agg(a=x.col("s").n_unique(), n=x.len(), c=x.col("x").n_unique()),
    "group conditions": lambda x, t, u: t.group_by("i").agg(*_conditions(x)),
    "group distinct values": lambda x, t, u: t.group_by("b").agg(*_distinct_values(x), x.len()),
    "group of expressions": lambda x, t, u: t.group_by("t").agg(
        r=x.col("x").max() - x.col("y").min(), n=x.col("i").sum() + x.len()
    ),
    "group twice": lambda x, t, u: t.group_by("s", "i").agg(n=x.len()).group_by("s").agg(m=x.col("n").max(), k=x.len()),
    "distinct": lambda x, t, u: t.select("s", "b", "h").unique(),
    "group, then filter": lambda x, t, u: t.group_by("i").agg(n=x.len(), m=x.col("x").max()).filter(x.col("n") > 3),
    # -- joins
    "inner unique direct": lambda x, t, u: t.join(_small(u, x, "i"), on="i").select("i", "other", "text", "x"),
    "inner unique hash": lambda x, t, u: t.join(_small(u, x, "w"), on="w").select("w", "other", "text", "x"),
    "left unique": lambda x, t, u: t.join(_small(u, x, "s"), on="s", how="left").select(
        "s", "other", r=x.col("other") + x.col("j")
    ),
    "inner repeated": lambda x, t, u: t.select("i", "x").join(_renamed(u, x, "i"), on="i"),
    "left repeated": lambda x, t, u: t.select("x", "j").join(_renamed(u, x, "x"), on="x", how="left"),
    "right": lambda x, t, u: (
        t.filter(x.col("j") > 0).select("x", "j", "s").join(_renamed(u, x, "s"), on="s", how="right").filter(x.col("text") > "a")
    ),
    "nulls equal": lambda x, t, u: t.select("s", "j").join(_renamed(u, x, "s"), on="s", nulls_equal=True),
    "two keys": lambda x, t, u: t.select("i", "s", "x").join(_renamed(u, x, "i", "s"), on=["i", "s"], how="left"),
    "semi": lambda x, t, u: t.filter(x.col("j") > 0).join(u.filter(x.col("b")), on=["i"], how="semi").select(*NAMED),
    "anti": lambda x, t, u: t.join(u.filter(x.col("i") > 0), on=["w", "s"], how="anti").select(*NAMED),
    "join into groups": lambda x, t, u: t.join(_renamed(u, x, "i"), on="i").group_by("text").agg(n=x.len(), s=x.col("x").max()),
    "join into a sum": lambda x, t, u: t.join(_renamed(u, x, "s"), on="s").select(
        n=x.len(), s=(x.col("i") + x.col("other")).sum()
    ),
    "star": lambda x, t, u: (
        t.join(_small(u, x, "i"), on="i", how="left")
        .join(u.select("s", size=x.col("j")).unique(subset=["s"], keep="first"), on="s")
        .filter(x.col("text") > "a")
        .group_by("text")
        .agg(n=x.len(), m=x.col("x").max())
    ),
    "filter both sides": lambda x, t, u: (
        t.select("i", "x").join(_renamed(u, x, "i"), on="i").filter((x.col("other") > 0) & (x.col("x") > 0))
    ),
    # -- order
    "sort": lambda x, t, u: t.select("i", "x", "s").sort(
        "x", "i", "s", descending=[True, False, True], nulls_last=[True, False, False]
    ),
    "sort and number": lambda x, t, u: t.select("i", "s").sort("i", "s").with_row_index("row", 3).filter(x.col("row") % 2 == 0),
    "union numbered": lambda x, t, u: x.concat([t.filter(x.col("b")).select("s"), u.select("s")]).with_row_index().slice(2),
    "top": lambda x, t, u: t.group_by("s").agg(n=x.len(), m=x.col("i").sum()).sort("n", "s", descending=True).head(3),
}

_IN_ORDER = ("sort", "top", "filter", "group ordered", "limit", "union")
ORDERED = {name for name in SHAPES if name.startswith(_IN_ORDER) and name != "filter both sides"}
"""Shapes whose rows come in an order that is said."""
