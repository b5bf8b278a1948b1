"""The built-in row functions. Importing this module fills `gpuflow_kernels.scalar.SCALARS`; the order of imports is the
order in which overloads of one name are tried."""

from . import (  # noqa: F401
    builtin_arithmetic,
    builtin_casts,
    builtin_comparisons,
    builtin_decimal_casts,
    builtin_decimals,
    builtin_enum_casts,
    builtin_logic,
    builtin_math,
    builtin_selection,
    builtin_temporal,
    builtin_temporal_comparisons,
    builtin_temporal_make,
    builtin_temporal_parts,
    builtin_temporal_steps,
    builtin_temporal_steps_by_row,
    builtin_temporal_zones,
    builtin_text_casts,
    builtin_text_change,
    builtin_text_compare,
    builtin_text_decimals,
    builtin_text_parts,
    builtin_text_search,
    builtin_text_time,
)
