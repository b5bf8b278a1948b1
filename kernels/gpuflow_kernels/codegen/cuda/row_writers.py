"""GPU kernels that write rows: map, compact in two passes, and joins with repeated keys."""

from __future__ import annotations

from dataclasses import replace

from gpuflow_kernels.codegen.common.inline_bodies import names_used
from gpuflow_kernels.codegen.common.module_source import indented
from gpuflow_kernels.codegen.common.program import repeated, write_steps
from gpuflow_kernels.codegen.common.row_source import TRUE, stored
from gpuflow_kernels.ir.pipeline import Write

from ..common.arguments import Argument, Role, name_of
from .module import Module, begin_row, know_inputs
from .snippets import (
    MARK,
    Param,
    Tile,
    copy_of,
    full_tile,
    loaded,
    loads,
    named,
    needed_for,
    over_rows,
    path_to,
    stores_paired,
    tile_head,
)

LANES = "0xFFFFFFFF"


def writing(module: Module) -> tuple[list[str], tuple[bool, ...]]:
    pipeline, shape, writer = module.pipeline, module.shape, module.writer
    sink = pipeline.sink
    assert isinstance(sink, Write)
    nullable: list[bool] = []
    mark = depth = 0

    def write() -> None:
        nonlocal mark, depth
        mark, depth = len(writer.lines), writer.indent
        for k, value in enumerate([writer.emit(c) for c in sink.columns]):
            writer.line(f"{name_of(Role.OUTPUT, k)}[j] = {stored(sink.columns[k].dtype, value.text)}")
            nullable.append(value.valid != TRUE)
            if value.valid != TRUE:
                writer.line(f"{name_of(Role.OUTPUT_VALIDITY, k)}[j] = {value.valid}")

    write_steps(writer, pipeline, shape, write)
    know_inputs(module)
    for k, column in enumerate(sink.columns):
        module.know(Param(Argument(Role.OUTPUT, k), column.dtype.storage), Param(Argument(Role.OUTPUT_VALIDITY, k), "bool"))
    module.know(
        named("mask", "uint32"),
        named("marked", "int32"),
        named("counts", "int64"),
        named("starts", "int64"),
        named("index", "int64"),
    )
    module.know(named("ends", "int64"), named("total"))
    steps, stores = writer.lines[:mark], writer.lines[mark:]
    stores = [line[4 * depth :] for line in stores]
    loops = repeated(pipeline, shape)
    if not pipeline.filters and not loops:
        _map(module, [*steps, *stores])
    elif not loops:
        _compact(module, steps, stores, depth)
    else:
        head = next(k for k, line in enumerate(steps) if line.strip().startswith("for q"))
        inner = steps[head + 1 :]
        if len(loops) == 1 and all(not line.strip().startswith(("if ", "e =")) for line in inner) and not _probes(inner):
            _expand(module, steps, head, stores, depth, loops[0])
        else:
            _row_driven(module, steps, stores, depth)
    return steps, tuple(nullable)


def _probes(lines: list[str]) -> bool:
    return any(line.strip().startswith("r") and " = " in line for line in lines)


def _map(module: Module, lines: list[str]) -> None:
    tile = module.tile(lines)
    full = stores_paired(tile, lines) if tile.paired else full_tile(tile, ["j = i", *lines])
    module.add("run", over_rows(tile, full, ["j = i", *lines]))


def _cut(module: Module, steps: list[str], stores: list[str], depth: int) -> tuple[list[str], tuple[int, ...]]:
    """The lines of a row that is known to leave, and the tables whose findings they read."""
    found = path_to([*steps, "    " * depth + MARK], MARK)
    tables = {f"r{s.table}": s.table for s in module.pipeline.probes}
    found = [f"{name} = f{tables[name]}[i]" if (name := text.split(" = ")[0]) in tables else text for text in found]
    kept = needed_for(found, names_used(stores) if stores else set())
    return kept, tuple(tables[name] for name in tables if any(line.startswith(f"{name} = ") for line in kept))


