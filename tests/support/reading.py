"""What tests of files share."""

from __future__ import annotations

from gpuflow.frame.frame import Table
from gpuflow.plan.source import Source


def table(source: Source, rows: int | None = None) -> Table:
    """All of a source, read in partitions of `rows` rows."""
    names = tuple(source.schema)
    return Table(source.schema, [split.read(names) for split in source.splits(None, rows)])
