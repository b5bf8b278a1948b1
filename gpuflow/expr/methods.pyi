"""Written by ``python -m gpuflow.expr.stubs`` from the declarations; do not edit."""

import builtins
from typing import Any, ClassVar

from gpuflow_kernels.scalar import ScalarFunction

from .expr import Expr
from .nodes import Aggregated, Function, Node

class Methods:
    __slots__: ClassVar[tuple[builtins.str, ...]] = ("_node",)
    _node: Node
    @classmethod
    def _of(cls, node: Node) -> Any: ...
    @property
    def dt(self) -> _DtMethods: ...
    def abs(self) -> Expr:
        """The value without its sign."""
    def add(self, y: Any) -> Expr:
        """Sum. Integers raise where the result leaves 64 bits."""
    def arccos(self) -> Expr:
        """The angle with this cosine, in radians."""
    def arcsin(self) -> Expr:
        """The angle with this sine, in radians."""
    def arctan(self) -> Expr:
        """The angle with this tangent, in radians."""
    def arctan2(self, x: Any) -> Expr:
        """The angle of the point (x, y), in radians between -pi and pi."""
    def bit_shift_left(self, y: Any) -> Expr:
        """The bits moved up by `y` places, ``x * 2**y``. Raises where that leaves 64 bits, and for a negative `y`."""
    def bit_shift_right(self, y: Any) -> Expr:
        """The bits moved down by `y` places, ``x // 2**y`` whatever the sign: 0, or -1 of negative numbers, from 64 places on.
        Raises for a negative `y`.
        """
    def cbrt(self) -> Expr:
        """Cube root."""
    def ceil(self) -> Expr:
        """The least whole number that is not below the value, in the value's type."""
    def clip(self, lower: Any, upper: Any) -> Expr:
        """The value, or the bound that it lies beyond. A null or NaN bound is no bound; NaN stays NaN."""
    def cos(self) -> Expr:
        """Cosine of an angle in radians."""
    def cosh(self) -> Expr:
        """Hyperbolic cosine."""
    def degrees(self) -> Expr:
        """An angle in radians, in degrees."""
    def eq(self, y: Any) -> Expr:
        """Whether both are the same value; NaN equals NaN."""
    def eq_missing(self, y: Any) -> Expr:
        """Whether both are the same value or both are null; never null."""
    def exp(self) -> Expr:
        """e to the power of the value."""
    def expm1(self) -> Expr:
        """``exp(x) - 1``, exact for small values."""
    def fill_null(self, value: Any) -> Expr:
        """The value, or another one where it is null."""
    def floor(self) -> Expr:
        """The greatest whole number that is not above the value, in the value's type."""
    def floordiv(self, y: Any) -> Expr:
        """Quotient rounded down. Of integers, null by zero; of floats, inf or nan."""
    def ge(self, y: Any) -> Expr:
        """Whether the first is greater or equal; NaN is, compared to everything."""
    def gt(self, y: Any) -> Expr:
        """Whether the first is greater; NaN is greater than every number."""
    def hypot(self, y: Any) -> Expr:
        """``sqrt(x * x + y * y)`` without overflow on the way."""
    def is_finite(self) -> Expr:
        """Whether the value is neither infinite nor NaN; null for null."""
    def is_infinite(self) -> Expr:
        """Whether the value is inf or -inf; null for null."""
    def is_nan(self) -> Expr:
        """Whether the value is NaN; null for null."""
    def is_not_nan(self) -> Expr:
        """Whether the value is a number; null for null."""
    def is_not_null(self) -> Expr:
        """Whether there is a value; NaN is one."""
    def is_null(self) -> Expr:
        """Whether the value is null; NaN is not."""
    def le(self, y: Any) -> Expr:
        """Whether the first is less or equal; everything is, compared to NaN."""
    def log(self, base: Any = None) -> Expr:
        """Natural logarithm, or that to a `base`."""
    def log10(self) -> Expr:
        """Logarithm to base 10."""
    def log1p(self) -> Expr:
        """``log(1 + x)``, exact for small values."""
    def log2(self) -> Expr:
        """Logarithm to base 2."""
    def lt(self, y: Any) -> Expr:
        """Whether the first is less; every number is less than NaN."""
    def mod(self, y: Any) -> Expr:
        """Remainder of ``//``, with the sign of the divisor. Of integers, null by zero; of floats, nan."""
    def mul(self, y: Any) -> Expr:
        """Product. Integers raise where the result leaves 64 bits."""
    def ne(self, y: Any) -> Expr:
        """Whether the values differ; NaN does not differ from NaN."""
    def ne_missing(self, y: Any) -> Expr:
        """Whether the values differ or just one is null; never null."""
    def neg(self) -> Expr:
        """The value with the other sign."""
    def pow(self, y: Any) -> Expr:
        """Power. An integer to a negative integer raises (cast one of them to a float)."""
    def radians(self) -> Expr:
        """An angle in degrees, in radians."""
    def round(self, digits: Any = 0) -> Expr:
        """The value rounded to a number of digits after the point, halves to the even digit."""
    def sign(self) -> Expr:
        """-1, 0 or 1; of floats as a float, NaN and -0.0 themselves."""
    def sin(self) -> Expr:
        """Sine of an angle in radians."""
    def sinh(self) -> Expr:
        """Hyperbolic sine."""
    def sqrt(self) -> Expr:
        """Square root."""
    def sub(self, y: Any) -> Expr:
        """Difference. Integers raise where the result leaves 64 bits; two dates or timestamps give a duration."""
    def tan(self) -> Expr:
        """Tangent of an angle in radians."""
    def tanh(self) -> Expr:
        """Hyperbolic tangent."""
    def truediv(self, y: Any) -> Expr:
        """Quotient in floating point; inf or nan by zero."""
    def truncate(self) -> Expr:
        """The value without its digits after the point."""
    def all(self) -> Expr:
        """Whether no value is false; nulls are skipped, and nothing gives true."""
    def any(self) -> Expr:
        """Whether one value is true; nulls are skipped, and nothing gives false."""
    def count(self) -> Expr:
        """Number of values that are not null."""
    def first(self, *, ignore_nulls: builtins.bool = False) -> Expr:
        """The value of the first row, null where that is null unless `ignore_nulls`; null for nothing."""
    def first_valid(self) -> Expr:
        """The first value that is not null; null for nothing."""
    def last(self, *, ignore_nulls: builtins.bool = False) -> Expr:
        """The value of the last row, null where that is null unless `ignore_nulls`; null for nothing."""
    def last_valid(self) -> Expr:
        """The last value that is not null; null for nothing."""
    def len(self) -> Expr:
        """Number of rows, nulls included."""
    def max(self) -> Expr:
        """Greatest value; null for nothing. NaN is skipped unless there is nothing else."""
    def mean(self) -> Expr:
        """Arithmetic mean; null for nothing. float32 has a float32 mean, every other number a float64 one."""
    def min(self) -> Expr:
        """Least value; null for nothing. NaN is skipped unless there is nothing else."""
    def n_unique(self) -> Expr:
        """Number of different values, null being one. The planner groups by the value and counts."""
    def product(self) -> Expr:
        """Product; 1 for nothing. Integers raise where it does not fit; a zero among them makes it 0 in any case."""
    def sum(self) -> Expr:
        """Sum; 0 for nothing. Integers add up to int64 (uint64 to uint64) and raise where the sum does not fit; floats add up in
        float64; truth values count as 1 and 0.
        """

