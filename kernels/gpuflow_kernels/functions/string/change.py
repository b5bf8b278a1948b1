"""Row functions that make new strings: replacing, joining, padding, letter case."""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.declare.scalar import Signature, scalar
from gpuflow_kernels.declare.string_rules import literal, pattern, takes, whole
from gpuflow_kernels.declare.type_rules import Parameters, ScalarRule, Types
from gpuflow_kernels.dtypes import STRING
from gpuflow_kernels.rowmath import after_match, char_before, count_chars, find_bytes, int64, lower_byte, put, put_bytes, put_char

_changed = takes("string", result=STRING)
_LONGEST, _MOST = 1 << 30, 1 << 31


# -- replacing --------------------------------------------------------------------------------------------------------
def _first_literal(params: Parameters) -> tuple[Any, ...] | None:
    n = whole(params, "n", -1)
    return None if literal(params) is None else (_MOST if n < 0 else n,)


def _first_pattern(params: Parameters) -> tuple[Any, ...] | None:
    return None if literal(params) is not None else (whole(params, "n", -1),)


@scalar(
    name="replace",
    namespace="str",
    dtype=takes("string", "string", "string", result=STRING, chosen=_first_literal),
    text="write",
    arity=3,
    parameters={"literal": False, "n": 1},
)
def _replace(
    out: Any, at: Any, s: Any, s0: Any, s1: Any, pattern: Any, pattern0: Any, pattern1: Any, value: Any, value0: Any, value1: Any,
    n: Any,
) -> Any:  # fmt: skip
    """Replace the first `n` matches of a regular expression, or of a string (``literal=True``).

    With ``n=-1`` all are replaced. In `value` ``$1`` or ``${name}`` stand for what a group of a regular expression matched,
    ``$0`` for all, and ``$$`` for a dollar.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> words = gf.from_any(pa.table({"s": ["a-b-c", None]}))
    >>> words.select(gf.col("s").str.replace("([a-z])-", "<$1>")).collect().to_dict()
    {'s': ['<a>b-c', None]}
    >>> gf.from_any(pa.table({"s": ["a-b-c-d"]})).select(gf.col("s").str.replace("[ab]-", "", n=2)).collect().to_dict()
    {'s': ['c-d']}
    """
    count, begin, remaining = pattern1 - pattern0, int64(s0), int64(n)
    place = find_bytes(s, s0, s1, pattern, pattern0, pattern1) if remaining > 0 else int64(-1)
    while place >= 0:
        at = put_bytes(out, at, s, begin, place)
        at = put_bytes(out, at, value, value0, value1)
        begin = place + count
        remaining -= 1
        after = after_match(s, s1, place, count)
        place = find_bytes(s, after, s1, pattern, pattern0, pattern1) if remaining > 0 and after <= s1 else int64(-1)
    return put_bytes(out, at, s, begin, s1)


@scalar(
    name="replace",
    namespace="str",
    dtype=takes("string", "string", "string", result=STRING, chosen=_first_pattern),
    host="replace",
)
def _replace_pattern(s: Any, pattern: Any, value: Any, n: Any) -> Any: ...


@scalar(
    name="replace_all",
    namespace="str",
    dtype=takes("string", "string", "string", result=STRING, chosen=literal),
    text="write",
    parameters={"literal": False},
)
def _replace_all(
    out: Any, at: Any, s: Any, s0: Any, s1: Any, pattern: Any, pattern0: Any, pattern1: Any, value: Any, value0: Any, value1: Any
) -> Any:
    """Replace every match of a regular expression, or of a string (``literal=True``); see `replace`.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> words = gf.from_any(pa.table({"s": ["a-b-c", None]}))
    >>> words.select(gf.col("s").str.replace_all("-", "", literal=True)).collect().to_dict()
    {'s': ['abc', None]}
    """
    count, begin = pattern1 - pattern0, int64(s0)
    place = find_bytes(s, s0, s1, pattern, pattern0, pattern1)
    while place >= 0:
        at = put_bytes(out, at, s, begin, place)
        at = put_bytes(out, at, value, value0, value1)
        begin = place + count
        after = after_match(s, s1, place, count)
        place = find_bytes(s, after, s1, pattern, pattern0, pattern1) if after <= s1 else int64(-1)
    return put_bytes(out, at, s, begin, s1)


