"""The row function `cast` from and to enums. An enum is stored as the number of its category, from 0.

As a string an enum keeps its number, and the categories become the dictionary; a string is looked up among them, and with
``strict`` (the default) one that is none of them raises, else it becomes null. As an integer it is its number.
"""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.declare.scalar import scalar
from gpuflow_kernels.dtypes import STRING, DType

from .numbers import cast_rule


def _name(source: DType, target: DType) -> tuple[int, ...] | None:
    return () if source.kind == "enum" and target == STRING else None


@scalar(name="cast", dtype=cast_rule(_name))
def _cast_name(x: Any) -> Any:
    return x


def _number(source: DType, target: DType) -> tuple[int, ...] | None:
    fits = source.kind == "enum" and target.is_integer and source.bounds[1] <= target.bounds[1]
    return () if fits else None


@scalar(name="cast", dtype=cast_rule(_number))
def _cast_number(x: Any) -> Any:
    return x


def _category(strict: bool) -> Any:
    """Whether a string that is none of the categories is refused."""
    return lambda source, target: (strict,) if source == STRING and target.kind == "enum" else None


@scalar(name="cast", dtype=cast_rule(_category(True), True), host="string_to_enum")
def _cast_category(s: Any, strict: Any) -> Any: ...


@scalar(name="cast", dtype=cast_rule(_category(False), False), host="string_to_enum", null="partial")
def _cast_category_or_null(s: Any, strict: Any) -> Any: ...
