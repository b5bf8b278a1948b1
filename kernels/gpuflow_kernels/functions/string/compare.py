"""The order of strings, as a text function: what comparisons with literals are made of."""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.declare.scalar import scalar
from gpuflow_kernels.declare.type_rules import exactly
from gpuflow_kernels.dtypes import INT64, STRING
from gpuflow_kernels.rowmath import compare_bytes


@scalar(name="compare_text", dtype=exactly(STRING, STRING, result=INT64), text="measure", method=False)
def _compare_text(s: Any, s0: Any, s1: Any, t: Any, t0: Any, t1: Any) -> Any:
    """Return a number below, equal to or above 0 as one string sorts before, with or after another, by bytes."""
    return compare_bytes(s, s0, s1, t, t0, t1)
