"""Sources over Python values: a list for each column, or a dict or tuple for each row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from gpuflow_kernels.dtypes import STRING, DType

from gpuflow.errors import PlanError, TypeMismatchError
from gpuflow.expr.literals import no_category
from gpuflow.io.datasets.options import dtype as named_type
from gpuflow.schema import as_list

from .frames import assemble, from_numpy, usable
from .python_arrays import array_of
from .source import MemorySource

Types = Mapping[str, DType | str]


def from_dict(data: Mapping[str, Any], schema: Types | None = None) -> MemorySource:
    """Make a source over a mapping of names to lists (or arrays, which are shared as by `from_numpy`).

    Parameters
    ----------
    data : mapping of str to list or array
        None is null.
    schema : mapping of str to DType or type name, optional
        Types of columns that are not to be guessed; names among them that `data` lacks are an error.

    Raises
    ------
    TypeMismatchError
        Naming the column whose values have no common type, or not the one that is asked for.
    """
    if not isinstance(data, Mapping):
        raise TypeMismatchError(
            f"from_dict takes a mapping of names to lists, not {type(data).__name__}; gf.from_dicts takes a dict for each row"
        )
    types = _types(schema)
    missing = [name for name in types if name not in data]
    if missing:
        raise PlanError(f"from_dict: the schema names {', '.join(map(repr, missing))}, which the data lacks")
    if not types:
        return from_numpy(data)
    return usable(
        assemble({n: _typed(n, v, types[n]) if n in types else _guessed(n, v) for n, v in data.items()}, "dict of lists")
    )


def from_dicts(rows: Iterable[Mapping[str, Any]], schema: Types | None = None) -> MemorySource:
    """Make a source over one mapping for each row. A key that a row lacks is null.

    Parameters
    ----------
    rows : iterable of mappings
    schema : mapping of str to DType or type name, optional
        Names and types of all columns, in order; otherwise columns come in the order in which they first appear.
    """
    rows = as_list(rows, "from_dicts(): rows")
    for odd in (row for row in rows if not isinstance(row, Mapping)):
        raise TypeMismatchError(
            f"from_dicts takes a mapping for each row, not {odd!r:.60}; for tuples use from_records(rows, schema)"
        )
    types = _types(schema)
    names = list(types) if schema is not None else list(dict.fromkeys(name for row in rows for name in row))
    if not names and rows:
        raise PlanError("from_dicts: no row has a value; pass schema={name: type, ...}")
    return _columns({name: [row.get(name) for row in rows] for name in names}, types, "list of dicts")


def from_records(rows: Iterable[Sequence[Any]], schema: Sequence[str] | Types | None = None) -> MemorySource:
    """Make a source over one tuple (or list) for each row.

    Parameters
    ----------
    rows : iterable of sequences
        All as long as `schema`.
    schema : list of str, or mapping of str to DType or type name
        Names of the columns, and their types where those are not to be guessed.
    """
    rows = as_list(rows, "from_records(): rows")
    if isinstance(schema, (str, bytes)):
        raise TypeMismatchError(f"from_records: schema is a list of names, or a mapping of names to types, not {schema!r}")
    if schema is None:
        widest = rows[0] if rows and isinstance(rows[0], (list, tuple)) else ()
        schema = [f"column_{k}" for k in range(len(widest))]
    names = as_list(schema, "from_records(): schema")
    for number, row in enumerate(rows):
        if isinstance(row, (str, bytes, Mapping)) or not isinstance(row, Sequence):
            way = "; write gf.from_dicts(rows)" if isinstance(row, Mapping) else ""
            raise TypeMismatchError(f"from_records takes a tuple for each row, and row {number} is {row!r:.60}{way}")
        if len(row) != len(names):
            raise PlanError(f"from_records: row {number} has {len(row)} values, and the schema {len(names)} names")
    types = _types(schema) if isinstance(schema, Mapping) else {}
    if len(set(names)) < len(names):
        raise PlanError(f"from_records: a name comes twice in {names}")
    return _columns({name: [row[k] for row in rows] for k, name in enumerate(names)}, types, "list of tuples")


def _types(schema: Types | None) -> dict[str, DType]:
    return {name: named_type(kind, "schema", name) for name, kind in (schema or {}).items()}


def _columns(data: Mapping[str, list[Any]], types: Mapping[str, DType], label: str) -> MemorySource:
    arrays = {n: _typed(n, v, types[n]) if n in types else _guessed(n, v) for n, v in data.items()}
    return usable(assemble(arrays, label))


def _guessed(name: str, values: Any) -> Any:
    try:
        return array_of(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as e:
        raise TypeMismatchError(f"column {name!r}: its values have no common type ({e}); name one in the schema") from e


def _typed(name: str, values: Any, dtype: DType) -> pa.Array:
    try:
        array = array_of(values, STRING if dtype.kind == "enum" else dtype)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as e:
        raise TypeMismatchError(f"column {name!r} is to be {dtype}: {e}") from e
    return _enum(name, array, dtype) if dtype.kind == "enum" else array


def _enum(name: str, strings: pa.Array, dtype: DType) -> pa.Array:
    names = pa.array(dtype.detail, strings.type)
    codes = pc.index_in(strings, value_set=names)
    if codes.null_count > strings.null_count:
        unknown = next(s for s, c in zip(strings.to_pylist(), codes.to_pylist(), strict=True) if c is None and s is not None)
        raise TypeMismatchError(f"column {name!r} is to be {dtype}{no_category(unknown, dtype)}")
    return pa.DictionaryArray.from_arrays(codes, names, ordered=True)
