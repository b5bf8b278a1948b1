"""The two kinds of table: `Frame`, a query that has not run, and `Table`, its rows in memory.

Both stand in one module because each makes the other: a query on a table is a frame, and `Frame.collect` gives a table. What they
can do is written in their bases, one file for each concept.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gpuflow.display import completion
from gpuflow.expr.bind import HOST_CHECKS
from gpuflow.plan import build
from gpuflow.plan.build import whole
from gpuflow.plan.plan import Plan
from gpuflow.plan.source import Source
from gpuflow.schema import Schema

from .combine_methods import CombineMethods
from .dask_collection import DaskCollection
from .explain_methods import ExplainMethods
from .other_names import hinted
from .query_methods import QueryMethods
from .table_export import TableExports
from .table_values import TableValues
from .tabular import scan_plan
from .unsupported import NotComputed
from .whole_frame import WholeFrameMethods
from .write_methods import WriteMethods

if TYPE_CHECKING:
    from gpuflow.io.in_memory.source import ChunkSource


class Frame(
    NotComputed,
    QueryMethods["Frame"],
    CombineMethods["Frame"],
    WholeFrameMethods["Frame"],
    WriteMethods,
    ExplainMethods,
    DaskCollection,
):
    """A table that has not been computed: immutable, cheap, typed.

    Methods return new frames; errors in names and types are raised at once, and `collect` runs the query. A Frame is a
    Dask collection, so `dask.compute`, `dask.persist` and a `distributed.Client` take it too. Frames come from
    `gpuflow.scan_parquet`, `gpuflow.from_arrow` and their like.

    Parameters
    ----------
    plan : Plan
        Made by methods; not passed by users.

    Examples
    --------
    >>> import numpy as np
    >>> import gpuflow as gf
    >>> from gpuflow import col
    >>> trips = gf.from_numpy({"x": np.arange(4), "y": np.array([0.5, 1.5, 2.5, 3.5])})
    >>> trips.filter(col("x") > 1).select(total=col("y").sum())
    Frame of 1 column, not computed
      total: float64
    """

    _computed = "frame.collect()"

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    @classmethod
    def _other(cls) -> tuple[type, str]:
        return Table, "it is not computed; call .collect() first: frame.collect().{name}"

    @staticmethod
    def _of(plan: Plan) -> Frame:
        return Frame(plan)

    @classmethod
    def _over(cls, source: Source) -> Frame:
        return cls.scan(source)

    @classmethod
    def _computed_table(cls, results: Iterable[Any], schema: Schema) -> Table:
        return Table(schema, list(results))

    def _rows(self) -> Table:
        return self.collect()

    @classmethod
    def scan(cls, source: Source) -> Frame:
        """Make a frame of all rows of a source.

        A `LeftOutWarning` names the columns that are left out of it.

        Parameters
        ----------
        source : Source
            Where rows come from: a `gpuflow.io.scan_` function makes one, or a class of your own.

        Returns
        -------
        Frame

        Raises
        ------
        TypeMismatchError
            For what is no source.

        Examples
        --------
        >>> import gpuflow as gf
        >>> from gpuflow.io import from_dict
        >>> gf.Frame.scan(from_dict({"x": [1, None]})).collect().to_dict()
        {'x': [1, None]}
        """
        completion.register()  # a shell may have started after the import of gpuflow
        return cls(scan_plan(source, stacklevel=4))

    # -- running ------------------------------------------------------------------------------------------------------
    @hinted
    def collect(self) -> Table:
        """Run the query, here or on the active `distributed.Client`.

        Returns
        -------
        Table
            The rows, in memory.

        Raises
        ------
        ReadError
            When a file cannot be read, or is not what it was when it was scanned.
        ExecutionError
            When a worker or the engine fails; errors of values, such as `CastError`, keep their own types.

        Examples
        --------
        >>> import gpuflow as gf
        >>> table = gf.from_dict({"x": [1, None]}).collect()
        >>> table.shape, table.to_dict()
        ((2, 1), {'x': [1, None]})
        """
        from gpuflow import execute

        return Table(self.schema, execute.collect(self._plan))

    @hinted
    def persist(self) -> Frame:
        """Run the query and keep its result where it was made, for frames built on it.

        The rows stay in memory, or on the workers of a cluster, while a frame of them is there.

        Returns
        -------
        Frame

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> result = frame.filter(gf.col("x") > 1).persist()
        >>> result.select(gf.len()).collect().item()
        1
        """
        from gpuflow import execute

        return self.scan(execute.persist(self._plan))

    @hinted
    def preview(self, rows: int = 10) -> Table | None:
        """Return the first rows, when they come from one part of the source alone.

        Parameters
        ----------
        rows : int
            Number of rows.

        Returns
        -------
        Table or None
            None after a group_by, join or sort, or when that part is large.

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
        return None if plan is None else Frame(plan).collect()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._plan,)

    # -- ranges of rows -----------------------------------------------------------------------------------------------------
    @hinted
    def limit(self, n: int = 5) -> Frame:
        """Keep the first `n` rows.

        Parameters
        ----------
        n : int
            Number of rows; at most as many as there are.

        Returns
        -------
        Frame

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.limit(1).collect().to_dict()
        {'k': ['a'], 'x': [1]}
        """
        return Frame(build.limit(self._plan, n))

    @hinted
    def head(self, n: int = 5) -> Frame:
        """Keep the first `n` rows.

        Parameters
        ----------
        n : int
            Number of rows; at most as many as there are.

        Returns
        -------
        Frame

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.head(1).collect().to_dict()
        {'k': ['a'], 'x': [1]}
        """
        return self.limit(n)

    @hinted
    def slice(self, offset: int, length: int | None = None) -> Frame:
        """Keep `length` rows from row `offset` on, or all from there.

        Parameters
        ----------
        offset : int
            From 0. Rows from the end are not known before the query runs; a Table has them.
        length : int, optional
            Number of rows; all by default.

        Returns
        -------
        Frame

        Raises
        ------
        PlanError
            For a negative offset or length.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
        >>> frame.slice(1, 2).collect().to_dict()
        {'k': ['b', 'a'], 'x': [2, None]}
        >>> frame.slice(2).collect().to_dict()
        {'k': ['a'], 'x': [None]}
        """
        return Frame(build.skip(self._plan, offset) if length is None else build.limit(self._plan, length, offset))

    # -- showing ------------------------------------------------------------------------------------------------------
    def __repr__(self) -> str:
        try:
            columns = self.schema.items()
            lines = [f"Frame of {len(columns)} column{'' if len(columns) == 1 else 's'}, not computed"]
            return "\n".join([*lines, *(f"  {n}: {d}" for n, d in columns)])
        except Exception as e:  # a repr must not raise, in a debugger least of all
            return f"Frame, not computed ({type(e).__name__})"

    def _repr_html_(self) -> str | None:
        """For notebooks: the schema, and the first rows where they cost little."""
        try:
            from gpuflow.display.html import schema_html, table_html

            try:
                table = self.preview()
            except Exception:  # collect() reports what cannot be read; a display does not
                table = None
            if table is None:
                return str(schema_html(self.schema, "not computed: .collect() runs it, .explain() shows the plan"))
            return str(table_html(table, caption="first rows; .collect() computes all"))
        except Exception:
            return None


