"""Read columns from folder names, as in ``year=2013/month=1/part.parquet``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
from gpuflow_kernels import dtypes as t
from gpuflow_kernels.column import Column
from gpuflow_kernels.dtypes import DType

from gpuflow.arrow.dictionaries import Dictionary
from gpuflow.errors import ReadError

from .files import File
from .partition_rows import refuse_duplicates

_INTEGER = re.compile(r"(0|-?[1-9][0-9]{0,18})\Z")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_EPOCH = date(1970, 1, 1).toordinal()


def infer(files: Sequence[File], asked: Mapping[str, DType], dates: bool = True) -> dict[str, DType]:
    """Return the partition keys of files and their types, those in `asked` or inferred.

    Whole numbers are int64, ISO days date (unless `dates` is False), ``true`` and ``false`` bool, anything else is a string.

    Raises
    ------
    ReadError
        When files below one folder have different keys.
    """
    names = tuple(name for name, _ in files[0].keys) if files else ()
    for file in files:
        if tuple(name for name, _ in file.keys) != names:
            raise ReadError(
                f"{file.path} has the partition keys {[k for k, _ in file.keys]}, {files[0].path} has {list(names)}; "
                "pass hive_partitioning=False to leave folder names alone",
                file=file.path,
            )
    refuse_duplicates(names, files[0].path if files else "", "pass hive_partitioning=False to leave folder names alone")
    types: dict[str, DType] = {}
    for i, name in enumerate(names):
        values = {file.keys[i][1] for file in files}
        types[name] = asked.get(name) or _type([v for v in values if v is not None], dates)
    return types


def _type(values: list[str], dates: bool) -> DType:
    if values and all(_INTEGER.match(v) and t.INT64.bounds[0] <= int(v) <= t.INT64.bounds[1] for v in values):
        return t.INT64
    if values and dates and all(_DAY.match(v) and _is_day(v) for v in values):
        return t.DATE
    if values and set(values) <= {"true", "false"}:
        return t.BOOL
    return t.STRING


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def physical(text: str | None, dtype: DType, file: File, name: str) -> Any:
    """Convert a value from a folder name to the form stored in a column; None for null."""
    if text is None:
        return None
    try:
        if dtype == t.STRING:
            return text
        if dtype == t.BOOL and text in ("true", "false"):
            return text == "true"
        if dtype == t.DATE:
            return date.fromisoformat(text).toordinal() - _EPOCH
        if dtype.is_integer and dtype.bounds[0] <= int(text) <= dtype.bounds[1]:
            return int(text)
        if dtype.is_float:
            return float(text)
    except ValueError:
        pass
    raise ReadError(f"cannot read {file.path}: its folder says {name}={text}, which is no {dtype}", file=file.path, column=name)


def constant(value: Any, dtype: DType, count: int, dictionary: Dictionary | None) -> Column:
    """Make a column that repeats one value; a string must be in `dictionary`."""
    if value is None:
        return Column(dtype, np.zeros(count, dtype.storage), np.zeros(count, np.bool_), dictionary)
    if dtype == t.STRING:
        assert dictionary is not None
        value = dictionary.values.index(value).as_py()
    return Column(dtype, np.full(count, value, dtype.storage), None, dictionary)
