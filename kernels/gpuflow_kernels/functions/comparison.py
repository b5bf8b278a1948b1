"""Row functions that compare two values.

NaN equals itself and is greater than every number. int64 and uint64 compare as numbers. Strings and temporal values
compare by the integers that stand for them, those of two units as instants (`builtin_temporal_comparisons`).
"""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.declare.scalar import Signature, scalar
from gpuflow_kernels.declare.traits import Traits
from gpuflow_kernels.declare.type_rules import Parameters, Types, across_units, compared, floating, not_float, signed_with_uint64
from gpuflow_kernels.dtypes import BOOL
from gpuflow_kernels.rowmath import uint64

_any, _floats = compared(not_float), compared(floating)
_across = across_units(coarser_first=True), across_units(coarser_first=False)


def _plain(args: Types, params: Parameters | None = None) -> Signature | None:
    return None if any(rule(args) for rule in _across) else _any(args)


_signed_left = signed_with_uint64(BOOL, uint64_first=False)
_signed_right = signed_with_uint64(BOOL, uint64_first=True)


def _true_if(relations: set[str], selectivity: float = 1 / 3) -> Traits:
    return Traits(relations=frozenset(relations), selectivity=selectivity)


# -- equal ------------------------------------------------------------------------------------------------------------
@scalar(name="eq", operator="==", dtype=_plain, traits=_true_if({"equal"}, 0.1))
def _eq(x: Any, y: Any) -> Any:
    """Return whether both are the same value; NaN equals NaN.

    Examples
    --------
    >>> import gpuflow as gf
    >>> frame = gf.from_dict({"x": [1.0, float("nan"), None]})
    >>> frame.select(a=gf.col("x") == 1, b=gf.col("x") == float("nan")).collect().to_dict()
    {'a': [True, False, None], 'b': [False, True, None]}
    """
    return x == y


@scalar(name="eq", dtype=_floats)
def _eq_floats(x: Any, y: Any) -> Any:
    return (x == y) | ((x != x) & (y != y))


@scalar(name="eq", dtype=_signed_left)
def _eq_signed_left(x: Any, y: Any) -> Any:
    return (x >= 0) & (uint64(x) == y)


@scalar(name="eq", dtype=_signed_right)
def _eq_signed_right(x: Any, y: Any) -> Any:
    return (y >= 0) & (x == uint64(y))


@scalar(name="ne", operator="!=", dtype=_plain, traits=_true_if({"less", "greater"}, 0.9))
def _ne(x: Any, y: Any) -> Any:
    """Return whether the values differ; NaN does not differ from NaN.

    Examples
    --------
    >>> import gpuflow as gf
    >>> frame = gf.from_dict({"x": [1.0, float("nan"), None]})
    >>> frame.select(a=gf.col("x") != 1, b=gf.col("x") != float("nan")).collect().to_dict()
    {'a': [False, True, None], 'b': [True, False, None]}
    """
    return x != y


@scalar(name="ne", dtype=_floats)
def _ne_floats(x: Any, y: Any) -> Any:
    return (x != y) & ((x == x) | (y == y))


@scalar(name="ne", dtype=_signed_left)
def _ne_signed_left(x: Any, y: Any) -> Any:
    return (x < 0) | (uint64(x) != y)


@scalar(name="ne", dtype=_signed_right)
def _ne_signed_right(x: Any, y: Any) -> Any:
    return (y < 0) | (x != uint64(y))


# -- less -------------------------------------------------------------------------------------------------------------
@scalar(name="lt", operator="<", dtype=_plain, traits=_true_if({"less"}))
def _lt(x: Any, y: Any) -> Any:
    """Return whether the first is less; every number is less than NaN.

    Examples
    --------
    >>> import gpuflow as gf
    >>> frame = gf.from_dict({"x": [1.0, float("nan"), None]})
    >>> frame.select(a=gf.col("x") < 1, b=gf.col("x") < float("nan")).collect().to_dict()
    {'a': [False, False, None], 'b': [True, False, None]}
    """
    return x < y


@scalar(name="lt", dtype=_floats)
def _lt_floats(x: Any, y: Any) -> Any:
    return (x < y) | ((x == x) & (y != y))


@scalar(name="lt", dtype=_signed_left)
def _lt_signed_left(x: Any, y: Any) -> Any:
    return (x < 0) | (uint64(x) < y)


@scalar(name="lt", dtype=_signed_right)
def _lt_signed_right(x: Any, y: Any) -> Any:
    return (y >= 0) & (x < uint64(y))


@scalar(name="le", operator="<=", dtype=_plain, traits=_true_if({"less", "equal"}))
def _le(x: Any, y: Any) -> Any:
    """Return whether the first is less or equal; everything is, compared to NaN.

    Examples
    --------
    >>> import gpuflow as gf
    >>> frame = gf.from_dict({"x": [1.0, float("nan"), None]})
    >>> frame.select(a=gf.col("x") <= 1, b=gf.col("x") <= float("nan")).collect().to_dict()
    {'a': [True, False, None], 'b': [True, True, None]}
    """
    return x <= y


