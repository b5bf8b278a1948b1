"""Expressions that stand for several columns, written out: ``col("a", "b").sum()`` is two expressions."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import Any

from gpuflow.errors import ColumnNotFoundError, DuplicateNameError, PlanError, UnsupportedError
from gpuflow.schema import Schema

from .hints import near
from .methods import as_node
from .nodes import Alias, Column, Columns, Node, output_name, render, transform, walk


def expand(node: Node, schema: Schema, without: Container[str] = ()) -> list[Node]:
    """The expressions that `node` stands for, one for each column of its `Columns`. All columns are all but those of
    `without`."""
    several = [n for n in walk(node) if isinstance(n, Columns)]
    if not several:
        return [node]
    every = tuple(n for n in schema.names if n not in without)
    lists = [n.names if n.names is not None else every for n in several]
    if len({len(names) for names in lists}) > 1:
        counts = " and ".join(str(len(names)) for names in lists)
        raise PlanError(f"{render(node)} puts {counts} columns beside each other; they must be as many")
    return [_chosen(node, every, i) for i in range(len(lists[0]))]


def _chosen(node: Node, every: tuple[str, ...], position: int) -> Node:
    def change(n: Node) -> Node:
        if not isinstance(n, Columns):
            return n
        return Column((n.names if n.names is not None else every)[position])

    return transform(node, change)


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
