"""Open-addressing tables on a GPU: power-of-two slots, linear probing, at most half full when built or grown.

Tables of group ids (-1 for empty) are filled by several kernels, because the payload of a slot may only be read in a later
launch than the one that wrote it: key words of all rows lie in arrays before ``insert`` starts. A slot holds the id of a
group (0 and up), or while rows are being inserted ``-2 - j``: the key is that of row ``j``, compared through its words. A slot
once taken keeps its key, so an outdated read of it is harmless.

Open tables have the one word of the key itself in the slot (`codegen.tables_text.CLAIM_TEXT`); accumulators of the key are at the
same index in other arrays.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from gpuflow_kernels.codegen.common.module_source import indented, module_of
from gpuflow_kernels.codegen.common.table_lookups import CLAIM_NULL_TEXT, CLAIM_TEXT, EMPTY, hash_text
from gpuflow_kernels.codegen.cuda.snippets import Param, kernel_text, named, thread_number

from ...binding import Bindings
from ...codegen.modules import load
from ...target import Target
from . import runtime

PROBES = 128
"""Slots that a row probes before it waits for a larger table."""
THREAD = thread_number("j")


def empty_slots(target: Target, capacity: int) -> tuple[Any, Any]:
    """Make slots for `capacity` keys; also return the shift that turns a hash into a slot."""
    bits = max(1, int(capacity * 2 - 1).bit_length())
    return target.xp.full(1 << bits, -1, dtype="int64"), np.uint64(64 - bits)


def empty_keys(target: Target, slots: int) -> tuple[Any, Any]:
    """Make an open table of `slots` (a power of two) and two more, for the key `EMPTY` and for null.

    Also return the shift that turns a hash into a slot.
    """
    return target.xp.full(slots + 2, EMPTY, dtype="int64"), np.uint64(65 - slots.bit_length())


def _arrays(prefix: str, words: int) -> tuple[Param, ...]:
    return tuple(named(f"{prefix}{k}", "int64") for k in range(words))


def kernels_of(words: int) -> dict[str, tuple[Param, ...]]:
    """Return the kernels for keys of `words` words, and their parameters."""
    table = (named("slots", "int64"), named("shift"))
    rows, gids, places = named("rows"), named("gids", "int64"), named("places", "int64")
    owners = named("owners", "int64")
    kw, kx = _arrays("kw", words), _arrays("kx", words)
    return {
        "rebuild": (named("count"), *table, *kw),
        "insert": (rows, named("probes"), *table, gids, places, *kw, *kx),
        "own": (rows, table[0], gids, places, owners),
        "publish": (rows, named("base"), table[0], gids, places, owners, named("ranks", "int64"), *kw, *kx),
        "name": (rows, table[0], gids, places),
    }


@lru_cache(maxsize=64)
def table_text(words: int, constant: bool) -> str:
    """Generate the module of kernels for keys of `words` words.

    ``rebuild``  puts the distinct keys 0 … count of ``kw`` into empty slots.
    ``insert``   finds or takes a slot for every row without an id (-1), within `probes` looks; the row with the least
                 number of its key owns a new slot in the end, so that ids follow first appearance and not the order of
                 threads (unless the table has to grow).
    ``own``      marks the rows that own a slot.
    ``publish``  gives owners their ids (`base` plus their rank) and writes the words of the new groups.
    ``name``     gives the other rows the ids of their slots.
    """
    loads = ", ".join(f"y{k}" for k in range(words))
    old = " and ".join(f"kw{k}[uint64(held)] == y{k}" for k in range(words))
    new = " and ".join(f"kx{k}[row] == y{k}" for k in range(words))

    def own(source: str) -> list[str]:
        return [f"y{k} = {source}{k}[j]" for k in range(words)]

    last = ["last = uint64(18446744073709551615) >> shift", f"s = hash_{words}({loads}) >> shift"]
    bodies = {
        "rebuild": [
            THREAD,
            "if j < uint64(count):",
            *indented([*own("kw"), *last], 1),
            "    while cuda.atomic.cas(slots, s, int64(-1), int64(j)) != int64(-1):",
            "        s = (s + uint64(1)) & last",
        ],
        "insert": [
            THREAD,
            "if j < rows:",
            "    if gids[j] == int64(-1):",
            *indented([*own("kx"), *last], 2),
            "        mine = int64(-2) - int64(j)",
            "        place = int64(-1)",
            "        looks = uint64(0)",
            "        while (place < int64(0)) & (looks < probes):",
            "            held = peek(slots, s)",
            "            if held == int64(-1):",
            "                held = cuda.atomic.cas(slots, s, int64(-1), mine)",
            "                if held == int64(-1):",
            "                    place = int64(s)",
            "            if held >= int64(0):",
            f"                if {old}:",
            "                    place = int64(s)",
            "            elif held < int64(-1):",
            "                row = uint64(int64(-2) - held)",
            f"                if {new}:",
            "                    if mine > held:",
            "                        cuda.atomic.max(slots, s, mine)",
            "                    place = int64(s)",
            "            s = (s + uint64(1)) & last",
            "            looks += uint64(1)",
            "        places[j] = place",
        ],
        "own": [
            THREAD,
            "if j < rows:",
            "    owner = int64(0)",
            "    if gids[j] == int64(-1):",
            "        if places[j] >= int64(0):",
            "            if slots[uint64(places[j])] == int64(-2) - int64(j):",
            "                owner = int64(1)",
            "    owners[j] = owner",
        ],
        "publish": [
            THREAD,
            "if j < rows:",
            "    if owners[j] == int64(1):",
            "        g = base + ranks[j] - int64(1)",
            *(f"        kw{k}[uint64(g)] = kx{k}[j]" for k in range(words)),
            "        slots[uint64(places[j])] = g",
            "        gids[j] = g",
        ],
        "name": [
            THREAD,
            "if j < rows:",
            "    if gids[j] == int64(-1):",
            "        if places[j] >= int64(0):",
            "            gids[j] = slots[uint64(places[j])]",
        ],
    }
    kernels = [kernel_text(name, params, bodies[name]) for name, params in kernels_of(words).items()]
    return module_of("cuda", "\n\n\n".join([hash_text(words, constant), *kernels]), {f"hash_{words}"})


def _launch(words: int, constant: bool, name: str, threads: int, arguments: list[Any]) -> None:
    runtime.launch_over(getattr(load(table_text(words, constant), "cuda"), name), threads, arguments)


def rebuild(target: Target, words: list[Any], count: int, slots: Any, shift: Any, constant: bool) -> None:
    """Insert keys 0 … count into empty slots."""
    if count:
        _launch(len(words), constant, "rebuild", count, [np.int64(count), slots, shift, *words])


def number(target: Target, words: list[Any], gids: Any, table: Any, bindings: Bindings) -> None:
    """Replace every -1 in `gids` (int64, one for each row) by the group of the row, from the key words of the rows;
    `table` (`grouping.GroupTable`) grows as needed. Rows with -2 have no group.

    Only rows without a slot are repeated after the table has grown.
    """
    xp, rows, width = target.xp, len(gids), len(words)
    places, owners = xp.zeros(rows, dtype="int64"), xp.empty(rows, dtype="int64")
    count, thorough = np.uint64(rows), bindings.constant_hash

    def go(name: str, *arguments: Any) -> None:
        _launch(width, bindings.constant_hash, name, rows, [count, *arguments])

    while True:
        slots = len(table.slots)
        # If a nearly empty table has no free slot within reach, keys collide: it is probed to its end.
        go(
            "insert",
            np.uint64(slots if thorough else min(slots, PROBES)),
            table.slots,
            table.shift,
            gids,
            places,
            *table.words,
            *words,
        )
        go("own", table.slots, gids, places, owners)
        ranks = xp.cumsum(owners)
        lost = ((gids == -1) & (places < 0)).any().astype("int64").reshape(1)
        groups, unplaced = xp.concatenate([ranks[-1:], lost]).tolist()  # the only synchronisation with the device
        base = table.groups
        if base + groups > table.capacity:
            table.make_room(target, base + groups)
        go("publish", np.int64(base), table.slots, gids, places, owners, ranks, *table.words, *words)
        go("name", table.slots, gids, places)
        table.groups = base + groups
        if not unplaced:
            if table.groups * 2 > slots:  # probes end at a free slot, and should do so soon
                table.grow(target, bindings)
            return
        thorough = thorough or table.groups * 16 < slots
        table.grow(target, bindings)


OPEN = (named("rows"), named("old", "int64"), named("keys", "int64"), named("shift"), named("probes"), named("to", "int64"))


@lru_cache(maxsize=2)
def open_text(constant: bool) -> str:
    """Generate the module for open tables: ``move`` finds the slots of another table's keys (-1 for an empty one)."""
    body = [
        THREAD,
        "if j < rows:",
        "    place = int64(-1)",
        f"    if old[j] != int64({EMPTY}):",
        "        if j == rows - uint64(1):",
        "            place = claim_null(keys, shift)",
        "        elif j == rows - uint64(2):",
        f"            place = claim(keys, shift, int64({EMPTY}), probes)",
        "        else:",
        "            place = claim(keys, shift, old[j], probes)",
        "    to[j] = place",
    ]
    parts = [hash_text(1, constant), CLAIM_TEXT, CLAIM_NULL_TEXT, kernel_text("move", OPEN, body)]
    return module_of("cuda", "\n\n\n".join(parts), {"hash_1", "claim", "claim_null"})


def move(target: Target, old: Any, keys: Any, shift: Any, constant: bool) -> Any:
    """Move keys from `old` to `keys`, an empty table that is large enough; return the new slot of each old one (-1: empty)."""
    to = target.xp.empty(len(old), dtype="int64")
    arguments = [np.uint64(len(old)), old, keys, shift, np.uint64(len(keys)), to]
    runtime.launch_over(load(open_text(constant), "cuda").move, len(old), arguments)
    return to


def beside(target: Target, slots: Any, words: Any) -> Any:
    """Copy a table of ids to one that probes read with one load: key word and id of each slot side by side."""
    xp = target.xp
    both = xp.empty(2 * len(slots), dtype="int64")
    both[0::2] = words[xp.maximum(slots, 0)] if len(words) else 0
    both[1::2] = slots
    return both
