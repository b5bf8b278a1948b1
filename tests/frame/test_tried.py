"""Public reports of wrong answers in other engines, asked of gpuflow: `docs/tried.md` lists them with their addresses.

Values are those that the reports, or exact arithmetic, call right: the engine of the report may still have it wrong.
"""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pyarrow as pa
import pytest

import gpuflow as gf
from gpuflow import col
from gpuflow.errors import ArithmeticOverflowError, PlanError, TypeMismatchError
from tests.frame import test_tried_files
from tests.support.running import running

PAGE = Path(__file__).parents[2] / "docs" / "tried.md"
Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Report:
    """A query, and its rows, in any order unless `ordered`, or the error that it is."""

    query: Callable[[], gf.Frame]
    right: Rows | type[Exception]
    ordered: bool = False


REPORTS: dict[str, Report] = {}


def report(*name: str, right: Rows | type[Exception], ordered: bool = False) -> Callable[[Any], Any]:
    """Enter a function that makes a query under the names of its reports."""

    def enter(query: Callable[[], gf.Frame]) -> Callable[[], gf.Frame]:
        REPORTS.update(dict.fromkeys(name, Report(query, right, ordered)))
        return query

    return enter


def typed(**columns: tuple[list[Any], pa.DataType]) -> gf.Frame:
    """A table whose columns have types of Arrow."""
    return gf.from_arrow(pa.table({name: pa.array(values, kind) for name, (values, kind) in columns.items()}))


def counted(*numbers: int) -> gf.Frame:
    return gf.from_dict({"x": list(numbers)})


# unions, slices and conditions


@report("polars#28453", right=[(1,), (2,), (3,)], ordered=True)
def _() -> gf.Frame:
    return gf.concat([gf.concat([counted(1), counted(2)]), gf.concat([counted(3), counted(4)]).slice(0, 1)])


@report("polars#27455", right=[(1,), (2,), (3,), (21,)], ordered=True)
def _() -> gf.Frame:
    first, second = (gf.concat([counted(n, n + 1, n + 2), counted(n + 10, n + 11)]) for n in (1, 21))
    return gf.concat([first.slice(0, 3), second.slice(0, 1)])


@report("polars#28408", right=[])
def _() -> gf.Frame:
    return gf.concat([counted(1, 2), counted(3)]).slice(3, 2)


@report("polars#26824", right=[(2,)])
def _() -> gf.Frame:
    return gf.concat([counted(0, 1, 2, 3, 4), counted(5, 6, 7, 8, 9)]).head(3).filter(col("x") > 1)


@report("clickhouse#94546", right=[])
def _() -> gf.Frame:
    texts = gf.from_dict({"s": ["https://example.com/", "com.example."]})
    urls = texts.with_columns(url=gf.when(col("s").str.starts_with("https://")).then(col("s")))
    return urls.filter(col("url").is_not_null()).head(1).filter(col("url").is_null())


@report("polars#24386", "polars#27852", right=[(3,), (1,), (2,)], ordered=True)
def _() -> gf.Frame:
    return counted(3, 1, 3, 2, 1, 5).unique(maintain_order=True).head(3)


# joins


@report("polars#4884", right=[(0, 2)])
def _() -> gf.Frame:
    table = gf.from_dict({"x": [0, 1], "y": [1, 2]})
    joined = table.join(table, left_on="y", right_on="x", suffix="_").select("x", col("y_").alias("y"))
    return joined.filter((col("x") != col("y")) & (col("y") == 2))


@report("polars#4788", right=[(1, 1), (1, 2)])
def _() -> gf.Frame:
    table = gf.from_dict({"x": [1, 2], "y": [1, 1]})
    return table.join(table, on="y", suffix="_").select("x", "x_").filter(col("x") == 1)


@report("duckdb#23688", right=[(2, 2, 2), (1, None, None)])
def _() -> gf.Frame:
    left = gf.from_dict({"id": [1, 2, 3], "n": [None, 2, 3]})
    right = gf.from_dict({"id": [2, 3, 4], "m": [2, 99, None]})
    return left.join(right, on="id", how="left").filter(col("n").eq_missing(col("m")))


@report("duckdb#1172", right=[(n, n + 1) for n in range(1, 9)])
def _() -> gf.Frame:
    left = gf.from_dict({"id": ["1", None]})
    rows = [left.join(gf.from_dict({"id": ["1"] * n}), on="id", how="left").with_columns(n=gf.lit(n)) for n in range(1, 9)]
    return gf.concat(rows).group_by("n").agg(rows=gf.len())


@report("cudf#11189", right=[(k, 10 * k) for k in range(6)])
def _() -> gf.Frame:
    left = typed(k=(list(range(6)), pa.int32()))
    return left.join(typed(k=(list(range(6)), pa.int64()), v=([10 * k for k in range(6)], pa.int64())), on="k")


@report("datafusion#13211", right=[])
def _() -> gf.Frame:
    left, right = typed(k=(["a"], pa.string())), typed(k=([], pa.string()), v=([], pa.int64()))
    return left.join(right, on="k", how="left").filter(col("v").abs() > 5)


