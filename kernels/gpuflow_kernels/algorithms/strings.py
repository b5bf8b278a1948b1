"""Run string functions over arrays: once for each entry of a dictionary, or for each row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from gpuflow_kernels.codegen.common.arguments import Argument, Arguments, Role, control
from gpuflow_kernels.codegen.common.string_kernels import ENTRIES, ONE, ROWS, Operand, TextGenerated, text_module
from gpuflow_kernels.codegen.modules import load
from gpuflow_kernels.declare.scalar import Constant, Overload, Table
from gpuflow_kernels.dtypes import STRING, DType
from gpuflow_kernels.errors import KernelCompileError
from gpuflow_kernels.target import Target, word_of

OUT, OK, BAD, BYTES, ROOM, AT = map(control, ("out", "ok", "bad", "bytes", "room", "at"))


@dataclass(frozen=True, slots=True, eq=False)
class StringColumn:
    """Strings: entry i is ``data[offsets[i]:offsets[i + 1]]``. With `codes` row r is entry ``codes[r]``, else entry r."""

    offsets: Any
    data: Any
    codes: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """A number for each row, in the storage of `dtype`."""

    dtype: DType
    values: Any


@dataclass(frozen=True, slots=True)
class Scalar:
    """The same value for every row: bytes for a string, else a number."""

    dtype: DType
    value: Any


@dataclass(frozen=True, slots=True, eq=False)
class StringResult:
    """What a string function gives for each row: numbers in `values`, or `strings`. `valid` says which rows have a result, and
    `error_mask` for which the function raises; None where all have one, or none raises."""

    values: Any = None
    strings: StringColumn | None = None
    valid: Any = None
    error_mask: Any = None


def evaluate(
    target: Target,
    overload: Overload,
    dtype: DType,
    constants: tuple[Constant, ...],
    arguments: tuple[StringColumn | Numbers | Scalar, ...],
    rows: int,
) -> StringResult:
    """Run a declared string function (one with a `text`) over `rows` rows.

    Parameters
    ----------
    target : Target
    overload : Overload
    dtype : DType
        Of the result.
    constants : tuple
        Of the signature.
    arguments : tuple of StringColumn, Numbers or Scalar
        No nulls: the caller masks the rows that have some.
    rows : int

    Raises
    ------
    KernelCompileError
        When the body does not compile.
    """
    given: Arguments = {control("rows"): np.uint64(rows)}
    kinds = tuple(_given(target, k, a, given) for k, a in enumerate(arguments))
    making = overload.text in ("write", "view")
    out = "int64" if making else dtype.register.rstrip("_")
    xp = target.xp
    given |= {OUT: xp.zeros(rows, dtype=out), OK: xp.ones(rows, dtype=bool), BAD: xp.zeros(rows, dtype=bool)}
    arrays = ((k, c.values) for k, c in enumerate(constants) if isinstance(c, Table))
    given |= {Argument(Role.ARRAY, k): target.asarray(np.array(values, "int64")) for k, values in arrays}
    given |= {BYTES: xp.empty(0, dtype="uint8"), ROOM: np.int64(0)}
    first = text_module(overload, kinds, constants, out, target.name, False)
    _run(target, first, given, rows)
    read = {p.argument for p in first.params}
    valid = given[OK] if OK in read and not bool(given[OK].all()) else None
    error_mask = given[BAD] if BAD in read and bool(given[BAD].any()) else None
    if not making:
        with np.errstate(all="ignore"):
            return StringResult(given[OUT].astype(dtype.storage, copy=False), None, valid, error_mask)
    lengths = given[OUT] if valid is None else xp.where(valid, given[OUT], 0)
    offsets = xp.zeros(rows + 1, dtype="int64")
    xp.cumsum(lengths, out=offsets[1:])
    total = int(offsets[-1])
    given |= {BYTES: xp.empty(total, dtype="uint8"), ROOM: np.int64(total), AT: offsets}
    if total:
        # a row without a result may put bytes where the next one begins: that one puts its own there too, but on a GPU not
        # necessarily later, so such rows are sent behind the end
        if valid is not None:
            given[AT] = xp.where(valid, offsets[:-1], total)
        _run(target, text_module(overload, kinds, constants, out, target.name, True), given, rows)
    return StringResult(None, StringColumn(offsets, given[BYTES]), valid, error_mask)


def _given(target: Target, k: int, argument: StringColumn | Numbers | Scalar, given: Arguments) -> Operand:
    """Add to `given` what a kernel reads argument number `k` from, and return how it comes."""
    if isinstance(argument, StringColumn):
        data = target.asarray(argument.data)
        given |= _bytes(k, data) | {Argument(Role.TEXT_OFFSETS, k): target.asarray(argument.offsets)}
        if argument.codes is None:
            return Operand(ENTRIES)
        given[Argument(Role.TEXT_ROWS, k)] = target.asarray(argument.codes)
        return Operand(ROWS)
    if isinstance(argument, Numbers):
        given[Argument(Role.INPUT, k)] = target.asarray(argument.values)
        return Operand(ROWS, argument.dtype)
    if argument.dtype == STRING:
        data = target.asarray(np.frombuffer(bytearray(argument.value), np.uint8))  # bytearray: not read-only
        given |= _bytes(k, data)
        return Operand(ONE)
    given[Argument(Role.INPUT, k)] = word_of(argument.value, argument.dtype.register)
    return Operand(ONE, argument.dtype)


def _bytes(k: int, data: Any) -> Arguments:
    return {Argument(Role.TEXT_BYTES, k): data, Argument(Role.TEXT_SIZE, k): np.int64(len(data))}


def _run(target: Target, generated: TextGenerated, given: Arguments, rows: int) -> None:
    module = load(generated.text, target.name)
    values = [given[p.argument] for p in generated.params]
    if target.name == "python":
        with np.errstate(all="ignore"):
            module.run(*values)
        return
    if target.name == "cuda":
        from gpuflow_kernels.primitives.cuda import runtime

        if rows:
            runtime.launch_over(module.run, rows, values)
        return
    try:
        module.run(*values)
    except Exception as e:
        if type(e).__module__.startswith("numba"):
            raise KernelCompileError(f"generated kernel {module.__file__} did not compile: {e}") from e
        raise
