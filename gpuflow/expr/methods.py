"""The methods of expressions that come from the registries: every declared function is one, without being named here.

``methods.pyi``, written by ``python -m gpuflow.expr.stubs``, shows the built-in ones to editors and type checkers.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import gpuflow_kernels.aggregations.basic
import gpuflow_kernels.functions.builtin  # noqa: F401  (importing fills the registries)
import numpy as np
from gpuflow_kernels.declare.aggregate import AGGREGATIONS, AggregateFunction
from gpuflow_kernels.declare.parameters import Parameter
from gpuflow_kernels.declare.scalar import REQUIRED, SCALARS, ScalarFunction
from gpuflow_kernels.declare.scalar import argument_names as names_of

from gpuflow.errors import PlanError, TypeMismatchError, UnknownNameError

from .docstrings import documented
from .keyword_hints import unknown
from .near_names import near
from .nodes import Aggregated, Column, Columns, Function, Literal, Node, render
from .other_names import ARGUMENTS, WAYS
from .scalars import physical
from .types import column_type

ExprT = TypeVar("ExprT")
"""The class of what is made of an expression: `gpuflow.Expr`, which is defined above this module."""


class Methods(Generic[ExprT]):
    """Base of expressions. Every declared function and aggregation is a method of it while it is in its registry."""

    __slots__ = ("_node",)
    _node: Node

    @classmethod
    def _of(cls, node: Node) -> Any:
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        known = [n for n in dir(type(self)) if not n.startswith("_")]
        spaces = [f"did you mean .{n}?" for n in public_methods() if n.endswith(f".{name}")][:1]
        found = [*(w for w in [WAYS["expression"].get(name)] if w), *spaces]
        ways = {name: "; ".join(found)} if found else WAYS["str"] | WAYS["dt"]
        raise unknown("an expression", name, ways, known)


class Unfinished:
    """Base of what becomes an expression only by a further call."""

    __slots__ = ()

    def _complaint(self) -> str:
        """What an error says where an expression is wanted."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{self._complaint()}>"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise UnknownNameError(self._complaint())

    def _refuse(self, *others: Any) -> Any:
        raise PlanError(self._complaint())

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __floordiv__ = _refuse
    __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __and__ = __rand__ = __or__ = __ror__ = __xor__ = _refuse
    __rxor__ = __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = __invert__ = __neg__ = __bool__ = _refuse
    __hash__ = object.__hash__


class Namespace:
    """Base of the methods of one namespace: ``col("t").dt``."""

    __slots__ = ("_owner",)
    _name = ""

    def __init__(self, owner: Methods[Any]) -> None:
        self._owner = owner

    def __repr__(self) -> str:
        return f"{render(self._owner._node)}.{self._name}"

    def __getitem__(self, key: Any) -> Any:
        way = "; write .str.slice(offset, length) for a part of each text" if self._name == "str" else ""
        raise TypeMismatchError(f"{self!r} cannot be indexed{way}")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        known = [n for n in dir(type(self)) if not n.startswith("_")]
        raise unknown(f".{self._name}", name, WAYS.get(self._name, {}), known)


class Accessor:
    """The attribute that a namespace is: of an expression its methods, of the class their class."""

    __slots__ = ("methods",)

    def __init__(self, methods: type[Namespace]) -> None:
        self.methods = methods

    def __get__(self, owner: Methods | None, kind: type | None = None) -> Any:
        return self.methods if owner is None else self.methods(owner)


_RESERVED = frozenset(vars(Methods))


