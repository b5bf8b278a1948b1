"""Plans and typed rows as text for people, by the names of columns."""

from __future__ import annotations

import json

from gpuflow_kernels.declare.scalar import SCALARS
from gpuflow_kernels.ir.expressions import Agg, Call, Const, Member, Ref, Row

from gpuflow.expr.literals import show

from .nodes import Aggregate, Distinct, Filter, Join, Limit, Plan, Project, Scan, Sort, Union


def tree(plan: Plan) -> str:
    """A plan as an indented tree, inputs below what reads them.

    A part that is read twice is written once and then referred to by its number.
    """
    counts: dict[int, int] = {}
    _count(plan, counts)
    numbers: dict[int, int] = {}
    lines: list[str] = []

    def visit(node: Plan, depth: int) -> None:
        text, pad = describe(node), "  " * depth
        if counts[id(node)] > 1:
            if id(node) in numbers:
                lines.append(f"{pad}[{numbers[id(node)]}] as above")
                return
            numbers[id(node)] = len(numbers) + 1
            text = f"[{numbers[id(node)]}] {text}"
        lines.append(pad + text)
        for i in node.inputs:
            visit(i, depth + 1)

    visit(plan, 0)
    return "\n".join(lines)


def _count(plan: Plan, counts: dict[int, int]) -> None:
    counts[id(plan)] = counts.get(id(plan), 0) + 1
    if counts[id(plan)] == 1:
        for i in plan.inputs:
            _count(i, counts)


def describe(plan: Plan) -> str:
    """One line for one node."""
    match plan:
        case Scan(source, columns, predicate):
            where = f" WHERE MAYBE {text(predicate)}" if predicate is not None else ""
            left_out = f" LEFT OUT {', '.join(map(name, source.unsupported))}" if source.unsupported else ""
            return f"SCAN {source.label} [{', '.join(map(name, columns))}]{left_out}{where}"
        case Filter(_, predicate):
            return f"FILTER {text(predicate)}"
        case Project(_, columns):
            return f"PROJECT {', '.join(column(n, r) for n, r in columns)}".rstrip()
        case Aggregate(_, keys, aggs):
            values = f" {', '.join(column(n, a) for n, a in aggs)}" if aggs else ""
            by = f" BY {', '.join(column(n, r) for n, r in keys)}" if keys else ""
            return f"AGGREGATE{values}{by}"
        case Join(_, _, left_on, right_on, how):
            on = " AND ".join(f"{text(a)} = {text(b)}" for a, b in zip(left_on, right_on, strict=True))
            side = f" (builds the {plan.build} side)" if plan.build != "right" else ""
            nulls = " NULLS EQUAL" if plan.nulls_equal else ""
            return f"{how.upper()} JOIN ON {on}{nulls}{_added(plan)}{side}"
        case Sort(_, keys, descending, nulls_last, limit):
            by = ", ".join(
                text(k) + (" DESC" if d else "") + (" NULLS LAST" if n else "")
                for k, d, n in zip(keys, descending, nulls_last, strict=True)
            )
            return f"{'SORT' if limit is None else f'TOP {limit}'} BY {by}"
        case Limit(_, count, offset):
            return " ".join([f"LIMIT {count}"] * (count is not None) + [f"OFFSET {offset}"] * (offset > 0 or count is None))
        case Distinct():
            return "DISTINCT"
        case Union(parts):
            return f"UNION of {len(parts)}"
    return type(plan).__name__.upper()


def _added(plan: Join) -> str:
    columns = [name(out) if out == old else f"{name(out)}={name(old)}" for out, old in plan.right_columns]
    return f" ADD {', '.join(columns)}" if columns else ""


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
        case Agg(aggregation, args):
            return f"{aggregation.name}({', '.join(text(a) for a in args)})"
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
    if row.overload.name == "cast" or row.overload.name.endswith(("_time_zone", "_time_unit")):
        rest = [str(row.dtype)]
    return f"{text(row.args[0], outer=False)}.{row.overload.name}({', '.join(rest)})" if row.args else row.overload.name


def _operator(row: Call) -> str | None:
    function = SCALARS.get(row.overload.name)
    return function.operator if function and row.overload in function.overloads else None
