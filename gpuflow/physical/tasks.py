"""Tasks: what is done to the partitions that one is given. Those of more than plain chunks are run by `gpuflow.execute.stage`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gpuflow_kernels.column import Chunk
from gpuflow_kernels.dtypes import DType
from gpuflow_kernels.ir.expressions import Agg
from gpuflow_kernels.ir.pipeline import Group, Pipeline, Write

from gpuflow.config import TaskSettings

from .row_selection import RowSelection, row_selection
from .strings import StringPlan, plan_strings


@dataclass(frozen=True)
class Options(TaskSettings):
    """What travels with each task: its settings, resolved on the client when the query is planned, and how tests run it."""

    tiny: bool = False
    """Tables and buffers start with two entries, so that they grow."""
    constant_hash: bool = False
    """All keys collide."""


@dataclass(frozen=True)
class Task:
    """Base of all physical nodes."""

    options: Options

    @property
    def name(self) -> str:
        """Short name, for explain and for task keys."""
        return type(self).__name__.removesuffix("Task").lower()

    def run(self, inputs: Any) -> Any:
        """Make the result from those of the inputs. What also needs kernels, strings or memory is run by `execute.stage`."""
        raise NotImplementedError


@dataclass(frozen=True)
class PipelineTask(Task):
    """Runs a pipeline. Inputs: partitions, each ``(partition, tables, ordinal)``; `columns` are read from splits. `strings` is
    the pipeline as it runs, and `selection` its first filters alone; both are made once, with the task."""

    columns: tuple[str, ...]
    pipeline: Pipeline
    strings: StringPlan = field(init=False, compare=False, repr=False)
    selection: RowSelection | None = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "strings", plan_strings(self.pipeline))
        object.__setattr__(self, "selection", row_selection(self.pipeline))


@dataclass(frozen=True)
class WriteTask(PipelineTask):
    """One partition through a pipeline that writes rows: a chunk."""

    @property
    def sink(self) -> Write:
        assert isinstance(self.pipeline.sink, Write)
        return self.pipeline.sink


@dataclass(frozen=True)
class GroupTask(PipelineTask):
    """Aggregates a batch of partitions: one chunk of keys and partial slots. Partitions with equal dictionaries share one hash
    table; what `merge` says puts the tables of a batch together."""

    merge: MergeTask = field(compare=False, repr=False)

    @property
    def sink(self) -> Group:
        assert isinstance(self.pipeline.sink, Group)
        return self.pipeline.sink


@dataclass(frozen=True)
class MergeTask(Task):
    """Chunks of keys and partial slots into one with each key once."""

    pipeline: Pipeline
    strings: StringPlan = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "strings", plan_strings(self.pipeline))


@dataclass(frozen=True)
class BuildTask(Task):
    """Chunks into a join table: columns number `keys`, and `payload` that matches bring along."""

    keys: tuple[int, ...]
    payload: tuple[int, ...]
    nulls_equal: bool


@dataclass(frozen=True)
class SplitTask(Task):
    """A chunk into `parts` chunks by the hash of its columns number `keys`."""

    keys: tuple[int, ...]
    parts: int


@dataclass(frozen=True)
class ExtractTask(Task):
    """Piece `index` of a split chunk. On a cluster each piece is a task of its own, so that only it is moved."""

    index: int

    def run(self, inputs: Any) -> Any:
        return inputs.alone(self.index)


@dataclass(frozen=True)
class SelectTask(Task):
    """Some columns of a chunk, by position."""

    positions: tuple[int, ...]

    def run(self, inputs: Any) -> Any:
        return inputs.select(self.positions)


@dataclass(frozen=True)
class DictionariesTask(Task):
    """The dictionaries that pieces of a split chunk share and leave out when they travel: one for a column, or None."""

    def run(self, inputs: Any) -> Any:
        return inputs.shared


@dataclass(frozen=True)
class GatherTask(Task):
    """Piece `index` of each given split chunk (or the pieces themselves), as one chunk. Where dictionaries travel apart the
    input is ``(pieces, dictionaries)``, with what `DictionariesTask` made of the split chunk of each piece."""

    index: int
    apart: bool = False


@dataclass(frozen=True)
class SortTask(Task):
    """Chunks into one sorted chunk: by columns number `by`; with `limit` the first so many rows. Columns from `keep` on
    are only sort keys and are left out, unless `keep` is None."""

    by: tuple[int, ...]
    descending: tuple[bool, ...]
    nulls_last: tuple[bool, ...]
    limit: int | None
    keep: int | None


@dataclass(frozen=True)
class SampleTask(Task):
    """Up to `count` evenly spread values of the first sort key of a chunk."""

    by: int
    count: int

    def run(self, inputs: Any) -> Any:
        column = inputs.columns[self.by].take(slice(None, None, max(1, inputs.length // self.count)))
        return Chunk((column,), len(column))


@dataclass(frozen=True)
class BoundsTask(Task):
    """Samples into `parts` - 1 boundaries of the first sort key."""

    descending: bool
    nulls_last: bool
    parts: int


@dataclass(frozen=True)
class RangeTask(Task):
    """A chunk and boundaries into `parts` chunks by range of the first sort key."""

    by: int
    descending: bool
    nulls_last: bool
    parts: int


@dataclass(frozen=True)
class SegmentTask(Task):
    """Chunks that have all rows of their groups (columns: `keys` keys, then values) into one chunk of keys and results.
    `aggs` are aggregations over sorted segments, each with the number of its value column."""

    keys: int
    aggs: tuple[tuple[int, Agg], ...]


@dataclass(frozen=True)
class SliceTask(Task):
    """Rows ``offset`` to ``offset + count`` of the given chunks in order; all from ``offset`` where there is no ``count``."""

    offset: int
    count: int | None


@dataclass(frozen=True)
class EmptyTask(Task):
    """A chunk without rows."""

    dtypes: tuple[DType, ...]


Input = Any
"""A task's input: a split, a reference to another task, or nested tuples and lists of them."""
