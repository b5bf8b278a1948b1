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
    "temporal.calendar_steps",
    "temporal.steps_by_row",
    "temporal.time_zones",
    "casts.strings",
    "string.change",
    "string.compare",
    "casts.decimal_strings",
    "string.parts",
    "string.search",
    "string.strftime",
)
"""The modules that declare them. Overloads of one name are tried in this order."""

for _name in MODULES:
    import_module(f"{__package__}.{_name}")
