"""Row functions: the `@scalar` declaration and its registry.

One declaration is the only place a row function is described. From it come the user's method, type inference, the
kernels of every target, constant folding, the row interpreter and the generated tests.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .dtypes import DType
from .errors import ExtensionError
from .interval_rules import INTERVALS
from .rowmath import NAMES
from .source import Body, body_of

PROPAGATE, CUSTOM, PARTIAL = "propagate", "custom", "partial"
REQUIRED = "a value must be given"
"""Default of a parameter that has none."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What a type rule answers: the types every argument is cast to, the result, and constants the body receives.

    `constants` are numbers derived from the types (ticks per second, the bounds of a cast's target); they follow the
    column arguments as further parameters of the body and are written into the kernel's text.
    """

    args: tuple[DType, ...]
    result: DType
    constants: tuple[int | float | bool, ...] = ()


Rule = Callable[[tuple[DType, ...], dict[str, Any]], "Signature | None"]
"""A type rule: (argument types, parameters) -> Signature, or None when it does not accept them."""


@dataclass(frozen=True, slots=True)
class Overload:
    """The compiled meaning of one declaration. Pure data but for `rule`, which is not needed to run.

    Attributes
    ----------
    null : str
        ``propagate``: the body gets values, and the result is null where any argument is.
        ``partial``: the body gets values and returns ``(value, valid)``; null where any argument is null or not `valid`.
        ``custom``: every argument arrives as two parameters, value and valid; the body returns ``(value, valid)``.
    overflow : Body, optional
        Same parameters as `body`; True where the result does not fit. Emitted only where types and intervals cannot
        exclude it, evaluated only for rows that are valid, selected, and on the branch taken.
    structural : tuple of str
        Parameters whose literal is written into the text (a changed value compiles again).
    branch : bool
        The body chooses between its second and third argument by the first; only the chosen one is evaluated.
    interval : str, optional
        The rule of `interval_rules` for its results; without one `overflow` is always emitted.
    """

    name: str
    body: Body
    null: str
    rule: Rule = field(compare=False)
    overflow: Body | None = None
    structural: tuple[str, ...] = ()
    branch: bool = False
    interval: str | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        data = (self.name, self.body, self.null, self.overflow, self.structural, self.branch, self.interval)
        return _rebuild, data


def _rebuild(*data: Any) -> Overload:
    name, body, null, *rest = data
    return Overload(name, body, null, _no_rule, *rest)


def _no_rule(args: tuple[DType, ...], params: dict[str, Any]) -> Signature | None:
    raise AssertionError("an overload that travelled to a worker is not typed again")


@dataclass(slots=True)
class ScalarFunction:
    """All overloads of one name, tried in order of declaration.

    `parameters` are the names and defaults of arguments that are no columns, in order; the type rule receives them and
    turns them into `Signature.constants`. One without a default has `REQUIRED`.
    """

    name: str
    doc: str
    namespace: str = ""
    operator: str | None = None
    method: bool = True
    arity: int = 1
    variadic: bool = False
    parameters: dict[str, Any] = field(default_factory=dict)
    overloads: list[Overload] = field(default_factory=list)

    def resolve(self, args: tuple[DType, ...], params: dict[str, Any] | None = None) -> tuple[Overload, Signature] | None:
        """The first overload whose rule accepts these argument types, with its signature; None when none does."""
        for overload in self.overloads:
            signature = overload.rule(args, {**self.parameters, **(params or {})})
            if signature is not None:
                return overload, signature
        return None


SCALARS: dict[str, ScalarFunction] = {}
"""Every declared row function by name (``dt.year`` style names carry their namespace)."""


def scalar(
    *,
    dtype: Rule,
    null: str = PROPAGATE,
    name: str | None = None,
    namespace: str = "",
    operator: str | None = None,
    method: bool = True,
    structural: tuple[str, ...] = (),
    overflow: Callable[..., Any] | None = None,
    interval: str | None = None,
    branch: bool = False,
    variadic: bool = False,
    arity: int | None = None,
    parameters: dict[str, Any] | None = None,
) -> Callable[[Callable[..., Any]], Any]:
    """Declare a row function.

    Parameters
    ----------
    dtype : Rule
        Type rule; see `gpuflow_kernels.rules` (`promote`, `always`, `same`, ...).
    null : {"propagate", "partial", "custom"}
        Null policy, see `Overload`.
    name : str, optional
        Public name; the function's own by default. Declaring a name again adds an overload.
    namespace : str
        ``""``, ``"dt"`` or ``"str"``: where the user's method appears.
    operator : str, optional
        The Python operator that means this function (``"+"``).
    method : bool
        Whether a method of expressions is made from it.
    structural : tuple of str
        Parameters whose literal value is part of the kernel's text.
    overflow : callable, optional
        Says where the result does not fit; same parameters.
    interval : str, optional
        What the function does to intervals of whole numbers, a name of `gpuflow_kernels.interval_rules.INTERVALS`
        (``"sum"``, ``"product"``, ...): the check is left out where the arguments' types and literals exclude a result
        that does not fit.
    branch : bool
        Only for ``when``.
    variadic : bool
        Takes two or more arguments, folded from the left.
    arity : int, optional
        Number of column arguments, where the body also takes constants of its signature.
    parameters : dict, optional
        Arguments that are no columns, by name with their defaults, see `ScalarFunction`.

    Raises
    ------
    ExtensionError
        When the body cannot become part of a kernel.

    Examples
    --------
    >>> from gpuflow_kernels.rules import always
    >>> from gpuflow_kernels.dtypes import FLOAT64
    >>> @scalar(dtype=always(FLOAT64), name="hypotenuse_example")
    ... def hypotenuse(x, y):
    ...     return sqrt(x * x + y * y)   # doctest: +SKIP
    """

    def declare(function: Callable[..., Any]) -> Any:
        public = name or function.__name__
        key = f"{namespace}.{public}" if namespace else public
        what = f"scalar {key!r}"
        if null not in (PROPAGATE, CUSTOM, PARTIAL):
            raise ExtensionError(f"{what}: null={null!r} is not one of {PROPAGATE!r}, {PARTIAL!r}, {CUSTOM!r}")
        body = body_of(function, allowed=NAMES, what=what)
        check = body_of(overflow, allowed=NAMES, what=f"{what} (overflow)") if overflow else None
        if check and check.params != body.params:
            raise ExtensionError(f"{what}: overflow takes {check.params}, the body {body.params}; they must be the same")
        unknown = set(structural) - set(body.params)
        if unknown:
            raise ExtensionError(f"{what}: structural names {sorted(unknown)} are not parameters")
        if interval is not None and (interval not in INTERVALS or null == CUSTOM):
            raise ExtensionError(
                f"{what}: interval={interval!r} is not one of {', '.join(INTERVALS)}, or the body takes (value, valid) pairs"
            )
        overload = Overload(public, body, null, dtype, check, structural, branch, interval)
        count = arity if arity is not None else (len(body.params) // 2 if null == CUSTOM else len(body.params))
        entry = SCALARS.get(key)
        if entry is None:
            entry = SCALARS[key] = ScalarFunction(
                key, inspect.getdoc(function) or "", namespace, operator, method, count, variadic, parameters or {}
            )
        entry.overloads.append(overload)
        return function if name else ScalarHandle(key, function)

    return declare


class ScalarHandle:
    """What a declared function becomes: callable on expressions; `python` is the undecorated function."""

    build: Callable[..., Any] | None = None  # set by gpuflow.expr: (name, args) -> expression

    def __init__(self, key: str, python: Callable[..., Any]) -> None:
        self.key, self.python, self.__doc__, self.__name__ = key, python, python.__doc__, python.__name__

    def __call__(self, *args: Any) -> Any:
        if ScalarHandle.build is None:
            raise ExtensionError(f"scalar {self.key!r} can be applied to expressions once gpuflow is imported")
        return ScalarHandle.build(self.key, *args)