def _declared(name: str) -> None:
    """Make, renew or remove the method of a name that came into a registry or left it."""
    space, _, short = name.rpartition(".")
    owner: type = _namespace(space) if space else Methods
    entry = _latest(name)
    if entry is not None and short not in _RESERVED:
        setattr(owner, short, _method(entry, short, space))
    elif short in vars(owner) and short not in _RESERVED:
        delattr(owner, short)
    if space:
        there = any(not n.startswith("_") for n in vars(owner))
        if there and space not in vars(Methods):
            setattr(Methods, space, Accessor(owner))
        elif not there and isinstance(vars(Methods).get(space), Accessor):
            delattr(Methods, space)
    for registry in (SCALARS, AGGREGATIONS) if name[-1:].isdigit() else ():  # the key of a later declaration: see `again`
        for first, declared in registry.items():  # type: ignore[attr-defined]
            if declared.again == name and first != name:
                _declared(first)


_SPACES: dict[str, type[Namespace]] = {}


def _namespace(space: str) -> type[Namespace]:
    """The class that holds the methods of a namespace."""
    if space not in _SPACES:
        example = f'>>> import gpuflow as gf\n>>> gf.col("x").{space}\ncol("x").{space}'
        doc = f"Methods of expressions under ``.{space}``.\n\nExamples\n--------\n{example}"
        members = {"__slots__": (), "_name": space, "__doc__": doc, "__module__": __name__}
        _SPACES[space] = type(class_name(space), (Namespace,), members)
    return _SPACES[space]


def class_name(space: str) -> str:
    """Name of the class of a namespace."""
    return f"_{space.capitalize()}Methods"


def _latest(name: str) -> ScalarFunction | AggregateFunction | None:
    """What a method's name means: what was declared last under it, None for what is no method."""
    function = SCALARS.get(name)
    if function is not None and (function.method or function.again):
        return _latest(function.again) if function.again in SCALARS else function if function.method else None
    entry = AGGREGATIONS.get(name)
    if entry is not None and entry.again in AGGREGATIONS:
        return _latest(entry.again)
    return entry


def _method(entry: ScalarFunction | AggregateFunction, name: str, space: str) -> Callable[..., Any]:
    """A declared function as a method of expressions, with its signature and docstring."""
    node_of: Callable[..., Node] = function_node if isinstance(entry, ScalarFunction) else aggregated_node
    key = entry.name

    def method(self: Any, *args: Any, **named: Any) -> Any:
        owner = self._owner if space else self
        return owner._of(node_of(key, (owner, *args), named))

    signature = signature_of(entry)
    method.__name__, method.__doc__, method.__module__ = name, documented(entry, signature), __name__
    method.__qualname__ = f"Expr.{space}.{name}" if space else f"Expr.{name}"
    method.__signature__ = signature  # type: ignore[attr-defined]
    return method


def signature_of(entry: ScalarFunction | AggregateFunction) -> inspect.Signature:
    """The signature of a declared function as a method; parameters whose type is not known are not annotated."""
    positional, named = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    found = [inspect.Parameter("self", positional)]
    if isinstance(entry, ScalarFunction):
        columns = argument_names(entry)[1:]
        rest = [_parameter(n, None if n in entry.parameters else REQUIRED) for n in columns]
        for name, default in plain_parameters(entry).items():
            rest.append(_parameter(name, default, typed=name != entry.or_column))
        found += sorted(rest, key=lambda p: p.default is not p.empty)  # what must be given comes first (`function_node`)
    else:
        found += [inspect.Parameter(f"other{i or ''}", positional) for i in range(entry.arity - 1)]
        for name, parameter in entry.parameters.items():
            default = found[0].empty if parameter.default is REQUIRED else parameter.default
            found.append(inspect.Parameter(name, positional, default=default, annotation=parameter.type))
        found += [inspect.Parameter(v, named, default=False, annotation=bool) for v in entry.variants]
        found.append(inspect.Parameter("filter", named, default=None))
        if entry.refuses_distinct is None:
            found.append(inspect.Parameter("distinct", named, default=False, annotation=bool))
    return inspect.Signature(found, return_annotation="Expr")


def _parameter(name: str, default: Any, typed: bool = False) -> inspect.Parameter:
    kind, empty = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.empty
    annotation = type(default) if typed and isinstance(default, (bool, int, str)) and default is not REQUIRED else empty
    return inspect.Parameter(name, kind, default=empty if default is REQUIRED else default, annotation=annotation)


