"""Writes ``methods.pyi``, in which editors and type checkers see the methods that the built-in declarations make.

``python -m gpuflow.expr.stubs`` writes the file, ``--check`` only says whether it is fresh.
"""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path
from typing import Any

from gpuflow_kernels.aggregate import AGGREGATIONS, AggregateFunction
from gpuflow_kernels.scalar import REQUIRED, SCALARS, ScalarFunction

from .expr import Expr
from .methods import argument_names, plain_parameters

FILE = Path(__file__).with_name("methods.pyi")

_HEAD = '''"""Written by ``python -m gpuflow.expr.stubs`` from the declarations; do not edit."""

import builtins
from typing import Any, ClassVar

from gpuflow_kernels.scalar import ScalarFunction

from .expr import Expr
from .nodes import Aggregated, Function, Node

class Methods:
    __slots__: ClassVar[tuple[builtins.str, ...]] = ("_node",)
    _node: Node
    @classmethod
    def _of(cls, node: Node) -> Any: ...
'''

_TAIL = """
class Namespace:
    __slots__: ClassVar[tuple[builtins.str, ...]] = ("_name", "_owner")
    def __init__(self, owner: Methods, name: builtins.str) -> None: ...
{namespaces}
def public_methods() -> list[builtins.str]: ...
def argument_names(function: ScalarFunction) -> tuple[builtins.str, ...]: ...
def plain_parameters(function: ScalarFunction) -> dict[builtins.str, Any]: ...
def function_node(name: builtins.str, args: tuple[Any, ...], named: dict[builtins.str, Any] | None = None) -> Function: ...
def aggregated_node(
    name: builtins.str, args: tuple[Any, ...], chosen: dict[builtins.str, builtins.bool] | None = None
) -> Aggregated: ...
def as_node(value: Any, *, names: bool = False) -> Node: ...
"""


def stub() -> str:
    """The text of the stub file, from what is declared in this process."""
    written = set(vars(Expr))  # methods with a definition of their own are seen without a stub
    spaces = sorted({f.namespace for f in SCALARS.values() if f.namespace})
    lines = [f"    @property\n    def {s}(self) -> {_class(s)}: ..." for s in spaces]
    for name, function in sorted(SCALARS.items()):
        if function.method and not function.namespace and name not in written:
            lines.append(_scalar(name, function))
    for name, entry in sorted(AGGREGATIONS.items()):
        if name not in written:
            lines.append(_aggregation(name, entry))
    classes = []
    for space in spaces:
        methods = [_scalar(n.partition(".")[2], f) for n, f in sorted(SCALARS.items()) if f.namespace == space and f.method]
        classes.append("\n".join([f"\nclass {_class(space)}(Namespace):", *methods]))
    return _HEAD + "\n".join(lines) + "\n" + _TAIL.format(namespaces="\n".join(classes) + "\n" if classes else "")


def _class(space: str) -> str:
    return f"_{space.capitalize()}Methods"


def _default(value: Any) -> str:
    """A default as the formatter writes it."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _scalar(name: str, function: ScalarFunction) -> str:
    arguments = [f"{a}: Any" + (" = None" if a in function.parameters else "") for a in argument_names(function)[1:]]
    arguments += [f"{p}: Any" + ("" if d is REQUIRED else f" = {_default(d)}") for p, d in plain_parameters(function).items()]
    arguments.sort(key=lambda a: "=" in a)  # a type that must be given comes first, wherever it is (`function_node`)
    return _method(name, arguments, function.doc)


def _aggregation(name: str, entry: AggregateFunction) -> str:
    arguments = [f"other{i or ''}: Any" for i in range(entry.arity - 1)]
    arguments += ["*", *(f"{v}: builtins.bool = False" for v in entry.variants)] if entry.variants else []
    return _method(name, arguments, entry.doc)


def _method(name: str, arguments: list[str], doc: str) -> str:
    head = f"    def {name}({', '.join(['self', *arguments])}) -> Expr:"
    if len(head) > 130:
        head = f"    def {name}(\n        {', '.join(['self', *arguments])}\n    ) -> Expr:"
    first = doc.strip().split("\n\n")[0]
    text = " ".join(first.split()).replace("\\", "\\\\").replace('"""', "'''")
    if not text:
        return f"{head} ..."
    lines = textwrap.wrap(text, 116)
    if len(lines) == 1:
        return f'{head}\n        """{text}"""'
    return "\n        ".join([head, f'"""{lines[0]}', *lines[1:], '"""'])


def main(arguments: list[str]) -> int:
    """Write the stub, or with ``--check`` say whether it is fresh (exit code 1 when not)."""
    text = stub()
    if "--check" not in arguments:
        FILE.write_text(text, encoding="utf-8")
        return 0
    if FILE.exists() and FILE.read_text(encoding="utf-8") == text:
        return 0
    print(f"{FILE.name} is stale: run python -m gpuflow.expr.stubs", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
