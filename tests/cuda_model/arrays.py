"""Arrays on the device's side of a wall, as CuPy's are, by delegation to NumPy.

A host array among them, or one of them among host arrays, is a TypeError. Arrays from ``empty`` hold rubbish, and know
which elements have been written since: a kernel, or a function that computes over whole arrays, may not read the others;
copying, slicing, gathering and elementwise arithmetic pass on what is unknown.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from .faults import Fault
from .memory import rubbish


class DeviceArray:
    """One array "on the device". Operators and methods answer with device arrays, reductions with 0-d ones."""

    __array_ufunc__ = None  # NumPy scalars and arrays leave operators to this class
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, host: Any, known: Any = None) -> None:
        self.host = host if isinstance(host, np.ndarray) else np.asarray(host)
        self.known = known  # None, or for each element whether it has been written; shared by views

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("implicit conversion of a device array to NumPy")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what NumPy would get at the host array by
            raise AttributeError(name)
        found = getattr(self.host, name)
        return guarded(found, self) if callable(found) else found

    # -- what is known -------------------------------------------------------------------------------------------------
    def read(self, what: str) -> Any:
        """The host array; all of it must have been written."""
        if self.known is not None and not np.all(self.known):
            k = int(np.flatnonzero(~np.asarray(self.known).ravel())[0])
            raise Fault("unwritten", what, (), f"element {k} of {self.host.size} holds nothing yet")
        return self.host

    def root(self) -> tuple[Any, int]:
        """The array that owns the memory, and how many bytes of it come before this one."""
        owner = self.host
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        return owner, _address(self.host) - _address(owner)

    # -- to the host ---------------------------------------------------------------------------------------------------
    def get(self) -> Any:
        return self.host.copy()

    def tolist(self) -> Any:
        return self.host.tolist()

    def item(self) -> Any:
        return self.read("item").item()

    def __len__(self) -> int:
        return len(self.host)

    def __iter__(self) -> Iterator[Any]:
        return (self[k] for k in range(len(self.host)))

    def __bool__(self) -> bool:
        return bool(self.read("bool"))

    def __int__(self) -> int:
        return int(self.read("int"))

    def __float__(self) -> float:
        return float(self.read("float"))

    __index__ = __int__

    def __repr__(self) -> str:
        return f"DeviceArray({self.host!r})"

    # -- the same elements elsewhere -----------------------------------------------------------------------------------
    @property
    def nbytes(self) -> int:
        return int(self.host.nbytes)

    @property
    def data(self) -> Any:
        return SimpleNamespace(ptr=_address(self.host), mem=None)

    @property
    def T(self) -> DeviceArray:
        return self._moved(lambda a: a.T)

    def _moved(self, move: Callable[[Any], Any]) -> DeviceArray:
        return DeviceArray(move(self.host), None if self.known is None else move(self.known))

    def __getitem__(self, index: Any) -> DeviceArray:
        index = _inside(index, "an index")
        return self._moved(lambda a: a[index])

    def __setitem__(self, index: Any, value: Any) -> None:
        index = _inside(index, "an index")
        if self.known is not None:
            self.known[index] = True if not isinstance(value, DeviceArray) or value.known is None else value.known
        elif isinstance(value, DeviceArray):
            value.read("assignment")
        self.host[index] = value.host if isinstance(value, DeviceArray) else _inside(value, "assignment")

    def fill(self, value: Any) -> None:
        self[...] = value

    def copy(self) -> DeviceArray:
        return self._moved(np.copy)

    def ravel(self) -> DeviceArray:
        return self._moved(np.ravel)

    def reshape(self, *shape: Any) -> DeviceArray:
        return self._moved(lambda a: a.reshape(*shape))

    def take(self, indices: Any) -> DeviceArray:
        return self[indices]

    def astype(self, dtype: Any, copy: bool = True) -> DeviceArray:
        if not copy and self.host.dtype == dtype:
            return self
        with np.errstate(all="ignore"):
            return DeviceArray(self.host.astype(dtype), None if self.known is None else self.known.copy())

    def view(self, dtype: Any) -> DeviceArray:
        if np.dtype(dtype).itemsize == self.host.dtype.itemsize or self.known is None:
            return DeviceArray(self.host.view(dtype), self.known)
        return DeviceArray(self.read("view of another width").view(dtype))

    def __invert__(self) -> Any:
        return self._moved_values(~self.host)

    def __neg__(self) -> Any:
        return self._moved_values(-self.host)

    def __abs__(self) -> Any:
        return self._moved_values(abs(self.host))

    def _moved_values(self, values: Any) -> DeviceArray:
        return DeviceArray(values, None if self.known is None else self.known.copy())


def _address(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


def _operator(name: str, swapped: bool) -> Callable[[DeviceArray, Any], Any]:
    function = getattr(operator, name)

    def apply(self: DeviceArray, other: Any) -> Any:
        a, b = self.host, other.host if isinstance(other, DeviceArray) else _inside(other, name)
        return DeviceArray(function(b, a) if swapped else function(a, b), _known_together((self, other)))

    return apply


def _in_place(name: str) -> Callable[[DeviceArray, Any], DeviceArray]:
    function = getattr(operator, f"i{name}")

    def apply(self: DeviceArray, other: Any) -> DeviceArray:
        function(self.read(name), _inside(other, name))
        return self

    return apply


for _name in ("add", "sub", "mul", "floordiv", "mod", "and_", "or_", "xor", "lshift", "rshift", "truediv"):
    _method = _name.rstrip("_")
    setattr(DeviceArray, f"__{_method}__", _operator(_name, False))
    setattr(DeviceArray, f"__r{_method}__", _operator(_name, True))
    setattr(DeviceArray, f"__i{_method}__", _in_place(_method))
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(DeviceArray, f"__{_name}__", _operator(_name, False))


def _known_together(values: Any) -> Any:
    """Which elements are known of what is computed from these, element by element."""
    masks = [v.known for v in values if isinstance(v, DeviceArray) and v.known is not None and not np.all(v.known)]
    if not masks:
        return None
    shapes = [v.host.shape for v in values if isinstance(v, DeviceArray)]
    return np.logical_and.reduce([np.broadcast_to(m, np.broadcast_shapes(*shapes)) for m in masks])


def _inside(value: Any, what: str) -> Any:
    """What NumPy computes with in place of `value`; host arrays and what is not written are refused."""
    if isinstance(value, DeviceArray):
        return value.read(what)
    if isinstance(value, np.ndarray):
        raise TypeError(f"a host array meets a device array in {what}")
    if isinstance(value, (list, tuple)):
        return type(value)(_inside(v, what) for v in value)
    return value


def _outside(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        return DeviceArray(value)
    return type(value)(_outside(v) for v in value) if isinstance(value, (list, tuple)) else value


def guarded(function: Callable[..., Any], owner: DeviceArray | None = None) -> Callable[..., Any]:
    """A function of NumPy, or a method of `owner`, over device arrays."""
    name = function.__name__

    def call(*args: Any, **kwargs: Any) -> Any:
        if owner is not None:
            owner.read(name)
        if name == "argsort" and kwargs.get("kind") not in (None, "stable"):
            raise ValueError("CuPy sorts stably, and knows no other kind")
        if name in ("argsort", "sort"):
            kwargs["kind"] = "stable"
        out = kwargs.get("out")
        if isinstance(function, np.ufunc) and out is None:
            hosts = [a.host if isinstance(a, DeviceArray) else _inside(a, name) for a in args]
            with np.errstate(all="ignore"):
                result = function(*hosts, **kwargs)
            known = _known_together(args)
            return DeviceArray(result, known) if not isinstance(result, tuple) else _outside(result)
        rest = {k: v.host if k == "out" else _inside(v, name) for k, v in kwargs.items()}
        with np.errstate(all="ignore"):
            result = function(*(_inside(a, name) for a in args), **rest)
        if isinstance(out, DeviceArray):
            if out.known is not None:
                out.known[...] = True
            return out
        return _outside(result)

    return call


class ArrayModule:
    """NumPy's functions over device arrays; `asarray` and `array` are the way in."""

    ndarray = DeviceArray

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        return found if isinstance(found, type) or not callable(found) else guarded(found)

    @staticmethod
    def asarray(value: Any, dtype: Any = None) -> DeviceArray:
        if isinstance(value, DeviceArray):
            return value if dtype is None or value.dtype == dtype else value.astype(dtype)
        return DeviceArray(np.array(value, dtype=dtype))

    array = asarray

    @staticmethod
    def asnumpy(value: Any) -> Any:
        return value.get() if isinstance(value, DeviceArray) else np.asarray(value)

    @staticmethod
    def empty(shape: Any, dtype: Any = "float64") -> DeviceArray:
        return DeviceArray(rubbish(shape, dtype), np.zeros(shape, dtype=bool))

    def empty_like(self, array: DeviceArray, dtype: Any = None) -> DeviceArray:
        return self.empty(array.host.shape, dtype or array.host.dtype)

    @staticmethod
    def ascontiguousarray(array: DeviceArray, dtype: Any = None) -> DeviceArray:
        array = ArrayModule.asarray(array, dtype)
        return array if array.host.flags.c_contiguous else array.copy()

    @staticmethod
    def where(condition: DeviceArray, *values: Any) -> Any:
        if not values:
            return _outside(np.where(condition.read("where")))
        hosts = [v.host if isinstance(v, DeviceArray) else _inside(v, "where") for v in values]
        masks = [v.known if isinstance(v, DeviceArray) and v.known is not None else True for v in values]
        chosen = condition.read("where")
        known = None if all(m is True for m in masks) else np.where(chosen, *masks)
        return DeviceArray(np.where(chosen, *hosts), known)

    @staticmethod
    def concatenate(arrays: Any) -> DeviceArray:
        for a in arrays:
            if not isinstance(a, DeviceArray):
                raise TypeError("a host array meets a device array in concatenate")
        masks = [np.ones(a.host.shape, bool) if a.known is None else a.known for a in arrays]
        return DeviceArray(np.concatenate([a.host for a in arrays]), np.concatenate(masks))

    @staticmethod
    def copyto(target: DeviceArray, value: Any) -> None:
        target[...] = value


# The module of a device array is found by its type's, as for CuPy.
DeviceArray.__module__ = "model_of_cupy"
sys.modules[DeviceArray.__module__] = ArrayModule()  # type: ignore[assignment]