@scalar(name="le", dtype=_floats)
def _le_floats(x: Any, y: Any) -> Any:
    return (x <= y) | (y != y)


@scalar(name="le", dtype=_signed_left)
def _le_signed_left(x: Any, y: Any) -> Any:
    return (x < 0) | (uint64(x) <= y)


@scalar(name="le", dtype=_signed_right)
def _le_signed_right(x: Any, y: Any) -> Any:
    return (y >= 0) & (x <= uint64(y))


# -- greater ----------------------------------------------------------------------------------------------------------
@scalar(name="gt", operator=">", dtype=_plain, traits=_true_if({"greater"}))
def _gt(x: Any, y: Any) -> Any:
    """Return whether the first is greater; NaN is greater than every number.

    Examples
    --------
    >>> import gpuflow as gf
    >>> frame = gf.from_dict({"x": [1.0, float("nan"), None]})
    >>> frame.select(a=gf.col("x") > 1, b=gf.col("x") > float("nan")).collect().to_dict()
    {'a': [False, True, None], 'b': [False, False, None]}
    """
    return x > y


@scalar(name="gt", dtype=_floats)
def _gt_floats(x: Any, y: Any) -> Any:
    return (x > y) | ((x != x) & (y == y))


@scalar(name="gt", dtype=_signed_left)
def _gt_signed_left(x: Any, y: Any) -> Any:
    return (x >= 0) & (uint64(x) > y)


@scalar(name="gt", dtype=_signed_right)
def _gt_signed_right(x: Any, y: Any) -> Any:
    return (y < 0) | (x > uint64(y))


@scalar(name="ge", operator=">=", dtype=_plain, traits=_true_if({"equal", "greater"}))
def _ge(x: Any, y: Any) -> Any:
    """Return whether the first is greater or equal; NaN is, compared to everything.

    Examples
    --------
    >>> import gpuflow as gf
    >>> frame = gf.from_dict({"x": [1.0, float("nan"), None]})
    >>> frame.select(a=gf.col("x") >= 1, b=gf.col("x") >= float("nan")).collect().to_dict()
    {'a': [True, True, None], 'b': [False, True, None]}
    """
    return x >= y


@scalar(name="ge", dtype=_floats)
def _ge_floats(x: Any, y: Any) -> Any:
    return (x >= y) | (x != x)


@scalar(name="ge", dtype=_signed_left)
def _ge_signed_left(x: Any, y: Any) -> Any:
    return (x >= 0) & (uint64(x) >= y)


@scalar(name="ge", dtype=_signed_right)
def _ge_signed_right(x: Any, y: Any) -> Any:
    return (y < 0) | (x >= uint64(y))


# -- equal, null being a value ----------------------------------------------------------------------------------------
@scalar(name="eq_missing", dtype=_plain, null="custom")
def _eq_missing(x: Any, x_valid: Any, y: Any, y_valid: Any) -> Any:
    """Return whether both are the same value or both are null; never null.

    Examples
    --------
    >>> import gpuflow as gf
    >>> frame = gf.from_dict({"x": [1, 2, None], "y": [1, None, None]})
    >>> frame.select(gf.col("x").eq_missing(gf.col("y"))).collect().to_dict()
    {'x': [True, False, True]}
    """
    return (x_valid & y_valid & (x == y)) | ((not x_valid) & (not y_valid)), True


@scalar(name="eq_missing", dtype=_floats, null="custom")
def _eq_missing_floats(x: Any, x_valid: Any, y: Any, y_valid: Any) -> Any:
    return (x_valid & y_valid & ((x == y) | ((x != x) & (y != y)))) | ((not x_valid) & (not y_valid)), True


@scalar(name="ne_missing", dtype=_plain, null="custom")
def _ne_missing(x: Any, x_valid: Any, y: Any, y_valid: Any) -> Any:
    """Return whether the values differ or just one is null; never null.

    Examples
    --------
    >>> import gpuflow as gf
    >>> frame = gf.from_dict({"x": [1, 2, None], "y": [1, None, None]})
    >>> frame.select(gf.col("x").ne_missing(gf.col("y"))).collect().to_dict()
    {'x': [False, True, False]}
    """
    return (x_valid & y_valid & (x != y)) | (x_valid & (not y_valid)) | (y_valid & (not x_valid)), True


@scalar(name="ne_missing", dtype=_floats, null="custom")
def _ne_missing_floats(x: Any, x_valid: Any, y: Any, y_valid: Any) -> Any:
    differ = (x != y) & ((x == x) | (y == y))
    return (x_valid & y_valid & differ) | (x_valid & (not y_valid)) | (y_valid & (not x_valid)), True
