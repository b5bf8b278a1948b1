"""Choose the rows of a partition, and check the columns of every source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

import pyarrow as pa
from gpuflow_kernels.column import Chunk
from gpuflow_kernels.dtypes import DType

from gpuflow import config
from gpuflow.arrow.columns import empty_column
from gpuflow.errors import DuplicateNameError, UnsupportedError
from gpuflow.schema import Schema

EVEN = 64
LEAST_ROWS, MOST_ROWS = 65_536, 8_388_608
PER_THREAD = 4
OF_BLOCKS = 2
"""Partitions for a thread of this process where they are read from blocks of files (`docs/decisions.md`, 39)."""
"""Partitions for each thread, so that threads that finish early find more work."""


def target_rows(total: int, partition_rows: int | None = None, threads: int | None = None, per_thread: int = PER_THREAD) -> int:
    """Return the rows that a partition of a table of `total` rows should have.

    `partition_rows`, or the setting of that name, decides. Otherwise every thread gets at least `per_thread`
    partitions, as long as a partition keeps 64 thousand rows, and none has more than 8 million; `threads` are this process's
    by default.
    """
    asked = partition_rows or config.get("partition-rows")
    if asked:
        return int(asked)
    threads = threads or config.get("threads") or config.cores()
    return min(max(-(-total // (per_thread * threads)), LEAST_ROWS), MOST_ROWS)


def ranges(total: int, partition_rows: int | None = None) -> Iterator[tuple[int, int]]:
    """Yield row ranges ``(start, stop)`` of near-equal partitions; one empty range for an empty table.

    Bounds are multiples of 64 rows where partitions are large: vector loads of GPU kernels need them.
    """
    count = max(1, -(-total // target_rows(total, partition_rows)))
    step = EVEN if total >= EVEN * EVEN * count else 1
    bounds = [i * total // count // step * step for i in range(count)] + [total]
    yield from pairwise(bounds)


def empty_chunk(schema: Schema, columns: Iterable[str]) -> Chunk:
    """Make a chunk of these columns without rows."""
    return Chunk(tuple(empty_column(schema[name]) for name in columns), 0)


def refuse_duplicates(names: Iterable[str], where: str, hint: str) -> None:
    """Raise `DuplicateNameError` for the first repeated name."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DuplicateNameError(f"{where} has more than one column named {name!r}; {hint}", column=name)
        seen.add(name)


def refuse_without_columns(schema: Iterable[str], unsupported: Mapping[str, str], label: str) -> None:
    """Raise `UnsupportedError` if there are columns and all are unsupported: the table would silently have no rows."""
    if unsupported and not list(schema):
        reasons = "; ".join(f"column {name!r} is {reason}" for name, reason in list(unsupported.items())[:6])
        raise UnsupportedError(f"no column of the {label} can be used: {reasons}")


def supported(arrow: pa.Schema) -> tuple[Schema, dict[str, str]]:
    """Split an Arrow schema into its usable columns, and the reasons why the others are not."""
    from gpuflow.arrow.schema import dtype_of_field, why_unsupported

    fields: dict[str, DType] = {}
    reasons: dict[str, str] = {}
    for field in arrow:
        dtype = dtype_of_field(field)
        if dtype is None:
            reasons[field.name] = why_unsupported(field.type)
        else:
            fields[field.name] = dtype
    return Schema(fields), reasons
