"""Sorting, all rows or the first ones."""

from __future__ import annotations

from typing import ClassVar

from gpuflow_kernels.ir.expressions import Row

from .plan import Passed, Plan
from .printing import text


class Sort(Plan):
    """Stable sort. With `limit` only the first so many rows are kept (top-k). NaN sorts after every number."""

    input: Plan
    keys: tuple[Row, ...]
    descending: tuple[bool, ...]
    nulls_last: tuple[bool, ...]
    limit: int | None = None

    exact_inputs: ClassVar[bool] = True

    def describe(self) -> str:
        by = ", ".join(
            text(k) + (" DESC" if d else "") + (" NULLS LAST" if n else "")
            for k, d, n in zip(self.keys, self.descending, self.nulls_last, strict=True)
        )
        return f"{'SORT' if self.limit is None else f'TOP {self.limit}'} BY {by}"

    def estimate(self, *counts: float | None) -> float | None:
        return counts[0] if self.limit is None or counts[0] is None else min(float(self.limit), counts[0])

    def pass_filters(self, conditions: list[Row]) -> Passed:
        """All pass, unless only the first rows are kept: those would be others."""
        return Passed(self, (conditions,)) if self.limit is None else super().pass_filters(conditions)
