"""Row functions: the `@scalar` declaration and its registry.

One declaration is the only place a row function is described. From it come the user's method, type inference, the
kernels of every target, constant folding, the row interpreter and the generated tests.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gpuflow_kernels.body_source import Body, body_of, returned
from gpuflow_kernels.dtypes import DType
from gpuflow_kernels.errors import ExtensionError
from gpuflow_kernels.rowmath import NAMES

from .registry import Registry
from .traits import NONE, Traits
from .value_ranges import INTERVALS

PROPAGATE, CUSTOM, PARTIAL = "propagate", "custom", "partial"
REQUIRED = "a value must be given"
"""Default of a parameter that has none."""


@dataclass(frozen=True, slots=True)
class Table:
    """An array of int64 that a body receives among its constants, such as the transitions of a time zone.

    It is an argument of the kernel, not text, so that another length or other values need no other kernel. A body reads it as
    ``t[uint64(k)]``; there is no length, so an entry has to tell it. `values` are whole numbers, or in a pipeline without
    its literals what stands for them.
    """

    values: Any


@dataclass(frozen=True, slots=True)
class LookupArray:
    """Look-up array number `index`, of values of a type, that a body receives among its constants: handed to a kernel's run."""

    index: int
    dtype: DType


Constant = int | float | bool | Table | LookupArray


@dataclass(frozen=True, slots=True)
class Signature:
    """What a type rule answers: the types every argument is cast to, the result, and constants the body receives.

    `constants` are numbers derived from the types (ticks per second, the bounds of a cast's target); they follow the
    column arguments as further parameters of the body and are written into the kernel's text, but for a `Table`. `via`
    names a declared function that the first argument goes through before it is cast: so all parts of a timestamp share the
    one conversion to local time. `after` names one that the result goes through, with its parameters.
    `sources`, if given, say where each of the arguments comes from: the number of a column that is given, and a declared function
    that it goes through, if any.
    """

    args: tuple[DType, ...]
    result: DType
    constants: tuple[Constant, ...] = ()
    via: str | None = None
    after: tuple[str, dict[str, Any]] | None = None
    sources: tuple[tuple[int, str | None], ...] | None = None


