"""Cache tables of this process on a cluster's workers: sent once for a client, released when table or client are gone."""

from __future__ import annotations

import uuid
import weakref
from dataclasses import dataclass
from typing import Any

from gpuflow_kernels.column import Chunk

from gpuflow.arrow.dictionaries import trimmed
from gpuflow.io.in_memory.source import ChunkSplit, MemorySplit

InMemory = MemorySplit | ChunkSplit


@dataclass(frozen=True)
class Sent:
    """Columns of a split, kept by workers as long as `future` lives."""

    columns: tuple[str, ...]
    future: Any

    @property
    def alive(self) -> bool:
        return bool(self.future.client.status != "closed" and self.future.status not in ("cancelled", "lost", "error"))


_sent: weakref.WeakKeyDictionary[Any, dict[str, list[Sent]]] = weakref.WeakKeyDictionary()
"""Columns on workers, by the content of a split, then by the client's id."""


def sent(client: Any, split: InMemory) -> list[Sent]:
    """Return the columns of a split on the workers of a client. Those lost with a worker or a client are dropped."""
    by_client = _sent.get(split.content, {})
    for name, parts in list(by_client.items()):
        by_client[name] = [part for part in parts if part.alive]
        if not by_client[name]:
            del by_client[name]
    return by_client.get(client.id, [])


def note(client: Any, split: InMemory, columns: tuple[str, ...], future: Any) -> None:
    """Record that workers hold these columns of a split."""
    _sent.setdefault(split.content, {}).setdefault(client.id, []).append(Sent(columns, future))


def forget(client: Any, split: InMemory) -> None:
    """Release the columns of a split on the workers of a client."""
    _sent.get(split.content, {}).pop(client.id, None)


def new_key() -> str:
    """Make an unused key: a released one may not have been deleted everywhere yet."""
    return f"memory-{uuid.uuid4().hex}"


def rows_of(split: InMemory, columns: tuple[str, ...]) -> Chunk:
    """Read the columns to send, with dictionaries trimmed to the strings in use."""
    chunk = split.read(columns)
    return Chunk(tuple(trimmed(c) for c in chunk.columns), chunk.length)


def assembled(chunks: list[Chunk], places: tuple[tuple[int, int], ...]) -> Chunk:
    """Combine columns at `places` (number of the chunk, position in it) of chunks with the same rows."""
    return Chunk(tuple(chunks[k].columns[position] for k, position in places), chunks[0].length)


def places_in(parts: list[Sent], columns: tuple[str, ...]) -> tuple[list[Sent], tuple[tuple[int, int], ...]]:
    """Find the `parts` that hold `columns`, and the position of each column in them."""
    used: list[Sent] = []
    places = []
    for column in columns:
        part = next(p for p in (*used, *parts) if column in p.columns)
        if part not in used:
            used.append(part)
        places.append((used.index(part), part.columns.index(column)))
    return used, tuple(places)
