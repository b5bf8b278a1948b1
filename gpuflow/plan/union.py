"""Tables one below the other."""

from __future__ import annotations

from typing import ClassVar

from gpuflow_kernels.ir.expressions import Row

from .limit import Limit
from .plan import Columns, Passed, Plan


class Union(Plan):
    """All rows of all inputs, which have the same schema, in order."""

    parts: tuple[Plan, ...]

    exact_inputs: ClassVar[bool] = True

    def describe(self) -> str:
        return f"UNION of {len(self.parts)}"

    def find_fault(self) -> str | None:
        return "whose inputs differ" if any(p.schema != self.schema for p in self.parts) else None

    def required(self, needed: Columns) -> tuple[Columns, ...]:
        return (needed,) * len(self.parts)

    def estimate(self, *counts: float | None) -> float | None:
        rows = [c for c in counts if c is not None]
        return sum(rows) if len(rows) == len(counts) else None

    def pass_filters(self, conditions: list[Row]) -> Passed:
        return Passed(self, (conditions,) * len(self.parts))

    def pass_limit(self, count: int | None, offset: int) -> Passed | None:
        """Each part gives no more rows than all together; which of them come out is decided above."""
        if count is None or all(isinstance(p, Limit) for p in self.parts):
            return None
        return Passed(self, ((count + offset, 0),) * len(self.parts), True)
