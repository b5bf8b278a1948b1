"""How each kind of logical node becomes operators, and these become tasks: one file for each. All files here are loaded."""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
