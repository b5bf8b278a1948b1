"""Row expressions to straight-line text. The text of a row is the same on every target.

Names in the text: ``c3``/``n3`` input column and its validity, ``a0`` literal, ``l0`` look-up table, ``ta0`` array of a
body, ``v7``/``m7`` a value and its mask, ``e`` the number of the check that failed, ``i`` the row. Nothing of a user's text
enters it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from gpuflow_kernels.body_source import Body
from gpuflow_kernels.declare.scalar import CUSTOM, PARTIAL, LookupArray, Table
from gpuflow_kernels.dtypes import DType
from gpuflow_kernels.ir.expressions import Call, Const, Lookup, Member, Ref, Row
from gpuflow_kernels.ir.value_ranges import cannot_overflow

from .arguments import Role, name_of
from .inline_bodies import helper_text, inline, is_straight

TRUE, FALSE = "True", "False"


class Value(NamedTuple):
    """Texts of a value and of its mask (``True`` and ``False`` where known)."""

    text: str
    valid: str


def both(*masks: str) -> str:
    """The conjunction of masks, known ones folded."""
    if FALSE in masks:
        return FALSE
    kept = list(dict.fromkeys(m for m in masks if m != TRUE))
    return " & ".join(kept) if kept else TRUE


class RowWriter:
    """Writes the lines for one row, sharing equal subexpressions within a block.

    Attributes
    ----------
    lines : list of str
        What was written, indented.
    literals, lookups, members, tables : lists
        What the kernel must be given at run time, in order: `Const` nodes, look-up numbers and types, value tuples, arrays.
    checks : list of str
        Descriptions of the overflow checks; check ``k`` reports as error ``k + 1``.
    helpers : dict of str to str
        Functions to define in the module, by name.
    """

    def __init__(self, nullable: tuple[bool, ...]) -> None:
        self.lines: list[str] = []
        self.indent = 0
        self.literals: list[Const] = []
        self.lookups: dict[int, DType] = {}
        self.members: list[Member] = []
        self.tables: list[Table] = []
        self.checks: list[str] = []
        self.helpers: dict[str, str] = {}
        self.columns: list[int] = []
        self._memo: dict[Row, Value] = {}
        self._known_valid: dict[Row, bool] = {}
        self._count = 0
        self._nullable = nullable

    # -- blocks -------------------------------------------------------------------------------------------------------
    def line(self, text: str) -> None:
        self.lines.append("    " * self.indent + text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """A nested block; what it computes is forgotten when it ends."""
        self.line(head)
        self.indent += 1
        outer, self._memo = self._memo, dict(self._memo)
        yield
        self._memo = outer
        self.indent -= 1

    def fresh(self) -> int:
        self._count += 1
        return self._count - 1

    def bind(self, ref: Ref, value: Value) -> None:
        """What `ref` means from here to the end of the block."""
        self._memo[ref] = value

    def assign(self, text: str, prefix: str = "v") -> str:
        """Give `text` a name, unless it is one."""
        if text.isidentifier():
            return text
        name = f"{prefix}{self.fresh()}"
        self.line(f"{name} = {text}")
        return name

    # -- expressions --------------------------------------------------------------------------------------------------
    def emit(self, row: Row) -> Value:
        """Write what computes `row`, unless it stands already, and say where its value is."""
        if isinstance(row, Const):
            return self._literal(row)
        if row not in self._memo:
            self._memo[row] = self._write(row)
        return self._memo[row]

    def _write(self, row: Row) -> Value:
        if isinstance(row, Ref):
            return self._load(row)
        if isinstance(row, Lookup):
            return self._lookup(row)
        if isinstance(row, Member):
            return self._member(row)
        assert isinstance(row, Call)
        if row.overload.branch:
            return self._branch(row)
        return self._call(row)

    def _load(self, ref: Ref) -> Value:
        position = ref.key
        assert isinstance(position, int)
        if position not in self.columns:
            self.columns.append(position)
        number = self.fresh()
        self.line(f"v{number} = {loaded(ref.dtype, f'{name_of(Role.INPUT, position)}[i]')}")
        if not self._nullable[position]:
            return Value(f"v{number}", TRUE)
        self.line(f"m{number} = bool_({name_of(Role.VALIDITY, position)}[i])")
        return Value(f"v{number}", f"m{number}")

    def _literal(self, const: Const) -> Value:
        if const.value is None:
            return Value(zero(const.dtype), FALSE)
        self.literals.append(const)
        return Value(name_of(Role.LITERAL, len(self.literals) - 1), TRUE)

    def _lookup(self, row: Lookup) -> Value:
        index = self.emit(row.arg)
        self.lookups.setdefault(row.index, row.dtype)
        name = self.assign(f"{row.dtype.register}({name_of(Role.LOOKUP, row.index)}[uint64({index.text})])")
        return Value(name, index.valid)

    def _member(self, row: Member) -> Value:
        value = self.emit(row.arg)
        self.members.append(row)
        name = self.assign(f"is_member({value.text}, {name_of(Role.MEMBERS, len(self.members) - 1)})")
        return Value(name, value.valid)

    def _branch(self, row: Call) -> Value:
        condition, then, otherwise = row.args
        chosen = self.emit(condition)
        test = both(chosen.valid, chosen.text)
        number = self.fresh()
        names = f"v{number}", f"m{number}"
        valid = TRUE if self._always_valid(then) and self._always_valid(otherwise) else names[1]
        for head, side in ((f"if {test}:", then), ("else:", otherwise)):
            with self.block(head):
                value = self.emit(side)
                self.line(f"{names[0]} = {typed(row.dtype, value.text)}")
                if valid != TRUE:
                    self.line(f"{names[1]} = {value.valid}")
        return Value(names[0], valid)

    def _always_valid(self, row: Row) -> bool:
        """Whether a value cannot be null, found by writing it to a scratch writer."""
        if row not in self._known_valid:
            scratch = RowWriter(self._nullable)
            scratch._memo, scratch._count, scratch._known_valid = dict(self._memo), self._count, self._known_valid
            self._known_valid[row] = scratch.emit(row).valid == TRUE
        return self._known_valid[row]

    def _call(self, row: Call) -> Value:
        overload = row.overload
        operands = [self._operand(a, row, p) for a, p in zip(row.args, row.parameters, strict=True)]
        if overload.null == CUSTOM:
            arguments = tuple(t for o in operands for t in o)
            valid = TRUE
        else:
            arguments = tuple(o.text for o in operands)
            valid = both(*(o.valid for o in operands))
        arguments += tuple(self._constant(c) for c in row.constants)
        if valid not in (TRUE, FALSE) and " " in valid:
            valid = self.assign(valid, "m")
        if overload.overflow is not None and valid != FALSE and not cannot_overflow(row):
            failed = self.paste(overload.overflow, arguments)[0]
            self.checks.append(overload.complaint(row.dtype))
            with self.block(f"if {both(valid, f'({failed})')}:"):
                self.line(f"e = {len(self.checks)}")
        results = self.paste(overload.body, arguments)
        if overload.null in (CUSTOM, PARTIAL):
            own = results[1] if len(results) == 2 else None
            assert own is not None, f"{overload.name}: a {overload.null} body returns (value, valid)"
            if own not in (TRUE, FALSE) and not own.isidentifier():
                own = self.assign(f"bool_({own})", "m")
            valid = both(valid, own)
            if " " in valid:
                valid = self.assign(valid, "m")
        if results[0] in (TRUE, FALSE):
            return Value(results[0], valid)
        return Value(self.assign(typed(row.dtype, results[0])), valid)

    def _constant(self, value: Any) -> str:
        if isinstance(value, LookupArray):
            self.lookups.setdefault(value.index, value.dtype)
            return f"l{value.index}"
        if not isinstance(value, Table):
            return literal_text(value)
        if value not in self.tables:
            self.tables.append(value)
        return name_of(Role.ARRAY, self.tables.index(value))

    def _operand(self, arg: Row, call: Call, parameter: str) -> Value:
        if isinstance(arg, Const) and arg.value is not None and parameter in call.overload.structural:
            return Value(literal_text(arg.value), TRUE)
        return self.emit(arg)

    def paste(self, body: Body, arguments: tuple[str, ...]) -> tuple[str, ...]:
        """Paste a body; the texts it returns."""
        if is_straight(body):
            named = tuple(a if a.isidentifier() or a in (TRUE, FALSE) else f"({a})" for a in arguments)
            lines, results = inline(body, named, f"p{self.fresh()}_")
            for text in lines:
                self.line(text)
            return results
        self.helpers[body.name] = helper_text(body)
        call = f"{body.name}({', '.join(arguments)})"
        width = returns_tuple(body)
        if width:
            number = self.fresh()
            names = tuple(f"v{number}_{k}" for k in range(width))
            self.line(f"{', '.join(names)} = {call}")
            return names
        return (call,)


def returns_tuple(body: Body) -> int:
    """How many values the body returns as a tuple; 0 when it returns a single one."""
    counts = {
        len(n.value.elts) if isinstance(n.value, ast.Tuple) else 0 for n in ast.walk(body.tree) if isinstance(n, ast.Return)
    }
    return counts.pop() if len(counts) == 1 else 0


def literal_text(value: Any) -> str:
    """A number as text, in parentheses where negative."""
    if isinstance(value, float):
        if value != value:
            return "nan"
        if value in (float("inf"), float("-inf")):
            return "inf" if value > 0 else "(-inf)"
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1 << 63:
        return f"uint64({value})"
    if isinstance(value, int) and value == -(1 << 63):
        return "(-9223372036854775807 - 1)"
    text = repr(value)
    return f"({text})" if text.startswith("-") else text


def typed(dtype: DType, text: str) -> str:
    """`text` as the register type, unless it is such a conversion already."""
    if dtype.is_wide:
        return text  # a pair from one of the functions that make them
    head = f"{dtype.register}("
    if text.startswith(head) and text.endswith(")"):
        depth = 0
        for place, character in enumerate(text):
            depth += (character == "(") - (character == ")")
            if depth == 0 and character == ")":
                if place == len(text) - 1:
                    return text
                break
    return f"{head}{text})"


def loaded(dtype: DType, item: str) -> str:
    """Text of the register value of an array's item."""
    return f"wide_loaded({item})" if dtype.is_wide else f"{dtype.register}({item})"


def stored(dtype: DType, value: str) -> str:
    """Text of the array's item for a register value."""
    return f"wide_stored({value})" if dtype.is_wide else value


def zero(dtype: DType) -> str:
    """Text of a harmless value of the type, for nulls."""
    return "wide(0, 0)" if dtype.is_wide else f"{dtype.register}(0)"
