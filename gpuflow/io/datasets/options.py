"""Options of every scan of files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gpuflow_kernels import dtypes as t
from gpuflow_kernels.declare.choices import is_one_of
from gpuflow_kernels.dtypes import DType

from gpuflow.arrow import decimals
from gpuflow.errors import DuplicateNameError, TypeMismatchError
from gpuflow.expr.types import column_type

from . import files
from .files import File


@dataclass(frozen=True)
class ScanOptions:
    """Options shared by all scans: where files are, and which columns and rows are read. See `gpuflow.io.scan_parquet`."""

    storage_options: Mapping[str, Any] | None = field(default=None, repr=False)
    filesystem: Any = field(default=None, repr=False)
    hive_partitioning: bool = True
    hive_schema: Mapping[str, DType | str] | None = None
    try_parse_hive_dates: bool = True
    include_file_paths: str | None = None
    row_index_name: str | None = None
    row_index_offset: int = 0
    n_rows: int | None = None
    schema: Mapping[str, DType | str] | None = None
    missing_columns: str = "raise"
    extra_columns: str = "raise"
    glob: bool = True
    int96_unit: str | None = None
    time_unit: str = "ns"
    wide_decimals: str = "exact"

    def __post_init__(self) -> None:
        for name, values in (("missing_columns", ("raise", "insert")), ("extra_columns", ("raise", "ignore", "insert"))):
            if not is_one_of(getattr(self, name), values):
                raise TypeMismatchError(f"{name}={getattr(self, name)!r} is not one of {', '.join(map(repr, values))}")
        decimals.checked(self.wide_decimals)
        for name, unit in (("int96_unit", "us" if self.int96_unit is None else self.int96_unit), ("time_unit", self.time_unit)):
            if not is_one_of(unit, t.UNITS):
                raise TypeMismatchError(f"{name}={unit!r} is not one of {', '.join(map(repr, t.UNITS))}")
        for name in ("n_rows", "row_index_offset"):
            if getattr(self, name) is not None:
                check_count(name, getattr(self, name))

    def find(self, paths: Any, suffixes: tuple[str, ...], what: str, magic: bytes = b"") -> list[File]:
        """Find the files to scan, recognised by suffix or by `magic`; with `include_file_paths` each has its path as a further
        key."""
        matches = files.find(
            paths,
            kind=files.Kind(what, suffixes, magic),
            options=self.storage_options,
            filesystem=self.filesystem,
            hive=self.hive_partitioning,
            wildcards=self.glob,
        )
        if self.include_file_paths is None:
            return matches
        for file in matches[:1]:
            refuse_taken(self.include_file_paths, [name for name, _ in file.keys], "include_file_paths", file)
        return [replace(file, keys=(*file.keys, (self.include_file_paths, file.path))) for file in matches]

    def key_types(self) -> dict[str, DType]:
        """Return the types of partition keys that are given, and so are not inferred."""
        asked = {name: dtype(kind, "hive_schema", name) for name, kind in (self.hive_schema or {}).items()}
        return asked | ({} if self.include_file_paths is None else {self.include_file_paths: t.STRING})

    def wanted(self) -> dict[str, DType] | None:
        """Return the types in `schema`, if it was given."""
        return None if self.schema is None else {n: dtype(kind, "schema", n) for n, kind in self.schema.items()}

    @property
    def identity(self) -> tuple[Any, ...]:
        """Options that change the rows of a scan, for its token."""
        return self.hive_partitioning, self.include_file_paths, self.row_index_name, self.row_index_offset, self.n_rows


def check_count(what: str, value: Any) -> None:
    """Raise `TypeMismatchError` if an argument is no number of rows or lines."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeMismatchError(f"{what}={value!r} is not a whole number of at least 0")


def dtype(asked: Any, what: str, name: str) -> DType:
    """Return the type that a user gave for a column.

    Raises
    ------
    TypeMismatchError
        When there is none.
    """
    return column_type(asked, f"{what}, column {name!r}")


def refuse_taken(name: str, names: Any, what: str, file: File) -> None:
    """Raise if the name of a column to be added exists already."""
    if name in names:
        raise DuplicateNameError(f"{what}={name!r}: {file.path} has a column of that name; choose another", column=name)
