"""Scans: partitions of a source, those left out that statistics rule out."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from gpuflow.plan import nodes as plans
from gpuflow.plan.printing import name
from gpuflow.plan.source import Split
from gpuflow.plan.tokens import content_of, digest_of

from ..nodes import Operator, Output, total
from ..partitioning import Partitioning, Unknown
from ..planner import Planner, emits, lowers
from ..profile import LANES
from ..runner import RemotePartition
from ..sizes import batch_bytes, row_bytes
from ..stream import Stream, over_parts
from ..tasks import SelectTask


class Scan(Operator):
    """Partitions of a source, read where they are used."""

    label: str
    columns: Output
    splits: tuple[Split, ...]
    token: str

    @property
    def output(self) -> Output:
        return self.columns

    @cached_property
    def rows(self) -> int | None:
        return total(s.rows for s in self.splits)

    @property
    def provided(self) -> Partitioning:
        return Unknown(len(self.splits))

    def __str__(self) -> str:
        return f"SCAN {self.label} [{', '.join(name(n) for n, _ in self.columns)}]"


@lowers(plans.Scan)
def lower_scan(planner: Planner, plan: plans.Scan) -> Operator:
    rows_each = _rows_each(planner, plan)
    splits = tuple(plan.source.splits(plan.predicate, rows_each))
    columns = tuple(zip(plan.columns, plan.source.schema.types_of(plan.columns), strict=True))
    number = len(splits) if plan.predicate is None else len(plan.source.splits(None, rows_each))
    if number > len(splits):
        read = f"{len(splits)} of {number} partitions"
        planner.runner.note(f"scan {plan.source.label}", read, "statistics rule out the others")
    token = f"{plan.source.token} {digest_of(content_of(plan.predicate))} {rows_each}"
    return Scan(plan.source.label, columns, splits, token)


@emits(Scan)
def emit_scan(planner: Planner, operator: Scan) -> Stream:
    parts: list[Any] = []
    names = tuple(name for name, _ in operator.columns)
    for k, split in enumerate(operator.splits):
        if isinstance(split, RemotePartition):
            parts.append(planner.runner.add(SelectTask(planner.options, split.positions(names)), split))
        else:
            planner.runner.identify(split, f"{operator.token} {k}")
            parts.append(split)
    return over_parts(tuple(parts), operator.columns, operator.rows)


def _rows_each(planner: Planner, scan: plans.Scan) -> int | None:
    """Rows of a partition: what is set, what suits the tasks of the runner, or None where the source decides."""
    source, runner, profile = scan.source, planner.runner, planner.profile
    rows = source.rows()
    types = source.schema.types_of(scan.columns)
    if planner.partition_rows or rows is None:
        return planner.partition_rows or None
    if not profile.on_device:
        each = runner.partition_rows(rows)
        return None if each is None else max(1, min(each, batch_bytes(runner) // row_bytes(types)))
    if source.decoded:
        return profile.partition_rows(rows, row_bytes(types), runner.workers)
    at_once = max(LANES, runner.threads // runner.workers)
    return runner.partition_rows(rows, profile.partition_rows(rows, row_bytes(types), runner.workers, at_once))
