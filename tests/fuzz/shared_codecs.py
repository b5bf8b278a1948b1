"""Threads that read compressed files at once: ``python -m tests.fuzz.shared_codecs --processes 20``.

Each process writes a file of random numbers per compression and reads every one of them ten times by four threads, once with
the decoder of kernels and once with pyarrow's alone. A process that ends by a signal, hangs, or reads another value is a fault.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

COMPRESSIONS = ("gzip", "zstd", "snappy", "brotli", "lz4")
ROWS, GROUPS, THREADS, READS = 2_400_000, 8, 4, 10
SECONDS = 600.0


def differing(rows: int, compressions: tuple[str, ...], reads: int) -> list[str]:
    """Read a file of each compression by several threads, with both decoders; name the reads that gave other values."""
    import dask

    import gpuflow as gf
    from gpuflow.io.parquet import decode

    values = np.random.default_rng(1).integers(0, 256, rows, dtype=np.uint8)
    expected = pa.chunked_array([values])
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for compression in compressions:
            path = Path(folder, f"{compression}.parquet")
            pq.write_table(
                pa.table({"x": values}), path, compression=compression, row_group_size=rows // GROUPS, use_dictionary=False
            )
            frame = gf.scan_parquet(path)
            for name, least in (("kernels", 0), ("pyarrow", rows + 1)):
                decode.ROWS = least
                for number in range(reads):
                    with dask.config.set({"gpuflow.threads": THREADS, "gpuflow.partition-rows": rows // GROUPS}):
                        if frame.collect().to_arrow()["x"] != expected:
                            found.append(f"{compression}, decoded by {name}, read {number}")
    return found


def process(rows: int, compressions: tuple[str, ...], reads: int = READS) -> str:
    """Have a process of its own do it, and say what went wrong; empty where nothing did."""
    command = [sys.executable, "-m", "tests.fuzz.shared_codecs", "--work", "--rows", str(rows), "--reads", str(reads)]
    try:
        done = subprocess.run([*command, *compressions], capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return f"no answer in {SECONDS:g} s"
    return "" if done.returncode == 0 else f"ended with {done.returncode}: {done.stdout}{done.stderr[-2_000:]}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("compressions", nargs="*", help=f"by default {' '.join(COMPRESSIONS)}")
    parser.add_argument("--processes", type=int, default=20)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--reads", type=int, default=READS)
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    chosen = tuple(options.compressions) or COMPRESSIONS
    if options.work:
        found = differing(options.rows, chosen, options.reads)
        print("\n".join(found))
        return 1 if found else 0
    started, faults = time.monotonic(), 0
    for number in range(options.processes):
        told = process(options.rows, chosen, options.reads)
        faults += bool(told)
        print(f"process {number}: {told or 'equal'}", flush=True)
    print(f"{faults} faults in {options.processes} processes, {time.monotonic() - started:.0f} s")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
