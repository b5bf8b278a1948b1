"""The ways out of a Table, comparing, and how it is shown."""

from __future__ import annotations

import datetime
import subprocess
import sys
import types
from textwrap import dedent

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from gpuflow_kernels import dtypes as t
from hypothesis import given, settings
from hypothesis import strategies as st

from gpuflow import io
from gpuflow.display.html import schema_html, table_html, text_html
from gpuflow.display.text import table_text
from gpuflow.errors import ArithmeticOverflowError, ColumnNotFoundError, UnsupportedError
from gpuflow.frame.frame import Table
from gpuflow.schema import Schema
from tests.support.reading import table

DATA = pa.table({
    "i": pa.array([1, None, 3, 4], pa.int32()), "f": [1.5, float("nan"), None, -0.0], "b": [True, None, False, True],
    "s": ["x", None, "", "<b>&\n"], "d": pa.array([0, None, 2, 3], pa.date32()),
    "t": pa.array([0, None, 10**18, 5], pa.timestamp("ns")), "p": pa.array([None, 1, -90_061_000_001, 3], pa.duration("us")),
    "n": pa.nulls(4),
})  # fmt: skip


def make(data: object, rows: int = 3) -> Table:
    source = io.from_any(data)
    return Table(source.schema, [split.read(tuple(source.schema)) for split in source.splits(None, rows)])


TABLE = make(DATA)


def test_shape_and_columns() -> None:
    assert len(TABLE.chunks) == 2
    assert TABLE.shape == (4, 8)
    assert TABLE.columns == list(TABLE) == list("ifbsdtpn")
    assert "i" in TABLE
    assert TABLE["i"].to_pylist() == [1, None, 3, 4]
    assert TABLE.column("i").values.shape == (4,)
    with pytest.raises(ColumnNotFoundError, match="no column 'ii'; did you mean 'i'"):
        TABLE["ii"]
    with pytest.raises(ValueError, match="does not fit"):
        Table(TABLE.schema, [io.from_numpy({"x": [1]}).splits(None)[0].read(("x",))])


def test_arrow_pandas_polars() -> None:
    strings = DATA.set_column(3, "s", DATA["s"].cast(pa.large_string()))
    assert TABLE.to_arrow().to_pydict().keys() == strings.to_pydict().keys()
    assert repr(TABLE.to_arrow().to_pylist()) == repr(strings.to_pylist())
    assert TABLE.to_arrow().schema == strings.schema
    assert pa.types.is_dictionary(TABLE.to_arrow(dictionary=True).schema.field("s").type)
    assert repr(pa.table(TABLE).to_pylist()) == repr(strings.to_pylist())
    assert pa.schema(TABLE) == strings.schema
    assert pl.DataFrame(TABLE).equals(TABLE.to_polars())
    assert TABLE.to_polars()["i"].to_list() == [1, None, 3, 4]
    frame = TABLE.to_pandas()
    assert frame["i"].dtype == np.float64
    assert str(frame["d"].dtype).startswith("datetime64")
    nullable = TABLE.to_pandas(nullable=True)
    assert nullable["i"].dtype == pd.Int32Dtype()
    assert nullable["i"].isna().tolist() == [False, True, False, False]
    assert TABLE.to_dict()["s"] == ["x", None, "", "<b>&\n"]
    assert TABLE.to_pylist()[2]["d"] == datetime.date(1970, 1, 3)
    assert make(TABLE).equals(TABLE)


def test_numbers_are_shared() -> None:
    values = np.arange(5)
    table = make({"x": values}, 10)
    address = values.ctypes.data
    assert table.to_numpy()["x"].ctypes.data == address
    assert table.to_arrow()["x"].chunk(0).buffers()[1].address == address
    assert table.head(3).column("x").values.ctypes.data == address


def test_numpy() -> None:
    arrays = TABLE.to_numpy()
    assert isinstance(arrays["i"], np.ma.MaskedArray)
    assert arrays["i"].tolist() == [1, None, 3, 4]
    assert arrays["d"].dtype == np.dtype("M8[D]")
    assert arrays["t"].dtype == np.dtype("M8[ns]")
    assert arrays["p"].dtype == np.dtype("m8[us]")
    assert arrays["s"].tolist() == ["x", None, "", "<b>&\n"]
    assert not isinstance(make({"x": [1, 2]}).to_numpy()["x"], np.ma.MaskedArray)


