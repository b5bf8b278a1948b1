"""Where rows change partitions: the only place that decides about exchanges and makes them.

What an operator requires is compared with what its input provides. Where there is a choice, as between one table for all
partitions and two exchanges, the rows of the smaller part decide: the real ones where a run can show them, else the estimate.
"""

from __future__ import annotations

from dataclasses import replace

from gpuflow_kernels.ir.expressions import Ref, Row

from gpuflow.plan.first_appearance import fresh

from .nodes import (
    Broadcast,
    BuildTable,
    Gather,
    HashExchange,
    LookUp,
    MergeGroups,
    Operator,
    PartialGroups,
    Project,
    RangeExchange,
    Sort,
    Stage,
    TopK,
)
from .partitioning import Hash, Partitioning, Range, Single, keyed, places, satisfies
from .planner import Planner
from .sizes import batch_bytes, row_bytes
from .split_int128 import split_int128

MOST = 256
"""Partitions of an exchange at most."""
SPARE = 4
"""Partitions that are there already are used where not more than so many times their number would be made."""
ROW_BYTES = 8
"""Bytes of a value at least, where the size of a join table is estimated."""


def insert_exchanges(planner: Planner, operator: Operator) -> Operator:
    """Put exchanges below all operators that require other partitions than their inputs provide.

    In a staged run the inputs that a decision depends on are run on the way.
    """
    if id(operator) not in planner.placed:
        children = operator.children
        new = operator.with_children(*(insert_exchanges(planner, child) for child in children)) if children else operator
        if isinstance(new, LookUp):
            new = _join(planner, new)
        elif required := new.required:
            new = _one_input(planner, new, required)
        planner.placed[id(operator)] = operator, new
    return planner.placed[id(operator)][1]


def _one_input(planner: Planner, operator: Operator, required: tuple[Partitioning, ...]) -> Operator:
    (below,) = operator.children
    if any(satisfies(below.provided, r) for r in required):
        return operator
    if isinstance(operator, TopK):
        planner.runner.note("sort", "top-k", f"the first {operator.limit:,} rows of each partition, then of those")
        first = operator.rebuild(keep=len(below.output), final=False)
        return operator.with_children(Gather(first))
    if isinstance(below, PartialGroups):  # so many as there are batches
        below = planner.stage(below, run=False)
        if len(below.parts) == 1 and len(required) > 1:
            return operator.with_children(below)
    if len(required) == 1 and not isinstance(required[0], Hash):
        return operator.with_children(_exchange(operator, below, required[0]))
    below = planner.stage(below.input if isinstance(below, Stage) else below)
    return operator.with_children(_exchange(operator, below, _chosen(planner, operator, below)))