def public_methods() -> list[str]:
    """Names of all methods made from the registries; those of a namespace as ``dt.year``."""
    return [*(n for n, f in SCALARS.items() if f.method), *AGGREGATIONS]


def argument_names(function: ScalarFunction) -> tuple[str, ...]:
    """Names of a function's column arguments, as its first body has them."""
    return names_of(function.overloads[0])[: function.arity]


def function_node(name: str, args: tuple[Any, ...], named: dict[str, Any] | None = None) -> Function:
    """A declared row function applied to values: columns first (expressions, or literals), then its parameters."""
    function, named = SCALARS[name], dict(named or {})
    names, given = argument_names(function), list(args)
    parameters = plain_parameters(function)
    if "dtype" in parameters and len(given) > 1 and not isinstance(given[1], (Methods, str, int, type(None))):
        named["dtype"] = given.pop(1)  # a type can only be meant for this, wherever the signature has it
    while len(given) < len(names) and (names[len(given)] in named or names[len(given)] in function.parameters):
        given.append(named.pop(names[len(given)], None))
    columns = given if function.variadic else given[: function.arity]
    rest = given[len(columns) :]
    for k, key in enumerate(names):
        if key in function.parameters and columns[k] is None:
            columns[k] = function.parameters[key]
    params = dict(zip(parameters, rest, strict=False))
    if len(rest) > len(params) or len(columns) < (1 if function.variadic else function.arity):
        raise TypeMismatchError(
            f"{_signature(name, function)} does not take these {len(given)} arguments, the expression included"
        )
    for key, value in named.items():
        if key not in parameters or key in params:
            way = f"; {ARGUMENTS[key]}" if key in ARGUMENTS else ""
            raise TypeMismatchError(f"{_signature(name, function)} does not take {key}={value!r}{way}")
        params[key] = value
    if params.get("dtype") is not None:
        params["dtype"] = column_type(params["dtype"], _signature(name, function))
    missing = [k for k, default in parameters.items() if default is REQUIRED and k not in params]
    if missing:
        raise TypeMismatchError(f"{_signature(name, function)} needs {', '.join(f'{k}=' for k in missing)}")
    for key, value in list(params.items()):
        if isinstance(value, Methods) and key == function.or_column:
            if isinstance(value._node, Literal) and isinstance(value._node.value, str):
                params[key] = value._node.value
            else:
                columns.append(params.pop(key))
        elif isinstance(value, Methods):
            raise TypeMismatchError(f"{_signature(name, function)}: {key} is a plain value, not an expression")
    for key, value in params.items():
        default = function.parameters[key]
        kinds = _KINDS.get(type(default)) if key != function.or_column and default is not REQUIRED else None
        if kinds is None or (value is None and type(default) is str):
            continue
        if not isinstance(value, kinds) or (type(default) is int and isinstance(value, bool)):
            kind = "neither True nor False" if type(default) is bool else f"no {type(default).__name__}"
            raise TypeMismatchError(f"{_signature(name, function)}: {key}={value!r:.60} is {kind}")
    return Function(name, tuple(as_node(c) for c in columns), tuple(params.items()))


_KINDS: dict[type, tuple[type, ...]] = {bool: (bool, np.bool_), int: (int, np.integer), str: (str,)}
"""What a declared parameter takes, by the type of its default."""


def plain_parameters(function: ScalarFunction) -> dict[str, Any]:
    """The parameters of a function that are no columns, with their defaults; the others are defaults of columns."""
    names = argument_names(function)
    return {k: default for k, default in function.parameters.items() if k not in names}


def _signature(name: str, function: ScalarFunction) -> str:
    columns = (f"{n}=..." if n in function.parameters else n for n in argument_names(function)[1:])
    rest = [*columns, *(f"{k}={'...' if d is REQUIRED else d}" for k, d in plain_parameters(function).items())]
    return f"{name}({', '.join(rest)})"


