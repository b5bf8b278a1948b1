"""Text functions evaluated by Arrow on the host, by the name that a declaration gives.

Regular expressions are written as for Polars (the syntax of Rust's crate regex [1]_) and run by RE2 [2]_: what differs is
translated. RE2 knows words by ASCII letters and looks between the bytes of a character, so that ``\\b`` and ``\\B`` are refused
where a string has bytes beyond ASCII. Classes cannot be nested or intersected, and there is no ``(?x)``.

References
----------
.. [1] https://docs.rs/regex/latest/regex/#syntax
.. [2] https://github.com/google/re2/wiki/Syntax
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from gpuflow_kernels.declare.string_rules import WHITE_SPACE
from gpuflow_kernels.declare.time_lengths import span, step
from gpuflow_kernels.rowmath.strings import like_bytes

from gpuflow.errors import PlanError, UnsupportedError


# -- regular expressions ----------------------------------------------------------------------------------------------
def _ranges(codes: list[int]) -> str:
    """The characters that are none of these, as ranges within brackets."""
    starts, ends = [0, *(c + 1 for c in codes)], [*(c - 1 for c in codes), 0x10FFFF]
    return "".join(rf"\x{{{a:x}}}-\x{{{b:x}}}" for a, b in zip(starts, ends, strict=True) if a <= b)


_WORD = r"\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{200c}\x{200d}\x{24b6}-\x{24e9}"
_BLANK = "".join(rf"\x{{{ord(c):x}}}" for c in WHITE_SPACE)
_CLASSES = {"d": r"\p{Nd}", "D": r"\P{Nd}", "w": _WORD, "s": _BLANK, "S": _ranges([ord(c) for c in WHITE_SPACE])}
_OUTSIDE = {"w": f"[{_WORD}]", "W": f"[^{_WORD}]", "s": f"[{_BLANK}]", "S": f"[^{_BLANK}]"}
_GROUP = re.compile(r"\((?:\?P?<([A-Za-z_][A-Za-z0-9_.\[\]]*)>|(?!\?))")
_CODE = re.compile(r"\\(?:u\{([0-9A-Fa-f]+)\}|U\{([0-9A-Fa-f]+)\}|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8}))")
_COUNT = re.compile(r"\{[0-9]+(?:,[0-9]*)?\}")
_FLAGS = re.compile(r"\(\?([imsuUR]*x[imsuUR]*)?(?:-[imsuxUR]*)?[:)]")


_NOTHING = pa.nulls(1, pa.large_string())  # to hold patterns against; pa.array would load pandas
_WAY_OUT = "; look for what may stand beside a word instead, as in (^|[^a-z])word([^a-z]|$)"


@lru_cache(maxsize=256)
def translated(pattern: str) -> tuple[str, tuple[str | None, ...]]:
    """A regular expression for RE2, its groups called ``g1, g2, ...``, and the names that they had.

    >>> translated("(?<year>[0-9]+)-(a)")
    ('(?P<g1>[0-9]+)-(?P<g2>a)', ('year', None))
    """
    parts: list[str] = []
    names: list[str | None] = []
    place, inside = 0, False
    while place < len(pattern):
        c, rest = pattern[place], pattern[place : place + 2]
        if code := _CODE.match(pattern, place):
            parts.append(rf"\x{{{next(g for g in code.groups() if g)}}}")
            place = code.end()
        elif c == "\\" and len(rest) == 2:
            if rest == r"\C" or (not inside and (rest in (r"\<", r"\>") or pattern.startswith(r"\b{", place))):
                raise UnsupportedError(f"regular expression {pattern!r}: {rest} at position {place} is not supported{_WAY_OUT}")
            if inside and rest == r"\W":
                raise UnsupportedError(
                    rf"regular expression {pattern!r}: \W at position {place} cannot stand within brackets; write [^...] instead"
                )
            table = _CLASSES if inside else {**_CLASSES, **_OUTSIDE}
            parts.append(table.get(rest[1], rest))
            place += 2
            if rest[1] in "pPx" and pattern.startswith("{", place) and not inside:
                end = pattern.find("}", place) + 1 or len(pattern)
                parts.append(pattern[place:end])
                place = end
        elif inside:
            posix = pattern.startswith("[:", place) and pattern.find(":]", place)
            if posix and posix > 0:
                parts.append(pattern[place : posix + 2])
                place = posix + 2
                continue
            if c == "[" or rest in ("&&", "--", "~~"):
                raise UnsupportedError(
                    f"regular expression {pattern!r}: classes within brackets cannot be nested or combined, as at position "
                    f"{place}; write one class, or several with | between them"
                )
            inside = c != "]"
            parts.append(c)
            place += 1
        elif c == "[":
            first = place + (2 if rest == "[^" else 1)
            first += pattern.startswith("]", first)  # a bracket that comes first stands for itself
            parts.append(pattern[place:first])
            place, inside = first, True
        elif c == "{" and not _COUNT.match(pattern, place):  # which RE2 would look for
            raise PlanError(
                f"{pattern!r} is not a regular expression, at position {place}: no count of repetitions such as {{2}} or {{2,}}; "
                r"a brace that stands for itself is \{"
            )
        elif group := _GROUP.match(pattern, place):
            names.append(group[1])
            parts.append(f"(?P<g{len(names)}>")
            place = group.end()
        else:
            flags = _FLAGS.match(pattern, place)
            if flags and flags[1]:
                raise UnsupportedError(
                    f"regular expression {pattern!r}: the flag x at position {place} is not supported; take blanks out of it"
                )
            parts.append(c)
            place += 1
    return "".join(parts), tuple(names)


def _expanded(value: str, names: tuple[str | None, ...], before: int = 0) -> str:
    """What replaces a match, as RE2 takes it: ``$1`` and ``${name}`` become ``\\1``, or more with so many groups `before`."""

    def one(match: re.Match[str]) -> str:
        if match[0] in ("$$", "\\"):
            return "$" if match[0] == "$$" else "\\\\"
        name = match[1] if match[1] is not None else match[2]
        number = int(name) if name.isascii() and name.isdecimal() else names.index(name) + 1 if name in names else len(names) + 1
        if number == 0:
            return f"\\{before}"
        if number > len(names):
            return ""
        if number + before > 9:
            raise UnsupportedError(f"replacement {value!r}: only the first {9 - before} groups can be named")
        return f"\\{number + before}"

    return re.sub(r"\$\$|\\|\$\{([^}]*)\}|\$([0-9A-Za-z_]+)", one, value)


def _literal(what: str, value: Any) -> str:
    if not isinstance(value, str):
        raise UnsupportedError(
            f"{what} that is computed or differs from row to row is not supported for regular expressions; pass literal=True"
        )
    return value


@lru_cache(maxsize=256)
def _tells_words(pattern: str) -> bool:
    r"""Whether ``\b`` or ``\B`` stand in a translated pattern, where within brackets they cannot."""
    return any(escape in (r"\b", r"\B") for escape in re.findall(r"\\.", pattern, re.DOTALL))


def _beyond_ascii(strings: pa.Array) -> bool:
    return not pc.all(pc.string_is_ascii(strings), min_count=0).as_py()


_UNPAIRED = ("missing", "unterminated", "unbalanced", "nothing to repeat", "multiple repeat")


def _wrong_at(pattern: str, complaint: str) -> str:
    """Where a pattern is wrong, as far as it is known: where the part stands that RE2 names, or, if it names the whole, where
    Python stops reading."""
    part = complaint.rpartition(": ")[2]
    place = pattern.find(part) if pattern.count(part) == 1 else -1
    try:
        re.compile(pattern)
    except re.error as e:
        if part in (pattern, "") and e.pos is not None and e.msg.startswith(_UNPAIRED):
            place = e.pos
    return f", at position {place}" if place >= 0 else ""


def _matched(pattern: str, strings: pa.Array, function: Callable[[str], Any]) -> Any:
    """`function` of the pattern for `strings`; a `PlanError` where it is no regular expression."""
    if _tells_words(translated(pattern)[0]) and _beyond_ascii(strings):
        raise UnsupportedError(
            rf"regular expression {pattern!r}: \b and \B know ASCII letters only, and there are others{_WAY_OUT}"
        )
    try:
        pc.match_substring_regex(_NOTHING, translated(pattern)[0])  # by itself: "a)(b" would be one within brackets
        return function(translated(pattern)[0])
    except pa.ArrowInvalid as e:
        complaint = re.sub(r"\(\?P<g[0-9]+>", "(", str(e).removeprefix("Invalid regular expression: "))
        where = _wrong_at(pattern, complaint)
        raise PlanError(
            f"{pattern!r} is not a regular expression{where}: {complaint}; escape what stands for itself with a backslash, or "
            "look for the text itself with literal=True"
        ) from None


def _contains(strings: pa.Array, pattern: Any, strict: bool) -> pa.Array:
    text = _literal("a pattern", pattern)
    try:
        return _matched(text, strings, lambda p: pc.match_substring_regex(strings, p))
    except PlanError as e:
        if strict or isinstance(e, UnsupportedError):  # of which it is not known that it is no regular expression
            raise
        return pa.nulls(len(strings), pa.bool_())


def _find(strings: pa.Array, pattern: Any, strict: bool) -> pa.Array:
    text = _literal("a pattern", pattern)
    try:
        places = _matched(text, strings, lambda p: pc.find_substring_regex(strings, p))
    except PlanError as e:
        if strict or isinstance(e, UnsupportedError):  # of which it is not known that it is no regular expression
            raise
        return pa.nulls(len(strings), pa.int64())
    return pc.if_else(pc.less(places, 0), None, places)


def _count_matches(strings: pa.Array, pattern: Any) -> pa.Array:
    """Counted by putting a byte behind each match: Arrow's own count takes empty matches between the bytes of a character."""
    marked = _matched(_literal("a pattern", pattern), strings, lambda p: pc.replace_substring_regex(strings, p, "\\0\x01"))
    return pc.subtract(pc.binary_length(marked), pc.binary_length(strings))