Rule = Callable[[tuple[DType, ...], dict[str, Any]], "Signature | None"]
"""A type rule: (argument types, parameters) -> Signature, or None when it does not accept them. Among the parameters are the
literal strings that columns arguments have, by the arguments' names, and None where such an argument is no literal."""


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
    text : str, optional
        For functions of strings, what the body does: ``measure`` (answers a value), ``view`` (answers where in its first
        argument the result begins and ends) or ``write`` (puts the result's bytes); see `scalar`.
    host : str, optional
        For functions of strings, the name of the host function that answers instead: always where there is no `text`,
        else where the text has bytes beyond ASCII.
    failure : str, optional
        What an error says behind the name where `overflow` holds; "does not fit" and the type by default.
    traits : Traits
        What plans may know of the function; that of all its overloads.
    """

    name: str
    body: Body
    null: str
    rule: Rule = field(compare=False)
    overflow: Body | None = None
    structural: tuple[str, ...] = ()
    branch: bool = False
    interval: str | None = None
    text: str | None = None
    host: str | None = None
    failure: str | None = None
    traits: Traits = field(default=NONE, compare=False)

    def complaint(self, result: DType) -> str:
        """What an error says where `overflow` holds."""
        return f"{self.name} {self.failure}" if self.failure else f"{self.name} does not fit {result}"

    @property
    def of_text(self) -> bool:
        """Whether it is evaluated over the entries of strings, before the kernel that its result enters."""
        return self.text is not None or self.host is not None

    def __reduce__(self) -> tuple[Any, ...]:
        data = (self.name, self.body, self.null, self.overflow, self.structural, self.branch, self.interval, self.text, self.host)
        return _rebuild, (*data, self.failure, self.traits)


def _rebuild(*data: Any) -> Overload:
    name, body, null, *rest = data
    return Overload(name, body, null, _no_rule, *rest)


def _no_rule(args: tuple[DType, ...], params: dict[str, Any]) -> Signature | None:
    raise AssertionError("an overload that travelled to a worker is not typed again")


def argument_names(overload: Overload) -> tuple[str, ...]:
    """Names of the arguments that the parameters of a body stand for, constants included.

    Examples
    --------
    >>> from gpuflow_kernels.functions import builtin
    >>> argument_names(SCALARS["str.starts_with"].overloads[0])
    ('s', 'prefix')
    """
    params = overload.body.params
    if overload.text is None:
        return params[::2] if overload.null == CUSTOM else params
    if overload.text == "write":
        params = params[2:]
    ends = {f"{p}{k}" for p in params for k in "01"}
    return tuple(p for p in params if p not in ends)


@dataclass(slots=True)
class ScalarFunction:
    """All overloads of one name, tried in order of declaration.

    `parameters` are the names and defaults of arguments that are no columns, in order; the type rule receives them and
    turns them into `Signature.constants`. One without a default has `REQUIRED`. The one called `or_column` may
    be an expression too, which then is a further column. `again` is the key of what a user has declared
    later under the same name: methods mean the latest, expressions and handles made before keep their own.
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
    again: str | None = None
    or_column: str | None = None
    traits: Traits = NONE

    def resolve(self, args: tuple[DType, ...], params: dict[str, Any] | None = None) -> tuple[Overload, Signature] | None:
        """The first overload whose rule accepts these argument types, with its signature; None when none does."""
        for overload in self.overloads:
            signature = overload.rule(args, {**self.parameters, **(params or {})})
            if signature is not None:
                return overload, signature
        return None


SCALARS: Registry[ScalarFunction] = Registry()
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
    text: str | None = None,
    host: str | None = None,
    failure: str | None = None,
    or_column: str | None = None,
    traits: Traits = NONE,
) -> Callable[[Callable[..., Any]], Any]:
    """Declare a row function.

    Parameters
    ----------
    dtype : Rule
        Type rule; see `gpuflow_kernels.declare.type_rules` (`promote`, `always`, `same`, ...).
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
        What the function does to intervals of whole numbers, a name of `gpuflow_kernels.declare.value_ranges.INTERVALS`
        (``"sum"``, ``"product"``, ...): the check is left out where the arguments' types and literals exclude a result
        that does not fit.
    branch : bool
        Only for ``when``.
    variadic : bool
        Takes two or more arguments, folded from the left.
    arity : int, optional
        Number of column arguments, where the body also takes constants of its signature.
    parameters : dict, optional
        Arguments that are no columns, by name with their defaults, see `ScalarFunction`; a column argument's name among them
        gives it a default.
    text : {"measure", "view", "write"}, optional
        A function of strings, or one that makes them. A string argument ``s`` is three parameters ``s, s0, s1``: an array
        of bytes (UTF-8), and where in it the string begins and ends. Other arguments are one parameter each, and constants
        of the signature follow. Answered are: by ``measure`` the value; by ``view`` begin and end of a part of the first
        string; by ``write``, whose body has ``out, at`` before its arguments, the end of what it put with ``put(out, at,
        byte)`` or ``put_bytes(out, at, s, s0, s1)``, both of which answer the next place. A writing body runs twice, the
        first time to count: it must not read `out`. With ``null="partial"`` whether the result is valid comes last.
        `overflow`, if given, answers as ``measure`` does, and has no ``out, at``.
    host : str, optional
        Name of a function of `gpuflow.arrow.string_functions` that answers for whole columns; see `Overload`. Where it stands
        alone the body is only looked at for the names of its parameters, one each.
    failure : str, optional
        What an error says, behind the name of the function, where `overflow` holds.
    or_column : str, optional
        A name of `parameters` that may be an expression too. It is a further column then, and the parameter has no value: an
        overload of its own takes it.
    traits : Traits, optional
        What plans may know of the function, given with its first overload.

    Returns
    -------
    decorator
        Makes a `ScalarHandle` of the function: called with expressions, it is one.

    Raises
    ------
    ExtensionError
        When the body cannot become part of a kernel.

    Examples
    --------
    >>> import gpuflow as gf
    >>> @gf.scalar(dtype=gf.rules.always(gf.Float64))
    ... def ground_speed(miles, minutes):
    ...     return miles / (minutes / 60.0)
    >>> flights = gf.from_dict({"miles": [100, None], "minutes": [30, 20]})
    >>> flights.select(mph=ground_speed(gf.col("miles"), gf.col("minutes"))).collect().to_dict()
    {'mph': [200.0, None]}
    """

    def declare(function: Callable[..., Any]) -> Any:
        public = name or function.__name__
        key = f"{namespace}.{public}" if namespace else public
        what = f"scalar {key!r}"
        if null not in (PROPAGATE, CUSTOM, PARTIAL):
            raise ExtensionError(f"{what}: null={null!r} is not one of {PROPAGATE!r}, {PARTIAL!r}, {CUSTOM!r}")
        if host is not None and text is None:
            body = Body(host, tuple(inspect.signature(function).parameters), "")
        else:
            body = body_of(function, allowed=NAMES, what=what)
            if text is None and not built_in(function):
                _check_returns(body, null, what)
        check = body_of(overflow, allowed=NAMES, what=f"{what} (overflow)") if overflow else None
        given = body.params[2:] if text == "write" else body.params
        if check and check.params != given:
            raise ExtensionError(f"{what}: overflow takes {check.params}, the body {given}; they must be the same")
        unknown = set(structural) - set(body.params)
        if unknown:
            raise ExtensionError(f"{what}: structural names {sorted(unknown)} are not parameters")
        if interval is not None and (interval not in INTERVALS or null == CUSTOM):
            raise ExtensionError(
                f"{what}: interval={interval!r} is not one of {', '.join(INTERVALS)}, or the body takes (value, valid) pairs"
            )
        if text not in (None, "measure", "view", "write"):
            raise ExtensionError(f"{what}: text={text!r} is not one of 'measure', 'view', 'write'")
        key = key if built_in(function) or name else declared_again(SCALARS, key)
        shared = SCALARS[key].traits if key in SCALARS else traits
        overload = Overload(public, body, null, dtype, check, structural, branch, interval, text, host, failure, shared)
        count = arity if arity is not None else len(argument_names(overload))
        entry = SCALARS.get(key) or ScalarFunction(
            key,
            inspect.getdoc(function) or "",
            namespace,
            operator,
            method,
            count,
            variadic,
            parameters or {},
            or_column=or_column,
            traits=traits,
        )
        entry.overloads.append(overload)
        SCALARS[key] = entry
        return function if name else ScalarHandle(key, function)

    return declare


