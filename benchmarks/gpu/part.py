"""What the process of one part runs: ``python -m benchmarks.gpu.part <spec as JSON>``. Records go to a file, line by line.

Whatever ends the process, what it has measured is there.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.gpu.bench import Bench, CudaDevice, importable
from benchmarks.gpu.schedule import Deadline

WHERE = {
    "micro": ("micro", "run"),
    "G1": ("rows", "fused"),
    "G2": ("rows", "compaction"),
    "G3": ("groups", "few"),
    "G4": ("groups", "many"),
    "G5": ("joins", "unique"),
    "G6": ("joins", "repeated"),
    "G7": ("db", "run"),
    "G8": ("transfers", "run"),
}
"""The function of each part that runs in a process of its own."""


def run(
    name: str,
    emit: Callable[[dict[str, Any]], None],
    seconds: float,
    rows: int | None,
    quick: bool,
    device: Any = None,
    peers: dict[str, Any] | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> None:
    """Run a part on `device`, the first CUDA device by default; the last record is ``{"kind": "end"}``."""
    deadline = Deadline(seconds, clock)
    if peers is None:
        peers, absent = importable() if name != "micro" else ({}, {})
        for peer, why in absent.items():
            emit({"kind": "absent", "peer": peer, "why": why})
    bench = Bench(CudaDevice() if device is None else device, deadline, emit, peers, rows, quick, clock)
    bench.measure_copy()
    module, function = WHERE[name]
    getattr(import_module(f"benchmarks.gpu.{module}"), function)(bench)
    emit({"kind": "end"})


def main() -> None:
    spec = json.loads(sys.argv[1])
    with Path(spec["out"]).open("a") as file:

        def emit(record: dict[str, Any]) -> None:
            file.write(json.dumps(record) + "\n")
            file.flush()

        try:
            run(spec["name"], emit, spec["seconds"], spec["rows"], spec["quick"])
        except Exception as error:
            emit({"kind": "error", "text": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()})
            sys.exit(1)


if __name__ == "__main__":
    main()
