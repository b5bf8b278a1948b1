"""What a lazy table is made of and how it is run: by itself, or as a Dask collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from gpuflow import config
from gpuflow.display import completion
from gpuflow.errors import PlanError
from gpuflow.optimize import optimize
from gpuflow.plan.build import whole
from gpuflow.plan.plan import Plan
from gpuflow.plan.printing import tree
from gpuflow.plan.source import Source
from gpuflow.plan.tokens import token
from gpuflow.schema import Schema

from .elsewhere import hinted
from .verbs import scan_plan
from .whole_frame import Tidying
from .write_methods import Writing

if TYPE_CHECKING:
    from .table import Table

STAGES = ("logical", "optimized", "physical", "kernel")


class Collection(Tidying, Writing):
    """A plan, its schema, and the ways to run it."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def _rows(self) -> Table:
        return self.collect()

    @classmethod
    def scan(cls, source: Source) -> Self:
        """Make a frame of all rows of a source. A `LeftOutWarning` names the columns that are left out of it.

        Examples
        --------
        >>> import gpuflow as gf
        >>> from gpuflow.io import from_dict
        >>> gf.Frame.scan(from_dict({"x": [1, None]})).collect().to_dict()
        {'x': [1, None]}
        """
        completion.register()  # a shell may have started after the import of gpuflow
        return cls(scan_plan(source, stacklevel=4))

    @property
    def plan(self) -> Plan:
        """The logical plan, as written."""
        return self._plan

    @property
    def optimized(self) -> Plan:
        """The plan after the optimiser's rules (``gpuflow.optimize.disable`` leaves some out)."""
        return optimize(self._plan, config.get("optimize.disable"))

    # -- running ------------------------------------------------------------------------------------------------------
    @hinted
    def collect(self) -> Table:
        """Run the query, here or on the active `distributed.Client`.

        Returns
        -------
        Table

        Raises
        ------
        ReadError, ExecutionError

        Examples
        --------
        >>> import gpuflow as gf
        >>> table = gf.from_dict({"x": [1, None]}).collect()
        >>> table.shape, table.to_dict()
        ((2, 1), {'x': [1, None]})
        """
        from gpuflow import execute

        from .table import Table

        return Table(self.schema, execute.collect(self._plan))

    @hinted
    def persist(self) -> Self:
        """Run the query and keep its result where it was made, in memory or on the workers, for frames built on it.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> kept = frame.filter(gf.col("x") > 1).persist()
        >>> kept.select(gf.len()).collect().item()
        1
        """
        from gpuflow import execute

        return self.scan(execute.persist(self._plan))

    @hinted
    def preview(self, rows: int = 10) -> Table | None:
        """The first rows, when they come from a piece of the source alone: None after a group_by, join or sort.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.filter(gf.col("x") > 1).preview().to_dict()
        {'k': ['b'], 'x': [2]}
        >>> frame.sort("x").preview() is None
        True
        """
        from .preview import preview

        plan = preview(self._plan, whole("number of rows", rows))
        return None if plan is None else type(self)(plan).collect()

    @hinted
    def explain(self, stage: str = "optimized") -> str:
        """What will run, as text.

        Parameters
        ----------
        stage : {"optimized", "logical", "physical", "kernel"}
            The plan after the optimiser, or as written; the pipelines and the reasons for each choice; or the generated
            code.

        Examples
        --------
        >>> import numpy as np
        >>> import gpuflow as gf
        >>> frame = gf.from_numpy({"x": np.arange(3)}).filter(gf.col("x") > 0).select("x")
        >>> print(frame.explain("logical").splitlines()[1])
          FILTER x > 0
        """
        if stage not in STAGES:
            raise PlanError(f"explain: stage {stage!r} is not one of {', '.join(repr(s) for s in STAGES)}")
        if stage in ("logical", "optimized"):
            return tree(self._plan if stage == "logical" else self.optimized)
        from gpuflow import execute

        text = execute.explain_physical(self._plan) if stage == "physical" else execute.explain_kernel(self._plan)
        return str(text)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._plan,)

    # -- a Dask collection --------------------------------------------------------------------------------------------
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
        return _computed, (self.schema,)

    def __dask_postpersist__(self) -> tuple[Any, tuple[Any, ...]]:
        return _persisted, (type(self), self.schema, self.__dask_keys__())

    def __dask_tokenize__(self) -> tuple[str, str]:
        return "gpuflow.Frame", token(self._plan)

    @staticmethod
    def __dask_optimize__(dsk: Any, keys: Any, **options: Any) -> Any:
        """Tasks that no key needs are left out; pipelines are fused already."""
        from dask.core import flatten

        return dsk.cull(set(flatten(keys))) if hasattr(dsk, "cull") else dsk

    @staticmethod
    def __dask_scheduler__(dsk: Any, keys: Any, **options: Any) -> Any:
        from gpuflow.execute.threads import get

        return get(dsk, keys, **options)


def _computed(results: Iterable[Any], schema: Schema) -> Table:
    from .table import Table

    return Table(schema, list(results))


def _persisted(
    dsk: Mapping[Any, Any], made: type[Collection], schema: Schema, keys: list[Any], *, rename: Mapping[str, str] | None = None
) -> Collection:
    from gpuflow import execute

    return made.scan(execute.source_of(schema, [(rename or {}).get(key, key) for key in keys], dsk))
