"""What one kernel does, as data: inputs, row operators, a sink, and the run-time shape it is specialised on."""

from __future__ import annotations

from dataclasses import dataclass

from ..dtypes import DType
from .expressions import Agg, CachedHash, Row


@dataclass(frozen=True, slots=True)
class Filter:
    """Goes on only with rows for which `predicate` is valid and true."""

    predicate: Row


@dataclass(frozen=True, slots=True)
class Probe:
    """Looks up `keys` in join table number `table`.

    `payload` binds columns of the table to keys that later expressions refer to: (key, payload position, type).
    ``how`` is inner, left, semi or anti. A table with repeated keys makes inner and left loop over the matches.
    """

    table: int
    keys: tuple[Row, ...]
    how: str
    payload: tuple[tuple[int, int, DType], ...] = ()
    nulls_equal: bool = False


@dataclass(frozen=True, slots=True)
class Write:
    """Writes one value per column for each row that arrives."""

    columns: tuple[Row, ...]


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
    if a.lift is None or a.empty is not None or a.lift_nulls or any(s.counts for s in a.slots):
        return False
    return len(a.lift.params) > a.position  # not by `agg.args`: those of one that merges are its slots


def filters_rows(pipeline: Pipeline) -> bool:
    """Whether fewer (or more) rows can leave than enter."""
    return any(isinstance(s, Filter) or s.how != "left" for s in pipeline.steps)
