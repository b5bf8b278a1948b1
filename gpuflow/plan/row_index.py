"""Numbering rows."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from gpuflow_kernels.dtypes import UINT32

from gpuflow.errors import DuplicateNameError, PlanError, TypeMismatchError
from gpuflow.schema import Schema

from .build import whole
from .plan import Columns, Passed, Plan
from .printing import name


class RowIndex(Plan):
    """A column with the number of each row in front of the others, from `offset` on."""

    input: Plan
    column: str
    offset: int = 0

    from_first_rows: ClassVar[bool] = True

    @cached_property
    def schema(self) -> Schema:
        return Schema({self.column: UINT32, **self.input.schema}, self.input.schema.unsupported)

    def describe(self) -> str:
        return f"ROW INDEX {name(self.column)}" + (f" FROM {self.offset}" if self.offset else "")

    def narrow(self, needed: Columns) -> Plan:
        return self if self.column in needed else self.input

    def pass_limit(self, count: int | None, offset: int) -> Passed | None:
        """Rows that are skipped are counted by the offset; conditions never pass, for they change the numbers."""
        return Passed(self.rebuild(offset=self.offset + offset), ((count, offset),), False)


def with_row_index(plan: Plan, column: str = "index", offset: int = 0) -> Plan:
    """Number the rows in their order.

    Raises
    ------
    DuplicateNameError
        When there is a column of that name.
    PlanError
        When `offset` is negative or no uint32.
    """
    if not isinstance(column, str):
        raise TypeMismatchError(f"with_row_index() takes the name of the new column, not {column!r:.60}")
    if column in plan.schema:
        raise DuplicateNameError(f"with_row_index: there is a column {column!r} already; pass another name=", column=column)
    _, most = UINT32.bounds
    if whole("offset of with_row_index()", offset) > most:
        raise PlanError(f"with_row_index: the offset {offset} is no uint32, whose largest is {most}")
    return RowIndex(plan, column, whole("offset", offset))
