"""A mapping of declared functions that says when one comes or goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Registry(dict[str, T]):
    """Declarations by name. Each name that is set or removed is handed to the watchers, after the change.

    Examples
    --------
    >>> seen = []
    >>> registry = Registry()
    >>> registry["a"] = 1
    >>> registry.watch(seen.append)
    >>> registry.update(b=2); registry.clear()
    >>> seen
    ['a', 'b', 'a', 'b']
    """

    def __init__(self) -> None:
        super().__init__()
        self._watchers: list[Callable[[str], None]] = []

    def watch(self, watcher: Callable[[str], None]) -> None:
        """Call `watcher` with every name that there is, and from now on with every name that changes."""
        self._watchers.append(watcher)
        for name in list(self):
            watcher(name)

    def _changed(self, *names: str) -> None:
        for name in names:
            for watcher in self._watchers:
                watcher(name)

    def __setitem__(self, name: str, value: T) -> None:
        super().__setitem__(name, value)
        self._changed(name)

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name)
        self._changed(name)

    def pop(self, name: str, *default: Any) -> Any:
        """Remove a name; its value, or the default where there is none."""
        there = name in self
        value = super().pop(name, *default)
        if there:
            self._changed(name)
        return value

    def popitem(self) -> tuple[str, T]:
        """Remove the name set last."""
        name, value = super().popitem()
        self._changed(name)
        return name, value

    def clear(self) -> None:
        """Remove all names."""
        names = list(self)
        super().clear()
        self._changed(*names)

    def update(self, *others: Any, **named: T) -> None:
        """Set all names of a mapping."""
        for name, value in dict(*others, **named).items():
            self[name] = value

    def setdefault(self, name: str, default: T = None) -> T:  # type: ignore[assignment]
        """The value of a name, set to `default` where there is none."""
        if name not in self:
            self[name] = default
        return self[name]

    def __ior__(self, other: Any) -> Registry[T]:  # type: ignore[override,misc]
        self.update(other)
        return self
