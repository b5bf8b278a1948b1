"""Whatever is handed to a public function: it works, or the error is one of ours, raised when the query is built."""

from __future__ import annotations

import datetime as dt
import inspect
import math
import operator
import warnings
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import dask
import numpy as np
import pandas as pd
import pytest

import gpuflow as gf
from gpuflow import col
from gpuflow.errors import ColumnNotFoundError, GpuflowError, PlanError, TypeMismatchError

FRAME = gf.from_dict(
    {
        "x": [1, 2, None],
        "s": ["a", "b", None],
        "t": [dt.datetime(2024, 1, 1), None, dt.datetime(2025, 1, 1)],
        "b": [True, False, None],
        "f": [1.5, float("nan"), None],
    }
)
TABLE = FRAME.collect()

ODD: dict[str, Any] = {
    "None": None, "object": object(), "-1": -1, "1.5": 1.5, "inf": 1e400, "2**70": 2**70, "no such": "no such", "empty": "",
    "half a character": "\ud800", "bad pattern": "^(", "star": "*", "[]": [], "{}": {}, "set()": set(), "lambda": lambda *a: 1,
    "series": pd.Series([1, 2]), "array": np.array([1, 2]), "bytes": b"x\xff", "expr": col("x"), "bad expr": col("no such"),
    "frame": FRAME, "table": TABLE, "tuple": (1, "a"), "[None]": [None], "nested": [["x", ["s"]]], "True": True,
    "NaT": np.datetime64("NaT"), "NA": pd.NA, "when": gf.when(col("b")), "namespace": col("s").str, "dtype": gf.Int64,
    "twice": ["x", "x"], "decimal": Decimal("NaN"), "complex": 1j, "span": dt.timedelta.max, "group": FRAME.group_by("x"),
}  # fmt: skip

GOOD = {"other": FRAME, "on": "x", "start": dt.date(2024, 1, 1), "end": dt.date(2024, 1, 3), "name": "x"}
"""What parameters get that another argument needs beside it."""

RUN = {"collect", "compute", "persist", "explain", "dask", "preview", "cluster", "scalar", "aggregation", "visualize", "pipe"}
"""Methods that run queries, or call what they are given."""

CLASSES = {"Expr", "Frame", "GroupBy", "Table", "Schema", "Slot", "Source", "DType"}

OWNERS = {
    "expression": col("x"), "str": col("s").str, "dt": col("t").dt, "frame": FRAME, "groups": FRAME.group_by("x"), "gf": gf,
    "table": TABLE,
}  # fmt: skip


