"""What a split makes: the pieces of one chunk, by number."""

from __future__ import annotations

from gpuflow_kernels.column import Chunk


class Pieces(list[Chunk]):
    """Pieces of one chunk. They share dictionaries, so they are measured and sent as one thing, not as a list of many."""
