"""Row functions that look for one string in another. Patterns of `contains`, `find` and `count_matches` are regular
expressions unless ``literal=True``: those run on the host, literal ones in kernels.
"""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.declare.scalar import scalar
from gpuflow_kernels.declare.string_rules import literal, pattern, takes
from gpuflow_kernels.dtypes import BOOL, UINT32
from gpuflow_kernels.rowmath import after_match, count_chars, find_bytes, int64, like_bytes, same_bytes

_tests = takes("string", "string", result=BOOL)


@scalar(name="starts_with", namespace="str", dtype=_tests, text="measure")
def _starts_with(s: Any, s0: Any, s1: Any, prefix: Any, prefix0: Any, prefix1: Any) -> Any:
    """Return whether the string begins with `prefix`.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> tails = gf.from_any(pa.table({"s": ["N10156", "D942DN", None]}))
    >>> tails.select(gf.col("s").str.starts_with("N")).collect().to_dict()
    {'s': [True, False, None]}
    """
    count = prefix1 - prefix0
    return count <= s1 - s0 and same_bytes(s, s0, prefix, prefix0, count)


@scalar(name="ends_with", namespace="str", dtype=_tests, text="measure")
def _ends_with(s: Any, s0: Any, s1: Any, suffix: Any, suffix0: Any, suffix1: Any) -> Any:
    """Return whether the string ends with `suffix`.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> tails = gf.from_any(pa.table({"s": ["N10156", "D942DN", None]}))
    >>> tails.select(gf.col("s").str.ends_with("DN")).collect().to_dict()
    {'s': [False, True, None]}
    """
    count = suffix1 - suffix0
    return count <= s1 - s0 and same_bytes(s, s1 - count, suffix, suffix0, count)


@scalar(name="like", namespace="str", dtype=_tests, text="measure")
def _like(s: Any, s0: Any, s1: Any, pattern: Any, pattern0: Any, pattern1: Any) -> Any:
    """Return whether the whole string is like an SQL pattern.

    ``%`` stands for any characters, ``_`` for one; nothing escapes them.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> tails = gf.from_any(pa.table({"s": ["N10156", "D942DN", None]}))
    >>> tails.select(gf.col("s").str.like("_9%")).collect().to_dict()
    {'s': [False, True, None]}
    """
    return like_bytes(s, s0, s1, pattern, pattern0, pattern1, False)


@scalar(name="ilike", namespace="str", dtype=_tests, text="measure", host="ilike")
def _ilike(s: Any, s0: Any, s1: Any, pattern: Any, pattern0: Any, pattern1: Any) -> Any:
    """Match as `like` does, with small and capital letters taken for the same.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> words = gf.from_any(pa.table({"s": ["Żółw", "turtle", None]}))
    >>> words.select(gf.col("s").str.ilike("ŻÓ%")).collect().to_dict()
    {'s': [True, False, None]}
    """
    return like_bytes(s, s0, s1, pattern, pattern0, pattern1, True)


# -- contains ---------------------------------------------------------------------------------------------------------
@scalar(
    name="contains",
    namespace="str",
    dtype=takes("string", "string", result=BOOL, chosen=literal),
    text="measure",
    parameters={"literal": False, "strict": True},
)
def _contains(s: Any, s0: Any, s1: Any, pattern: Any, pattern0: Any, pattern1: Any) -> Any:
    """Return whether a regular expression, or with ``literal=True`` a string, is found in the string.

    A pattern that is no regular expression raises, or gives nulls with ``strict=False``.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> tails = gf.from_any(pa.table({"s": ["N10156", "D942DN", None]}))
    >>> tails.select(gf.col("s").str.contains("[A-Z]{2}$")).collect().to_dict()
    {'s': [False, True, None]}
    """
    return find_bytes(s, s0, s1, pattern, pattern0, pattern1) >= 0


@scalar(
    name="contains",
    namespace="str",
    dtype=takes("string", "string", result=BOOL, chosen=pattern("strict")),
    null="partial",
    host="contains",
)
def _contains_pattern(s: Any, pattern: Any, strict: Any) -> Any: ...


# -- find -------------------------------------------------------------------------------------------------------------
@scalar(
    name="find",
    namespace="str",
    dtype=takes("string", "string", result=UINT32, chosen=literal),
    null="partial",
    text="measure",
    parameters={"literal": False, "strict": True},
)
def _find(s: Any, s0: Any, s1: Any, pattern: Any, pattern0: Any, pattern1: Any) -> Any:
    """Return the number of bytes before the first match of a regular expression, or with ``literal=True`` of a string.

    Null where there is no match.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> words = gf.from_any(pa.table({"s": ["turtle", "żółw", None]}))
    >>> words.select(gf.col("s").str.find("[łl]")).collect().to_dict()
    {'s': [4, 4, None]}
    """
    place = find_bytes(s, s0, s1, pattern, pattern0, pattern1)
    return place - s0, place >= 0


@scalar(
    name="find",
    namespace="str",
    dtype=takes("string", "string", result=UINT32, chosen=pattern("strict")),
    null="partial",
    host="find",
)
def _find_pattern(s: Any, pattern: Any, strict: Any) -> Any: ...


# -- count ------------------------------------------------------------------------------------------------------------
@scalar(
    name="count_matches",
    namespace="str",
    dtype=takes("string", "string", result=UINT32, chosen=literal),
    text="measure",
    parameters={"literal": False},
)
def _count_matches(s: Any, s0: Any, s1: Any, pattern: Any, pattern0: Any, pattern1: Any) -> Any:
    """Count how many times, without overlap, a regular expression or with ``literal=True`` a string is found in the string.

    The empty pattern is found before each character and at the end.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> tails = gf.from_any(pa.table({"s": ["N10156", "D942DN", None]}))
    >>> tails.select(gf.col("s").str.count_matches(r"[0-9]")).collect().to_dict()
    {'s': [5, 3, None]}
    """
    count = pattern1 - pattern0
    if count == 0:
        return count_chars(s, s0, s1) + 1
    matches = int64(0)
    place = find_bytes(s, s0, s1, pattern, pattern0, pattern1)
    while place >= 0:
        matches += 1
        place = find_bytes(s, after_match(s, s1, place, count), s1, pattern, pattern0, pattern1)
    return matches


@scalar(
    name="count_matches",
    namespace="str",
    dtype=takes("string", "string", result=UINT32, chosen=pattern()),
    host="count_matches",
)
def _count_pattern(s: Any, pattern: Any) -> Any: ...
