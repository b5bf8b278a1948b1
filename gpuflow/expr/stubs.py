"""Writes ``methods.pyi``, in which editors and type checkers see the methods that the built-in declarations make.

``python -m gpuflow.expr.stubs`` writes the file, ``--check`` only says whether it is fresh.
"""

from __future__ import annotations

import inspect
import json
import sys
import textwrap
from pathlib import Path
from typing import Any

from gpuflow_kernels.declare.aggregate import AGGREGATIONS, AggregateFunction
from gpuflow_kernels.declare.scalar import SCALARS, ScalarFunction

from .expr import Expr
from .methods import class_name, signature_of

FILE = Path(__file__).with_name("methods.pyi")

_HEAD = '''"""Written by ``python -m gpuflow.expr.stubs`` from the declarations; do not edit."""

import builtins
import inspect
from typing import Any, ClassVar, Generic, TypeVar

from gpuflow_kernels.declare.aggregate import AggregateFunction
from gpuflow_kernels.declare.scalar import ScalarFunction

from .nodes import Aggregated, Function, Node

ExprT = TypeVar("ExprT")

class Methods(Generic[ExprT]):
    __slots__: ClassVar[tuple[builtins.str, ...]] = ("_node",)
    _node: Node
    @classmethod
    def _of(cls, node: Node) -> Any: ...
'''

_TAIL = """
class Unfinished:
    __slots__: ClassVar[tuple[builtins.str, ...]] = ()
    def _complaint(self) -> builtins.str: ...

class Namespace(Generic[ExprT]):
    __slots__: ClassVar[tuple[builtins.str, ...]] = ("_owner",)
    _name: ClassVar[builtins.str]
    _owner: Methods[ExprT]
    def __init__(self, owner: Methods[ExprT]) -> None: ...
    def __getitem__(self, key: Any) -> Any: ...
{namespaces}
def class_name(space: builtins.str) -> builtins.str: ...
def signature_of(entry: ScalarFunction | AggregateFunction) -> inspect.Signature: ...
def public_methods() -> list[builtins.str]: ...
def argument_names(function: ScalarFunction) -> tuple[builtins.str, ...]: ...
def plain_parameters(function: ScalarFunction) -> dict[builtins.str, Any]: ...
def function_node(name: builtins.str, args: tuple[Any, ...], named: dict[builtins.str, Any] | None = None) -> Function: ...
def aggregated_node(name: builtins.str, args: tuple[Any, ...], named: dict[builtins.str, Any] | None = None) -> Aggregated: ...
def column_node(name: builtins.str) -> Node: ...
def pattern(text: builtins.str) -> builtins.str: ...
def as_node(value: Any, *, names: bool = False) -> Node: ...
"""


def stub() -> str:
    """The text of the stub file, from what is declared in this process."""
    written = set(vars(Expr))  # methods with a definition of their own are seen without a stub
    spaces = sorted({f.namespace for f in SCALARS.values() if f.namespace})
    lines = [f"    @property\n    def {s}(self) -> {class_name(s)}[ExprT]: ..." for s in spaces]
    for name, function in sorted(SCALARS.items()):
        if function.method and not function.namespace and name not in written:
            lines.append(_method(name, function))
    lines += [_method(name, entry) for name, entry in sorted(AGGREGATIONS.items()) if name not in written]
    classes = []
    for space in spaces:
        methods = [_method(n.partition(".")[2], f) for n, f in sorted(SCALARS.items()) if f.namespace == space and f.method]
        classes.append("\n".join([f"\nclass {class_name(space)}(Namespace[ExprT]):", *methods]))
    return _HEAD + "\n".join(lines) + "\n" + _TAIL.format(namespaces="\n".join(classes) + "\n" if classes else "")


def _default(value: Any) -> str:
    """A default as the formatter writes it."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _method(name: str, entry: ScalarFunction | AggregateFunction) -> str:
    arguments = []
    for parameter in signature_of(entry).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in arguments:
            arguments.append("*")
        arguments.append(_argument(parameter))
    head = f"    def {name}({', '.join(arguments)}) -> ExprT:"
    if len(head) > 130:
        inner = f"        {', '.join(arguments)}"
        inner = inner if len(inner) <= 130 else "\n".join(f"        {a}," for a in arguments)
        head = f"    def {name}(\n{inner}\n    ) -> ExprT:"
    first = entry.doc.strip().split("\n\n")[0]
    text = " ".join(first.split()).replace("\\", "\\\\").replace('"""', "'''")
    if not text:
        return f"{head} ..."
    lines = textwrap.wrap(text, 116)
    if len(lines) == 1:
        return f'{head}\n        """{text}"""'
    return "\n        ".join([head, f'"""{lines[0]}', *lines[1:], '"""'])


def _argument(parameter: inspect.Parameter) -> str:
    if parameter.name == "self":
        return "self"
    known = parameter.annotation is not parameter.empty
    kind = f"builtins.{parameter.annotation.__name__}" if known else "Any"
    return f"{parameter.name}: {kind}" + ("" if parameter.default is parameter.empty else f" = {_default(parameter.default)}")


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
