"""The questions of the db-benchmark, each said once; `benchmarks.engines` says how an engine answers a shape."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GroupBy:
    """Group the table ``x`` by `keys`; `aggs` are (output, function, column).

    `difference` is (output, minuend, subtrahend) over outputs, which it replaces.
    """

    name: str
    text: str
    keys: tuple[str, ...]
    aggs: tuple[tuple[str, str, str], ...]
    difference: tuple[str, str, str] | None = None
    tolerance: float = 1e-12

    task = "groupby"

    @property
    def sorted_by(self) -> tuple[str, ...]:
        return self.keys


@dataclass(frozen=True, slots=True)
class Join:
    """Join ``x`` with `right` on one column; all columns of both come out, those of `right` with ``_right`` where the
    name is taken."""

    name: str
    text: str
    right: str
    on: str
    how: str = "inner"
    tolerance: float = 0.0

    task = "join"

    @property
    def sorted_by(self) -> tuple[str, ...]:
        return ("id3",)  # unique in x, and no question has more than one match for a row


def _over(function: str, *columns: str) -> tuple[tuple[str, str, str], ...]:
    return tuple((column, function, column) for column in columns)


Question = GroupBy | Join

QUESTIONS: dict[str, Question] = {
    f"{q.task}-{q.name}": q
    for q in (
        GroupBy("q1", "sum v1 by id1", ("id1",), _over("sum", "v1")),
        GroupBy("q2", "sum v1 by id1, id2", ("id1", "id2"), _over("sum", "v1")),
        GroupBy("q3", "sum v1, mean v3 by id3", ("id3",), _over("sum", "v1") + _over("mean", "v3")),
        GroupBy("q4", "mean v1 v2 v3 by id4", ("id4",), _over("mean", "v1", "v2", "v3")),
        GroupBy("q5", "sum v1 v2 v3 by id6", ("id6",), _over("sum", "v1", "v2", "v3")),
        GroupBy(
            "q7",
            "max v1 - min v2 by id3",
            ("id3",),
            (("high", "max", "v1"), ("low", "min", "v2")),
            difference=("range_v1_v2", "high", "low"),
        ),
        GroupBy(
            "q10",
            "sum v3, count by id1 to id6",
            ("id1", "id2", "id3", "id4", "id5", "id6"),
            (("v3", "sum", "v3"), ("count", "len", "v1")),
        ),
        Join("q1", "small inner on id1", "small", "id1"),
        Join("q2", "medium inner on id2", "medium", "id2"),
        Join("q3", "medium left on id2", "medium", "id2", how="left"),
        Join("q4", "medium inner on id5 (string)", "medium", "id5"),
        Join("q5", "big inner on id3", "big", "id3"),
    )
}
"""q6, q8 and q9 of the group-by questions (median, largest two, correlation) wait for their aggregations."""


def questions_of(task: str) -> list[Question]:
    """The questions of ``groupby`` or ``join``, in order."""
    return [q for q in QUESTIONS.values() if q.task == task]
