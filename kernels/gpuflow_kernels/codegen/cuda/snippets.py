"""Pieces of GPU kernels: parameters that become arrays, tiles of rows, and cutting a row's lines in two.

A block of threads takes a tile of rows at a time and goes on to the next tile of its own (a persistent grid). In a full
tile each thread loads everything that its rows read before it computes anything, so that all loads are under way at
once; the lines of a row then stand once for each of its rows. What is left of the last tile goes row by row.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from gpuflow_kernels.body_source import parse
from gpuflow_kernels.codegen.common.module_source import indented

from ..common.arguments import Argument, Role, control, pattern_of

MARK = "leaves"
"""Stands in the lines of a row where its sink begins, until they are cut."""
PENDING = 64
"""Bytes that each thread should have on their way: 1,024 threads of a multiprocessor then have 64 KiB, and CUB aims for 32
on an H100 and 48 on an H200."""
MOST_LINES = 160
"""Lines of all copies of a row in one tile; more make registers spill and compilers slow."""

_OUTPUTS = pattern_of((Role.OUTPUT, Role.OUTPUT_VALIDITY))
_LOAD = re.compile(rf"\b({pattern_of((Role.INPUT, Role.VALIDITY), ('gids',))})\[i\]")
_STORE = re.compile(rf"^(\s*)({_OUTPUTS})\[j\] = ")
_STORED = re.compile(rf"^(\s*(?:{_OUTPUTS}))_# = ")


@dataclass(frozen=True, slots=True)
class Param:
    """A kernel's parameter: an array of `dtype` (a NumPy name), or a scalar where that is None. `length` is the scalar
    parameter with an array's length, where the text asks for it."""

    argument: Argument
    dtype: str | None = None
    length: Argument | None = None

    @property
    def name(self) -> str:
        """How the text spells it."""
        return self.argument.name


def named(name: str, dtype: str | None = None, length: str | None = None) -> Param:
    """The parameter that there is one of, by its name; `length` names the one with its length."""
    return Param(control(name), dtype, control(length) if length else None)


@dataclass(frozen=True, slots=True)
class Kernel:
    """One kernel of a module, and what it has to be given."""

    name: str
    params: tuple[Param, ...]


@dataclass(frozen=True, slots=True)
class Tile:
    """`unroll` rows for each of `block` threads; `paired` threads take two neighbouring rows at a time."""

    block: int
    unroll: int
    paired: bool

    @property
    def rows(self) -> int:
        return self.block * self.unroll

    @property
    def width(self) -> int:
        """Neighbouring rows of a thread."""
        return 2 if self.paired else 1

    def offset(self, row: int) -> int:
        """How far a thread's row number `row` is from its first."""
        return row // self.width * self.block * self.width + row % self.width


