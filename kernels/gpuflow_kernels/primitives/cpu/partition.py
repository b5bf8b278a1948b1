"""Sort by counting, and scatter, on a CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
from gpuflow_kernels.codegen.common.module_source import HEADERS

from ...codegen.modules import load
from ...target import Target

ORDER_TEXT = """@kernel
def run(ids, starts, order):
    for i in range(len(ids)):
        g = ids[i]
        order[starts[g]] = i
        starts[g] += 1
    return 0"""


def order_by(target: Target, ids: Any, offsets: Any) -> Any:
    """Return row numbers ordered by id, equal ids in input order; `offsets` as from `counting.rows_by_id`."""
    order = np.empty(len(ids), dtype=np.int64)
    text = "\n\n\n".join([HEADERS[target.name], ORDER_TEXT]) + "\n"
    load(text, target.name).run(np.asarray(ids, dtype=np.int64), offsets[:-1].copy(), order)
    return order
