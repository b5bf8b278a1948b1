"""Helper functions of generated modules for CPUs, compiled once a process however many modules define them.

Most of the time that a kernel takes to compile goes into the row functions it calls, and kernels of different queries call
the same ones.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

from numba import njit

CAPACITY = 1024
"""Helpers kept; the least recently defined goes first."""

_Key = tuple[CodeType, tuple[tuple[str, int], ...], tuple[tuple[str, Any], ...]]

_helpers: OrderedDict[_Key, Any] = OrderedDict()
_guard = threading.Lock()


def shared(**options: Any) -> Callable[[FunctionType], Any]:
    """Return a decorator that compiles a function with `numba.njit`, or gives what an equal function was compiled to.

    Functions are equal when their code is, wherever it stands, and the names in it mean the same objects.

    Parameters
    ----------
    **options
        Options of `numba.njit`.

    Examples
    --------
    >>> first, second = {}, {}
    >>> for module in (first, second):
    ...     exec("def twice(x):\\n    return 2 * x", module)
    >>> shared(nogil=True)(first["twice"]) is shared(nogil=True)(second["twice"])
    True
    """
    compiled = njit(**options)
    chosen = tuple(sorted(options.items()))

    def decorate(function: FunctionType) -> Any:
        code = function.__code__.replace(co_filename="", co_firstlineno=1, co_linetable=b"")
        names = {name: function.__globals__[name] for name in code.co_names if name in function.__globals__}
        key = code, tuple((name, id(value)) for name, value in names.items()), chosen
        with _guard:
            helper = _helpers.get(key)
            if helper is None:
                # Only the names it uses: the module's own globals would keep its kernel in memory. They also keep what `id`
                # stands for in the key alive.
                bare = FunctionType(function.__code__, {"__name__": __name__, **names}, function.__name__, function.__defaults__)
                helper = _helpers[key] = compiled(bare)
                if len(_helpers) > CAPACITY:
                    _helpers.popitem(last=False)
            _helpers.move_to_end(key)
        return helper

    return decorate
