"""Where text functions are evaluated: by entry of a dictionary, by row, in which stage, and for which rows they may fail."""

from __future__ import annotations

from collections.abc import Iterator

import dask
import polars as pl
import pytest
from gpuflow_kernels.declare.scalar import SCALARS

import gpuflow as gf
from gpuflow import col
from gpuflow.arrow.string_functions import HOST
from gpuflow.errors import ArithmeticOverflowError
from tests.support.running import AXES, assert_same, running

ROWS = pl.DataFrame(
    {
        "k": [1, 2, 3, 4, 5, 6, 7],
        "s": ["12", "abc", None, "żółw", "", "12", "x\0y"],
        "t": ["a", None, "c", "abc", "e", "12", "g"],
        "n": [0, 1, 2, None, 4, 5, 6],
    }
)
SIDE = pl.DataFrame({"key": ["12", "ABC", "z"], "word": ["twelve", "letters", "none"]})


@pytest.fixture(params=["plain", "dictionary"])
def layout(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every test of this file that asks for it runs with strings in both layouts."""
    with dask.config.set({"gpuflow.strings": request.param}):
        yield request.param


def same(make: object, *, parts: int = 1, axis: str = "plain", target: str = "python") -> None:
    """One query by gpuflow and by Polars; `make` takes the module and the two tables, lazy."""
    expected = make(pl, ROWS.lazy(), SIDE.lazy()).collect()  # type: ignore[operator]
    with running(target, axis, parts, len(ROWS)):
        found = make(gf, gf.from_polars(ROWS), gf.from_polars(SIDE)).collect()  # type: ignore[operator]
    assert_same(found, expected, about=(make, parts, axis, target))


def key(m: object) -> object:
    return m.col("s").str.to_uppercase()  # type: ignore[attr-defined]


QUERIES = {
    "in a filter": lambda m, t, u: t.filter(m.col("s").str.len_chars() > 2),
    "compared with a literal": lambda m, t, u: t.select(e=key(m) == "ABC", lt=m.col("s") < "b", ge=m.lit("abc") >= m.col("t")),
    "compared with a column": lambda m, t, u: t.select(e=key(m) == m.col("t").str.to_uppercase(), lt=m.col("s") < m.col("t")),
    "members": lambda m, t, u: t.select(i=key(m).is_in(["ABC", "12", "q"]), j=m.col("s").is_in(list("abcdefg"))),
    "chosen": lambda m, t, u: t.select(
        w=m.when(m.col("n") > 1).then(m.col("s").str.head(1)).otherwise(m.col("t")).str.to_uppercase(),
        c=m.coalesce(m.col("s").str.slice(1), m.col("t")),
    ),
    "by row": lambda m, t, u: t.select(
        a=m.concat_str([m.col("s"), m.col("t")], separator="-"), b=m.col("s").str.head(m.col("n"))
    ),
    "by row, of what is computed": lambda m, t, u: t.select(
        a=m.concat_str([m.when(m.col("n") > 1).then(m.col("s")).otherwise(m.lit("!")), m.col("t").str.to_uppercase()]),
        b=m.col("s").str.head(m.col("n") // 2 + 1),
    ),
    "by row, twice": lambda m, t, u: t.select(
        a=m.concat_str([m.concat_str([m.col("s"), m.col("t")]).str.to_uppercase(), m.col("t")]).str.len_bytes()
    ),
    "by row, in a filter": lambda m, t, u: t.filter(m.concat_str([m.col("s"), m.col("t")]) == "1212"),
    "grouped": lambda m, t, u: t.group_by(g=key(m)).agg(n=m.len(), first=m.col("t").str.to_uppercase().max(), m=m.col("s").min()),
    "grouped by row": lambda m, t, u: t.group_by(g=m.concat_str([m.col("s"), m.col("s")])).agg(n=m.col("n").sum()),
    "aggregated, then computed": lambda m, t, u: (
        t.group_by("s").agg(l=m.col("t").max()).select(m.concat_str([m.col("s"), m.col("l")], separator="/").alias("x"))
    ),
    "joined on": lambda m, t, u: t.join(u, left_on=key(m), right_on="key", how="inner").select("k", "word"),
    "joined, then by row": lambda m, t, u: t.join(u, left_on="s", right_on="key", how="left").select(
        "k", a=m.concat_str([m.col("word"), m.col("t")], ignore_nulls=True)
    ),
    "joined, by entry": lambda m, t, u: (
        t.join(u, left_on="s", right_on="key", how="left").filter(m.col("word").str.starts_with("tw")).select("k", m.col("word"))
    ),
    "built on": lambda m, t, u: u.join(t, left_on="key", right_on=m.concat_str([m.col("s"), m.lit("")]), how="semi"),
    "sorted": lambda m, t, u: t.sort(m.col("s").str.reverse(), "k", nulls_last=True).select("k"),
    "limited": lambda m, t, u: t.sort("k").head(3).select(m.concat_str([m.col("s"), m.col("t")])),
    "distinct": lambda m, t, u: t.select(m.col("s").str.head(1)).unique(),
    "distinct values": lambda m, t, u: t.select(n=m.col("s").str.head(1).n_unique(), l=m.col("s").str.len_bytes().sum()),
    "of nothing": lambda m, t, u: t.filter(m.col("k") > 99).select(
        a=m.concat_str([m.col("s"), m.col("t")]), b=m.col("s").str.head(1)
    ),
    "constant": lambda m, t, u: t.select("k", a=m.lit("abc").str.to_uppercase(), b=m.lit(None, dtype=m.String).str.head(2)),
}


@pytest.mark.parametrize("name", QUERIES)
def test_queries(name: str, layout: str) -> None:
    for parts in (1, 7):
        same(QUERIES[name], parts=parts)


@pytest.mark.parametrize("axis", [a for a in AXES if a != "plain"])
def test_ways_of_running(axis: str, layout: str) -> None:
    for name in ("grouped", "by row, of what is computed", "joined on", "sorted"):
        same(QUERIES[name], parts=3, axis=axis)


@pytest.mark.parametrize("name", ["compared with a literal", "by row", "grouped", "joined on"])
def test_compiled(name: str, layout: str) -> None:
    same(QUERIES[name], parts=2, target="cpu")


def test_a_function_fails_only_for_rows_that_it_is_evaluated_for(layout: str) -> None:
    with running():
        rows = gf.from_polars(ROWS)
        number = col("s").cast(gf.Int64)
        digits = col("s").str.contains("^[0-9]+$")
        assert rows.filter(digits).select(number.sum()).collect().to_dict() == {"s": [24]}
        chosen = rows.select(x=gf.when(digits).then(number).otherwise(-1))
        assert chosen.collect().to_dict()["x"] == [12, -1, -1, -1, -1, 12, -1]
        by_row = gf.concat_str([gf.when(digits).then(number + 1).otherwise(None).cast(gf.String), col("t")])
        assert rows.select(x=by_row).collect().to_dict()["x"] == ["13a", None, None, None, None, "1312", None]
        with pytest.raises(ArithmeticOverflowError, match="cast"):
            rows.select(number).collect()
        assert rows.select(col("s").cast(gf.Int64, strict=False)).collect().to_dict()["s"] == [
            12,
            None,
            None,
            None,
            None,
            12,
            None,
        ]


def test_guarded_arguments_are_evaluated_for_their_rows_only(layout: str) -> None:
    """The argument of a function by row is a column of its own, computed before: only where the function is asked for."""
    with running():
        rows = gf.from_polars(pl.DataFrame({"a": [1, 1 << 62, None], "s": ["x", "y", "z"]}))
        doubled = gf.concat_str([(col("a") * 4).cast(gf.String), col("s")])
        query = rows.select(x=gf.when(col("a") < 10).then(doubled).otherwise(col("s")))
        assert query.collect().to_dict()["x"] == ["4x", "y", "z"]
        with pytest.raises(ArithmeticOverflowError, match="mul"):
            rows.select(doubled).collect()


def test_explain_says_where_each_function_is_evaluated() -> None:
    rows = gf.from_polars(ROWS)
    text = rows.filter(col("s").str.len_chars() > 2).select(a=gf.concat_str([col("s"), col("t")])).explain("kernel")
    assert "# l0: len_chars(c1), once for each entry of c1, by a kernel" in text.replace("c0", "c1")
    assert "evaluated for each row before, by a kernel" in text
    assert "put_bytes" in text
    assert "by Arrow on the host" in rows.select(col("s").str.contains("^a.*c$")).explain("kernel")
    assert "beside 'abc'" in rows.select(col("s") == "abc").explain("kernel")
    two = rows.select(x=gf.concat_str([gf.when(col("n") > 1).then(col("s")).otherwise(col("t")), col("t")])).explain("physical")
    assert "a text function is evaluated for whole columns" in two


def test_host_functions_are_all_there_and_all_declared() -> None:
    declared = {o.host for f in SCALARS.values() for o in f.overloads if o.host}
    assert declared == set(HOST)
