"""Written by ``python -m gpuflow.expr.stubs`` from the declarations; do not edit."""

import builtins
import inspect
from typing import Any, ClassVar, Generic, TypeVar

from gpuflow_kernels.declare.aggregate import AggregateFunction
from gpuflow_kernels.declare.scalar import ScalarFunction

from .nodes import Aggregated, Function, Node

ExprT = TypeVar("ExprT")

class Methods(Generic[ExprT]):
    __slots__: ClassVar[tuple[builtins.str, ...]] = ("_node",)
    _node: Node
    @classmethod
    def _of(cls, node: Node) -> Any: ...
    @property
    def dt(self) -> _DtMethods[ExprT]: ...
    @property
    def str(self) -> _StrMethods[ExprT]: ...
    def abs(self) -> ExprT:
        """Return the value without its sign."""
    def add(self, y: Any) -> ExprT:
        """Add both. Integers raise where the result leaves 64 bits."""
    def arccos(self) -> ExprT:
        """Return the angle with this cosine, in radians."""
    def arcsin(self) -> ExprT:
        """Return the angle with this sine, in radians."""
    def arctan(self) -> ExprT:
        """Return the angle with this tangent, in radians."""
    def arctan2(self, x: Any) -> ExprT:
        """Return the angle of the point (x, y), in radians between -pi and pi."""
    def bit_shift_left(self, y: Any) -> ExprT:
        """Return the bits moved up by `y` places, ``x * 2**y``. Raises where that leaves 64 bits, and for a negative `y`."""
    def bit_shift_right(self, y: Any) -> ExprT:
        """Return the bits moved down by `y` places, ``x // 2**y`` whatever the sign: 0, or -1 of negative numbers, from 64
        places on.
        """
    def cbrt(self) -> ExprT:
        """Return the cube root."""
    def ceil(self) -> ExprT:
        """Return the least whole number that is not below the value, in the value's type."""
    def clip(self, lower: Any, upper: Any) -> ExprT:
        """Return the value, or the bound that it lies beyond. A null or NaN bound is no bound; NaN stays NaN."""
    def cos(self) -> ExprT:
        """Return the cosine of an angle in radians."""
    def cosh(self) -> ExprT:
        """Return the hyperbolic cosine."""
    def degrees(self) -> ExprT:
        """Convert an angle in radians to degrees."""
    def eq(self, y: Any) -> ExprT:
        """Return whether both are the same value; NaN equals NaN."""
    def eq_missing(self, y: Any) -> ExprT:
        """Return whether both are the same value or both are null; never null."""
    def exp(self) -> ExprT:
        """Raise e to the power of the value."""
    def expm1(self) -> ExprT:
        """Compute ``exp(x) - 1``, exact for small values."""
    def floor(self) -> ExprT:
        """Return the greatest whole number that is not above the value, in the value's type."""
    def floordiv(self, y: Any) -> ExprT:
        """Divide and round down. Of integers, null by zero; of floats, inf or nan."""
    def ge(self, y: Any) -> ExprT:
        """Return whether the first is greater or equal; NaN is, compared to everything."""
    def gt(self, y: Any) -> ExprT:
        """Return whether the first is greater; NaN is greater than every number."""
    def hypot(self, y: Any) -> ExprT:
        """Compute ``sqrt(x * x + y * y)`` without overflow on the way."""
    def is_finite(self) -> ExprT:
        """Return whether the value is neither infinite nor NaN; null for null."""
    def is_infinite(self) -> ExprT:
        """Return whether the value is inf or -inf; null for null."""
    def is_nan(self) -> ExprT:
        """Return whether the value is NaN; null for null."""
    def is_not_nan(self) -> ExprT:
        """Return whether the value is a number; null for null."""
    def is_not_null(self) -> ExprT:
        """Return whether there is a value; NaN is one."""
    def is_null(self) -> ExprT:
        """Return whether the value is null; NaN is not."""
    def le(self, y: Any) -> ExprT:
        """Return whether the first is less or equal; everything is, compared to NaN."""
    def log(self, base: Any = None) -> ExprT:
        """Return the natural logarithm, or that to a `base`."""
    def log10(self) -> ExprT:
        """Return the logarithm to base 10."""
    def log1p(self) -> ExprT:
        """Compute ``log(1 + x)``, exact for small values."""
    def log2(self) -> ExprT:
        """Return the logarithm to base 2."""
    def lt(self, y: Any) -> ExprT:
        """Return whether the first is less; every number is less than NaN."""
    def mod(self, y: Any) -> ExprT:
        """Return the remainder of ``//``, with the sign of the divisor. Of integers, null by zero; of floats, nan."""
    def mul(self, y: Any) -> ExprT:
        """Multiply both. Integers raise where the result leaves 64 bits."""
    def ne(self, y: Any) -> ExprT:
        """Return whether the values differ; NaN does not differ from NaN."""
    def ne_missing(self, y: Any) -> ExprT:
        """Return whether the values differ or just one is null; never null."""
    def neg(self) -> ExprT:
        """Return the value with the other sign."""
    def pow(self, y: Any) -> ExprT:
        """Raise to a power. An integer to a negative integer raises (cast one of them to a float)."""
    def radians(self) -> ExprT:
        """Convert an angle in degrees to radians."""
    def round(self, digits: builtins.int = 0) -> ExprT:
        """Return the value rounded to a number of digits after the point, halves to the even digit."""
    def sign(self) -> ExprT:
        """Return the sign: -1, 0 or 1; of floats as a float, NaN and -0.0 themselves."""
    def sin(self) -> ExprT:
        """Return the sine of an angle in radians."""
    def sinh(self) -> ExprT:
        """Return the hyperbolic sine."""
    def sqrt(self) -> ExprT:
        """Return the square root."""
    def sub(self, y: Any) -> ExprT:
        """Subtract the second from the first."""
    def tan(self) -> ExprT:
        """Return the tangent of an angle in radians."""
    def tanh(self) -> ExprT:
        """Return the hyperbolic tangent."""
    def truediv(self, y: Any) -> ExprT:
        """Divide in floating point; inf or nan by zero."""
    def truncate(self) -> ExprT:
        """Return the value without its digits after the point."""
    def all(self, *, filter: Any = None, distinct: builtins.bool = False) -> ExprT:
        """Return whether no value is false; nulls are skipped, and nothing gives true."""
    def any(self, *, filter: Any = None, distinct: builtins.bool = False) -> ExprT:
        """Return whether one value is true; nulls are skipped, and nothing gives false."""
    def count(self, *, filter: Any = None, distinct: builtins.bool = False) -> ExprT:
        """Return the number of values that are not null."""
    def first(self, *, ignore_nulls: builtins.bool = False, filter: Any = None) -> ExprT:
        """Return the value of the first row, null where that is null unless `ignore_nulls`; null for no values."""
    def first_valid(self, *, filter: Any = None) -> ExprT:
        """Return the first value that is not null; null for no values."""
    def last(self, *, ignore_nulls: builtins.bool = False, filter: Any = None) -> ExprT:
        """Return the value of the last row, null where that is null unless `ignore_nulls`; null for no values."""
    def last_valid(self, *, filter: Any = None) -> ExprT:
        """Return the last value that is not null; null for no values."""
    def len(self, *, filter: Any = None) -> ExprT:
        """Return the number of rows, nulls included."""
    def max(self, *, filter: Any = None, distinct: builtins.bool = False) -> ExprT:
        """Return the greatest value; null for no values. NaN is skipped unless there is nothing else."""
    def mean(self, *, filter: Any = None, distinct: builtins.bool = False) -> ExprT:
        """Return the arithmetic mean; null for no values. float32 has a float32 mean, every other number a float64 one."""
    def median(self, *, filter: Any = None, distinct: builtins.bool = False) -> ExprT:
        """Return the value in the middle, or halfway between two; null for no values. Nulls are skipped, NaN is the greatest."""
    def min(self, *, filter: Any = None, distinct: builtins.bool = False) -> ExprT:
        """Return the least value; null for no values. NaN is skipped unless there is nothing else."""
    def n_unique(self, *, filter: Any = None, distinct: builtins.bool = False) -> ExprT:
        """Return the number of different values, null being one."""
    def product(self, *, filter: Any = None, distinct: builtins.bool = False) -> ExprT:
        """Multiply all values; 1 for no values. Integers raise where it does not fit; a zero among them makes it 0 in any
        case.
        """
    def quantile(
        self, q: builtins.float, interpolation: builtins.str = "nearest", *, filter: Any = None, distinct: builtins.bool = False
    ) -> ExprT:
        """Return the value below which a part `q` of the values lies; null for no values. Nulls are skipped, NaN is the
        greatest.
        """
    def std(self, ddof: builtins.int = 1, *, filter: Any = None, distinct: builtins.bool = False) -> ExprT:
        """Return the standard deviation; null for groups of at most `ddof` values."""
    def sum(self, *, filter: Any = None, distinct: builtins.bool = False) -> ExprT:
        """Add up all values; 0 for no values."""
    def var(self, ddof: builtins.int = 1, *, filter: Any = None, distinct: builtins.bool = False) -> ExprT:
        """Return the variance; null for groups of at most `ddof` values."""

