"""Written by ``python -m gpuflow.expr.stubs`` from the declarations; do not edit."""

import builtins
import inspect
from typing import Any, ClassVar

from gpuflow_kernels.declare.aggregate import AggregateFunction
from gpuflow_kernels.declare.scalar import ScalarFunction

from .expr import Expr
from .nodes import Aggregated, Function, Node

class Methods:
    __slots__: ClassVar[tuple[builtins.str, ...]] = ("_node",)
    _node: Node
    @classmethod
    def _of(cls, node: Node) -> Any: ...
    @property
    def dt(self) -> _DtMethods: ...
    @property
    def str(self) -> _StrMethods: ...
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
    def round(self, digits: builtins.int = 0) -> Expr:
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
        """Sum; 0 for nothing. Integers add up to int64 (uint64 to uint64) and raise where the sum does not fit; floats add up
        in float64; truth values count as 1 and 0.
        """

class Unfinished:
    __slots__: ClassVar[tuple[builtins.str, ...]] = ()
    def _complaint(self) -> builtins.str: ...

class Namespace:
    __slots__: ClassVar[tuple[builtins.str, ...]] = ("_owner",)
    _name: ClassVar[builtins.str]
    _owner: Methods
    def __init__(self, owner: Methods) -> None: ...
    def __getitem__(self, key: Any) -> Any: ...

class _DtMethods(Namespace):
    def base_utc_offset(self) -> Expr:
        """How far local time is ahead of UTC without summer time, as a duration in milliseconds."""
    def cast_time_unit(self, unit: Any) -> Expr:
        """The same moment or length in another unit (``s``, ``ms``, ``us``, ``ns``); timestamps round down, durations towards
        zero, and what a finer unit cannot hold raises.
        """
    def century(self) -> Expr:
        """The century: 20 for the year 2000, 21 for 2001."""
    def convert_time_zone(self, zone: Any) -> Expr:
        """The same instant in another zone; a timestamp without a zone is taken for UTC."""
    def date(self) -> Expr:
        """The date of a timestamp, where one with a zone is: in local time."""
    def day(self) -> Expr:
        """The day of the month, 1 to 31."""
    def days_in_month(self) -> Expr:
        """Number of days of the month."""
    def dst_offset(self) -> Expr:
        """What summer time adds to the offset from UTC, as a duration in milliseconds."""
    def epoch(self, unit: builtins.str = "us") -> Expr:
        """How long after 1970-01-01 in UTC, as a whole number of ``d``, ``s``, ``ms``, ``us`` or ``ns``, rounded down."""
    def hour(self) -> Expr:
        """The hour, 0 to 23."""
    def is_leap_year(self) -> Expr:
        """Whether the year has 366 days."""
    def iso_year(self) -> Expr:
        """The year that the ISO week belongs to."""
    def microsecond(self) -> Expr:
        """The fraction of the second in microseconds."""
    def millennium(self) -> Expr:
        """The millennium: 2 for the year 2000, 3 for 2001."""
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
    def offset_by(self, by: Any) -> Expr:
        """The moment a length of time later, as in ``dt.offset_by("1mo2d3h")``, or earlier with a minus sign in front."""
    def ordinal_day(self) -> Expr:
        """The day of the year, 1 to 366."""
    def quarter(self) -> Expr:
        """The quarter, 1 to 4."""
    def replace_time_zone(self, zone: Any, ambiguous: builtins.str = "raise", non_existent: builtins.str = "raise") -> Expr:
        """The same local time in another zone, or without one for ``zone=None``."""
    def round(self, every: Any) -> Expr:
        """The nearest start of an interval of length `every`, the later one from the middle on: what lies half an interval
        later, truncated.
        """
    def second(self) -> Expr:
        """The second, 0 to 59."""
    def strftime(self, format: Any) -> Expr:
        """The date or timestamp as text in a `format` such as ``"%d %b %Y"``, with English names; in local time where it has a
        zone, which ``%z`` (``+0200``), ``%:z`` (``+02:00``) and ``%Z`` (``CEST``) name.
        """
    def timestamp(self, unit: builtins.str = "us") -> Expr:
        """How long after 1970-01-01 in UTC, as a whole number of ``s``, ``ms``, ``us`` or ``ns``, rounded down."""
    def to_string(self, format: Any = None) -> Expr:
        """The date or timestamp as text in a `format` (see `strftime`), or as ISO 8601 has it: ``"iso"`` with a blank before
        the time, ``"iso:strict"`` with a T, and both with the offset where there is a zone.
        """
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
        """The start of the interval of length `every` that the moment lies in, as in ``dt.truncate("15m")``."""
    def week(self) -> Expr:
        """The ISO week, 1 to 53."""
    def weekday(self) -> Expr:
        """The day of the week, Monday 1 to Sunday 7."""
    def with_time_unit(self, unit: Any) -> Expr:
        """The same number of ticks, of another unit (``s``, ``ms``, ``us``, ``ns``): another moment or length."""
    def year(self) -> Expr:
        """The year."""

