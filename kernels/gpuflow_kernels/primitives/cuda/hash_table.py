"""Open-addressing tables of group ids on a GPU: power-of-two slots, at most half full, linear probing, -1 for empty.

Keys are found by several kernels, because the payload of a slot may only be read in a later launch than the one that
wrote it: key words of all rows lie in arrays before ``insert`` starts. A slot holds the id of a group (0 and up), or
while rows are being inserted ``-2 - j``: the key is that of row ``j``, compared through its words. A slot once taken
keeps its key, so an outdated look at it misleads nobody.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ...binding import Bindings
from ...codegen.module_text import HEADERS
from ...codegen.modules import load
from ...codegen.tables_text import hash_text
from ...rowmath import prelude
from ...target import Target
from . import runtime


def empty_slots(target: Target, capacity: int) -> tuple[Any, Any]:
    """Slots for `capacity` keys and the shift that turns a hash into a slot."""
    bits = max(1, int(capacity * 2 - 1).bit_length())
    return target.xp.full(1 << bits, -1, dtype="int64"), np.uint64(64 - bits)


@lru_cache(maxsize=64)
def table_text(words: int, constant: bool) -> str:
    """The module of kernels for keys of `words` words.

    ``rebuild``  puts the distinct keys 0 … count of ``kw`` into empty slots.
    ``insert``   finds or takes a slot for every row without an id, as long as fewer than `limit` are taken; the row
                 with the least number of its key owns a new slot in the end, so that ids follow first appearance and
                 not the order of threads (unless the table has to grow).
    ``own``      marks the rows that own a slot.
    ``publish``  gives owners their ids (`base` plus their rank) and writes the words of the new groups.
    ``name``     gives the other rows the ids of their slots.
    """
    loads = ", ".join(f"y{k}" for k in range(words))
    old = " and ".join(f"kw{k}[held] == y{k}" for k in range(words))
    new = " and ".join(f"kx{k}[row] == y{k}" for k in range(words))
    kw, kx = ", ".join(f"kw{k}" for k in range(words)), ", ".join(f"kx{k}" for k in range(words))

    def own(source: str, index: str, indent: int) -> str:
        return "\n".join(" " * indent + f"y{k} = {source}{k}[{index}]" for k in range(words))

    publish = "\n".join(f"            kw{k}[g] = kx{k}[j]" for k in range(words))
    kernels = f"""@kernel
def rebuild(count, slots, shift, {kw}):
    g = cuda.grid(1)
    if g < count:
{own("kw", "g", 8)}
        last = int64(len(slots) - 1)
        s = int64(hash_{words}({loads}) >> shift)
        while cuda.atomic.cas(slots, s, -1, g) != -1:
            s = (s + 1) & last


@kernel
def insert(rows, limit, taken, slots, shift, gids, places, {kw}, {kx}):
    j = cuda.grid(1)
    if j < rows and gids[j] < 0:
{own("kx", "j", 8)}
        last = int64(len(slots) - 1)
        s = int64(hash_{words}({loads}) >> shift)
        mine = int64(-2) - j
        place = int64(-1)
        going = True
        while going:
            held = slots[s]
            if held == -1:
                if cuda.atomic.add(taken, 0, 1) < limit:
                    held = cuda.atomic.cas(slots, s, -1, mine)
                    if held == -1:
                        place = s
                        going = False
                else:
                    going = False
                if place < 0:
                    cuda.atomic.add(taken, 0, -1)
            if held >= 0:
                if {old}:
                    place = s
                    going = False
            elif held < -1:
                row = int64(-2) - held
                if {new}:
                    if mine > held:
                        cuda.atomic.max(slots, s, mine)
                    place = s
                    going = False
            s = (s + 1) & last
        places[j] = place


@kernel
def own(rows, slots, gids, places, owners):
    j = cuda.grid(1)
    if j < rows:
        owners[j] = 0
        if gids[j] < 0 and places[j] >= 0:
            if slots[places[j]] == int64(-2) - j:
                owners[j] = 1


@kernel
def publish(rows, base, slots, gids, places, owners, ranks, {kw}, {kx}):
    j = cuda.grid(1)
    if j < rows:
        if owners[j] == 1:
            g = base + ranks[j] - 1
{publish}
            slots[places[j]] = g
            gids[j] = g


@kernel
def name(rows, slots, gids, places):
    j = cuda.grid(1)
    if j < rows:
        if gids[j] < 0 and places[j] >= 0:
            gids[j] = slots[places[j]]"""
    names = prelude(["int64", "uint64"], "cuda").strip()
    return "\n\n\n".join([HEADERS["cuda"], names, hash_text(words, constant), kernels]) + "\n"


def rebuild(target: Target, words: list[Any], count: int, slots: Any, shift: Any, constant: bool) -> None:
    """Insert keys 0 … count into empty slots."""
    if count:
        module = load(table_text(len(words), constant), "cuda")
        runtime.device.launch(module.rebuild, count, [np.int64(count), slots, shift, *words])


def number(target: Target, words: list[Any], rows: int, table: Any, bindings: Bindings) -> Any:
    """The group of every row (int64), from the key words of the rows; `table` (`grouping.GroupTable`) grows as needed.

    Rows that find the table full go again after it has grown, and only those.
    """
    xp, launch = target.xp, runtime.device.launch
    module = load(table_text(len(words), bindings.constant_hash), "cuda")
    gids = xp.full(rows, -1, dtype="int64")
    places, owners = (xp.empty(rows, dtype="int64") for _ in range(2))
    count = np.int64(rows)
    while True:
        taken, limit = xp.zeros(1, dtype="int64"), np.int64(table.capacity - table.groups)
        launch(module.insert, rows, [count, limit, taken, table.slots, table.shift, gids, places, *table.words, *words])
        launch(module.own, rows, [count, table.slots, gids, places, owners])
        ranks = xp.cumsum(owners)
        base = np.int64(table.groups)
        launch(module.publish, rows, [count, base, table.slots, gids, places, owners, ranks, *table.words, *words])
        launch(module.name, rows, [count, table.slots, gids, places])
        table.groups += int(ranks[-1])
        if not bool((gids < 0).any()):
            return gids
        table.grow(target, bindings)