class Table(
    TableValues,
    TableExports,
    QueryMethods["Frame"],
    CombineMethods["Frame"],
    WholeFrameMethods["Frame"],
    WriteMethods,
):
    """Rows in memory, of named and typed columns. Immutable.

    What takes rows and columns of it as they are gives tables: ``table[2:5]``, ``table[["x"]]``, `head`, `tail`, `slice`. What
    has to be computed gives frames, as on a frame: `filter`, `with_columns`, `join`, `sum` and all others; `collect` runs them.

    Parameters
    ----------
    schema : Schema
        Names and types.
    chunks : sequence of Chunk
        Pieces with the columns of `schema`, in order; on the host or on a device.

    Examples
    --------
    >>> import gpuflow as gf
    >>> table = gf.from_dict({"x": [1, None], "name": ["one", "none"]}).collect()
    >>> table.shape, table.columns, table.to_pylist()
    ((2, 2), ['x', 'name'], [{'x': 1, 'name': 'one'}, {'x': None, 'name': 'none'}])
    >>> table.filter(gf.col("x") == 1).collect().rows()
    [(1, 'one')]
    """

    _computed = "table"
    _open = ("chunks",)

    @classmethod
    def _other(cls) -> tuple[type, str]:
        return Frame, "a Table is computed; for what runs a query write table.lazy().{name}"

    @staticmethod
    def _of(plan: Plan) -> Frame:
        return Frame(plan)

    # -- further queries ----------------------------------------------------------------------------------------------
    @cached_property
    def _plan(self) -> Plan:  # type: ignore[override]
        return build.scan(self._source)

    def __gpuflow_source__(self) -> ChunkSource:
        return self._source

    def source(self) -> ChunkSource:
        """Return the table as a source that further queries can scan.

        Returns
        -------
        ChunkSource

        Examples
        --------
        >>> import gpuflow as gf
        >>> table = gf.from_dict({"x": [1, None, 3]}).collect()
        >>> table.source().schema
        Schema(x: int64)
        """
        return self._source

    @cached_property
    def _source(self) -> ChunkSource:
        from gpuflow.io.in_memory.source import ChunkSource

        return ChunkSource(self.schema, self.chunks, f"table ({len(self):,} rows)")

    # -- showing ------------------------------------------------------------------------------------------------------
    def __repr__(self) -> str:
        from gpuflow.display.text import table_text

        return table_text(self)

    def _repr_html_(self) -> str:
        from gpuflow.display.html import table_html

        return table_html(self)

    def _ipython_key_completions_(self) -> list[str]:
        return self.columns


def _refuse(host: str, given: tuple[Any, ...]) -> None:
    """Have a host function check its literal arguments; the functions are loaded when the first one is checked."""
    from gpuflow.arrow.string_functions import refuse

    refuse(host, given)


HOST_CHECKS.append(_refuse)