def _compact(module: Module, steps: list[str], stores: list[str], depth: int) -> None:
    known, tables = _cut(module, steps, stores, depth)
    leaving = ["    " * depth + text for text in [*(f"f{t}[i] = r{t}" for t in tables), "keep = True"]]
    lines = ["keep = False", *steps, *leaving]
    tile = module.tile(lines)
    width = tile.width
    after = [f"{line}" for u in range(0, tile.unroll, width) for line in _ballots(tile, u, "")]
    tail = [
        "if base < rows:",
        "    p = uint64(0)",
        f"    while (p < uint64({tile.rows})) & (base + p < rows):",
        *indented(
            [
                line
                for v in range(width)
                for line in [
                    f"i = base + p + t * uint64({width}) + uint64({v})",
                    "keep = False",
                    "if i < rows:",
                    *indented(lines[1:], 1),
                    f"keep_{v} = keep",
                ]
            ],
            2,
        ),
        *indented(_ballots(replace(tile, unroll=width), 0, " + p"), 2),
        f"        p += uint64({tile.block * width})",
    ]
    first = "base + t * uint64(2)" if tile.paired else "base + t"
    module.add(
        "match",
        [
            *tile_head(tile),
            "warp = t >> uint64(5)",
            "lane = cuda.laneid",
            f"while base + uint64({tile.rows}) <= rows:",
            *indented([f"at = {first}", *full_tile(tile, lines, ["keep_{u} = keep"]), *after, "base += step"], 1),
            *tail,
        ],
    )
    _write_marked(module, [*known, *stores])
    _write_listed(module, [*known, *stores])


def segment_rows(paired: bool) -> int:
    """Rows of a segment: those of one warp, next to each other."""
    return 64 if paired else 32


def _segment(tile: Tile, u: int, more: str) -> str:
    shift = 6 if tile.paired else 5
    return f"((base + uint64({tile.offset(u)}){more}) >> uint64({shift})) + warp"


def _ballots(tile: Tile, u: int, more: str) -> list[str]:
    """Keep which rows of a segment leave, and how many."""
    width = tile.width
    words = [f"word_{v} = uint32(cuda.ballot_sync({LANES}, keep_{u + v}))" for v in range(width)]
    total = " + ".join(f"cuda.popc(word_{v})" for v in range(width))
    guard = "" if not more else f" and segment * uint64({32 * width}) < rows"
    return [
        *words,
        f"segment = {_segment(tile, u, more)}",
        f"if lane == 0{guard}:",
        *(f"    mask[segment * uint64({width}) + uint64({v})] = word_{v}" for v in range(width)),
        f"    marked[segment] = {total}",
    ]


def _write_marked(module: Module, lines: list[str]) -> None:
    tile = module.tile(lines)
    width = tile.width
    ranks = " + ".join(f"uint64(cuda.popc(word_{v} & below))" for v in range(width))
    place = "p"

    def words(u: int, more: str, suffix: str) -> list[str]:
        return [
            f"segment = {_segment(tile, u, more)}",
            *(f"word{suffix}_{v} = item(mask, segment * uint64({width}) + uint64({v}))" for v in range(width)),
            f"first{suffix} = item(starts, segment)",
        ]

    full = []
    for u in range(0, tile.unroll, width):
        full += [*words(u, "", f"_{u}"), *loads(tile, loaded(lines), u)]
    for u in range(0, tile.unroll, width):
        full += [f"word_{v} = word_{u}_{v}" for v in range(width)]
        full.append(f"j = uint64(first_{u}) + {ranks}")
        for v in range(width):
            row = [f"i = at + uint64({tile.offset(u + v)})", *copy_of(lines, u + v), "j += uint64(1)"]
            full += [f"if word_{v} & bit != 0:", *indented(row, 1)]
    single = []
    for v in range(width):
        single += [f"i = base + {place} + t * uint64({width}) + uint64({v})", f"if word_{v} & bit != 0:"]
        single += indented([*lines, "j += uint64(1)"], 1)
    first = "base + t * uint64(2)" if tile.paired else "base + t"
    guard = f"if segment * uint64({32 * width}) < rows:"
    module.add(
        "run",
        [
            *tile_head(tile),
            "warp = t >> uint64(5)",
            "bit = uint32(uint64(1) << uint64(cuda.laneid))",
            "below = uint32(bit - uint32(1))",
            f"while base + uint64({tile.rows}) <= rows:",
            *indented([f"at = {first}", *full, "base += step"], 1),
            "if base < rows:",
            f"    {place} = uint64(0)",
            f"    while {place} < uint64({tile.rows}):",
            f"        segment = {_segment(replace(tile, unroll=width), 0, ' + ' + place)}",
            f"        {guard}",
            *indented([*words(0, f" + {place}", "")[1:], f"j = uint64(first) + {ranks}", *single], 3),
            f"        {place} += uint64({tile.block * width})",
        ],
    )


