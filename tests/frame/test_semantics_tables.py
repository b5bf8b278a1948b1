"""What `docs/semantics.md` says of keys, order, time, names, files and unusual strings, a test for each of its rows.

Expected values are those of Polars where it has an answer.
"""

from __future__ import annotations

import datetime as dt
import itertools
from pathlib import Path
from typing import Any

import dask
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gpuflow as gf
from gpuflow import col
from gpuflow.errors import ArithmeticOverflowError, ColumnNotFoundError, DuplicateNameError, PlanError, TypeMismatchError
from gpuflow.optimize import optimize
from gpuflow.plan.nodes import Scan
from tests.support.running import assert_same, records, running
from tests.support.semantics import ORDERED, Way, agree, collected, every, every_layout, everywhere
from tests.support.tables import NAN, frame

UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


# -- order ------------------------------------------------------------------------------------------------------------
@every_layout
def test_sort_is_stable_and_puts_nulls_first(way: Way) -> None:
    """`nulls_last` moves them behind, in either direction; NaN stands behind the numbers."""
    table = every(rows=30).with_row_index("row")
    for number, key in enumerate(ORDERED):
        for descending in (False, True):
            last = (number + descending) % 2 == 1

            def query(x: Any, t: Any, key: str = key, descending: bool = descending, last: bool = last) -> Any:
                stable = {"maintain_order": True} if x is pl else {}
                return t.sort(key, descending=descending, nulls_last=last, **stable).select("row")

            agree(query, table, **way)


@every_layout
def test_each_key_of_a_sort_has_its_own_direction(way: Way) -> None:
    def query(x: Any, t: Any) -> Any:
        stable = {"maintain_order": True} if x is pl else {}
        return t.sort("b", "s", x.col("i") % 3, descending=[True, False, True], nulls_last=[False, True, True], **stable).select(
            "row"
        )

    agree(query, every(rows=40).with_row_index("row"), **way)


@every_layout
def test_rows_are_numbered_in_order(way: Way) -> None:
    """Conditions stay above the numbers, limits and columns go below."""
    table = every(rows=40)
    agree(lambda x, t: t.filter(x.col("i") > 0).with_row_index(), table, **way)
    agree(lambda x, t: t.with_row_index("row", 7).filter(x.col("b")).select("row", "s"), table, **way)
    agree(lambda x, t: t.with_row_index("row").slice(5, 20).with_row_index("again").slice(3), table, **way)
    agree(lambda x, t: t.with_row_index("row").select("s", "x"), table, **way)
    agree(lambda x, t: x.concat([t, t.filter(x.col("b"))]).with_row_index("row").select("row", "i"), table, **way)
    agree(lambda x, t: t.filter(x.col("i") > 99).with_row_index("row"), table, **way)


def test_a_row_number_is_a_uint32() -> None:
    table = gf.from_dict({"x": [1, 2, 3]})
    assert table.with_row_index("row", 2**32 - 3).collect()["row"].to_pylist()[-1] == 2**32 - 1
    with pytest.raises(ArithmeticOverflowError, match="row number 4294967296 does not fit uint32"):
        table.with_row_index("row", 2**32 - 2).collect()
    with pytest.raises(PlanError, match="4294967296 is no uint32"):
        table.with_row_index("row", 2**32)
    with pytest.raises(PlanError, match="negative"):
        table.with_row_index("row", -1)
    with pytest.raises(DuplicateNameError, match="pass another name="):
        table.with_row_index("x")


@every_layout
def test_order_is_kept_through_filter_and_select(way: Way) -> None:
    table = every(rows=40).with_row_index("row")
    agree(lambda x, t: t.filter(x.col("i") > 0).select("row", y=x.col("x") + 1), table, **way)
    agree(lambda x, t: t.with_columns(n=x.col("row") * 2).filter(x.col("s") != "a").head(9), table, **way)
    agree(lambda x, t: x.concat([t.filter(x.col("b")), t.select(x.all()).filter(~x.col("b"))]).select("row"), table, **way)
    agree(lambda x, t: t.drop("i").rename({"j": "i"}).slice(3, 11).select("row", "i"), table, **way)


