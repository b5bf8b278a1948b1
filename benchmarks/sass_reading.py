"""Read facts from a kernel's machine code: registers, memory accesses by width, atomics, calls, loads in flight.

Loads are in flight from where they are issued to the first instruction that reads what they bring. They are counted along
the blocks of the control flow graph; where paths meet, only those count that are in flight on all of them, and nothing
is carried round a loop, so the number found is one that every pass reaches.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.assembling import Assembled


@dataclass(frozen=True)
class Facts:
    """Sizes are in bytes, per thread or (`shared`) per block; the other numbers count instructions.

    Attributes
    ----------
    registers, spills, stack, shared
        As ptxas reports them.
    instructions : int
    loads, stores : dict of int to int
        Of global memory, by their bytes.
    in_flight, bytes_in_flight : int
        The most global loads under way at once within loops (within the kernel where there are none), and their bytes.
    atomics, shared_atomics : int
        Native ones: without the compare-and-swap ones.
    swaps, shared_swaps : int
        Compare-and-swap, which a loop surrounds: of a hash table, or in place of an atomic that the device lacks.
    local : int
        Loads and stores of local memory.
    calls : dict of str to int
        Calls by the name of the function.
    """

    registers: int
    spills: int
    stack: int
    shared: int
    instructions: int
    loads: dict[int, int]
    stores: dict[int, int]
    in_flight: int
    bytes_in_flight: int
    atomics: int
    swaps: int
    shared_atomics: int
    shared_swaps: int
    local: int
    calls: dict[str, int] = field(default_factory=dict)

    @property
    def divisions(self) -> int:
        """Calls of 64-bit integer division."""
        return sum(n for name, n in self.calls.items() if re.search(r"_(div|rem)_[su]64$", name))

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Facts:
        widths = {k: {int(w): n for w, n in values[k].items()} for k in ("loads", "stores")}
        return cls(**values | widths)


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: what it may write and what it reads (numbers of registers), where it may jump to."""

    address: int
    predicated: bool
    name: str
    parts: tuple[str, ...]
    target: int | None
    writes: frozenset[int]
    reads: frozenset[int]

    @property
    def bytes(self) -> int:
        """Bytes of a load or store."""
        for part in self.parts:
            if part in _WIDTHS:
                return _WIDTHS[part]
        return 4


_WIDTHS = {"U8": 1, "S8": 1, "U16": 2, "S16": 2, "64": 8, "128": 16, "256": 32}
_LINE = re.compile(r"/\*([0-9a-f]+)\*/\s+(?:@!?(U?P\w+)\s+)?([A-Z]\w*)(?:\.([\w.]+))?\s*(.*?)\s*;")
_REGISTER = re.compile(r"(?<![\w])R(\d+)((?:\.\w+)*)")
_PREDICATE = re.compile(r"!?U?P(T|\d+)$")
_JUMPS = {"BRA", "CALL", "JMP"}
_ONLY_READ = {"ST", "STG", "STS", "STL", "RED", "REDG", "REDS", "EXIT", "RET", "BSSY", "BSYNC", "BREAK", "BAR", "MEMBAR", "R2P"}
_AFTER_PREDICATE = {"ATOM", "ATOMG", "ATOMS", "SHFL", "MATCH", "VOTE", "LDG", "LD"}


