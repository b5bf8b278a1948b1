"""The sizes that plans are lowered by, for where their kernels run: caches and cores of a host, or the memory of a device.

A host has many threads that share caches, so its partitions are small and its tables are cut to fit a cache. A device runs
one kernel over all it holds: each further partition costs launches and Python, so there are as few as its memory allows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

GIB = 1 << 30
HOST_RADIX_ROWS = 1 << 16
"""Build rows of a partition when both sides are exchanged in one process: keys, slots and payload of so many rows stay
within the second-level cache and its address translations (docs/decisions.md)."""
UNKNOWN_MEMORY = 16 * GIB
"""Bytes taken for a device that cannot be asked, as those of a cluster that has no workers yet."""
WORK_SPACE = 4
"""A partition on a device takes this part of the memory: its rows, what is written, and tables or pieces of an exchange."""
LANES = 2
"""Partitions that a device works on at once: one computes while another is loaded."""
EVEN = 64
"""Partitions begin at multiples of so many rows, as vector loads of kernels ask."""
MOST_ROWS = 1 << 30
"""Rows of a partition on a device: numbers of rows in tables have 32 bits."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What decides about sizes.

    Attributes
    ----------
    broadcast_rows, broadcast_bytes : int
        A join side within both limits is given to every partition.
    exchange_rows : int
        Build rows of a partition where both sides of a join are exchanged.
    merge_rows : int
        Partial groups beyond this many are exchanged by key and merged apart.
    sort_rows : int
        A sort of more rows is split into ranges.
    memory : int, optional
        Bytes of the device; None for a host, whose partitions are cut by threads.
    """

    broadcast_rows: int = 4_000_000
    broadcast_bytes: int = 1 << 28
    exchange_rows: int = HOST_RADIX_ROWS
    merge_rows: int = 1 << 18
    sort_rows: int = 1 << 21
    memory: int | None = None

    @property
    def on_device(self) -> bool:
        return self.memory is not None

    @property
    def partition_bytes(self) -> int:
        """Bytes of a device's partition, of which `LANES` are worked on at once."""
        assert self.memory is not None
        return self.memory // WORK_SPACE // LANES

    def with_settings(self, **sizes: int | None) -> Profile:
        """Replace sizes by those that are set."""
        return replace(self, **{name: size for name, size in sizes.items() if size is not None})  # type: ignore[arg-type]

    def partition_rows(self, rows: int, row_bytes: int, devices: int = 1, at_once: int = LANES) -> int:
        """Rows of a device's partition, a multiple of 64.

        One partition holds a table that fits with its work space; a table of 1 GiB and more is shared out to all `devices`;
        a larger one is cut so that `at_once` partitions fit together on each.

        Examples
        --------
        >>> one = device(139 * GIB)
        >>> one.partition_rows(1_000_000_000, 16), one.partition_rows(10_000_000_000, 16)
        (1000000000, 1000000000)
        """
        assert self.memory is not None
        whole, share = rows * max(1, row_bytes), self.memory // WORK_SPACE
        count = max(1, min(devices, _quotient(whole, GIB)))
        if whole > share * count:
            count = max(devices, _quotient(whole, share // at_once))
        count = max(count, _quotient(rows, MOST_ROWS))
        return max(EVEN, _quotient(_quotient(rows, count), EVEN) * EVEN)

    def __str__(self) -> str:
        if self.memory is None:
            return "for cores"
        share = self.memory // WORK_SPACE
        return (
            f"for a device of {size_text(self.memory)}: one partition of up to {size_text(share)}, or {LANES} at once of up to "
            f"{size_text(share // LANES)}; tables of up to {size_text(self.broadcast_bytes)} for all partitions; merges of "
            f"{self.merge_rows:,} groups and sorts of {self.sort_rows:,} rows in one"
        )


def _quotient(a: int, b: int) -> int:
    """Rounded up."""
    return -(-a // b)


def host(local: bool = True) -> Profile:
    """The profile of cores; partitions of an exchange between processes are worth the overhead of their tasks."""
    return Profile() if local else Profile(exchange_rows=Profile().broadcast_rows)


def device(memory: int | None, local: bool = True) -> Profile:
    """The profile of a device with so many bytes free. In a cluster tables for all partitions cross the network, once for each
    worker, so they are smaller."""
    memory = memory or UNKNOWN_MEMORY
    table = memory // (16 if local else 64)
    return Profile(
        broadcast_rows=table // 8,
        broadcast_bytes=table,
        exchange_rows=memory // 16 // 16,
        merge_rows=memory // 16 // 64,
        sort_rows=memory // 16 // 32,
        memory=memory,
    )


def size_text(count: int) -> str:
    """Bytes for people.

    >>> size_text(3 * GIB // 2), size_text(5 << 20), size_text(300)
    ('1.5 GiB', '5.0 MiB', '300 B')
    """
    for unit, size in (("GiB", GIB), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"
