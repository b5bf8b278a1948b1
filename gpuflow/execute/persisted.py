"""Sources over query results that stay on a cluster's workers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from gpuflow_kernels.ir.expressions import Row

from gpuflow.physical.runner import RemotePartition
from gpuflow.plan.source import Source, Split
from gpuflow.schema import Schema


class ClusterSource(Source):
    """Partitions kept by workers, released when this source and every plan that reads it are gone."""

    decoded = True

    def __init__(self, schema: Schema, splits: Sequence[RemotePartition]) -> None:
        self.schema = schema
        self._splits = list(splits)
        self.token = "persisted-" + hashlib.sha256("\n".join(s.key for s in self._splits).encode()).hexdigest()[:32]
        self.label = f"persisted on the cluster ({len(self._splits)} partitions)"

    def splits(self, predicate: Row | None, partition_rows: int | None = None) -> list[Split]:
        return list(self._splits)

    def rows(self) -> int | None:
        rows = [s.rows for s in self._splits]
        return None if None in rows else sum(r for r in rows if r is not None)
