"""Aggregations: the `@aggregation` declaration and its registry.

An aggregation is a fixed number of accumulators (*slots*). `lift` turns one valid row into one value per slot, the
slots' `combine` puts them together, and `finalize` turns the slots of a group into the result. The same three pieces
make the kernels, the merge of partial results and the reduction over partitions.

Filed as databases file them [1]_: *distributive* (``sum``: one slot, which is the result), *algebraic* (``mean``: some slots
make the result), *holistic* (``n_unique``: no fixed number of slots does).

References
----------
.. [1] J. Gray et al., "Data Cube: A Relational Aggregation Operator Generalizing Group-By, Cross-Tab, and Sub-Totals", Data
   Mining and Knowledge Discovery 1 (1997).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from gpuflow_kernels.body_source import Body, body_of, returned
from gpuflow_kernels.dtype_like import as_dtype
from gpuflow_kernels.dtypes import DType
from gpuflow_kernels.errors import ExtensionError
from gpuflow_kernels.rowmath import NAMES

from .parameters import Parameter
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


AggRule = Callable[..., "Signature | tuple[tuple[DType, ...], DType] | None"]
"""Type rule: argument types, and the parameters where some are declared -> a `Signature` or (types they are cast to, result
type), or None when not accepted."""


@dataclass(frozen=True, slots=True)
class Aggregation:
    """One declared aggregation for one family of input types. Pure data but for `rule`.

    Attributes
    ----------
    position : bool
        `lift` takes a parameter of that name after its arguments: the row's position in the whole input (int64). The result
        depends on the order of rows.
    lift_nulls : bool
        `lift` sees null rows too and takes ``(value, valid)`` pairs.
    value_blind : bool
        The result depends on no value, so columns of every type are accepted.
    idempotent : bool
        Aggregating a value twice is aggregating it once, so ``distinct=`` changes nothing.
    over_distinct : str, optional
        A holistic aggregation that is another one over its distinct values, nulls included: the name of that one.
    segment : Body, optional
        What makes the result of a holistic aggregation from the sorted values of a group.
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
    value_blind: bool = False
    idempotent: bool = False
    over_distinct: str | None = None
    segment: Body | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, tuple(getattr(self, f.name) for f in fields(self) if f.name != "rule")


def _rebuild(*data: Any) -> Aggregation:
    name, slots, lift, finalize, combine, overflow, *traits = data
    return Aggregation(name, slots, lift, finalize, combine, overflow, _no_rule, *traits)


def _no_rule(args: tuple[DType, ...]) -> Signature | tuple[tuple[DType, ...], DType] | None:
    raise AssertionError("an aggregation that travelled to a worker is not typed again")