def _check_returns(body: Body, null: str, what: str) -> None:
    wanted = 1 if null == PROPAGATE else 2
    for values in returned(body.tree):
        if len(values) != wanted:
            how = "one value" if wanted == 1 else "(value, valid)"
            raise ExtensionError(f"{what}: with null={null!r} the body returns {how}, not {len(values)} values")


_USERS: set[tuple[int, str]] = set()


def built_in(declared: Any) -> bool:
    """Whether something is declared by this package: there, declaring a name again adds an overload."""
    return str(declared.__module__).startswith(__name__.partition(".")[0])


def declared_again(registry: dict[str, Any], key: str) -> str:
    """The key for a user's declaration: `key`, or one of its own where that is taken (a closure made twice, a notebook's
    cell run again), to which methods of that name then lead, unless the name is one of the package's.
    """
    first = registry.get(key)
    if first is None:
        _USERS.add((id(registry), key))
        return key
    number = 2
    while f"{key}_{number}" in registry:
        number += 1
    if (id(registry), key) in _USERS:
        first.again = f"{key}_{number}"
    return f"{key}_{number}"


class ScalarHandle:
    """What a declared function becomes: callable on expressions; `python` is the undecorated function."""

    build: Callable[..., Any] | None = None  # set by gpuflow.expr: (name, args) -> expression

    def __init__(self, key: str, python: Callable[..., Any]) -> None:
        self.key, self.python, self.__doc__, self.__name__ = key, python, python.__doc__, python.__name__

    def __call__(self, *args: Any) -> Any:
        if ScalarHandle.build is None:
            raise ExtensionError(f"scalar {self.key!r} can be applied to expressions once gpuflow is imported")
        return ScalarHandle.build(self.key, *args)