@scalar(
    name="replace_all",
    namespace="str",
    dtype=takes("string", "string", "string", result=STRING, chosen=pattern()),
    host="replace",
)
def _replace_all_pattern(s: Any, pattern: Any, value: Any) -> Any: ...


# -- joining ----------------------------------------------------------------------------------------------------------
@scalar(name="add", dtype=takes("string", "string", result=STRING), text="write")
def _concat(out: Any, at: Any, s: Any, s0: Any, s1: Any, t: Any, t0: Any, t1: Any) -> Any:
    return put_bytes(out, put_bytes(out, at, s, s0, s1), t, t0, t1)


def _as_strings(count: int) -> ScalarRule:
    """Arguments of any types, cast to strings."""

    def rule(args: Types, params: Parameters | None = None) -> Signature | None:
        return Signature((STRING,) * count, STRING) if len(args) == count else None

    return rule


@scalar(name="concat_str", dtype=_as_strings(3), text="write", method=False)
def _concat_str(
    out: Any, at: Any, s: Any, s0: Any, s1: Any, separator: Any, separator0: Any, separator1: Any, t: Any, t0: Any, t1: Any
) -> Any:
    """Join two values as strings with a separator between them."""
    at = put_bytes(out, at, s, s0, s1)
    at = put_bytes(out, at, separator, separator0, separator1)
    return put_bytes(out, at, t, t0, t1)


# -- padding ----------------------------------------------------------------------------------------------------------
def _fill(params: Parameters) -> tuple[Any, ...]:
    character = params["fill_char"]
    if not isinstance(character, str) or len(character) != 1:
        raise ValueError(f"fill_char={character!r} is not one character")
    return (ord(character),)


def _too_long(s: Any, s0: Any, s1: Any, length: Any, fill: Any) -> Any:
    return length > _LONGEST


def _too_many_zeros(s: Any, s0: Any, s1: Any, length: Any) -> Any:
    return length > _LONGEST


_padded = takes("string", "integer", result=STRING, chosen=_fill)


@scalar(
    name="pad_start", namespace="str", dtype=_padded, text="write", arity=2, parameters={"fill_char": " "}, overflow=_too_long
)
def _pad_start(out: Any, at: Any, s: Any, s0: Any, s1: Any, length: Any, fill: Any) -> Any:
    """Return the string with `fill_char` before it, as often as makes it `length` characters long; longer ones stay as they are.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> words = gf.from_any(pa.table({"s": ["cow", "żółw", "donkey", None]}))
    >>> words.select(gf.col("s").str.pad_start(5, "*")).collect().to_dict()
    {'s': ['**cow', '*żółw', 'donkey', None]}
    """
    if length > 0 and length <= _LONGEST:
        for _ in range(length - count_chars(s, s0, s1)):
            at = put_char(out, at, fill)
    return put_bytes(out, at, s, s0, s1)


@scalar(name="pad_end", namespace="str", dtype=_padded, text="write", arity=2, parameters={"fill_char": " "}, overflow=_too_long)
def _pad_end(out: Any, at: Any, s: Any, s0: Any, s1: Any, length: Any, fill: Any) -> Any:
    """Return the string with `fill_char` after it, as often as makes it `length` characters long; longer ones stay as they are.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> words = gf.from_any(pa.table({"s": ["cow", "żółw", "donkey", None]}))
    >>> words.select(gf.col("s").str.pad_end(5, "*")).collect().to_dict()
    {'s': ['cow**', 'żółw*', 'donkey', None]}
    """
    at = put_bytes(out, at, s, s0, s1)
    if length > 0 and length <= _LONGEST:
        for _ in range(length - count_chars(s, s0, s1)):
            at = put_char(out, at, fill)
    return at


