"""Plans and typed rows as text for people, by the names of columns."""

from __future__ import annotations

import json
from typing import Any

from gpuflow_kernels.declare.scalar import SCALARS
from gpuflow_kernels.ir.expressions import Agg, Call, Const, Member, Ref, Row

from gpuflow.expr.literals import show


def tree(plan: Any) -> str:
    """A plan as an indented tree, inputs below what reads them.

    A part that is read twice is written once and then referred to by its number.
    """
    counts: dict[int, int] = {}
    _count(plan, counts)
    numbers: dict[int, int] = {}
    lines: list[str] = []

    def visit(node: Any, depth: int) -> None:
        text, pad = node.describe(), "  " * depth
        if counts[id(node)] > 1:
            if id(node) in numbers:
                lines.append(f"{pad}[{numbers[id(node)]}] as above")
                return
            numbers[id(node)] = len(numbers) + 1
            text = f"[{numbers[id(node)]}] {text}"
        lines.append(pad + text)
        for i in node.children:
            visit(i, depth + 1)

    visit(plan, 0)
    return "\n".join(lines)


def _count(plan: Any, counts: dict[int, int]) -> None:
    counts[id(plan)] = counts.get(id(plan), 0) + 1
    if counts[id(plan)] == 1:
        for i in plan.children:
            _count(i, counts)


def name(column_name: str) -> str:
    """A column name: as it is when it is a plain word, else quoted.

    >>> print(name("dep_delay"), name("a b"))
    dep_delay "a b"
    """
    return column_name if column_name.isidentifier() else json.dumps(column_name, ensure_ascii=False)


def column(output: str, row: Row | Agg) -> str:
    """An output column: its name, and what it is computed from unless it is only passed on."""
    return name(output) if isinstance(row, Ref) and row.key == output else f"{name(output)}={text(row, outer=True)}"


def text(row: Row | Agg, *, outer: bool = True) -> str:
    """A typed row by names: ``dep_delay > 0``; brackets only inside other operators."""
    match row:
        case Ref(key):
            return name(key) if isinstance(key, str) else f"#{key}"
        case Const(value, dtype):
            return show(value, dtype)
        case Member(arg, values):
            shown = ", ".join(show(v, arg.dtype) for v in values[:8]) + (", ..." if len(values) > 8 else "")
            return f"{text(arg, outer=False)}.is_in([{shown}])"
        case Agg():
            distinct = "DISTINCT " if row.distinct else ""
            where = f" FILTER {text(row.filter, outer=False)}" if row.filter is not None else ""
            arguments = ", ".join(text(a) for a in (*row.args, *row.parameters))
            return f"{row.aggregation.name}({distinct}{arguments}){where}"
        case Call():
            return _call(row, outer)
    return f"lookup({text(row.arg)})" if hasattr(row, "arg") else repr(row)


def _call(row: Call, outer: bool) -> str:
    operator = _operator(row)
    if operator and len(row.args) == 2:
        inner = f"{text(row.args[0], outer=False)} {operator} {text(row.args[1], outer=False)}"
        return inner if outer else f"({inner})"
    if operator and len(row.args) == 1:
        return f"{operator}{text(row.args[0], outer=False)}"
    if row.overload.branch:
        condition, yes, no = row.args
        return f"when({text(condition)}).then({text(yes)}).otherwise({text(no)})"
    rest = [text(a) for a in row.args[1:]]
    if row.overload.traits.shows_type:
        rest = [str(row.dtype)]
    return f"{text(row.args[0], outer=False)}.{row.overload.name}({', '.join(rest)})" if row.args else row.overload.name


def _operator(row: Call) -> str | None:
    function = SCALARS.get(row.overload.name)
    return function.operator if function and row.overload in function.overloads else None
