"""The error for a value that a column cannot hold, with its row, from which readers find the row group."""

from __future__ import annotations

import pyarrow as pa


class RowValueError(pa.ArrowInvalid):  # type: ignore[misc]
    """The value in row `row` of an array does not fit into its column, for the reason `why`."""

    def __init__(self, row: int, why: str) -> None:
        super().__init__(f"row {row} {why}")
        self.row, self.why = row, why
