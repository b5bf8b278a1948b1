"""Names of columns where Tab is pressed inside a string of IPython or a notebook: ``flights.filter(gf.col("de<Tab>``."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from inspect import isfunction, signature
from typing import Any

TAKES_NAMES = frozenset(
    "col filter select with_columns group_by agg sort drop unique drop_nulls when then otherwise coalesce concat_str "
    "max_horizontal min_horizontal from_epoch date datetime duration column get_column to_numpy item".split()
)
"""Functions and methods that take a column's name as a string."""

TAKES_DICTS = frozenset(("rename", "cast"))
"""Methods that take a dict by column's name."""

NAMED = frozenset(("on", "left_on", "right_on", "subset", "columns"))
"""Parameters that are columns' names, whatever is called."""

COMPUTES = frozenset(("select", "with_columns", "group_by", "agg", "duration", "date", "datetime"))
"""Functions whose parameters are columns under new names, or parts of times."""

_WORD = re.compile(r"([A-Za-z_][\w.]*)\s*$")
_KEYWORD = re.compile(r"(\w+)\s*=\s*$")
_PREFIX = re.compile(r"(?<![\w])([A-Za-z]{0,2})$")
_KEYWORDS = frozenset(("in", "return", "and", "or", "not", "yield", "else", "if"))
_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*")


@dataclass(frozen=True)
class OpenString:
    """A string that is not closed where the cursor stands.

    Attributes
    ----------
    start : int
        Where its quote stands.
    quote : str
        The quote.
    brackets : tuple of int
        Where the brackets stand that are open before it, the innermost one last.
    """

    start: int
    quote: str
    brackets: tuple[int, ...]


def open_string(code: str) -> OpenString | None:
    """Find the string that `code` ends in; None where it ends outside of strings, or in one of several lines.

    Parameters
    ----------
    code : str
        Python code up to the cursor.

    Examples
    --------
    >>> open_string('frame.select("a", ["b')
    OpenString(start=19, quote='"', brackets=(12, 18))
    >>> open_string('frame.select("a")') is None
    True
    """
    brackets: list[int] = []
    at = 0
    while at < len(code):
        sign = code[at]
        if sign == "#":
            at = (code + "\n").find("\n", at)
        elif sign in "([{":
            brackets.append(at)
        elif sign in ")]}":
            del brackets[-1:]
        elif sign in "\"'":
            quote = sign * 3 if code.startswith(sign * 3, at) else sign
            end = _end(code, at + len(quote), quote)
            if end is None:
                return None if len(quote) == 3 else OpenString(at, quote, tuple(brackets))
            at = end - 1
        at += 1
    return None


def _end(code: str, at: int, quote: str) -> int | None:
    """Where a string is over: behind its quote, or at the end of its line."""
    while at < len(code):
        if code.startswith(quote, at):
            return at + len(quote)
        if code[at] == "\n" and len(quote) == 1:
            return at
        at += 2 if code[at] == "\\" else 1
    return None


def owner_of(code: str, string: OpenString) -> str | None:
    """Find out whether a column's name belongs into an open string.

    Returns
    -------
    str or None
        The name of the indexed object for ``table["``, an empty string for an argument that is a column's name, None for
        any other string.
    """
    prefixed = code[: string.start]
    before = prefixed[: len(prefixed) - len(_PREFIX.search(prefixed)[1])].rstrip()  # type: ignore[index]
    if prefixed[len(before) :].strip().lower() not in ("", "r", "u"):
        return None
    for number, position in reversed(list(enumerate(string.brackets))):
        sign, head = code[position], code[:position].rstrip()
        word = _WORD.search(head)
        if sign == "(" and word is not None:
            return "" if _is_name(before, word[1].rpartition(".")[2]) else None
        if not before.endswith((sign, ",")):
            return None
        if sign == "{":  # the key of a dict, unless a value of it
            called = _WORD.search(code[: string.brackets[number - 1]]) if number else None
            return "" if called is not None and called[1].rpartition(".")[2] in TAKES_DICTS else None
        if sign == "[" and word is not None and word[1] not in _KEYWORDS:
            return word[1] if "." not in word[1] else None
        if sign == "[" and head.endswith((")", "]")):
            return None
        before = head  # a list or tuple of names, which stands where a name can
    return None


def _is_name(before: str, called: str) -> bool:
    """True if what follows `before`, an argument of `called`, is a column's name."""
    keyword = _KEYWORD.search(before)
    if keyword is not None:
        return keyword[1] in NAMED or called in COMPUTES
    return called in TAKES_NAMES and before.endswith(("(", ",", "["))


