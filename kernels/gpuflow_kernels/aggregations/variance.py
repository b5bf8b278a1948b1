"""The built-in aggregations of spread: variance and standard deviation."""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.declare.aggregate import Slot, aggregation
from gpuflow_kernels.declare.parameters import Parameter
from gpuflow_kernels.declare.scalar import Signature
from gpuflow_kernels.declare.type_rules import Types, numeric
from gpuflow_kernels.dtypes import FLOAT64, INT64
from gpuflow_kernels.rowmath import float64, sqrt

_DDOF = {"ddof": Parameter(int, 1, least=0, most=(1 << 31) - 1)}
_MOMENTS = (Slot(INT64, 0, counts=True), Slot(FLOAT64, 0.0), Slot(FLOAT64, 0.0))


def _spread(args: Types, params: Any = None) -> Signature | None:
    if args[0].is_decimal:
        return Signature((FLOAT64,), FLOAT64)
    if not numeric(args[0]):
        return None
    return Signature(args, args[0] if args[0].is_float else FLOAT64)


class _Deviations:
    """Counts, means and squared deviations, combined as by Chan, Golub and LeVeque [1]_.

    References
    ----------
    .. [1] T. Chan, G. Golub, R. LeVeque, "Algorithms for computing the sample variance", The American Statistician 37
       (1983).
    """

    @staticmethod
    def lift(x: Any) -> Any:
        # an infinite value has no distance from any mean: its deviation is NaN, in whatever order values are combined
        return 1, float64(x), float64(x) - float64(x)

    @staticmethod
    def combine(count: Any, mean: Any, squares: Any, other_count: Any, other_mean: Any, other_squares: Any) -> Any:
        total = count + other_count
        share = float64(other_count) / float64(total if total > 0 else 1)
        apart = other_mean - mean
        return total, mean + apart * share, squares + other_squares + apart * (apart * (float64(count) * share))


@aggregation(name="var", dtype=_spread, slots=_MOMENTS, parameters=_DDOF)
class _Var(_Deviations):
    """Return the variance; null for groups of at most `ddof` values.

    `ddof` is how many degrees of freedom are lost: 1 for a sample, 0 for the whole.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [1, 3, None]}).select(a=gf.col("x").var(), b=gf.col("x").var(ddof=0)).collect().to_dict()
    {'a': [2.0], 'b': [1.0]}
    """

    @staticmethod
    def finalize(count: Any, mean: Any, squares: Any, ddof: Any) -> Any:
        return squares / float64(count - ddof), count > ddof


@aggregation(name="std", dtype=_spread, slots=_MOMENTS, parameters=_DDOF)
class _Std(_Deviations):
    """Return the standard deviation; null for groups of at most `ddof` values.

    `ddof` is how many degrees of freedom are lost: 1 for a sample, 0 for the whole.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [1, 3, 5, None]}).select(a=gf.col("x").std(), b=gf.col("x").std(ddof=2)).collect().to_dict()
    {'a': [2.0], 'b': [2.8284271247461903]}
    """

    @staticmethod
    def finalize(count: Any, mean: Any, squares: Any, ddof: Any) -> Any:
        return sqrt(squares / float64(count - ddof)), count > ddof
