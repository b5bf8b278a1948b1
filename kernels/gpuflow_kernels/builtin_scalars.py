"""The built-in row functions. Importing this module fills `gpuflow_kernels.scalar.SCALARS`; the order of imports is the
order in which overloads of one name are tried."""

from . import (  # noqa: F401
    builtin_arithmetic,
    builtin_casts,
    builtin_logic,
    builtin_math,
    builtin_selection,
    builtin_temporal,
)
