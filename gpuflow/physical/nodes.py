"""Physical operators: what a plan does, before there are tasks. Immutable; columns go by name, as in logical nodes.

Here are those that more than one module knows; others stand with their lowering. An operator states the partitioning that it
requires of its input and the one that it provides; `exchanges` puts exchanges where they differ, and `emit` makes the tasks.
Row operators (`Filter`, `Project`, `LookUp`) run fused in one kernel.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from gpuflow_kernels.dtypes import INT64, UINT64, DType
from gpuflow_kernels.ir.expressions import Agg, Ref, Row
from gpuflow_kernels.ir.pipeline import partial_types

from gpuflow.plan.join_kinds import JoinKind
from gpuflow.plan.node import Node
from gpuflow.plan.printing import column, name, text

from .partitioning import Hash, Partitioning, Range, Replicated, Single, Unknown, also, keyed, satisfies, through
from .sizes import row_bytes
from .split_int128 import split_names

Output = tuple[tuple[str, DType], ...]
Columns = tuple[tuple[str, Row], ...]
KEEP = 0.5
"""The part of the rows that a filter is assumed to keep."""


class Operator(Node):
    """Base of all operators; its children are what it reads."""

    @property
    def output(self) -> Output:
        """Names and types of the columns that come out, in order."""
        raise NotImplementedError

    @property
    def rows(self) -> int | None:
        """Estimated rows that come out; real ones behind a stage that has run."""
        return self.children[0].rows

    @property
    def provided(self) -> Partitioning:
        """How the rows that come out are spread."""
        return self.children[0].provided

    @property
    def required(self) -> tuple[Partitioning, ...]:
        """What an operator with one input requires of it, any of these; the first where few rows come in. Empty: nothing."""
        return ()

    subject = "exchange"
    """What notes about its exchange call an operator, and `unit` what is exchanged."""
    unit = "rows"

    @property
    def row_bytes(self) -> int:
        return row_bytes(dtype for _, dtype in self.output)

    def __str__(self) -> str:
        """One line for `explain`."""
        return type(self).__name__.upper()


class Unary(Operator):
    """An operator over one input; columns pass as they are."""

    input: Operator

    @property
    def output(self) -> Output:
        return self.input.output


# -- rows on their way ------------------------------------------------------------------------------------------------
class Filter(Unary):
    """Keep the rows for which `predicate` is true."""

    predicate: Row

    @property
    def rows(self) -> int | None:
        rows = self.input.rows
        return None if rows is None else max(1, int(rows * KEEP))

    def __str__(self) -> str:
        return f"FILTER {text(self.predicate)}"


class Project(Unary):
    """New columns, computed from the input's."""

    columns: Columns

    @cached_property
    def output(self) -> Output:
        return tuple((n, row.dtype) for n, row in self.columns)

    @cached_property
    def provided(self) -> Partitioning:
        return through(self.input.provided, self.columns)

    def __str__(self) -> str:
        return f"PROJECT {', '.join(column(n, r) for n, r in self.columns)}".rstrip()


class BuildTable(Unary):
    """A join table of the input's columns `keys`, with `payload`; one for all partitions, or one for each."""

    keys: tuple[str, ...]
    payload: tuple[str, ...]
    nulls_equal: bool
    each: bool = False

    def __str__(self) -> str:
        return f"BUILD TABLE BY {', '.join(map(name, self.keys))}"


class Broadcast(Unary):
    """One table for all partitions of the other input."""

    @property
    def provided(self) -> Partitioning:
        return Replicated()


