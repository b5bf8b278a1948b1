"""The first rows of a frame from one piece of its source, where nothing but rows of that piece is needed."""

from __future__ import annotations

from gpuflow_kernels.ir.expressions import Row

from gpuflow.optimize import optimize
from gpuflow.plan.limit import Limit
from gpuflow.plan.plan import Plan
from gpuflow.plan.scan import Scan
from gpuflow.plan.source import ColumnStatistics, Source, Split

MOST_BYTES = 1 << 26
"""A piece larger than this is not read for a preview."""

PIECE_ROWS = 1 << 16
"""The size of piece that a source is asked for; a Parquet file gives a row group at least."""


class FirstSplit(Source):
    """The first piece of another source."""

    def __init__(self, source: Source, split: Split) -> None:
        self.schema, self.token = source.schema, f"{source.token}:first"
        self.label = f"first piece of {source.label}"
        self._split = split

    def splits(self, predicate: Row | None, partition_rows: int | None = None) -> list[Split]:
        return [self._split]

    def rows(self) -> int | None:
        return self._split.rows

    def statistics(self, column: str) -> ColumnStatistics:
        return ColumnStatistics()


def preview(plan: Plan, rows: int) -> Plan | None:
    """A plan for the first `rows` rows that reads one piece of the source at most.

    Parameters
    ----------
    plan : Plan
    rows : int

    Returns
    -------
    Plan or None
        None when `plan` is more than a scan below nodes that make their first rows from its first, or its first piece is large.
    """
    chain: list[Plan] = []
    node = optimize(plan)
    while node.from_first_rows:
        chain.append(node)
        (node,) = node.inputs
    if not isinstance(node, Scan):
        return None
    split = node.source.splits(node.predicate, PIECE_ROWS)[0]
    if split.nbytes is not None and split.nbytes > MOST_BYTES:
        return None
    result: Plan = node.rebuild(source=FirstSplit(node.source, split))
    for outer in reversed(chain):
        result = outer.with_inputs(result)
    return Limit(result, rows)