def _chosen(planner: Planner, operator: Operator, below: Operator) -> Partitioning:
    """The partitioning that the rows below ask for, of those that an operator accepts."""
    runner, profile, rows = planner.runner, planner.profile, below.rows
    *one, many = operator.required
    if isinstance(many, Hash) and not one:
        number = _number(planner, rows, None, below.row_bytes, 0)
        runner.note(operator.subject, f"exchanged into {number} partitions", f"{_count(rows)} {operator.unit}")
        return replace(many, n=number)
    if isinstance(many, Hash):
        counted = "few groups expected" if rows is None else f"{rows:,} {operator.unit}"
        if rows is None or rows <= profile.merge_rows:
            runner.note(operator.subject, "merge in one partition", counted)
            return one[0]
        number = max(runner.threads, min(MOST, -(-rows // profile.merge_rows)))
        runner.note(operator.subject, f"merge by exchange into {number} partitions", counted)
        return replace(many, n=number)
    assert isinstance(many, Range), f"{many} is no choice"
    if rows is None or rows <= profile.sort_rows:
        return one[0]
    wanted = -(-2 * rows // profile.sort_rows)
    if not (runner.local or profile.on_device):
        wanted = max(wanted, -(-rows * below.row_bytes // batch_bytes(runner)))
    number = max(runner.threads, min(MOST, wanted))
    runner.note(operator.subject, f"{number} ranges of the first key", f"{rows:,} rows")
    return replace(many, n=number)


def _exchange(operator: Operator, below: Operator, to: Partitioning) -> Operator:
    """What spreads the rows `below` an operator as it requires."""
    if isinstance(to, Single):
        return Gather(below)
    if isinstance(to, Range):
        assert isinstance(operator, Sort)
        return RangeExchange(below, operator.by[0], operator.descending[0], operator.nulls_last[0], to)
    assert isinstance(to, Hash), f"no exchange gives {to}"
    if isinstance(operator, MergeGroups):
        return HashExchange(below, operator.words, to)
    columns = tuple(n for n, _ in below.output)
    with_keys, words = _with_words(below, tuple(key[0] for key in to.keys), columns)
    moved = HashExchange(with_keys, words, to)
    return Project(moved, _copies(below)) if len(with_keys.output) > len(columns) else moved


def _copies(operator: Operator) -> tuple[tuple[str, Row], ...]:
    return tuple((n, Ref(n, d)) for n, d in operator.output)


# -- joins ------------------------------------------------------------------------------------------------------------
def _join(planner: Planner, join: LookUp) -> LookUp:
    """One table for all partitions, or both sides by the hash of the keys; a side that is so already stays where it is."""
    payload = tuple(old for _, old in join.payload)
    build, words = _with_words(join.build, join.build_keys, payload)
    types = dict(build.output)
    entry = [types[n] for n in (*words, *payload)]
    entry_bytes = max(ROW_BYTES * max(1, len(entry)), row_bytes(entry))
    if build.rows is None or not _broadcasts(planner, build.rows, entry_bytes):
        build = planner.stage(build)
    rows, probe = build.rows, join.probe
    described = f"join on {len(join.keys)} key{'s' if len(join.keys) > 1 else ''}"
    counted = f"{_count(rows)} rows to build"
    if _broadcasts(planner, rows, entry_bytes):
        planner.runner.note(described, "one table for all partitions", counted)
        return join.rebuild(build=Broadcast(BuildTable(build, words, payload, join.nulls_equal)))
    kept = tuple(dict.fromkeys(old for _, old in join.kept))
    types = dict(probe.output)
    probed = row_bytes([*(w.dtype for w in split_int128(join.keys)), *(types[old] for _, old in join.kept)])
    number = _number(planner, rows, probe.rows, entry_bytes, probed)
    order, number = _shared(probe.provided, build.provided, join, number)
    by_probe, by_build = (Hash(keyed(keys[k] for k in order), number) for keys in (join.keys, join.build_keys))
    moved = []
    looked_up = join.words
    if not _hashed(build.provided, by_build):
        chosen = tuple(w for k in order for w in _words_of(join.build_keys, words, k))
        build = HashExchange(build, chosen, by_build)
        moved.append(build)
    if not _hashed(probe.provided, by_probe):
        probe, names = _with_words(probe, join.keys, kept)
        types = dict(probe.output)
        looked_up = tuple(Ref(n, types[n]) for n in names)
        probe = HashExchange(probe, tuple(w for k in order for w in _words_of(join.keys, names, k)), by_probe)
        moved.append(probe)
    sides = {0: "both sides are partitioned so", 1: "one side exchanged into", 2: "both sides exchanged into"}[len(moved)]
    planner.runner.note(described, f"{sides} {number} partitions" if moved else f"{sides} already", counted)
    table = BuildTable(build, words, payload, join.nulls_equal, each=True)
    return join.rebuild(probe=probe, build=table, words=looked_up)


def _with_words(operator: Operator, keys: tuple[Row, ...], columns: tuple[str, ...]) -> tuple[Operator, tuple[str, ...]]:
    """`columns` of an operator and the words of `keys`, which get columns of their own where they are computed."""
    types = dict(operator.output)
    wanted: dict[str, Row] = {n: Ref(n, types[n]) for n in columns}
    words: list[str] = []
    for word in split_int128(keys):
        name = str(word.key) if isinstance(word, Ref) else fresh("key", {*types, *wanted})
        wanted[name] = word
        words.append(name)
    same = tuple(wanted) == tuple(types) and all(isinstance(r, Ref) for r in wanted.values())
    return (operator if same else Project(operator, tuple(wanted.items()))), tuple(words)


def _words_of(keys: tuple[Row, ...], words: tuple[str, ...], number: int) -> tuple[str, ...]:
    """The words of key `number`: two for a decimal of 38 digits."""
    start = sum(2 if key.dtype.is_wide else 1 for key in keys[:number])
    return words[start : start + (2 if keys[number].dtype.is_wide else 1)]


def _hashed(provided: Partitioning, by: Hash) -> bool:
    """Whether rows lie in just the partitions that the hash gives."""
    rows = tuple(key[0] for key in by.keys)
    return provided.n == by.n and places(provided, rows) == tuple(range(len(rows)))


def _shared(probe: Partitioning, build: Partitioning, join: LookUp, number: int) -> tuple[tuple[int, ...], int]:
    """Which keys both sides are hashed by and into how many partitions: as a side is already, if those are about enough."""
    for provided, keys in ((probe, join.keys), (build, join.build_keys)):
        order = places(provided, keys)
        if order is not None and number <= SPARE * provided.n:
            return order, provided.n
    return tuple(range(len(join.keys))), number


def _count(rows: int | None) -> str:
    return "an unknown number of" if rows is None else f"{rows:,}"


def _broadcasts(planner: Planner, rows: int | None, each: int) -> bool:
    """Whether a build side may stand in every process: by the profile, and by what a worker has room for."""
    profile, room = planner.profile, planner.runner.room
    most = profile.broadcast_bytes if room is None or profile.on_device else min(profile.broadcast_bytes, room // 4)
    return rows is None or (rows <= profile.broadcast_rows and rows * each <= most)


def _number(planner: Planner, build: int | None, probe: int | None, build_bytes: int, probe_bytes: int) -> int:
    """Partitions of an exchange: build sides that fit a cache in one process, elsewhere what a task has room for, and on
    devices as few as fit."""
    runner, profile = planner.runner, planner.profile
    wanted = -(-max(build or 0, (probe or 0) // 4) // profile.exchange_rows)
    heaviest = max((build or 0) * build_bytes, (probe or 0) * probe_bytes)
    if profile.on_device:
        return max(runner.workers, 2, min(MOST, max(wanted, -(-heaviest // profile.partition_bytes))))
    if not runner.local:
        wanted = max(wanted, -(-heaviest // batch_bytes(runner)))
    return max(2 * runner.threads, min(MOST, wanted))