def test_head_and_slice() -> None:
    table = make({"x": np.arange(10)}, 3)
    assert table.head(4)["x"].to_pylist() == [0, 1, 2, 3]
    assert table.slice(2, 5)["x"].to_pylist() == [2, 3, 4, 5, 6]
    assert table.slice(8, 100)["x"].to_pylist() == [8, 9]
    assert len(table.slice(50, 1)) == 0
    assert table.slice(3, 1).item() == 3
    with pytest.raises(ValueError, match="one row and one column"):
        table.item()


def test_equals() -> None:
    assert TABLE.equals(DATA)
    assert not TABLE.equals(DATA.slice(1))
    assert not TABLE.equals(DATA.rename_columns(list("ifbsdtpm")))
    backwards = make(DATA.take(pa.array([3, 2, 1, 0])), 1)
    assert not TABLE.equals(backwards)
    assert TABLE.equals(backwards, ordered=False)
    assert not TABLE.equals(make(DATA.take(pa.array([3, 2, 1, 1]))), ordered=False)
    a, b = make({"x": [1.0, float("inf")]}), make({"x": [1.0 + 1e-12, float("inf")]})
    assert not a.equals(b)
    assert a.equals(b, tolerance=1e-9)
    assert not a.equals(make({"x": [1.0, 2.0]}), tolerance=0.1)
    assert not make({"x": [1]}).equals(make({"x": [1.0]}))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.none() | st.integers(0, 2), st.none() | st.sampled_from(["a", "b"])), max_size=6), st.randoms())
def test_unordered_equality_is_of_bags(rows: list[tuple[int | None, str | None]], random: object) -> None:
    def build(rows: list[tuple[int | None, str | None]]) -> Table:
        return make(
            pa.table({"i": pa.array([r[0] for r in rows], pa.int64()), "s": pa.array([r[1] for r in rows], pa.string())}), 2
        )

    mixed = list(rows)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert build(rows).equals(build(mixed), ordered=False)
    if rows:
        assert not build(rows).equals(build([*mixed[1:], (7, "z")]), ordered=False)


def test_text() -> None:
    shown = table_text(TABLE, width=200)
    assert shown.splitlines()[0] == "4 rows × 8 columns"
    assert "timestamp[ns]" in shown
    assert "<b>&\\n" in shown
    assert "null" in shown
    assert "2001-09-09 01:46:40" in shown
    assert "-1d 01:01:01.000001" in shown
    assert "NaN" in shown
    long = table_text(make({"x": np.arange(1000), "日本語": ["長い"] * 1000}, 10_000), width=60)
    lines = long.splitlines()
    assert len(lines) == 3 + 1 + 11
    assert lines[4].split() == ["0", "長い"]
    assert "…" in lines[9]
    assert lines[-1].split() == ["999", "長い"]
    wide = make({f"column_{i}": [i] for i in range(50)})
    for width in (20, 40, 80):
        lines = table_text(wide, width=width).splitlines()
        assert max(map(len, lines)) <= max(width, 45)
        assert "not shown" in lines[0]
    assert repr(Table(TABLE.schema, [])).startswith("0 rows × 8 columns")
    assert repr(Table(make({"x": [1]}).schema.__class__(), [])) == "0 rows × 0 columns"
    far = make(pa.table({"d": pa.array([2**31 - 1], pa.date32()), "s": ["\x1b[31m" + "y" * 500]}))
    assert "\x1b" not in repr(far)
    assert max(map(len, repr(far).splitlines())) < 110


def test_html_is_escaped() -> None:
    nasty = make({"<script>": ["<img src=x onerror=alert(1)>", None, '"&']})
    html = nasty._repr_html_()
    assert "<script>" not in html
    assert "<img" not in html
    assert "&lt;img" in html
    assert ">null<" in html
    assert "3 rows × 1 column" in html
    assert "… 20 more" in table_html(make({f"c{i}": [i] for i in range(50)}))
    assert "&lt;x&gt;" in schema_html({"a": t.INT64}, "<x>")
    assert text_html("<") == "<pre>&lt;</pre>"


