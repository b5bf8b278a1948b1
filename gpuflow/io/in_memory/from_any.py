"""Recognise a table in memory of any library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from gpuflow.errors import TypeMismatchError
from gpuflow.plan.source import Source

from .frames import from_arrow, from_cupy, from_numpy, from_pandas, from_polars
from .python_values import from_dicts


def from_any(data: Any) -> Any:
    """Make a source over a table in memory of any known library: see `gpuflow.io`.

    Raises
    ------
    TypeMismatchError
        When it is none of them.
    """
    if isinstance(data, Source):
        return data
    if hasattr(data, "__gpuflow_source__"):
        return data.__gpuflow_source__()
    if hasattr(data, "__dask_graph__") and hasattr(data, "explain"):
        raise TypeMismatchError("a Frame is not computed; call .collect() first")
    library = type(data).__module__.split(".")[0]
    if type(data).__name__ == "Series" and isinstance(getattr(data, "name", None), str):
        data = data.to_frame()
    if library == "pandas":
        return from_pandas(data)
    if library == "polars":
        return from_polars(data)
    if isinstance(data, Mapping):
        if data and all(hasattr(v, "__cuda_array_interface__") for v in data.values()):
            return from_cupy(data)
        return from_numpy(data)
    if isinstance(data, np.ndarray):
        return from_numpy(data)  # type: ignore[arg-type]
    if isinstance(data, (pa.Table, pa.RecordBatch, pa.RecordBatchReader)) or hasattr(data, "__arrow_c_stream__"):
        return from_arrow(data)
    if hasattr(data, "__arrow_c_array__"):
        return from_arrow(data)
    if isinstance(data, (list, tuple)) and data and all(isinstance(row, Mapping) for row in data):
        return from_dicts(data)
    raise TypeMismatchError(
        f"{library}.{type(data).__name__} is no table that gpuflow knows: give it a DataFrame of pandas or Polars, an Arrow "
        "table, a mapping of names to arrays, or an object with __arrow_c_stream__"
    )
