"""One schema for several files that need not be written alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from gpuflow_kernels import dtypes as t
from gpuflow_kernels.dtypes import DType

from gpuflow.schema import Schema

from . import categories, convert
from .failures import failure
from .files import File
from .options import ScanOptions
from .partitions import refuse_duplicates, supported


def agree(
    files: Sequence[File], schemas: Sequence[pa.Schema], options: ScanOptions, keys: Mapping[str, DType]
) -> tuple[Schema, dict[str, str]]:
    """The schema that all files are read with, and the columns left out with the reason.

    Columns are those of the first file (or of `options.schema`), in its order, but for those that are partition keys,
    which come last: a key that also stands in the files is taken from the folder, by which blocks are skipped. Types
    that differ meet in one that holds the values of both.

    Raises
    ------
    ReadError
        When a file lacks a column, has one too many, or has one of a type that cannot meet the others; with its name and
        the column's.
    DuplicateNameError
        When a file has two columns of one name.
    """
    asked = options.wanted()
    first = schemas[0]
    known: list[tuple[pa.Schema, dict[str, DType]]] = []
    for file, schema in zip(files, schemas, strict=True):
        enums = {field.name: kind for field in schema if (kind := categories.declared(field)) is not None}
        if any(schema is k or (schema.equals(k) and enums == e) for k, e in known):
            continue
        known.append((schema, enums))
        refuse_duplicates(schema.names, file.path, "write it again with other names")
    if asked is None:
        usable, reasons = supported(first)
        target = {name: kind for name, kind in usable.items() if name not in keys}
        reasons = {name: why for name, why in reasons.items() if name not in keys}
        origin = files[0].path
    else:
        target, reasons, origin = {n: kind for n, kind in asked.items() if n not in keys}, {}, "the schema that was given"
    expected = {*target, *reasons, *keys}
    for schema, _ in known:
        file = files[next(i for i, s in enumerate(schemas) if s is schema)]
        for name in [*target, *reasons]:
            if name in schema.names:
                _meet(target, name, schema.field(name), first if asked is None else None, file, origin, fixed=asked is not None)
            elif options.missing_columns == "raise":
                hint = f'it has no such column, {origin} has; missing_columns="insert" fills it with null'
                raise failure(file.path, hint, column=name)
        for name in schema.names:
            if name not in expected and options.extra_columns == "raise":
                raise failure(file.path, f'{origin} has no such column; extra_columns="ignore" leaves it out', column=name)
    return Schema({**target, **keys}), reasons


def _meet(
    target: dict[str, DType], name: str, field: pa.Field, first: pa.Schema | None, file: File, origin: str, fixed: bool
) -> None:
    """Widen the type of a column of `target` to one that this file's values fit too."""
    arrow, found, sofar = field.type, convert.dtype_of_field(field), target.get(name)
    if found is not None and sofar is not None:
        if found == sofar or (fixed and {found.kind, sofar.kind} <= {"enum", "string"}):  # whether texts are categories is seen
            return
    if sofar is None:  # a column that cannot be used
        assert first is not None
        if arrow != first.field(name).type:
            raise failure(file.path, f"it is {arrow} here and {first.field(name).type} in {origin}", column=name)
        return
    if fixed and found is not None and found.is_wide and sofar.is_decimal and found.scale == sofar.scale:
        return  # which values have so few digits is seen when they are read
    wider = None if found is None else meeting(sofar, found)
    if wider is None or (fixed and wider != sofar):
        there = sofar if first is None else first.field(name).type
        here: Any = arrow
        if found is not None and "enum" in (found.kind, sofar.kind):
            here, there = found, sofar
        raise failure(file.path, f"it is {here} here and {there} in {origin}; write both with one type", column=name)
    target[name] = wider


def meeting(a: DType, b: DType) -> DType | None:
    """The type in which the columns of two files meet without loss: numbers, points in time, and null with anything.

    Whole numbers meet floats in float64; reading raises for a number that float64 cannot hold exactly.

    >>> meeting(t.INT32, t.INT64), meeting(t.INT64, t.FLOAT32), meeting(t.INT64, t.STRING)
    (int64, float64, None)
    """
    if {a, b} & {t.NULL} or a.kind == b.kind or (a.is_integer and b.is_integer):
        return t.common(a, b)
    return t.FLOAT64 if a.is_numeric and b.is_numeric else None