class Namespace:
    __slots__: ClassVar[tuple[builtins.str, ...]] = ("_name", "_owner")
    def __init__(self, owner: Methods, name: builtins.str) -> None: ...

class _DtMethods(Namespace):
    def date(self) -> Expr:
        """The date of a timestamp."""
    def day(self) -> Expr:
        """The day of the month, 1 to 31."""
    def days_in_month(self) -> Expr:
        """Number of days of the month."""
    def hour(self) -> Expr:
        """The hour, 0 to 23."""
    def is_leap_year(self) -> Expr:
        """Whether the year has 366 days."""
    def iso_year(self) -> Expr:
        """The year that the ISO week belongs to."""
    def microsecond(self) -> Expr:
        """The fraction of the second in microseconds."""
    def millisecond(self) -> Expr:
        """The fraction of the second in milliseconds."""
    def minute(self) -> Expr:
        """The minute, 0 to 59."""
    def month(self) -> Expr:
        """The month, 1 to 12."""
    def month_end(self) -> Expr:
        """The last day of the month, at the same time of day."""
    def month_start(self) -> Expr:
        """The first day of the month, at the same time of day."""
    def nanosecond(self) -> Expr:
        """The fraction of the second in nanoseconds."""
    def ordinal_day(self) -> Expr:
        """The day of the year, 1 to 366."""
    def quarter(self) -> Expr:
        """The quarter, 1 to 4."""
    def second(self) -> Expr:
        """The second, 0 to 59."""
    def total_days(self) -> Expr:
        """Whole days of a duration, rounded towards zero."""
    def total_hours(self) -> Expr:
        """Whole hours of a duration, rounded towards zero."""
    def total_microseconds(self) -> Expr:
        """Whole microseconds of a duration, rounded towards zero."""
    def total_milliseconds(self) -> Expr:
        """Whole milliseconds of a duration, rounded towards zero."""
    def total_minutes(self) -> Expr:
        """Whole minutes of a duration, rounded towards zero."""
    def total_nanoseconds(self) -> Expr:
        """Nanoseconds of a duration."""
    def total_seconds(self) -> Expr:
        """Whole seconds of a duration, rounded towards zero."""
    def truncate(self, every: Any) -> Expr:
        """The start of the interval of length `every` that the moment lies in, as in ``dt.truncate(every="15m")``."""
    def week(self) -> Expr:
        """The ISO week, 1 to 53."""
    def weekday(self) -> Expr:
        """The day of the week, Monday 1 to Sunday 7."""
    def year(self) -> Expr:
        """The year."""

def public_methods() -> list[builtins.str]: ...
def argument_names(function: ScalarFunction) -> tuple[builtins.str, ...]: ...
def function_node(name: builtins.str, args: tuple[Any, ...], named: dict[builtins.str, Any] | None = None) -> Function: ...
def aggregated_node(
    name: builtins.str, args: tuple[Any, ...], chosen: dict[builtins.str, builtins.bool] | None = None
) -> Aggregated: ...
def as_node(value: Any, *, names: bool = False) -> Node: ...
