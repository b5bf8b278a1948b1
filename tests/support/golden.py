"""Ten small pipelines, one for every skeleton; texts of five are kept in ``tests/kernels/golden`` to be read.

The five show what there is to see: rows filtered and written, an aggregate without keys, groups in a dense table and in a hash
table of two words, and a probe of a join's table. Machine code and schedules are examined of all ten.
"""

from __future__ import annotations

from dataclasses import dataclass

from gpuflow_kernels.dtypes import FLOAT64, INT32, INT64
from gpuflow_kernels.ir.expressions import Const, Ref
from gpuflow_kernels.ir.pipeline import Filter, Probe

from tests.support.cuda_cases import (
    FLAG,
    KEY,
    NARROW,
    REAL,
    WIDE,
    WORD,
    Case,
    agg,
    call,
    grouping,
    key_ranges,
    splitting,
    table,
    writing,
)


@dataclass(frozen=True)
class Golden(Case):
    """A case like any other, and whether its data hold nulls."""

    nulls: bool = False

    @property
    def file(self) -> str:
        return self.name.replace(" ", "_") + ".py.txt"


_POSITIVE = Filter(call("gt", REAL, Const(0.0, FLOAT64)))
_PAYLOAD = ((20, 0, FLOAT64), (21, 1, INT32))
_FOUND = tuple(Ref(key, dtype) for key, _, dtype in _PAYLOAD)
_JOIN = Probe(0, (KEY,), _PAYLOAD)

_ONE, _TWO = key_ranges(1), key_ranges(2)

GOLDEN = (
    Golden("map", writing((), call("add", KEY, Const(5, INT64)), call("mul", REAL, REAL), NARROW)),
    Golden("compact", writing((_POSITIVE,), KEY, REAL, FLAG), nulls=True),
    Golden("reduce", grouping((_POSITIVE,), (), (agg("len"), agg("sum", KEY), agg("sum", REAL), agg("max", REAL)))),
    Golden("dense group", grouping((), (KEY,), (agg("len"), agg("sum", REAL), agg("min", NARROW)))),
    Golden("hash group of one word", grouping((_POSITIVE,), (WIDE,), (agg("len"), agg("sum", REAL)), _ONE)),
    Golden("hash group of two words", grouping((), (WIDE, WORD), (agg("mean", REAL), agg("max", KEY)), _TWO), nulls=True),
    Golden("unique join to rows", writing((_JOIN,), KEY, *_FOUND, tables=table("hash", True))),
    Golden("repeated join to rows", writing((_JOIN,), KEY, *_FOUND, tables=table("hash", False))),
    Golden("join to groups", grouping((_JOIN,), (WIDE,), (agg("len"), agg("sum", REAL)), _ONE, tables=table("direct", True))),
    Golden("split", splitting, nulls=True),
)

WRITTEN = tuple(g for g in GOLDEN if g.name in ("compact", "reduce", "dense group", "hash group of two words", "join to groups"))
"""Those whose texts are kept."""
