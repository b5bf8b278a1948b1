"""Damaged Parquet files: ``python -m tests.fuzz.files --copies 1000``.

Every file of the corpus is damaged so many times, and each copy is read whole by a process that is watched: what ends it, or
takes longer than five seconds, is a fault, and so is any error that is no `ReadError`. Files with page checksums must, beyond
that, give the right rows or none where pages are damaged (odd seeds). In the other half the footer may be, which has no
checksum: a few in ten thousand of its bits change a name or a type unseen, which is counted.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from gpuflow_kernels.column import Chunk

from gpuflow.plan.source import RowSelector

SECONDS = 5.0
MEMORY = 6 << 30
"""Bytes of address space for a reader: what a damaged size asks for is refused, not swapped."""


class EveryThird(RowSelector):
    """As a filter that every third row passes."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self.columns = columns

    def rows(self, chunk: Chunk) -> Any:
        return np.arange(0, chunk.length, 3)


@contextmanager
def own_decoder() -> Iterator[None]:
    """Within this block files are not too small for kernels to decode them."""
    from gpuflow.io.parquet import decode

    kept, decode.ROWS = decode.ROWS, 0
    try:
        yield
    finally:
        decode.ROWS = kept


def outcome(path: Path, content: bytes, expected: Any) -> str:
    """What comes of reading a damaged file: ``error``, ``right``, ``wrong``, or the name of an error that is not ours."""
    from gpuflow import io
    from gpuflow.errors import GpuflowError, ReadError
    from gpuflow.frame.frame import Table

    path.write_bytes(content)
    try:
        source = io.scan_parquet(path)
        names = tuple(source.schema)
        splits = source.splits(None)
        found = Table(source.schema, [split.read(names) for split in splits]).to_arrow()
        with own_decoder():
            if not same(found, Table(source.schema, [split.read(names) for split in splits]).to_arrow()):
                return "other rows by the decoder of our own"
            ours = Table(source.schema, [split.read_some(names, EveryThird(names[:1])) for split in splits]).to_arrow()
        thirds = Table(source.schema, [split.read_some(names, EveryThird(names[:1])) for split in splits]).to_arrow()
        if len(splits) == 1 and not (same(thirds, found.take(np.arange(0, len(found), 3))) and same(ours, thirds)):
            return "other rows where few are asked for"
    except ReadError:
        return "error"
    except GpuflowError as e:  # a damaged name may come twice, which is told by another error
        return "error" if type(e).__name__ == "DuplicateNameError" else f"{type(e).__name__}: {e}"[:200]
    except Exception as e:
        return f"{type(e).__name__}: {e}"[:200]
    finally:
        from gpuflow.io.parquet import footers

        footers._cache.clear()
    return "right" if same(found, expected) else "wrong"


def readable(path: Path, content: bytes) -> Any:
    """What gpuflow reads of a whole file."""
    from gpuflow import io
    from gpuflow.frame.frame import Table

    path.write_bytes(content)
    source = io.scan_parquet(path)
    names = tuple(source.schema)
    with own_decoder():  # compiled before anything is timed
        for split in source.splits(None):
            split.read_some(names, EveryThird(names[:1]) if names else None)
    return Table(source.schema, [split.read(names) for split in source.splits(None)]).to_arrow()


def same(a: Any, b: Any) -> bool:
    """Equal names, types and values; floats by their bits, for NaN is to be NaN."""
    import pyarrow as pa

    def bits(column: Any) -> Any:
        whole = column.combine_chunks()
        if not pa.types.is_floating(column.type):
            return whole
        return whole.view(pa.int64() if column.type.bit_width == 64 else pa.int32())

    return bool(a.schema.equals(b.schema)) and all(
        len(x) == len(y) and bits(x).equals(bits(y)) for x, y in zip(a.columns, b.columns, strict=True)
    )


