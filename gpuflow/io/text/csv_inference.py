"""Infer the types of the columns of delimited text from some of its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from .csv_rows import CsvOptions, CsvRows
from .inference import with_whole
from .numbers import hexadecimal


def infer(rows: CsvRows, names: Sequence[str], options: CsvOptions) -> pa.Schema:
    """Infer the types of columns from the values of some rows.

    Telephone numbers (``+318855443322``) and hexadecimal ones (``0x1F``) are strings, as in Polars.
    """
    fields: dict[str, pa.Field] = {}
    groups: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        groups.setdefault(options.nulls(name, None), []).append(name)
    for nulls, members in groups.items():
        fields |= {field.name: field for field in _look(rows, nulls, members, options)}
    return pa.schema([fields[name] for name in names])


def _look(rows: CsvRows, nulls: Sequence[str], names: list[str], options: CsvOptions) -> list[pa.Field]:
    def table(types: Mapping[str, pa.DataType], columns: list[str]) -> pa.Table:
        return rows.read(nulls, types, columns)

    def texts(name: str) -> pa.ChunkedArray:
        return table({name: pa.string()}, [name]).column(0)

    def whole(name: str) -> bool:
        return bool(pc.all(pc.match_substring_regex(texts(name), r"^\s*[+-]?[0-9]+\s*$")).as_py())

    inferred = table({}, names)
    fields = list(with_whole(inferred, lambda name: table({name: pa.uint64()}, [name]), whole))
    for k, field in enumerate(fields):
        data = inferred.column(k)
        if pa.types.is_float64(field.type) and _no_fractions(data) and whole(field.name):
            fields[k] = field.with_type(pa.string())
        elif pa.types.is_integer(field.type) and rows.may_hold_hexadecimal and pc.any(hexadecimal(texts(field.name))).as_py():
            fields[k] = field.with_type(pa.string())
        elif pa.types.is_string(field.type):
            fields[k] = field.with_type(options.numbers.found(data) or field.type)
    return fields


def _no_fractions(data: pa.ChunkedArray) -> bool:
    return data.null_count < len(data) and bool(pc.all(pc.equal(data, pc.trunc(data))).as_py())
