"""Comparisons of moments and durations of two units, and of dates with moments: as instants, without leaving 64 bits.

The finer one is a whole number of ticks of the coarser, and a rest. (Scaling the coarser up would leave 64 bits for the year
9999 beside nanoseconds.)
"""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.declare.scalar import scalar
from gpuflow_kernels.declare.type_rules import across_units
from gpuflow_kernels.rowmath import floor_div, floor_mod

_coarser_first, _finer_first = across_units(coarser_first=True), across_units(coarser_first=False)


@scalar(name="eq", dtype=_coarser_first)
def _eq_coarser_first(x: Any, y: Any, ticks: Any) -> Any:
    whole = floor_div(y, ticks)
    rest = floor_mod(y, ticks)
    return (x == whole) & (rest == 0)


@scalar(name="eq", dtype=_finer_first)
def _eq_finer_first(x: Any, y: Any, ticks: Any) -> Any:
    whole = floor_div(x, ticks)
    rest = floor_mod(x, ticks)
    return (whole == y) & (rest == 0)


@scalar(name="ne", dtype=_coarser_first)
def _ne_coarser_first(x: Any, y: Any, ticks: Any) -> Any:
    whole = floor_div(y, ticks)
    rest = floor_mod(y, ticks)
    return (x != whole) | (rest != 0)


@scalar(name="ne", dtype=_finer_first)
def _ne_finer_first(x: Any, y: Any, ticks: Any) -> Any:
    whole = floor_div(x, ticks)
    rest = floor_mod(x, ticks)
    return (whole != y) | (rest != 0)


@scalar(name="lt", dtype=_coarser_first)
def _lt_coarser_first(x: Any, y: Any, ticks: Any) -> Any:
    whole = floor_div(y, ticks)
    rest = floor_mod(y, ticks)
    return (x < whole) | ((x == whole) & (rest > 0))


@scalar(name="lt", dtype=_finer_first)
def _lt_finer_first(x: Any, y: Any, ticks: Any) -> Any:
    whole = floor_div(x, ticks)
    return whole < y


@scalar(name="le", dtype=_coarser_first)
def _le_coarser_first(x: Any, y: Any, ticks: Any) -> Any:
    whole = floor_div(y, ticks)
    return x <= whole


@scalar(name="le", dtype=_finer_first)
def _le_finer_first(x: Any, y: Any, ticks: Any) -> Any:
    whole = floor_div(x, ticks)
    rest = floor_mod(x, ticks)
    return (whole < y) | ((whole == y) & (rest == 0))


@scalar(name="gt", dtype=_coarser_first)
def _gt_coarser_first(x: Any, y: Any, ticks: Any) -> Any:
    whole = floor_div(y, ticks)
    return x > whole


@scalar(name="gt", dtype=_finer_first)
def _gt_finer_first(x: Any, y: Any, ticks: Any) -> Any:
    whole = floor_div(x, ticks)
    rest = floor_mod(x, ticks)
    return (whole > y) | ((whole == y) & (rest > 0))


@scalar(name="ge", dtype=_coarser_first)
def _ge_coarser_first(x: Any, y: Any, ticks: Any) -> Any:
    whole = floor_div(y, ticks)
    rest = floor_mod(y, ticks)
    return (x > whole) | ((x == whole) & (rest == 0))


@scalar(name="ge", dtype=_finer_first)
def _ge_finer_first(x: Any, y: Any, ticks: Any) -> Any:
    whole = floor_div(x, ticks)
    return whole >= y


@scalar(name="eq_missing", dtype=_coarser_first, null="custom")
def _eq_missing_coarser_first(x: Any, x_valid: Any, y: Any, y_valid: Any, ticks: Any) -> Any:
    whole = floor_div(y, ticks)
    rest = floor_mod(y, ticks)
    return (x_valid & y_valid & (x == whole) & (rest == 0)) | ((not x_valid) & (not y_valid)), True


@scalar(name="eq_missing", dtype=_finer_first, null="custom")
def _eq_missing_finer_first(x: Any, x_valid: Any, y: Any, y_valid: Any, ticks: Any) -> Any:
    whole = floor_div(x, ticks)
    rest = floor_mod(x, ticks)
    return (x_valid & y_valid & (y == whole) & (rest == 0)) | ((not x_valid) & (not y_valid)), True


@scalar(name="ne_missing", dtype=_coarser_first, null="custom")
def _ne_missing_coarser_first(x: Any, x_valid: Any, y: Any, y_valid: Any, ticks: Any) -> Any:
    whole = floor_div(y, ticks)
    rest = floor_mod(y, ticks)
    return (x_valid & y_valid & ((x != whole) | (rest != 0))) | (x_valid & (not y_valid)) | (y_valid & (not x_valid)), True


@scalar(name="ne_missing", dtype=_finer_first, null="custom")
def _ne_missing_finer_first(x: Any, x_valid: Any, y: Any, y_valid: Any, ticks: Any) -> Any:
    whole = floor_div(x, ticks)
    rest = floor_mod(x, ticks)
    return (x_valid & y_valid & ((y != whole) | (rest != 0))) | (x_valid & (not y_valid)) | (y_valid & (not x_valid)), True