def work() -> None:
    """Read copies as they are asked for on standard input, and tell what came of each."""
    import resource

    from tests.fuzz.corpus import damaged, data_end, files

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        path = Path(folder, "damaged.parquet")
        corpora = {checksums: files(checksums=checksums) for checksums in (True, False)}
        expected: dict[tuple[bool, str], Any] = {}
        for line in sys.stdin:
            name, checksums, first, last = json.loads(line)
            content, _ = corpora[checksums][name]
            if (checksums, name) not in expected:
                expected[checksums, name] = readable(path, content)
            for seed in range(first, last):
                print(json.dumps(["begin", seed]), flush=True)
                what = outcome(path, damaged(content, seed, data_end(content) if seed % 2 else None), expected[checksums, name])
                print(json.dumps(["end", seed, what]), flush=True)


@dataclass
class Result:
    """What came of the copies of one file."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


class Reader:
    """A process that reads copies, started anew when it ends."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.buffer = b""

    def start(self) -> subprocess.Popen[bytes]:
        if self.process is None or self.process.poll() is not None:
            self.buffer = b""
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.fuzz.files", "--work"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        return self.process

    def line(self, seconds: float) -> bytes | None:
        """The next line; empty when the process has ended, None when it takes too long."""
        assert self.process is not None and self.process.stdout is not None
        end = time.monotonic() + seconds
        while b"\n" not in self.buffer:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                return None
            block = os.read(self.process.stdout.fileno(), 1 << 16)
            if not block:
                return b""
            self.buffer += block
        found, _, self.buffer = self.buffer.partition(b"\n")
        return found

    def stop(self) -> int | None:
        if self.process is None:
            return None
        self.process.kill()
        code = self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self.process = None
        return code


def run(name: str, checksums: bool, copies: int, reader: Reader, result: Result) -> None:
    """Have a reader read the copies of one file."""
    seed, patience = 0, 60.0  # a new process first makes the corpus
    asked = False
    while seed < copies:
        process = reader.start()
        assert process.stdin is not None
        if not asked:
            process.stdin.write(json.dumps([name, checksums, seed, copies]).encode() + b"\n")
            process.stdin.flush()
            asked = True
        line = reader.line(patience)
        if not line:
            if line is None:
                reader.stop()
                what = f"no answer in {patience:g} s"
            else:
                code = process.wait()
                reader.stop()
                what = f"the process ended with {code}"
            result.counts["crash or hang"] += 1
            result.faults.append(f"{name}, checksums {checksums}, seed {seed}: {what}")
            seed, asked, patience = seed + 1, False, 60.0
            continue
        kind, seed, *rest = json.loads(line)
        patience = SECONDS if kind == "begin" else 60.0
        if kind == "end":
            what = rest[0]
            if what == "wrong" and seed % 2 == 0:
                what = "wrong, perhaps by the footer"
            known = what in ("error", "right", "wrong", "wrong, perhaps by the footer")
            result.counts[what if known else "another error"] += 1
            if not known or (what == "wrong" and checksums):
                result.faults.append(f"{name}, checksums {checksums}, seed {seed}: {what}")
            seed += 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, default=1000)
    parser.add_argument("--only", default="", help="names of files that contain this")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work()
        return 0
    from tests.fuzz.corpus import files

    reader, faults, started = Reader(), 0, time.monotonic()
    total: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    try:
        for name in files(checksums=True):
            if options.only not in name:
                continue
            for checksums in (True, False):
                result = Result()
                run(name, checksums, options.copies, reader, result)
                total[checksums] += result.counts
                faults += len(result.faults)
                print(f"{name}, {'with' if checksums else 'without'} checksums: {dict(result.counts)}", flush=True)
                for fault in result.faults[:10]:
                    print(f"    {fault}", flush=True)
    finally:
        reader.stop()
    for checksums, counts in total.items():
        print(f"{'with' if checksums else 'without'} checksums: {dict(counts)}")
    print(f"{faults} faults in {time.monotonic() - started:.0f} s")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
