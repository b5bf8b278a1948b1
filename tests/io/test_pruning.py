"""A block is skipped only when no row of it can pass: against pyarrow's own filter on real files."""

from __future__ import annotations

import datetime
import io
from pathlib import Path
from typing import Any

import gpuflow_kernels.functions.builtin  # noqa: F401  declares the functions
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from gpuflow_kernels import dtypes as t
from gpuflow_kernels.declare.scalar import SCALARS
from gpuflow_kernels.dtypes import DType
from gpuflow_kernels.ir.expressions import Call, Const, Member, Ref, Row
from hypothesis import given, settings
from hypothesis import strategies as st

import gpuflow as gf
from gpuflow.arrow import convert
from gpuflow.arrow.schema import dtype_of
from gpuflow.io import scan_parquet
from gpuflow.io.datasets.pruning import Range, may_match
from gpuflow.io.parquet.source import ParquetSource


def call(name: str, *args: Row) -> Call:
    resolved = SCALARS[name].resolve(tuple(a.dtype for a in args))
    assert resolved is not None, (name, args)
    overload, signature = resolved
    assert signature.args == tuple(a.dtype for a in args)
    return Call(overload, args, signature.result, signature.constants)


def cast(row: Row, target: DType) -> Call:
    overload, signature = SCALARS["cast"].resolve((row.dtype,), {"to": target})  # type: ignore[misc]
    return Call(overload, (row,), signature.result, signature.constants)


X, S = Ref("x", t.INT64), Ref("s", t.STRING)


def keeps(row: Row, **known: Range) -> bool:
    return may_match(row, lambda name: known[name])


def i(value: int | None) -> Const:
    return Const(value, t.INT64)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("eq", 9, False),
        ("eq", 10, True),
        ("eq", 21, False),
        ("lt", 10, False),
        ("lt", 11, True),
        ("le", 9, False),
        ("le", 10, True),
        ("gt", 20, False),
        ("gt", 19, True),
        ("ge", 21, False),
        ("ge", 20, True),
        ("ne", 10, True),
        ("eq", None, False),
    ],
)
def test_comparison_with_a_literal(name: str, value: int | None, expected: bool) -> None:
    assert keeps(call(name, X, i(value)), x=Range(10, 20)) is expected
    mirrored = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}.get(name, name)
    assert keeps(call(mirrored, i(value), X), x=Range(10, 20)) is expected


def test_logic_nulls_and_unknown_bounds() -> None:
    below, above = call("lt", X, i(5)), call("gt", X, i(5))
    assert not keeps(call("and", below, above), x=Range(6, 9))
    assert keeps(call("or", below, above), x=Range(6, 9))
    assert not keeps(call("not", call("ne", X, i(7))), x=Range(8, 9))
    assert not keeps(call("ne", X, i(7)), x=Range(7, 7))
    assert not keeps(call("is_null", X), x=Range(1, 2, nulls=False))
    assert keeps(call("is_null", X), x=Range(1, 2))
    assert not keeps(call("is_not_null", X), x=Range(valid=False))
    assert not keeps(call("eq", X, i(1)), x=Range(valid=False))
    assert keeps(call("eq", X, i(1)), x=Range())
    assert keeps(call("eq", call("add", X, i(1)), i(5)), x=Range(0, 0)), "what is not understood is kept"
    assert not keeps(call("and", call("eq", call("add", X, i(1)), i(5)), below), x=Range(6, 9))
    assert not keeps(Member(X, (1, 30), t.BOOL), x=Range(2, 29))
    assert keeps(call("not", Member(X, (1, 30), t.BOOL)), x=Range(1, 1))


def test_casts() -> None:
    day = Ref("d", t.DATE)
    noon = Const(86_400_000_000 + 5, t.timestamp("us"))
    assert not keeps(call("lt", cast(day, t.timestamp("us")), noon), d=Range(2, 9))
    assert keeps(call("lt", cast(day, t.timestamp("us")), noon), d=Range(1, 9))
    narrow = cast(Ref("n", t.INT16), t.FLOAT64)
    assert not keeps(call("gt", narrow, Const(7.5, t.FLOAT64)), n=Range(0, 7))
    assert keeps(call("gt", narrow, Const(float("nan"), t.FLOAT64)), n=Range(0, 7))


def test_strings_compare_by_bytes() -> None:
    assert keeps(call("eq", S, Const("é", t.STRING)), s=Range(b"z", "ü".encode()))
    assert not keeps(call("eq", S, Const("e", t.STRING)), s=Range(b"z", "ü".encode()))


OPERATORS = {"eq": pc.equal, "ne": pc.not_equal, "lt": pc.less, "le": pc.less_equal, "gt": pc.greater, "ge": pc.greater_equal}
EPOCH = datetime.date(1970, 1, 1)
VALUES: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "i": (pa.int32(), st.integers(-4, 4)),
    "u": (pa.uint32(), st.sampled_from([0, 1, 2**31 - 1, 2**31, 2**32 - 1])),
    "v": (pa.uint64(), st.sampled_from([0, 1, 2**63 - 1, 2**63, 2**64 - 1])),
    "f": (pa.float64(), st.sampled_from([0.0, -0.0, 1.0, float("nan"), float("inf")])),
    "b": (pa.bool_(), st.booleans()),
    "d": (pa.date32(), st.integers(-3, 3).map(lambda n: EPOCH + datetime.timedelta(n))),
    "t": (pa.timestamp("ms"), st.integers(-3, 3).map(lambda n: datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=n))),
    "s": (pa.string(), st.text(st.sampled_from("aé\U0010ffff"), max_size=3)),
}


