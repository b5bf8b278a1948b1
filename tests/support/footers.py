"""Parquet files whose footers contradict their pages."""

from __future__ import annotations

from pathlib import Path


def changed(path: Path, *changes: tuple[bytes, bytes]) -> None:
    """Replace bytes of a footer by as many others, at every occurrence."""
    content = path.read_bytes()
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    footer = content[start:-8]
    for number, (old, new) in enumerate(changes):
        assert old in footer and len(old) == len(new), old
        footer = footer.replace(old, b"<%03d>" % number * len(old))  # so that two can be swapped
    for number, (old, new) in enumerate(changes):
        footer = footer.replace(b"<%03d>" % number * len(old), new)
    path.write_bytes(content[:start] + footer + content[-8:])


def written_by(writer: str) -> tuple[bytes, bytes]:
    """Return the replacement that gives a file of pyarrow another writer."""
    import pyarrow as pa

    own = f"parquet-cpp-arrow version {pa.cpp_version}".encode()
    return own, writer.encode().ljust(len(own))[: len(own)]
