"""Row functions that measure strings and take parts of them. Lengths and places count characters (Unicode code points)
unless they are named after bytes; a part of a string is found, not copied, until something needs it.
"""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.declare.scalar import scalar
from gpuflow_kernels.declare.string_rules import WHITE_SPACE, takes
from gpuflow_kernels.dtypes import STRING, UINT32
from gpuflow_kernels.rowmath import (
    backward,
    char_after,
    char_before,
    count_chars,
    find_bytes,
    find_bytes_back,
    forward,
    int64,
    same_bytes,
)

_part = takes("string", result=STRING)
_part_by_text = takes("string", "string", result=STRING)
_part_by_count = takes("string", "integer", result=STRING)
_size = takes("string", result=UINT32)
_ALL = (1 << 63) - 1


# -- lengths ----------------------------------------------------------------------------------------------------------
@scalar(name="len_chars", namespace="str", dtype=_size, text="measure")
def _len_chars(s: Any, s0: Any, s1: Any) -> Any:
    """Return the number of characters (code points).

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> words = gf.from_any(pa.table({"s": ["gpu", "żółw", "", None]}))
    >>> words.select(gf.col("s").str.len_chars()).collect().to_dict()
    {'s': [3, 4, 0, None]}
    """
    return count_chars(s, s0, s1)


@scalar(name="len_bytes", namespace="str", dtype=_size, text="measure")
def _len_bytes(s: Any, s0: Any, s1: Any) -> Any:
    """Return the number of bytes in UTF-8.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> words = gf.from_any(pa.table({"s": ["gpu", "żółw", "", None]}))
    >>> words.select(gf.col("s").str.len_bytes()).collect().to_dict()
    {'s': [3, 7, 0, None]}
    """
    return s1 - s0


# -- parts by position ------------------------------------------------------------------------------------------------
@scalar(
    name="slice",
    namespace="str",
    dtype=takes("string", "integer", "integer", result=STRING),
    text="view",
    parameters={"length": _ALL},
)
def _slice(s: Any, s0: Any, s1: Any, offset: Any, length: Any) -> Any:
    """Take `length` characters from the one at `offset` on (0 is the first; negative counts from the end), or all of them.

    Where an `offset` lies before the begin, what lies there counts towards `length`. Empty for a `length` of 0 or below.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> words = gf.from_any(pa.table({"s": ["turtle", "żółw", "", None]}))
    >>> words.select(a=gf.col("s").str.slice(1, 2), b=gf.col("s").str.slice(-3)).collect().to_dict()
    {'a': ['ur', 'ół', '', None], 'b': ['tle', 'ółw', '', None]}
    """
    if offset >= 0:
        begin = forward(s, s0, s1, offset)
        return begin, forward(s, begin, s1, length)
    if length <= 0:
        return int64(s1), int64(s1)
    behind = offset + length  # the end, counted from the string's end
    begin = backward(s, s0, s1, -offset if offset > -_ALL else int64(_ALL))
    return begin, int64(s1) if behind >= 0 or length == _ALL else backward(s, begin, s1, -behind)


@scalar(name="head", namespace="str", dtype=_part_by_count, text="view")
def _head(s: Any, s0: Any, s1: Any, n: Any) -> Any:
    """Return the first `n` characters; for a negative `n` all but the last `-n`.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> words = gf.from_any(pa.table({"s": ["turtle", "żółw", "", None]}))
    >>> words.select(a=gf.col("s").str.head(3), b=gf.col("s").str.head(-3)).collect().to_dict()
    {'a': ['tur', 'żół', '', None], 'b': ['tur', 'ż', '', None]}
    """
    return int64(s0), forward(s, s0, s1, n) if n >= 0 else backward(s, s0, s1, -n if n > -_ALL else int64(_ALL))


@scalar(name="tail", namespace="str", dtype=_part_by_count, text="view")
def _tail(s: Any, s0: Any, s1: Any, n: Any) -> Any:
    """Return the last `n` characters; for a negative `n` all but the first `-n`.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> words = gf.from_any(pa.table({"s": ["turtle", "żółw", "", None]}))
    >>> words.select(a=gf.col("s").str.tail(3), b=gf.col("s").str.tail(-3)).collect().to_dict()
    {'a': ['tle', 'ółw', '', None], 'b': ['tle', 'w', '', None]}
    """
    return backward(s, s0, s1, n) if n >= 0 else forward(s, s0, s1, -n if n > -_ALL else int64(_ALL)), int64(s1)


@scalar(name="split_part", namespace="str", dtype=takes("string", "string", "integer", result=STRING), text="view")
def _split_part(s: Any, s0: Any, s1: Any, by: Any, by0: Any, by1: Any, index: Any) -> Any:
    """Return the part number `index` of the string split at every `by`, as DuckDB's ``split_part``: 1 is the first, -1 the last.

    Empty where there is no such part. An empty `by` splits into characters.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> paths = gf.from_any(pa.table({"s": ["a/b/c", "b", None]}))
    >>> paths.select(a=gf.col("s").str.split_part("/", 2), b=gf.col("s").str.split_part("/", -1)).collect().to_dict()
    {'a': ['b', '', None], 'b': ['c', 'b', None]}
    """
    if by0 == by1:
        if index == 0 or index == -_ALL - 1:
            return int64(s1), int64(s1)
        if index > 0:
            first = forward(s, s0, s1, index - 1)
            return first, char_after(s, first) if first < s1 else first
        last = backward(s, s0, s1, -index - 1)
        return char_before(s, s0, last) if last > s0 else last, last
    begin, end, steps = int64(s0), int64(s1), int64(index)
    while steps > 1:
        place = find_bytes(s, begin, end, by, by0, by1)
        if place < 0:
            return int64(s1), int64(s1)
        begin = place + (by1 - by0)
        steps -= 1
    if steps == 1:
        place = find_bytes(s, begin, end, by, by0, by1)
        return begin, end if place < 0 else place
    while steps < -1:
        place = find_bytes_back(s, begin, end, by, by0, by1)
        if place < 0:
            return int64(s1), int64(s1)
        end = place
        steps += 1
    if steps == 0:
        return int64(s1), int64(s1)
    place = find_bytes_back(s, begin, end, by, by0, by1)
    return begin if place < 0 else place + (by1 - by0), end


