"""Comparing answers whose order is not defined and whose float sums may differ in the last bits."""

from __future__ import annotations

import math
from typing import Any

from gpuflow.frame.frame import Table


def rows(table: Table, ordered: bool) -> list[tuple[Any, ...]]:
    """Rows as tuples; sorted by their text unless `ordered`."""
    columns = table.to_arrow().to_pydict()
    found = list(zip(*columns.values(), strict=True)) if columns else [()] * len(table)
    return found if ordered else sorted(found, key=lambda row: [_sortable(v) for v in row])


def _sortable(value: Any) -> str:
    return f"{value:.9g}" if isinstance(value, float) else repr(value)


def assert_same(got: Table, want: Table, ordered: bool = False) -> None:
    """Equal names, types and rows; floats within rounding, NaN equal to itself."""
    assert got.schema == want.schema
    ours, theirs = rows(got, ordered), rows(want, ordered)
    assert len(ours) == len(theirs)
    for mine, yours in zip(ours, theirs, strict=True):
        for a, b in zip(mine, yours, strict=True):
            if isinstance(a, float) and isinstance(b, float):
                assert (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=1e-11, abs_tol=1e-11), (mine, yours)
            else:
                assert a == b, (mine, yours)