def _replace(strings: pa.Array, pattern: Any, value: Any, n: int = -1) -> pa.Array:
    text, value = _literal("a pattern", pattern), _literal("a replacement", value)
    names = translated(text)[1]
    if n == 1:
        # Asked for a count Arrow matches what it found once more, by itself, where edges of words and ends are others.
        first = rf"\1{_expanded(value, names, 2)}"
        return _matched(text, strings, lambda p: pc.replace_substring_regex(strings, rf"\A((?s:.*?))({p})", first))
    new = _expanded(value, names)
    if n < 0:
        return _matched(text, strings, lambda p: pc.replace_substring_regex(strings, p, new))
    # Every match, with its replacement before it, is put between marks; of these the first n become what replaces them.
    a, b, c = tuple(_absent(strings, value))
    marked = _matched(text, strings, lambda p: pc.replace_substring_regex(strings, p, rf"{a}{new}{b}\0{c}"))
    changed = pc.replace_substring_regex(marked, f"{a}([^{b}]*){b}[^{c}]*{c}", r"\1", max_replacements=n) if n else marked
    return pc.replace_substring_regex(changed, f"{a}[^{b}]*{b}([^{c}]*){c}", r"\1")


def _absent(strings: pa.Array, value: str) -> str:
    """Three characters that stand in none of `strings` and not in `value`."""
    for first in itertools.chain([1], range(0x100000, 0x10FFF0, 3)):
        marks = "".join(chr(first + k) for k in range(3))
        if (
            not any(m in value for m in marks)
            and not pc.any(pc.match_substring_regex(strings, f"[{marks}]"), min_count=0).as_py()
        ):
            return marks
    raise UnsupportedError("replace() with a count found no characters that the strings lack; use n=1 or n=-1")


