"""``col("x").filter(condition)``: the rows that an aggregation will see, until it is named."""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.declare.aggregate import AGGREGATIONS

from gpuflow.errors import UnknownNameError

from .methods import Methods, Unfinished
from .nodes import Node, render, render_operand


class Filtered(Unfinished):
    """``col("x").filter(condition)``, waiting for an aggregation.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [3, -3, None]}).select(gf.col("x").filter(gf.col("x") > 0).sum()).collect().to_dict()
    {'x': [3]}
    """

    __slots__ = ("_condition", "_values")

    def __init__(self, values: Methods[Any], condition: Node) -> None:
        self._values, self._condition = values, condition

    def _complaint(self) -> str:
        """What an error says where an expression is wanted."""
        text = f"{render_operand(self._values._node)}.filter({render(self._condition)})"
        return f"{text} is aggregated, as by {text}.sum(); compute before it, and choose rows by frame.filter(...)"

    def __getattr__(self, name: str) -> Any:
        """Return the aggregation of that name over the rows for which the condition is true."""
        if name not in AGGREGATIONS and name != "null_count":
            if name.startswith("__"):
                raise AttributeError(name)
            raise UnknownNameError(self._complaint())
        condition = self._values._of(self._condition)
        return lambda *args, **named: getattr(self._values, name)(*args, filter=condition, **named)
