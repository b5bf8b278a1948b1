"""Every kind of kernel on few rows, against the CPU target: what compute-sanitizer watches.

``python -m benchmarks.gpu.small --seconds 30``
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

ROWS = 3_000
CASES = (
    "map", "compact", "reduce", "dense", "dense, folded", "hash of one word", "hash of two words", "number one word",
    "inner join, direct, unique, to rows", "inner join, hash, unique, to groups", "inner join, hash, repeated, to rows",
    "left join, hash of two words, repeated, to rows", "split",
)  # fmt: skip
"""Cases of `tests.support.cuda_cases`, one for each kind of kernel."""
DONE = "gpuflow: cases"


def run(target: Any, seconds: float, names: Sequence[str] = CASES, say: Callable[[str], None] = print) -> int:
    """Run the cases as long as there is time; the number that were right. Raises where an answer is wrong."""
    from gpuflow_kernels.binding import Bindings
    from gpuflow_kernels.target import CPU

    from tests.support.cuda_cases import CASES as known
    from tests.support.cuda_cases import check, data

    cases = {case.name: case for case in known}
    end, count = time.monotonic() + seconds, 0
    for name in names:
        if time.monotonic() > end:
            break
        for bindings in (Bindings(), Bindings(tiny=True)):
            chunk = data(ROWS, True, ROWS)
            check(cases[name].run(target, chunk, bindings), cases[name].run(CPU, chunk, bindings))
        count += 1
        say(f"{name}: as on the CPU")
    say(f"{DONE} {count} of {len(names)}")
    return count


def main() -> None:
    import cupy
    from gpuflow_kernels.target import CUDA

    # every array an allocation of its own: what runs over its end is no longer in another array of the pool
    cupy.cuda.set_allocator(None)
    run(CUDA, float(sys.argv[sys.argv.index("--seconds") + 1]))
    cupy.cuda.runtime.deviceSynchronize()


if __name__ == "__main__":
    main()