@report("datafusion#1321", right=[(None, None), (1, None)])
def _() -> gf.Frame:
    left, right = typed(a=([1, 2, None], pa.int32())), typed(b=([2, 3], pa.int32()), v=([7, 8], pa.int32()))
    return left.join(right, left_on="a", right_on="b", how="left").filter(col("v").is_null()).select("a", "v")


@report("pandas#56367", right=TypeMismatchError)
def _() -> gf.Frame:
    return typed(k=([2**53], pa.int64())).join(typed(k=([2**53 + 1], pa.uint64())), on="k")


@report("dask#12427", right=[(k, k) for k in range(150)])
def _() -> gf.Frame:
    left, right = gf.from_dict({"k": list(range(150))}), gf.from_dict({"k": list(range(150)), "v": list(range(150))})
    return left.join(right, on="k", how="left")


@report("dask#3911", right=[("001", "b")] * 5)
def _() -> gf.Frame:
    return gf.from_dict({"k": ["001"] * 5}).join(gf.from_dict({"k": ["001"], "v": ["b"]}), on="k", how="left")


@report("clickhouse#110275", right=[("a", 3), ("b", 1)])
def _() -> gf.Frame:
    authors = gf.from_dict({"name": ["a", "b", "c"]})
    books = gf.from_dict({"name": ["a", "b", "a", "b"], "sold": [3, 1, 2, 7], "kind": ["x", "x", "x", "y"]})
    once = books.filter(col("kind") == "x").unique("name", keep="first", maintain_order=True)
    blocked = gf.from_dict({"name": ["z"]})
    return authors.join(once, on="name").join(blocked, on="name", how="anti").select("name", "sold")


# groups


@report("datafusion#12762", right=[(None, 3)])
def _() -> gf.Frame:
    table = typed(k=([None, 1, None], pa.int64()), v=([1, 4, 2], pa.int64()))
    return table.group_by("k").agg(v=col("v").sum()).filter(col("k").is_null())


@report("datafusion#11748", right=[])
def _() -> gf.Frame:
    return typed(v=([], pa.int32())).group_by(k=gf.lit(False)).agg(col("v").mean()).filter(gf.lit(False))


@report("dask#8817", right=[(1, 1, 9), (2, None, 5), (4, 3, 3), (None, None, 2), (None, 3, 1), (7, 1, 0), (8, 3, 0)])
def _() -> gf.Frame:
    a, b, c = [1, 2, 1, 4, None, None, 7, 8], [1, None, 1, 3, None, 3, 1, 3], [4, 5, 5, 3, 2, 1, 0, 0]
    return gf.from_dict({"a": a, "b": b, "c": c}).group_by("a", "b").agg(col("c").sum())


@report("cudf#17951", right=[(1, 3), (2, 3), (3, 0)])
def _() -> gf.Frame:
    return gf.from_dict({"a": [1, 1, 1, 2, 3], "b": [1, None, 2, 3, None]}).group_by("a").agg(col("b").sum())


@report("cudf#2597", right=[(7, 11, 60)])
def _() -> gf.Frame:
    numbers = np.arange(60 * 7 * 11)
    table = gf.from_numpy({"a": numbers % 7, "b": numbers % 11})
    return table.group_by("a", "b").agg(n=gf.len()).select(col("a").n_unique(), col("b").n_unique(), n=col("n").min())


@report("polars#3175", "polars#10740", right=[("A", 64.0, 65600, 6_000_000_000)])
def _() -> gf.Frame:
    n = 1025
    table = typed(k=(["A"] * n, pa.string()), u=([64] * n, pa.uint16()), w=([2_000_000_000] * 3 + [0] * (n - 3), pa.uint32()))
    return table.group_by("k").agg(mean=col("u").mean(), sum=col("u").sum(), wide=col("w").sum())


# numbers, text and time


@report("polars#28585", right=ArithmeticOverflowError)
def _() -> gf.Frame:
    return typed(d=([Decimal(10**38 - 1)] * 2, pa.decimal128(38, 0))).select(col("d").sum())


@report("datafusion#16406", right=PlanError)
def _() -> gf.Frame:
    number = ([Decimal("90071992.5474099300")], pa.decimal128(18, 10))
    return typed(a=number, b=number).select(col("a") * col("b"))


@report("polars#29461", right=[(1.00 / 3.00,), (2.00 / 7.00,)])
def _() -> gf.Frame:
    kind = pa.decimal128(7, 2)
    table = typed(a=([Decimal(1), Decimal(2)], kind), b=([Decimal(3), Decimal(7)], kind))
    return table.select((col("a") * 1.0000) / col("b"))


@report("polars#25604", right=[(None,), (7,), (None,)], ordered=True)
def _() -> gf.Frame:
    return gf.from_dict({"c": ["1969-12-08 17:00:01", "7", "7.0"]}).select(col("c").cast(gf.Int64, strict=False))


