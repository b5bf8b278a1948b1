"""The built-in aggregations of ranks: quantiles, of the sorted values of a group."""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.declare.aggregate import aggregation
from gpuflow_kernels.declare.parameters import Parameter
from gpuflow_kernels.declare.scalar import Signature
from gpuflow_kernels.declare.type_rules import Types, numeric
from gpuflow_kernels.dtypes import FLOAT64
from gpuflow_kernels.rowmath import ceil, float64, floor, int64, uint64

_MODES = ("nearest", "lower", "higher", "midpoint", "linear")
"""How a rank between two values is taken; bodies get the number."""
_PARAMETERS = {"q": Parameter(float, least=0, most=1), "interpolation": Parameter(str, "nearest", choices=_MODES)}


def _numbers(args: Types, params: Any) -> Signature | None:
    if args[0].is_decimal:
        return Signature((FLOAT64,), FLOAT64, (_MODES.index(params["interpolation"]),))
    if not numeric(args[0]):
        return None
    return Signature(args, args[0] if args[0].is_float else FLOAT64, (_MODES.index(params["interpolation"]),))


def _moments(args: Types, params: Any) -> Signature | None:
    """Times, in whole ticks; between two dates there is no date."""
    between = params["interpolation"] in ("midpoint", "linear")
    if not args[0].is_temporal or (between and args[0].kind == "date"):
        return None
    return Signature(args, args[0], (_MODES.index(params["interpolation"]),))


def _middle(rule: Any) -> Any:
    """The type rule of a median: of a quantile in the middle, between two values."""

    def middle(args: Types, params: Any = None) -> Signature | None:
        signature = rule(args, {"interpolation": "linear"})
        return None if signature is None else Signature(signature.args, signature.result, (0.5, *signature.constants))

    return middle


class _Numbers:
    @staticmethod
    def segment(begin: Any, end: Any, q: Any, mode: Any, values: Any) -> Any:
        if end <= begin:
            return 0.0, False
        rank = float64(end - begin - 1) * q
        below, above = int64(floor(rank)), int64(ceil(rank))
        if mode == 0:
            below = int64(floor(rank + 0.5))
        if mode == 2:
            below = above
        low = float64(values[uint64(begin + below)])
        if mode <= 2:
            return low, True
        high = float64(values[uint64(begin + above)])
        if low == high or above == below:
            return low, True
        if mode == 3:
            return (low + high) / 2.0, True
        return (rank - float64(below)) * (high - low) + low, True


class _Moments:
    @staticmethod
    def segment(begin: Any, end: Any, q: Any, mode: Any, values: Any) -> Any:
        if end <= begin:
            return int64(0), False
        rank = float64(end - begin - 1) * q
        below, above = int64(floor(rank)), int64(ceil(rank))
        if mode == 0:
            below = int64(floor(rank + 0.5))
        if mode == 2:
            below = above
        low = int64(values[uint64(begin + below)])
        if mode <= 2:
            return low, True
        share = 0.5 if mode == 3 else rank - float64(below)
        return low + int64(float64(int64(values[uint64(begin + above)]) - low) * share), True


@aggregation(name="quantile", dtype=_numbers, parameters=_PARAMETERS)
class _Quantile(_Numbers):
    """Return the value below which a part `q` of the values lies; null for no values. Nulls are skipped, NaN is the greatest.

    The part `q` is a number from 0 to 1. `interpolation` says what is taken where that is between two values: one of both,
    the middle, or what lies there on the line between them. Integers and decimals give float64; dates have no value between
    two. All rows are sorted.

    Examples
    --------
    >>> import gpuflow as gf
    >>> frame = gf.from_dict({"x": [1, 2, 3, 10, None]})
    >>> frame.select(a=gf.col("x").quantile(0.5), b=gf.col("x").quantile(0.5, "linear")).collect().to_dict()
    {'a': [3.0], 'b': [2.5]}
    """


@aggregation(name="quantile", dtype=_moments)
class _QuantileOfMoments(_Moments):
    pass


@aggregation(name="median", dtype=_middle(_numbers))
class _Median(_Numbers):
    """Return the value in the middle, or halfway between two; null for no values. Nulls are skipped, NaN is the greatest.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [1, 2, 3, 10, None]}).select(gf.col("x").median()).collect().to_dict()
    {'x': [2.5]}
    """


@aggregation(name="median", dtype=_middle(_moments))
class _MedianOfMoments(_Moments):
    pass
