"""What frames and tables refuse: names of other libraries, changes, and what needs a result. Each refusal says what to write.

Type checkers do not see these methods: to them a name that is not there is an error, as it should be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from gpuflow.errors import TypeMismatchError, UnknownNameError

from .other_names import WAYS, other_name

_SETTERS = {"columns": "rename({'old': 'new'})", "dtypes": "cast({'x': gf.Int32})", "schema": "cast({'x': gf.Int32})"}


class Immutable:
    """Attributes and items are never set, and an attribute that is not there says what to write instead."""

    _computed: ClassVar[str]
    """How a table in memory comes of the object: ``frame.collect()``, or ``table`` itself."""

    _open: ClassVar[tuple[str, ...]] = ()
    """Public attributes that the class itself sets."""

    @classmethod
    def _other(cls) -> tuple[type, str]:
        """The other kind of table, and how to come from this one to its method ``{name}``."""
        raise NotImplementedError

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            if name.startswith("_"):
                raise AttributeError(name)
            if any(name in vars(base) for base in type(self).__mro__):
                object.__getattribute__(self, name)  # a property that failed raises its own error once more
            kind = type(self).__name__
            other, way = self._other()
            if name in self.schema:
                values = f", {self._computed}[{name!r}] for its values"
                way = f"that is a column: write gf.col({name!r}) in a query, .select({name!r}) for a table of it{values}"
            elif hasattr(other, name):
                way = way.format(name=name)
            else:
                raise other_name(f"a {kind}", name, WAYS, dir(self), self._computed)
            raise UnknownNameError(f"a {kind} has no {name!r}; {way}", name=name, obj=None)

        def __setattr__(self, name: str, value: Any) -> None:
            if name.startswith("_") or name in self._open:
                object.__setattr__(self, name, value)
                return
            kind = type(self).__name__
            way = f"{kind.lower()} = {kind.lower()}.{_SETTERS.get(name, f'with_columns({name}=...)')}"
            raise UnknownNameError(f"a {kind} is never changed, and {name!r} of it not set; write {way}", name=name, obj=None)

        def __setitem__(self, key: Any, value: Any) -> NoReturn:
            kind = type(self).__name__
            new = f"{key}=..." if isinstance(key, str) and key.isidentifier() else "..."
            raise TypeMismatchError(f"a {kind} is never changed; write {kind.lower()} = {kind.lower()}.with_columns({new})")

        def __delitem__(self, key: Any) -> NoReturn:
            kind = type(self).__name__
            raise TypeMismatchError(f"a {kind} is never changed; write {kind.lower()} = {kind.lower()}.drop({key!r:.60})")


class NotComputed:
    """What a frame refuses because it has no rows yet."""

    if not TYPE_CHECKING:

        def __getitem__(self, key: Any) -> NoReturn:
            way = "frame.filter(...), .select(...) or .head(n)"
            if isinstance(key, str):
                way = f"gf.col({key!r}) in a query, or frame.select({key!r}) for a table of it"
            elif isinstance(key, list):
                way = f"frame.select({key!r:.60})"
            elif hasattr(key, "_node"):
                way = "frame.filter(...) for the rows of which a condition is true"
            elif isinstance(key, (slice, int)):
                way = "frame.slice(offset, length), or frame.collect()[...]"
            raise TypeMismatchError(f"a Frame is not computed and cannot be indexed; write {way}")

        def __len__(self) -> int:
            raise TypeMismatchError(
                "a Frame is not computed, so that its rows are not counted; write frame.select(gf.len()).collect().item(), or "
                "len(frame.collect())"
            )

        def __iter__(self) -> NoReturn:
            raise TypeMismatchError(
                "a Frame is not computed, so that it has no rows to go through; write for row in frame.collect().iter_rows(), or "
                "for name in frame.columns"
            )

        def __contains__(self, name: object) -> NoReturn:
            raise TypeMismatchError(f"a Frame is not computed; for the name of a column write {name!r:.60} in frame.columns")

        def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
            raise TypeMismatchError("a Frame is not computed; call .collect() first: frame.collect().to_numpy()")

    def __bool__(self) -> bool:
        raise TypeMismatchError(
            "a Frame has no truth value; compute something of it first, as in frame.select(gf.len()).collect().item() > 0"
        )
