"""Computing columns."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from gpuflow_kernels.ir.expressions import Row, substitute

from gpuflow.schema import Schema

from .plan import Columns, Passed, Plan
from .printing import column
from .typed_rows import LARGE, size


class Project(Plan):
    """New columns computed from the input; select, with_columns, drop and rename all become this."""

    input: Plan
    columns: tuple[tuple[str, Row], ...]

    from_first_rows: ClassVar[bool] = True

    @cached_property
    def schema(self) -> Schema:
        return Schema({name: e.dtype for name, e in self.columns})

    def describe(self) -> str:
        return f"PROJECT {', '.join(column(n, r) for n, r in self.columns)}".rstrip()

    def narrow(self, needed: Columns) -> Plan:
        return self.rebuild(columns=tuple((n, r) for n, r in self.columns if n in needed))

    def required(self, needed: Columns) -> tuple[Columns, ...]:
        return self.reads

    def pass_filters(self, conditions: list[Row]) -> Passed:
        columns = dict(self.columns)
        below = [(c, substitute(c, columns)) for c in conditions]
        down = [new for _, new in below if size(new) <= LARGE]
        return Passed(self, (down,), [old for old, new in below if size(new) > LARGE])

    def pass_limit(self, count: int | None, offset: int) -> Passed | None:
        return Passed(self, ((count, offset),), False)
