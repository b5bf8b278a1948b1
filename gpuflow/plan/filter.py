"""Keeping rows by a condition."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from gpuflow_kernels.dtypes import BOOL
from gpuflow_kernels.ir.expressions import Row

from .estimate import selectivity
from .plan import Plan
from .printing import text


class Filter(Plan):
    """Keep the rows for which `predicate` (bool) is true; null counts as false."""

    input: Plan
    predicate: Row

    from_first_rows: ClassVar[bool] = True

    def describe(self) -> str:
        return f"FILTER {text(self.predicate)}"

    def find_fault(self) -> str | None:
        return super().find_fault() if self.predicate.dtype == BOOL else "whose condition is not bool"

    def estimate(self, *counts: float | None) -> float | None:
        return None if counts[0] is None else counts[0] * selectivity(self.predicate)

    @cached_property
    def share(self) -> float:
        return self.input.share * selectivity(self.predicate)
