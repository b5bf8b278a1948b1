"""Keyword arguments of other libraries: each is answered by what to write here."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pandas as pd
import polars as pl
import pytest

import gpuflow as gf
from gpuflow import io
from gpuflow.errors import TypeMismatchError
from gpuflow.io.datasets import keywords

FORMATS = ("csv", "ipc", "json", "ndjson", "orc", "parquet")
WAYS = {name: keywords.WAYS.get(name, keywords.EVERYWHERE) for name in (f"scan_{kind}" for kind in FORMATS)}
FUNCTIONS = [name for name in gf.__all__ if name.startswith(("scan_", "read_", "from_")) and name != "from_epoch"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gf.scan_csv("a.csv", sep=";"), r"scan_csv\(\) takes no sep=; write separator="),
        (lambda: gf.scan_csv("a.csv", usecols=["a"]), r"no usecols=; choose columns of the frame.*\.select\("),
        (lambda: gf.scan_csv("a.csv", nrows=3), "no nrows=; write n_rows="),
        (lambda: gf.scan_csv("a.csv", na_values="-"), "no na_values=; write null_values="),
        (lambda: gf.scan_csv("a.csv", header=None), "no header=; write has_header=False"),
        (lambda: gf.scan_csv("a.csv", dtype={"a": int}), "no dtype=; write schema_overrides="),
        (lambda: gf.scan_csv("a.csv", parse_dates=["d"]), "no parse_dates=; write try_parse_dates=True"),
        (lambda: gf.scan_csv("a.csv", separater=";"), "no separater=; did you mean 'separator'"),
        (lambda: gf.scan_csv("a.csv", zzz=1), "no zzz=; it takes .*separator.*comment_prefix"),
        (lambda: gf.scan_parquet("a", columns=["a"]), "no columns=; choose columns"),
        (lambda: gf.scan_ipc("a", columns=["a"]), r"scan_ipc\(\) takes no columns=; choose columns"),
        (lambda: gf.scan_parquet("a", n_row=1), "no n_row=; did you mean 'n_rows'"),
        (lambda: gf.read_csv("a.csv", skiprows=1), "no skiprows=; write skip_rows="),
        (lambda: gf.scan_ndjson("a", lines=True), "no lines=; leave it out"),
        (lambda: gf.scan_json("a", orient="records"), r"scan_json\(\) takes no orient=; leave it out"),
        (lambda: gf.read_orc("a", int96_unit="us"), r"read_orc\(\) takes no int96_unit=; write time_unit="),
        (lambda: gf.scan_ipc("a", int96_unit="us"), r"scan_ipc\(\) takes no int96_unit=; it takes paths, n_rows"),
        (lambda: gf.scan_json("a", wide_decimals="narrow"), r"scan_json\(\) takes no wide_decimals="),
        (lambda: gf.scan_parquet("a", time_unit="us"), r"scan_parquet\(\) takes no time_unit=; write int96_unit="),
    ],
)
def test_the_way_is_named(call: Any, message: str) -> None:
    with pytest.raises(TypeMismatchError, match=message):
        call()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_lists_what_it_takes(name: str) -> None:
    function = getattr(gf, name)
    with pytest.raises(TypeMismatchError) as caught:
        function(b"", no_such_word=1)
    takes = list(inspect.signature(function).parameters)
    assert str(caught.value) == f"{name}() takes no no_such_word=; it takes {', '.join(takes)}"
    assert "options" not in takes


@pytest.mark.parametrize("scan", WAYS)
def test_ways_name_arguments_that_there_are(scan: str) -> None:
    known = inspect.signature(getattr(io, scan)).parameters
    for name, way in WAYS[scan].items():
        assert name not in known
        named = set(re.findall(r"(?<![\w.(])([a-z_]+)=", re.sub(r"scan\(\.\.\.\).*", "", way)))
        assert named <= set(known), (name, way)
        for method in re.findall(r"\.\.\.\)\.(\w+)\(", way):
            assert hasattr(gf.Frame, method), (name, way)


def test_all_of_polars_and_pandas_are_answered() -> None:
    """Each argument of theirs is ours too, or has an answer."""
    ours = set(inspect.signature(io.scan_csv).parameters) | set(keywords.CSV)
    theirs = set(inspect.signature(pl.scan_csv).parameters) | set(inspect.signature(pl.read_csv).parameters)
    theirs |= set(inspect.signature(pd.read_csv).parameters)
    assert theirs - ours - {"source", "filepath_or_buffer"} == set()
