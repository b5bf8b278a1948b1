"""Drop statistics of Parquet files that are known to be wrong for some writers: rows would be skipped.

A file names its writer in its footer. Reports of the writers' faults are listed in `docs/tried.md`.
"""

from __future__ import annotations

import re

from gpuflow_kernels.dtypes import DType

from . import format as fmt
from .thrift import Fields

_BOUNDS = frozenset({fmt.MIN, fmt.MAX, fmt.MIN_VALUE, fmt.MAX_VALUE})
_NULLS = frozenset({fmt.NULL_COUNT})
_VERSION = re.compile(r"version (\d+)\.(\d+)")


def believed(statistics: Fields, values: int, dtype: DType, writer: str, coded: bool) -> Fields:
    """Drop statistics of a column chunk that are impossible, or that its writer is known to get wrong.

    Parameters
    ----------
    statistics : dict
        The fields of Parquet's Statistics.
    values : int
        The number of values in the chunk, nulls among them.
    dtype : DType
    writer : str
        The footer's `created_by`.
    coded : bool
        Whether the column was, or may have been, a dictionary array when it was written.

    Examples
    --------
    >>> from gpuflow_kernels.dtypes import INT64
    >>> believed({fmt.NULL_COUNT: 4, fmt.MIN_VALUE: b"a", fmt.MAX_VALUE: b"b"}, 4, INT64, "", False)
    {6: b'a', 5: b'b'}
    """
    number = _VERSION.search(writer)
    version = tuple(map(int, number.groups())) if number else (0, 0)
    nulls = statistics.get(fmt.NULL_COUNT, 0)
    wrong: frozenset[int] = frozenset()
    if nulls < 0 or nulls > values or (nulls == values and _BOUNDS & statistics.keys()):
        wrong |= _NULLS
    if writer.startswith("Polars") and version < (2, 1) and nulls:  # multiplied by the number of pages
        wrong |= _NULLS
    if writer.startswith("Arrow2") and dtype.is_text:  # those of the entries of a dictionary
        wrong |= _NULLS
    if writer.startswith("parquet-cpp-arrow") and version < (12, 0) and coded:  # of the first chunk; nulls always 0
        wrong |= _NULLS | _BOUNDS
    if writer.startswith("Parquet.Net") and dtype.is_temporal:  # shifted by the offset of the writer's zone; ticks of any unit
        wrong |= _BOUNDS
    return {field: value for field, value in statistics.items() if field not in wrong}
