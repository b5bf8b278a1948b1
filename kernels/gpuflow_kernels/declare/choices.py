"""Check arguments that are one of a few words, or truth values."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

import numpy as np
from gpuflow_kernels.errors import DTypeError


def is_one_of(value: Any, choices: Container[str]) -> bool:
    """Return True if `value` is one of some words; False for all that is no word, arrays and unhashable values included.

    Examples
    --------
    >>> is_one_of("ms", {"s": 1, "ms": 1000}), is_one_of(["ms"], {"ms": 1000})
    (True, False)
    """
    return isinstance(value, str) and value in choices


def checked_flag(value: Any, name: str, error: type[Exception] = DTypeError) -> bool:
    """Return an argument that is True or False.

    Raises
    ------
    error
        For anything else, numbers and arrays included.

    Examples
    --------
    >>> checked_flag(True, "named=")
    True
    """
    if not isinstance(value, (bool, np.bool_)):
        raise error(f"{name}{value!r:.60} is neither True nor False")
    return bool(value)
