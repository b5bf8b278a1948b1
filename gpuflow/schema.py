"""Ordered column names and types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gpuflow_kernels.dtype_like import as_dtype
from gpuflow_kernels.dtypes import DType


class Schema(Mapping[str, DType]):
    """Column names and their types, in order. Immutable and hashable.

    `unsupported` tells why further columns of a source cannot be used, by name; they are shown as left out, and are no part of
    a schema's identity.

    Examples
    --------
    >>> from gpuflow_kernels.dtypes import INT64, STRING
    >>> schema = Schema({"id": INT64, "name": STRING})
    >>> schema["id"], list(schema), schema.position("name")
    (int64, ['id', 'name'], 1)
    """

    __slots__ = ("_fields", "_positions", "unsupported")

    def __init__(
        self, fields: Mapping[str, DType] | tuple[tuple[str, DType], ...] = (), unsupported: Mapping[str, str] | None = None
    ) -> None:
        self._fields: dict[str, DType] = {n: d if isinstance(d, DType) else as_dtype(d) for n, d in dict(fields).items()}
        self._positions = {name: i for i, name in enumerate(self._fields)}
        self.unsupported: dict[str, str] = dict(unsupported or {})

    def __getitem__(self, name: str) -> DType:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __hash__(self) -> int:
        return hash(tuple(self._fields.items()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and list(self.items()) == list(other.items())

    def __repr__(self) -> str:
        left_out = f"; left out: {', '.join(self.unsupported)}" if self.unsupported else ""
        return "Schema(" + ", ".join(f"{n}: {d}" for n, d in self._fields.items()) + left_out + ")"

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._fields)

    @property
    def dtypes(self) -> tuple[DType, ...]:
        return tuple(self._fields.values())

    def position(self, name: str) -> int:
        """Where the column stands, from 0.

        Examples
        --------
        >>> from gpuflow_kernels.dtypes import INT64, STRING
        >>> Schema({"id": INT64, "name": STRING}).position("name")
        1
        """
        return self._positions[name]
