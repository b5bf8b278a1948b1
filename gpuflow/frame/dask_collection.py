"""A lazy table as a Dask collection, which `dask.compute`, `dask.persist` and a `distributed.Client` take."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self

from gpuflow.plan.plan import Plan
from gpuflow.plan.tokens import token
from gpuflow.schema import Schema


class DaskCollection:
    """Dask's protocol of collections, for what has a plan."""

    _plan: Plan

    @classmethod
    def _computed_table(cls, results: Any, schema: Schema) -> Any:
        """Make a table in memory of the results of all keys."""
        raise NotImplementedError

    @classmethod
    def _over(cls, source: Any) -> Self:
        """Make a frame of all rows of a source."""
        raise NotImplementedError

    @cached_property
    def _graphs(self) -> dict[Any, tuple[Mapping[Any, Any], list[Any]]]:
        return {}

    @property
    def _graph(self) -> tuple[Mapping[Any, Any], list[Any]]:
        from gpuflow import execute

        situation = execute.situation()  # settings, and whether a cluster is there
        if situation not in self._graphs:
            self._graphs[situation] = execute.graph(self._plan)
        return self._graphs[situation]

    def __dask_graph__(self) -> Mapping[Any, Any]:
        return self._graph[0]

    def __dask_keys__(self) -> list[Any]:
        return self._graph[1]

    def __dask_postcompute__(self) -> tuple[Any, tuple[Any, ...]]:
        return self._computed_table, (self._plan.schema,)

    def __dask_postpersist__(self) -> tuple[Any, tuple[Any, ...]]:
        return _persisted, (type(self), self._plan.schema, self.__dask_keys__())

    def __dask_tokenize__(self) -> tuple[str, str]:
        return "gpuflow.Frame", token(self._plan)

    @staticmethod
    def __dask_optimize__(dsk: Any, keys: Any, **options: Any) -> Any:
        """Leave out tasks that no key needs; pipelines are fused already."""
        from dask.core import flatten

        return dsk.cull(set(flatten(keys))) if hasattr(dsk, "cull") else dsk

    @staticmethod
    def __dask_scheduler__(dsk: Any, keys: Any, **options: Any) -> Any:
        from gpuflow.execute.threads import get

        return get(dsk, keys, **options)


def _persisted(
    dsk: Mapping[Any, Any],
    frame: type[DaskCollection],
    schema: Schema,
    keys: list[Any],
    *,
    rename: Mapping[str, str] | None = None,
) -> DaskCollection:
    """Make a frame over results that stay where they are; Dask calls it with their keys."""
    from gpuflow import execute

    return frame._over(execute.source_of(schema, [(rename or {}).get(key, key) for key in keys], dsk))
