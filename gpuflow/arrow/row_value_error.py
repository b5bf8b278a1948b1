"""The error of a value that a column cannot hold, by its row, so that readers can tell the row group that it stands in."""

from __future__ import annotations

import pyarrow as pa


class RowValueError(pa.ArrowInvalid):  # type: ignore[misc]
    """Row number `row` of an array holds what its column cannot."""

    def __init__(self, row: int, why: str) -> None:
        super().__init__(f"row {row} {why}")
        self.row, self.why = row, why
