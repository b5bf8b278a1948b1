"""Arguments that other libraries' methods take, and ours do not: refused with what to write instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gpuflow.errors import ColumnNotFoundError, TypeMismatchError
from gpuflow.expr.expand import flatten, missing
from gpuflow.expr.methods import Methods, Namespace, column_node
from gpuflow.expr.near_names import near
from gpuflow.expr.nodes import Column
from gpuflow.schema import Schema

_OPERATORS = ("==", "!=", "<", ">", "=", " and ", " or ", " in ", " is ", " not ", "(")


def refuse_other_forms(what: str, values: Iterable[Any], by_name: Mapping[str, Any], schema: Schema) -> None:
    """Look at the arguments of the method `what`, which should be columns and expressions.

    Raises
    ------
    TypeMismatchError
        For mappings, functions, and rows of values.
    ColumnNotFoundError
        For text that is an expression in SQL or pandas, and no column.
    """
    for value in flatten(values):
        if isinstance(value, Mapping):
            raise TypeMismatchError(f"{what}() takes no dict; {_mapping(what, value)}")
        _refuse(what, value, None, schema)
        one = isinstance(value, str) and value not in schema and isinstance(column_node(value), Column)
        if one and any(sign in value for sign in _OPERATORS):
            raise ColumnNotFoundError(
                f"there is no column {value!r}{near(value, schema)}; text is a column's name, and {_example(what)} an expression",
                column=value,
            )
    for name, value in by_name.items():
        if isinstance(value, Mapping):
            raise TypeMismatchError(f"{what}({name}=...) takes no dict; write an expression: {name}=gf.col('x') * 2")
        _refuse(what, value, name, schema)
        column = what != "filter" and isinstance(value, str) and isinstance(column_node(value), Column)  # filter(name="value")
        if column and value not in schema and value not in schema.unsupported:
            raise ColumnNotFoundError(missing(value, schema), column=value)


def _example(what: str) -> str:
    return "gf.col('x') > 1" if what == "filter" else "gf.col('x').sum()" if what == "agg" else "gf.col('x') * 2"


def _mapping(what: str, value: Mapping[Any, Any]) -> str:
    (name, first), *_ = [*value.items(), ("x", "sum")]
    if what == "agg":
        several = isinstance(first, (list, tuple)) and len(first) > 1
        names = [m if isinstance(m, str) and m.isidentifier() else "sum" for m in (first if several else [first])]
        made = (f"gf.col({name!r}).{m}()" + (f".alias('{name}_{m}')" if several else "") for m in names)
        return f"write expressions: agg({', '.join(made)})"
    if what == "filter":
        return f"write conditions: filter(gf.col({name!r}) == ...), or filter(**conditions)"
    return f"write {what}(**columns), or expressions: {what}((gf.col('x') * 2).alias({name!r}))"


def _refuse(what: str, value: Any, name: str | None, schema: Schema) -> None:
    if isinstance(value, Methods):
        return
    text = f"{what}({name}=...)" if name else f"{what}()"
    if type(value).__name__ in ("Frame", "Table", "DataFrame", "LazyFrame"):
        raise TypeMismatchError(f"{text} takes columns, not a {type(value).__name__}; write join() or union() for another table")
    if isinstance(getattr(value, "__self__", None), (Methods, Namespace)):
        raise TypeMismatchError(f"{text} takes expressions, and {value.__name__} is a method; call it: .{value.__name__}()")
    if callable(value):
        raise TypeMismatchError(
            f"{text} takes expressions, not a function of a table; write {_example(what)}, and columns of it as gf.col('x')"
        )
    if name is not None and (isinstance(value, (list, tuple, set, range)) or type(value).__name__ in ("ndarray", "Series")):
        raise TypeMismatchError(
            f"{text} takes an expression, not {len(value)} values; join() a table of a key, or of with_row_index(), and "
            f"these values, or give them to the table when it is made, as in gf.from_dict({{..., {name!r}: values}})"
        )
