"""``python -m benchmarks.sass``: check the machine code of every generated GPU kernel against limits, without a device.

Writes ``benchmarks/results/sass.md`` and exits with 1 where a limit is broken.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import click

from benchmarks import assembling, sass_reading
from benchmarks.assembling import ARCHITECTURES, Architecture, Kernel, MissingToolError, assemble, ptx_compiler, sm, versions
from benchmarks.sass_reading import Facts, facts_of

RESULT = Path(__file__).parent / "results" / "sass.md"
MAIN: Architecture = (9, 0)

Examined = dict[tuple[Kernel, Architecture], Facts]


# -- examining --------------------------------------------------------------------------------------------------------
def examine(kernels: Mapping[Kernel, Sequence[Architecture]], folder: Path | None = None) -> Examined:
    """Compile each kernel for each of its architectures and return the facts of its machine code.

    Results are cached in `folder`; a file's name contains everything that the machine code depends on.
    """
    examined: Examined = {}
    ptx: dict[Architecture, dict[Kernel, str]] = {}
    missing: dict[Kernel, list[Architecture]] = {}
    for kernel, architectures in kernels.items():
        for architecture in architectures:
            file = folder / _file_name(kernel, architecture) if folder else None
            if file is not None and file.exists():
                examined[kernel, architecture] = Facts.from_json(json.loads(file.read_text(encoding="utf-8")))
            else:
                missing.setdefault(kernel, []).append(architecture)
    if missing:
        with ptx_compiler() as compiled:
            for kernel, architectures in missing.items():
                for architecture, text in compiled(kernel, architectures).items():
                    ptx.setdefault(architecture, {})[kernel] = text
    for architecture, texts in ptx.items():
        for kernel, assembled in zip(texts, assemble(texts.values(), architecture), strict=True):
            examined[kernel, architecture] = facts = facts_of(assembled)
            if folder is not None:
                _keep(folder / _file_name(kernel, architecture), json.dumps(facts.as_json()))
    return examined


def _keep(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=file.parent, suffix=".tmp")
    with os.fdopen(handle, "w", encoding="utf-8") as opened:
        opened.write(text)
    os.replace(temporary, file)


def _file_name(kernel: Kernel, architecture: Architecture) -> str:
    imported = {n.module for n in ast.walk(assembling.tree(kernel.text)) if isinstance(n, ast.ImportFrom) and n.module}
    sources = [_source(m) for m in sorted(imported) if m.startswith("gpuflow")]
    sources += [_source(m.__name__) for m in (assembling, sass_reading)]
    settings = sorted((k, v) for k, v in os.environ.items() if k.startswith(("GPUFLOW_CUDA", "NUMBA_")))
    key = repr((kernel, architecture, versions(), settings, sys.version_info[:3], sources))
    return hashlib.sha256(key.encode()).hexdigest()[:40] + ".json"


@cache
def _source(module: str) -> str:
    spec = importlib.util.find_spec(module)
    assert spec is not None and spec.origin is not None, module
    return Path(spec.origin).read_text(encoding="utf-8")


# -- limits -----------------------------------------------------------------------------------------------------------
MOST_REGISTERS = 128
"""With blocks of 256 threads, two blocks share a multiprocessor."""
LOADS = 4
"""Least loads in flight of a thread that reads columns, if those of all threads together are too few."""
KIB_IN_FLIGHT: dict[Architecture, int] = {(7, 5): 16, (8, 0): 16, (9, 0): 32, (10, 0): 32}
"""What a multiprocessor should have in flight to reach the bandwidth of memory: what CUB's tuning tables aim for on A100
and H100; half of what they aim for on B200. For Turing, whose memory is slower, the number of A100 is taken."""
MOST_THREADS: dict[Architecture, int] = {(7, 5): 1024, (8, 0): 2048, (9, 0): 2048, (10, 0): 2048}
KIB_SHARED: dict[Architecture, int] = {(7, 5): 64, (8, 0): 164, (9, 0): 228, (10, 0): 228}
BLOCK, REGISTER_FILE = 256, 65536


def resident(facts: Facts, architecture: Architecture) -> int:
    """Return how many threads, in blocks of 256, are resident on a multiprocessor at the same time."""
    by_registers = REGISTER_FILE // (BLOCK * max(16, -(-facts.registers // 8) * 8))
    by_shared = KIB_SHARED[architecture] * 1024 // (facts.shared + 1024)  # each block needs one KiB more
    return BLOCK * min(by_registers, by_shared, MOST_THREADS[architecture] // BLOCK)


def kib_in_flight(facts: Facts, architecture: Architecture) -> float:
    """Return the KiB that all threads of a multiprocessor have in flight together."""
    return resident(facts, architecture) * facts.bytes_in_flight / 1024


def declared_loads(kernel: Kernel) -> int:
    """Return how many independent loads a tile issues: the longest run of statements that load by `pair`, `entry` or `item`."""
    most = 0
    for node in ast.walk(kernel.function):
        for body in (getattr(node, "body", None), getattr(node, "orelse", None)):
            run, made = 0, set[str]()
            for statement in body if isinstance(body, list) else ():
                names = {n.id: type(n.ctx) for n in ast.walk(statement) if isinstance(n, ast.Name)}
                if not _is_load(statement) or any(names.get(m) is ast.Load for m in made):
                    run, made = 0, set()
                if _is_load(statement):
                    run += 1
                    made |= {n for n, context in names.items() if context is ast.Store}
                most = max(most, run)
    return most


def _is_load(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.Assign):
        return False
    called = {n.func.id for n in ast.walk(statement.value) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    return not called.isdisjoint(("pair", "entry", "item"))


def streams(kernel: Kernel) -> bool:
    """Return whether a kernel reads columns of a table row by row."""
    return any(re.fullmatch(r"(p_)?c\d+", a.arg) for a in kernel.function.args.args)


def _in_flight(kernel: Kernel, facts: Facts, architecture: Architecture) -> str:
    needed = max(declared_loads(kernel), LOADS if streams(kernel) else 0)
    together = kib_in_flight(facts, architecture)
    if facts.in_flight >= needed or together >= KIB_IN_FLIGHT[architecture]:
        return ""
    return (
        f"{facts.in_flight} loads in flight, not {needed}, and {together:.0f} KiB of a multiprocessor, "
        f"not {KIB_IN_FLIGHT[architecture]}"
    )


LIMITS: dict[str, Callable[[Kernel, Facts, Architecture], str]] = {
    "spills": lambda k, f, a: f"{f.spills} bytes spilled" if f.spills else "",
    "stack": lambda k, f, a: f"{f.stack} bytes of stack" if f.stack else "",
    "local": lambda k, f, a: f"{f.local} accesses to local memory" if f.local else "",
    "registers": lambda k, f, a: f"{f.registers} registers" if f.registers > MOST_REGISTERS else "",
    "division": lambda k, f, a: f"{f.divisions} calls of 64-bit division" if f.divisions else "",
    "in flight": _in_flight,
}
"""For each limit a function that describes how a kernel breaks it; empty if it does not."""


@dataclass(frozen=True)
class Allowance:
    """Kernels that may break a limit: patterns of the case and the kernel, and why."""

    case: str
    kernel: str
    limit: str
    reason: str

    def covers(self, case: str, kernel: Kernel, limit: str) -> bool:
        return limit == self.limit and fnmatchcase(case, self.case) and fnmatchcase(kernel.name, self.kernel)


ALLOWED: tuple[Allowance, ...] = (
    Allowance("map*", "run", "division", "a column is divided by a column"),
    Allowance("compact*", "*", "division", "a column is divided by a column"),
    Allowance("reduce*", "run", "registers", "some fifteen aggregations at once, all of them in registers"),
    Allowance("reduce*", "run", "in flight", "the same: registers leave room for fewer threads"),
    Allowance("compact to a literal*", "take", "in flight", "it writes literals: nothing uses what its tile loads"),
    Allowance("*", "again", "in flight", "it goes over the few rows that found no place in a table"),
    Allowance("*", "sample", "in flight", "each of its 65,536 threads looks at one row"),
)


def breaches(kernel: Kernel, facts: Facts, architecture: Architecture) -> dict[str, str]:
    """Return how a kernel breaks limits, allowed or not."""
    return {limit: wrong for limit, check in LIMITS.items() if (wrong := check(kernel, facts, architecture))}


def failures(
    examined: Examined, cases: Mapping[Kernel, str], allowed: Iterable[Allowance] = ALLOWED
) -> tuple[list[str], set[Allowance]]:
    """Return (limits broken without an allowance, the allowances that were needed)."""
    wrong, used = [], set()
    for (kernel, architecture), facts in examined.items():
        for limit, message in breaches(kernel, facts, architecture).items():
            covering = {a for a in allowed if a.covers(cases[kernel], kernel, limit)}
            used |= covering
            if not covering:
                wrong.append(f"{cases[kernel]}: {kernel.name} on {sm(architecture)}: {message}")
    return wrong, used


# -- the report -------------------------------------------------------------------------------------------------------
def _widths(counts: Mapping[int, int]) -> str:
    return " ".join(f"{n}×{width}" for width, n in counts.items()) or "–"


def _row(case: str, kernel: Kernel, f: Facts, architecture: Architecture) -> str:
    calls = " ".join(f"{n}×{name.removeprefix('__cuda_sm20_')}" for name, n in f.calls.items()) or "–"
    cells = (
        case, kernel.name, f.instructions, f.registers, f"{f.spills}/{f.stack}/{f.local}", f.shared,
        f"{f.in_flight} ({f.bytes_in_flight} B)", f"{kib_in_flight(f, architecture):.0f}", _widths(f.loads), _widths(f.stores),
        f.atomics, f.swaps, f.shared_atomics, f.shared_swaps, calls,
    )  # fmt: skip
    return "| " + " | ".join(map(str, cells)) + " |"


HEAD = (
    "case", "kernel", "instructions", "registers", "spills/stack/local", "shared, B", "in flight", "KiB", "loads", "stores",
    "atomics", "swaps", "shared atomics", "shared swaps", "calls",
)  # fmt: skip


def report(examined: Examined, cases: Mapping[Kernel, str]) -> str:
    """All kernels on one architecture, and where the others differ, as Markdown."""
    on_main = {k: f for (k, a), f in examined.items() if a == MAIN}
    lines = [
        "# Machine code of the generated kernels",
        "",
        f"Written by `python -m benchmarks.sass` from {len(on_main)} kernels; compiled by {versions_text()}. No device was used:",
        "these are counts of instructions, not times.",
        "",
        "`loads` and `stores` of global memory are given as number×bytes; `in flight` is the most loads that a thread has under",
        "way at once inside loops, and `KiB` what the threads that fit on a multiprocessor have together; `swaps` are",
        "compare-and-swap instructions; `atomics` are all others. The limits are in `benchmarks/sass.py`.",
        "",
        f"## {sm(MAIN)}",
        "",
        "| " + " | ".join(HEAD) + " |",
        "|" + "---|" * len(HEAD),
        *(_row(cases[k], k, f, MAIN) for k, f in on_main.items()),
        "",
        "## The other architectures",
        "",
        "Most registers of any kernel; kernels that spill or use stack; kernels with fewer loads in flight, and with other",
        f"numbers of atomics or swaps, than on {sm(MAIN)}.",
        "",
        "| architecture | registers | spilling | fewer in flight | other atomics |",
        "|---|---|---|---|---|",
    ]
    differing = []
    for architecture in ARCHITECTURES:
        here = {k: f for (k, a), f in examined.items() if a == architecture}
        fewer = [k for k, f in here.items() if f.in_flight < on_main[k].in_flight]
        other = [k for k, f in here.items() if _atomics(f) != _atomics(on_main[k])]
        spilling = sum(bool(f.spills or f.stack) for f in here.values())
        most = max((f.registers for f in here.values()), default=0)
        lines.append(f"| {sm(architecture)} | {most} | {spilling} | {len(fewer)} | {len(other)} |")
        differing += [f"| {sm(architecture)} {_row(cases[k], k, here[k], architecture)}" for k in dict.fromkeys([*fewer, *other])]
    if differing:
        lines += ["", "These are:", "", "| architecture | " + " | ".join(HEAD) + " |", "|" + "---|" * (len(HEAD) + 1), *differing]
    lines += ["", "## Allowed to break a limit", "", "| case | kernel | limit | reason |", "|---|---|---|---|"]
    lines += [f"| `{a.case}` | `{a.kernel}` | {a.limit} | {a.reason} |" for a in ALLOWED]
    return "\n".join(lines) + "\n"


def _atomics(f: Facts) -> tuple[int, ...]:
    return f.atomics, f.swaps, f.shared_atomics, f.shared_swaps


def versions_text() -> str:
    return ", ".join(v for v in versions() if v.startswith(("numba-cuda", "nvidia")))


@click.command()
@click.option("--cache", type=click.Path(path_type=Path), help="Keep what was found here, and take it from here.")
@click.option("--save/--no-save", "keep", default=True, show_default=True, help="Write benchmarks/results/sass.md.")
def main(cache: Path | None, keep: bool) -> None:
    """Compile every kernel that the test cases launch, for every architecture, and hold it against the limits."""
    try:
        for name in assembling.WHEELS:
            assembling.tool(name)
    except MissingToolError as e:
        raise click.ClickException(str(e)) from e
    from tests.support.launches import everything  # the cases of the tests launch the kernels that are checked

    cases = everything()
    examined = examine(dict.fromkeys(cases, ARCHITECTURES), cache)
    if keep:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(report(examined, cases), encoding="utf-8")
        click.echo(f"written: {RESULT.relative_to(Path(__file__).parents[1])}")
    wrong, used = failures(examined, cases)
    wrong += [f"no kernel needs this allowance: {a}" for a in ALLOWED if a not in used]
    click.echo(f"{len(cases)} kernels on {len(ARCHITECTURES)} architectures, {len(wrong)} failures")
    for line in wrong:
        click.echo(line)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
