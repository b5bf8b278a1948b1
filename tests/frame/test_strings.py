"""Every string function on hostile strings: against Polars, or DuckDB where SQL has it; layouts, partitions and targets.

All functions of one frame are one query: what is compared is column by column.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import dask
import duckdb
import polars as pl
import pytest
from gpuflow_kernels.declare.scalar import SCALARS

import gpuflow as gf
from gpuflow.errors import ArithmeticOverflowError, PlanError, TypeMismatchError, UnsupportedError
from tests.cuda_model.runtime import cuda_model
from tests.support.running import difference, running

STRINGS = [
    "", "a", "ab", None, "  x y\t", "żółw😀", "a\0b", "-12", "+5", "éa", "ΑΣ ΟΔΟΣ", "straße", "\u3000x\u00a0", "ǆ", "İ", "%_%",
    "a\nb", "aXbXc", "aaaa", "[a]$1\\", "2020-01-31", "1e3", "inf", "9223372036854775808", "0x1f", "TRUE", "don't STOP", "😀😀a",
    "ab" * 40, "b,ą,,c", None, "-", "007", "18446744073709551615", "\r\n", "a-b-c",
]  # fmt: skip
OTHERS = ["", "a", "b", "ż", None, "😀", "X", "ab", "%", "\0"]
ROWS = pl.DataFrame(
    {
        "s": STRINGS * 2,
        "t": [OTHERS[k % len(OTHERS)] for k in range(2 * len(STRINGS))],
        "n": [None if k % 11 == 5 else k % 9 - 4 for k in range(2 * len(STRINGS))],
    }
)
FEW = ROWS[:36]

Expression = Callable[[Any, Any], Any]
"""From a column ``s`` and a module (`gpuflow` or `polars`) to an expression."""


@dataclass(frozen=True)
class Case:
    """`ours`, which `theirs` (the same by default) means in Polars. `sql` is asked of DuckDB instead, `python` of each row's
    strings (``s, t, n``; only where none is null)."""

    name: str
    ours: Expression
    theirs: Expression | None = None
    sql: str = ""
    python: Callable[..., Any] | None = None


def reading(kind: str) -> Expression:
    return lambda s, m: s.cast(getattr(m, kind), strict=False)


CASES: dict[str, Expression] = {
    # -- parts
    "len_chars": lambda s, m: s.str.len_chars(),
    "len_bytes": lambda s, m: s.str.len_bytes(),
    **{f"slice {o} {n}": (lambda s, m, o=o, n=n: s.str.slice(o, n)) for o, n in (
        (0, None), (-(2**63), None), (1, 2), (-2, None),
        (-2, 1), (-10, 9), (-10, 2), (100, 2), (1, 0), (-3, 2), (-(2**62), 2**62))},
    **{f"head {n}": (lambda s, m, n=n: s.str.head(n)) for n in (0, 2, -1, -2, -100, 100)},
    **{f"tail {n}": (lambda s, m, n=n: s.str.tail(n)) for n in (0, 2, -1, -2, -100, 100)},
    "slice by column": lambda s, m: s.str.slice(m.col("n")),
    "head by column": lambda s, m: s.str.head(m.col("n")),
    "strip_chars": lambda s, m: s.str.strip_chars(),
    "strip_chars none": lambda s, m: s.str.strip_chars(""),
    "strip_chars some": lambda s, m: s.str.strip_chars("aż😀 "),
    "strip_chars column": lambda s, m: s.str.strip_chars(m.col("t").fill_null("b")),
    "strip_chars_start": lambda s, m: s.str.strip_chars_start("-a"),
    "strip_chars_end": lambda s, m: s.str.strip_chars_end(),
    "strip_prefix": lambda s, m: s.str.strip_prefix("a"),
    "strip_prefix column": lambda s, m: s.str.strip_prefix(m.col("t")),
    "strip_suffix": lambda s, m: s.str.strip_suffix("😀"),
    "strip_suffix empty": lambda s, m: s.str.strip_suffix(""),
    # -- searching
    **{f"{f} {p!r}": (lambda s, m, f=f, p=p: getattr(s.str, f)(p)) for f in ("starts_with", "ends_with") for p in (
        "", "a", "żó", "b" * 500, "\0b")},
    "starts_with column": lambda s, m: s.str.starts_with(m.col("t")),
    "ends_with column": lambda s, m: s.str.ends_with(m.col("t")),
    **{f"{f} literal {p!r}": (lambda s, m, f=f, p=p: getattr(s.str, f)(p, literal=True))
       for f in ("contains", "find", "count_matches") for p in ("", "a", "aa", "ółw", "\0", ".", "q" * 400)},
    "contains literal column": lambda s, m: s.str.contains(m.col("t"), literal=True),
    "find literal column": lambda s, m: s.str.find(m.col("t"), literal=True),
    **{f"{f} {p!r}": (lambda s, m, f=f, p=p: getattr(s.str, f)(p))
       for f in ("contains", "find", "count_matches")
       for p in ("", "a|ż", r"\d+", r"\w$", "^.$", r"\s", "(?i)É|straSSE", r"[^\w\s]", "b*", r"\x{1f600}", "[[:upper:]]{2}")},
    "contains bad": lambda s, m: s.str.contains("(", strict=False),
    **{f"extract {p!r} {g}": (lambda s, m, p=p, g=g: s.str.extract(p, g)) for p, g in (
        ("(a)|(b)", 2), ("a(x)?", 1), ("a(x)?", 0), ("a(x)?", 5), ("(x*)", 1), (r"(?<w>\w+).(\w)", 2))},
    # -- changing
    **{f"replace literal {p!r} {v!r} {n}": (lambda s, m, p=p, v=v, n=n: s.str.replace(p, v, literal=True, n=n)) for p, v, n in (
        ("a", "<$0>", 1), ("", "-", 1), ("", "-", 3), ("a", "", 2), ("X", "żż", 9), ("aa", "b", 2), ("q", "z", 1),
        ("a", "z", 0))},
    **{f"replace every {p!r} literal {k}": (lambda s, m, p=p, k=k: s.str.replace(p, "<x>", literal=k, n=-1)) for p, k in (
        ("a", True), ("", True), ("[aeiou]+", False), ("^", False), ("(?i)S", False)
    )},
    **{f"replace {p!r} {v!r}": (lambda s, m, p=p, v=v: s.str.replace(p, v)) for p, v in (
        ("a|ż", "<$0>"), ("", "-"), ("a", "\0"), ("a", "<${}${ 0}${00}${0>"), (r"\p{L}\x{58}{1,2}", "$0$"),
        ("a", "$$0${0}"), ("(?:(a)$|a)", "<$1>"), ("(?m)^b|(b)", "<$1$0>"),
        (r"[\.a]\x5cb?|a", "\\b"), ("(?<n>[ab])", "${n}$1$$$1x\\"), ("([ab])", "${1}1"), (r"\s", ""))},
    **{f"replace_all {p!r} {v!r}": (lambda s, m, p=p, v=v: s.str.replace_all(p, v)) for p, v in (
        ("a|ż", "<$0>"), ("", "-"), ("(?<n>[ab])", "${n}$1$$$1x\\"), (r"\w", ""), ("b*", "-"))},
    **{f"replace_all literal {p!r} {v!r}": (lambda s, m, p=p, v=v: s.str.replace_all(p, v, literal=True)) for p, v in (
        ("a", "bb"), ("", "-"), ("aa", "x"), ("\0", "NUL"), ("😀", ""))},
    "concat": lambda s, m: s + "-" + s,
    "concat column": lambda s, m: m.col("t") + s,
    "concat nothing": lambda s, m: s + m.lit(None),
    "concat_str": lambda s, m: m.concat_str(["s", "t", "n"], separator="é"),
    "concat_str nulls": lambda s, m: m.concat_str(["t", "s", "n"], separator=", ", ignore_nulls=True),
    **{f"pad_start {n} {c}": (lambda s, m, n=n, c=c: s.str.pad_start(n, c)) for n, c in ((0, " "), (4, "ż"), (7, "😀"))},
    **{f"pad_end {n} {c}": (lambda s, m, n=n, c=c: s.str.pad_end(n, c)) for n, c in ((0, " "), (4, "ż"), (7, "😀"))},
    "zfill": lambda s, m: s.str.zfill(5),
    "zfill nothing": lambda s, m: s.str.zfill(0),
    "to_lowercase": lambda s, m: s.str.to_lowercase(),
    "to_uppercase": lambda s, m: s.str.to_uppercase(),
    "to_titlecase": lambda s, m: s.str.to_titlecase(),
    # -- reading and writing
    **{f"cast {k}": reading(k) for k in ("Int8", "Int64", "UInt8", "UInt64", "Float64", "Float32")},
    **{f"to_integer {b}": (lambda s, m, b=b: s.str.to_integer(base=b, strict=False)) for b in (2, 10, 16, 36)},
    "to_integer narrow": lambda s, m: s.str.to_integer(base=10, dtype=m.UInt8, strict=False),
    "to_date": lambda s, m: s.str.to_date("%Y-%m-%d", strict=False),
    "to_datetime": lambda s, m: s.str.to_datetime("%Y-%m-%d", time_unit="ms", strict=False),
    "strptime": lambda s, m: s.str.strptime(m.Date, "%F", strict=False),
    "nested": lambda s, m: s.str.to_lowercase().str.strip_chars().str.slice(s.str.len_chars().cast(m.Int64) - 2).str.len_chars(),
    "in a condition": lambda s, m: m.when(s.str.len_bytes() > 3).then(s.str.head(2)).otherwise(s + "!"),
    "is_in": lambda s, m: s.str.head(1).is_in(["a", "ż", ""]),
    "compared": lambda s, m: s.str.tail(1) >= m.col("t"),
}  # fmt: skip

SQL = {
    **{f"like {p!r}": (lambda s, m, p=p: s.str.like(p), "like", p) for p in (
        "a%", "%", "", "_", "%_%", "____%", "a%b%", "%\0%", "%%c", "_a_", "żó%", "%\\")},
    **{f"ilike {p!r}": (lambda s, m, p=p: s.str.ilike(p), "ilike", p) for p in (
        "A%", "ŻÓŁ_%", "STRAßE", "%σ%", "%x_", "inF", "İ")},
}  # fmt: skip


def reversed_characters(s: str, _t: str, _n: int) -> str:
    return s[::-1]


def pairs() -> Iterator[Case]:
    for name, expression in CASES.items():
        yield Case(name, expression)
    for name, (expression, operator, pattern) in SQL.items():
        literal = pattern.replace("'", "''").replace("\0", "' || chr(0) || '")
        yield Case(name, expression, sql=f"s {operator} ('{literal}')")
    for by, index in (
        (",", 1),
        (",", 2),
        (",", 4),
        (",", 0),
        (",", -1),
        (",", -9),
        ("", 1),
        ("", -2),
        ("", 0),
        ("", 99),
        ("aa", -1),
    ):
        yield Case(
            f"split_part {by!r} {index}",
            lambda s, m, b=by, i=index: s.str.split_part(b, i),
            sql=f"split_part(s, '{by}', {index})",
        )
    yield Case("like column", lambda s, m: s.str.like(m.col("t")), sql="s like t")
    yield Case("ilike column", lambda s, m: s.str.ilike(m.col("t")), sql="s ilike t")
    yield Case("split_part column", lambda s, m: s.str.split_part(m.col("t"), m.col("n")), sql="split_part(s, t, n)")
    yield Case("cast bool", lambda s, m: s.cast(m.Boolean, strict=False), sql="try_cast(s as boolean)")
    yield Case("cast date", lambda s, m: s.cast(m.Date, strict=False), lambda s, m: s.str.to_date("%F", strict=False))
    yield Case(
        "to_decimal",
        lambda s, m: s.str.to_decimal(scale=0),
        lambda s, m: s.str.to_decimal(scale=0).cast(m.Decimal(18, 0), strict=False),
    )
    for pattern, value, ours in (
        ("a|ż", r"<\g<0>>", "<$0>"), ("([ab])(X)?", r"\1-", "$1-"), ("^", "-", "-"), ("$", "", ""),
        ("(?m)$", "\1\2\3", "\1\2\3"), ("[^a]", "", ""), ("a", "\U00100000", "\U00100000"), ("x+$|a", r"_", "_"),
    ):  # fmt: skip
        for n in (0, 2, 3, 100):
            yield Case(
                f"replace {pattern!r} {ours!r} {n}",
                lambda s, m, p=pattern, v=ours, n=n: s.str.replace(p, v, n=n),
                python=lambda s, _t, _n, p=pattern, v=value, n=n: re.sub(p, v, s, count=n) if n else s,
            )
    yield Case("reverse", lambda s, m: s.str.reverse(), python=reversed_characters)  # Polars keeps grapheme clusters together


ALL = list(pairs())


def expected(rows: pl.DataFrame, cases: list[Case]) -> dict[str, pl.Series]:
    """The columns that the oracles give."""
    plain = [c for c in cases if not c.sql and c.python is None]
    found = {c.name: answer for c, answer in zip(plain, rows.select(
        (c.theirs or c.ours)(pl.col("s"), pl).alias(str(k)) for k, c in enumerate(plain)), strict=True)}  # fmt: skip
    asked = [c for c in cases if c.sql]
    if asked:
        text = ", ".join(f"{c.sql} as c{k}" for k, c in enumerate(asked))
        answer = duckdb.sql(f"select {text} from rows").pl()
        found |= {c.name: answer[f"c{k}"] for k, c in enumerate(asked)}
    for c in cases:
        if c.python is not None:
            found[c.name] = pl.Series([None if r[0] is None else c.python(*r) for r in rows.select("s", "t", "n").iter_rows()])
    return found


def check(rows: pl.DataFrame, cases: list[Case], parts: int, layout: str, target: str) -> None:
    wanted = expected(rows, cases)
    with running(target, parts=parts, rows=len(rows)), dask.config.set({"gpuflow.strings": layout}):
        query = gf.from_polars(rows).select(**{f"c{k}": c.ours(gf.col("s"), gf) for k, c in enumerate(cases)})
        found = query.collect().to_polars()
    wrong = []
    for k, c in enumerate(cases):
        ours, theirs = found[f"c{k}"], wanted[c.name]
        assert ours.dtype == theirs.dtype or c.sql or c.python, (c.name, ours.dtype, theirs.dtype)
        about = difference([(v,) for v in ours.to_list()], [(v,) for v in theirs.to_list()], ordered=True)
        wrong += [f"{c.name}: {about.splitlines()[0]}"] if about else []
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("parts", [1, 7])
@pytest.mark.parametrize("layout", ["dictionary", "plain"])
def test_functions(layout: str, parts: int) -> None:
    check(ROWS, ALL, parts, layout, "python")


def test_no_rows() -> None:
    check(ROWS[:0], [c for c in ALL if not c.sql], 1, "auto", "python")


def test_only_nulls() -> None:
    check(ROWS.filter(pl.col("s").is_null()), [c for c in ALL if c.python is None], 2, "auto", "python")


COMPILED = [
    "len_chars", "slice -2 1", "split_part ',' 2", "like '____%'", "find literal 'aa'", "replace literal 'aa' 'b' 2",
    "concat column", "pad_start 4 ż", "to_uppercase", "to_integer 16", "to_date",
]  # fmt: skip


@pytest.mark.parametrize("layout", ["dictionary", "plain"])
def test_compiled(layout: str) -> None:
    check(ROWS, [c for c in ALL if c.name in COMPILED], 2, layout, "cpu")


@pytest.mark.parametrize("layout", ["dictionary", "plain"])
def test_on_the_model_of_a_gpu(layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpuflow.execute.dask.cuda_problem", lambda: None)
    chosen = ("slice -2 1", "like '____%'", "replace literal 'aa' 'b' 2", "concat column", "to_integer 16", "cast Float64")
    with cuda_model() as device:
        check(FEW, [c for c in ALL if c.name in chosen], 1, layout, "cuda")
    assert device.launches


# -- what raises -------------------------------------------------------------------------------------------------------
def test_arguments_that_are_none_raise() -> None:
    s = gf.col("s")
    frame = gf.from_polars(pl.DataFrame({"s": ["a"], "n": [1]}))
    wrong: list[tuple[Any, type[Exception], str]] = [
        (s.str.len_chars() + "a", TypeMismatchError, "does not accept"),
        (gf.col("n").str.len_chars(), TypeMismatchError, "accepts string"),
        (s + 1, TypeMismatchError, "cast"),
        (s.str.pad_start(3, "ab"), PlanError, "fill_char='ab' is not one character"),
        (s.str.to_integer(base=37), PlanError, "base=37 is not a whole number from 2 to 36"),
        (s.str.to_integer(dtype=gf.Float64), PlanError, "a type of integers"),
        (s.str.replace("a", "b", n=-2), PlanError, "n=-2 is not a whole number"),
        (s.str.strptime(gf.Int8, "%Y"), PlanError, "reads dates and timestamps"),
        (s.str.to_datetime(time_unit="h"), PlanError, "time_unit='h'"),
    ]
    for expression, error, message in wrong:
        with pytest.raises(error, match=message):
            frame.select(expression)
    with pytest.raises(PlanError, match="neither True nor False"):  # as soon as it is written
        s.str.contains("a", literal=1)
    with running(), pytest.raises(ArithmeticOverflowError, match="pad_start does not fit"):
        frame.select(s.str.pad_start(2**31)).collect()


S = gf.col("s").str
PATTERNS: dict[str, tuple[Any, type[Exception], str]] = {
    "open group": (S.contains("ab("), PlanError, r"'ab\(' is not a regular expression, at position 2: missing \)"),
    "closed group": (S.replace("ż)(b", "x"), PlanError, r"is not a regular expression, at position 1: unexpected \)"),
    "open class": (S.find("ab[c"), PlanError, r"at position 2: missing \]: \[c; escape .* or look for the text itself"),
    "repeated twice": (S.count_matches("a**"), PlanError, r"at position 1: bad repetition operator: \*\*"),
    "repeated nothing": (S.replace_all("*", ""), PlanError, r"at position 0: no argument for repetition operator"),
    "no count": (S.contains("a{,2}"), PlanError, r"at position 1: no count of repetitions .* for itself is \\{"),
    "look around": (S.contains("a(?=b)"), PlanError, r"at position 1: invalid perl operator: \(\?="),
    "named group": (S.extract("(?<x>a", 3), PlanError, r"is not a regular expression: missing \): \(a"),
    "nested class": (S.count_matches("[a&&b]"), UnsupportedError, r"cannot be nested or combined, as at position 2"),
    "nested class, not strict": (S.contains("[a&&b]", strict=False), UnsupportedError, "cannot be nested or combined"),
    "flag x": (S.find("(?x) a"), UnsupportedError, "flag x at position 0"),
    "bytes": (S.replace_all(r"a\C", ""), UnsupportedError, r"\\C at position 1 is not supported"),
    "begin of a word": (S.contains(r"\<a"), UnsupportedError, r"\\< at position 0 is not supported"),
    "no words in a class": (S.contains(r"[\W]"), UnsupportedError, r"\\W at position 1 cannot stand within brackets"),
    "many groups": (S.replace("(a)" * 9, "$8"), UnsupportedError, "only the first 7 groups"),
    "pattern by row": (S.contains(gf.col("s")), UnsupportedError, "differs from row to row"),
    "replacement by row": (S.replace("a", gf.col("s")), UnsupportedError, "differs from row to row"),
    "computed pattern": (S.contains(gf.lit("a") + "b"), UnsupportedError, "computed or differs"),
    "in a condition": (gf.when(S.contains("(")).then(1).otherwise(2), PlanError, "is not a regular expression"),
}  # fmt: skip


@pytest.mark.parametrize("name", PATTERNS)
def test_patterns_that_are_none_are_told_at_once(name: str) -> None:
    expression, error, message = PATTERNS[name]
    frame = gf.from_dict({"s": ["a"]})
    for make in (frame.select, frame.with_columns, frame.group_by):
        with pytest.raises(error, match=message):
            make(x=expression)


@pytest.mark.parametrize("layout", ["dictionary", "plain"])
def test_null_arguments_are_null_and_negative_lengths_nothing(layout: str) -> None:
    frame = gf.from_dict({"s": [" a", "b"], "t": [None, "b"], "n": [None, -3]})
    t, n = gf.col("t"), gf.col("n")
    found = frame.select(a=S.strip_chars(t), b=S.slice(0, n.abs()), c=S.replace("a", t, literal=True), d=S.zfill(n),
                         e=S.pad_end(n, "x"), f=S.pad_start(-1))  # fmt: skip
    with running(), dask.config.set({"gpuflow.strings": layout}):
        assert found.collect().to_dict() == {
            "a": [None, ""], "b": [None, "b"], "c": [None, "b"], "d": [None, "b"], "e": [None, "b"], "f": [" a", "b"],
        }  # fmt: skip


def test_patterns_that_are_null_or_not_strict() -> None:
    with running():
        found = gf.from_dict({"s": ["a(", None]}).select(a=S.contains(gf.lit(None)), c=S.contains("(", strict=False))
        assert found.collect().to_dict() == {"a": [None, None], "c": [None, None]}


@pytest.mark.parametrize("method", ["contains", "find", "count_matches", "extract", "replace", "replace_all"])
def test_edges_of_words_are_found_in_ascii_and_refused_beyond(method: str) -> None:
    arguments = {"extract": [0], "replace": ["<$0>"], "replace_all": ["<$0>"]}.get(method, [])
    ascii_only = pl.DataFrame({"s": ["a cat", "concat", "", None]})
    for pattern in (r"\bcat\b", r"\Bcat"):
        expected = ascii_only.select(getattr(pl.col("s").str, method)(pattern, *arguments))["s"].to_list()
        asked = getattr(gf.col("s").str, method)(pattern, *arguments)
        with running():
            assert gf.from_polars(ascii_only).select(asked).collect().to_dict()["s"] == expected
            with pytest.raises(UnsupportedError, match="know ASCII letters only"):
                gf.from_polars(pl.DataFrame({"s": ["a cat", "kąt"]})).select(asked).collect()


# -- cases -------------------------------------------------------------------------------------------------------------
TEXT = [n for n, f in SCALARS.items() if f.method and f.namespace and f.overloads[0].of_text]


def test_every_text_function_has_a_case() -> None:
    cased = {c.name.split()[0] for c in ALL} | {"strftime", "to_string"}
    assert {n.partition(".")[2] for n in TEXT} <= cased