@every_layout
def test_groups_come_in_order_when_asked(way: Way) -> None:
    table = every(rows=40)
    for key in ("s", "x", "m", "z"):
        agree(lambda x, t, k=key: t.group_by(k, maintain_order=True).agg(n=x.len(), f=x.col("i").first()), table, **way)
        agree(lambda x, t, k=key: t.select(k, "j").unique(subset=[k], keep="first", maintain_order=True), table, **way)
        agree(lambda x, t, k=key: t.group_by(k).agg(n=x.len()), table, **way, ordered=False)


# -- keys of two types ------------------------------------------------------------------------------------------------
def test_an_integer_key_does_not_meet_a_float_key() -> None:
    whole, real = frame(pl.DataFrame({"k": [1, 2]})), frame(pl.DataFrame({"k": [1.0, 2.5], "v": [1, 2]}))
    with pytest.raises(TypeMismatchError, match=r"join: col\(\"k\"\) would compare int64 with float64; .*cast one of them"):
        whole.join(real, on="k")
    way: Way = {"target": "python", "parts": 1, "layout": "auto"}
    assert collected(whole.join(real.with_columns(k=col("k").cast(gf.Int64)), on="k"), **way) == {"k": [1, 2], "v": [1, 2]}
    assert collected(whole.with_columns(k=col("k").cast(gf.Float64)).join(real, on="k"), **way) == {"k": [1.0], "v": [1]}
    assert collected(whole.select(e=col("k") == 1.5, f=col("k") < 1.5), **way) == {"e": [False, False], "f": [True, False]}


# -- time -------------------------------------------------------------------------------------------------------------
def moments(unit: str, seconds: list[int | None], zone: str | None = None) -> gf.Frame:
    ticks = [None if s is None else s * UNITS[unit] for s in seconds]
    return gf.from_arrow(pa.table({"t": pa.array(ticks, pa.timestamp(unit, zone)), f"row_{unit}": range(len(ticks))}))


@everywhere
@pytest.mark.parametrize(("one", "two"), list(itertools.product(UNITS, UNITS)))
def test_units_of_time_are_rescaled(way: Way, one: str, two: str) -> None:
    """In joins, comparisons, differences and concatenation; before 1970 too."""
    left, right = moments(one, [1, -5, None, 86_400]), moments(two, [-5, 86_400, 7]).rename({f"row_{two}": "other"})
    joined = collected(left.join(right, on="t").select(f"row_{one}", "other"), **way)
    assert sorted(zip(*joined.values(), strict=True)) == [(1, 0), (3, 1)]
    ticks = [pa.array([s * UNITS[u] for s in v], pa.timestamp(u)) for u, v in ((one, [1, -5, 3]), (two, [1, -4, 2]))]
    pairs = gf.from_arrow(pa.table(ticks, names=["a", "b"])).select(
        lt=col("a") < col("b"), eq=col("a") == col("b"), d=col("a") - col("b")
    )
    second = dt.timedelta(seconds=1)
    assert collected(pairs.with_columns(d=col("d").cast(gf.Duration("us"))), **way) == {
        "lt": [False, True, False], "eq": [True, False, False], "d": [0 * second, -second, second],
    }  # fmt: skip
    both = collected(gf.concat([left.select("t"), right.select("t")]).select(s=col("t").dt.epoch("s")), **way)
    assert both["s"] == [1, -5, None, 86_400, -5, 86_400, 7]


@everywhere
def test_rescaling_that_leaves_64_bits_raises(way: Way) -> None:
    far, near = moments("s", [10**10]), moments("ns", [1])
    for query in (
        far.join(near, on="t"),
        gf.concat([far.select("t"), near.select("t")]),
        far.select(col("t").cast(gf.Datetime("ns"))),
    ):
        with pytest.raises(ArithmeticOverflowError, match=r"cast does not fit timestamp\[ns\]"):
            collected(query, **way)
    assert collected(far.select(col("t").cast(gf.Datetime("ns"), strict=False)), **way) == {"t": [None]}