class LookUp(Operator):
    """Look the rows of `probe` up in a join table.

    The probe is `side` of the join. `keys` are rows over its columns, and `build_keys` over those of `build`, as the query has
    them; `words` are what is looked up, over the columns that the probe has after an exchange. `kept` and `payload` name what
    comes out, each as (output, input), of the probe and of the table; `order` are the output's names. `build` are the table's
    rows until `insert_exchanges` has put a `BuildTable` there.
    """

    probe: Operator
    build: Operator
    keys: tuple[Row, ...]
    build_keys: tuple[Row, ...]
    words: tuple[Row, ...]
    kind: JoinKind
    side: str
    kept: tuple[tuple[str, str], ...]
    payload: tuple[tuple[str, str], ...]
    order: tuple[str, ...]
    nulls_equal: bool

    @cached_property
    def output(self) -> Output:
        probe, build = dict(self.probe.output), dict(self.build.output)
        types = {out: probe[old] for out, old in self.kept} | {out: build[old] for out, old in self.payload}
        return tuple((n, types[n]) for n in self.order)

    @property
    def rows(self) -> int | None:
        rows = self.probe.rows
        return rows if rows is None or self.kind.adds_right else max(1, rows // 2)

    @cached_property
    def provided(self) -> Partitioning:
        provided, other = self.probe.provided, "left" if self.side == "right" else "right"
        if not isinstance(provided, (Hash, Range)):
            return provided
        if self.kind.keeps(other):
            return Unknown(provided.n)
        types = dict(self.probe.output)
        columns: list[tuple[str, Row]] = [(out, Ref(old, types[old])) for out, old in self.kept]
        if self.kind.matched and not self.kind.keeps(
            self.side
        ):  # both keys are equal in all rows that come out, and go by the names of either side
            pairs = [(k, r) for k, r in zip(self.keys, self.build_keys, strict=True) if isinstance(r, Ref)]
            provided = also(provided, ((k, Ref(f"{_BUILT}{r.key}", r.dtype)) for k, r in pairs))
            types = dict(self.build.output)
            columns += [(out, Ref(f"{_BUILT}{old}", types[old])) for out, old in self.payload]
        return through(provided, columns)

    def __str__(self) -> str:
        return f"LOOK UP ({self.kind.name}) BY {', '.join(text(k) for k in self.keys)}"


_BUILT = "\0"
"""Before the name of a table's column, where it stands beside columns of the probe."""


# -- groups -----------------------------------------------------------------------------------------------------------
class PartialGroups(Unary):
    """Groups of runs of partitions: keys, and partial slots of aggregations. Runs are single partitions, and groups whole,
    where rows with equal keys lie together already."""

    keys: Columns
    aggs: tuple[tuple[str, Agg], ...]

    @cached_property
    def output(self) -> Output:
        columns: list[tuple[str, DType]] = []
        for n, row in self.keys:
            types = (INT64, UINT64) if row.dtype.is_wide else (row.dtype,)
            columns += zip(split_names(n, row.dtype), types, strict=True)
        for n, agg in self.aggs:
            columns += [(f"{n}: {agg.aggregation.name}, slot {k}", d) for k, d in enumerate(partial_types(agg))]
        return tuple(columns)

    @cached_property
    def whole(self) -> bool:
        """Whether no group has rows in two partitions."""
        provided = self.input.provided
        return provided.n == 1 or satisfies(provided, Hash(keyed(row for _, row in self.keys)))

    @property
    def rows(self) -> int | None:
        return self.input.rows if self.keys else 1

    @cached_property
    def provided(self) -> Partitioning:
        return through(self.input.provided, self.keys) if self.whole else Unknown(self.input.provided.n)

    def __str__(self) -> str:
        kind = "GROUP" if self.whole else "PARTIAL GROUP"
        return f"{kind if self.keys else 'REDUCE'} {_groups(self.keys, self.aggs)}".rstrip()


class MergeGroups(Unary):
    """Groups from partial ones, and the results of their aggregations."""

    subject, unit = "group_by", "partial groups"

    keys: Columns
    aggs: tuple[tuple[str, Agg], ...]

    @cached_property
    def output(self) -> Output:
        return tuple((n, r.dtype) for n, r in (*self.keys, *self.aggs))

    @property
    def required(self) -> tuple[Partitioning, ...]:
        return (Single(), Hash(keyed(Ref(n, r.dtype) for n, r in self.keys))) if self.keys else (Single(),)

    @property
    def words(self) -> tuple[str, ...]:
        """Columns of the partial groups that hold the keys."""
        return tuple(word for n, r in self.keys for word in split_names(n, r.dtype))

    def __str__(self) -> str:
        kind = "MERGE" if isinstance(self.input, (HashExchange, Gather)) else "FINALIZE"
        return f"{kind} GROUPS {', '.join(name(n) for n, _ in self.keys)}".rstrip()


def _groups(keys: Columns, aggs: tuple[tuple[str, Agg], ...]) -> str:
    by = f"BY {', '.join(column(n, r) for n, r in keys)}" if keys else ""
    return " ".join(filter(None, [by, ", ".join(column(n, a) for n, a in aggs)]))


# -- order ------------------------------------------------------------------------------------------------------------
class Sort(Unary):
    """Partitions sorted by columns `by`; the first `keep` columns come out."""

    subject = "sort"

    by: tuple[str, ...]
    descending: tuple[bool, ...]
    nulls_last: tuple[bool, ...]
    keep: int

    @property
    def output(self) -> Output:
        return self.input.output[: self.keep]

    @property
    def required(self) -> tuple[Partitioning, ...]:
        types = dict(self.input.output)
        return Single(), Range(keyed(Ref(n, types[n]) for n in self.by))

    @cached_property
    def provided(self) -> Partitioning:
        return through(self.input.provided, ((n, Ref(n, d)) for n, d in self.output))

    def __str__(self) -> str:
        return f"SORT BY {_order(self.by, self.descending, self.nulls_last)}"


class TopK(Sort):
    """The first `limit` rows in the order of columns `by`."""

    limit: int = 0
    final: bool = True

    @property
    def required(self) -> tuple[Partitioning, ...]:
        return (Single(),) if self.final else ()

    @property
    def rows(self) -> int | None:
        rows = self.input.rows
        return None if rows is None else min(self.limit, rows)

    def __str__(self) -> str:
        each = "" if self.final else " OF EACH PARTITION"
        return f"TOP {self.limit}{each} BY {_order(self.by, self.descending, self.nulls_last)}"


def _order(by: tuple[str, ...], descending: tuple[bool, ...], nulls_last: tuple[bool, ...]) -> str:
    keys = zip(by, descending, nulls_last, strict=True)
    return ", ".join(name(k) + " DESC" * d + " NULLS LAST" * n for k, d, n in keys)


# -- exchanges, which only `exchanges` makes --------------------------------------------------------------------------
class HashExchange(Unary):
    """Rows to partitions by the hash of columns `words`. `by` says of which keys that is the hash."""

    words: tuple[str, ...]
    by: Hash

    @property
    def provided(self) -> Partitioning:
        return self.by

    def __str__(self) -> str:
        return f"HASH EXCHANGE BY {', '.join(map(name, self.words))}"


class RangeExchange(Unary):
    """Rows to partitions by range of the first key."""

    first: str
    descending: bool
    nulls_last: bool
    by: Range

    @property
    def provided(self) -> Partitioning:
        return self.by

    def __str__(self) -> str:
        return f"RANGE EXCHANGE BY {name(self.first)}"


class Gather(Unary):
    """All partitions to one task."""

    @property
    def provided(self) -> Partitioning:
        return Single()


class Stage(Unary):
    """Partitions whose tasks are there: what a decision waited for. `count` are the rows that its run showed."""

    parts: tuple[Any, ...]
    count: int | None

    @property
    def rows(self) -> int | None:
        return self.input.rows if self.count is None else self.count

    @property
    def provided(self) -> Partitioning:
        provided = self.input.provided
        return provided if provided.n == len(self.parts) else Unknown(len(self.parts))

    def __str__(self) -> str:
        return str(self.input)


def total(counts: Iterable[int | None]) -> int | None:
    """The sum, unless one of them is not known."""
    known = list(counts)
    return None if None in known else sum(c for c in known if c is not None)
