"""What one kernel does, as data: inputs, row operators, a sink, and the run-time shape it is specialised on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ..dtypes import BOOL, DType
from .expressions import Agg, CachedHash, Ref, Row, children, rebuild

Change = Callable[[Any], Any]
"""What is done to a row: given one, another of the same type."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Goes on only with rows for which `predicate` is valid and true."""

    predicate: Row

    @property
    def filters(self) -> bool:
        """Whether fewer (or more) rows can leave than enter."""
        return True

    def rows(self) -> tuple[Row, ...]:
        """The rows that it evaluates."""
        return (self.predicate,)

    def map_rows(self, change: Change) -> Filter:
        """Change every row that it evaluates."""
        return Filter(change(self.predicate))


@dataclass(frozen=True, slots=True)
class Probe:
    """Looks up `keys` in join table number `table`.

    Rows that find a partner go on where `matched`, those that find none where `unmatched` (then with nulls for what a partner
    would bring). With `brings` columns of the table come along, and where its keys repeat a row goes on once for each
    partner: `payload` binds these columns to keys that later expressions refer to: (key, payload position, type).
    """

    table: int
    keys: tuple[Row, ...]
    payload: tuple[tuple[int, int, DType], ...] = ()
    matched: bool = True
    unmatched: bool = False
    brings: bool = True
    nulls_equal: bool = False

    @property
    def filters(self) -> bool:
        """Whether fewer rows can leave than enter (or, by repeated keys, more)."""
        return not (self.matched and self.unmatched)

    def rows(self) -> tuple[Row, ...]:
        """The rows that it evaluates."""
        return self.keys

    def map_rows(self, change: Change) -> Probe:
        """Change every row that it evaluates."""
        return replace(self, keys=tuple(map(change, self.keys)))


@dataclass(frozen=True, slots=True)
class Write:
    """Writes one value per column for each row that arrives."""

    columns: tuple[Row, ...]

    @property
    def keys(self) -> tuple[Row, ...]:
        """The rows that say where a row goes: none."""
        return ()

    @property
    def copies(self) -> bool:
        """Whether it writes nothing but columns as they are."""
        return all(isinstance(row, Ref) for row in self.columns)

    def rows(self) -> tuple[Row, ...]:
        """The rows that it evaluates."""
        return self.columns

    def map_rows(self, change: Change) -> Write:
        """Change every row that it evaluates."""
        return Write(tuple(map(change, self.columns)))

    def outputs(self) -> tuple[DType, ...]:
        """Types of the columns that come out."""
        return tuple(row.dtype for row in self.columns)

    @property
    def reads_position(self) -> bool:
        """Whether it asks for the number of each row in the whole input."""
        return False


@dataclass(frozen=True, slots=True)
class Group:
    """Aggregates by key; without keys a plain reduction.

    With `merge` the arguments of `aggs` are not lifted: each reads partial slots, one argument per slot and one more
    for the seen flag where `needs_seen` says so. With `number` the dense id of each row's group is written too.
    """

    keys: tuple[Row, ...]
    aggs: tuple[Agg, ...]
    merge: bool = False
    number: bool = False

    @property
    def copies(self) -> bool:
        """Whether it writes nothing but columns as they are."""
        return False

    def rows(self) -> tuple[Row, ...]:
        """The rows that it evaluates: its keys, then what is aggregated."""
        return (*self.keys, *(row for agg in self.aggs for row in children(agg)))

    def map_rows(self, change: Change) -> Group:
        """Change every row that it evaluates."""
        aggs = tuple(rebuild(agg, tuple(map(change, children(agg)))) for agg in self.aggs)
        return replace(self, keys=tuple(map(change, self.keys)), aggs=aggs)

    def outputs(self) -> tuple[DType, ...]:
        """Types of the columns that come out: keys, then what each aggregation accumulates (`partial_types`)."""
        return (*(key.dtype for key in self.keys), *(dtype for agg in self.aggs for dtype in partial_types(agg)))

    @property
    def reads_position(self) -> bool:
        """Whether it asks for the number of each row in the whole input."""
        return not self.merge and any(agg.aggregation.position for agg in self.aggs)


Step = Filter | Probe
Sink = Write | Group


@dataclass(frozen=True, slots=True)
class Pipeline(CachedHash):
    """Rows come from `inputs` (types of the columns with keys 0, 1, ...), pass `steps`, and end in `sink`."""

    inputs: tuple[DType, ...]
    steps: tuple[Step, ...]
    sink: Sink

    def __hash__(self) -> int:
        return self.kept_hash(self.inputs, self.steps, self.sink)

    @property
    def probes(self) -> tuple[Probe, ...]:
        """The look-ups, in order."""
        return tuple(s for s in self.steps if isinstance(s, Probe))

    @property
    def filters(self) -> bool:
        """Whether fewer (or more) rows can leave than enter."""
        return any(s.filters for s in self.steps)

    def rows(self) -> tuple[Row, ...]:
        """The rows that it evaluates, in order."""
        return (*(row for s in self.steps for row in s.rows()), *self.sink.rows())

    def map_rows(self, change: Change) -> Pipeline:
        """Change every row that it evaluates."""
        return Pipeline(self.inputs, tuple(s.map_rows(change) for s in self.steps), self.sink.map_rows(change))


@dataclass(frozen=True, slots=True)
class TableShape:
    """How a join table is laid out: ``direct`` (keys packed into an index) or ``hash``; number of key words."""

    mode: str
    words: int
    unique: bool
    nullable: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class GroupShape:
    """How groups are found: ``reduce`` (no keys), ``dense`` (packed key is the group), ``hash`` with `words` key words, or
    on a GPU ``open`` (one key word, whose slot in the table is the group).

    `packed` says that all keys were packed into the one word; `shared` is the size of the copies in shared memory of a
    dense GPU table, 0 where there are none, and `replicas` their number in a block. `private` says what else a sample of
    the keys of a GPU table asks for: ``hot`` (one key has many of the rows: threads keep it in registers), ``runs`` (equal
    keys stand together: threads keep the last one); ``sample`` takes the sample.
    """

    mode: str
    words: int = 0
    packed: bool = False
    shared: int = 0
    replicas: int = 1
    private: str = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a kernel is specialised on besides its pipeline; for GPUs also the threads of a block, and whether all columns
    begin where two items may be loaded at once."""

    nullable: tuple[bool, ...]
    tables: tuple[TableShape, ...] = ()
    group: GroupShape | None = None
    constant_hash: bool = False
    block: int = 256
    paired: bool = True


def needs_seen(agg: Agg) -> bool:
    """Whether the aggregation needs a flag of its own to tell groups without a valid row."""
    a = agg.aggregation
    return not (a.lift is None or a.empty is not None or a.lift_nulls or any(s.counts for s in a.slots))


def partial_types(agg: Agg) -> tuple[DType, ...]:
    """Return the types of an aggregation's columns in a partial result: its slots, then a seen flag where it needs one."""
    slots = tuple(s.type for s in agg.slots)
    assert all(isinstance(d, DType) for d in slots)
    return (*slots, *((BOOL,) if needs_seen(agg) else ()))
