"""The numbers that stand for strings inside a kernel, and how they are made from dictionaries when a partition is there.

A column of strings is *codes*, numbers of entries of a dictionary, which differs from partition to partition. So a kernel
reads strings through look-up tables over codes, and literals as codes that are known only then:

* Strings that are only copied keep their codes and their dictionary.
* Strings that meet in a comparison, a choice or an aggregation get one `UnionDictionary`, in the order of its values: codes
  compare as the strings do. Strings that are compared with a few literals alone get a `LiteralOrder`, which spares the union.
* A text function of one string and literals is evaluated once for each entry of the dictionary (`EntryFunction`).
* An enum as a string keeps its number: its categories are the dictionary (`EnumCategories`).
* The key of a look-up in a join table takes the code that its value has in the table (`Remap`).

So are binary values, but for text functions, and opaque ones, of which codes are only copied.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from gpuflow_kernels.body_source import body_of
from gpuflow_kernels.declare.scalar import PARTIAL, PROPAGATE, Overload
from gpuflow_kernels.dtypes import BOOL, STRING, DType
from gpuflow_kernels.ir.expressions import Agg, Call, CodeOf, Const, Lookup, Member, Ref, Row, is_by_entry
from gpuflow_kernels.rowmath import NAMES

FEW = 4
"""Literals that entries are compared with one by one; with more of them all are sorted together."""

Origin = int
"""Where a dictionary comes from: the key of a column, or minus one minus a position in `StringPlan.prepared`."""


@dataclass(frozen=True)
class UnionDictionary:
    """One dictionary for the entries of `origins` and for `literals`, in order.

    Look-up table ``first_lookup + k`` takes codes of origin number k to its codes; literal number k is code number
    ``first_code + k`` of those that a kernel is given (see `CodeOf`).
    """

    origins: tuple[Origin, ...]
    literals: tuple[Any, ...]
    first_lookup: int
    first_code: int
    dtype: DType

    def lookup_of(self, origin: Origin) -> int:
        return self.first_lookup + self.origins.index(origin)

    def code_of(self, literal: Any) -> CodeOf:
        return CodeOf(self.first_code + self.literals.index(literal))


@dataclass(frozen=True)
class LiteralOrder:
    """For each entry of `origin` its place among a few literals, in look-up table `lookup`; entries compare with the literals
    only, never with each other, and there is no dictionary. Codes of literals are as in `UnionDictionary`."""

    origin: Origin
    literals: tuple[Any, ...]
    lookup: int
    first_code: int

    def lookup_of(self, origin: Origin) -> int:
        return self.lookup

    def code_of(self, literal: Any) -> CodeOf:
        return CodeOf(self.first_code + self.literals.index(literal))


@dataclass(frozen=True)
class EnumCategories:
    """The categories of an enum, as a dictionary."""

    categories: tuple[str, ...]


@dataclass(frozen=True)
class EntryFunction:
    """A text function of the entries of `origin`, which is its argument number `position`. Numbers of the look-up tables for
    its values (None where they are strings), for which of them are valid, and for which are errors, where needed."""

    origin: Origin
    call: Call
    position: int
    values: int | None
    valid: int | None
    errors: int | None


@dataclass(frozen=True)
class Remap:
    """Look-up table `lookup`: from the dictionary of `origin` to the codes of key `key` of join table `table` (-1: absent)."""

    lookup: int
    origin: Origin
    table: int
    key: int


Shared = UnionDictionary | LiteralOrder
Prepared = UnionDictionary | LiteralOrder | EnumCategories | EntryFunction
Coded = tuple[Row, Origin | None]
"""A row over codes, and where its dictionary comes from (None unless it is a string)."""


def may_be_null(overload: Overload) -> bool:
    """Whether a text function can answer null for arguments that are not."""
    return overload.null == PARTIAL or overload.host is not None


def may_fail(overload: Overload) -> bool:
    """Whether a text function can refuse its arguments."""
    return overload.overflow is not None or overload.host is not None


class StringCodes:
    """Replaces strings by codes in the rows of one pipeline, in the order in which they are evaluated, and collects what that
    takes: `prepared` in the order in which it can be made, `remaps`, and the input columns in `distinct`, whose entries must
    differ from each other. `lookups` and `literals` count look-up tables and codes of literals."""

    def __init__(self, inputs: int) -> None:
        self.inputs = inputs
        self.prepared: list[Prepared] = []
        self.remaps: list[Remap] = []
        self.distinct: dict[int, None] = {}
        self.lookups = 0
        self.literals = 0
        self._by_entry: dict[Row, Coded] = {}

    def value(self, row: Row) -> Coded:
        """Rewrite a row that is filtered by or written. A bare column keeps its codes, as do strings made of its entries."""
        if is_by_entry(row):
            assert isinstance(row, Call)
            if row not in self._by_entry:
                self._by_entry[row] = self._entry_function(row)
            return self._by_entry[row]
        if not row.dtype.is_coded:
            return self._operands(row), None
        if isinstance(row, Ref):
            assert isinstance(row.key, int)
            return row, row.key
        if is_enum_text(row):
            assert isinstance(row, Call)
            categories = EnumCategories(row.args[0].dtype.detail)
            if categories not in self.prepared:
                self.prepared.append(categories)
            return replace(row, args=(self._operands(row.args[0]),)), self._origin_of(categories)
        shared = self._share(*self._sources(row), row.dtype)
        return self._within(row, shared), self._origin_of(shared)

    def group_key(self, row: Row) -> Coded:
        """Rewrite a key of groups: its codes are equal only where values are."""
        coded, origin = self.value(row)
        if origin is None:
            return coded, None
        if 0 <= origin < self.inputs:
            self.distinct[origin] = None
            return coded, origin
        if origin < 0 and not isinstance(self.prepared[-1 - origin], EntryFunction):
            return coded, origin
        union = self._share([origin], [], row.dtype)
        return Lookup(union.lookup_of(origin), coded, row.dtype), self._origin_of(union)

    def join_key(self, row: Row, table: int, key: int) -> Row:
        """Rewrite key number `key` of a look-up in a join table."""
        coded, origin = self.value(row)
        if origin is None:
            return coded
        remap = Remap(self._new_lookup(), origin, table, key)
        self.remaps.append(remap)
        return Lookup(remap.lookup, coded, row.dtype)

    def aggregation(self, agg: Agg) -> tuple[Agg, Origin | None]:
        """Rewrite the arguments of an aggregation, and its condition."""
        arguments, origin = self._together(agg.args)
        condition = None if agg.filter is None else self.value(agg.filter)[0]
        return replace(agg, args=arguments, filter=condition), origin

    # -- strings that meet --------------------------------------------------------------------------------------------
    def _operands(self, row: Row) -> Row:
        """Rewrite a row that is no string itself; strings among its operands meet in it."""
        if is_by_entry(row):
            return self.value(row)[0]
        if isinstance(row, Member) and row.arg.dtype.is_text:
            origins, literals = self._sources(row.arg)
            shared = self._share(origins, [*literals, *row.values], row.arg.dtype, compared=True)
            codes = {value: CodeOf(shared.first_code + k) for k, value in enumerate(shared.literals)}
            return replace(row, arg=self._within(row.arg, shared), values=tuple(codes[v] for v in row.values))
        if isinstance(row, Member):
            return replace(row, arg=self._operands(row.arg))
        if not isinstance(row, Call):
            return row
        return replace(row, args=self._together(row.args, not row.dtype.is_coded)[0])

    def _together(self, operands: tuple[Row, ...], compared: bool = False) -> tuple[tuple[Row, ...], Origin | None]:
        """Rewrite operands that meet, strings of one type over one dictionary; also the origin of that of the first string.
        They are `compared` if nothing of the dictionary comes out. Opaque ones never meet."""
        strings = [a for a in operands if a.dtype.is_coded]
        if not strings:
            return tuple(map(self._operands, operands)), None
        if all(s.dtype.kind == "opaque" for s in strings):
            return tuple(self.value(a)[0] for a in operands), self.value(strings[0])[1]
        shared: dict[DType, Shared] = {}
        for dtype in dict.fromkeys(s.dtype for s in strings):
            alike = [s for s in strings if s.dtype == dtype]
            varying = sum(not isinstance(s, Const) for s in alike)
            shared[dtype] = self._share(*self._sources(*alike), dtype, compared=compared and varying == 1)
        rows = (self._within(a, shared[a.dtype]) if a.dtype.is_coded else self._operands(a) for a in operands)
        return tuple(rows), self._origin_of(shared[strings[0].dtype])

    def _share(self, origins: list[Origin], literals: list[Any], dtype: DType, compared: bool = False) -> Shared:
        """What strings from these origins and literals have in common; `compared` if with the literals only."""
        different, values = tuple(dict.fromkeys(origins)), tuple(dict.fromkeys(literals))
        shared: Shared
        if compared and len(different) == 1 and len(values) <= FEW:
            shared = LiteralOrder(different[0], values, self.lookups, self.literals)
        else:
            shared = UnionDictionary(different, values, self.lookups, self.literals, dtype)
        self.lookups += len(different)
        self.literals += len(values)
        self.prepared.append(shared)
        return shared

    def _sources(self, *rows: Row) -> tuple[list[Origin], list[Any]]:
        """Origins and literals that string rows can take their values from."""
        origins: list[Origin] = []
        literals: list[Any] = []
        for row in rows:
            for source in _sources_of(row):
                if isinstance(source, Const):
                    literals.append(source.value)
                else:
                    origin = self.value(source)[1]
                    assert origin is not None
                    origins.append(origin)
        return origins, literals

    def _within(self, row: Row, shared: Shared) -> Row:
        """Rewrite a string row over the codes that its sources have in common."""
        if isinstance(row, Const):
            return row if row.value is None else Const(shared.code_of(row.value), row.dtype)
        if _is_source(row):
            coded, origin = self.value(row)
            assert origin is not None
            return coded if isinstance(coded, Const) else Lookup(shared.lookup_of(origin), coded, row.dtype)
        assert isinstance(row, Call), f"a string cannot come from {row}"
        operands = tuple(self._within(a, shared) if a.dtype == row.dtype else self._operands(a) for a in row.args)
        return replace(row, args=operands)

    # -- text functions -----------------------------------------------------------------------------------------------
    def _entry_function(self, call: Call) -> Coded:
        if any(isinstance(a, Const) and a.value is None for a in call.args):
            return Const(None, call.dtype), self._origin_of(self._share([], [], STRING)) if call.dtype == STRING else None
        position = next(k for k, a in enumerate(call.args) if not isinstance(a, Const))
        code, origin = self.value(call.args[position])
        assert origin is not None
        values = None if call.dtype == STRING else self._new_lookup()
        valid = self._new_lookup() if may_be_null(call.overload) else None
        errors = self._new_lookup() if may_fail(call.overload) else None
        function = EntryFunction(origin, call, position, values, valid, errors)
        self.prepared.append(function)
        row = code if values is None else Lookup(values, code, call.dtype)
        if errors is not None:
            row = checked(call, row, Lookup(errors, code, BOOL))
        if valid is not None:
            row = Call(_VALID_WHERE, (row, Lookup(valid, code, BOOL)), call.dtype)
        return row, self._origin_of(function) if call.dtype == STRING else None

    def _origin_of(self, prepared: Prepared) -> Origin:
        return -1 - self.prepared.index(prepared)

    def _new_lookup(self) -> int:
        self.lookups += 1
        return self.lookups - 1


def is_enum_text(row: Row) -> bool:
    """Whether `row` is an enum as a string, in a kernel the number of its category."""
    return isinstance(row, Call) and row.dtype == STRING and len(row.args) == 1 and row.args[0].dtype.kind == "enum"


def _is_source(row: Row) -> bool:
    return isinstance(row, Ref) or is_by_entry(row) or is_enum_text(row)


def _sources_of(row: Row) -> Iterator[Row]:
    """What a string row can take its value from: columns, results of text functions, and literals that are not null."""
    if isinstance(row, Const):
        if row.value is not None:
            yield row
    elif _is_source(row):
        yield row
    elif isinstance(row, Call):
        for operand in row.args:
            if operand.dtype == row.dtype:
                yield from _sources_of(operand)


# -- what wraps results -----------------------------------------------------------------------------------------------
def _value_and_validity(x: Any, valid: Any) -> Any:
    return x, valid


def _value(x: Any, error: Any) -> Any:
    return x


def _is_error(x: Any, error: Any) -> Any:
    return error


def _untyped(args: tuple[DType, ...], params: dict[str, Any]) -> None:
    raise AssertionError("what wraps a text function's result is not typed")


_VALID_WHERE = Overload("valid_where", body_of(_value_and_validity, allowed=NAMES, what="valid_where"), PARTIAL, _untyped)
_VALUE, _ERROR = (body_of(f, allowed=NAMES, what="checked") for f in (_value, _is_error))


def checked(call: Call, value: Row, error: Row) -> Call:
    """`value`, or the error of `call` where `error` is true."""
    own = call.overload
    overload = Overload(own.name, _VALUE, PROPAGATE, _untyped, _ERROR, failure=own.failure, traits=own.traits)
    return Call(overload, (value, error), call.dtype)