@everywhere
def test_zones_compare_as_instants(way: Way) -> None:
    """In the zone of the first where they meet; what has no zone does not meet what has one."""
    berlin, tokyo = moments("us", [0, 10**9, None], "Europe/Berlin"), moments("s", [10**9, 0, 5], "Asia/Tokyo")
    joined = berlin.join(tokyo, on="t").select("row_us", "row_s")
    assert sorted(zip(*collected(joined, **way).values(), strict=True)) == [(0, 1), (1, 0)]
    naive = moments("us", [0])
    for mix in (lambda: berlin.join(naive, on="t"), lambda: gf.concat([berlin, naive])):
        with pytest.raises(TypeMismatchError, match=r"an instant does not meet a local time.*replace_time_zone"):
            mix()
    with pytest.raises(TypeMismatchError, match="an instant does not meet a local time"):
        berlin.filter(col("t") > dt.datetime(2000, 1, 1))


@everywhere
def test_dates_before_1970_and_after_2262(way: Way) -> None:
    days = [dt.date(1, 1, 2), dt.date(1582, 10, 14), dt.date(1900, 2, 28), dt.date(1969, 12, 31), dt.date(1970, 1, 1)]
    days += [dt.date(2262, 4, 12), dt.date(2400, 2, 29), dt.date(9999, 12, 31), None]
    table = pl.DataFrame({"d": days}).with_columns(t=pl.col("d").cast(pl.Datetime("ms")) - pl.duration(milliseconds=1))

    def parts(x: Any, t: Any) -> Any:
        names = "year month day week weekday ordinal_day quarter is_leap_year".split()
        return t.select(**{f"{c} {n}": getattr(x.col(c).dt, n)() for c in "dt" for n in names}, hour=x.col("t").dt.hour())

    agree(parts, table, **way)
    agree(
        lambda x, t: t.select(a=x.col("d").cast(x.Datetime("us")), b=x.col("t").cast(x.Date), c=x.col("d").cast(x.Int32)),
        table,
        **way,
    )
    agree(
        lambda x, t: t.select(a=x.col("d").min(), b=x.col("d").max(), c=x.col("t").max(), n=x.col("d").n_unique()), table, **way
    )
    agree(lambda x, t: t.filter(x.col("d") < dt.date(1900, 3, 1)).sort("d", descending=True), table, **way)
    agree(lambda x, t: t.select(x.col("d").cast(x.Datetime("ns"), strict=False)), table, **way)
    with pytest.raises(ArithmeticOverflowError, match=r"timestamp\[ns\]"):
        collected(frame(table).select(col("d").cast(gf.Datetime("ns"))), **way)


# -- files ------------------------------------------------------------------------------------------------------------
PREDICATES = [
    lambda f: f > 5.0,
    lambda f: f >= NAN,
    lambda f: f == NAN,
    lambda f: f != 1.0,
    lambda f: f < 1.5,
    lambda f: ~(f <= 3.0),
]


@everywhere
def test_statistics_of_floats_skip_no_rows(way: Way, tmp_path: Path) -> None:
    """Writers leave NaN out of least and greatest value, and NaN is above every number."""
    table = pl.DataFrame({"f": [1.0, NAN, 2.0, 3.0, NAN, NAN, None, 9.0], "i": range(8)})
    for name, dtype in (("d", pl.Float64), ("s", pl.Float32)):
        path = tmp_path / f"{name}.parquet"
        typed = table.with_columns(pl.col("f").cast(dtype))
        pq.write_table(typed.to_arrow(), path, row_group_size=2)
        known = pq.ParquetFile(path).metadata.row_group(0).column(0).statistics
        assert (known.min, known.max) == (1.0, 1.0), "the file says that nothing is above 1"
        for predicate in PREDICATES:
            with running(way["target"], parts=way["parts"], rows=8):
                found = gf.scan_parquet(path).filter(predicate(col("f"))).collect()
            assert_same(found, typed.filter(predicate(pl.col("f"))), ordered=True)
    (scan,) = optimize(gf.scan_parquet(path).filter(col("i") > 6).plan).inputs
    assert isinstance(scan, Scan)
    assert sum(split.rows or 0 for split in scan.source.splits(scan.predicate)) == 2, "of integers they are trusted"


