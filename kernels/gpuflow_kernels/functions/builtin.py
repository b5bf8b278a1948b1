"""Fill `gpuflow_kernels.declare.scalar.SCALARS` with the built-in row functions."""

from importlib import import_module

MODULES = (
    "arithmetic",
    "casts.numbers",
    "comparison",
    "casts.decimals",
    "decimal",
    "casts.enums",
    "boolean",
    "math",
    "conditional",
    "temporal.arithmetic",
    "temporal.comparison",
    "temporal.make",
    "temporal.parts",
    "temporal.offset_by",
    "temporal.offset_by_column",
    "temporal.time_zones",
    "casts.strings",
    "string.change",
    "string.compare",
    "casts.decimal_strings",
    "string.parts",
    "string.search",
    "string.times_as_text",
)
"""The modules that declare them. Overloads of one name are tried in this order."""

for _name in MODULES:
    import_module(f"{__package__}.{_name}")