def parse(line: str) -> Instruction:
    """Parse one line of nvdisasm."""
    match = _LINE.match(line)
    assert match, line
    address, predicate, name, parts, operands = match.groups()
    split = tuple(parts.split(".")) if parts else ()
    given = [o.strip() for o in operands.split(",")] if operands else []
    at = _place_of_result(name, given)
    # A pair of registers is called by its first, where an operand or the whole instruction is of 64 bits.
    width = 2 if "64" in split or "WIDE" in split or re.match(r"D(ADD|MUL|FMA|SETP|MNMX)|[IF]2F", name) else 1
    width = 4 if "128" in split else width
    pointer = 2 if "E" in split else 1
    reads: set[int] = set()
    for k, operand in enumerate(given):
        if k != at:
            for number, suffix in _REGISTER.findall(operand):
                size = max(pointer if "[" in operand else width, 2 if ".64" in suffix else 1)
                reads |= set(range(int(number), int(number) + size))
    result = _REGISTER.match(given[at]) if at is not None else None
    size = max(width, _bytes(split) // 4) if name in _LOADS else width
    writes = range(int(result.group(1)), int(result.group(1)) + size) if result else ()
    jump = re.search(r"\b0x([0-9a-f]+)$", operands) if name in _JUMPS else None
    target = int(jump.group(1), 16) if jump else None
    return Instruction(int(address, 16), predicate is not None, name, split, target, frozenset(writes), frozenset(reads))


_LOADS = {"LDG", "LD"}


def _bytes(parts: tuple[str, ...]) -> int:
    return next((_WIDTHS[p] for p in parts if p in _WIDTHS), 4)


def _place_of_result(name: str, operands: list[str]) -> int | None:
    if name in _ONLY_READ or name.endswith("SETP") or not operands:
        return None
    if operands[0].startswith(("R", "UR")) and _is_plain(operands[0]):
        return 0
    if name in _AFTER_PREDICATE and _PREDICATE.match(operands[0]) and len(operands) > 1:
        return 1
    return None


def _is_plain(operand: str) -> bool:
    return re.fullmatch(r"U?R(\d+|Z)", operand) is not None


# -- control flow -----------------------------------------------------------------------------------------------------
@dataclass(slots=True)
class _Block:
    code: list[Instruction]
    after: list[int] = field(default_factory=list)
    before: list[int] = field(default_factory=list)


def blocks(code: list[Instruction]) -> list[_Block]:
    """Return basic blocks in the order of their addresses. Calls return; a divergent branch may go either way."""
    starts = {code[0].address} | {i.target for i in code if i.target is not None}
    result: list[_Block] = []
    ended = True
    for instruction in code:
        if ended or instruction.address in starts:
            result.append(_Block([]))
        result[-1].code.append(instruction)
        ended = instruction.name in ("BRA", "JMP", "BRX", "EXIT", "RET")
    at = {b.code[0].address: k for k, b in enumerate(result)}
    for k, block in enumerate(result):
        last = block.code[-1]
        if last.name in ("BRA", "JMP") and last.target in at:
            block.after.append(at[last.target])
        conditional = last.predicated or (last.name == "BRA" and last.parts[:1] in (("DIV",), ("CONV",), ("U",)))
        if k + 1 < len(result) and (conditional or last.name not in ("BRA", "JMP", "BRX", "EXIT", "RET")):
            block.after.append(k + 1)
    for k, block in enumerate(result):
        for n in block.after:
            result[n].before.append(k)
    return result


def reached(graph: list[_Block], start: list[int]) -> set[int]:
    """Return the blocks that may run after those of `start`."""
    visited: set[int] = set()
    waiting = list(start)
    while waiting:
        k = waiting.pop()
        if k not in visited:
            visited.add(k)
            waiting += graph[k].after
    return visited


def in_loops(graph: list[_Block]) -> set[int]:
    """Return the blocks that are in loops."""
    live = reached(graph, [0])
    return {k for k in live if k in reached(graph, graph[k].after)}


# -- counting ---------------------------------------------------------------------------------------------------------
def loads_in_flight(graph: list[_Block]) -> tuple[int, int]:
    """Return the greatest (number, bytes) of global loads in flight at once."""
    live, looping = reached(graph, [0]), in_loops(graph)
    outgoing: dict[int, list[Instruction]] = {}
    best = (0, 0)
    for k, block in enumerate(graph):
        if k not in live:
            continue
        coming = [outgoing.get(b) for b in block.before if b in live]
        flight: list[Instruction] = []
        if coming and all(c is not None for c in coming):  # loads in flight are not carried around a loop
            flight = [load for load in coming[0] or [] if all(load in (c or []) for c in coming)]
        for instruction in block.code:
            flight = _without(flight, instruction)
            if instruction.name in _LOADS:
                flight.append(instruction)
                if k in looping or not looping:
                    best = max(best, (len(flight), sum(i.bytes for i in flight)))
        outgoing[k] = flight
    return best


def _without(flight: list[Instruction], instruction: Instruction) -> list[Instruction]:
    """Return the loads still in flight: they arrive in order, so waiting for one is waiting for those before it."""
    if instruction.name == "CALL":
        return []
    touched = instruction.reads | instruction.writes
    last = max((k for k, load in enumerate(flight) if load.writes & touched), default=-1)
    return flight[last + 1 :]


def _number(pattern: str, report: str) -> int:
    return sum(int(n) for n in re.findall(pattern, report))


def facts_of(assembled: Assembled) -> Facts:
    """Compute all facts of a kernel's machine code."""
    code = [parse(line) for line in assembled.lines]
    entry = code[0].address
    symbols = {at: name.rpartition("$")[2] for at, name in assembled.symbols if at != entry}
    calls = Counter(symbols[i.target] for i in code if i.name == "CALL" and i.target in symbols)
    loads = Counter(i.bytes for i in code if i.name in _LOADS)
    stores = Counter(i.bytes for i in code if i.name in ("STG", "ST"))
    shared = [i for i in code if i.name in ("ATOMS", "REDS")]
    other = [i for i in code if i.name in ("ATOM", "ATOMG", "RED", "REDG")]

    def swaps(some: list[Instruction]) -> int:
        return sum(i.parts.count("CAS") + i.parts.count("CAST") for i in some)

    flight = loads_in_flight(blocks(code))
    return Facts(
        registers=max((int(n) for n in re.findall(r"Used (\d+) registers", assembled.report)), default=0),
        spills=_number(r"(\d+) bytes spill", assembled.report),
        stack=_number(r"(\d+) bytes stack frame", assembled.report),
        shared=_number(r"(\d+) bytes smem", assembled.report),
        instructions=sum(i.name != "NOP" for i in code),
        loads=dict(sorted(loads.items())),
        stores=dict(sorted(stores.items())),
        in_flight=flight[0],
        bytes_in_flight=flight[1],
        atomics=len(other) - swaps(other),
        swaps=swaps(other),
        shared_atomics=len(shared) - swaps(shared),
        shared_swaps=swaps(shared),
        local=sum(i.name in ("LDL", "STL") for i in code),
        calls=dict(sorted(calls.items())),
    )
