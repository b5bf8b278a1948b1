"""Take function bodies from their source as text when declared, so that they can be sent to workers."""

from __future__ import annotations

import ast
import hashlib
import inspect
import textwrap
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from .errors import ExtensionError

parsing = threading.Lock()
"""Held while text is parsed or a syntax tree compiled: CPython before 3.11.8 counts their depth over all threads, and fails at
random."""


def parse(text: str, mode: str = "exec") -> Any:
    """Parse a text, one thread at a time."""
    with parsing:
        return ast.parse(text, mode=mode)


def bare(function: FunctionType) -> ast.FunctionDef:
    """Parse a function's definition and drop annotations, docstring and decorators; return a new tree at every call."""
    node = parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(node, ast.FunctionDef)
    node.returns, node.decorator_list = None, []
    for argument in node.args.args:
        argument.annotation = None
    if isinstance(node.body[0], ast.Expr):
        node.body = node.body[1:]
    return node


@dataclass(frozen=True, slots=True)
class Body:
    """One Python function as text.

    `text` is a ``def`` with a content-derived name, without decorators, annotations, docstring and defaults;
    `params` its parameter names; `captured` the numeric constants it uses from outside, as (name, value): they are
    bound in the text's place as arguments or literals, never as globals.
    """

    name: str
    params: tuple[str, ...]
    text: str
    captured: tuple[tuple[str, int | float | bool], ...] = ()

    @property
    def tree(self) -> ast.FunctionDef:
        node = parse(self.text).body[0]
        assert isinstance(node, ast.FunctionDef)
        return node


_BUILTIN_NAMES = frozenset({"abs", "range"})


def body_of(function: Callable[..., Any], *, allowed: frozenset[str], what: str) -> Body:
    """Take the source of `function` as a `Body`.

    Parameters
    ----------
    function : callable
        A plain Python function whose source can be read.
    allowed : frozenset of str
        Free names that the body may use besides its own variables (the functions of `rowmath` and the register types).
    what : str
        How an error names the thing, as in ``scalar 'haversine'``.

    Raises
    ------
    ExtensionError
        When the source cannot be read, or the body uses a name, statement or default that kernels cannot have.
    """
    if getattr(function, "__name__", "") == "<lambda>":
        raise ExtensionError(f"{what}: must be a plain 'def' function, not a lambda")
    try:
        source = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError) as e:
        raise ExtensionError(f"{what}: its source cannot be read ({e}); declare it in a file or a notebook cell") from None
    try:
        node = parse(source).body[0]
    except SyntaxError as e:
        raise ExtensionError(f"{what}: its source cannot be parsed by itself ({e.msg}); write it as a plain def") from None
    if not isinstance(node, ast.FunctionDef):
        raise ExtensionError(f"{what}: must be a plain 'def' function, not a {type(node).__name__.lower()}")
    arguments = node.args
    if arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.defaults:
        raise ExtensionError(f"{what}: parameters must be plain names, without defaults, * or **")
    params = tuple(a.arg for a in (*arguments.posonlyargs, *arguments.args) if a.arg not in ("self", "cls"))
    node.decorator_list, node.returns = [], None
    node.args = ast.arguments(posonlyargs=[], args=[ast.arg(p) for p in params], kwonlyargs=[], kw_defaults=[], defaults=[])
    if node.body and isinstance(node.body[0], ast.Expr) and isinstance(node.body[0].value, ast.Constant):
        node.body = node.body[1:]
    node = ast.fix_missing_locations(_DropAnnotations().visit(node))
    if not node.body or not any(isinstance(n, ast.Return) for n in ast.walk(node)):
        raise ExtensionError(f"{what}: the body must return a value")
    for inner in ast.walk(node):
        if isinstance(inner, _FORBIDDEN):
            raise ExtensionError(f"{what}: a kernel body cannot contain {type(inner).__name__!r}")
    if not _always_returns(node.body):
        raise ExtensionError(f"{what}: there is a way through the body that returns no value; end it with a return")
    for given in returned(node):
        for value in given:
            if value is None or (isinstance(value, ast.Constant) and not isinstance(value.value, (bool, int, float))):
                text = "None" if value is None else ast.unparse(value)
                raise ExtensionError(f"{what}: the body returns {text}, which is no number or bool")
    captured = _captured(function, node, params, allowed, what)
    digest = hashlib.sha256((ast.unparse(node) + repr(captured)).encode()).hexdigest()[:10]
    node.name = f"{function.__name__}_{digest}"
    return Body(node.name, params, ast.unparse(node), captured)


def returned(function: ast.FunctionDef) -> list[list[ast.expr | None]]:
    """Return the values of each return statement of a function; None for a bare return."""
    returns: list[list[ast.expr | None]] = []
    for node in ast.walk(function):
        if isinstance(node, ast.Return):
            returns.append([*node.value.elts] if isinstance(node.value, ast.Tuple) else [node.value])
    return returns


def _always_returns(body: list[ast.stmt]) -> bool:
    """Return whether every path through these statements returns or raises."""
    for node in body:
        if isinstance(node, ast.Return):
            return True
        if isinstance(node, ast.If) and _always_returns(node.body) and _always_returns(node.orelse):
            return True
        endless = isinstance(node, ast.While) and isinstance(node.test, ast.Constant) and bool(node.test.value)
        if endless and not _breaks(node):
            return True
    return False


def _breaks(node: ast.AST) -> bool:
    """Return whether a loop contains a break of its own."""
    inner = (n for n in ast.iter_child_nodes(node) if not isinstance(n, (ast.While, ast.For)))
    return isinstance(node, ast.Break) or any(map(_breaks, inner))


_STATEMENTS = (ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal, ast.ClassDef, ast.Try, ast.With, ast.Raise)
_EXPRESSIONS = (ast.Lambda, ast.Yield, ast.Await, ast.Attribute, ast.JoinedStr)
_COMPREHENSIONS = (ast.ListComp, ast.DictComp, ast.SetComp, ast.GeneratorExp)
_FORBIDDEN = (*_STATEMENTS, *_EXPRESSIONS, *_COMPREHENSIONS)


class _DropAnnotations(ast.NodeTransformer):
    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        if node.value is None:
            return ast.Pass()
        return ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node)


def _captured(
    function: Callable[..., Any], node: ast.FunctionDef, params: tuple[str, ...], allowed: frozenset[str], what: str
) -> tuple[tuple[str, int | float | bool], ...]:
    local = set(params) | {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    free = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)} - local
    closure = inspect.getclosurevars(function)
    outside = {**closure.globals, **closure.nonlocals}
    captured = []
    for name in sorted(free - allowed - _BUILTIN_NAMES):
        value = outside.get(name)
        if not isinstance(value, (bool, int, float)):
            raise ExtensionError(
                f"{what}: uses {name!r}, which is neither an argument, a rowmath function nor a number; "
                f"pass it as an argument or use one of {', '.join(sorted(allowed))}"
            )
        captured.append((name, value))
    return tuple(captured)
