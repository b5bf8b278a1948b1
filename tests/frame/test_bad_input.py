"""Wrong input: a typed error that names the thing and the way out, before any work where that is possible."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask
import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import gpuflow as gf
from gpuflow import col, errors
from tests.support.running import AXES, assert_same, running
from tests.support.tables import frame

FLIGHTS = gf.from_numpy(
    {"carrier": np.arange(3), "delay": np.array([1.0, 2.0, 3.0]), "big": np.full(3, 2**62), "sure": np.array([True, False, True])}
)
AIRLINES = frame(pl.DataFrame({"carrier": ["a", "b"], "name": ["x", "y"]}))


def rewritten(folder: Path, change: Callable[[bytes], bytes]) -> Path:
    """A Parquet file with other bytes."""
    path = folder / "flights.parquet"
    pl.DataFrame({"a": list(range(1000))}).write_parquet(path)
    path.write_bytes(change(path.read_bytes()))
    return path


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


FILES: dict[str, tuple[Callable[[Path], Any], type[Exception], str]] = {
    "missing file": (lambda p: gf.scan_parquet(p / "flihgts.parquet"), errors.ReadError, r"no file .*flihgts.parquet'"),
    "missing file, near name": (
        lambda p: (rewritten(p, bytes), gf.scan_parquet(p / "flihgts.parquet")),
        errors.ReadError,
        r"near names there: flights\.parquet",
    ),
    "missing CSV": (lambda p: gf.scan_csv(p / "x.csv"), errors.ReadError, r"no file .*x\.csv"),
    "pattern": (lambda p: gf.scan_parquet(str(p / "*.parquet")), errors.ReadError, r"no file matches .*\*\.parquet"),
    "folder without Parquet": (
        lambda p: (written(p, "note.txt", "x"), gf.scan_parquet(p)),
        errors.ReadError,
        r"has no Parquet files \(\*\.parquet.*holds 1 other files \(note\.txt\)",
    ),
    "truncated": (
        lambda p: gf.scan_parquet(rewritten(p, lambda b: b[: len(b) // 2])),
        errors.ReadError,
        r"cannot read .*flights\.parquet: it is not a whole Parquet file \([\d,]+ bytes; cut off",
    ),
    "truncated in front": (
        lambda p: gf.scan_parquet(rewritten(p, lambda b: b[len(b) // 2 :])).collect(),
        errors.ReadError,
        r"cannot read .*flights\.parquet",
    ),
    "empty file": (lambda p: gf.scan_parquet(rewritten(p, lambda b: b"")), errors.ReadError, r"0 bytes"),
    "another format": (
        lambda p: gf.scan_parquet(written(p, "a.parquet", "a,b\n1,2\n")),
        errors.ReadError,
        r"a\.parquet.*another format",
    ),
    "ragged CSV": (
        lambda p: gf.scan_csv(written(p, "a.csv", "a,b\n1\n2,3,4\n")).collect(),
        errors.ReadError,
        r"a\.csv: line 3: Expected 2 columns, got 3.*separator.*truncate_ragged_lines=True",
    ),
    "twice in a CSV": (
        lambda p: gf.scan_csv(written(p, "a.csv", "b,a\n1,2\n"), new_columns=["a"]),
        errors.DuplicateNameError,
        r"a\.csv has more than one column named 'a'.*new_columns=",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_files(name: str, tmp_path: Path) -> None:
    make, error, message = FILES[name]
    with pytest.raises(error, match=message):
        make(tmp_path)


def twice() -> gf.Frame:
    return gf.from_arrow(pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]))


QUERIES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "unknown column": (
        lambda: FLIGHTS.filter(col("carier") > 1),
        errors.ColumnNotFoundError,
        r"'carier'; did you mean 'carrier'\?",
    ),
    "unknown key": (
        lambda: FLIGHTS.group_by("k").agg(gf.len()),
        errors.ColumnNotFoundError,
        r"'k'; there are 'carrier', 'delay'",
    ),
    "unknown sort key": (lambda: FLIGHTS.sort("dely"), errors.ColumnNotFoundError, r"'dely'; did you mean 'delay'\?"),
    "unknown join key": (
        lambda: FLIGHTS.join(AIRLINES, on="delay"),
        errors.ColumnNotFoundError,
        r"right table there is no column 'delay'",
    ),
    "nested column": (
        lambda: gf.from_arrow(pa.table({"a": [1], "x": [[1]]})).select(col("x") + 1),
        errors.UnsupportedError,
        r"column 'x' is list\[int64\].*flatten or unnest it before loading",
    ),
    "condition that is none": (
        lambda: FLIGHTS.filter(col("delay")),
        errors.TypeMismatchError,
        r'col\("delay"\) is float64; compare it, as in col\("delay"\) > 0',
    ),
    "number and text": (
        lambda: FLIGHTS.select(col("delay") + "x"),
        errors.TypeMismatchError,
        r"float64 and string;.*cast\(\) one",
    ),
    "sum of text": (
        lambda: AIRLINES.select(col("name").sum()),
        errors.TypeMismatchError,
        r"sum\(\) does not accept string; it accepts",
    ),
    "and of numbers": (lambda: FLIGHTS.filter((col("carrier") > 1) & col("delay")), errors.TypeMismatchError, r"put brackets"),
    "no method": (lambda: col("x").summ(), AttributeError, r"did you mean 'sum'\?"),
    "name twice": (
        lambda: FLIGHTS.select("carrier", carrier=col("delay")),
        errors.DuplicateNameError,
        r"both be called 'carrier'; name one by \.alias",
    ),
    "names that meet": (lambda: FLIGHTS.rename({"carrier": "delay"}), errors.DuplicateNameError, r"would both be called 'delay'"),
    "twice in Arrow": (twice, errors.DuplicateNameError, r"more than one column named 'a'; rename one"),
    "aggregation in filter": (
        lambda: FLIGHTS.filter(col("delay").sum() > 1),
        errors.PlanError,
        r'col\("delay"\)\.sum\(\) is an aggregation.*group_by\(\.\.\.\)\.agg',
    ),
    "aggregation beside rows": (lambda: FLIGHTS.with_columns(col("delay").sum()), errors.PlanError, r"is an aggregation"),
    "rows inside agg": (
        lambda: FLIGHTS.group_by("carrier").agg(col("delay")),
        errors.PlanError,
        r"many values in a group; aggregate it, as in \.sum\(\)",
    ),
    "join of unequal types": (
        lambda: FLIGHTS.join(AIRLINES, on="carrier"),
        errors.TypeMismatchError,
        r'join: col\("carrier"\) would compare int64 with string; cast one',
    ),
    "join of integer and float": (
        lambda: FLIGHTS.join(FLIGHTS.select(carrier=col("delay")), on="carrier"),
        errors.TypeMismatchError,
        r"int64 with float64.*\.cast\(gf\.Int64\)",
    ),
    "kind of join": (
        lambda: FLIGHTS.join(AIRLINES, on="carrier", how="outer"),
        errors.UnsupportedError,
        r"how='outer' is a join that gpuflow does not have yet; meanwhile .*gf\.concat",
    ),
    "rows from the end": (lambda: FLIGHTS.head(-1), errors.PlanError, r"must not be negative"),
    "explain of nothing": (lambda: FLIGHTS.explain("ptx"), errors.PlanError, r"'ptx' is not one of 'logical'"),
}


@pytest.mark.parametrize("name", QUERIES)
def test_queries_are_refused_before_they_run(name: str) -> None:
    make, error, message = QUERIES[name]
    with pytest.raises(error, match=message):
        make()


OVERFLOWS: dict[str, tuple[Callable[[gf.Frame], gf.Frame], str]] = {
    "sum": (lambda t: t.select(col("big").sum()), "the sum does not fit int64: cast to a wider type"),
    "sum in groups": (lambda t: t.group_by("sure").agg(col("big").sum()), "the sum does not fit int64"),
    "product": (lambda t: t.select(col("big").product()), "the product does not fit int64"),
    "expression": (lambda t: t.select(col("big") * 4), "mul does not fit int64"),
    "expression in a sum": (lambda t: t.select((col("big") * col("big")).max()), "mul does not fit int64"),
    "filter": (lambda t: t.filter(col("big") + col("big") > 0), "add does not fit int64"),
    "key": (lambda t: t.group_by(k=-col("big") * 3).agg(gf.len()), "mul does not fit int64"),
    "cast": (lambda t: t.select(col("big").cast(gf.Int32)), "cast does not fit int32"),
}


@pytest.mark.parametrize("axis", ["plain", "exchange, tiny", "optimiser off"])
@pytest.mark.parametrize("name", OVERFLOWS)
def test_overflow_raises(name: str, axis: str) -> None:
    query, message = OVERFLOWS[name]
    for parts in (1, 3):
        with running("python", axis, parts, 3), pytest.raises(errors.ArithmeticOverflowError, match=re.escape(message)):
            query(FLIGHTS).collect()
    with running("python", axis, 3, 3), pytest.raises(errors.ArithmeticOverflowError, match=re.escape(message)):
        dask.compute(query(FLIGHTS))


def test_overflow_of_a_compiled_kernel() -> None:
    with running("cpu", parts=2, rows=3), pytest.raises(errors.ArithmeticOverflowError, match="the sum does not fit int64"):
        FLIGHTS.group_by("sure").agg(col("big").sum()).collect()


@pytest.mark.parametrize("axis", AXES)
def test_rows_left_out_cannot_overflow(axis: str) -> None:
    """Nor can the branch not taken, or a null."""
    rows = pl.DataFrame({"x": [1, 2**62, None, 5], "keep": [True, False, True, True]})
    with running("python", axis, 2, 4):
        found = frame(rows).filter(col("keep")).select(y=col("x") * 4)
        assert found.collect()["y"].to_pylist() == [4, None, 20]
        found = frame(rows).select(y=gf.when(col("keep")).then(col("x") * 4).otherwise(0))
        assert found.collect()["y"].to_pylist() == [4, 0, None, 20]


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_what_does_not_fit_may_be_null(target: str) -> None:
    with running(target, parts=2, rows=3):
        found = FLIGHTS.select(a=col("big").cast(gf.Int32, strict=False), b=(col("big") - 2**62).cast(gf.Int8)).collect()
    assert found.to_pylist() == [{"a": None, "b": 0}] * 3


NAMES = [
    '"', "'", '"""', "'''", "\\", "a\nb", "a\r\n", "\t", "", " ", "__import__('os').system('touch hacked')",
    "c0", "v1", "i", "e", "state",
    "x; raise SystemExit", "# comment", "}{", "%s", "{0}", "é", "𝄞", "class", "lambda: 0", "\u202e", "n0[i]", "\\u0041", "None",
]  # fmt: skip


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_names_never_reach_generated_text(target: str) -> None:
    """Columns called by anything: the values are right, and no name stands in a kernel."""
    names = NAMES if target == "python" else NAMES[::4]  # what is compiled does not know the names
    rows = pl.DataFrame({name: [k, k + 1, None, k + 2] for k, name in enumerate(names)})
    marked = rows.rename({name: f"{name}~odd" for name in names})
    with running(target, parts=2, rows=4):
        for table in (rows, marked):
            key, value, *others = table.columns

            def query(x: Any, t: Any, key: str = key, value: str = value, others: list[str] = others) -> Any:
                kept = t.filter(x.col(value) > 1).with_columns((x.col(others[0]) * 2).alias(others[1]))
                return (
                    kept.join(t.select(key, x.col(value).alias("other ~odd")), on=key)
                    .group_by(key)
                    .agg(x.col(*others).sum(), x.col("other ~odd").max())
                )

            found = query(gf, frame(table))
            assert_same(found.collect(), query(pl, table))
            for line in found.explain("kernel").splitlines():
                assert line.startswith("#") or "~odd" not in line
        literal = "'; __import__('os') #\"\n\0"
        found = frame(pl.DataFrame({"s": [literal, "b"]})).filter(col("s") == literal).select(r=col("s").fill_null(literal + "x"))
        assert found.collect()["r"].to_pylist() == [literal]
        assert "__import__" not in "".join(li for li in found.explain("kernel").splitlines(True) if not li.startswith("#"))


def test_a_name_with_nul() -> None:
    """Arrow's C interface ends names there, so such a column comes by NumPy."""
    rows = gf.from_numpy({"a\0b": np.arange(3), "a": np.arange(3.0)})
    with running():
        found = rows.filter(col("a\0b") > 0).group_by("a\0b").agg(col("a").sum()).sort("a\0b").collect()
    assert found.to_numpy()["a\0b"].tolist() == [1, 2]
    assert found.to_numpy()["a"].tolist() == [1.0, 2.0]