def _write_listed(module: Module, lines: list[str]) -> None:
    tile = replace(module.tile(lines), paired=False)
    full = [f"i_{u} = uint64(item(index, at + uint64({tile.offset(u)})))" for u in range(tile.unroll)]
    full += [f"{name}_{u} = item({name}, i_{u})" for u in range(tile.unroll) for name in loaded(lines)]
    for u in range(tile.unroll):
        full += [f"i = i_{u}", f"j = at + uint64({tile.offset(u)})", *copy_of(lines, u)]
    single = ["j = i", "i = uint64(index[j])", *lines, "i = j"]
    module.add("take", over_rows(tile, full, single))


# -- joins with repeated keys, into rows ------------------------------------------------------------------------------
def _expand(module: Module, steps: list[str], head: int, stores: list[str], depth: int, table: int) -> None:
    """A thread for each row of the output, which finds its row of the input in the scan of the counts: however many
    matches a row has, threads have the same work."""
    known, tables = _cut(module, steps, stores, depth)
    tables = tuple(dict.fromkeys([*tables, table]))
    within = "    " * ((len(steps[head]) - len(steps[head].lstrip())) // 4)
    count = [*(f"f{t}[i] = r{t}" for t in tables), f"n = y{table} - x{table}"]
    lines = [*begin_row(module), "n = int64(0)", *steps[:head], *(within + text for text in count), "counts[i] = n"]
    tile = module.tile(lines, 4)
    module.add("count", over_rows(tile, full_tile(tile, lines), lines))
    known = [line for line in known if not line.startswith(f"r{table} = ")]
    offsets = f"t{table}_offsets[uint64(r{table})] if r{table} >= 0 else int64(-1)"
    row = [f"r{table} = f{table}[i]", f"q{table} = ({offsets}) + int64(j - before)", *known, *stores]
    block = module.shape.block
    outputs = block * 4

    def search(target: str, low: str, high: str) -> list[str]:
        """The first row whose matches end after output `target`."""
        return [
            f"low = uint64({low})",
            f"high = uint64({high})",
            "while low < high:",
            "    middle = (low + high) >> uint64(1)",
            f"    if uint64(ends[middle]) > {target}:",
            "        high = middle",
            "    else:",
            "        low = middle + uint64(1)",
        ]

    module.add(
        "expand",
        [
            "bounds = cuda.shared.array(2, int64)",
            "t = uint64(cuda.threadIdx.x)",
            f"base = uint64(cuda.blockIdx.x) * uint64({outputs})",
            f"step = uint64(cuda.gridDim.x) * uint64({outputs})",
            "while base < total:",
            f"    last = min(base + uint64({outputs - 1}), total - uint64(1))",
            "    if t < uint64(2):",
            "        wanted = base if t == uint64(0) else last",
            *indented(search("wanted", "0", "rows - uint64(1)"), 2),
            "        bounds[t] = int64(low)",
            "    cuda.syncthreads()",
            "    j = base + t",
            "    while j <= last:",
            *indented(search("j", "bounds[0]", "bounds[1]"), 2),
            "        i = low",
            "        before = uint64(ends[i - uint64(1)]) if i > uint64(0) else uint64(0)",
            *indented(row, 2),
            f"        j += uint64({block})",
            "    cuda.syncthreads()",
            "    base += step",
        ],
    )


def _row_driven(module: Module, steps: list[str], stores: list[str], depth: int) -> None:
    def inside(texts: list[str]) -> list[str]:
        return ["    " * depth + text for text in texts]

    lines = [*begin_row(module), "n = int64(0)", *steps, *inside(["n += int64(1)"]), "counts[i] = n"]
    tile = module.tile(lines, 4)
    module.add("count", over_rows(tile, full_tile(tile, lines), lines))
    lines = [*begin_row(module), "j = uint64(starts[i])", *steps, *inside([*stores, "j += uint64(1)"])]
    tile = module.tile(lines, 4)
    module.add("run", over_rows(tile, full_tile(tile, lines), lines))
