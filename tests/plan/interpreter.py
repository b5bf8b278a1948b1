"""What a plan means, in Python lists: the oracle that optimised plans are held against."""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.ir.expressions import Row

from gpuflow.plan.nodes import Aggregate, Distinct, Filter, Join, Limit, Plan, Project, Scan, Sort, Union
from gpuflow.plan.row_index import RowIndex
from tests.oracle import aggregate, evaluate

Record = dict[str, Any]


def run(plan: Plan) -> list[Record]:
    """The rows of a plan over `FakeSource` tables with data; None is null."""
    match plan:
        case Scan(source, columns):
            return [{c: record[c] for c in columns} for record in source.data]
        case Filter(child, predicate):
            return [r for r in run(child) if value(predicate, r)]
        case Project(child, columns):
            return [{n: value(e, r) for n, e in columns} for r in run(child)]
        case Aggregate():
            return _aggregate(plan)
        case Join():
            return _join(plan)
        case Sort(child, keys, descending, nulls_last, limit):
            rows = run(child)
            for key, down, last in reversed(list(zip(keys, descending, nulls_last, strict=True))):
                rows.sort(key=lambda r: _rank(value(key, r), down, last), reverse=down)
            return rows[:limit]
        case Limit(child, count, offset):
            return run(child)[offset : None if count is None else offset + count]
        case Distinct(child):
            rows = [{n: _as_key(v) for n, v in r.items()} for r in run(child)]
            return list({_identity(list(r.values())): r for r in reversed(rows)}.values())[::-1]
        case RowIndex(child, name, offset):
            return [{name: k} | r for k, r in enumerate(run(child), offset)]
        case Union(parts):
            return [r for p in parts for r in run(p)]
    raise AssertionError(type(plan))


def value(row: Row, record: Record) -> Any:
    found, valid = evaluate(row, {k: (v, v is not None) for k, v in record.items()})
    return (found.item() if hasattr(found, "item") else found) if valid else None


def _identity(values: list[Any]) -> tuple[Any, ...]:
    """Equal for equal keys: NaN equals itself, -0.0 equals 0.0, null equals null."""
    return tuple("nan" if isinstance(v, float) and v != v else v for v in values)


def _as_key(v: Any) -> Any:
    """What a group has of its rows' values: one zero."""
    return 0.0 if isinstance(v, float) and v == 0.0 else v


def _rank(v: Any, down: bool, last: bool) -> tuple[int, int, Any]:
    if v is None:
        return (1 if last is not down else -1, 0, 0)
    return (0, 1, 0) if v != v else (0, 0, v)


def _aggregate(plan: Aggregate) -> list[Record]:
    groups: dict[tuple[Any, ...], list[tuple[int, Record]]] = {}
    first: dict[tuple[Any, ...], Record] = {}
    for position, record in enumerate(run(plan.input)):
        keys = {n: _as_key(value(e, record)) for n, e in plan.keys}
        identity = _identity(list(keys.values()))
        groups.setdefault(identity, []).append((position, record))
        first.setdefault(identity, keys)
    if not plan.keys and not groups:
        groups[()], first[()] = [], {}
    result = []
    for identity, members in groups.items():
        out = dict(first[identity])
        for name, agg in plan.aggs:
            if agg.aggregation.name == "first_position":
                out[name] = members[0][0]
                continue
            found, valid = aggregate(agg, [{k: (v, v is not None) for k, v in r.items()} for _, r in members])
            out[name] = (found.item() if hasattr(found, "item") else found) if valid else None
        result.append(out)
    return result


def _join(plan: Join) -> list[Record]:
    table: dict[tuple[Any, ...], list[Record]] = {}
    right = run(plan.right)
    for record in right:
        key = _key(plan.right_on, record, plan.nulls_equal)
        if key is not None:
            table.setdefault(key, []).append(record)
    result, matched = [], []
    for record in run(plan.left):
        key = _key(plan.left_on, record, plan.nulls_equal)
        partners = table.get(key, []) if key is not None else []
        own = {out: record[name] for out, name in plan.left_columns}
        if not plan.kind.adds_right:
            if plan.kind.matched if partners else plan.kind.keeps_left:
                result.append(own)
            continue
        matched += partners
        for partner in partners:
            result.append(own | {out: partner[name] for out, name in plan.right_columns})
        if plan.kind.keeps_left and not partners:
            result.append(own | {out: None for out, _ in plan.right_columns})
    if plan.kind.keeps_right:
        seen = {id(r) for r in matched}
        lost = dict.fromkeys(out for out, _ in plan.left_columns)
        result += [lost | {out: r[name] for out, name in plan.right_columns} for r in right if id(r) not in seen]
    return result


def _key(rows: tuple[Row, ...], record: Record, nulls_equal: bool) -> tuple[Any, ...] | None:
    values = [value(r, record) for r in rows]
    return None if None in values and not nulls_equal else _identity(values)


def as_set(rows: list[Record]) -> list[str]:
    """Rows without their order."""
    return sorted(repr(_identity(list(r.values()))) for r in rows)
