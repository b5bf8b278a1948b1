"""A module of GPU kernels in the making: one text of a row, and the kernels cut from it."""

from __future__ import annotations

from dataclasses import dataclass, field

from gpuflow_kernels.codegen.common.inline_bodies import names_used
from gpuflow_kernels.codegen.common.program import repeated
from gpuflow_kernels.codegen.common.row_source import RowWriter
from gpuflow_kernels.dtypes import DType
from gpuflow_kernels.ir.pipeline import Pipeline, Shape

from ..common.arguments import Argument, Role
from .snippets import Kernel, Param, Tile, kernel_text, loaded, tile_for


@dataclass(slots=True)
class Module:
    """A module in the making: the row's text, and the kernels made of it so far."""

    pipeline: Pipeline
    shape: Shape
    writer: RowWriter
    known: dict[str, Param] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    kernels: list[Kernel] = field(default_factory=list)

    def know(self, *params: Param) -> None:
        self.known |= {p.name: p for p in params}

    def add(self, name: str, body: list[str]) -> None:
        """A kernel with this body; its parameters are what it uses of those known."""
        used = names_used(body)
        if any(line.lstrip().startswith("e = ") for line in body):
            body = ["e = int64(0)", *body, "if e != 0:", "    poke(err, 0, e)"]
            used |= {"err"}
        params = [p for p in self.known.values() if p.name in used]
        lengths = {p.length for p in params if p.length}
        params += [p for p in self.known.values() if p.argument in lengths and p not in params]
        self.kernels.append(Kernel(name, tuple(params)))
        self.texts.append(kernel_text(name, params, body))

    def tile(self, lines: list[str], most: int = 8) -> Tile:
        """The tile for these lines of a row."""
        dtypes = [str(self.known[name].dtype) for name in loaded(lines)]
        heavy = bool(self.pipeline.probes)
        return tile_for(self.shape.block, self.shape.paired, dtypes, len(lines), min(most, 4) if heavy else most)


def know_inputs(module: Module) -> None:
    """Make known what the lines of a row read. Called when they are written."""
    writer, pipeline, shape = module.writer, module.pipeline, module.shape
    for position in sorted(writer.columns):
        storage = pipeline.inputs[position].storage
        module.know(Param(Argument(Role.INPUT, position), storage), Param(Argument(Role.VALIDITY, position), "bool"))
    module.know(*(Param(Argument(Role.LITERAL, k)) for k in range(len(writer.literals))))
    module.know(*(Param(Argument(Role.LOOKUP, k), dtype.storage) for k, dtype in writer.lookups.items()))
    for k, member in enumerate(writer.members):
        count = Argument(Role.MEMBER_COUNT, k)
        module.know(Param(Argument(Role.MEMBERS, k), array_type(member.arg.dtype), count), Param(count))
    module.know(*(Param(Argument(Role.ARRAY, k), "int64") for k in range(len(writer.tables))))
    for step in pipeline.probes:
        table = shape.tables[step.table]
        if table.mode == "direct":
            parts: dict[str, str | None] = {"direct": "int32", **{f"{x}{k}": None for k in range(table.words) for x in "bek"}}
        else:
            parts = {"slots": "int64", "shift": None, **{f"w{k}": "int64" for k in range(table.words)}}
        parts["offsets"] = "int64"
        payload: dict[str, str | None] = {}
        for _, position, dtype in step.payload:
            payload |= {f"p{position}": dtype.storage, f"n{position}": "bool"}
        module.know(*(Param(Argument(Role.JOIN, step.table, part), dtype) for part, dtype in parts.items()))
        module.know(Param(Argument(Role.FOUND, step.table), "int64"))
        module.know(*(Param(Argument(Role.JOIN, step.table, part), dtype) for part, dtype in payload.items()))


def array_type(dtype: DType) -> str:
    """The NumPy name of an array of register values."""
    return dtype.register.rstrip("_")


def begin_row(module: Module) -> list[str]:
    """What stands before the lines of a row: `u` lets a CPU kernel resume a loop; a thread runs every loop to its end."""
    return [f"u{t} = int64(-2)" for t in repeated(module.pipeline, module.shape)]
