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
from gpuflow.io import keywords

WAYS = {"scan_csv": keywords.CSV, "scan_ndjson": keywords.JSON, "scan_parquet": keywords.EVERYWHERE}


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
    ],
)
def test_the_way_is_named(call: Any, message: str) -> None:
    with pytest.raises(TypeMismatchError, match=message):
        call()


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
