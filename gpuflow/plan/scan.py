"""Reading a source."""

from __future__ import annotations

from functools import cached_property

from gpuflow_kernels.ir.expressions import Row

from gpuflow.schema import Schema

from .plan import Columns, Passed, Plan
from .printing import name, text
from .source import Source
from .typed_rows import conjoin, may_raise


class Scan(Plan):
    """Read `columns` of a source. `predicate` is only used to skip partitions: rows for which it is false may still
    come out, a Filter stands above for them."""

    source: Source
    columns: tuple[str, ...]
    predicate: Row | None = None

    @cached_property
    def schema(self) -> Schema:
        return Schema(dict(zip(self.columns, self.source.schema.types_of(self.columns), strict=True)), self.source.unsupported)

    def describe(self) -> str:
        where = f" WHERE MAYBE {text(self.predicate)}" if self.predicate is not None else ""
        unsupported = self.source.unsupported
        left_out = f" LEFT OUT {', '.join(map(name, unsupported))}" if unsupported else ""
        return f"SCAN {self.source.label} [{', '.join(map(name, self.columns))}]{left_out}{where}"

    def narrow(self, needed: Columns) -> Plan:
        return self.rebuild(columns=tuple(c for c in self.columns if c in needed))

    def estimate(self, *counts: float | None) -> float | None:
        rows = self.source.rows()
        return None if rows is None else float(rows)

    def pass_filters(self, conditions: list[Row]) -> Passed:
        """All stay: statistics only rule out partitions."""
        judged = [c for c in conditions if not may_raise(c)]
        return Passed(self.rebuild(predicate=conjoin(judged)) if judged else self, (), conditions)
