"""The numbers of a kernel's text as Numba's compiler has them.

64-bit integers, floats and truth values are NumPy scalars. A narrower integer keeps its width only until it is computed
with: Numba widens every integer operation to 64 bits, and the result is unsigned only if both operands are. NumPy would
stay at 32 bits, and so hide a missing cast. int64 and uint64 are left to NumPy, which makes a float64 of the two: texts
never mix them, and the float is refused as an index.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

MASK = (1 << 64) - 1
CACHED = 1 << 15


def signed64(value: int) -> Any:
    value &= MASK
    return np.int64(value - (1 << 64) if value >> 63 else value)


def unsigned64(value: int) -> Any:
    return np.uint64(value & MASK)


class Int32(np.int64):
    bits = 32


class Int16(np.int64):
    bits = 16


class Int8(np.int64):
    bits = 8


class UInt32(np.uint64):
    """An unsigned number below 64 bits. With a signed one it gives an int64, as in Numba and unlike in NumPy."""

    bits = 32
    __array_ufunc__ = None  # NumPy's scalars leave operators with it to this class


class UInt16(UInt32):
    bits = 16


class UInt8(UInt32):
    bits = 8


COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
OPERATORS = ("add", "sub", "mul", "floordiv", "mod", "and_", "or_", "xor", "lshift", "rshift")


def _operator(name: str, swapped: bool) -> Callable[[Any, Any], Any]:
    function = getattr(operator, name)

    def apply(self: Any, other: Any) -> Any:
        if not isinstance(other, (int, np.integer)):
            mine = np.float64(int(self)) if isinstance(other, (float, np.floating)) else np.uint64(self)
            return function(other, mine) if swapped else function(mine, other)
        a, b = int(self), int(other)
        value = function(b, a) if swapped else function(a, b)
        if name in COMPARISONS:
            return np.bool_(value)
        both = isinstance(other, np.unsignedinteger) or name in ("lshift", "rshift")
        return unsigned64(value) if both else signed64(value)

    return apply


for _name in COMPARISONS:
    setattr(UInt32, f"__{_name}__", _operator(_name, False))
for _name in OPERATORS:
    setattr(UInt32, f"__{_name.rstrip('_')}__", _operator(_name, False))
    setattr(UInt32, f"__r{_name.rstrip('_')}__", _operator(_name, True))
UInt32.__truediv__ = lambda self, other: np.float64(int(self)) / other  # type: ignore[method-assign]
UInt32.__rtruediv__ = lambda self, other: other / np.float64(int(self))  # type: ignore[method-assign]
UInt32.__invert__ = lambda self: unsigned64(~int(self))  # type: ignore[method-assign]
UInt32.__neg__ = lambda self: unsigned64(-int(self))  # type: ignore[method-assign]
UInt32.__hash__ = np.uint64.__hash__  # type: ignore[method-assign]


def _narrow(kind: Any) -> Callable[[int], Any]:
    """The numbers of a narrow type by their value; those used before are kept, for making one is slow."""
    made: dict[int, Any] = {}

    def number(value: int) -> Any:
        number = made.get(value)
        if number is None:
            number = kind(value)
            if len(made) < CACHED:
                made[value] = number
        return number

    return number


NARROW = {k.__name__.lower(): _narrow(k) for k in (Int8, Int16, Int32, UInt8, UInt16, UInt32)}
"""By the name of a dtype, what makes the number of a Python integer that fits it."""

int32_of, uint32_of = NARROW["int32"], NARROW["uint32"]


def _wide_caster(name: str) -> Callable[[Any], Any]:
    kind = np.dtype(name).type
    one = np.empty(1, dtype=name)  # storing into an array casts as C does, and is far faster than astype

    def cast(x: Any) -> Any:
        if type(x) is kind:
            return x
        try:
            one[0] = x
        except OverflowError:
            if not isinstance(x, (int, np.integer)):
                return np.asarray(x).astype(name)[()]
            return unsigned64(int(x)) if name == "uint64" else signed64(int(x))
        return one[0]

    cast.__name__ = cast.__qualname__ = "bool_" if name == "bool" else name
    return cast


def _narrow_caster(name: str) -> Callable[[Any], Any]:
    number, bits, signed = NARROW[name], np.dtype(name).itemsize * 8, not name.startswith("u")
    mask, half = (1 << bits) - 1, 1 << (bits - 1)

    def cast(x: Any) -> Any:
        if not isinstance(x, (int, np.integer)):
            x = np.asarray(x).astype(name)
        value = int(x) & mask
        return number(value - mask - 1 if signed and value >= half else value)

    cast.__name__ = cast.__qualname__ = name
    return cast


CASTS: dict[str, Callable[[Any], Any]] = {
    **{n: _narrow_caster(n) for n in NARROW},
    **{n: _wide_caster(n) for n in ("int64", "uint64", "float32", "float64")},
    "bool_": _wide_caster("bool"),
}
"""The types by the names that texts call them by."""


def dtype_of(kind: Any) -> Any:
    """The dtype that a text means by one of `CASTS`."""
    return np.dtype(getattr(kind, "__name__", kind))


def width(x: Any) -> int:
    return int(getattr(x, "bits", 64))


def _like(x: Any, value: int) -> Any:
    kind = type(x).__name__.lower()
    return NARROW[kind](value) if kind in NARROW else np.uint64(value) if kind == "uint64" else np.int64(value)


def popc(x: Any) -> Any:
    """How many bits are set, in the width of `x`."""
    return _like(x, (int(x) & ((1 << width(x)) - 1)).bit_count())


def ffs(x: Any) -> Any:
    """The number of the lowest set bit, counted from 1; 0 if there is none."""
    value = int(x)
    return uint32_of((value & -value).bit_length())


def clz(x: Any) -> Any:
    """How many of the highest bits are clear, in the width of `x`."""
    bits = width(x)
    return _like(x, bits - (int(x) & ((1 << bits) - 1)).bit_length())
