"""Type rules of text functions: strings and whole numbers in, parameters turned into constants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gpuflow_kernels.dtypes import INT64, NULL, STRING, DType

from .scalar import Signature
from .type_rules import Parameters, ScalarRule, Types

Chosen = Callable[[Parameters], "tuple[Any, ...] | None"]
"""From the parameters of a call to the constants of a body, or None where they ask for another overload."""

WHITE_SPACE = "".join(
    map(chr, (*range(9, 14), 32, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000))
)
"""The characters that Unicode calls white space."""


NO_VALUE = "meets a string that means no value of its type (strict=False gives null there)"
"""What an error says of text that cannot be read."""


def takes(*kinds: str, result: DType, chosen: Chosen | None = None) -> ScalarRule:
    """Accept these arguments, each ``"string"`` or ``"integer"`` (of any width, computed in int64), for some parameters.

    >>> from gpuflow_kernels.dtypes import INT8
    >>> takes("string", "integer", result=STRING)((STRING, INT8), {}).args
    (string, int64)
    """
    types = tuple({"string": STRING, "integer": INT64}[k] for k in kinds)

    def fits(given: DType, own: DType) -> bool:
        return given in (own, NULL) or (own == INT64 and given.is_integer)

    def rule(args: Types, params: Parameters | None = None) -> Signature | None:
        if len(args) != len(types) or not all(map(fits, args, types)):
            return None
        constants = chosen(params or {}) if chosen else ()
        return None if constants is None else Signature(types, result, constants)

    return rule


def literal(params: Parameters) -> tuple[()] | None:
    """For patterns that stand for themselves."""
    return () if _flag(params, "literal") else None


def pattern(*names: str) -> Chosen:
    """For patterns that are regular expressions; these parameters are constants of the host function."""

    def chosen(params: Parameters) -> tuple[Any, ...] | None:
        return None if _flag(params, "literal") else tuple(params[n] for n in names)

    return chosen


def whole(params: Parameters, name: str, least: int, most: int = 1 << 31) -> int:
    """A parameter that is a whole number within bounds."""
    value = params[name]
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{name}={value!r} is not a whole number from {least} to {most}")
    return value


def _flag(params: Parameters, name: str) -> bool:
    value = params.get(name, False)
    if not isinstance(value, bool):
        raise ValueError(f"{name}={value!r} is neither True nor False")
    return value
