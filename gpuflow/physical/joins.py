"""Lowering of joins: a table for every partition, or both sides exchanged by key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gpuflow_kernels.dtypes import DType
from gpuflow_kernels.ir.expressions import Ref, Row

from gpuflow.plan import nodes as plans
from gpuflow.plan.join_kinds import JoinKind

from .lower import ROW_BYTES, Lowering
from .sizes import batch_bytes, width
from .split_int128 import split_int128
from .stream import Stream
from .tasks import BuildTask


def lower_join(low: Lowering, plan: plans.Join) -> Stream:
    swap = plan.build == "left"
    kind, side = plan.kind, "right" if swap else "left"
    probe_plan, build_plan = (plan.right, plan.left) if swap else (plan.left, plan.right)
    probe_on, build_on = (plan.right_on, plan.left_on) if swap else (plan.left_on, plan.right_on)
    sides = (plan.right_columns, plan.left_columns) if swap else (plan.left_columns, plan.right_columns)
    probed_columns, payload = sides  # (name in the output, name on its side)
    build, build_rows = low.under(build_plan, build_on)
    probe, probe_rows = low.under(probe_plan, probe_on)
    probe_columns = {out: probe.columns[name] for out, name in probed_columns}
    keys = split_int128(probe_rows)
    build_keys = split_int128(build_rows)
    types = tuple((out, build_plan.schema[name]) for out, name in payload)
    chunk = (*build_keys, *(build.columns[name] for _, name in payload))
    types_built = tuple(row.dtype for row in chunk)
    row_bytes = max(ROW_BYTES * max(1, len(chunk)), width(types_built))
    parts = low.write(build, chunk)
    estimate = build.rows
    fits = estimate is not None and _broadcast(low, estimate, row_bytes)
    rows = estimate if fits else low.rows_of(parts, estimate)
    task = BuildTask(low.options, len(build_keys), plan.nulls_equal)
    described = f"join on {len(build_on)} key{'s' if len(build_on) > 1 else ''}"
    if _broadcast(low, rows, row_bytes):
        low.runner.note(described, "one table for all partitions", f"{_count(rows)} rows to build")
        table: Any = low.runner.add(task, parts)
        stream = replace(probe, columns=probe_columns)
    else:
        probed = width(row.dtype for row in (*keys, *probe_columns.values()))
        number = _partitions(low, rows, probe.rows, row_bytes, probed)
        low.runner.note(described, f"both sides exchanged into {number} partitions", f"{_count(rows)} rows to build")
        pieces = low.exchange(parts, len(build_keys), number, types_built)
        table = tuple(low.runner.add(task, (piece,)) for piece in pieces)
        stream = _exchanged(low, probe, probe_columns, keys, number)
        keys = tuple(Ref(k, key.dtype) for k, key in enumerate(keys))
    result = stream.probe(table, keys, kind, side, types, plan.nulls_equal, _result_rows(kind, probe.rows))
    return replace(result, columns={name: result.columns[name] for name in plan.schema})


def _exchanged(low: Lowering, probe: Stream, columns: dict[str, Row], keys: tuple[Row, ...], number: int) -> Stream:
    """The probe side split by key; its partitions hold the keys first, then the columns."""
    rows = (*keys, *columns.values())
    pieces = low.exchange(low.write(probe, rows), len(keys), number, tuple(row.dtype for row in rows))
    reads: tuple[tuple[str, DType], ...] = tuple((str(k), key.dtype) for k, key in enumerate(keys))
    reads += tuple((name, row.dtype) for name, row in columns.items())
    kept: dict[str, Row] = {name: Ref(len(keys) + k, row.dtype) for k, (name, row) in enumerate(columns.items())}
    return Stream(pieces, reads, (), kept, (), probe.rows, len(reads))


def _broadcast(low: Lowering, rows: int | None, row_bytes: int) -> bool:
    """Whether a build side may stand in every process: by the profile, and by what a worker has room for."""
    most, room = low.profile.broadcast_bytes, low.runner.room
    if room is not None and not low.profile.on_device:
        most = min(most, room // 4)
    return rows is None or (rows <= low.profile.broadcast_rows and rows * row_bytes <= most)


def _partitions(low: Lowering, build: int | None, probe: int | None, build_bytes: int, probe_bytes: int) -> int:
    """Partitions of an exchange: build sides that fit a cache in one process, elsewhere what a task has room for, and on
    devices as few as fit."""
    largest = max(build or 0, (probe or 0) // 4)
    wanted = -(-largest // low.profile.exchange_rows)
    heaviest = max((build or 0) * build_bytes, (probe or 0) * probe_bytes)
    if low.profile.on_device:
        return max(low.runner.workers, 2, min(256, max(wanted, -(-heaviest // low.profile.partition_bytes))))
    if not low.runner.local:
        wanted = max(wanted, -(-heaviest // batch_bytes(low.runner)))
    return max(2 * low.runner.threads, min(256, wanted))


def _result_rows(kind: JoinKind, probe: int | None) -> int | None:
    if probe is None:
        return None
    return probe if kind.adds_right else max(1, probe // 2)


def _count(rows: int | None) -> str:
    return "an unknown number of" if rows is None else f"{rows:,}"
