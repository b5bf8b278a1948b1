"""Every built-in row function, on hostile values and null patterns: the row interpreter against Polars.

Where the semantics table of the design differs from Polars the case names the reason; where Polars has no such
function the case gives the meaning in Python.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import duckdb
import polars as pl
import pytest
from gpuflow_kernels.declare.scalar import SCALARS
from gpuflow_kernels.dtypes import BY_NAME, DType
from gpuflow_kernels.errors import ArithmeticOverflowError

from tests.oracle import call

from .values import NULLS, columns, domain, physical, polars_type, ref, same_value, series, value_of

Function = Callable[..., Any]


@dataclass(frozen=True)
class Case:
    """`name` applied to columns of `types`, against `polars` (a function of expressions) or `python` (of values).

    `exact` gives the exact integer: where it leaves the result's type the function must raise. `result` names our
    result type where it is not Polars', and `reason` says why. `values` replaces the domain of an argument.
    """

    name: str
    types: tuple[str, ...]
    polars: Function | None = None
    python: Function | None = None
    exact: Function | None = None
    params: tuple[tuple[str, Any], ...] = ()
    result: str | None = None
    reason: str = ""
    values: tuple[list[Any] | None, ...] = ()

    def __str__(self) -> str:
        return "-".join([self.name, *self.types, *(str(v) for _, v in self.params)])


CASES: list[Case] = []


def case(name: str, signatures: str, polars: Function | None = None, **more: Any) -> None:
    """One case for each signature, written ``"int64 int64, float64 int8"``."""
    for signature in signatures.split(","):
        CASES.append(Case(name, tuple(signature.split()), polars, **more))


WIDER = {"reason": "narrower integers compute in int64", "result": "int64"}

# -- arithmetic
for name, op in {"add": lambda x, y: x + y, "sub": lambda x, y: x - y, "mul": lambda x, y: x * y}.items():
    case(name, "int64 int64, uint64 uint64", op, exact=op)
    case(name, "int8 int8, int32 uint16, uint32 uint8", None, exact=op, **WIDER)
    case(name, "uint64 uint8, uint16 uint64", None, exact=op, result="uint64", reason="uint64 computes in uint64")
    case(name, "uint64 int64, int8 uint64", None, exact=op, result="int64", reason="with a signed type in int64, or raises",
         values=([0, 1, 5], [0, 3, 5]))  # fmt: skip
    case(name, "float64 float64, float32 float32, int64 float64, int8 float32, float32 float64", op)
case("truediv", "int64 int64, float64 float64, float32 float32, int32 float32, uint64 int64", lambda x, y: x / y)
SMALL = [0, 1, -1, 2, 7, -7, 2**62, -(2**63), 2**63 - 1]
case("floordiv", "int64 int64", lambda x, y: x // y, exact=lambda x, y: x // y if y else None, values=(SMALL, SMALL))
case("floordiv", "uint64 uint64, float64 float64", lambda x, y: x // y)
case("floordiv", "int8 int8", None, exact=lambda x, y: x // y if y else None, **WIDER)
case("mod", "int64 int64, uint64 uint64", lambda x, y: x % y)
case("mod", "float64 float64", lambda x, y: x % y, values=([1.0, -2.5, 0.3, 7.0, math.nan, math.inf], [0.1, 2.0, -3.0, 0.0, 7.0]))
EXPONENTS = [0, 1, 2, 3, 5, 31, 63, 64]
case("pow", "int64 int64", None, exact=lambda x, y: x**y, result="int64", reason="exact or raises", values=(None, EXPONENTS))
case("pow", "uint64 uint64", None, exact=lambda x, y: x**y, result="uint64", reason="exact or raises", values=(None, EXPONENTS))
case("pow", "float64 float64, int64 float64", lambda x, y: x**y, values=(None, [0.0, 1.0, 2.0, 3.0, -1.0, 0.5, 2.5, math.nan]))
case("neg", "int64", lambda x: -x, exact=lambda x: -x)
case("neg", "int8, uint8, uint64", None, exact=lambda x: -x, values=([0, 1, 100],), **WIDER)
case("neg", "float64, float32, duration[us]", lambda x: -x)
case("abs", "int64", lambda x: x.abs(), exact=abs)
case("abs", "int8", None, exact=abs, **WIDER)
case("abs", "uint64, float64, float32, duration[ms]", lambda x: x.abs())
case("sign", "int64, float64, float32", lambda x: x.sign())
case("sign", "uint64, int8", lambda x: x.sign(), **WIDER)

# -- comparison and logic
COMPARED = (
    "int64 int64, int8 int64, uint64 uint64, int64 uint64, uint64 int64, float64 float64, float32 float32, int8 float64, "
    "bool bool, string string, date date, timestamp[us] timestamp[us], date timestamp[us], duration[us] duration[us]"
)
FINER = "units are rescaled to the finer one; Polars takes the coarser and loses ticks"
for name in ("eq", "ne", "lt", "le", "gt", "ge"):
    case(name, COMPARED, lambda x, y, name=name: getattr(x, name)(y))
    case(name, "timestamp[ms] timestamp[us], duration[ms] duration[us]", reason=FINER,
         python=lambda x, y, name=name: getattr(operator, name)(x * 1000, y))  # fmt: skip
for name in ("eq_missing", "ne_missing"):
    case(name, "int64 int64, float64 float64, bool bool, string string", lambda x, y, name=name: getattr(x, name)(y))
BOTH = "bool bool, int64 int64, uint64 uint64, int8 int8"
case("and", BOTH, lambda x, y: x & y)
case("or", BOTH, lambda x, y: x | y)
case("xor", BOTH, lambda x, y: x ^ y)
case("not", "bool, int64, uint8, uint64", lambda x: ~x)
PLACES = [0, 1, 2, 31, 62, 63, 64, 70]
OURS = "shifts are tested against DuckDB below"
case("bit_shift_left", "int64 int64, int8 uint8, int32 uint64", exact=lambda x, y: x << y, result="int64", reason=OURS,
     values=(None, PLACES))  # fmt: skip
case("bit_shift_left", "uint64 int8", exact=lambda x, y: x << y, result="uint64", reason=OURS, values=(None, PLACES))
case("bit_shift_right", "int64 int64, uint8 int8", exact=lambda x, y: x >> y, result="int64", reason=OURS, values=(None, PLACES))
case("bit_shift_right", "uint64 uint64", exact=lambda x, y: x >> y, result="uint64", reason=OURS, values=(None, PLACES))
EVERY = "bool, int8, uint64, float32, float64, string, date, timestamp[us], duration[ms]"
case("is_null", EVERY, lambda x: x.is_null())
case("is_not_null", EVERY, lambda x: x.is_not_null())
for name in ("is_nan", "is_not_nan", "is_finite", "is_infinite"):
    case(name, "float64, float32, int64, uint64", lambda x, name=name: getattr(x, name)())

# -- selection
PAIRS = ("bool bool, int64 int64, int8 int64, float64 float64, int64 float64, string string, date date, "
         "timestamp[us] timestamp[us]")  # fmt: skip
case("fill_null", PAIRS, lambda x, y: x.fill_null(y))
case("coalesce", PAIRS, lambda x, y: pl.coalesce(x, y))
case("when", "bool int64 int64, bool string string, bool int8 float64", lambda c, x, y: pl.when(c).then(x).otherwise(y),
     values=(None,))  # fmt: skip
FEW = [math.nan, -1.0, 0.5, math.inf]
case("clip", "int64 int64 int64", lambda x, a, b: x.clip(a, b), values=(None, [-7, 0, 5], [-3, 5, 9]))
case("clip", "float64 float64 float64", lambda x, a, b: x.clip(a, b), values=(None, FEW, FEW))
for name in ("min_horizontal", "max_horizontal"):
    case(name, "int64 int64, float64 float64, int64 float64, date date",
         lambda x, y, name=name: getattr(pl, name)(x, y))  # fmt: skip
    case(name, "string string", None, python=min if name == "min_horizontal" else max,
         reason="Polars refuses strings")  # fmt: skip

# -- mathematics
for name in ("sqrt cbrt exp log log10 log1p sin cos tan arcsin arccos arctan sinh cosh tanh degrees radians").split():
    finite = [0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -2.5, 700.0, math.nan, math.inf, -math.inf]
    case(name, "float64, float32, int64", lambda x, name=name: getattr(x, name)(), values=(None,) if name == "sqrt" else (
        finite if name not in ("exp", "sinh", "cosh") else finite[:7],))  # fmt: skip
    if name != "sqrt":
        CASES[-1] = Case(name, ("int64",), CASES[-1].polars, values=([0, 1, -1, 2, 20],))
case("log", "float64, float32", lambda x: x.log(2), params=(("base", 2),), values=([0.0, 1.0, 3.0, 8.0, -1.0, math.inf],))
case("log2", "float64", lambda x: x.log(2), values=([0.0, 1.0, 3.0, 8.0, -1.0, math.inf],))
case("expm1", "float64", python=math.expm1, values=([0.0, 1e-10, 1.0, -50.0],))
case("hypot", "float64 float64", python=math.hypot, values=([3.0, 1e200, -1.0], [4.0, 1e200, 0.0]))
case("arctan2", "float64 float64", lambda y, x: pl.arctan2(y, x), values=([0.0, -0.0, 1.0, -2.0], [0.0, -0.0, 3.0, -1.0]))
for digits in (0, 1, 2, 15):
    case("round", "float64", lambda x, d=digits: x.round(d), params=(("digits", digits),),
         values=([0.5, 1.5, 2.5, -0.5, 2.675, 1.005, 0.125, 0.375, 0.15, 1e300, 1e17, math.nan, -math.inf],))  # fmt: skip
case("round", "int64, uint8", lambda x: x.round(0))
case("floor", "float64, float32, int64, uint8", lambda x: x.floor())
case("ceil", "float64, float32, int64, uint8", lambda x: x.ceil())
case("truncate", "float64, float32", lambda x: x.truncate(0))
case("truncate", "int64", python=lambda x: x)

# -- dates, timestamps, durations
MOMENTS = "date, timestamp[ms], timestamp[us], timestamp[ns]"
for name in ("year quarter month week weekday day ordinal_day iso_year is_leap_year days_in_month date "
             "month_start month_end century millennium").split():  # fmt: skip
    case(f"dt.{name}", MOMENTS, lambda x, name=name: getattr(x.dt, name)())
for name in "hour minute second millisecond microsecond nanosecond".split():
    case(f"dt.{name}", "timestamp[ms], timestamp[us], timestamp[ns]", lambda x, name=name: getattr(x.dt, name)())
for name in "days hours minutes seconds milliseconds microseconds nanoseconds".split():
    case(f"dt.total_{name}", "duration[ms], duration[us], duration[ns]", lambda x, n=name: getattr(x.dt, f"total_{n}")())
for every in ("1d", "3d", "1w", "2w", "1mo", "5mo", "1q", "1y", "3y"):
    case("dt.truncate", MOMENTS, lambda x, e=every: x.dt.truncate(e), params=(("every", every),))
for every in ("1h", "7h", "15m", "90s", "250ms", "1h30m"):
    case("dt.truncate", "timestamp[ms], timestamp[us], timestamp[ns]", lambda x, e=every: x.dt.truncate(e),
         params=(("every", every),))  # fmt: skip
for every in ("1d", "3d", "1w", "2w", "1mo", "5mo", "1q", "1y"):
    case("dt.round", MOMENTS, lambda x, e=every: x.dt.round(e), params=(("every", every),))
for every in ("1h", "7h", "15m", "250ms"):
    case("dt.round", "timestamp[ms], timestamp[us], timestamp[ns]", lambda x, e=every: x.dt.round(e), params=(("every", every),))
for by in ("1mo", "-1mo", "13mo", "-1y1q2w3d", "25h", "-1d", "0d"):
    case("dt.offset_by", MOMENTS, lambda x, b=by: x.dt.offset_by(b), params=(("by", by),))
case("dt.offset_by", "timestamp[us], timestamp[ns]", lambda x: x.dt.offset_by("-1mo2d3h4m5s6ms7us"),
     params=(("by", "-1mo2d3h4m5s6ms7us"),))  # fmt: skip
for unit in ("s", "ms", "us", "ns", "d"):
    case("dt.epoch", "date, timestamp[ms], timestamp[us]", lambda x, u=unit: x.dt.epoch(u), params=(("unit", unit),))
for unit in ("ms", "us", "ns"):
    case("dt.timestamp", MOMENTS, lambda x, u=unit: x.dt.timestamp(u), params=(("unit", unit),))
    case("dt.cast_time_unit", "timestamp[ms], timestamp[us], timestamp[ns], duration[ms], duration[ns]",
         lambda x, u=unit: x.dt.cast_time_unit(u), params=(("unit", unit),))  # fmt: skip
    case("dt.with_time_unit", "timestamp[ms], duration[us]", None, python=lambda x: x, params=(("unit", unit),),
         reason="Polars has removed it")  # fmt: skip
BERLIN = {"params": (("zone", "Europe/Berlin"), ("ambiguous", "earliest"), ("non_existent", "null"))}
for unit in ("ms", "us", "ns"):
    case("dt.replace_time_zone", f"timestamp[{unit}]",
         lambda x: x.dt.replace_time_zone("Europe/Berlin", ambiguous="earliest", non_existent="null"),
         result=f"timestamp[{unit}, Europe/Berlin]", **BERLIN)  # fmt: skip
    case("dt.convert_time_zone", f"timestamp[{unit}]", lambda x: x.dt.convert_time_zone("Asia/Tokyo"),
         result=f"timestamp[{unit}, Asia/Tokyo]", params=(("zone", "Asia/Tokyo"),))  # fmt: skip
case("sub", "date date, timestamp[us] timestamp[us], date timestamp[ms], timestamp[us] duration[us], date duration[us], "
     "duration[ns] duration[ns]", lambda x, y: x - y)  # fmt: skip
case("add", "timestamp[us] duration[us], duration[us] timestamp[us], date duration[us], duration[ms] date, "
     "duration[us] duration[us]", lambda x, y: x + y)  # fmt: skip
case("sub", "timestamp[ms] timestamp[us]", None, python=lambda x, y: x * 1000 - y, result="duration[us]",
     reason=FINER)  # fmt: skip
case("mul", "duration[us] int64, int8 duration[us]", lambda x, y: x * y, exact=lambda x, y: x * y)
case("mul", "duration[us] float64, float64 duration[us]", lambda x, y: x * y, values=([0.5, 2.0, -1.5], [3, -5, 7]))
CASES[-2] = Case(CASES[-2].name, CASES[-2].types, CASES[-2].polars, values=([3, -5, 7], [0.5, 2.0, -1.5]))
case("truediv", "duration[us] duration[us]", lambda x, y: x / y)
case("truediv", "duration[us] int64", lambda x, y: x / y, values=(None, [1, 2, -3, 7]))


def our_type(theirs: Any) -> DType:
    """The type of the same meaning as a Polars type."""
    return next(d for d in BY_NAME.values() if d.kind != "null" and d.unit != "s" and polars_type(d) == theirs)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_function(case: Case) -> None:
    for nulls in NULLS:
        check(case, nulls)


def check(case: Case, nulls: str) -> None:
    """Compare a function with Polars, or with what its case says, on all combinations of values with nulls like that."""
    types = [BY_NAME[t] for t in case.types]
    tree = call(case.name, *(ref(k, d) for k, d in enumerate(types)), **dict(case.params))
    data = columns(case.types, nulls, case.values)
    rows = list(zip(*data, strict=True))
    frame = pl.DataFrame({f"c{k}": series(d, t) for k, (d, t) in enumerate(zip(data, types, strict=True))})
    expected: list[Any] | None = None
    if case.polars is not None:
        answer = frame.select(r=case.polars(*(pl.col(f"c{k}") for k in range(len(types)))))["r"]
        assert str(tree.dtype) == case.result if case.result else tree.dtype == our_type(answer.dtype)
        expected = physical(answer)
    else:
        assert case.reason or case.python, "a case without Polars names its reason"
        assert case.result is None or str(tree.dtype) == case.result
    for number, row in enumerate(rows):
        exact = case.exact(*row) if case.exact and None not in row else None
        if exact is not None and not tree.dtype.bounds[0] <= exact <= tree.dtype.bounds[1]:
            with pytest.raises(ArithmeticOverflowError, match=f"{case.name} does not fit {tree.dtype}".replace("[", r"\[")):
                value_of(tree, row)
            continue
        ours = value_of(tree, row)
        if expected is not None:
            theirs = expected[number]
        elif case.python is not None and case.name.endswith("_horizontal"):
            present = [v for v in row if v is not None]
            theirs = case.python(present) if present else None
        else:
            theirs = (case.exact or case.python)(*row) if None not in row else None  # type: ignore[misc]
        assert same_value(ours, theirs, tree.dtype), (nulls, row, ours, theirs)


def test_every_function_has_a_case() -> None:
    elsewhere = {"cast", "dt.local", "upper_half", "lower_half", "of_halves"}  # test_casts.py, test_zones.py, test_decimals.py
    elsewhere |= {"dt.base_utc_offset", "dt.dst_offset"}  # tests/frame/test_time.py
    elsewhere |= {"date", "datetime"}  # tests/frame/test_time_of_parts.py
    tested = {c.name for c in CASES} | elsewhere
    numeric = {n: f for n, f in SCALARS.items() if not f.overloads[0].of_text}  # the others: tests/frame/test_strings.py
    own = {n for n, f in numeric.items() if f.overloads[0].rule.__module__.startswith("gpuflow_kernels")}
    assert own <= tested


@pytest.mark.parametrize(("x", "y"), [(2, -1), (0, -2), (5, -(2**63))])
def test_negative_integer_power_raises(x: int, y: int) -> None:
    with pytest.raises(ArithmeticOverflowError, match="pow"):
        value_of(call("pow", ref(0, "int64"), ref(1, "int64")), (x, y))


@pytest.mark.parametrize("name", ["bit_shift_left", "bit_shift_right"])
@pytest.mark.parametrize("x", [0, 1, -5])
def test_a_shift_by_a_negative_number_raises(name: str, x: int) -> None:
    with pytest.raises(ArithmeticOverflowError, match=name):
        value_of(call(name, ref(0, "int64"), ref(1, "int64")), (x, -1))


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
@pytest.mark.parametrize(("name", "symbol"), [("bit_shift_left", "<<"), ("bit_shift_right", ">>")])
def test_shifts_are_those_of_duckdb_wherever_it_has_a_number(name: str, symbol: str, dtype: str) -> None:
    """Where DuckDB raises we may have an exact number (-3 << 1); it gives 0 for -3 >> 64, and for any number >> -1."""
    theirs = {"int64": "bigint", "uint64": "ubigint"}[dtype]
    tree, compared = call(name, ref(0, dtype), ref(1, "int64")), 0
    for x, y in itertools.product(domain(BY_NAME[dtype]), PLACES):
        try:
            ((expected,),) = duckdb.sql(f"select ({x})::{theirs} {symbol} {y}::{theirs}").fetchall()
        except duckdb.OutOfRangeException:
            continue
        if not (x < 0 and y > 63):
            assert value_of(tree, (x, y)) == expected, (x, y)
            compared += 1
    assert compared > 50


def test_uint64_beside_signed_raises_where_it_does_not_fit() -> None:
    tree = call("add", ref(0, "uint64"), ref(1, "int64"))
    assert value_of(tree, (2**62, 1)) == 2**62 + 1
    with pytest.raises(ArithmeticOverflowError, match="int64"):
        value_of(tree, (2**63, -1))


def test_overflow_only_counts_on_the_branch_taken() -> None:
    risky = call("mul", ref(0, "int64"), ref(0, "int64"))
    tree = call("when", call("lt", ref(0, "int64"), ref(1, "int64")), risky, ref(1, "int64"))
    assert value_of(tree, (2**40, 10)) == 10
    assert value_of(tree, (None, 10)) == 10
    with pytest.raises(ArithmeticOverflowError):
        value_of(tree, (2**40, 2**41))


def test_truncation_names_what_is_wrong_with_an_interval() -> None:
    for every, message in {"1x": "no interval", "1mo2d": "mixes", "0d": "not above zero", "15m": "a date has no parts"}.items():
        with pytest.raises(ValueError, match=message):
            call("dt.truncate", ref(0, "date"), every=every)
    with pytest.raises(ValueError, match="finer unit"):
        call("dt.truncate", ref(0, "timestamp[ms]"), every="1500us")