class _StrMethods(Namespace):
    def contains(self, pattern: Any, literal: builtins.bool = False, strict: builtins.bool = True) -> Expr:
        """Whether a regular expression, or with ``literal=True`` a string, is found in the string."""
    def count_matches(self, pattern: Any, literal: builtins.bool = False) -> Expr:
        """How many times, without overlap, a regular expression or with ``literal=True`` a string is found in the string."""
    def ends_with(self, suffix: Any) -> Expr:
        """Whether the string ends with `suffix`."""
    def extract(self, pattern: Any, group_index: builtins.int = 1) -> Expr:
        """What a group of a regular expression takes in its first match: group 0 is the whole match. Null without a match, and
        where the group took no part in it.
        """
    def find(self, pattern: Any, literal: builtins.bool = False, strict: builtins.bool = True) -> Expr:
        """The number of bytes before the first match of a regular expression, or with ``literal=True`` of a string; null where
        there is none.
        """
    def head(self, n: Any) -> Expr:
        """The first `n` characters; for a negative `n` all but the last `-n`."""
    def ilike(self, pattern: Any) -> Expr:
        """`like` with small and capital letters taken for the same."""
    def len_bytes(self) -> Expr:
        """The number of bytes in UTF-8."""
    def len_chars(self) -> Expr:
        """The number of characters (code points)."""
    def like(self, pattern: Any) -> Expr:
        """Whether the whole string is like an SQL pattern: ``%`` stands for any characters, ``_`` for one; nothing escapes
        them.
        """
    def pad_end(self, length: Any, fill_char: builtins.str = " ") -> Expr:
        """The string with `fill_char` after it, as often as makes it `length` characters long; longer ones stay as they are."""
    def pad_start(self, length: Any, fill_char: builtins.str = " ") -> Expr:
        """The string with `fill_char` before it, as often as makes it `length` characters long; longer ones stay as they are."""
    def replace(self, pattern: Any, value: Any, literal: builtins.bool = False, n: builtins.int = 1) -> Expr:
        """The string with its first `n` matches of a regular expression, or of a string (``literal=True``), replaced; with
        ``n=-1`` every one.
        """
    def replace_all(self, pattern: Any, value: Any, literal: builtins.bool = False) -> Expr:
        """The string with every match of a regular expression, or of a string (``literal=True``), replaced; see `replace`."""
    def reverse(self) -> Expr:
        """The characters (code points) in the opposite order. Combining marks therefore go to the character before them."""
    def slice(self, offset: Any, length: Any = None) -> Expr:
        """`length` characters from the one at `offset` on (0 is the first; negative counts from the end), or all of them."""
    def split_part(self, by: Any, index: Any) -> Expr:
        """The part number `index` of the string split at every `by`, as DuckDB's ``split_part``: 1 is the first, -1 the last."""
    def starts_with(self, prefix: Any) -> Expr:
        """Whether the string begins with `prefix`."""
    def strip_chars(self, characters: Any = None) -> Expr:
        """The string without any of `characters` (by default white space) at both ends."""
    def strip_chars_end(self, characters: Any = None) -> Expr:
        """The string without any of `characters` (by default white space) at its end."""
    def strip_chars_start(self, characters: Any = None) -> Expr:
        """The string without any of `characters` (by default white space) at its begin."""
    def strip_prefix(self, prefix: Any) -> Expr:
        """The string without `prefix`, where it begins with it; taken off once."""
    def strip_suffix(self, suffix: Any) -> Expr:
        """The string without `suffix`, where it ends with it; taken off once."""
    def strptime(self, dtype: Any, format: Any = None, strict: builtins.bool = True, ambiguous: builtins.str = "raise") -> Expr:
        """The date or timestamp (`dtype`) that a string means by a `format`; see `to_date` and `to_datetime`."""
    def tail(self, n: Any) -> Expr:
        """The last `n` characters; for a negative `n` all but the first `-n`."""
    def to_date(self, format: Any = None, strict: builtins.bool = True) -> Expr:
        """The date that a string means by a `format`, or without one as ``2013-01-31`` (or ``2013/1/31``)."""
    def to_datetime(
        self,
        format: Any = None,
        time_unit: Any = None,
        time_zone: Any = None,
        strict: builtins.bool = True,
        ambiguous: builtins.str = "raise",
    ) -> Expr:
        """The timestamp that a string means by a `format`, or without one as ``2013-01-31 12:34:56.789`` (the time, or its
        seconds, may be missing; a T may stand between).
        """
    def to_decimal(self, scale: Any) -> Expr:
        """The decimal of 18 digits, `scale` of them after the point, that a string means; null where it means none or does not
        fit.
        """
    def to_integer(self, base: builtins.int = 10, dtype: Any = None, strict: builtins.bool = True) -> Expr:
        """The integer that a string means in a `base` from 2 to 36, as int64 or `dtype`: an optional sign and digits, no more."""
    def to_lowercase(self) -> Expr:
        """The string in small letters."""
    def to_titlecase(self) -> Expr:
        """The string with a capital letter at the begin of each run of letters, and small letters in the rest."""
    def to_uppercase(self) -> Expr:
        """The string in capital letters."""
    def zfill(self, length: Any) -> Expr:
        """The string with zeros before it, behind its sign if it has one, as many as make it `length` characters long."""

def class_name(space: builtins.str) -> builtins.str: ...
def signature_of(entry: ScalarFunction | AggregateFunction) -> inspect.Signature: ...
def public_methods() -> list[builtins.str]: ...
def argument_names(function: ScalarFunction) -> tuple[builtins.str, ...]: ...
def plain_parameters(function: ScalarFunction) -> dict[builtins.str, Any]: ...
def function_node(name: builtins.str, args: tuple[Any, ...], named: dict[builtins.str, Any] | None = None) -> Function: ...
def aggregated_node(
    name: builtins.str, args: tuple[Any, ...], chosen: dict[builtins.str, builtins.bool] | None = None
) -> Aggregated: ...
def column_node(name: builtins.str) -> Node: ...
def pattern(text: builtins.str) -> builtins.str: ...
def as_node(value: Any, *, names: bool = False) -> Node: ...
