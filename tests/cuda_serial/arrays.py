"""Arrays that keep to their side: NumPy arrays behind a wall, as CuPy's are. A host array among them, or one of them
among host arrays, is a TypeError, although there is no device to be on."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


class DeviceArray:
    """One array "on the device". Operators and methods answer with device arrays, reductions with 0-d ones."""

    __array_ufunc__ = None  # NumPy scalars and arrays leave operators to this class
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, host: Any) -> None:
        self.host = host if isinstance(host, np.ndarray) else np.asarray(host)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("implicit conversion of a device array to NumPy")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what NumPy would get at the host array by
            raise AttributeError(name)
        found = getattr(self.host, name)
        return _guarded(found) if callable(found) else found

    def get(self) -> Any:
        return self.host.copy()

    def tolist(self) -> Any:
        return self.host.tolist()

    def item(self) -> Any:
        return self.host.item()

    @property
    def nbytes(self) -> int:
        return int(self.host.nbytes)

    def __getitem__(self, index: Any) -> Any:
        return DeviceArray(self.host[_inside(index)])

    def __setitem__(self, index: Any, value: Any) -> None:
        self.host[_inside(index)] = _inside(value)

    def __len__(self) -> int:
        return len(self.host)

    def __iter__(self) -> Iterator[Any]:
        return (DeviceArray(x) for x in self.host)

    def __bool__(self) -> bool:
        return bool(self.host)

    def __int__(self) -> int:
        return int(self.host)

    def __float__(self) -> float:
        return float(self.host)

    __index__ = __int__

    def __invert__(self) -> Any:
        return DeviceArray(~self.host)

    def __neg__(self) -> Any:
        return DeviceArray(-self.host)

    def __repr__(self) -> str:
        return f"DeviceArray({self.host!r})"


def _operator(name: str, swapped: bool) -> Callable[[DeviceArray, Any], Any]:
    function = getattr(operator, name)

    def apply(self: DeviceArray, other: Any) -> Any:
        a, b = self.host, _inside(other)
        return DeviceArray(function(b, a) if swapped else function(a, b))

    return apply


for _name in ("add", "sub", "mul", "floordiv", "mod", "and_", "or_", "xor", "lshift", "rshift", "truediv"):
    _method = _name.rstrip("_")
    setattr(DeviceArray, f"__{_method}__", _operator(_name, False))
    setattr(DeviceArray, f"__r{_method}__", _operator(_name, True))
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(DeviceArray, f"__{_name}__", _operator(_name, False))


def _inside(value: Any) -> Any:
    """What NumPy computes with in place of `value`; host arrays are refused."""
    if isinstance(value, DeviceArray):
        return value.host
    if isinstance(value, np.ndarray):
        raise TypeError("a host array meets a device array")
    if isinstance(value, (list, tuple)):
        return type(value)(_inside(v) for v in value)
    return value


def _outside(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        return DeviceArray(value)
    return type(value)(_outside(v) for v in value) if isinstance(value, (list, tuple)) else value


def _guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        if function.__name__ == "argsort" and kwargs.get("kind") not in (None, "stable"):
            raise ValueError("CuPy sorts stably, and knows no other kind")
        return _outside(function(*(_inside(a) for a in args), **{k: _inside(v) for k, v in kwargs.items()}))

    return call


class ArrayModule:
    """NumPy's functions over device arrays; `asarray` and `array` are the way in."""

    ndarray = DeviceArray

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        return found if isinstance(found, type) or not callable(found) else _guarded(found)

    @staticmethod
    def asarray(value: Any, dtype: Any = None) -> DeviceArray:
        if isinstance(value, DeviceArray) and (dtype is None or value.dtype == dtype):
            return value
        host = value.host if isinstance(value, DeviceArray) else value
        return DeviceArray(np.array(host, dtype=dtype))

    array = asarray

    @staticmethod
    def asnumpy(value: Any) -> Any:
        return value.get() if isinstance(value, DeviceArray) else np.asarray(value)


# The module of a device array is found by its type's, as for CuPy.
DeviceArray.__module__ = "stand_in_for_cupy"
sys.modules[DeviceArray.__module__] = ArrayModule()  # type: ignore[assignment]
