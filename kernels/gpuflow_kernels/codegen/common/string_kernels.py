"""Generate kernels that evaluate a string function: for each entry, or row, a turn of a loop or a thread."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from gpuflow_kernels.body_source import Body
from gpuflow_kernels.codegen.cuda.snippets import Param, kernel_text, named, thread_number
from gpuflow_kernels.declare.scalar import PARTIAL, Constant, Overload, Table
from gpuflow_kernels.dtypes import DType

from .arguments import Argument, Role, name_of
from .inline_bodies import helper_text
from .module_source import indented, module_of
from .row_source import literal_text

ENTRIES, ROWS, ONE = "entries", "rows", "one"
"""How a string argument comes: entry i for row i, by a code for each row, or one string for all rows."""


@dataclass(frozen=True, slots=True)
class Operand:
    """How one argument of the function comes: a string as one of the above, or a number (`dtype`) for each row, or one for all
    (`ONE`)."""

    how: str
    dtype: DType | None = None


@dataclass(frozen=True, slots=True)
class TextGenerated:
    """A module with the kernel ``run``, its parameters in order, and what it answers: ``out`` (values or lengths), ``ok``
    (whether valid) and ``bad`` (whether it does not fit) where they are among the parameters."""

    text: str
    params: tuple[Param, ...]


@lru_cache(maxsize=512)
def text_module(
    overload: Overload, arguments: tuple[Operand, ...], constants: tuple[Constant, ...], out: str, target: str, writing: bool
) -> TextGenerated:
    """The module for one text function over arguments of these kinds.

    Parameters
    ----------
    overload : Overload
        With a `text`.
    arguments : tuple of Operand
    constants : tuple
        Of the signature.
    out : str
        NumPy name of what is answered for each row.
    target : {"python", "cpu", "cuda"}
    writing : bool
        Whether bytes are put where they belong (``put`` from ``at[i]`` on) instead of counted.
    """
    params = [named("rows")]
    lines: list[str] = []
    values: list[str] = []
    for k, argument in enumerate(arguments):
        values += _bound(k, argument, params, lines)
    for k, constant in enumerate(constants):
        if isinstance(constant, Table):
            params.append(Param(Argument(Role.ARRAY, k), "int64"))
        values.append(name_of(Role.ARRAY, k) if isinstance(constant, Table) else literal_text(constant))
    partial = overload.null == PARTIAL
    helpers = {overload.body.name: overload.body}
    if overload.text == "write":
        params += [named("bytes", "uint8", "room"), named("room")]
        params += [named("at", "int64")] if writing else []
        values = ["bytes", "at[i]" if writing else "int64(0)", *values]
    if overload.text == "view" and writing:
        params += [named("bytes", "uint8", "room"), named("room"), named("at", "int64")]
    names = ("begin", "end") if overload.text == "view" else ("value",)
    lines.append(f"{', '.join((*names, *(('known',) if partial else ())))} = {overload.body.name}({', '.join(values)})")
    if writing:
        if overload.text == "view":
            lines.append(f"put_bytes(bytes, at[i], {name_of(Role.TEXT_BYTES, 0)}, begin, end)")
    else:
        params.append(named("out", out))
        answer = "end - begin" if overload.text == "view" else "value"
        lines.append(f"out[i] = {_cast(out)}({answer})" if _cast(out) else f"out[i] = {answer}")
        if partial:
            params.append(named("ok", "bool"))
            lines.append("ok[i] = known")
        if overload.overflow is not None:
            helpers[overload.overflow.name] = overload.overflow
            params.append(named("bad", "bool"))
            arguments_of_body = values[2:] if overload.text == "write" else values
            lines.append(f"bad[i] = {overload.overflow.name}({', '.join(arguments_of_body)})")
    return TextGenerated(_module(target, helpers, params, lines), tuple(params))


def _cast(out: str) -> str:
    """The conversion of what is stored: none where assignment converts, by name where a body may mix types."""
    return {"int64": "int64", "uint64": "uint64", "float64": "float64", "float32": "float32"}.get(out, "")


def _bound(k: int, argument: Operand, params: list[Param], lines: list[str]) -> list[str]:
    """Write the lines that fetch argument `k`; the texts that stand for it."""
    if argument.dtype is not None:
        register, value = argument.dtype.register, Argument(Role.INPUT, k)
        if argument.how == ONE:
            params.append(Param(value))
            return [value.name]
        params.append(Param(value, argument.dtype.storage))
        return [f"{register}({value.name}[i])"]
    data, size, offsets = (Argument(role, k) for role in (Role.TEXT_BYTES, Role.TEXT_SIZE, Role.TEXT_OFFSETS))
    params += [Param(data, "uint8", size), Param(size)]
    if argument.how == ONE:
        return [data.name, "int64(0)", f"int64({size.name})"]
    params.append(Param(offsets, "int64"))
    row = "i"
    if argument.how == ROWS:
        rows = Argument(Role.TEXT_ROWS, k)
        params.append(Param(rows, "int32"))
        row = f"q{k}"
        lines.append(f"{row} = uint64({rows.name}[i])")
    return [data.name, f"{offsets.name}[{row}]", f"{offsets.name}[{row} + uint64(1)]"]


def _module(target: str, helpers: dict[str, Body], params: list[Param], lines: list[str]) -> str:
    parts = [f"@device\n{helper_text(body)}" for _, body in sorted(helpers.items())]
    if target == "cuda":
        body = [thread_number("i"), "if i < rows:", *indented(lines, 1)]
        parts.append(kernel_text("run", params, body))
    else:
        head = f"def run({', '.join(p.name for p in params)}):"
        parts.append("\n".join(["@kernel", head, "    for i in range(rows):", *indented(lines, 2)]))
    return module_of(target, "\n\n\n".join(parts), set(helpers))
