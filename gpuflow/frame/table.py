"""The result of a query: a table in memory."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from gpuflow.plan import build
from gpuflow.plan.plan import Plan

from .table_export import Exports
from .table_values import Values
from .whole_frame import Tidying
from .write_methods import Writing

if TYPE_CHECKING:
    from gpuflow.io.memory.source import ChunkSource


class Table(Values, Exports, Tidying, Writing):
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
        return cls._frame, "a Table is computed; for what runs a query write table.lazy().{name}"

    # -- further queries ----------------------------------------------------------------------------------------------
    @cached_property
    def _plan(self) -> Plan:  # type: ignore[override]
        return build.scan(self._source)

    def __gpuflow_source__(self) -> ChunkSource:
        return self._source

    def source(self) -> ChunkSource:
        """The table as a source that further queries can scan.

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
        from gpuflow.io.memory.source import ChunkSource

        return ChunkSource(self.schema, self.chunks, f"table ({len(self):,} rows)")

    def equals(self, other: Any, *, ordered: bool = True, tolerance: float = 0.0) -> bool:
        """Compare with another table: True if it has the same names, types and rows. NaN equals NaN, null equals null.

        Parameters
        ----------
        other : Table or anything `gpuflow.io.from_any` takes
            What to compare with.
        ordered : bool
            False: the rows may stand in any order.
        tolerance : float
            Floats may differ by this part of the larger of the two. With `ordered` False they must then be told apart
            by other columns.

        Examples
        --------
        >>> import gpuflow as gf
        >>> table = gf.from_dict({"x": [1, None, 3]}).collect()
        >>> table.equals(gf.from_dict({"x": [3, 1, None]}).collect(), ordered=False)
        True
        """
        from gpuflow.arrow.equality import equal_columns
        from gpuflow.io.memory.from_any import from_any

        source = from_any(other)
        if source.unsupported or source.schema != self.schema:
            return False
        names = tuple(source.schema)
        right = other if isinstance(other, Table) else Table(source.schema, [s.read(names) for s in source.splits(None)])
        if len(self) != len(right):
            return False
        pairs = [(self.column(name), right.column(name)) for name in self.schema]
        return equal_columns(pairs, ordered=ordered, tolerance=tolerance)

    # -- showing ------------------------------------------------------------------------------------------------------
    def __repr__(self) -> str:
        from gpuflow.display.text import table_text

        return table_text(self)

    def _repr_html_(self) -> str:
        from gpuflow.display.html import table_html

        return table_html(self)

    def _ipython_key_completions_(self) -> list[str]:
        return self.columns
