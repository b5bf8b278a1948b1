"""The methods of expressions that come from the registries: every declared function is one, without being named here.

``methods.pyi``, written by ``python -m gpuflow.expr.stubs``, shows the built-in ones to editors and type checkers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gpuflow_kernels.builtin_aggregations
import gpuflow_kernels.builtin_scalars  # noqa: F401  (importing fills the registries)
from gpuflow_kernels.aggregate import AGGREGATIONS
from gpuflow_kernels.dtypes import DType
from gpuflow_kernels.scalar import REQUIRED, SCALARS, ScalarFunction
from gpuflow_kernels.scalar import argument_names as names_of

from gpuflow.errors import PlanError, TypeMismatchError

from .hints import near
from .nodes import Aggregated, Column, Function, Literal, Node, render
from .scalars import physical


class Methods:
    """Base of expressions: finds a method in the registries when it is asked for."""

    __slots__ = ("_node",)
    _node: Node

    @classmethod
    def _of(cls, node: Node) -> Any:
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if any(f.namespace == name for f in SCALARS.values()):
            return Namespace(self, name)
        make = _maker(self, name)
        if make is None:
            known = [*(n for n in public_methods() if "." not in n), *(n for n in dir(type(self)) if not n.startswith("_"))]
            elsewhere = [n for n in public_methods() if n.endswith(f".{name}")]
            hint = f"; did you mean .{elsewhere[0]}?" if elsewhere else near(name, known)
            raise AttributeError(f"an expression has no method {name!r}{hint}")
        return make

    def __dir__(self) -> list[str]:
        spaces = {f.namespace for f in SCALARS.values() if f.namespace}
        return sorted({*object.__dir__(self), *(n for n in public_methods() if "." not in n), *spaces})


class Namespace:
    """The methods of one namespace: ``col("t").dt``."""

    __slots__ = ("_name", "_owner")

    def __init__(self, owner: Methods, name: str) -> None:
        self._owner, self._name = owner, name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        make = _maker(self._owner, f"{self._name}.{name}")
        if make is None:
            known = [n.partition(".")[2] for n in public_methods() if n.startswith(f"{self._name}.")]
            raise AttributeError(f"there is no .{self._name}.{name}(){near(name, known)}")
        return make

    def __dir__(self) -> list[str]:
        return sorted(n.partition(".")[2] for n in public_methods() if n.startswith(f"{self._name}."))


def public_methods() -> list[str]:
    """Names of all methods made from the registries; those of a namespace as ``dt.year``."""
    return [*(n for n, f in SCALARS.items() if f.method), *AGGREGATIONS]


def _maker(owner: Methods, name: str) -> Callable[..., Any] | None:
    """The method `name` of the expression `owner`."""
    function = SCALARS.get(name)
    if function is not None and function.again is not None:
        return _maker(owner, function.again)
    if function is not None and function.method:

        def apply(*args: Any, **named: Any) -> Any:
            return owner._of(function_node(name, (owner, *args), named))

        apply.__name__, apply.__doc__ = name, function.doc
        return apply
    entry = AGGREGATIONS.get(name)
    if entry is not None and entry.again is not None:
        return _maker(owner, entry.again)
    if entry is not None:

        def aggregate(*args: Any, **chosen: bool) -> Any:
            return owner._of(aggregated_node(name, (owner, *args), chosen))

        aggregate.__name__, aggregate.__doc__ = name, entry.doc
        return aggregate
    return None


def argument_names(function: ScalarFunction) -> tuple[str, ...]:
    """Names of a function's column arguments, as its first body has them."""
    return names_of(function.overloads[0])[: function.arity]


def function_node(name: str, args: tuple[Any, ...], named: dict[str, Any] | None = None) -> Function:
    """A declared row function applied to values: columns first (expressions, or literals), then its parameters."""
    function, named = SCALARS[name], dict(named or {})
    names, given = argument_names(function), list(args)
    parameters = plain_parameters(function)
    if "dtype" in parameters and len(given) > 1 and isinstance(given[1], DType):
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
            raise TypeMismatchError(f"{_signature(name, function)} does not take {key}={value!r}")
        params[key] = value
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
    return Function(name, tuple(as_node(c) for c in columns), tuple(params.items()))


def plain_parameters(function: ScalarFunction) -> dict[str, Any]:
    """The parameters of a function that are no columns, with their defaults; the others are defaults of columns."""
    names = argument_names(function)
    return {k: default for k, default in function.parameters.items() if k not in names}


def _signature(name: str, function: ScalarFunction) -> str:
    columns = (f"{n}=..." if n in function.parameters else n for n in argument_names(function)[1:])
    rest = [*columns, *(f"{k}={'...' if d is REQUIRED else d}" for k, d in plain_parameters(function).items())]
    return f"{name}({', '.join(rest)})"


def aggregated_node(name: str, args: tuple[Any, ...], chosen: dict[str, bool] | None = None) -> Aggregated:
    """A declared aggregation applied to values, or the variant of it that is `chosen` by a parameter; one of no columns
    (`len`) keeps the expression for its name only."""
    entry = AGGREGATIONS.get(name)
    if entry is None:
        raise PlanError(f"there is no aggregation {name!r}{near(name, AGGREGATIONS)}")
    for parameter, value in (chosen or {}).items():
        if parameter not in entry.variants or not isinstance(value, bool):
            takes = ", ".join(f"{v}=True or False" for v in entry.variants) or "no parameters"
            raise TypeMismatchError(f"{name}() takes {takes}, not {parameter}={value!r}")
        if value:
            return aggregated_node(entry.variants[parameter], args)
    if len(args) != max(entry.arity, 1) and not (entry.arity == 0 and not args):
        raise TypeMismatchError(f"{name}() aggregates {entry.arity} column(s), {len(args)} given")
    return Aggregated(name, tuple(as_node(a) for a in args))


def as_node(value: Any, *, names: bool = False) -> Node:
    """The node of an expression, or a literal for anything else; with `names` a str is a column's name."""
    if isinstance(value, Methods):
        return value._node
    if names and isinstance(value, str):
        return Column(value)
    if isinstance(value, Namespace):
        raise TypeMismatchError(f"{render(value._owner._node)}.{value._name} is a namespace; call one of its methods")
    return Literal(*physical(value))