@dataclass(slots=True)
class AggregateFunction:
    """All overloads of one aggregation name, tried in order of declaration.

    `parameters` are typed arguments that are no columns. `variants` are truth-valued ones, each with the name of the
    aggregation that is meant when it is given as True. `again` is as in `ScalarFunction`.
    """

    name: str
    doc: str
    arity: int
    variants: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    overloads: list[Aggregation] = field(default_factory=list)
    again: str | None = None

    @property
    def refuses_distinct(self) -> str | None:
        """Why ``distinct=True`` has no meaning here; None where it has one."""
        if not self.arity:
            return "it aggregates no column"
        if any(o.position for o in self.overloads):
            return "which of equal values stays decides the result; for distinct rows write unique(keep=...) before"
        return None

    def signature(self, args: tuple[DType, ...], params: dict[str, Any] | None = None) -> tuple[Aggregation, Signature] | None:
        """Return the first overload that accepts these types, with its signature; None when none does."""
        given = ({n: p.default for n, p in self.parameters.items()} | (params or {}),) if self.parameters else ()
        for overload in self.overloads:
            answer = overload.rule(args, *given)
            if answer is not None:
                signature = answer if isinstance(answer, Signature) else Signature(*answer)
                literals = sum(p.literal is not None for p in self.parameters.values())
                _check_parameters(overload, literals + len(signature.constants))
                return overload, signature
        return None

    def resolve(self, args: tuple[DType, ...]) -> tuple[Aggregation, tuple[DType, ...], DType] | None:
        """Return the first overload that accepts these types: (it, the types to cast to, the result type), or None."""
        resolved = self.signature(args)
        return (resolved[0], resolved[1].args, resolved[1].result) if resolved else None


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
    parameters: dict[str, Parameter] | None = None,
    value_blind: bool = False,
    idempotent: bool = False,
    over_distinct: str | None = None,
) -> Callable[[type], Any]:
    """Declare an aggregation.

    The class has ``lift(x)`` returning one value per slot, ``finalize(*slots)`` returning the result or
    ``(result, valid)``, and, when the slots name no combine of their own, ``combine(*left, *right)`` returning the
    slots. An optional ``overflow(*slots)`` says where the exact result does not fit its type; the query then raises
    `ArithmeticOverflowError`. Both take, after the slots, the `parameters` that are no words, and the constants of the
    signature.

    A holistic aggregation of one column has ``segment(begin, end, *parameters, *constants, values)`` instead, which returns
    ``(result, valid)``: the values of a group that are not null stand sorted (NaN last) in ``values[uint64(k)]``, ``begin <= k <
    end``. Nothing may be read where that is empty.

    Every aggregation takes ``filter=``, and ``distinct=`` where that has a meaning, without declaring it.

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
    parameters : dict of str to Parameter, optional
        Typed arguments of the method that are no columns.
    value_blind, idempotent, over_distinct : bool, bool, str or None
        What the optimiser may do with it, see `Aggregation`.

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
        for method in ("lift", "finalize", "combine", "overflow", "segment"):
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
        if bodies["segment"] is not None and (slots or arity != 1):
            raise ExtensionError(f"{what}: segment() is for one column, and has no slots beside it")
        position = bool(lift and lift.params and lift.params[-1] == "position")
        expected = arity * (2 if nulls == "lift" else 1) + position
        if lift is not None and len(lift.params) != expected:
            raise ExtensionError(f"{what}: lift() takes {len(lift.params)} parameters, {expected} expected")
        key = public if built_in(cls) or name else declared_again(AGGREGATIONS, public)
        entry = AGGREGATIONS.get(key)
        if entry is None:
            entry = AggregateFunction(key, inspect.getdoc(cls) or "", arity, variants or {}, parameters or {})
        traits = (empty, position, nulls == "lift", value_blind, idempotent, over_distinct, bodies["segment"])
        entry.overloads.append(Aggregation(public, slots, lift, finalize, combine, bodies["overflow"], dtype, *traits))
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


def _check_parameters(overload: Aggregation, constants: int) -> None:
    """Refuse a body that does not take what it will be given: `constants` behind the slots, or a segment's bounds."""
    method, body, count, first, last = "finalize", overload.finalize, constants + len(overload.slots), "one for each slot", ""
    if overload.segment is not None:
        method, body, count, first, last = "segment", overload.segment, constants + 3, "begin and end", ", and the values"
    if body is not None and (overload.slots or overload.segment) and len(body.params) != count:
        raise ExtensionError(
            f"aggregation {overload.name!r}: {method}() takes {len(body.params)} parameters, {count} expected: {first}, each "
            f"parameter that is no word, and each constant of its type rule{last}"
        )


class AggregationHandle:
    """What a declared aggregation becomes: callable on expressions inside ``agg``."""

    build: Callable[..., Any] | None = None  # set by gpuflow.expr

    def __init__(self, key: str, python: type) -> None:
        self.key, self.python, self.__doc__, self.__name__ = key, python, python.__doc__, python.__name__

    def __call__(self, *args: Any, **named: Any) -> Any:
        if AggregationHandle.build is None:
            raise ExtensionError(f"aggregation {self.key!r} can be applied to expressions once gpuflow is imported")
        return AggregationHandle.build(self.key, *args, **named)
