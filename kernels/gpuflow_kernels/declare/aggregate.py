"""Aggregations: the `@aggregation` declaration and its registry.

An aggregation is a fixed number of accumulators (*slots*). `lift` turns one valid row into one value per slot, the
slots' `combine` puts them together, and `finalize` turns the slots of a group into the result. The same three pieces
make the kernels, the merge of partial results and the reduction over partitions.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gpuflow_kernels.dtype_like import as_dtype
from gpuflow_kernels.dtypes import DType
from gpuflow_kernels.errors import ExtensionError
from gpuflow_kernels.rowmath import NAMES
from gpuflow_kernels.source import Body, body_of, returned

from .registry import Registry
from .scalar import Signature, built_in, declared_again

COMBINES = ("add", "min", "max", "and", "or")
STORED = ("bool", "date", "timestamp", "duration", "decimal", "enum")
INPUT = "input"
"""Stands for the type of the aggregated column in a `Slot`."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One accumulator.

    Parameters
    ----------
    dtype : DType or "input"
        Type of the accumulator; ``INPUT`` means the aggregated column's own type.
    identity : number or {"lowest", "highest"}
        What combining with changes nothing: the start of a group. The two names mean the least and greatest value of
        the type (minus and plus infinity for floats).
    combine : {"add", "min", "max", "and", "or"}, optional
        How two values become one; None when the class declares a tuple `combine`.
    counts : bool
        True for a slot that counts the rows lifted: the engine then needs no flag of its own to know an empty group.

    Examples
    --------
    >>> from gpuflow_kernels.dtypes import INT8
    >>> Slot(INPUT, "lowest", "max").resolve(INT8).identity
    -128
    """

    dtype: DType | str
    identity: int | float | bool | str
    combine: str | None = None
    counts: bool = False

    def __post_init__(self) -> None:
        if self.dtype != INPUT:
            object.__setattr__(self, "dtype", as_dtype(self.dtype))

    @property
    def type(self) -> DType:
        """The type of a slot that has been resolved."""
        assert isinstance(self.dtype, DType)
        return self.dtype

    def resolve(self, argument: DType | None) -> Slot:
        """The slot with its type and identity made concrete for an input of type `argument`."""
        dtype = argument if self.dtype == INPUT else self.dtype
        assert isinstance(dtype, DType)
        identity = self.identity
        if identity in ("lowest", "highest"):
            if dtype.is_float:
                identity = float("-inf") if identity == "lowest" else float("inf")
            else:
                identity = dtype.bounds[0 if identity == "lowest" else 1]
        return Slot(dtype, identity, self.combine, self.counts)


AggRule = Callable[[tuple[DType, ...]], "Signature | tuple[tuple[DType, ...], DType] | None"]
"""Type rule: argument types -> a `Signature` or (types they are cast to, result type), or None when not accepted."""


@dataclass(frozen=True, slots=True)
class Aggregation:
    """One declared aggregation for one family of input types. Pure data but for `rule`.

    `position` is True when `lift` takes a parameter of that name after its arguments: the row's position in the whole
    input (int64), for aggregations that depend on order. `lift_nulls` is True when `lift` sees null rows too and takes
    ``(value, valid)`` pairs. An aggregation without slots is holistic: the planner rewrites it.
    """

    name: str
    slots: tuple[Slot, ...]
    lift: Body | None
    finalize: Body | None
    combine: Body | None
    overflow: Body | None
    rule: AggRule = field(compare=False)
    empty: int | float | bool | None = None
    position: bool = False
    lift_nulls: bool = False

    def __reduce__(self) -> tuple[Any, ...]:
        data = (self.name, self.slots, self.lift, self.finalize, self.combine, self.overflow)
        return _rebuild, (*data, self.empty, self.position, self.lift_nulls)


def _rebuild(*data: Any) -> Aggregation:
    name, slots, lift, finalize, combine, overflow, empty, position, lift_nulls = data
    return Aggregation(name, slots, lift, finalize, combine, overflow, _no_rule, empty, position, lift_nulls)


def _no_rule(args: tuple[DType, ...]) -> Signature | tuple[tuple[DType, ...], DType] | None:
    raise AssertionError("an aggregation that travelled to a worker is not typed again")


@dataclass(slots=True)
class AggregateFunction:
    """All overloads of one aggregation name, tried in order of declaration.

    `variants` are truth-valued parameters of the user's method, each with the name of the aggregation that is meant when
    it is given as True. `again` is as in `ScalarFunction`.
    """

    name: str
    doc: str
    arity: int
    variants: dict[str, str] = field(default_factory=dict)
    overloads: list[Aggregation] = field(default_factory=list)
    again: str | None = None

    def signature(self, args: tuple[DType, ...]) -> tuple[Aggregation, Signature] | None:
        """The first overload that accepts these types, with its signature; None when none does."""
        for overload in self.overloads:
            answer = overload.rule(args)
            if answer is not None:
                signature = answer if isinstance(answer, Signature) else Signature(*answer)
                _check_finalize(overload, len(signature.constants))
                return overload, signature
        return None

    def resolve(self, args: tuple[DType, ...]) -> tuple[Aggregation, tuple[DType, ...], DType] | None:
        """The first overload that accepts these types: (it, the types to cast to, the result type); None when none does."""
        found = self.signature(args)
        return (found[0], found[1].args, found[1].result) if found else None


AGGREGATIONS: Registry[AggregateFunction] = Registry()
"""Every declared aggregation by name."""


def aggregation(
    *,
    dtype: AggRule,
    slots: tuple[Slot, ...] = (),
    empty: int | float | bool | None = None,
    name: str | None = None,
    nulls: str = "skip",
    arity: int = 1,
    variants: dict[str, str] | None = None,
) -> Callable[[type], Any]:
    """Declare an aggregation.

    The class has ``lift(x)`` returning one value per slot, ``finalize(*slots)`` returning the result or
    ``(result, valid)``, and, when the slots name no combine of their own, ``combine(*left, *right)`` returning the
    slots. An optional ``overflow(*slots)`` says where the exact result does not fit its type; the query then raises
    `ArithmeticOverflowError`. Both take the constants of the signature, if it has any, after the slots.

    Parameters
    ----------
    dtype : AggRule
        Type rule; see `gpuflow_kernels.declare.type_rules`.
    slots : tuple of Slot
        The accumulators. None at all makes it holistic.
    empty : number or None
        The result for a group without a valid row; None means null.
    name : str, optional
        Public name; the class's own by default. Declaring a name again adds an overload for other types.
    nulls : {"skip", "lift"}
        ``lift`` passes null rows to `lift` as ``(value, valid)`` pairs.
    arity : int
        Number of columns aggregated together (0 for ``len``).
    variants : dict, optional
        Parameters of the method that choose another declared aggregation, see `AggregateFunction`.

    Returns
    -------
    decorator
        Makes an `AggregationHandle` of the class: called with expressions, it is one.

    Raises
    ------
    ExtensionError
        When slots, lift and combine do not fit each other, or a body cannot become part of a kernel.

    Examples
    --------
    >>> import gpuflow as gf
    >>> @gf.aggregation(dtype=gf.rules.always(gf.Float64), slots=(gf.Slot(gf.Float64, 0.0, "add"), gf.Slot(gf.Int64, 0, "add")))
    ... class harmonic_mean:
    ...     def lift(x):
    ...         return 1.0 / x, 1
    ...
    ...     def finalize(total, count):
    ...         return count / total
    >>> gf.from_dict({"x": [2, 6, None]}).select(harmonic_mean(gf.col("x"))).collect().to_dict()
    {'x': [3.0]}
    """

    def declare(cls: type) -> Any:
        public = name or cls.__name__
        what = f"aggregation {public!r}"
        _check_slots(slots, what)
        bodies = {}
        for method in ("lift", "finalize", "combine", "overflow"):
            function = inspect.getattr_static(cls, method, None)
            if isinstance(function, staticmethod):
                function = function.__func__
            bodies[method] = body_of(function, allowed=NAMES, what=f"{what}, {method}") if function else None
        lift, finalize, combine = bodies["lift"], bodies["finalize"], bodies["combine"]
        if slots:
            named = {s.combine for s in slots}
            if combine is None and not named <= set(COMBINES):
                raise ExtensionError(f"{what}: every slot needs a combine of {', '.join(COMBINES)}, or the class a combine()")
            if combine is not None and (named != {None} or len(combine.params) != 2 * len(slots)):
                raise ExtensionError(f"{what}: combine() takes the slots twice ({2 * len(slots)} parameters), slots naming none")
            if lift is None or finalize is None or len(finalize.params) < len(slots):
                raise ExtensionError(f"{what}: needs lift(), and finalize() with one parameter for each of {len(slots)} slots")
            for method in ("lift", "combine"):
                _check_returns(bodies[method], (len(slots),), f"{what}: {method}()")
            if not built_in(cls):
                _check_returns(finalize, (1, 2), f"{what}: finalize()")
        position = bool(lift and lift.params and lift.params[-1] == "position")
        expected = arity * (2 if nulls == "lift" else 1) + position
        if lift is not None and len(lift.params) != expected:
            raise ExtensionError(f"{what}: lift() takes {len(lift.params)} parameters, {expected} expected")
        key = public if built_in(cls) or name else declared_again(AGGREGATIONS, public)
        entry = AGGREGATIONS.get(key) or AggregateFunction(key, inspect.getdoc(cls) or "", arity, variants or {})
        entry.overloads.append(
            Aggregation(public, slots, lift, finalize, combine, bodies["overflow"], dtype, empty, position, nulls == "lift")
        )
        AGGREGATIONS[key] = entry
        return AggregationHandle(key, cls)

    return declare


def _check_slots(slots: tuple[Slot, ...], what: str) -> None:
    if not isinstance(slots, tuple) or not all(isinstance(s, Slot) for s in slots):
        raise ExtensionError(f"{what}: slots must be a tuple of Slot, as in slots=(Slot(Float64, 0.0, 'add'),)")
    for slot in slots:
        kept = slot.dtype == INPUT or (isinstance(slot.dtype, DType) and (slot.dtype.is_numeric or slot.dtype.kind in STORED))
        if not kept and not (isinstance(slot.dtype, DType) and slot.dtype.is_text and slot.combine in ("min", "max")):
            raise ExtensionError(
                f"{what}: a slot cannot be {slot.dtype}; it is a number, a bool, a time, INPUT, or text of which "
                f"the least or greatest is kept"
            )
        if isinstance(slot.identity, str) and slot.identity not in ("lowest", "highest"):
            raise ExtensionError(f"{what}: the identity {slot.identity!r} is no number, 'lowest' or 'highest'")


def _check_returns(body: Body | None, counts: tuple[int, ...], what: str) -> None:
    for values in returned(body.tree) if body else ():
        if len(values) not in counts:
            wanted = f"one for each of {counts[0]} slots" if len(counts) == 1 else "the result, or (result, valid),"
            raise ExtensionError(f"{what} returns {len(values)} values, {wanted} expected")


def _check_finalize(overload: Aggregation, constants: int) -> None:
    wanted = len(overload.slots) + constants
    if overload.finalize is not None and overload.slots and len(overload.finalize.params) != wanted:
        raise ExtensionError(
            f"aggregation {overload.name!r}: finalize() takes {len(overload.finalize.params)} parameters, {wanted} expected: "
            f"one for each slot, and one for each constant of its type rule"
        )


class AggregationHandle:
    """What a declared aggregation becomes: callable on expressions inside ``agg``."""

    build: Callable[..., Any] | None = None  # set by gpuflow.expr

    def __init__(self, key: str, python: type) -> None:
        self.key, self.python, self.__doc__, self.__name__ = key, python, python.__doc__, python.__name__

    def __call__(self, *args: Any) -> Any:
        if AggregationHandle.build is None:
            raise ExtensionError(f"aggregation {self.key!r} can be applied to expressions once gpuflow is imported")
        return AggregationHandle.build(self.key, *args)