def tile_for(block: int, paired: bool, dtypes: Iterable[str], lines: int, most: int = 8) -> Tile:
    """The tile for rows that load items of `dtypes` and take `lines` lines."""
    bytes_of_row = max(1, sum(np.dtype(d).itemsize for d in dtypes))
    unroll = 1 << min(most, max(2, PENDING // bytes_of_row)).bit_length() - 1
    while unroll > 2 and unroll * lines > MOST_LINES:
        unroll //= 2
    return Tile(block, unroll, paired)


def kernel_text(name: str, params: Iterable[Param], body: list[str]) -> str:
    """The text of a kernel: its arrays come as addresses."""
    params = tuple(params)
    names = [f"p_{p.name}" if p.dtype else p.name for p in params]
    views = [f"{p.name} = view_{p.dtype}(p_{p.name}, {p.length.name if p.length else 0})" for p in params if p.dtype]
    return "\n".join(["@kernel", f"def {name}({', '.join(names)}):", *indented([*views, *body], 1)])


def loaded(lines: Iterable[str]) -> tuple[str, ...]:
    """The arrays that rows load at their own place, in order of first use."""
    return tuple(dict.fromkeys(m for line in lines for m in _LOAD.findall(line)))


def copy_of(lines: Iterable[str], row: int | str) -> list[str]:
    """The lines for the row of a tile whose items have been loaded as ``c0_<row>``."""
    return [_LOAD.sub(rf"\g<1>_{row}", line) for line in lines]


def loads(tile: Tile, names: Iterable[str], u: int) -> list[str]:
    """Load the items of row `u` of a tile (and of its neighbour, where rows are paired)."""
    place = f"at + uint64({tile.offset(u)})" if u else "at"
    if tile.paired:
        return [f"{name}_{u}, {name}_{u + 1} = pair({name}, {place})" for name in names]
    return [f"{name}_{u} = item({name}, {place})" for name in names]


def full_tile(tile: Tile, lines: list[str], after: list[str] | None = None) -> list[str]:
    """A full tile: all loads, then the lines of row after row, with `after` (which may hold ``{u}``) at the end of each.

    ``at`` is the thread's first row.
    """
    text = [line for u in range(0, tile.unroll, tile.width) for line in loads(tile, loaded(lines), u)]
    for u in range(tile.unroll):
        text.append(f"i = at + uint64({tile.offset(u)})" if u else "i = at")
        text += copy_of(lines, u)
        text += [line.format(u=u) for line in after or []]
    return text


def stores_paired(tile: Tile, lines: list[str]) -> list[str]:
    """A full tile whose every row is stored: neighbours together. ``o0[j] = x`` becomes a name for each row."""
    text = full_tile(tile, [_STORE.sub(r"\1\2_# = ", line) for line in lines])
    outputs = list(dict.fromkeys(m.group(2) for line in lines if (m := _STORE.match(line))))
    done, row = [], -1
    for line in text:
        row += line.startswith("i = at")
        done.append(_STORED.sub(rf"\g<1>_{row} = ", line))
    for u in range(0, tile.unroll, 2):
        place = f"at + uint64({tile.offset(u)})" if u else "at"
        done += [f"put_pair({name}, {place}, {name}_{u}, {name}_{u + 1})" for name in outputs]
    return done


def over_rows(
    tile: Tile, full: list[str], single: list[str], after_full: list[str] | None = None, near: bool = False
) -> list[str]:
    """The loop of a block over its tiles: `full` for those that are, then rows one by one by `single`.

    ``start`` is the number of the first row, ``rows`` that of the one after the last. The tiles of a block lie apart, or
    where `near` is set one after another.
    """
    first = "base + t * uint64(2)" if tile.paired else "base + t"
    return [
        *(near_head(tile) if near else tile_head(tile)),
        f"while base + uint64({tile.rows}) <= rows:",
        *indented([f"at = {first}", *full, *(after_full or []), "base += step"], 1),
        "i = base + t",
        "while i < rows:",
        *indented([*single, f"i += uint64({tile.block})"], 1),
    ]


def thread_number(name: str, block: int | None = None) -> str:
    """The line that gives a thread its number in the grid; `block` is the size of a block, where the text may say it."""
    size = "cuda.blockDim.x" if block is None else block
    return f"{name} = uint64(cuda.blockIdx.x) * uint64({size}) + uint64(cuda.threadIdx.x)"


def over_list(block: int, lines: list[str]) -> list[str]:
    """Rows ``index[0 … rows]``, one by one."""
    return [
        thread_number("x", block),
        "while x < rows:",
        *indented(["i = uint64(index[x])", *lines, f"x += uint64(cuda.gridDim.x) * uint64({block})"], 1),
    ]


def tile_head(tile: Tile) -> list[str]:
    """Where a block's first tile begins, and how far its next one is."""
    return [
        "t = uint64(cuda.threadIdx.x)",
        f"base = start + uint64(cuda.blockIdx.x) * uint64({tile.rows})",
        f"step = uint64(cuda.gridDim.x) * uint64({tile.rows})",
    ]


def near_head(tile: Tile) -> list[str]:
    """Where a block's first tile begins and its last one ends: a block has ``stretch`` neighbouring rows."""
    return [
        "t = uint64(cuda.threadIdx.x)",
        "base = start + uint64(cuda.blockIdx.x) * stretch",
        "rows = min(rows, base + stretch)",
        f"step = uint64({tile.rows})",
    ]


# -- cutting a row's lines --------------------------------------------------------------------------------------------
def path_to(lines: list[str], mark: str) -> list[str]:
    """What runs before the line `mark`, out of the blocks that it stands in: their conditions are known to hold."""
    tree = parse("\n".join([*lines, ""]))
    found: list[str] = []

    def holds(node: ast.stmt) -> bool:
        return node.lineno <= at <= (node.end_lineno or node.lineno)

    at = next(k for k, line in enumerate(lines, 1) if line.strip() == mark)

    def walk(body: list[ast.stmt]) -> None:
        for node in body:
            if node.lineno == at:
                return
            if holds(node):
                assert isinstance(node, (ast.If, ast.For))
                walk(node.body)
                return
            found.append("\n".join(line[node.col_offset :] for line in lines[node.lineno - 1 : node.end_lineno]))

    walk(tree.body)
    return found


def needed_for(statements: list[str], names: set[str]) -> list[str]:
    """Those of the `statements` that `names` depend on, as lines. Checks are left out: they have been made."""
    kept: list[list[str]] = []
    wanted = set(names)
    for text in reversed(statements):
        tree = parse(text)
        stored = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        if stored & wanted:
            wanted |= {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
            kept.append([line for line in text.splitlines() if line.strip()])
    return [line for lines in reversed(kept) for line in lines]
