"""From what a user wrote to typed rows: names looked up, functions resolved, literals and casts put in."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from gpuflow_kernels.declare.scalar import SCALARS, ScalarFunction, Signature, argument_names
from gpuflow_kernels.dtypes import ALL, BOOL, NARROW_DIGITS, STRING, DType, common
from gpuflow_kernels.ir.expressions import Call, Const, Member, Ref, Row, walk

from gpuflow.errors import ColumnNotFoundError, PlanError, TypeMismatchError, UnsupportedError
from gpuflow.schema import Schema

from .expand import missing, require
from .literals import adapt, convert, no_category
from .near_names import near
from .nodes import Aggregated, Alias, Column, Columns, Function, IsIn, Literal, Node, render


def bind(node: Node, schema: Schema) -> Row:
    """The typed row of an expression without aggregations over columns of `schema`.

    Raises
    ------
    ColumnNotFoundError, TypeMismatchError
        Naming the expression, the types seen, and what would be right.
    PlanError
        For an aggregation, which is no row function.

    Examples
    --------
    >>> from gpuflow_kernels.dtypes import INT8
    >>> bind(Column("x"), Schema({"x": INT8}))
    Ref(key='x', dtype=int8)
    """
    return Binder(schema).row(node)


_COMPARING = frozenset({"==", "!=", "<", "<=", ">", ">="})


class Binder:
    """Binds one expression after the other against a schema."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    def row(self, node: Node) -> Row:
        """The typed row of `node`."""
        match node:
            case Column(name):
                return self.column(name)
            case Literal(value, dtype):
                return Const(value, dtype)
            case Alias(arg):
                return self.row(arg)
            case IsIn():
                return self._member(node)
            case Function():
                return self._function(node)
            case Aggregated():
                return self.aggregated(node)
            case Columns():
                raise PlanError(f"{render(node)} stands for several columns where one is needed")

    def column(self, name: str) -> Row:
        """A column of the input."""
        require([name], self.schema)
        return Ref(name, self.schema[name])

    def aggregated(self, node: Aggregated) -> Row:
        """An aggregation: no row function."""
        raise PlanError(
            f"{render(node)} is an aggregation, and stands where every row has a value of its own; compute it with "
            "select(...) or group_by(...).agg(...), and join the result to the rows that need it"
        )

    def _function(self, node: Function) -> Row:
        function = SCALARS.get(node.name)
        if function is None:
            raise PlanError(f"there is no function {node.name!r}{near(node.name, SCALARS)}")
        if any(o.branch for o in function.overloads):
            for arg in node.args:
                if isinstance(arg, Column) and arg.name not in self.schema and arg.name not in self.schema.unsupported:
                    raise ColumnNotFoundError(missing(arg.name, self.schema), column=arg.name)
        rows = [self.row(a) for a in node.args]
        same_type = function.traits.converts and rows[0].dtype == dict(node.params).get("to")
        if not function.traits.value_blind and not same_type:
            refuse_opaque(render(node), rows)
        free = [isinstance(a, Literal) and not a.fixed for a in node.args]
        if function.variadic and len(rows) != function.arity:
            return self._folded(node, function, rows, free)
        return self._applied(node, function, rows, free)

    def _folded(self, node: Function, function: ScalarFunction, rows: list[Row], free: list[bool]) -> Row:
        """A variadic function: two at a time from the left, after all literals took their types."""
        rows = [self._literal(r, _others(rows, free, i)) if free[i] else r for i, r in enumerate(rows)]
        result, *rest = rows
        for row in rest:
            result = self._applied(node, function, [result, row], [False, False])
        return result

    def _applied(self, node: Function, function: ScalarFunction, rows: list[Row], free: list[bool]) -> Row:
        params = dict(node.params)
        if function.operator in _COMPARING:  # instants compare alike in every unit, so a fixed one may change its own
            free = [f or (isinstance(r, Const) and r.dtype.is_temporal) for r, f in zip(rows, free, strict=True)]
        adapted = [self._literal(r, _others(rows, free, i)) if free[i] else r for i, r in enumerate(rows)]
        names = argument_names(function.overloads[0])
        for candidate in (adapted, rows):
            try:
                found = function.resolve(tuple(r.dtype for r in candidate), params | _literals(names, candidate))
            except ValueError as e:  # how a type rule refuses a parameter
                raise PlanError(f"{render(node)}: {e}") from None
            if found is not None:
                overload, signature = found
                first = apply(signature.via, None, candidate[0]) if signature.via else candidate[0]
                args = tuple(
                    cast_to(r, d) for r, d in zip(_given(signature, (first, *candidate[1:])), signature.args, strict=True)
                )
                call = Call(overload, args, signature.result, signature.constants)
                _check(node, call)
                return _finished(call, signature)
        raise TypeMismatchError(mismatch(node, function, [r.dtype for r in rows]))

    @staticmethod
    def _literal(row: Row, others: list[DType]) -> Row:
        assert isinstance(row, Const)
        if row.value is None:
            return row
        dtype = adapt(row.value, row.dtype, others)
        return Const(convert(row.value, row.dtype, dtype), dtype)

    def _member(self, node: IsIn) -> Row:
        arg = self.row(node.arg)
        refuse_opaque(render(node), [arg])
        if arg.dtype.is_wide:
            raise UnsupportedError(f"{render(node)}: is_in() does not take {arg.dtype}{_narrowing(arg.dtype)}")
        values = set()
        for literal in node.values:
            if not _comparable(literal.dtype, arg.dtype) or no_category(literal.value, arg.dtype):
                raise TypeMismatchError(
                    f"{render(node)}: the column is {arg.dtype}, and {render(literal)} in the list is {literal.dtype}"
                    + (no_category(literal.value, arg.dtype) or _text_hint([arg.dtype, literal.dtype]))
                )
            value = convert(literal.value, literal.dtype, arg.dtype)
            if value is not None:  # what the column cannot hold is never equal to it
                values.add(0.0 if value == 0 and arg.dtype.is_float else value)
        ordinary = tuple(sorted(v for v in values if v == v))
        member = Member(arg, ordinary, BOOL)
        if not any(isinstance(v, float) and math.isnan(v) for v in values):
            return member
        return apply("or", BOOL, member, apply("is_nan", BOOL, arg))