def _extract(strings: pa.Array, pattern: Any, group: int) -> pa.Array:
    text = _literal("a pattern", pattern)
    if not 0 <= group <= len(translated(text)[1]):
        _matched(text, strings, lambda p: None)  # raises where it is no regular expression
        return pa.nulls(len(strings), pa.large_string())
    matches = _matched(text, strings, lambda p: pc.struct_field(pc.extract_regex(strings, f"(?P<g0>{p})"), f"g{group}"))
    if pc.any(pc.equal(matches, "")).as_py():  # so it is too where the group took no part in the match
        spans = _matched(text, strings, lambda p: pc.struct_field(pc.extract_regex_span(strings, f"(?P<g0>{p})"), f"g{group}"))
        matches = pc.if_else(pc.is_valid(spans), matches, None)
    return matches


# -- letters ----------------------------------------------------------------------------------------------------------
def _each(change: Callable[[str], str]) -> Callable[[pa.Array], pa.Array]:
    """By Python: Arrow changes characters one by one, and so has no capital letters for some."""
    return lambda strings: pa.array([None if s is None else change(s) for s in strings.to_pylist()], pa.large_string())


def _ilike(strings: Any, pattern: Any) -> pa.Array:
    """Both in small letters, as Arrow and DuckDB lower them: one character for one."""
    lowered = [x if isinstance(x, pa.Array) else pa.array([x], pa.large_string()) for x in (strings, pattern)]
    texts, patterns = ([s.encode() for s in pc.utf8_lower(x).to_pylist()] for x in lowered)
    if len(patterns) == 1 and isinstance(strings, pa.Array):
        wild = {"%": ".*", "_": "."}
        parts = (wild.get(c) or re.sub(r"([^\w\s]|\0)", lambda m: f"\\x{{{ord(m[0]):x}}}", c) for c in patterns[0].decode())
        return pc.match_substring_regex(pc.utf8_lower(strings), f"(?s)^{''.join(parts)}$")
    rows = max(len(texts), len(patterns))
    pairs = zip(texts * (rows // len(texts)), patterns * (rows // len(patterns)), strict=True)
    return pa.array([like_bytes(s, 0, len(s), p, 0, len(p), False) for s, p in pairs], pa.bool_())


# -- floats -----------------------------------------------------------------------------------------------------------
_FLOAT = r"^[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|(?i:inf|infinity|nan))$"
_PLAIN = {32: (-5, 13), 64: (-4, 16)}
"""Between which numbers of digits before the point a float is written without an exponent, by its bits."""


def _string_to_float(strings: pa.Array, bits: int, strict: bool) -> pa.Array | tuple[pa.Array, pa.Array]:
    valid = pc.match_substring_regex(strings, _FLOAT)
    digits = pc.replace_substring_regex(pc.if_else(valid, strings, None), r"^\+", "")
    values = pc.cast(digits, pa.float32() if bits == 32 else pa.float64())
    return (pc.fill_null(values, 0.0), pc.invert(valid)) if strict else values


def _float_to_string(values: pa.Array) -> pa.Array:
    least, most = _PLAIN[values.type.bit_width]
    return pa.array([_shown(t, least, most) for t in pc.cast(values, pa.large_string()).to_pylist()], pa.large_string())


def _shown(text: str, least: int, most: int) -> str:
    """The shortest digits of a float, as Polars puts the point among them.

    >>> [_shown(t, -4, 16) for t in ("1", "-0", "0.00001", "1e-7", "1.5e+16", "nan")]
    ['1.0', '-0.0', '0.00001', '1e-7', '1.5e+16', 'NaN']
    """
    sign, body = ("-", text[1:]) if text[0] == "-" else ("", text)
    if body in ("nan", "inf"):
        return "NaN" if body == "nan" else text
    mantissa, _, exponent = body.partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits, before = (whole + fraction).lstrip("0"), len(whole) + int(exponent or 0)
    before -= len(whole + fraction) - len(digits)
    digits = digits.rstrip("0")
    if not digits:
        return sign + "0.0"
    if not least <= before <= most:
        rest = f".{digits[1:]}" if digits[1:] else ""
        return f"{sign}{digits[0]}{rest}e{before - 1:{'+' if before > 0 else ''}d}"
    if before <= 0:
        return f"{sign}0.{'0' * -before}{digits}"
    return f"{sign}{digits[:before].ljust(before, '0')}.{digits[before:] or '0'}"


def _string_to_enum(strings: Any, strict: bool, categories: tuple[str, ...]) -> pa.Array | tuple[pa.Array, pa.Array]:
    """Numbers of categories."""
    names = strings if isinstance(strings, pa.Array) else pa.array([strings], pa.large_string())
    numbers = pc.index_in(names, value_set=pa.array(categories, names.type))
    return (numbers.fill_null(0), numbers.is_null()) if strict else numbers


def _decimal_to_string(values: pa.Array) -> pa.Array:
    return pa.array([f"{v:f}" for v in values.to_pylist()], pa.large_string())


@lru_cache(maxsize=4096)
def _length(text: str, stepping: bool) -> tuple[int, int, int] | None:
    """Months, days and nanoseconds of a length of time; or of a step, months, nanoseconds and whether it is of weeks."""
    try:
        if stepping:
            months, nanoseconds, weekly = step(text)
            return months, nanoseconds, int(weekly)
        length = span(text)
    except ValueError:
        return None
    return length.months, length.days, length.nanoseconds


def _length_of_time(strings: pa.Array, part: int) -> tuple[pa.Array, pa.Array]:
    """One of six numbers: the three of a length of time, or the three of a step."""
    lengths = [None if s is None else _length(s, part > 2) for s in strings.to_pylist()]
    nothing = int(part == 3)  # so that of text that is none nothing else is complained of: no time at all, or steps of a month
    values = pa.array([nothing if f is None else f[part % 3] for f in lengths], pa.int64())
    return values, pa.array([f is None for f in lengths], pa.bool_())


HOST: dict[str, Callable[..., Any]] = {
    "contains": _contains,
    "count_matches": _count_matches,
    "decimal_to_string": _decimal_to_string,
    "extract": _extract,
    "find": _find,
    "float_to_string": _float_to_string,
    "ilike": _ilike,
    "length_of_time": _length_of_time,
    "replace": _replace,
    "string_to_enum": _string_to_enum,
    "string_to_float": _string_to_float,
    "to_lowercase": _each(str.lower),
    "to_titlecase": _each(str.title),
    "to_uppercase": _each(str.upper),
}
"""Each takes an Arrow array for every argument that varies, a Python value for every other one, and then the constants of the
signature. It answers an Arrow array with nulls where there is no result, or one and a mask of what does not fit."""


def refuse(host: str, given: tuple[Any, ...]) -> None:
    """Raise what a host function raises whatever its strings are. `given` are its further arguments, None for one that is no
    literal, and the constants."""
    none = pa.array([], pa.large_string())
    HOST[host](none, *(none if g is None else g for g in given))
