"""Row functions that choose between values: of any type, strings included."""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.declare.scalar import Signature, scalar
from gpuflow_kernels.declare.traits import Traits
from gpuflow_kernels.declare.type_rules import Parameters, Types, floating, meeting_type, not_float, same
from gpuflow_kernels.dtypes import BOOL, NULL

_plain, _floats = same(not_float), same(floating)
_BLIND = Traits(value_blind=True)


@scalar(name="fill_null", dtype=same(), null="custom", traits=_BLIND)
def _fill_null(x: Any, x_valid: Any, value: Any, value_valid: Any) -> Any:
    """Return the value, or another one where it is null.

    Examples
    --------
    >>> import gpuflow as gf
    >>> frame = gf.from_dict({"x": [1, None], "y": [2, 3]})
    >>> frame.select(a=gf.col("x").fill_null(0), b=gf.col("x").fill_null(gf.col("y"))).collect().to_dict()
    {'a': [1, 0], 'b': [1, 3]}
    """
    return x if x_valid else value, x_valid | value_valid


@scalar(name="coalesce", dtype=same(), null="custom", method=False, variadic=True, traits=_BLIND)
def _coalesce(x: Any, x_valid: Any, y: Any, y_valid: Any) -> Any:
    """Return the first value that is not null."""
    return x if x_valid else y, x_valid | y_valid


def _chosen(args: Types, params: Parameters | None = None) -> Signature | None:
    condition, *sides = args
    meeting = meeting_type(tuple(sides))
    if condition not in (BOOL, NULL) or meeting is None:
        return None
    return Signature((BOOL, meeting, meeting), meeting)


@scalar(name="when", dtype=_chosen, null="custom", method=False, branch=True, traits=_BLIND)
def _when(condition: Any, condition_valid: Any, x: Any, x_valid: Any, y: Any, y_valid: Any) -> Any:
    """Return the second argument where the condition is true, else (false or null) the third."""
    return x if condition_valid & condition else y, x_valid if condition_valid & condition else y_valid


@scalar(name="clip", dtype=same(), null="custom")
def _clip(x: Any, x_valid: Any, lower: Any, lower_valid: Any, upper: Any, upper_valid: Any) -> Any:
    """Return the value, or the bound that it lies beyond. A null or NaN bound is no bound; NaN stays NaN.

    Examples
    --------
    >>> import gpuflow as gf
    >>> frame = gf.from_dict({"x": [-5, 5, 50, None]})
    >>> frame.select(a=gf.col("x").clip(0, 10), b=gf.col("x").clip(0, None)).collect().to_dict()
    {'a': [0, 5, 10, None], 'b': [0, 5, 50, None]}
    """
    return lower if lower_valid & (x < lower) else (upper if upper_valid & (x > upper) else x), x_valid


@scalar(name="min_horizontal", dtype=_plain, null="custom", method=False, variadic=True)
def _min_horizontal(x: Any, x_valid: Any, y: Any, y_valid: Any) -> Any:
    """Return the least of several values in a row. Nulls are skipped, and NaN unless there is nothing else."""
    return x if (not y_valid) | (x_valid & (x <= y)) else y, x_valid | y_valid


@scalar(name="min_horizontal", dtype=_floats, null="custom")
def _min_horizontal_floats(x: Any, x_valid: Any, y: Any, y_valid: Any) -> Any:
    return x if (not y_valid) | (x_valid & ((x <= y) | (y != y))) else y, x_valid | y_valid


@scalar(name="max_horizontal", dtype=_plain, null="custom", method=False, variadic=True)
def _max_horizontal(x: Any, x_valid: Any, y: Any, y_valid: Any) -> Any:
    """Return the greatest of several values in a row. Nulls are skipped, and NaN unless there is nothing else."""
    return x if (not y_valid) | (x_valid & (x >= y)) else y, x_valid | y_valid


@scalar(name="max_horizontal", dtype=_floats, null="custom")
def _max_horizontal_floats(x: Any, x_valid: Any, y: Any, y_valid: Any) -> Any:
    return x if (not y_valid) | (x_valid & ((x >= y) | (y != y))) else y, x_valid | y_valid
