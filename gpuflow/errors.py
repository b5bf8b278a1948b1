"""All errors that gpuflow raises on purpose.

`GpuflowError` is the base of all. `PlanError` and its subclasses are raised while a query is built, the others while it runs. All
of them can be pickled, with their attributes, and print their message unchanged.
"""

from __future__ import annotations

from gpuflow_kernels.errors import (
    ArithmeticOverflowError,
    CastError,
    DeviceMemoryError,
    DTypeError,
    ExecutionError,
    ExtensionError,
    GpuflowError,
    KernelCompileError,
)

__all__ = [
    "ArithmeticOverflowError",
    "CastError",
    "ColumnNotFoundError",
    "DTypeError",
    "DeviceMemoryError",
    "DuplicateNameError",
    "EmptyFilterWarning",
    "ExecutionError",
    "ExtensionError",
    "GpuflowError",
    "KernelCompileError",
    "LeftOutWarning",
    "NullComparisonWarning",
    "OutOfBoundsError",
    "PlanError",
    "ReadError",
    "SQLError",
    "ShapeError",
    "TypeMismatchError",
    "UnknownNameError",
    "UnsupportedError",
    "WriteError",
]


class PlanError(GpuflowError):
    """A query is invalid; nothing has run."""


class ColumnNotFoundError(PlanError, KeyError):
    """A column does not exist.

    Attributes
    ----------
    column : str
        The name that was asked for.
    """

    def __init__(self, message: str, *, column: str | None = None) -> None:
        super().__init__(message)
        self.column = column


class TypeMismatchError(PlanError, TypeError):
    """An operation does not accept the types it was given."""


class DuplicateNameError(PlanError, ValueError):
    """Two output columns would have one name.

    Attributes
    ----------
    column : str
        The name.
    """

    def __init__(self, message: str, *, column: str | None = None) -> None:
        super().__init__(message)
        self.column = column


class UnknownNameError(PlanError, AttributeError):
    """An object has no such method or attribute; the message says what to write instead where the name is another library's."""


class UnsupportedError(PlanError, NotImplementedError):
    """gpuflow does not support this."""


class ShapeError(PlanError, ValueError):
    """A table has more or fewer rows or columns than an operation needs."""


class OutOfBoundsError(PlanError, IndexError):
    """A table in memory has no row or column of that number."""


class SQLError(PlanError, ValueError):
    """A SQL text is invalid or not supported."""


class ReadError(GpuflowError, OSError):
    """Data cannot be read.

    Attributes
    ----------
    file : str
        Path or URL.
    row_group : int
        Number of the row group in a Parquet file, from 0.
    column : str
        The column that was read.
    """

    def __init__(self, message: str, *, file: str | None = None, row_group: int | None = None, column: str | None = None) -> None:
        super().__init__(message)
        self.file, self.row_group, self.column = file, row_group, column


class WriteError(GpuflowError, OSError):
    """Data cannot be written.

    Attributes
    ----------
    file : str
        Path or URL.
    """

    def __init__(self, message: str, *, file: str | None = None) -> None:
        super().__init__(message)
        self.file = file


class LeftOutWarning(UserWarning):
    """Columns of loaded data are left out of the frame: their type is not supported, or they are the index of a pandas frame."""


class EmptyFilterWarning(UserWarning):
    """A condition is False for every row, for example a method that is compared without being called."""


class NullComparisonWarning(UserWarning):
    """A column is compared with None, which is null in every row; use is_null()."""
