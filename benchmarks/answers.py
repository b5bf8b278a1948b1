"""Make answers of different engines comparable: rows in one order, types reduced to int64 and float64."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.questions import Question


def _numbers(name: str, column: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray | None]:
    """Return (values as int64 or float64, 0 where null; validity or None). Strings are ``id<number>``."""
    array: Any = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    valid = None if array.null_count == 0 else array.is_valid().to_numpy(zero_copy_only=False)
    if pa.types.is_dictionary(array.type):
        values = _parse(array.dictionary).to_numpy(zero_copy_only=False)
        codes = array.indices.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
        out = values[codes] if len(values) else np.zeros(len(array), np.int64)
    elif pa.types.is_large_string(array.type) or pa.types.is_string(array.type) or pa.types.is_string_view(array.type):
        out = _parse(array.cast(pa.large_string()).fill_null("id0")).to_numpy(zero_copy_only=False)
    else:
        # pandas turns integers with nulls into floats
        wide = pa.float64() if pa.types.is_floating(array.type) and not name.startswith("id") else pa.int64()
        out = array.cast(wide).fill_null(0).to_numpy(zero_copy_only=False)
    return (out if valid is None else np.where(valid, out, 0)), valid


def _parse(strings: pa.Array) -> pa.Array:
    return pc.utf8_slice_codeunits(strings.cast(pa.large_string()), 2).cast(pa.int64())


def canonical(table: pa.Table, question: Question) -> dict[str, Any]:
    """Reduce an answer to its number of rows, digests of exact columns, and values of columns with a tolerance.

    All columns are exact, except the floats of a question with a tolerance.
    """
    columns = {name: _numbers(name, table[name]) for name in sorted(table.column_names)}
    order = np.lexsort([columns[key][0] for key in reversed(question.sorted_by)])
    digests: dict[str, str] = {}
    floats: dict[str, np.ndarray] = {}
    for name, (values, valid) in columns.items():
        ordered = values[order]
        if question.tolerance and ordered.dtype == np.float64:
            floats[name] = ordered
            ordered = np.empty(0)
        digest = hashlib.sha256(np.ascontiguousarray(ordered).data)
        if valid is not None:
            digest.update(np.packbits(valid[order]).data)
        digests[name] = digest.hexdigest()
    return {"rows": table.num_rows, "digests": digests, "floats": floats}


def differences(left: dict[str, Any], right: dict[str, Any], tolerance: float) -> list[str]:
    """Describe what differs between two canonical answers; empty if nothing does."""
    if left["rows"] != right["rows"]:
        return [f"{left['rows']} rows against {right['rows']}"]
    if set(left["digests"]) != set(right["digests"]):
        return [f"columns {sorted(left['digests'])} against {sorted(right['digests'])}"]
    unequal = [f"column {name} differs" for name, digest in left["digests"].items() if digest != right["digests"][name]]
    for name, values in left["floats"].items():
        other = right["floats"][name]
        scale = np.maximum(np.abs(values), np.abs(other))
        off = np.abs(values - other) > tolerance * scale
        off |= np.isnan(values) != np.isnan(other)
        if off.any():
            unequal.append(f"column {name}: {int(off.sum())} values differ by more than {tolerance:g} relative")
    return unequal