def literal(value: Any, arrow: pa.DataType) -> Const:
    dtype = dtype_of(arrow)
    assert dtype is not None
    if dtype == t.STRING:
        return Const(value, dtype)
    return Const(convert.from_arrow(pa.array([value], arrow)).values[0].item(), dtype)


@st.composite
def predicates(draw: st.DrawFn, depth: int = 2) -> tuple[Row, Any]:
    """A predicate twice: as a row expression, and as a function of a pyarrow table to a bool array."""
    kind = draw(st.sampled_from(["compare", "null", "member", *(["and", "or", "not"] if depth else [])]))
    if kind in ("and", "or"):
        (a, f), (b, g) = draw(predicates(depth - 1)), draw(predicates(depth - 1))
        combine = pc.and_kleene if kind == "and" else pc.or_kleene
        return call(kind, a, b), lambda table: combine(f(table), g(table))
    if kind == "not":
        a, f = draw(predicates(depth - 1))
        return call("not", a), lambda table: pc.invert(f(table))
    name = draw(st.sampled_from(sorted(VALUES)))
    arrow, values = VALUES[name]
    dtype = dtype_of(arrow)
    assert dtype is not None
    if kind == "null":
        which = draw(st.sampled_from(["is_null", "is_not_null"]))
        check = pc.is_null if which == "is_null" else pc.is_valid
        return call(which, Ref(name, dtype)), lambda table: check(table[name])
    if kind == "member" and name not in ("f", "b"):
        chosen = draw(st.lists(values, max_size=3))
        physical = tuple(sorted({literal(v, arrow).value for v in chosen}))
        options = pa.array(chosen, arrow)
        inside = Member(Ref(name, dtype), physical, t.BOOL)
        return inside, lambda table: pc.if_else(pc.is_valid(table[name]), pc.is_in(table[name], options), None)
    operator, value = draw(st.sampled_from(sorted(OPERATORS))), draw(values)
    scalar = pa.scalar(value, arrow)
    # NaN is greater than all and equal to itself here, but not in pyarrow: it must merely not be lost
    compare = lambda table: pc.or_kleene(OPERATORS[operator](table[name], scalar), _nan(table[name], scalar))  # noqa: E731
    return call(operator, Ref(name, dtype), literal(value, arrow)), compare


def _nan(column: pa.ChunkedArray, scalar: pa.Scalar) -> Any:
    if not pa.types.is_floating(column.type):
        return pa.scalar(False)
    return pc.or_(pc.is_nan(column), pc.is_nan(scalar))


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_no_matching_row_is_ever_skipped(data: st.DataObject) -> None:
    count = data.draw(st.integers(0, 12))
    columns = {n: pa.array(data.draw(st.lists(st.none() | v, min_size=count, max_size=count)), a) for n, (a, v) in VALUES.items()}
    table = pa.table(columns)
    row, passes = data.draw(predicates())
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=3)
    source = _open(sink.getvalue())
    try:
        kept = [group for split in source.splits(row, 1) for piece in split.pieces for group in piece.blocks]
    finally:
        Path(source.files[0].path).unlink()
    matching = {position // 3 for position, passed in enumerate(passes(table).to_pylist()) if passed}
    assert matching <= set(kept)


def _open(content: bytes) -> ParquetSource:
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".parquet", delete=False) as file:
        file.write(content)
    return scan_parquet(file.name)


def test_something_is_skipped(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": range(100), "s": [f"{n:03}" for n in range(100)]}), tmp_path / "a.parquet", row_group_size=10)
    source = scan_parquet(tmp_path / "a.parquet")
    for row in (call("lt", X, i(15)), call("lt", S, Const("015", t.STRING)), Member(X, (3, 17), t.BOOL)):
        assert sum(split.rows or 0 for split in source.splits(row)) == 20
    nothing = source.splits(call("lt", X, i(-1)))
    assert [split.rows for split in nothing] == [0]
    chunk = nothing[0].read(("s", "x"))
    assert (chunk.length, [c.dtype for c in chunk.columns]) == (0, [t.STRING, t.INT64])


def test_a_field_of_a_struct_with_the_path_of_a_column(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a.b": ["p", "q"], "a": [{"b": "x"}, {"b": "y"}]}), path)
    for name, value in (("a.b", "p"), ("a.b", "q")):
        assert gf.scan_parquet(path).filter(gf.col(name) == value).collect().rows() == [(value, {"b": "xy"["pq".index(value)]})]
    assert gf.scan_parquet(path).select("a.b").collect().rows() == [("p",), ("q",)]


def test_float_ranges_are_not_trusted(tmp_path: Path) -> None:
    pq.write_table(pa.table({"f": [1.0, float("nan")]}), tmp_path / "a.parquet")
    source = scan_parquet(tmp_path / "a.parquet")
    f = Ref("f", t.FLOAT64)
    assert sum(s.rows or 0 for s in source.splits(call("gt", f, Const(5.0, t.FLOAT64)))) == 2
    assert source.splits(call("is_null", f))[0].rows == 0
    assert source.statistics("f").low is None
    assert source.statistics("f").nulls == 0