def column_names(code: str, namespace: Mapping[str, Any]) -> tuple[str, list[str]]:
    """List the columns that the string can name in which `code` ends.

    Names come from frames and tables of the namespace: from those that the code mentions, where they have any that fit.
    Nothing is read or computed.

    Parameters
    ----------
    code : str
        Python code up to the cursor.
    namespace : mapping of str to object
        The user's variables.

    Returns
    -------
    tuple of str and list of str
        What the string holds so far, and how it can go on, in whole.

    Examples
    --------
    >>> import gpuflow as gf
    >>> flights = gf.from_dict({"dep_delay": [1], "dest": ["LGA"], "tailnum": ["N1"]})
    >>> column_names('flights.filter(gf.col("de', {"flights": flights})
    ('de', ['dep_delay', 'dest'])
    """
    string = open_string(code)
    owner = None if string is None else owner_of(code, string)
    if string is None or owner is None:
        return "", []
    begun = code[string.start + 1 :]
    if owner:
        from gpuflow.frame.table_data import TableData

        tables = [t for t in (namespace.get(owner),) if isinstance(t, TableData)]  # a Frame is not indexed
        return begun, list(_fitting(tables, begun, string.quote))
    mentioned = [namespace.get(name) for name in dict.fromkeys(_NAME.findall(code[: string.start]))]
    names = list(_fitting(filter(_has_columns, mentioned), begun, string.quote))
    others = (value for name, value in list(namespace.items()) if not name.startswith("_") and _has_columns(value))
    return begun, names or list(_fitting(others, begun, string.quote))


def _has_columns(value: Any) -> bool:
    from gpuflow.frame.tabular import Tabular

    return isinstance(value, Tabular)


def _fitting(tables: Iterable[Any], begun: str, quote: str) -> Iterator[str]:
    """Column names that go on as a string has begun, each once, as they are written between its quotes."""
    written = (n.replace("\\", "\\\\").replace(quote, f"\\{quote}") for table in tables for n in table.columns if n.isprintable())
    return iter(dict.fromkeys(name for name in written if name.startswith(begun)))


_IDENTIFIER = "gpuflow.columns"


def register(shell: Any = None) -> bool:
    """Have an IPython shell complete names of columns; does nothing where IPython does not run, and never imports it.

    Parameters
    ----------
    shell : InteractiveShell, optional
        The running one by default.

    Returns
    -------
    bool
        True if the shell completes them from now on, or did so before.
    """
    if shell is None:
        running = getattr(sys.modules.get("IPython"), "get_ipython", None)
        shell = running() if running is not None else None
    matchers = getattr(getattr(shell, "Completer", None), "custom_matchers", None)
    if matchers is None:
        return False
    if any(getattr(m, "matcher_identifier", "") == _IDENTIFIER for m in matchers):
        return True

    def match(context: Any) -> dict[str, Any]:
        try:
            lines = context.full_text.split("\n")
            code = "\n".join([*lines[: context.cursor_line], lines[context.cursor_line][: context.cursor_position]])
            begun, names = column_names(code, shell.user_ns)
            kind = sys.modules["IPython.core.completer"].SimpleCompletion
            completions = [kind(text=name, type="column") for name in names]
        except Exception:  # an error while typing helps nobody
            begun, completions = "", []
        return {"completions": completions, "matched_fragment": begun, "suppress": True} if completions else {"completions": []}

    match.matcher_api_version = 2  # type: ignore[attr-defined]
    match.matcher_priority = 200  # type: ignore[attr-defined]
    match.matcher_identifier = _IDENTIFIER  # type: ignore[attr-defined]
    matchers.append(match)
    _allow_building(shell.Completer)
    return True


def _allow_building(completer: Any) -> None:
    """Let IPython call what builds expressions and frames, so that it offers their methods where jedi is switched off.

    Without jedi IPython evaluates what stands before the dot, and calls no function that is not known to be harmless.
    These read and compute nothing.
    """
    try:
        policy = import_module("IPython.core.guarded_eval").EVALUATION_POLICIES["limited"]
    except (ImportError, AttributeError, LookupError):  # another version of IPython
        return
    overrides = getattr(completer, "policy_overrides", None)
    if getattr(completer, "evaluation", "") != "limited" or not hasattr(policy, "allowed_getattr") or overrides is None:
        return
    from gpuflow import expr
    from gpuflow.expr.methods import Namespace
    from gpuflow.frame.group_by import GroupBy
    from gpuflow.frame.query_methods import QueryMethods

    classes: list[type] = [expr.Expr, *QueryMethods.__subclasses__(), GroupBy, *Namespace.__subclasses__()]
    bases = dict.fromkeys(base for kind in classes for base in kind.__mro__ if base.__module__.startswith("gpuflow."))
    functions = [*vars(expr).values(), *(f for base in bases for f in vars(base).values())]
    built = ("Expr", "ExprT", "Frame", "FrameT", "GroupBy[FrameT]", "When", "Then")
    harmless = {f for f in functions if isfunction(f) and signature(f).return_annotation in built}
    allowed = {"allowed_calls": harmless, "allowed_getattr": set(classes)}
    completer.policy_overrides = {
        **overrides,
        **{name: overrides.get(name, getattr(policy, name)) | more for name, more in allowed.items()},
    }