def aggregated_node(name: str, args: tuple[Any, ...], named: dict[str, Any] | None = None) -> Aggregated:
    """Apply a declared aggregation to values, columns first, then its parameters; or the variant of it that one of `named`
    chooses. One of no columns (`len`) keeps the expression for its name only."""
    entry = AGGREGATIONS.get(name)
    if entry is None:
        raise PlanError(f"there is no aggregation {name!r}{near(name, AGGREGATIONS)}")
    options = dict(named or {})
    condition, distinct = options.pop("filter", None), options.pop("distinct", False)
    columns, rest = args[: max(entry.arity, 1)], args[max(entry.arity, 1) :]
    if len(columns) < entry.arity or len(rest) > len(entry.parameters):
        raise TypeMismatchError(f"{name}() aggregates {entry.arity} column(s), {len(args)} given")
    given = dict(zip(entry.parameters, rest, strict=False))
    for key, value in options.items():
        if key in entry.variants and isinstance(value, bool):
            if value:
                return aggregated_node(entry.variants[key], args, {"filter": condition, "distinct": distinct})
        elif key not in entry.parameters or key in given:
            raise TypeMismatchError(f"{name}() takes {_keywords(entry)}, not {key}={value!r:.60}")
        else:
            given[key] = value
    missing = [k for k, p in entry.parameters.items() if p.default is REQUIRED and k not in given]
    if missing:
        raise TypeMismatchError(f"{name}() needs {', '.join(f'{k}=' for k in missing)}")
    params = tuple((k, _checked(f"{name}(): ", k, p, given[k])) for k, p in entry.parameters.items() if k in given)
    if not isinstance(distinct, (bool, np.bool_)):
        raise TypeMismatchError(f"{name}(): distinct={distinct!r:.60} is neither True nor False")
    if distinct and entry.refuses_distinct is not None:
        raise TypeMismatchError(f"{name}() does not take distinct=True: {entry.refuses_distinct}")
    passes = None if condition is None else as_node(condition)
    return Aggregated(name, tuple(as_node(a) for a in columns), params, passes, bool(distinct))


def _checked(what: str, name: str, parameter: Parameter, value: Any) -> Any:
    try:
        return parameter.checked(name, value)
    except ValueError as e:
        raise TypeMismatchError(f"{what}{e}") from None


def _keywords(entry: AggregateFunction) -> str:
    """The keywords that an aggregation takes, for an error that says so."""
    names = [*entry.parameters, *(f"{v}=True or False" for v in entry.variants), "filter="]
    return ", ".join(names if entry.refuses_distinct else [*names, "distinct=True or False"])


def column_node(name: str) -> Node:
    """The columns that a name stands for: all for ``*``, those that a regular expression from ``^`` to ``$`` takes, else one."""
    if name == "*":
        return Columns(None)
    return Columns((pattern(name),)) if name.startswith("^") and name.endswith("$") else Column(name)


def pattern(text: str) -> str:
    """A regular expression over column names, once it is known to be one.

    Raises
    ------
    PlanError
    """
    try:
        re.compile(text)
    except re.error as e:
        raise PlanError(f"col({text!r}) is taken for a regular expression, and is none: {e}") from None
    return text


def as_node(value: Any, *, names: bool = False) -> Node:
    """The node of an expression, or a literal for anything else; with `names` a str is a column's name."""
    if isinstance(value, Methods):
        return value._node
    if names and isinstance(value, str):
        return column_node(value)
    if isinstance(value, Namespace):
        raise TypeMismatchError(f"{render(value._owner._node)}.{value._name} is a namespace; call one of its methods")
    if isinstance(value, Unfinished):
        raise PlanError(value._complaint())
    return Literal(*physical(value))


for _registry in (SCALARS, AGGREGATIONS):
    _registry.watch(_declared)  # type: ignore[attr-defined]
