"""The parts of a run, and how they share its time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the run.

    Attributes
    ----------
    share : float
        Seconds it gets in a run of eight minutes; with other limits, in proportion. What it does not use goes to
        the parts after it.
    least : float
        Seconds with less than which it is not begun.
    """

    name: str
    text: str
    share: float
    least: float = 10.0


PARTS = (
    Part("micro", "micro-benchmarks of the device", 50),
    Part("G1", "fused filter, expression, sum", 20),
    Part("G2", "ordered compaction", 25),
    Part("G3", "group-by, 4,096 groups", 25),
    Part("G4", "group-by, int64 keys, many groups", 25),
    Part("G5", "join, unique keys", 20),
    Part("G6", "join, repeated keys", 20),
    Part("G7", "db-benchmark, group-by and join", 70),
    Part("G8", "transfers, partition and pack", 15),
    Part("memcheck", "compute-sanitizer memcheck", 40, 15),
    Part("racecheck", "compute-sanitizer racecheck", 40, 15),
    Part("suite", "the test suite on the CUDA target", 120, 20),
)
"""In the order of the run: the suite last, because it can use all the time that is left."""

RESERVE = 10.0
"""Seconds kept back for writing the report."""


class Deadline:
    """Seconds left until a moment, by a given clock."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.end = clock() + seconds

    def left(self) -> float:
        return self.end - self.clock()


def allowance(remaining: float, part: Part, later: Sequence[Part]) -> float:
    """Return the seconds of `part`, if the parts `later` are still to run."""
    return max(remaining, 0.0) * part.share / (part.share + sum(p.share for p in later))


def run_parts(
    parts: Sequence[Part],
    deadline: Deadline,
    run: Callable[[Part, float], dict[str, Any]],
    say: Callable[[str], None] = print,
) -> dict[str, dict[str, Any]]:
    """Run all parts; what each says by its name. A part that raises has failed, one that no longer fits is not run.

    Every answer has a ``status``: ``ok``, ``failed`` or ``not run``, the latter two with ``why``, and its ``seconds``.
    """
    results: dict[str, dict[str, Any]] = {}
    for k, part in enumerate(parts):
        seconds = allowance(deadline.left(), part, parts[k + 1 :])
        if seconds < part.least:
            results[part.name] = {"status": "not run", "why": "out of time", "seconds": 0.0}
            say(f"{part.name}: not run: out of time")
            continue
        say(f"{part.name}: {part.text} (at most {seconds:.0f} s)")
        before = deadline.left()
        try:
            result = run(part, seconds)
        except Exception as error:
            result = {"status": "failed", "why": f"{type(error).__name__}: {error}"}
        results[part.name] = result | {"seconds": round(before - deadline.left(), 1)}
        why = f": {result['why']}" if result.get("why") else ""
        say(f"{part.name}: {result['status']}{why}")
    return results


def exit_code(results: dict[str, dict[str, Any]]) -> int:
    """0 when something ran and nothing failed, else 1."""
    states = [r["status"] for r in results.values()]
    return 0 if "ok" in states and "failed" not in states else 1


def selected(only: str | None) -> tuple[Part, ...]:
    """The parts named in a list with commas, in the order of the run; all of them for None.

    Raises
    ------
    ValueError
        For a name that no part has.
    """
    if only is None:
        return PARTS
    asked = [name.strip().lower() for name in only.split(",") if name.strip()]
    parts = {p.name.lower(): p for p in PARTS}
    wrong = [name for name in asked if name not in parts]
    if wrong or not asked:
        raise ValueError(f"no part is named {', '.join(wrong) or 'nothing'}; there are {', '.join(p.name for p in PARTS)}")
    return tuple(p for p in PARTS if p.name.lower() in asked)


def rows_that_fit(rows: int, bytes_per_row: float, free: int, share: float = 0.4) -> int:
    """Return the most rows up to `rows` whose bytes are at most this share of the free memory: 1, 2 or 5 times a power of ten.

    The rest is for results, for hash tables, and for the peers' copies of the same rows.
    """
    most = min(rows, int(free * share / bytes_per_row))
    if most < 1:
        return 0
    digits = 10 ** (len(str(most)) - 1)
    return next(k * digits for k in (5, 2, 1) if k * digits <= most)