@every_layout
def test_dictionaries_that_differ_between_files(way: Way, tmp_path: Path) -> None:
    """Codes of one file mean nothing in another: values are what is equal."""
    parts = [["b", "a", None, "b"], ["a", "c", "b"], ["é", "b", ""], [None]]
    files = []
    for number, values in enumerate(parts):
        files.append(pl.DataFrame({"s": pl.Series(values, dtype=pl.String), "n": [number] * len(values)}))
        pq.write_table(files[-1].to_arrow(), tmp_path / f"{number}.parquet", use_dictionary=number != 2)
    whole, side = pl.concat(files), pl.DataFrame({"s": ["c", "b", "x"], "v": [1, 2, 3]})
    queries: list[Any] = [
        lambda x, t, u: t.group_by("s").agg(n=x.len(), least=x.col("n").min()).sort("s"),
        lambda x, t, u: t.join(u, on="s").sort("n", "s"),
        lambda x, t, u: t.sort("s", "n", nulls_last=True),
        lambda x, t, u: t.filter(x.col("s") >= "b").sort("n", "s"),
        lambda x, t, u: t.select(a=x.col("s").max(), b=x.col("s").min(), c=x.col("s").n_unique()),
    ]
    for query in queries:
        with running(way["target"], parts=way["parts"], rows=len(whole)), dask.config.set({"gpuflow.strings": way["layout"]}):
            found = query(gf, gf.scan_parquet(tmp_path), frame(side)).collect()
        assert_same(found, query(pl, whole, side), ordered=True)


# -- strings and bytes ------------------------------------------------------------------------------------------------
LONG: list[str | None] = ["x" * 1_000_000, "x" * 999_999 + "y", "é" * 500_000, ""]
UNUSUAL: list[str | None] = [
    "\0",
    "",
    "a\0b",
    "a\0",
    "a",
    "😀",
    "👩‍👩‍👧",
    "é",
    "e\u0301",
    "\U0010ffff",
    "\ufeff",
    "%'\"\\\n",
    None,
]


