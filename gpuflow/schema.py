"""Ordered column names and types."""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any

from gpuflow_kernels.dtype_like import as_dtype
from gpuflow_kernels.dtypes import DType

from gpuflow.errors import ColumnNotFoundError, TypeMismatchError


def as_list(values: Any, what: str) -> list[Any]:
    """Return the members of an argument that is a list or another iterable.

    Returns
    -------
    list[Any]

    Raises
    ------
    TypeMismatchError
        For text, and for anything that is not iterable.

    Examples
    --------
    >>> as_list(("a", "b"), "columns")
    ['a', 'b']
    """
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable) or hasattr(values, "_node"):
        raise TypeMismatchError(f"{what} takes a list, not {values!r:.60}")
    return list(values)


class Schema(Mapping[str, DType]):
    """Column names and their types, in order.

    Immutable and hashable.

    Parameters
    ----------
    fields : mapping of str to DType, or pairs of both
        Names and types, in order.
    unsupported : mapping of str to str, optional
        Reasons why further columns of a source cannot be used, by name; they are shown as left out, and are not part of the
        schema's identity.

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
        if not isinstance(fields, Mapping):
            pairs = as_list(fields, "Schema(): fields")
            if not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
                raise TypeMismatchError(f"Schema() takes a dict of types by name, or pairs of both, not {fields!r:.60}")
        self._fields: dict[str, DType] = {n: d if isinstance(d, DType) else as_dtype(d) for n, d in dict(fields).items()}
        self._positions = {name: i for i, name in enumerate(self._fields)}
        if unsupported is not None and not isinstance(unsupported, Mapping):
            raise TypeMismatchError(f"Schema(): unsupported={unsupported!r:.60} is no dict of reasons by name")
        self.unsupported: dict[str, str] = dict(unsupported or {})

    def __getitem__(self, name: str) -> DType:
        try:
            return self._fields[name]
        except (KeyError, TypeError):
            there = f"; columns are {', '.join(map(repr, list(self._fields)[:12]))}" if self._fields else "; there are none"
            raise ColumnNotFoundError(f"there is no column {name!r:.60}{there}", column=str(name)) from None

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._fields

    def get(self, name: Any, default: Any = None) -> Any:
        """Return the type of a column, or `default` if there is no such column.

        Parameters
        ----------
        name : str
            Name of a column.
        default : object
            Returned if there is no such column.

        Returns
        -------
        DType or object

        Examples
        --------
        >>> from gpuflow_kernels.dtypes import INT64
        >>> Schema({"id": INT64}).get("id"), Schema({"id": INT64}).get("no")
        (int64, None)
        """
        return self._fields[name] if name in self else default

    def keys(self) -> KeysView[str]:
        """Return the names, in order.

        Returns
        -------
        KeysView

        Examples
        --------
        >>> list(Schema({"id": "int64"}).keys())
        ['id']
        """
        return self._fields.keys()

    def values(self) -> ValuesView[DType]:
        """Return the types, in order.

        Returns
        -------
        ValuesView

        Examples
        --------
        >>> list(Schema({"id": "int64"}).values())
        [int64]
        """
        return self._fields.values()

    def items(self) -> ItemsView[str, DType]:
        """Return pairs of a name and a type, in order.

        Returns
        -------
        ItemsView

        Examples
        --------
        >>> list(Schema({"id": "int64"}).items())
        [('id', int64)]
        """
        return self._fields.items()

    def types_of(self, names: Iterable[str]) -> tuple[DType, ...]:
        """Return the types of several columns.

        Parameters
        ----------
        names : iterable of str
            Names of columns, all of which are there.

        Returns
        -------
        tuple of DType
            In the order of `names`.

        Raises
        ------
        ColumnNotFoundError
            When there is no column of one of the names.

        Examples
        --------
        >>> from gpuflow_kernels.dtypes import INT64, STRING
        >>> Schema({"id": INT64, "name": STRING}).types_of(["name", "id"])
        (string, int64)
        """
        return tuple([self[name] for name in names])

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __hash__(self) -> int:
        return hash(tuple(self._fields.items()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and list(self._fields.items()) == list(other._fields.items())

    def __repr__(self) -> str:
        left_out = f"; left out: {', '.join(self.unsupported)}" if self.unsupported else ""
        return "Schema(" + ", ".join(f"{n}: {d}" for n, d in self._fields.items()) + left_out + ")"

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names, in order.

        Examples
        --------
        >>> Schema({"id": "int64"}).names
        ('id',)
        """
        return tuple(self._fields)

    @property
    def dtypes(self) -> tuple[DType, ...]:
        """Return the types, in order.

        Examples
        --------
        >>> Schema({"id": "int64"}).dtypes
        (int64,)
        """
        return tuple(self._fields.values())

    def position(self, name: str) -> int:
        """Return the position of a column, from 0.

        Parameters
        ----------
        name : str
            Name of a column.

        Returns
        -------
        int

        Raises
        ------
        ColumnNotFoundError
            If there is no such column.

        Examples
        --------
        >>> from gpuflow_kernels.dtypes import INT64, STRING
        >>> Schema({"id": INT64, "name": STRING}).position("name")
        1
        """
        if name not in self:
            self[name]  # raises
        return self._positions[name]