def calls(owner: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Every public method of an object with each odd value in the place of each parameter."""
    for name in dir(owner):
        function = getattr(owner, name, None) if not name.startswith("_") and name not in RUN | CLASSES else None
        if function is None or not callable(function) or name.startswith(("write_", "sink_", "read_")):
            continue
        parameters = list(inspect.signature(function).parameters.values())
        needed = {p.name: GOOD.get(p.name, "x") for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD}
        for label, odd in ODD.items():
            if parameters and parameters[0].kind is inspect.Parameter.VAR_POSITIONAL:
                yield f"{name}({label})", lambda f=function, v=odd: f(v)
            for p in parameters:
                if p.kind is p.KEYWORD_ONLY or p.kind is p.POSITIONAL_OR_KEYWORD:
                    variadic = ["x"] if parameters[0].kind is p.VAR_POSITIONAL else []
                    given = {**needed, p.name: odd}
                    if not variadic and parameters[0].kind is p.POSITIONAL_OR_KEYWORD:
                        variadic = [given.pop(parameters[0].name, "x")]
                    yield f"{name}({p.name}={label})", lambda f=function, a=variadic, g=given: f(*a, **g)


def bare(made: Iterator[tuple[str, Callable[[], Any]]]) -> tuple[int, list[str]]:
    """How many calls there were, and those that ended in an error that is none of ours."""
    count, found = 0, []
    for label, call in made:
        count += 1
        try:
            result = call()
            if isinstance(result, gf.Expr):
                FRAME.select(z=result)
        except GpuflowError:
            pass
        except Exception as e:
            found.append(f"{label}: {type(e).__name__}: {e}"[:160])
    return count, found


def test_spans_beyond_64_bits_of_microseconds() -> None:
    span = dt.timedelta(days=999_999_999, milliseconds=7)
    frame = gf.from_dict({"d": [dt.timedelta(1), None]})
    with dask.config.set({"gpuflow.target": "python"}):
        answer = frame.select(a=col("d") < span, b=col("d") == span, c=gf.lit(span).cast(gf.Int64)).collect().to_dict()
    assert answer == {"a": [True, None], "b": [False, None], "c": [span // dt.timedelta(milliseconds=1)] * 2}


@pytest.mark.parametrize("owner", OWNERS)
def test_methods(owner: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        count, found = bare(calls(OWNERS[owner]))
    assert not found
    assert count > 30


def test_operators_and_indexing() -> None:
    def made() -> Iterator[tuple[str, Callable[[], Any]]]:
        for label, odd in ODD.items():
            for sign in "add sub mul truediv floordiv mod pow and_ or_ xor lt le gt ge eq ne".split():
                for name in FRAME.columns:
                    yield f"{name} {sign} {label}", lambda s=sign, n=name, v=odd: getattr(operator, s)(col(n), v)
            for what in (FRAME, TABLE, col("x"), FRAME.group_by("x"), FRAME.schema):
                yield f"{type(what).__name__}[{label}]", lambda w=what, v=odd: w[v]
            yield f"{label} in table", lambda v=odd: v in TABLE
            yield f"table[0, {label}]", lambda v=odd: TABLE[0, v]
            for kind in ("Datetime", "Duration", "Decimal", "Enum", "Schema", "Expr", "Table"):
                yield f"{kind}({label})", lambda k=kind, v=odd: getattr(gf, k)(*((v, []) if k == "Table" else (v,)))
            yield f"pipe({label})", lambda v=odd: FRAME.pipe(v)
            yield f"then({label})", lambda v=odd: gf.when(col("b")).then(v).otherwise(v)
            yield f"preview({label})", lambda v=odd: FRAME.preview(v)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        count, found = bare(made())
    assert not found
    assert count > 2000


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: FRAME.schema["y"], ColumnNotFoundError, r"there is no column 'y'; columns are 'x', 's'"),
        (lambda: gf.Schema({})["y"], ColumnNotFoundError, "there are none"),
        (lambda: FRAME.schema.position("y"), ColumnNotFoundError, "there is no column 'y'"),
        (lambda: gf.Datetime(["ms"]), GpuflowError, r"time unit \['ms'\] is not one of"),
        (lambda: FRAME.join(FRAME, on="x", how=["left"]), GpuflowError, r"how=\['left'\] is not supported"),
        (
            lambda: FRAME.unique(maintain_order=np.array([1, 2])),
            TypeMismatchError,
            r"maintain_order=array.* is neither",
        ),
        (lambda: FRAME.head(np.array([1, 2])), TypeMismatchError, "number of rows must be an int"),
        (
            lambda: gf.concat_str("s", sep="-"),
            TypeMismatchError,
            r"^concat_str\(\) takes no sep=; write separator=; it takes values",
        ),
        (lambda: col("x").var(ddof="1"), TypeMismatchError, "ddof='1' is no whole number"),
        (lambda: col("s").str.extract("a", group_index="1"), TypeMismatchError, r"extract\(.*group_index='1' is no int"),
        (lambda: col("s").str.contains("a", strict="no"), TypeMismatchError, "strict='no' is neither True nor False"),
        (lambda: col("s") == "\ud800", TypeMismatchError, "is no text: .* at 0 is half a character"),
        (lambda: gf.lit(dt.timedelta.max), TypeMismatchError, "is beyond what a duration.us. holds, and no whole number of mill"),
        (lambda: col("x")[0], TypeMismatchError, r'col\("x"\) stands for a column and is not indexed by 0'),
        (lambda: bool(col("x") > 1), TypeMismatchError, "has no truth value"),
        (lambda: float(col("x")), TypeMismatchError, r"is no number.*cast\(gf.Float64\)"),
        (lambda: int(col("x")), TypeMismatchError, r"is no number.*cast\(gf.Float64\)"),
        (lambda: math.sqrt(col("x")), TypeMismatchError, r"is no number.*\.sqrt\(\)"),
        (lambda: col("x").pipe("abs"), TypeMismatchError, r"pipe\(\) takes a function"),
        (lambda: gf.Frame.scan("a.parquet"), TypeMismatchError, r"scan\(\) takes a Source"),
        (lambda: gf.Expr("x"), TypeMismatchError, r"gf\.col\('x'\)"),
        (lambda: gf.from_dicts(5), TypeMismatchError, r"from_dicts\(\): rows takes a list, not 5"),
        (lambda: TABLE.to_numpy(5), TypeMismatchError, "takes a list, not 5"),
        (lambda: TABLE.rows(named=[1, 2]), TypeMismatchError, "named=.* is neither True nor False"),
        (lambda: gf.datetime_range(dt.date(2024, 1, 1), dt.date(2025, 1, 1), dt.timedelta.max), PlanError, "more ticks"),
    ],
)
def test_what_is_said(call: Callable[[], Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call()
