"""The row interpreter: what a bound expression or aggregation means, one row at a time, from the declarations alone.

Bodies are executed as they were declared, uncompiled, on typed NumPy scalars. Nothing of code generation is used, so
that it can be held against this.
"""

from .build import agg, call, cast_to, const
from .rows import Env, aggregate, evaluate

__all__ = ["Env", "agg", "aggregate", "call", "cast_to", "const", "evaluate"]