def test_strings_have_no_device_array(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", types.ModuleType("cupy"))
    with pytest.raises(UnsupportedError, match="'s' is string"):
        make({"s": ["a"]}).to_cupy()


def test_importing_is_cheap() -> None:
    code = (
        "import sys, gpuflow.config, gpuflow.io, gpuflow.frame.frame, gpuflow.display.html; "
        "print([m for m in ('pyarrow', 'pandas', 'polars', 'numba', 'cupy', 'distributed') if m in sys.modules])"
    )
    environment = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("kind", [pa.timestamp("us"), pa.duration("s"), pa.date32()], ids=str)
def test_times_that_python_has_no_value_for(kind: pa.DataType) -> None:
    number = 2**30 if kind == pa.date32() else 2**60
    found = table(io.from_arrow(pa.table({"x": pa.array([number], kind)})))
    for made in (found.to_dict, found.rows, found.to_pylist, found.item):
        with pytest.raises(ArithmeticOverflowError, match=r"column 'x' .*that Python has no value for.*to_numpy\(\)"):
            made()
    assert found.to_numpy()["x"].astype(np.int64).tolist() == [number]


def test_a_matrix() -> None:
    found = table(io.from_arrow(pa.table({"a": [1, 2], "b": [0.5, None], "s": ["x", None]})))
    numbers = Table(Schema({n: found.schema[n] for n in "ab"}), [chunk.select((0, 1)) for chunk in found.chunks])
    np.testing.assert_array_equal(np.asarray(numbers), [[1.0, 0.5], [2.0, np.nan]])
    assert (np.asarray(numbers, "f4").dtype, np.asarray(found).shape, np.asarray(found).dtype) == (np.float32, (2, 3), object)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_library_that_is_missing_is_named(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UnsupportedError, match=rf"to_{library}\(\) needs {library}: pip install {library}$"):
        getattr(TABLE, f"to_{library}")()
    assert TABLE.to_numpy()["i"].tolist() == [1, None, 3, 4]


# -- how values are shown -------------------------------------------------------------------------------------------------
def column(values: object, kind: pa.DataType) -> list[str]:
    """What a terminal shows of one column, below its name and type."""
    lines = table_text(make(pa.table({"x": pa.array(values, kind)}), 10)).splitlines()[4:]
    return dedent("\n".join(lines)).splitlines()


@pytest.mark.parametrize(
    ("values", "kind", "shown"),
    [
        ([154.848899, 10.96016, None, 3.0], pa.float64(), ["154.848899", " 10.960160", "      null", "  3.000000"]),
        ([1.5, -10.25, float("nan"), float("inf")], pa.float64(), ["  1.50", "-10.25", "   NaN", "   inf"]),
        ([1e-9, 2.5, 10.0], pa.float64(), ["1e-09", "  2.5", " 10.0"]),
        ([1, 100, None], pa.int64(), ["   1", " 100", "null"]),
        (["b", "aaaa", None], pa.string(), ["b", "aaaa", "null"]),
        ([True, None], pa.bool_(), ["true", "null"]),
        ([0, 86_400_000_000, None], pa.timestamp("us"), ["1970-01-01", "1970-01-02", "null"]),
        ([0, 3_600_000_000], pa.timestamp("us"), ["1970-01-01 00:00:00", "1970-01-01 01:00:00"]),
        ([0, 5_000], pa.timestamp("us"), ["1970-01-01 00:00:00.000", "1970-01-01 00:00:00.005"]),
        ([0, 1], pa.timestamp("ns"), ["1970-01-01 00:00:00.000000000", "1970-01-01 00:00:00.000000001"]),
        ([0, 500], pa.timestamp("ms", "Asia/Kathmandu"), ["1970-01-01 05:30:00.000+05:30", "1970-01-01 05:30:00.500+05:30"]),
        ([0, 86_400], pa.timestamp("s", "UTC"), ["1970-01-01 00:00:00+00:00", "1970-01-02 00:00:00+00:00"]),
        ([253_402_300_801, 0], pa.timestamp("s"), ["10000-01-01 00:00:01", "1970-01-01 00:00:00"]),
        ([0, None], pa.date32(), ["1970-01-01", "null"]),
        ([1, 86_401], pa.duration("s"), ["   00:00:01", "1d 00:00:01"]),
    ],
)  # fmt: skip
def test_columns_line_up(values: list[object], kind: pa.DataType, shown: list[str]) -> None:
    assert column(values, kind) == dedent("\n".join(shown)).splitlines()


def test_first_and_last_rows_are_formatted_alike() -> None:
    shown = column([0] * 15 + [60_000_000], pa.timestamp("us"))
    assert (shown[0], shown[-1]) == ("1970-01-01 00:00:00", "1970-01-01 00:01:00")


def test_sides_hold_in_notebooks_that_have_rules_of_their_own() -> None:
    """Some drop <style>, and Jupyter sets cells to the right: the side stands at each cell."""
    html = table_html(make({"s": ["a", None], "i": [1, None], "f": [0.5, 10.0], "d": np.array(["2024-02-29", "NaT"], "M8[D]")}))
    assert html.count('style="text-align:left"') == html.count('style="text-align:right"') == 2 * 3
    assert ">10.0</td>" in html
    assert ">2024-02-29</td>" in html
    assert "<caption" not in html, "it would wrap to the width of the table"
    assert html.index("2 rows × 4 columns") < html.index("<table>")
