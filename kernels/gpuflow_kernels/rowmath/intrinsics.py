"""The primitive functions of row bodies: their definitions in Python, and the imports that define them for each compiler.

The Python functions define the semantics: typed NumPy scalars in, typed NumPy scalars out, integers wrap around, floats follow
IEEE 754, nothing raises. NumPy warns of wrap-around and division by zero, so uncompiled bodies run under
``np.errstate(all="ignore")``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

nan, inf, pi = float("nan"), float("inf"), 3.141592653589793


def _caster(kind: Any) -> Callable[[Any], Any]:
    def cast(x: Any) -> Any:
        return x if type(x) is kind else np.asarray(x).astype(kind)[()]

    cast.__name__ = cast.__qualname__ = kind.__name__
    return cast


# NumPy's own constructors raise for NaN and for values out of range; casts in kernels do neither.
int64, uint64, float32, float64, bool_, uint8 = (
    _caster(t) for t in (np.int64, np.uint64, np.float32, np.float64, np.bool_, np.uint8)
)

exp, expm1, log, log2, log10, log1p = np.exp, np.expm1, np.log, np.log2, np.log10, np.log1p
sqrt, cbrt = np.sqrt, np.cbrt
sin, cos, tan, asin, acos, atan = np.sin, np.cos, np.tan, np.arcsin, np.arccos, np.arctan
atan2, sinh, cosh, tanh = np.arctan2, np.sinh, np.cosh, np.tanh
floor, ceil, trunc, rint = np.floor, np.ceil, np.trunc, np.rint
isnan, isinf, isfinite = np.isnan, np.isinf, np.isfinite
hypot, copysign = np.hypot, np.copysign


def pow(x: Any, y: Any) -> Any:
    """Raise ``x`` to the power ``y`` in floating point, also for integer arguments."""
    power = np.float_power(x, y)  # np.power of scalars takes a square root for 0.5, which is NaN for minus infinity
    return np.float32(power) if type(x) is type(y) is np.float32 else power


def fmod(x: Any, y: Any) -> Any:
    """The remainder of ``x / y`` truncated towards zero; NaN for ``y == 0``."""
    return np.fmod(x * 1.0, y * 1.0)


def float_to_bits(x: Any) -> Any:
    """The 64 bits of a float64 as an int64, untouched (see `float_bits` for hashing)."""
    return np.float64(x).view(np.int64)


def float_from_bits(x: Any) -> Any:
    """The float64 with these 64 bits."""
    return np.int64(x).view(np.float64)


_MATH = ("exp expm1 log log2 log10 log1p sqrt sin cos tan asin acos atan atan2 sinh cosh tanh "
         "isnan isinf isfinite pow copysign hypot").split()  # fmt: skip
_NUMPY = "floor ceil trunc rint cbrt fmod".split()
_TYPES = "int64 uint64 float32 float64 bool_ uint8".split()

CPU: dict[str, str] = {
    **{n: f"from numpy import {n}" for n in _TYPES + _NUMPY},
    **{n: f"from math import {n}" for n in _MATH},
    "float_to_bits": "@device\ndef float_to_bits(x):\n    return np.float64(x).view(np.int64)",
    "float_from_bits": "@device\ndef float_from_bits(x):\n    return np.int64(x).view(np.float64)",
    "nan": "nan = float('nan')",
    "inf": "inf = float('inf')",
    "pi": f"pi = {pi!r}",
}
"""Text that defines each name in a module for the CPU compiler."""

CUDA: dict[str, str] = {
    **CPU,
    **{n: f"{n} = libdevice.{n}" for n in [*_NUMPY, "log2", "hypot"]},
    "float_to_bits": "float_to_bits = libdevice.double_as_longlong",
    "float_from_bits": "float_from_bits = libdevice.longlong_as_double",
}
"""Text that defines each name in a module for the CUDA compiler.

numba-cuda has no scalar NumPy functions, and `math.floor` returns an integer, so these come from libdevice (of float64)."""

HEADERS = {"np.": "import numpy as np", "libdevice.": "from numba.cuda import libdevice"}
"""Imports that the definitions above need, by the name that they use."""
