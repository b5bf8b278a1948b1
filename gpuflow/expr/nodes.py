"""What an expression is made of, before it meets a table: untyped, frozen, compared and hashed by content.

`gpuflow.expr.expr.Expr` wraps one of these and gives it operators and methods; `gpuflow.expr.bind` types it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from gpuflow_kernels.declare.scalar import SCALARS, ScalarFunction, argument_names
from gpuflow_kernels.dtypes import DType

from gpuflow.errors import PlanError

from .literals import show

DEEPEST = 150
"""Levels that an expression may have: all that walks expressions calls itself, up to six times a level, and Python stops
at a thousand calls. A choice counts twice, for it is a nested block in a kernel; of those Python takes a hundred."""


@dataclass(frozen=True, slots=True)
class _Nested:
    """A node over others; `depth` is its height in levels.

    Raises
    ------
    PlanError
        When built above `DEEPEST` levels.
    """

    depth: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        depth = _height(self) + max((getattr(c, "depth", 0) for c in children(self)), default=0)  # type: ignore[arg-type]
        if depth > DEEPEST:
            raise PlanError(
                f"an expression is {depth} levels deep, and {DEEPEST} are the most: compute a part of it first, with "
                "with_columns(part=...), and go on from col('part'); for a long chain of choices join a table of them, and "
                "for many comparisons of one column write is_in()"
            )
        object.__setattr__(self, "depth", depth)


def _height(node: Any) -> int:
    """Levels that a node adds to those of its deepest operand."""
    if not isinstance(node, Function):
        return 1
    function = SCALARS.get(node.name)
    if function is None:
        return 1
    if any(o.branch for o in function.overloads):
        return 2
    return max(1, len(node.args) - 1) if function.variadic else 1  # folded from the left


@dataclass(frozen=True, slots=True)
class Column:
    """A column by name."""

    name: str


@dataclass(frozen=True, slots=True)
class Kind:
    """All column types of some kinds, as `int` means all integers where columns are chosen."""

    kinds: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Columns:
    """Several columns at once, or all of them (None); the expression around stands once for each.

    Beside names there are regular expressions (from ``^`` to ``$``), types, and kinds of types.
    """

    names: tuple[str | DType | Kind, ...] | None


@dataclass(frozen=True, slots=True)
class Literal:
    """A value, physical in `dtype`. Unless `fixed`, it takes the type of what it meets."""

    value: Any
    dtype: DType
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Function(_Nested):
    """A declared row function. `params` are arguments that are no columns (the target of a cast)."""

    name: str
    args: tuple[Node, ...]
    params: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class IsIn(_Nested):
    """Whether `arg` is one of `values`."""

    arg: Node
    values: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Aggregated(_Nested):
    """A declared aggregation of expressions: of the rows that `filter` lets through, and with `distinct` of each value once."""

    name: str
    args: tuple[Node, ...]
    params: tuple[tuple[str, Any], ...] = ()
    filter: Node | None = None
    distinct: bool = False


@dataclass(frozen=True, slots=True)
class Alias(_Nested):
    """`arg` under another name."""

    arg: Node
    name: str


Node = Column | Columns | Literal | Function | IsIn | Aggregated | Alias


def children(node: Node) -> tuple[Node, ...]:
    """The direct operands."""
    if isinstance(node, Aggregated) and node.filter is not None:
        return (*node.args, node.filter)
    if isinstance(node, (Function, Aggregated)):
        return node.args
    return (node.arg,) if isinstance(node, (IsIn, Alias)) else ()


def walk(node: Node) -> Iterator[Node]:
    """Every node, operands first."""
    for child in children(node):
        yield from walk(child)
    yield node


def transform(node: Node, change: Callable[[Node], Node]) -> Node:
    """Rebuild bottom-up, `change` applied to every node after its operands."""
    if isinstance(node, Aggregated) and node.filter is not None:
        condition = transform(node.filter, change)
        return change(replace(node, args=tuple(transform(a, change) for a in node.args), filter=condition))
    if isinstance(node, (Function, Aggregated)):
        return change(replace(node, args=tuple(transform(a, change) for a in node.args)))
    if isinstance(node, (IsIn, Alias)):
        return change(replace(node, arg=transform(node.arg, change)))
    return change(node)


def has_aggregation(node: Node) -> bool:
    """Whether an aggregation stands anywhere in the expression."""
    return any(isinstance(n, Aggregated) for n in walk(node))


def column_names(node: Node) -> set[str]:
    """Names of all columns that the expression reads."""
    return {n.name for n in walk(node) if isinstance(n, Column)}


def output_name(node: Node) -> str:
    """The name of the column that an expression makes: its alias, else that of its leftmost column.

    >>> output_name(Function("add", (Column("x"), Column("y"))))
    'x'
    """
    match node:
        case Alias(_, name) | Column(name):
            return name
        case Literal() | Columns():
            return "literal"
        case IsIn(arg):
            return output_name(arg)
        case Aggregated(name, args):
            return output_name(args[0]) if args else name
        case Function(name, args):
            function = SCALARS.get(name)
            branch = function is not None and any(o.branch for o in function.overloads)
            return output_name(args[1 if branch else 0]) if args else name


def quote(name: str) -> str:
    """`name` as a double-quoted literal.

    >>> print(quote('a"b'))
    "a\\"b"
    """
    return json.dumps(name, ensure_ascii=False)


def render(node: Node) -> str:
    """The expression as a user would write it.

    >>> render(Function("add", (Column("x"), Column("y")))) in ('(col("x") + col("y"))', 'col("x").add(col("y"))')
    True
    """
    match node:
        case Column(name):
            return f"col({quote(name)})"
        case Columns(None):
            return "all()"
        case Columns(names):
            return f"col({', '.join(_chosen(n) for n in names or ())})"
        case Literal(value, dtype, fixed):
            return f"lit({show(value, dtype)}, {dtype})" if fixed else show(value, dtype)
        case Alias(arg, name):
            return f"{render_operand(arg)}.alias({quote(name)})"
        case IsIn(arg, values):
            return f"{render_operand(arg)}.is_in([{', '.join(render(v) for v in values)}])"
        case Aggregated(name, args):
            named = [f"{k}={v!r}" for k, v in node.params]
            named += [f"filter={render(node.filter)}"] if node.filter is not None else []
            named += ["distinct=True"] if node.distinct else []
            if not args:
                return f"{name}({', '.join(named)})"
            return _call(name, [render_operand(args[0]), *map(render, args[1:]), *named])
        case Function(name, args, params):
            return _function(name, args, params)


def _chosen(item: str | DType | Kind) -> str:
    return quote(item) if isinstance(item, str) else item.text if isinstance(item, Kind) else str(item)


def _function(name: str, args: tuple[Node, ...], params: tuple[tuple[str, Any], ...]) -> str:
    function = SCALARS.get(name)
    operator = function.operator if function else None
    if operator and len(args) == 2:
        return f"({render(args[0])} {operator} {render(args[1])})"
    if operator and len(args) == 1:
        return f"({operator}{render(args[0])})"
    if function and any(o.branch for o in function.overloads) and len(args) == 3:
        return _branch(args)
    if function and function.traits.converts and not function.method and params:
        return _call(name, [render_operand(args[0]), str(params[0][1]), *(f"{k}={v}" for k, v in params[1:])])
    if function and not function.method:
        return f"{name}({', '.join([*(render(a) for a in args), *(f'{k}={v!r}' for k, v in params)])})"
    rest = [render(a) for a in _told(function, args)[1:]] + [f"{k}={v!r}" for k, v in params]
    return _call(name, [render_operand(a) for a in args[:1]] + rest)


def _told(function: ScalarFunction | None, args: tuple[Node, ...]) -> tuple[Node, ...]:
    """The arguments without the last ones that are what they are when they are left out."""
    names = argument_names(function.overloads[0]) if function else ()
    while len(args) > 1 and function and len(args) <= len(names):
        last = args[-1]
        if not isinstance(last, Literal) or last.value is None or function.parameters.get(names[len(args) - 1]) != last.value:
            break
        args = args[:-1]
    return args


def _branch(args: tuple[Node, ...]) -> str:
    condition, yes, no = args
    text = f"when({render(condition)}).then({render(yes)})"
    function = SCALARS.get(no.name) if isinstance(no, Function) else None
    if isinstance(no, Function) and function and any(o.branch for o in function.overloads) and len(no.args) == 3:
        return f"{text}.{_branch(no.args)}"
    return f"{text}.otherwise({render(no)})"


def _call(name: str, texts: list[str]) -> str:
    return f"{texts[0]}.{name}({', '.join(texts[1:])})" if texts else f"{name}()"


def render_operand(node: Node) -> str:
    """Like `render`, with a literal written as ``lit(...)`` so that a method can follow."""
    text = render(node)
    return f"lit({text})" if isinstance(node, Literal) and not node.fixed else text
