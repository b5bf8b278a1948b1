"""Putting a declared body into the text of a row: parameters replaced, locals renamed, constant masks folded away."""

from __future__ import annotations

import ast
import symtable
from functools import lru_cache
from typing import Any

from gpuflow_kernels.body_source import Body, parse


@lru_cache(maxsize=4096)
def _parsed(body: Body) -> ast.FunctionDef:
    return body.tree


def is_straight(body: Body) -> bool:
    """Whether the body can be pasted into a row: its only return is the last statement."""
    statements = _parsed(body).body
    if not isinstance(statements[-1], ast.Return):
        return False
    returns = sum(isinstance(n, ast.Return) for s in statements for n in ast.walk(s))
    return returns == 1


def _copied(node: Any) -> Any:
    """Copy a tree, which transformers change in place. `copy.deepcopy` took a quarter of the time in which texts are made."""
    if isinstance(node, list):
        return [_copied(n) for n in node]
    if not isinstance(node, ast.AST):
        return node
    new = type(node).__new__(type(node))
    new.__dict__.update((name, _copied(value)) for name, value in node.__dict__.items())
    return new


class _Substitute(ast.NodeTransformer):
    def __init__(self, names: dict[str, ast.expr], prefix: str, local: frozenset[str]) -> None:
        self.names, self.prefix, self.local = names, prefix, local

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in self.local:
            return ast.Name(self.prefix + node.id, node.ctx)
        if isinstance(node.ctx, ast.Load) and node.id in self.names:
            return _copied(self.names[node.id])  # type: ignore[no-any-return]
        return node


def _constant(node: ast.expr) -> bool | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, bool) else None


class _FoldMasks(ast.NodeTransformer):
    """Folds what is decided once masks are known to be True or False."""

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        self.generic_visit(node)
        neutral = isinstance(node.op, ast.And)
        values: list[ast.expr] = []
        for value in node.values:
            known = _constant(value)
            if known is None:
                values.append(value)
            elif known is not neutral:
                return ast.Constant(not neutral) if not values else self._join(node.op, [*values, ast.Constant(not neutral)])
        if not values:
            return ast.Constant(neutral)
        return self._join(node.op, values)

    @staticmethod
    def _join(op: ast.boolop, values: list[ast.expr]) -> ast.expr:
        last = _constant(values[-1])
        if last is not None and last is isinstance(op, ast.Or):
            return ast.Constant(last)  # bodies have no side effects: `x and False` is False
        return values[0] if len(values) == 1 else ast.BoolOp(op, values)

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.op, (ast.BitAnd, ast.BitOr)):
            neutral = isinstance(node.op, ast.BitAnd)
            for one, other in ((node.left, node.right), (node.right, node.left)):
                known = _constant(one)
                if known is not None:
                    return other if known is neutral else ast.Constant(known)
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        known = _constant(node.operand)
        return ast.Constant(not known) if isinstance(node.op, ast.Not) and known is not None else node

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        self.generic_visit(node)
        known = _constant(node.test)
        return node if known is None else (node.body if known else node.orelse)


def inline(body: Body, arguments: tuple[str, ...], prefix: str) -> tuple[list[str], tuple[str, ...]]:
    """The body's statements and the texts it returns, with `arguments` (texts of expressions) for its parameters.

    Parameters
    ----------
    body : Body
        A straight body (`is_straight`).
    arguments : tuple of str
        One expression text per parameter. Texts that are used more than once should be names or literals.
    prefix : str
        Put before the body's own variables, to keep two pastings apart.

    Returns
    -------
    (lines, results)
        Statements to put before (without indentation beyond their own), and the returned expression texts: one, or
        several when the body returns a tuple.
    """
    tree = _copied(_parsed(body))
    names = {p: parse(a, "eval").body for p, a in zip(body.params, arguments, strict=True)}
    names |= {name: ast.Constant(value) for name, value in body.captured}
    stored = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    lines = []
    for parameter in stored & set(names):  # a body that assigns to its own parameter works on a copy
        lines.append(f"{prefix}{parameter} = {ast.unparse(names.pop(parameter))}")
    substitute, fold = _Substitute(names, prefix, frozenset(stored)), _FoldMasks()
    *statements, last = tree.body
    for statement in statements:
        new = fold.visit(substitute.visit(statement))
        lines += ast.unparse(new).splitlines()
    assert isinstance(last, ast.Return) and last.value is not None
    value = fold.visit(substitute.visit(last.value))
    parts = value.elts if isinstance(value, ast.Tuple) else [value]
    return lines, tuple(ast.unparse(p) for p in parts)


def names_used(lines: list[str]) -> set[str]:
    """Free names in statements of generated text."""
    return set(_referenced("\n".join(lines)))


@lru_cache(1024)
def _referenced(text: str) -> frozenset[str]:
    """The names that a text reads. The compiler's own table of them is made far faster than a tree of Python objects."""
    found: set[str] = set()
    scopes = [symtable.symtable(text, "<generated>", "exec")]
    while scopes:
        scope = scopes.pop()
        scopes += scope.get_children()
        found.update(symbol.get_name() for symbol in scope.get_symbols() if symbol.is_referenced())
    return frozenset(found)


def helper_text(body: Body) -> str:
    """The body as a function of its own, for bodies that are not straight; captured numbers become literals."""
    if not body.captured:
        return body.text
    tree = _copied(_parsed(body))
    values: dict[str, ast.expr] = {name: ast.Constant(value) for name, value in body.captured}
    return ast.unparse(_Substitute(values, "", frozenset()).visit(tree))