def keyed(values: list[str | None], way: Way) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Groups, order and joins of strings; hands out a table and another that shares some of them."""
    table = pl.DataFrame({"s": values * 2, "n": range(2 * len(values))})
    other = pl.DataFrame({"s": values[::-2], "m": range(len(values[::-2]))})
    agree(lambda x, t: t.group_by("s").agg(n=x.len(), l=x.col("n").sum()), table, **way, ordered=False)
    agree(lambda x, t: t.sort("s", "n").select("n"), table, **way)
    agree(lambda x, t, u: t.join(u, on="s").select("n", "m"), table, other, **way, ordered=False)
    agree(lambda x, t: t.select(a=x.col("s").min(), b=x.col("s").max(), c=x.col("s").n_unique()), table, **way)
    return table, other


def compared(x: Any, t: Any) -> Any:
    s = x.col("s")
    kept = t.filter((s >= "a") & (s != x.lit(LONG[1])))
    return kept.select("s", b=s.str.len_bytes(), c=s.str.len_chars(), i=s.is_in(["a", LONG[0], "\0"]))


@every_layout
def test_unusual_strings(way: Way) -> None:
    """NUL, what stands outside of the basic plane, combining characters: bytes are what is compared."""
    table, _ = keyed(UNUSUAL, way)
    agree(compared, table, **way)


@every_layout
def test_strings_of_a_million_bytes(way: Way) -> None:
    table, _ = keyed(LONG, way)
    agree(compared, table, **way | {"target": "cpu"})  # byte by byte, which takes long uncompiled


@every_layout
def test_bytes_that_are_no_text(way: Way, tmp_path: Path) -> None:
    """Compared byte by byte; they come out of files and memory as they went in."""
    values = [b"\xff\xfe", b"", b"\x00", b"\xff", b"\x80abc", None, b"a", b"\xff\xfe", b"\xc3\x28"]
    table = pl.DataFrame({"o": values, "n": range(len(values))})
    agree(lambda x, t: t.group_by("o").agg(n=x.len()), table, **way, ordered=False)
    agree(lambda x, t: t.sort("o", "n"), table, **way)
    agree(lambda x, t, u: t.join(u.select("o", m="n"), on="o"), table, table, **way, ordered=False)
    agree(
        lambda x, t: t.select(e=x.col("o") == b"\xff", l=x.col("o") < b"\x80", i=x.col("o").is_in([b"", b"\xff"])), table, **way
    )
    table.write_parquet(tmp_path / "bytes.parquet")
    assert collected(gf.scan_parquet(tmp_path / "bytes.parquet").select("o"), **way)["o"] == values


@pytest.mark.slow
def test_a_column_of_more_than_2_to_the_31_bytes() -> None:
    """64 chunks share their memory: two gigabytes to count and compare, not to hold."""
    chunk = pa.array([f"{k:02}" + "x" * 999_998 for k in range(35)], pa.large_string())
    table = pa.table({"s": pa.chunked_array([chunk] * 64), "n": np.arange(35 * 64)})
    query = gf.from_arrow(table)
    way: Way = {"target": "cpu", "parts": 4, "layout": "dictionary"}
    found = collected(
        query.select(b=col("s").str.len_bytes().sum(), u=col("s").n_unique(), m=col("s").max()), **way, rows=35 * 64
    )
    assert (found["b"], found["u"], found["m"]) == ([35 * 64 * 1_000_000], [35], [chunk[34].as_py()])
    assert found["b"][0] > 2**31
    kept = collected(query.filter(col("s") == chunk[7].as_py()).select("n"), **way, rows=35 * 64)
    assert kept["n"] == list(range(7, 35 * 64, 35))


# -- names ------------------------------------------------------------------------------------------------------------
def test_names_are_case_sensitive() -> None:
    rows = frame(pl.DataFrame({"a": [1], "A": [2], " a": [3], "Ä": [4], "ä": [5]}))
    assert records(rows.select("A", x=col("a") + col(" a"), y=col("ä")).collect()) == [(2, 4, 5)]
    with pytest.raises(ColumnNotFoundError, match=r"'B'"):
        rows.select("B")
    assert rows.rename({"a": "b"}).columns == ["b", "A", " a", "Ä", "ä"]


def test_duplicate_names_are_refused_with_a_way_out(tmp_path: Path) -> None:
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(DuplicateNameError, match=r"more than one column named 'a'; rename one: table\.rename_columns"):
        gf.from_arrow(twice)
    assert gf.from_arrow(twice.rename_columns(["a", "b"])).columns == ["a", "b"]
    (tmp_path / "a.csv").write_text("a,a\n1,2\n")
    assert gf.scan_csv(tmp_path / "a.csv").columns == pl.read_csv(tmp_path / "a.csv").columns == ["a", "a_duplicated_0"]
    with pytest.raises(DuplicateNameError, match=r"more than one column named 'b'; .*new_columns="):
        gf.scan_csv(tmp_path / "a.csv", new_columns=["b", "b"])
    assert gf.scan_csv(tmp_path / "a.csv", new_columns=["a", "b"]).columns == ["a", "b"]
    pq.write_table(twice, tmp_path / "a.parquet")
    with pytest.raises(DuplicateNameError, match="more than one column named 'a'"):
        gf.scan_parquet(tmp_path / "a.parquet")
    rows, other = frame(pl.DataFrame({"a": [1], "b": [2]})), frame(pl.DataFrame({"a": [1], "b": [3], "b_right": [4]}))
    with pytest.raises(DuplicateNameError, match=r"'b_right', and there is one already; pass another suffix="):
        rows.join(other, on="a")
    assert rows.join(other, on="a", suffix="_2").columns == ["a", "b", "b_2", "b_right"]
    for again in (
        lambda: rows.select("a", a=col("b")),
        lambda: rows.rename({"a": "b"}),
        lambda: rows.group_by("a").agg(a=col("b").sum()),
    ):
        with pytest.raises(DuplicateNameError, match=r"'[ab]'"):
            again()