class Unfinished:
    __slots__: ClassVar[tuple[builtins.str, ...]] = ()
    def _complaint(self) -> builtins.str: ...

class Namespace(Generic[ExprT]):
    __slots__: ClassVar[tuple[builtins.str, ...]] = ("_owner",)
    _name: ClassVar[builtins.str]
    _owner: Methods[ExprT]
    def __init__(self, owner: Methods[ExprT]) -> None: ...
    def __getitem__(self, key: Any) -> Any: ...

class _DtMethods(Namespace[ExprT]):
    def base_utc_offset(self) -> ExprT:
        """Return how far local time is ahead of UTC without summer time, as a duration in milliseconds."""
    def cast_time_unit(self, unit: Any) -> ExprT:
        """Convert to another unit (``s``, ``ms``, ``us``, ``ns``), keeping the moment or length."""
    def century(self) -> ExprT:
        """Return the century: 20 for the year 2000, 21 for 2001."""
    def convert_time_zone(self, zone: Any) -> ExprT:
        """Return the same instant in another zone; a timestamp without a zone is taken for UTC."""
    def date(self) -> ExprT:
        """Return the date of a timestamp, where one with a zone is: in local time."""
    def day(self) -> ExprT:
        """Return the day of the month, 1 to 31."""
    def days_in_month(self) -> ExprT:
        """Return the number of days of the month."""
    def dst_offset(self) -> ExprT:
        """Return what summer time adds to the offset from UTC, as a duration in milliseconds."""
    def epoch(self, unit: builtins.str = "us") -> ExprT:
        """Return how long after 1970-01-01 in UTC, as a whole number of ``d``, ``s``, ``ms``, ``us`` or ``ns``, rounded down."""
    def hour(self) -> ExprT:
        """Return the hour, 0 to 23."""
    def is_leap_year(self) -> ExprT:
        """Return whether the year has 366 days."""
    def iso_year(self) -> ExprT:
        """Return the year that the ISO week belongs to."""
    def microsecond(self) -> ExprT:
        """Return the fraction of the second in microseconds."""
    def millennium(self) -> ExprT:
        """Return the millennium: 2 for the year 2000, 3 for 2001."""
    def millisecond(self) -> ExprT:
        """Return the fraction of the second in milliseconds."""
    def minute(self) -> ExprT:
        """Return the minute, 0 to 59."""
    def month(self) -> ExprT:
        """Return the month, 1 to 12."""
    def month_end(self) -> ExprT:
        """Return the last day of the month, at the same time of day."""
    def month_start(self) -> ExprT:
        """Return the first day of the month, at the same time of day."""
    def nanosecond(self) -> ExprT:
        """Return the fraction of the second in nanoseconds."""
    def offset_by(self, by: Any) -> ExprT:
        """Return the moment a length of time later, as in ``dt.offset_by("1mo2d3h")``, or earlier with a minus sign in front."""
    def ordinal_day(self) -> ExprT:
        """Return the day of the year, 1 to 366."""
    def quarter(self) -> ExprT:
        """Return the quarter, 1 to 4."""
    def replace_time_zone(self, zone: Any, ambiguous: builtins.str = "raise", non_existent: builtins.str = "raise") -> ExprT:
        """Return the same local time in another zone, or without one for ``zone=None``."""
    def round(self, every: Any) -> ExprT:
        """Return the nearest start of an interval of length `every`, the later one from the middle on."""
    def second(self) -> ExprT:
        """Return the second, 0 to 59."""
    def strftime(self, format: Any) -> ExprT:
        """Write the date or timestamp as text in a `format` such as ``"%d %b %Y"``, with English names."""
    def timestamp(self, unit: builtins.str = "us") -> ExprT:
        """Return how long after 1970-01-01 in UTC, as a whole number of ``s``, ``ms``, ``us`` or ``ns``, rounded down."""
    def to_string(self, format: Any = None) -> ExprT:
        """Write the date or timestamp as text, in a `format` or as ISO 8601 has it."""
    def total_days(self) -> ExprT:
        """Return the whole days of a duration, rounded towards zero."""
    def total_hours(self) -> ExprT:
        """Return the whole hours of a duration, rounded towards zero."""
    def total_microseconds(self) -> ExprT:
        """Return the whole microseconds of a duration, rounded towards zero."""
    def total_milliseconds(self) -> ExprT:
        """Return the whole milliseconds of a duration, rounded towards zero."""
    def total_minutes(self) -> ExprT:
        """Return the whole minutes of a duration, rounded towards zero."""
    def total_nanoseconds(self) -> ExprT:
        """Return the nanoseconds of a duration."""
    def total_seconds(self) -> ExprT:
        """Return the whole seconds of a duration, rounded towards zero."""
    def truncate(self, every: Any) -> ExprT:
        """Return the start of the interval of length `every` that the moment lies in, as in ``dt.truncate("15m")``."""
    def week(self) -> ExprT:
        """Return the ISO week, 1 to 53."""
    def weekday(self) -> ExprT:
        """Return the day of the week, Monday 1 to Sunday 7."""
    def with_time_unit(self, unit: Any) -> ExprT:
        """Return the same number of ticks, of another unit (``s``, ``ms``, ``us``, ``ns``): another moment or length."""
    def year(self) -> ExprT:
        """Return the year."""

