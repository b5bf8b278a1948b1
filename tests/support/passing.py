"""Queries through which columns pass that are never looked into, and queries that would look into them.

Columns are ``i``, a number for each row, from 0; ``k``, a key; and ``n``, the opaque one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gpuflow as gf
from gpuflow import col

Records = list[dict[str, Any]]


def _first(rows: Records) -> Records:
    return [
        {"k": k, "n": next(r["n"] for r in rows if r["k"] == k), "c": sum(r["n"] is not None for r in rows if r["k"] == k)}
        for k in dict.fromkeys(r["k"] for r in rows)
    ]


PASSING: dict[str, tuple[Callable[[gf.Frame], gf.Frame], Callable[[Records], Records]]] = {
    "as it is": (lambda f: f, lambda rows: rows),
    "filter": (lambda f: f.filter(col("i") > 1), lambda rows: [r for r in rows if r["i"] > 1]),
    "filter of null": (lambda f: f.filter(col("n").is_null()), lambda rows: [r for r in rows if r["n"] is None]),
    "sort": (lambda f: f.sort("k", "i", descending=[True, False]), lambda rows: sorted(rows, key=lambda r: (-r["k"], r["i"]))),
    "slice": (lambda f: f.slice(2, 3), lambda rows: rows[2:5]),
    "union": (lambda f: gf.concat([f, f.filter(col("k") == 1)]), lambda rows: rows + [r for r in rows if r["k"] == 1]),
    "union with null": (
        lambda f: gf.concat([f.select("n"), gf.from_dict({"n": [None]})]),
        lambda rows: [{"n": r["n"]} for r in rows] + [{"n": None}],
    ),
    "choose": (
        lambda f: f.select("i", n=gf.when(col("k") > 0).then(col("n")).otherwise(None)),
        lambda rows: [{"i": r["i"], "n": r["n"] if r["k"] > 0 else None} for r in rows],
    ),
    "join": (
        lambda f: f.select("i", "k").join(f.select("n", j=col("i")), left_on="i", right_on="j", how="left").sort("i"),
        lambda rows: [{"i": r["i"], "k": r["k"], "n": r["n"]} for r in rows],
    ),
    "join without partner": (
        lambda f: f.select("i").join(f.filter(col("i") < 2).select("n", "i"), on="i", how="left").sort("i"),
        lambda rows: [{"i": r["i"], "n": r["n"] if r["i"] < 2 else None} for r in rows],
    ),
    "group": (lambda f: f.group_by("k", maintain_order=True).agg(n=col("n").first(), c=col("n").count()), _first),
}

REFUSED: dict[str, Callable[[gf.Frame], gf.Frame]] = {
    "arithmetic": lambda f: f.select(col("n") + 1),
    "comparison": lambda f: f.filter(col("n") == col("n")),
    "is_in": lambda f: f.filter(col("n").is_in([1])),
    "least of a row": lambda f: f.select(gf.max_horizontal("n", "n")),
    "key of groups": lambda f: f.group_by("n").agg(gf.len()),
    "key of a join": lambda f: f.join(f, on="n"),
    "key of a sort": lambda f: f.sort("n"),
    "sum": lambda f: f.select(col("n").sum()),
    "greatest": lambda f: f.group_by("k").agg(col("n").max()),
    "distinct values": lambda f: f.select(col("n").n_unique()),
    "distinct rows": lambda f: f.unique(),
    "cast": lambda f: f.select(col("n").cast(gf.String)),
    "text": lambda f: f.select(col("n").str.len_bytes()),
}
