"""Merge the schemas of several files, whose columns may differ in order and type, into one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from gpuflow_kernels import dtypes as t
from gpuflow_kernels.dtypes import DType

from gpuflow.arrow import categories
from gpuflow.arrow.schema import dtype_of_field
from gpuflow.schema import Schema

from .failures import failure
from .files import File
from .options import ScanOptions
from .partition_rows import refuse_duplicates, supported


def merge_schemas(
    files: Sequence[File], schemas: Sequence[pa.Schema], options: ScanOptions, keys: Mapping[str, DType]
) -> tuple[Schema, dict[str, str]]:
    """Return the schema that all files are read with, and the columns left out with the reason.

    Columns are those of the first file (or of `options.schema`), in its order; partition keys come last, and are taken from
    folder names even where files hold them too, because blocks are skipped by them. ``extra_columns="insert"`` appends the
    columns that other files add. Types that differ become one that holds the values of both.

    Raises
    ------
    ReadError
        When a file lacks a column, has one too many, or has one whose type has no type in common with the others'; with its name
        and the column's.
    DuplicateNameError
        When a file has two columns of one name.
    """
    asked = options.wanted()
    distinct: list[tuple[pa.Schema, dict[str, DType]]] = []
    for file, schema in zip(files, schemas, strict=True):
        enums = {field.name: kind for field in schema if (kind := categories.declared(field)) is not None}
        if any(schema is k or (schema.equals(k) and enums == e) for k, e in distinct):
            continue
        distinct.append((schema, enums))
        refuse_duplicates(schema.names, file.path, "write it again with other names")
    origin: dict[str, tuple[Any, str]] = {}
    target: dict[str, DType] = {}
    reasons: dict[str, str] = {}
    if asked is not None:
        target = {name: kind for name, kind in asked.items() if name not in keys}
        origin = {name: (kind, "the schema that was given") for name, kind in target.items()}
    for k, (schema, _) in enumerate(distinct):
        if (k == 0 and asked is None) or options.extra_columns == "insert":
            fields = [field for field in schema if field.name not in keys and field.name not in origin]
            more, why = supported(pa.schema(fields))
            target, reasons = {**target, **more}, {**reasons, **why}
            origin |= {field.name: (field.type, _file_of(schema, files, schemas).path) for field in fields}
    first = files[0].path if asked is None else "the schema that was given"
    needed = [name for name in origin if asked is not None or name in schemas[0].names]
    for schema, _ in distinct:
        file = _file_of(schema, files, schemas)
        for name in needed:
            if name not in schema.names and options.missing_columns == "raise":
                hint = f'it has no such column, {first} has; missing_columns="insert" fills it with null'
                raise failure(file.path, hint, column=name)
        for field in schema:
            if field.name in origin:
                fixed = asked is not None and field.name in asked
                _meet(target, field, *origin[field.name], file, fixed)
            elif field.name not in keys and options.extra_columns == "raise":
                ways = 'extra_columns="insert" takes it along, null in the others, and "ignore" leaves it out'
                raise failure(file.path, f"{first} has no such column; {ways}", column=field.name)
    return Schema({**target, **keys}), reasons


def _file_of(schema: pa.Schema, files: Sequence[File], schemas: Sequence[pa.Schema]) -> File:
    return files[next(i for i, s in enumerate(schemas) if s is schema)]


def _meet(target: dict[str, DType], field: pa.Field, there: Any, origin: str, file: File, fixed: bool) -> None:
    """Widen the type of a column in `target` so that it holds this file's values too.

    `origin` is the file that the column comes from, `there` its type in it. A `fixed` type, given by the user, is not widened."""
    name, arrow = field.name, field.type
    dtype, current = dtype_of_field(field), target.get(name)
    if dtype is not None and current is not None:
        if dtype == current or (
            fixed and {dtype.kind, current.kind} <= {"enum", "string"}
        ):  # whether each text is a category is checked
            return
    if current is None:  # a column that cannot be used
        if arrow != there:
            raise failure(file.path, f"it is {arrow} here and {there} in {origin}", column=name)
        return
    if fixed and dtype is not None and dtype.is_wide and current.is_decimal and dtype.scale == current.scale:
        return  # whether each value has so few digits is checked when it is read
    wider = None if dtype is None else meeting(current, dtype)
    if wider is None or (fixed and wider != current):
        here: Any = arrow
        if dtype is not None and "enum" in (dtype.kind, current.kind):
            here, there = dtype, current
        raise failure(file.path, f"it is {here} here and {there} in {origin}; write both with one type", column=name)
    target[name] = wider


def meeting(a: DType, b: DType) -> DType | None:
    """Return the type that holds the columns of two files without loss, None if there is none.

    Numbers have one, times of different units, and null with any type. Whole numbers and floats become float64; reading raises
    for a number that float64 cannot hold exactly.

    >>> meeting(t.INT32, t.INT64), meeting(t.INT64, t.FLOAT32), meeting(t.INT64, t.STRING)
    (int64, float64, None)
    """
    if {a, b} & {t.NULL} or a.kind == b.kind or (a.is_integer and b.is_integer):
        return t.common(a, b)
    return t.FLOAT64 if a.is_numeric and b.is_numeric else None
