"""Expressions that stand for several columns, written out: ``col("a", "b").sum()`` is two expressions."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from typing import Any

from gpuflow_kernels.dtypes import DType

from gpuflow.errors import ColumnNotFoundError, DuplicateNameError, PlanError, UnsupportedError
from gpuflow.schema import Schema

from .methods import as_node
from .near_names import near
from .nodes import Alias, Column, Columns, Kind, Node, output_name, render, transform, walk


def expand(node: Node, schema: Schema, without: Container[str] = ()) -> list[Node]:
    """The expressions that `node` stands for, one for each column of its `Columns`. All columns are all but those of
    `without`."""
    several = [n for n in walk(node) if isinstance(n, Columns)]
    if not several:
        return [node]
    every = tuple(n for n in schema.names if n not in without)
    found = {n: named_by(n, schema, every) for n in several}
    lists = list(found.values())
    if len({len(names) for names in lists}) > 1:
        counts = " and ".join(str(len(names)) for names in lists)
        raise PlanError(f"{render(node)} puts {counts} columns beside each other; they must be as many")
    return [_chosen(node, found, i) for i in range(len(lists[0]))]


def named_by(columns: Columns, schema: Schema, every: tuple[str, ...]) -> tuple[str, ...]:
    """The columns that are meant, each once: in the order given, or in the table's where there is a pattern or a type."""
    if columns.names is None:
        return every
    names = {n: None for n in columns.names if isinstance(n, str) and not (n.startswith("^") and n.endswith("$"))}
    rest = [item for item in columns.names if item not in names]
    if not rest:
        return tuple(names)
    unknown = (n for n in names if n not in schema)  # for the error that names them
    return (*unknown, *(n for n in schema.names if n in names or (n in every and any(_takes(i, n, schema[n]) for i in rest))))


def _takes(item: str | DType | Kind, name: str, dtype: DType) -> bool:
    if isinstance(item, str):
        return re.search(item, name) is not None
    return dtype.kind in item.kinds if isinstance(item, Kind) else dtype == item


def _chosen(node: Node, found: Mapping[Columns, tuple[str, ...]], position: int) -> Node:
    return transform(node, lambda n: Column(found[n][position]) if isinstance(n, Columns) else n)


def named(
    values: Iterable[Any], by_name: Mapping[str, Any], schema: Schema, *, what: str, without: Container[str] = ()
) -> list[tuple[str, Node]]:
    """Expressions as a user passes them (strings, expressions, lists of them, and ``name=expression``) with the names
    of the columns they make. ``all()`` stands for the columns that are not in `without`.

    Raises
    ------
    DuplicateNameError
        When two would have one name.
    """
    found: dict[str, Node] = {}

    def add(name: str, node: Node) -> None:
        if name in found:
            way = f"name one by .alias(...) or as a keyword, as in {what}(other=...)"
            raise DuplicateNameError(
                f"{what}: {render(found[name])} and {render(node)} would both be called {name!r}; {way}", column=name
            )
        found[name] = node

    for value in flatten(values):
        for node in expand(as_node(value, names=True), schema, without):
            add(output_name(node), node)
    for name, value in by_name.items():
        nodes = expand(as_node(value, names=True), schema, without)
        if len(nodes) != 1:
            raise PlanError(f"{what}: {render(as_node(value, names=True))} makes {len(nodes)} columns, and {name!r} names one")
        add(name, Alias(nodes[0], name))
    return list(found.items())


def flatten(values: Iterable[Any]) -> list[Any]:
    """Lists and tuples among the values opened."""
    result: list[Any] = []
    for value in values:
        if isinstance(value, (list, tuple)):
            result += flatten(value)
        else:
            result.append(value)
    return result


def require(names: Iterable[str], schema: Schema) -> None:
    """Every name is a column of `schema`.

    Raises
    ------
    ColumnNotFoundError
    UnsupportedError
        When the source has the column, with a type that cannot be used.
    """
    for name in names:
        if name in schema.unsupported:
            raise UnsupportedError(f"column {name!r} is {schema.unsupported[name]}")
        if name not in schema:
            raise ColumnNotFoundError(f"there is no column {name!r}{near(name, schema)}", column=name)


def missing(name: str, schema: Schema) -> str:
    """What is said of a text that was given for a value, and names no column.

    Examples
    --------
    >>> from gpuflow.schema import Schema
    >>> missing("late", Schema({}))
    "there is no column 'late'; there are none; text is a column's name, and gf.lit('late') the text itself"
    """
    return f"there is no column {name!r}{near(name, schema)}; text is a column's name, and gf.lit({name!r}) the text itself"
