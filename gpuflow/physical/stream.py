"""A pipeline under construction: partitions, row operators on them, and the columns that come out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gpuflow_kernels.dtypes import DType
from gpuflow_kernels.ir.expressions import Agg, Call, Ref, Row, children, substitute
from gpuflow_kernels.ir.pipeline import Probe, Step

from gpuflow.expr.nodes import DEEPEST
from gpuflow.plan.join_kinds import JoinKind

LARGEST = 1000
"""Nodes that a row of a pipeline may have; more take long to compile. Its levels are bounded like those of an expression."""

Extent = tuple[int, int]
"""Levels and nodes of a row."""


def extent(row: Row | Agg, columns: Mapping[str | int, Extent] | None = None) -> Extent:
    """How large `row` is, or will be once what it reads is replaced by rows as large as `columns` says."""
    if isinstance(row, Ref):
        return (columns or {}).get(row.key, (1, 1))
    below = [extent(c, columns) for c in children(row)]
    own = 2 if isinstance(row, Call) and row.overload.branch else 1  # a choice is a block in the text
    return own + max((levels for levels, _ in below), default=0), 1 + sum(nodes for _, nodes in below)


@dataclass(frozen=True)
class Stream:
    """Rows on their way through a pipeline that has no sink yet.

    Attributes
    ----------
    parts : tuple
        Splits, or references to tasks whose result is a chunk.
    reads : tuple of (str, DType)
        What is read of each partition, input keys 0, 1, ...: the names that splits know it by, and types. Never the names
        of what comes out: a rename changes those, and nothing in the partitions.
    steps : tuple of Step
    columns : dict of str to Row
        What each output column is, over input and payload keys. Its names and their order are those of the output.
    tables : tuple
        Per join table of the steps: one reference for all partitions, or a tuple with one for each.
    rows : int or None
        Estimated rows that come out.
    next_key : int
        First unused key.
    """

    parts: tuple[Any, ...]
    reads: tuple[tuple[str, DType], ...]
    steps: tuple[Step, ...]
    columns: dict[str, Row]
    tables: tuple[Any, ...] = ()
    rows: int | None = None
    next_key: int = 0

    @property
    def inputs(self) -> tuple[DType, ...]:
        return tuple(d for _, d in self.reads)

    @property
    def output(self) -> tuple[tuple[str, DType], ...]:
        """Names and types of the columns that come out, in order."""
        return tuple((name, row.dtype) for name, row in self.columns.items())

    @property
    def is_plain(self) -> bool:
        """Whether the partitions hold just what comes out: no steps, every column in place, whatever it is called."""
        same = [isinstance(r, Ref) and r.key == k for k, r in enumerate(self.columns.values())]
        return not self.steps and all(same) and len(same) == len(self.reads)

    def resolve(self, rows: tuple[Any, ...]) -> tuple[Any, ...]:
        """Rows over column names as rows over keys."""
        return tuple([substitute(row, self.columns) for row in rows])

    def over(self, parts: tuple[Any, ...]) -> Stream:
        """The same columns, over partitions that hold just them."""
        return over_parts(parts, self.output, self.rows)

    def holds(self, rows: Iterable[Row | Agg]) -> bool:
        """Whether `rows` over column names are small enough for one kernel, with what they are computed from."""
        extents: dict[str | int, Extent] = {name: extent(row) for name, row in self.columns.items()}
        if all(nodes == 1 for _, nodes in extents.values()):
            return True
        return all(levels <= DEEPEST and nodes <= LARGEST for levels, nodes in (extent(row, extents) for row in rows))

    def probe(
        self,
        table: Any,
        keys: tuple[Row, ...],
        kind: JoinKind,
        side: str,
        payload: tuple[tuple[str, DType], ...],
        nulls_equal: bool,
        rows: int | None,
    ) -> Stream:
        """Look `keys` (rows over input keys) up in a table and bring its payload along, in the table's order: this stream is
        `side` of the join."""
        number = len(self.tables)
        bound = tuple((self.next_key + k, k, dtype) for k, (_, dtype) in enumerate(payload))
        step = Probe(number, keys, bound, kind.matched, kind.keeps(side), kind.adds_right, nulls_equal)
        columns = dict(self.columns) | {name: Ref(self.next_key + k, dtype) for k, (name, dtype) in enumerate(payload)}
        return replace(
            self,
            steps=(*self.steps, step),
            columns=columns,
            tables=(*self.tables, table),
            rows=rows,
            next_key=self.next_key + len(payload),
        )

    def part_inputs(self) -> list[tuple[Any, tuple[Any, ...], int]]:
        """Per partition what a task needs: (partition, its tables, its ordinal)."""
        return [(part, tuple(t[p] if isinstance(t, tuple) else t for t in self.tables), p) for p, part in enumerate(self.parts)]


def over_parts(parts: tuple[Any, ...], output: tuple[tuple[str, DType], ...], rows: int | None) -> Stream:
    """A stream over partitions whose columns are the output as they are, under these names."""
    columns: dict[str, Row] = {name: Ref(k, dtype) for k, (name, dtype) in enumerate(output)}
    return Stream(parts, output, (), columns, rows=rows, next_key=len(output))