@report("cudf#21137", right=[("φθς", "ΦΘΣ")])
def _() -> gf.Frame:
    return gf.from_dict({"c": ["ΦΘΣ"]}).select(low=col("c").str.to_lowercase(), up=col("c").str.to_uppercase())


def _utc(*at: int) -> dt.datetime:
    return dt.datetime(*at, tzinfo=dt.UTC)  # type: ignore[misc, arg-type]


def _chicago() -> gf.Frame:
    """Half past one in the night in which it is that twice, and half past two."""
    times = [_utc(2022, 11, 6, hour, 30) for hour in (6, 7, 8)]
    return gf.from_dict({"t": times}).select(t=col("t").dt.convert_time_zone("America/Chicago"))


@report("polars#12149", "polars#7623", right=[(_utc(2022, 11, 6, hour),) for hour in (6, 7, 8)], ordered=True)
def _() -> gf.Frame:
    return _chicago().select(col("t").dt.truncate("1h").dt.convert_time_zone("UTC"))


@report("polars#5507", right=[(_utc(2022, 11, 6, 5),)] * 3)
def _() -> gf.Frame:
    return _chicago().select(col("t").dt.truncate("1d").dt.convert_time_zone("UTC"))


@report("polars#15319", right=[(_utc(2023, 10, 29, 0, 30),)])
def _() -> gf.Frame:
    summer = gf.from_dict({"t": [_utc(2023, 10, 28, 0, 30)]})
    day_later = summer.select(col("t").dt.convert_time_zone("Europe/Brussels").dt.offset_by("1d"))
    return day_later.select(col("t").dt.convert_time_zone("UTC"))


WAYS = [(1, 1), (2, 1), (3, 1), (7, 1), (3, 1 << 20)]
"""Rows of a partition, and rows up to which a table is broadcast."""


def rows(query: Callable[[], gf.Frame], ordered: bool) -> Rows:
    found = query().collect().to_polars().rows()
    return found if ordered else sorted(found, key=repr)


def check(name: str, target: str, ways: list[tuple[int, int]]) -> None:
    asked = REPORTS[name]
    for size, broadcast in ways:
        settings = {"gpuflow.partition-rows": size, "gpuflow.broadcast-rows": broadcast, "gpuflow.merge-rows": broadcast}
        with running(target), dask.config.set(settings | {"gpuflow.sort-rows": 2}):
            if isinstance(asked.right, list):
                right = asked.right if asked.ordered else sorted(asked.right, key=repr)
                assert rows(asked.query, asked.ordered) == right, f"{size} rows in a partition, broadcast {broadcast}"
            else:
                with pytest.raises(asked.right):
                    rows(asked.query, asked.ordered)


LARGE = {"cudf#2597": 500, "polars#3175": 300, "polars#10740": 300}
"""Tables of so many rows that partitions of few would take long: those of these."""


@pytest.mark.parametrize("name", REPORTS)
def test_the_answer_is_right(name: str) -> None:
    check(name, "python", [(LARGE[name], 1)] if name in LARGE else WAYS[:1] + WAYS[-1:] if name == "dask#12427" else WAYS)


def test_an_answer_is_right_compiled() -> None:
    check("duckdb#23688", "cpu", WAYS[2:3])


def test_many_threads_collect_at_once() -> None:
    """The kind of polars#24448: threads that wait for a pool which each of them holds a part of."""
    table = gf.from_dict({"k": [n % 5 for n in range(60)], "v": list(range(60))})
    query = table.join(table.group_by("k").agg(most=col("v").max()), on="k").filter(col("v") == col("most"))
    answers: list[Rows] = []
    with running("python"), dask.config.set({"gpuflow.partition-rows": 7, "gpuflow.broadcast-rows": 1}):
        threads = [threading.Thread(target=lambda: answers.append(rows(lambda: query, False)), daemon=True) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert answers == [[(k, 55 + k, 55 + k) for k in range(5)]] * 6


def test_the_page_lists_every_report() -> None:
    """Each with its address, and the tests of those that are none of the tables of reports."""
    lines = re.findall(r"^\| \[(\S+)\]\((\S+)\) \| .* \| (.*) \|$", PAGE.read_text(), re.MULTILINE)
    by_name = {name: here for name, _, here in lines}
    assert len(by_name) == len(lines) == PAGE.read_text().count("](https://")
    tables = {*REPORTS, *test_tried_files.REPORTS}
    assert tables <= by_name.keys()
    sources = {path.name: path.read_text() for path in PAGE.parents[1].glob("tests/*/test_*.py")}
    for name, address, here in lines:
        repository, number = name.split("#")
        assert re.fullmatch(rf"https://github\.com/[\w-]+/{repository}/(issues|pull)/{number}", address, re.IGNORECASE)
        tests = re.findall(r"`(test_\w+\.py)::(\w+)`", here)
        assert all(f"def {test}(" in sources[file] for file, test in tests), here
        assert name in tables or tests or f"{name}" in sources["test_tried.py"] + sources["test_tried_files.py"], name