HOST_CHECKS: list[Callable[[str, tuple[Any, ...]], None]] = []
"""What the layers above, which know host functions, add: given the name of one, its arguments behind the strings (None for what
is no literal) and the constants, it raises where they can be none of its."""


def _check(node: Function, call: Call) -> None:
    """Raise where a host function refuses its literals."""
    overload, further = call.overload, call.args[1:]
    if overload.host is None or overload.text is not None or not further:
        return
    if any(isinstance(a, Const) and a.value is None for a in further):
        return  # null, whatever the others are
    given = tuple(a.value if isinstance(a, Const) else None for a in further)
    for check in HOST_CHECKS:
        try:
            check(overload.host, (*given, *call.constants))
        except PlanError as e:
            raise type(e)(f"{render(node)}: {e}") from None


def _given(signature: Signature, rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """The arguments of a call, from those that were written."""
    if signature.sources is None:
        return rows
    parts = ((rows[k], name) for k, name in signature.sources)
    return tuple(row if name is None else apply(name, None, cast_to(row, STRING)) for row, name in parts)


def _literals(names: tuple[str, ...], rows: list[Row]) -> dict[str, Any]:
    """What a type rule sees of strings: the literal, or None where there is none."""
    strings = ((n, r) for n, r in zip(names, rows, strict=False) if r.dtype == STRING)
    return {n: r.value if isinstance(r, Const) else None for n, r in strings}


def _finished(call: Call, signature: Signature) -> Call:
    """`call` with what its signature says comes after it."""
    if signature.after is None:
        return call
    name, params = signature.after
    found = SCALARS[name].resolve((call.dtype,), params)
    assert found is not None, f"{name} of {call.dtype}"
    return Call(found[0], (call,), found[1].result, found[1].constants)


def _others(rows: list[Row], free: list[bool], position: int) -> list[DType]:
    fixed = [r.dtype for r, f in zip(rows, free, strict=True) if not f]
    return fixed or [r.dtype for i, r in enumerate(rows) if i != position]


def _comparable(literal: DType, column: DType) -> bool:
    if column.kind == "enum" and literal == STRING:
        return True
    if literal.is_text or column.is_text or BOOL in (literal, column):
        return literal == column
    return common(literal, column) is not None or (literal.is_integer and column.is_integer)


def refuse_opaque(what: str, rows: Iterable[Row]) -> None:
    """Raise where one of `rows`, which `what` would compute on, is opaque, as lists and times of day are.

    Raises
    ------
    UnsupportedError
        Naming the column and its type.
    """
    for row in rows:
        if row.dtype.kind == "opaque":
            name = next((f"column {n.key!r}" for n in walk(row) if isinstance(n, Ref) and n.dtype == row.dtype), "it")
            raise UnsupportedError(
                f"{what}: {name} is {row.dtype}, and columns of this type only pass through: they are selected, filtered, joined "
                f"and sorted along, and know is_null(), count(), first() and last(); {row.dtype.detail.way_out}"
            )


def apply(operator: str, dtype: DType | None, *args: Row) -> Row:
    """A declared function on rows that have the types it asks for already, whose result is `dtype` (where that is known).
    `operator` is a name of the registry, or ``and``, ``or``, ``not`` for what ``&``, ``|``, ``~`` mean."""
    symbol = {"and": "&", "or": "|", "not": "~"}.get(operator)
    function = (
        next((f for f in SCALARS.values() if symbol and f.operator == symbol and f.arity == len(args)), None) or SCALARS[operator]
    )
    found = function.resolve(tuple(a.dtype for a in args))
    assert found is not None and dtype in (None, found[1].result), f"{operator} on {[a.dtype for a in args]}"
    return Call(found[0], args, found[1].result, found[1].constants)


def cast_to(row: Row, dtype: DType) -> Row:
    """`row` as `dtype`: itself, a literal of that type, or a strict cast.

    A literal that `dtype` cannot hold is cast when the query runs, which raises or not as the cast says.
    """
    if row.dtype == dtype:
        return row
    if isinstance(row, Const):
        if row.value is None:
            return Const(None, dtype)
        value = convert(row.value, row.dtype, dtype)
        if value is not None:
            return Const(value, dtype)
    found = SCALARS["cast"].resolve((row.dtype,), {"to": dtype, "strict": True})
    if found is None:
        raise TypeMismatchError(f"{row.dtype} cannot be cast to {dtype}")
    overload, signature = found
    return Call(overload, (row,), signature.result, signature.constants)


# -- messages ---------------------------------------------------------------------------------------------------------
def mismatch(node: Function, function: ScalarFunction, seen: list[DType]) -> str:
    """What is wrong with the types of a call, and what would be right."""
    name, params = _shown(function), dict(node.params)
    types = " and ".join(str(d) for d in seen)
    if function.traits.converts and "to" in params:
        targets = [d for d in ALL if function.resolve((seen[0],), {**params, "to": d})]
        return f"{render(node)}: {seen[0]} cannot be cast to {params['to']}; it can to {describe(targets)}"
    text = f"{render(node)}: {name} does not accept {types}"
    if hint := _enum_hint(node, seen) or _text_hint(seen):
        return text + hint
    accepted = []
    for i, dtype in enumerate(seen):
        fits = [d for d in ALL if _takes(function, (*seen[:i], d, *seen[i + 1 :]), params)]
        if fits and dtype not in fits:
            beside = " and ".join(str(d) for j, d in enumerate(seen) if j != i)
            accepted.append(describe(fits) + (f" beside {beside}" if beside else ""))
    if accepted:
        text += "; it accepts " + ", or ".join(dict.fromkeys(accepted))
    return text + _way_out(node, seen)


def zone_hint(seen: list[DType]) -> str:
    """What to do about a moment with a time zone beside one without; nothing where there are none such."""
    moments = [d for d in seen if d.kind in ("date", "timestamp")]
    zones = [d.zone for d in moments if d.zone]
    if not zones or len(zones) == len(moments):
        return ""
    return (
        f'; an instant does not meet a local time: give the other a zone with .dt.replace_time_zone("{zones[0]}") (a date after '
        ".cast(gf.Datetime())), or take the zone from this one with .dt.replace_time_zone(None)"
    )


def _enum_hint(node: Function, seen: list[DType]) -> str:
    """What to do about an enum that is text here, and about text that is none of its categories."""
    enum = next((d for d in seen if d.kind == "enum"), None)
    if enum is None:
        return ""
    asked = [] if SCALARS[node.name].namespace == "str" else [a.value for a in node.args if isinstance(a, Literal)]
    unknown = (no_category(value, enum) for value in asked)
    return next(filter(None, unknown), "") or "; an enum is text after .cast(gf.String), and a number after .cast(gf.Int64)"


def _text_hint(seen: list[DType]) -> str:
    if hint := zone_hint(seen):
        return hint
    temporal = next((d for d in seen if d.is_temporal), None)
    if STRING not in seen or temporal is None:
        return ""
    example = {
        "date": "datetime.date(2013, 1, 31) or gf.date(2013, 1, 31)",
        "timestamp": "datetime.datetime(2013, 1, 31, 12) or gf.datetime(2013, 1, 31, 12)",
        "duration": "datetime.timedelta(hours=1) or gf.duration(hours=1)",
    }[temporal.kind]
    return f"; text is not read as a {temporal.kind} by itself: write {example}"


def _takes(function: ScalarFunction, seen: tuple[DType, ...], params: dict[str, Any]) -> bool:
    try:
        return function.resolve(seen, params) is not None
    except ValueError:
        return False


def _narrowing(dtype: DType) -> str:
    """What to do with a decimal of 38 digits where none is taken."""
    return f"; cast() it, as in .cast(gf.Decimal({NARROW_DIGITS}, {min(dtype.scale, NARROW_DIGITS)})) or .cast(gf.Float64)"


def _way_out(node: Function, seen: list[DType]) -> str:
    if found := [d for d in seen if d.is_wide]:
        return _narrowing(found[0])
    symbol = SCALARS[node.name].operator
    if symbol in ("&", "|", "^", "~") and any(d != BOOL for d in seen):
        return "; put brackets around comparisons, as in (a > 1) & (b < 2)"
    if len(set(seen)) > 1 and all(d.is_numeric or d.is_decimal or d == STRING for d in seen):
        return "; cast() one of them"
    return ""


def _shown(function: ScalarFunction) -> str:
    return repr(function.operator) if function.operator else f"{function.name}()"


def describe(dtypes: list[DType]) -> str:
    """A list of types in few words.

    >>> describe([d for d in ALL if d.is_integer or d == BOOL])
    'bool or integers'
    """
    words, rest = [], list(dtypes)
    families = {"integers": [d for d in ALL if d.is_integer], "floats": [d for d in ALL if d.is_float]}
    families |= {f"{k}s": [d for d in ALL if d.kind == k] for k in ("timestamp", "duration", "decimal")}
    for word, family in families.items():
        if all(d in rest for d in family):
            words.append(word)
            rest = [d for d in rest if d not in family]
    words = [*(str(d) for d in rest if d in (BOOL,)), *words, *(str(d) for d in rest if d != BOOL)]
    if not words:
        return "nothing"
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]
