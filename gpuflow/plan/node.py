"""The base of all nodes of plans, logical and physical: frozen dataclasses that know their children."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import Field, dataclass, fields
from functools import cached_property
from typing import Any, ClassVar, Self, dataclass_transform


@dataclass_transform(eq_default=False, frozen_default=True)
class Node:
    """An immutable node. A subclass only annotates its fields: it becomes a frozen dataclass by itself.

    Fields that hold a node, or a tuple that begins with one, are its children. Nodes are equal when their classes and fields
    are; the hash is taken once, and travels to no other process.

    Examples
    --------
    >>> class Leaf(Node):
    ...     name: str
    >>> class Both(Node):
    ...     parts: tuple[Node, ...]
    ...     flag: bool = False
    >>> both = Both((Leaf("a"), Leaf("b")))
    >>> both.children
    (Leaf(name='a'), Leaf(name='b'))
    >>> both.with_children(*both.children) is both
    True
    >>> both.with_children(Leaf("a"), Leaf("c")).rebuild(flag=True)
    Both(parts=(Leaf(name='a'), Leaf(name='c')), flag=True)
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    field_names: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        dataclass(frozen=True, eq=False)(cls)
        cls.field_names = tuple(f.name for f in fields(cls))

    @cached_property
    def children(self) -> tuple[Any, ...]:
        """All nodes in the fields, in order."""
        return tuple(child for name in self.field_names for child in nodes_of(getattr(self, name)))

    def with_children(self, *children: Any) -> Self:
        """Put other children, as many and in the same order, in the place of these; itself when they are the same."""
        if all(a is b for a, b in zip(children, self.children, strict=True)):
            return self
        rest = iter(children)
        changes: dict[str, Any] = {}
        for name in self.field_names:
            value = getattr(self, name)
            if isinstance(value, Node):
                changes[name] = next(rest)
            elif nodes := nodes_of(value):
                changes[name] = tuple(next(rest) for _ in nodes)
        return self.rebuild(**changes)

    def rebuild(self, **changes: Any) -> Self:
        """Return the node with some fields changed; itself when none differs."""
        if all(_same(getattr(self, name), new) for name, new in changes.items()):
            return self
        return type(self)(**{name: changes.get(name, getattr(self, name)) for name in self.field_names})

    def _values(self) -> Iterator[Any]:
        return (getattr(self, name) for name in self.field_names)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(self) is not type(other):
            return NotImplemented
        assert isinstance(other, Node)
        return hash(self) == hash(other) and all(a == b for a, b in zip(self._values(), other._values(), strict=True))

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((type(self), *self._values()))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self._values())


def nodes_of(value: Any) -> tuple[Any, ...]:
    """The nodes that a field holds."""
    if isinstance(value, Node):
        return (value,)
    return value if isinstance(value, tuple) and value and isinstance(value[0], Node) else ()


def _same(old: Any, new: Any) -> bool:
    """Whether two values of a field are one and the same, or tuples of the same."""
    if old is new:
        return True
    both = isinstance(old, tuple) and isinstance(new, tuple) and len(old) == len(new)
    return both and all(a is b for a, b in zip(old, new, strict=True))