class _StrMethods(Namespace[ExprT]):
    def contains(self, pattern: Any, literal: builtins.bool = False, strict: builtins.bool = True) -> ExprT:
        """Return whether a regular expression, or with ``literal=True`` a string, is found in the string."""
    def count_matches(self, pattern: Any, literal: builtins.bool = False) -> ExprT:
        """Count how many times, without overlap, a regular expression or with ``literal=True`` a string is found in the
        string.
        """
    def ends_with(self, suffix: Any) -> ExprT:
        """Return whether the string ends with `suffix`."""
    def extract(self, pattern: Any, group_index: builtins.int = 1) -> ExprT:
        """Return what a group of a regular expression takes in its first match: group 0 is the whole match."""
    def find(self, pattern: Any, literal: builtins.bool = False, strict: builtins.bool = True) -> ExprT:
        """Return the number of bytes before the first match of a regular expression, or with ``literal=True`` of a string."""
    def head(self, n: Any) -> ExprT:
        """Return the first `n` characters; for a negative `n` all but the last `-n`."""
    def ilike(self, pattern: Any) -> ExprT:
        """Match as `like` does, with small and capital letters taken for the same."""
    def len_bytes(self) -> ExprT:
        """Return the number of bytes in UTF-8."""
    def len_chars(self) -> ExprT:
        """Return the number of characters (code points)."""
    def like(self, pattern: Any) -> ExprT:
        """Return whether the whole string is like an SQL pattern."""
    def pad_end(self, length: Any, fill_char: builtins.str = " ") -> ExprT:
        """Return the string with `fill_char` after it, as often as makes it `length` characters long; longer ones stay as they
        are.
        """
    def pad_start(self, length: Any, fill_char: builtins.str = " ") -> ExprT:
        """Return the string with `fill_char` before it, as often as makes it `length` characters long; longer ones stay as
        they are.
        """
    def replace(self, pattern: Any, value: Any, literal: builtins.bool = False, n: builtins.int = 1) -> ExprT:
        """Replace the first `n` matches of a regular expression, or of a string (``literal=True``)."""
    def replace_all(self, pattern: Any, value: Any, literal: builtins.bool = False) -> ExprT:
        """Replace every match of a regular expression, or of a string (``literal=True``); see `replace`."""
    def reverse(self) -> ExprT:
        """Return the characters (code points) in the opposite order. Combining marks therefore go to the character before
        them.
        """
    def slice(self, offset: Any, length: Any = None) -> ExprT:
        """Take `length` characters from the one at `offset` on (0 is the first; negative counts from the end), or all of them."""
    def split_part(self, by: Any, index: Any) -> ExprT:
        """Return the part number `index` of the string split at every `by`, as DuckDB's ``split_part``: 1 is the first, -1 the
        last.
        """
    def starts_with(self, prefix: Any) -> ExprT:
        """Return whether the string begins with `prefix`."""
    def strip_chars(self, characters: Any = None) -> ExprT:
        """Return the string without any of `characters` (by default white space) at both ends."""
    def strip_chars_end(self, characters: Any = None) -> ExprT:
        """Return the string without any of `characters` (by default white space) at its end."""
    def strip_chars_start(self, characters: Any = None) -> ExprT:
        """Return the string without any of `characters` (by default white space) at its begin."""
    def strip_prefix(self, prefix: Any) -> ExprT:
        """Return the string without `prefix`, where it begins with it; taken off once."""
    def strip_suffix(self, suffix: Any) -> ExprT:
        """Return the string without `suffix`, where it ends with it; taken off once."""
    def strptime(self, dtype: Any, format: Any = None, strict: builtins.bool = True, ambiguous: builtins.str = "raise") -> ExprT:
        """Read a string as a date or timestamp (`dtype`) in a `format`; see `to_date` and `to_datetime`."""
    def tail(self, n: Any) -> ExprT:
        """Return the last `n` characters; for a negative `n` all but the first `-n`."""
    def to_date(self, format: Any = None, strict: builtins.bool = True) -> ExprT:
        """Read a string as a date, in a `format`, or without one as ``2013-01-31`` (or ``2013/1/31``)."""
    def to_datetime(
        self,
        format: Any = None,
        time_unit: Any = None,
        time_zone: Any = None,
        strict: builtins.bool = True,
        ambiguous: builtins.str = "raise",
    ) -> ExprT:
        """Read a string as a timestamp, in a `format`, or without one as ``2013-01-31 12:34:56.789``."""
    def to_decimal(self, scale: Any) -> ExprT:
        """Read a string as a decimal of 18 digits, `scale` of them after the point."""
    def to_integer(self, base: builtins.int = 10, dtype: Any = None, strict: builtins.bool = True) -> ExprT:
        """Read a string as an integer in a `base` from 2 to 36, as int64 or `dtype`: an optional sign and digits, no more."""
    def to_lowercase(self) -> ExprT:
        """Convert the string to small letters."""
    def to_titlecase(self) -> ExprT:
        """Return the string with a capital letter at the begin of each run of letters, and small letters in the rest."""
    def to_uppercase(self) -> ExprT:
        """Convert the string to capital letters."""
    def zfill(self, length: Any) -> ExprT:
        """Return the string with zeros before it, behind its sign if it has one, as many as make it `length` characters long."""

def class_name(space: builtins.str) -> builtins.str: ...
def signature_of(entry: ScalarFunction | AggregateFunction) -> inspect.Signature: ...
def public_methods() -> list[builtins.str]: ...
def argument_names(function: ScalarFunction) -> tuple[builtins.str, ...]: ...
def plain_parameters(function: ScalarFunction) -> dict[builtins.str, Any]: ...
def function_node(name: builtins.str, args: tuple[Any, ...], named: dict[builtins.str, Any] | None = None) -> Function: ...
def aggregated_node(name: builtins.str, args: tuple[Any, ...], named: dict[builtins.str, Any] | None = None) -> Aggregated: ...
def column_node(name: builtins.str) -> Node: ...
def pattern(text: builtins.str) -> builtins.str: ...
def as_node(value: Any, *, names: bool = False) -> Node: ...
