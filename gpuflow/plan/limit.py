"""Some rows in order."""

from __future__ import annotations

from typing import ClassVar

from .plan import Plan


class Limit(Plan):
    """Rows ``offset`` to ``offset + count`` in order; all from ``offset`` where there is no ``count``."""

    input: Plan
    count: int | None
    offset: int = 0

    from_first_rows: ClassVar[bool] = True

    def describe(self) -> str:
        offset = [f"OFFSET {self.offset}"] * (self.offset > 0 or self.count is None)
        return " ".join([f"LIMIT {self.count}"] * (self.count is not None) + offset)

    def estimate(self, *counts: float | None) -> float | None:
        rows = counts[0]
        if self.count is None:
            return None if rows is None else max(0.0, rows - self.offset)
        return float(self.count) if rows is None else min(float(self.count), rows)
