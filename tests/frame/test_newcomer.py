"""Mistakes of those who come from pandas, Polars, Dask or SQL: each is answered by what to write instead."""

from __future__ import annotations

import re
import subprocess
import sys
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import gpuflow as gf
from gpuflow import col
from gpuflow.errors import EmptyFilterWarning, GpuflowError, LeftOutWarning, TypeMismatchError, UnknownNameError
from gpuflow.frame.other_names import GROUP_WAYS, KEYWORDS, WAYS

ROOT = Path(__file__).resolve().parents[2]

FRAME = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
TABLE = FRAME.collect()
GROUPS = FRAME.group_by("k")


def _set_columns(data: Any) -> None:
    data.columns = ["a", "b"]


def _set_attribute(data: Any) -> None:
    data.y = 1


def _set_item(data: Any) -> None:
    data["y"] = col("x") * 2


def _delete(data: Any) -> None:
    del data["x"]


MISTAKES: dict[str, tuple[Any, str]] = {
    # what needs a result
    "to_pandas": (lambda: FRAME.to_pandas(), "call .collect() first: frame.collect().to_pandas"),
    "shape": (lambda: FRAME.shape, "call .collect() first: frame.collect().shape"),
    "rows": (lambda: FRAME.iter_rows(), "call .collect() first: frame.collect().iter_rows"),
    "len": (lambda: len(FRAME), "frame.select(gf.len()).collect().item()"),
    "for": (lambda: [row for row in FRAME], "for row in frame.collect().iter_rows()"),  # noqa: C416
    "in": (lambda: "x" in FRAME, "'x' in frame.columns"),
    "if": (lambda: bool(FRAME), "frame.select(gf.len()).collect().item() > 0"),
    "array": (lambda: np.asarray(FRAME), "frame.collect().to_numpy()"),
    "pandas of frame": (lambda: pd.DataFrame(FRAME), "call .collect() first"),
    "compute": (lambda: FRAME.compute(), "write .collect()"),
    "any of frame": (lambda: gf.from_any(FRAME), "call .collect() first"),
    # indexing and setting
    "item": (lambda: FRAME["x"], "write gf.col('x') in a query, or frame.select('x')"),
    "items": (lambda: FRAME[["x"]], "frame.select(['x'])"),
    "attribute": (lambda: FRAME.x, "that is a column: write gf.col('x') in a query"),
    "mask": (lambda: FRAME[col("x") > 1], "frame.filter(...)"),
    "attribute mask": (lambda: FRAME[FRAME.x > 1], "gf.col('x')"),
    "slice": (lambda: FRAME[1:3], "frame.slice(offset, length)"),
    "table attribute": (lambda: TABLE.x, "table['x'] for its values"),
    "table mask": (lambda: TABLE[col("x") > 1], "table.filter(gf.col('x') > 1)"),
    "set columns": (lambda: _set_columns(FRAME), "frame = frame.rename({'old': 'new'})"),
    "set attribute": (lambda: _set_attribute(FRAME), "frame = frame.with_columns(y=...)"),
    "set item": (lambda: _set_item(FRAME), "frame = frame.with_columns(y=...)"),
    "delete": (lambda: _delete(FRAME), "frame = frame.drop('x')"),
    "set table item": (lambda: _set_item(TABLE), "table = table.with_columns(y=...)"),
    "set table columns": (lambda: _set_columns(TABLE), "table = table.rename({'old': 'new'})"),
    # names
    "groupby": (lambda: FRAME.groupby("k"), "write .group_by('k')"),
    "merge": (lambda: FRAME.merge(FRAME), "write .join(other, on='k'"),
    "sort_values": (lambda: TABLE.sort_values("x"), "write .sort('x'"),
    "fillna": (lambda: FRAME.fillna(0), "write .fill_null(value)"),
    "where": (lambda: FRAME.where(col("x") > 1), "write .filter("),
    "describe": (lambda: FRAME.describe(), "does not have it yet; meanwhile write .select("),
    "pivot": (lambda: TABLE.pivot(), "does not have it yet; meanwhile write an aggregation for each column"),
    "T": (lambda: TABLE.T, "table.to_polars().transpose()"),
    "iloc": (lambda: FRAME.iloc[0], "frame.collect()[3:7]"),
    "explain": (lambda: TABLE.explain(), "table.lazy().explain"),
    "slip": (lambda: FRAME.fliter(col("x") > 1), "did you mean 'filter'?"),
    "group attribute": (lambda: GROUPS.x, "that is a column: write .agg(gf.col('x').sum())"),
    "group item": (lambda: GROUPS["x"].sum(), "write .agg(gf.col('x').sum())"),
    "group size": (lambda: GROUPS.size(), "write .len()"),
    "group std": (lambda: GROUPS.std(), "write .agg(gf.all().std())"),
    "group apply": (lambda: GROUPS.apply(len), "@gf.aggregation"),
    "groups": (lambda: list(GROUPS), "write .agg(...)"),
    # arguments
    "ascending": (lambda: FRAME.sort("x", ascending=False), "descending=True"),
    "by": (lambda: FRAME.sort(by="x"), "sort('x', 'y')"),
    "columns": (lambda: FRAME.drop(columns=["x"]), "drop('x', 'y')"),
    "rename columns": (lambda: FRAME.rename(columns={"x": "y"}), "rename({'old': 'new'})"),
    "engine": (lambda: FRAME.collect(engine="gpu"), "gpuflow.target"),
    "text": (lambda: FRAME.filter("x > 1"), "gf.col('x') > 1"),
    "lambda": (lambda: FRAME.filter(lambda t: t.x > 1), "gf.col('x')"),
    "dict": (lambda: GROUPS.agg({"x": "sum"}), "agg(gf.col('x').sum())"),
    "dict of several": (
        lambda: GROUPS.agg({"x": ["sum", "max"]}),
        "agg(gf.col('x').sum().alias('x_sum'), gf.col('x').max().alias('x_max'))",
    ),
    "text for a value": (lambda: FRAME.with_columns(y="new"), "gf.lit('new') the text itself"),
    "text in then": (lambda: FRAME.select(gf.when(col("x") > 1).then("late")), "gf.lit('late') the text itself"),
    "method not called": (lambda: FRAME.with_columns(y=col("k").str.len_chars), "len_chars is a method; call it: .len_chars()"),
    "part of a text": (lambda: FRAME.select(col("k").str[0:3]), ".str.slice(offset, length)"),
    "case": (lambda: FRAME.filter(col("k").str.contains("A", case=False)), "(?i)"),
    "vowels left out": (lambda: gf.from_dict({"dep_delay": [1]}).select("dep_dly"), "did you mean 'dep_delay'?"),
    "brackets": (lambda: col("x").isna(), "write .is_null()"),
    "brackets of one that needs a value": (lambda: col("x").isin([1]), "write .is_in(...)"),
    "month": (lambda: col("t").dt.to_period("M"), ".dt.truncate('1mo')"),
    "where of the module": (lambda: gf.where(col("x") > 1, 1, 2), "gf.when(condition).then(x).otherwise(y)"),
    "count": (lambda: gf.count("x"), 'gf.col("x").count() for values'),
    "more rows": (lambda: gf.set_option("display.max_rows", 50), "table.to_pandas().to_string()"),
    "all rows": (lambda: TABLE.to_string(), "table.to_pandas().to_string()"),
    "series": (lambda: TABLE.to_series(), "table['x']"),
    "dicts as records": (lambda: gf.from_records([{"a": 1}]), "gf.from_dicts(rows)"),
    "dicts as a dict": (lambda: gf.from_dict([{"a": 1}]), "gf.from_dicts takes a dict for each row"),
    "lengths": (lambda: gf.from_dict({"a": [1, 2], "b": [1]}), "the columns have different lengths ('a': 2, 'b': 1)"),
    "types of keys": (lambda: FRAME.join({"x": ["1"]}, on="x"), "left.cast({'x': 'string'}).join(...)"),
    "separator": (lambda: gf.read_csv(b"a;b\n1,5;2\n"), "the header has ';', so try separator=';'"),
    "dict of columns": (lambda: FRAME.with_columns({"y": col("x")}), "with_columns(**columns)"),
    "values": (lambda: FRAME.with_columns(y=[1, 2, 3]), "gf.from_dict({..., 'y': values})"),
    "array of values": (lambda: FRAME.with_columns(y=np.ones(3)), "gf.from_dict({..., 'y': values})"),
    "table as column": (lambda: FRAME.select(TABLE), "join() or union()"),
    "path": (lambda: FRAME.join("b.parquet", on="k"), "gf.scan_parquet('b.parquet')"),
    "number": (lambda: FRAME.union(7), "gf.from_any takes"),
    "lazy polars": (lambda: FRAME.join(pl.LazyFrame({"k": ["a"]}), on="k"), "call .collect() on the LazyFrame"),
    "outer": (lambda: FRAME.join(FRAME, on="k", how="outer"), "how='anti'"),
    "cross": (lambda: FRAME.join(FRAME, how="cross"), "on a constant"),
    "horizontal": (lambda: gf.concat([FRAME, FRAME], how="horizontal"), "join() the tables on a key"),
    "one frame": (lambda: gf.concat(FRAME), "concat([a, b])"),
    "pandas names": (lambda: pd.DataFrame(TABLE), "table.to_pandas()"),
    "row": (lambda: TABLE.row(7), "the table has 3 rows"),
    "many": (lambda: TABLE.item(), "item(row, column)"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_answered_by_the_way_out(mistake: str) -> None:
    make, way = MISTAKES[mistake]
    with pytest.raises(GpuflowError, match=re.escape(way)):
        make()


ELSEWHERE = """
pandas: groupby merge sort_values fillna dropna drop_duplicates isna notna astype apply map assign query nlargest nsmallest
pivot_table melt resample iloc loc at index set_index reset_index T to_csv value_counts nunique isin cumsum info copy
compute repartition map_partitions where having with_columns_seq select_seq collect_async remote write_database
tail reverse sample with_row_index gather_every top_k bottom_k unpivot pivot explode unnest group_by_dynamic rolling upsample
merge_sorted update describe glimpse collect_schema clear clone cache drop_nans shift median quantile corr transpose plot
partition_by sql join_asof join_where iterrows itertuples items values empty size append agg aggregate insert pop eval clip round
rank cov mode interpolate ffill bfill to_excel to_json to_sql to_dummies hstack vstack extend
""".split()  # fmt: skip


@pytest.mark.parametrize("data", [FRAME, TABLE], ids=["frame", "table"])
def test_names_of_other_libraries_work_or_are_answered(data: Any) -> None:
    silent = []
    for name in ELSEWHERE[1:]:
        try:
            getattr(data, name)
        except UnknownNameError as error:
            if "; " not in str(error) or "did you mean" in str(error):
                silent.append(str(error))
    assert silent == []


def test_most_methods_of_other_libraries_are_answered() -> None:
    """All public names of Polars' and pandas' tables, but for those of no use to anyone here."""
    odd = {"swaplevel", "droplevel", "reorder_levels", "set_flags", "flags", "attrs", "dot", "sparse", "from_lazyframe_resolver"}
    names = {n for kind in (pl.LazyFrame, pl.DataFrame, pd.DataFrame) for n in dir(kind) if not n.startswith("_")}
    bare = [n for n in sorted(names - odd) if not hasattr(FRAME, n) and not hasattr(TABLE, n) and n not in WAYS]
    assert len(bare) < 0.3 * len(names), bare


def test_ways_are_not_in_the_way() -> None:
    """A name that exists is never answered by another one, and a way names methods that exist."""
    assert [n for n in WAYS if n in dir(FRAME)] == []
    assert [n for n in GROUP_WAYS if n in dir(GROUPS)] == []
    text = " ".join([*WAYS.values(), *GROUP_WAYS.values()])
    then = gf.when(col("x") > 1)
    kinds = (gf.Frame, gf.Table, gf.GroupBy, pl.DataFrame, pl.LazyFrame, then, then.then(1), col("x"))
    made = {n for kind in kinds for n in dir(kind)}
    named = set(re.findall(r"(?<![\w.])\.(\w+)\(", text)) - {"truncate", "items", "to_string"}
    assert sorted(named - made) == []


def test_a_name_that_is_not_known_anywhere() -> None:
    with pytest.raises(UnknownNameError) as caught:
        FRAME.frobnicate()
    assert str(caught.value) == "a Frame has no 'frobnicate'"
    assert not hasattr(FRAME, "frobnicate")
    assert getattr(TABLE, "frobnicate", 7) == 7


def test_a_property_that_fails_says_so_itself() -> None:
    class Broken(gf.Frame):
        @property
        def odd(self) -> Any:
            return (1).nothing  # type: ignore[attr-defined]

    with pytest.raises(AttributeError, match="'int' object has no attribute 'nothing'"):
        Broken(FRAME.plan).odd


@pytest.mark.slow
def test_type_checkers_know_the_methods(tmp_path: Any, python_environment: dict[str, str]) -> None:
    """They see what there is on frames and tables, and that the rest is not there."""
    (tmp_path / "query.py").write_text(
        "import gpuflow as gf\n"
        "frame: gf.Frame = gf.from_dict({'x': [1]}).filter(gf.col('x') > 0).sort('x').head(3)\n"
        "table: gf.Table = frame.collect()\n"
        "again: gf.Frame = table.join(frame, on='x').group_by('x').agg(gf.len()).rename({'len': 'n'}).fill_null(0)\n"
        "part: gf.Table = table.head(2)[0:1][['x']].slice(0)\n"
        "read: gf.Table = gf.read_parquet('x.parquet', n_rows=3)\n"
        "lines: int = table.height + table.width + table.shape[0]\n"
        "names: list[str] = table.columns\n"
        "joined: gf.Frame = gf.concat([frame, table], how='diagonal')\n"
        "frame.groupby('x')\n"
        "frame['x']\n"
        "len(frame)\n"
        "table.sort('x', ascending=False)\n"
        "gf.read_parquet('x.parquet', rows=3)\n"
    )
    # What signatures do not need is left out, or it would take half a minute.
    unseen = [
        "numpy",
        "pyarrow",
        "dask",
        "rich",
        "sqlglot",
        *(f"gpuflow.{n}" for n in ("execute", "physical", "optimize", "display")),
    ]
    unseen += [
        f"gpuflow.io.{file.stem}" for file in (ROOT / "gpuflow" / "io").glob("*.py") if file.stem not in ("__init__", "scan")
    ]
    skipped = "".join(f"[mypy-{n},{n}.*]\nfollow_imports = skip\nignore_missing_imports = True\n" for n in unseen)
    (tmp_path / "mypy.ini").write_text(f"[mypy]\nstrict = True\nexplicit_package_bases = True\n{skipped}")
    paths = {"MYPYPATH": f"{ROOT}:{ROOT / 'kernels'}"}
    code = [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache"), "query.py"]
    done = subprocess.run(code, cwd=tmp_path, capture_output=True, text=True, env=python_environment | paths)
    lines = [line for line in done.stdout.splitlines() if line.startswith("query.py") and ": error: " in line]
    assert [int(line.split(":")[1]) for line in lines] == [10, 11, 12, 13, 14], done.stdout


READ_MISTAKES = {
    "sep": ("csv", {"sep": ";"}, "write separator=';'"),
    "header": ("csv", {"header": None}, "has_header"),
    "usecols": ("csv", {"usecols": ["x"]}, "scan(...).select('x', 'y')"),
    "dtype": ("csv", {"dtype": {"x": "int32"}}, "schema_overrides={'x': gf.Int32}"),
    "nrows": ("ndjson", {"nrows": 3}, "n_rows=100"),
    "columns": ("parquet", {"columns": ["x"]}, "scan(...).select('x', 'y')"),
    "filters": ("parquet", {"filters": [("x", ">", 1)]}, "scan(...).filter(...)"),
    "ipc columns": ("ipc", {"columns": ["x"]}, "scan(...).select('x', 'y')"),
    "slip": ("csv", {"seperator": ";"}, "it takes paths, separator"),
}


@pytest.mark.parametrize("verb", ["read", "scan"])
@pytest.mark.parametrize("mistake", READ_MISTAKES)
def test_parameters_of_other_readers_are_answered(verb: str, mistake: str) -> None:
    format, options, way = READ_MISTAKES[mistake]
    with pytest.raises(TypeMismatchError, match=re.escape(way)) as raised:
        getattr(gf, f"{verb}_{format}")("nothing.there", **options)
    assert str(raised.value).startswith(f"{verb}_{format}() takes no ")


def test_readers_say_what_they_give() -> None:
    assert {n: signature(getattr(gf, n)).return_annotation for n in ("scan_csv", "read_csv", "from_dict")} == {
        "scan_csv": "Frame", "read_csv": "Table", "from_dict": "Frame"}  # fmt: skip


def test_rows_without_names_are_numbered() -> None:
    assert gf.from_records([(1, "a"), (2, None)]).columns == ["column_0", "column_1"]


def test_a_method_that_is_compared_without_being_called_warns() -> None:
    with pytest.warns(EmptyFilterWarning, match="without being called") as warned:
        kept = FRAME.filter(col("k").str.len_chars == 1)
    assert kept.collect().height == 0
    assert warned[0].filename == __file__
    assert FRAME.filter(gf.lit(False)).collect().height == 0  # no warning: that is meant


def test_a_named_index_of_pandas_is_not_lost_in_silence() -> None:
    sums = pd.DataFrame({"k": ["a", "b", "a"], "x": [1, 2, 3]}).groupby("k").sum()
    with pytest.warns(LeftOutWarning, match=re.escape("'k'; write reset_index()")) as warned:
        assert gf.from_pandas(sums).columns == ["x"]
    assert warned[0].filename == __file__
    assert gf.from_pandas(sums.reset_index()).columns == ["k", "x"]


def test_the_command_runs_as_a_module(python_environment: dict[str, str]) -> None:
    run = subprocess.run([sys.executable, "-m", "gpuflow", "--help"], capture_output=True, text=True, env=python_environment)
    assert run.stdout.startswith("Usage: gpuflow ")
    assert "..." not in run.stdout.partition("Commands:")[2]


def test_parameters_that_are_named_exist() -> None:
    """What a text tells to write is a parameter of a method; those of functions that read: `tests/io/test_keywords.py`."""
    methods = {p for kind in (gf.Frame, gf.Table, gf.GroupBy) for n in dir(kind) if n[0] != "_" and callable(getattr(kind, n))
               for p in signature(getattr(kind, n)).parameters}  # fmt: skip
    assert set(re.findall(r"(\w+)=", " ".join(KEYWORDS.values()))) <= methods
