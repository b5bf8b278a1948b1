"""Errors of the array level. `gpuflow.errors` re-exports them under the same names."""

from __future__ import annotations


class GpuflowError(Exception):
    """Base of every error gpuflow raises on purpose."""

    def __str__(self) -> str:  # a KeyError subclass would otherwise show the repr of its message
        return str(self.args[0]) if self.args else ""


class DTypeError(GpuflowError, ValueError, TypeError):
    """Something is no column type, or a type with parameters that it cannot have."""


class ExtensionError(GpuflowError):
    """A user's scalar function or aggregation cannot be declared or compiled."""


class ExecutionError(GpuflowError):
    """A query failed while running."""


class KernelCompileError(ExecutionError):
    """A generated kernel did not compile; the message names its file."""


class DeviceMemoryError(MemoryError, ExecutionError):  # this order, or tblib cannot unpickle it
    """The device has no room for an operator's data."""


class ArithmeticOverflowError(ExecutionError, OverflowError):
    """An exact integer result does not fit its type, or a strict cast is out of range."""


class CastError(ArithmeticOverflowError, ValueError):
    """A value cannot be converted, and the conversion is strict.

    Attributes
    ----------
    expression : str
        The conversion, as written.
    value : object
        The value that it failed on.
    row : int
        Number of the row in its partition, from 0.
    """

    def __init__(self, message: str, *, expression: str | None = None, value: object = None, row: int | None = None) -> None:
        super().__init__(message)
        self.expression, self.value, self.row = expression, value, row