@scalar(name="zfill", namespace="str", dtype=takes("string", "integer", result=STRING), text="write", overflow=_too_many_zeros)
def _zfill(out: Any, at: Any, s: Any, s0: Any, s1: Any, length: Any) -> Any:
    """Return the string with zeros before it, behind its sign if it has one, as many as make it `length` characters long.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> numbers = gf.from_any(pa.table({"s": ["7", "-7", "12345", None]}))
    >>> numbers.select(gf.col("s").str.zfill(4)).collect().to_dict()
    {'s': ['0007', '-007', '12345', None]}
    """
    begin = int64(s0)
    if begin < s1 and (int64(s[begin]) == 43 or int64(s[begin]) == 45):
        at = put(out, at, s[begin])
        begin += 1
    if length > 0 and length <= _LONGEST:
        for _ in range(length - count_chars(s, s0, s1)):
            at = put(out, at, 48)
    return put_bytes(out, at, s, begin, s1)


# -- letters ----------------------------------------------------------------------------------------------------------
@scalar(name="reverse", namespace="str", dtype=_changed, text="write")
def _reverse(out: Any, at: Any, s: Any, s0: Any, s1: Any) -> Any:
    """Return the characters (code points) in the opposite order. Combining marks therefore go to the character before them.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> words = gf.from_any(pa.table({"s": ["turtle", "żółw", None]}))
    >>> words.select(gf.col("s").str.reverse()).collect().to_dict()
    {'s': ['eltrut', 'włóż', None]}
    """
    end = int64(s1)
    while end > s0:
        begin = char_before(s, s0, end)
        at = put_bytes(out, at, s, begin, end)
        end = begin
    return at


@scalar(name="to_lowercase", namespace="str", dtype=_changed, text="write", host="to_lowercase")
def _to_lowercase(out: Any, at: Any, s: Any, s0: Any, s1: Any) -> Any:
    """Convert the string to small letters.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> words = gf.from_any(pa.table({"s": ["Turtle", "ŻÓŁW", None]}))
    >>> words.select(gf.col("s").str.to_lowercase()).collect().to_dict()
    {'s': ['turtle', 'żółw', None]}
    """
    for k in range(s0, s1):
        at = put(out, at, lower_byte(int64(s[k])))
    return at


@scalar(name="to_uppercase", namespace="str", dtype=_changed, text="write", host="to_uppercase")
def _to_uppercase(out: Any, at: Any, s: Any, s0: Any, s1: Any) -> Any:
    """Convert the string to capital letters.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> words = gf.from_any(pa.table({"s": ["Turtle", "żółw", "straße", None]}))
    >>> words.select(gf.col("s").str.to_uppercase()).collect().to_dict()
    {'s': ['TURTLE', 'ŻÓŁW', 'STRASSE', None]}
    """
    for k in range(s0, s1):
        c = int64(s[k])
        at = put(out, at, c - 32 if c >= 97 and c <= 122 else c)
    return at


@scalar(name="to_titlecase", namespace="str", dtype=_changed, text="write", host="to_titlecase")
def _to_titlecase(out: Any, at: Any, s: Any, s0: Any, s1: Any) -> Any:
    """Return the string with a capital letter at the begin of each run of letters, and small letters in the rest.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> words = gf.from_any(pa.table({"s": ["slow TURTLE", "żółw", None]}))
    >>> words.select(gf.col("s").str.to_titlecase()).collect().to_dict()
    {'s': ['Slow Turtle', 'Żółw', None]}
    """
    inside = False
    for k in range(s0, s1):
        c = lower_byte(int64(s[k]))
        letter = c >= 97 and c <= 122
        at = put(out, at, c - 32 if letter and not inside else c)
        inside = letter
    return at
