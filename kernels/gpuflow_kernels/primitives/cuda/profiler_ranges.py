"""Named ranges in NVIDIA's profilers, so that a timeline shows operators."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from types import TracebackType
from typing import Any

_NOTHING: AbstractContextManager[None] = nullcontext()


def marked(name: str, enabled: bool) -> AbstractContextManager[None]:
    """Mark a range called `name` around a block, if `enabled` and if NVTX is installed."""
    return _Range(name) if enabled and _functions() is not None else _NOTHING


@cache
def _functions() -> tuple[Callable[[str], Any], Callable[[], Any]] | None:
    """Return the functions (begin, end) of the package nvtx, or of CuPy."""
    try:
        import nvtx

        return nvtx.push_range, nvtx.pop_range
    except ImportError:
        pass
    try:
        from cupy.cuda import nvtx as cupy_nvtx

        return cupy_nvtx.RangePush, cupy_nvtx.RangePop
    except (ImportError, AttributeError):
        return None


class _Range:
    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        functions = _functions()
        assert functions is not None
        functions[0](self.name)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        functions = _functions()
        assert functions is not None
        functions[1]()