# -- ends taken off ---------------------------------------------------------------------------------------------------
@scalar(name="strip_chars", namespace="str", dtype=_part_by_text, text="view", parameters={"characters": WHITE_SPACE})
def _strip_chars(s: Any, s0: Any, s1: Any, characters: Any, characters0: Any, characters1: Any) -> Any:
    """Return the string without any of `characters` (by default white space) at both ends.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> words = gf.from_any(pa.table({"s": ["  gpu ", "--x-", None]}))
    >>> words.select(a=gf.col("s").str.strip_chars(), b=gf.col("s").str.strip_chars("- ")).collect().to_dict()
    {'a': ['gpu', '--x-', None], 'b': ['gpu', 'x', None]}
    """
    begin, end = int64(s0), int64(s1)
    while begin < end and find_bytes(characters, characters0, characters1, s, begin, char_after(s, begin)) >= 0:
        begin = char_after(s, begin)
    while end > begin and find_bytes(characters, characters0, characters1, s, char_before(s, begin, end), end) >= 0:
        end = char_before(s, begin, end)
    return begin, end


@scalar(name="strip_chars_start", namespace="str", dtype=_part_by_text, text="view", parameters={"characters": WHITE_SPACE})
def _strip_chars_start(s: Any, s0: Any, s1: Any, characters: Any, characters0: Any, characters1: Any) -> Any:
    """Return the string without any of `characters` (by default white space) at its begin.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> words = gf.from_any(pa.table({"s": ["  gpu ", "--x-", None]}))
    >>> words.select(gf.col("s").str.strip_chars_start()).collect().to_dict()
    {'s': ['gpu ', '--x-', None]}
    """
    begin = int64(s0)
    while begin < s1 and find_bytes(characters, characters0, characters1, s, begin, char_after(s, begin)) >= 0:
        begin = char_after(s, begin)
    return begin, int64(s1)


@scalar(name="strip_chars_end", namespace="str", dtype=_part_by_text, text="view", parameters={"characters": WHITE_SPACE})
def _strip_chars_end(s: Any, s0: Any, s1: Any, characters: Any, characters0: Any, characters1: Any) -> Any:
    """Return the string without any of `characters` (by default white space) at its end.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> words = gf.from_any(pa.table({"s": ["  gpu ", "--x-", None]}))
    >>> words.select(gf.col("s").str.strip_chars_end("- ")).collect().to_dict()
    {'s': ['  gpu', '--x', None]}
    """
    end = int64(s1)
    while end > s0 and find_bytes(characters, characters0, characters1, s, char_before(s, s0, end), end) >= 0:
        end = char_before(s, s0, end)
    return int64(s0), end


@scalar(name="strip_prefix", namespace="str", dtype=_part_by_text, text="view")
def _strip_prefix(s: Any, s0: Any, s1: Any, prefix: Any, prefix0: Any, prefix1: Any) -> Any:
    """Return the string without `prefix`, where it begins with it; taken off once.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> words = gf.from_any(pa.table({"s": ["re-redo", "do", None]}))
    >>> words.select(gf.col("s").str.strip_prefix("re-")).collect().to_dict()
    {'s': ['redo', 'do', None]}
    """
    count = prefix1 - prefix0
    off = count if count <= s1 - s0 and same_bytes(s, s0, prefix, prefix0, count) else int64(0)
    return s0 + off, int64(s1)


@scalar(name="strip_suffix", namespace="str", dtype=_part_by_text, text="view")
def _strip_suffix(s: Any, s0: Any, s1: Any, suffix: Any, suffix0: Any, suffix1: Any) -> Any:
    """Return the string without `suffix`, where it ends with it; taken off once.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> files = gf.from_any(pa.table({"s": ["a.csv", "b", None]}))
    >>> files.select(gf.col("s").str.strip_suffix(".csv")).collect().to_dict()
    {'s': ['a', 'b', None]}
    """
    count = suffix1 - suffix0
    off = count if count <= s1 - s0 and same_bytes(s, s1 - count, suffix, suffix0, count) else int64(0)
    return int64(s0), s1 - off


@scalar(
    name="extract",
    namespace="str",
    dtype=takes("string", "string", result=STRING, chosen=lambda params: (params["group_index"],)),
    null="partial",
    host="extract",
    arity=2,
    parameters={"group_index": 1},
)
def _extract(s: Any, pattern: Any) -> Any:
    r"""Return what a group of a regular expression takes in its first match: group 0 is the whole match.

    Null without a match, and where the group took no part in it.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> flights = gf.from_any(pa.table({"s": ["UA 1545", "??", None]}))
    >>> flights.select(gf.col("s").str.extract(r"(\w+) (\d+)", 2)).collect().to_dict()
    {'s': ['1545', None, None]}
    """
