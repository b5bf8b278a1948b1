"""All declared bodies and rowmath functions, in every register type they are resolved for, as one module per target."""

from __future__ import annotations

import ast
import inspect
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gpuflow_kernels.aggregations.basic
import gpuflow_kernels.functions.builtin  # noqa: F401  (fills the registries)
import numpy as np
from gpuflow_kernels import rowmath, time_zone_tables
from gpuflow_kernels.body_source import Body
from gpuflow_kernels.codegen.common.float_products import POWER, PRODUCT, unfused
from gpuflow_kernels.codegen.common.inline_bodies import inline
from gpuflow_kernels.codegen.common.module_source import INTRINSICS_MODULE
from gpuflow_kernels.declare.aggregate import AGGREGATIONS
from gpuflow_kernels.declare.scalar import CUSTOM, PROPAGATE, SCALARS, Overload, Signature, Table
from gpuflow_kernels.dtypes import ALL, BOOL, DATE, FLOAT32, FLOAT64, INT8, INT64, UINT64, duration, timestamp
from gpuflow_kernels.rowmath import intrinsics

from tests.oracle.rows import function_of

PRODUCTS = f"from {INTRINSICS_MODULE} import {POWER}, {PRODUCT}"
US, LENGTH = timestamp("us"), duration("us")
UNARY = (*ALL, timestamp("us", "Europe/Berlin"))
BINARY = (BOOL, INT8, INT64, UINT64, FLOAT32, FLOAT64, DATE, US, LENGTH)
TERNARY = (INT64, FLOAT64)
AGGREGATED = (BOOL, INT8, INT64, UINT64, FLOAT32, FLOAT64, US)
PARAMETERS: dict[str, list[dict[str, Any]]] = {
    "cast": [{"to": t, "strict": s} for t in ALL if t.kind != "string" for s in (True, False)],
    "round": [{"digits": 0}, {"digits": 2}],
    "log": [{}, {"base": 2}],
    "of_halves": [{"scale": 2}],
    "dt.truncate": [{"every": e} for e in ("1w", "15m", "1mo")],
    "dt.round": [{"every": e} for e in ("1w", "15m", "1mo")],
    "dt.offset_by": [{"by": b} for b in ("-15m", "1mo2d3h")],
    "dt.epoch": [{"unit": u} for u in ("d", "s", "ns")],
    "dt.timestamp": [{"unit": u} for u in ("ms", "ns")],
    "dt.cast_time_unit": [{"unit": u} for u in ("s", "ms", "us", "ns")],
    "dt.with_time_unit": [{"unit": "ns"}],
    "dt.convert_time_zone": [{"zone": "Asia/Tokyo"}],
    "dt.replace_time_zone": [
        {"zone": z, "ambiguous": a, "non_existent": n} for z, a, n in ((None, "raise", "raise"), ("UTC", "latest", "null"))
    ],
}
ZONE = np.array(time_zone_tables.table("Europe/Berlin"))
"""What stands for every `Table`, and for the parameter ``z`` of functions that read one; ``zone`` in texts."""
LITERALS = {"int64": "7", "uint64": "7", "float64": "2.0", "float32": "3.0"}


@dataclass(frozen=True)
class Unit:
    """One function with fixed register types, called with `call` (``{0}`` is the first argument)."""

    label: str
    call: str
    args: tuple[str, ...]
    results: tuple[str, ...]
    python: Callable[..., Any]
    body: Body | None = None
    small: bool = False


def constant_text(value: Any) -> str:
    if isinstance(value, Table):
        return "zone"
    if isinstance(value, int) and value >= 1 << 63:
        return f"uint64({value})"
    return "(-9223372036854775807 - 1)" if value == -(1 << 63) and isinstance(value, int) else f"({value!r})"


def _unit(
    label: str, body: Body, args: tuple[str, ...], results: tuple[str, ...], constants: tuple[Any, ...], **more: Any
) -> Unit:
    places = [f"{{{k}}}" for k in range(len(args))] + [constant_text(c) for c in constants]
    typed = tuple(ZONE if isinstance(c, Table) else np.uint64(c) if isinstance(c, int) and c >= 1 << 63 else c for c in constants)
    python = function_of(body)
    call = f"{body.name}({', '.join(places)})"
    return Unit(f"{label} {body.name}{args}{results}", call, args, results, lambda *a: python(*a, *typed), body, **more)


def _of_overload(name: str, overload: Overload, signature: Signature) -> Iterator[Unit]:
    registers = tuple(a.register for a in signature.args)
    args = tuple(t for r in registers for t in (r, "bool_")) if overload.null == CUSTOM else registers
    results = (signature.result.register,) + (() if overload.null == PROPAGATE else ("bool_",))
    yield _unit(name, overload.body, args, results, signature.constants)
    if overload.overflow is not None:
        yield _unit(f"{name} overflow", overload.overflow, args, ("bool_",), signature.constants)
    if overload.structural and registers[-1] in LITERALS:
        whole = _unit(f"{name} literal", overload.body, args[:-1], results, ())
        text, python = LITERALS[registers[-1]], function_of(overload.body)
        yield Unit(whole.label, f"{overload.body.name}({{0}}, {text})", args[:-1], results,
                   lambda x: python(x, ast.literal_eval(text)), overload.body)  # fmt: skip


def _is_wide(signature: Signature) -> bool:
    """Whether a pair of registers stands for a value: tests/kernels/test_decimals.py has these."""
    return any(d.is_wide for d in (*signature.args, signature.result))


def scalar_units() -> Iterator[Unit]:
    for name, function in SCALARS.items():
        if not function.overloads[0].rule.__module__.startswith("gpuflow_kernels"):
            continue
        if all(o.of_text for o in function.overloads):  # test_text_bodies.py
            continue
        pool = {1: UNARY, 2: BINARY, 3: TERNARY}.get(function.arity, (INT64,))
        for types in itertools.product(pool, repeat=function.arity):
            types = (BOOL, *types[1:]) if name == "when" else types
            for params in PARAMETERS.get(name, [{}]):
                try:
                    found = function.resolve(types, params)
                except ValueError:  # an interval that the type does not have
                    continue
                if found is not None and not found[0].of_text and not _is_wide(found[1]):
                    yield from _of_overload(name, *found)


def aggregation_units() -> Iterator[Unit]:
    for name, function in AGGREGATIONS.items():
        if not function.overloads[0].rule.__module__.startswith("gpuflow_kernels"):
            continue
        pool = (INT64, FLOAT64) if name.startswith(("first", "last")) else AGGREGATED
        for types in itertools.product(pool, repeat=function.arity):
            found = function.resolve(types)
            if found is None or not found[0].slots:
                continue
            declared, given, result = found
            slots = [s.resolve(given[0] if given else None) for s in declared.slots]
            registers = tuple(s.dtype.register for s in slots)
            args = tuple(t for d in given for t in ((d.register, "bool_") if declared.lift_nulls else (d.register,)))
            assert declared.lift is not None and declared.finalize is not None
            yield _unit(name, declared.lift, args + (("int64",) if declared.position else ()), registers, ())
            if declared.combine is not None:
                yield _unit(name, declared.combine, registers * 2, registers, (), small=name in ("var", "std"))
            literals = tuple(p.literal.register for p in function.parameters.values() if p.literal is not None)
            finished = registers + literals
            if declared.overflow is not None:
                yield _unit(name, declared.overflow, finished, ("bool_",), ())
            last = declared.finalize.tree.body[-1]
            two = isinstance(last, ast.Return) and isinstance(last.value, ast.Tuple)
            yield _unit(name, declared.finalize, finished, (result.register,) + (("bool_",) if two else ()), (), small=True)


_TWO = {"pow", "fmod", "atan2", "copysign", "hypot"}
_OF_FLOATS = {"float_bits", "ordered_bits", "float_pow", "float_mod", "mod_in_range", "round_half_even"}


def rowmath_units() -> Iterator[Unit]:
    """Every function of rowmath by itself."""
    for name in sorted(rowmath.NAMES - rowmath.TEXT_NAMES - rowmath.WIDE_NAMES - {"nan", "inf", "pi"}):
        function = getattr(rowmath, name)
        intrinsic = name in intrinsics.CPU
        count = (2 if name in _TWO else 1) if intrinsic else len(inspect.signature(function).parameters)
        kinds = ["int64"]
        if name == "float32_mod":
            kinds = ["float32"]
        elif name in ("int64", "uint64", "uint8", "float32", "float64", "bool_"):
            kinds = ["int64", "uint64", "bool_"] + (["float32", "float64"] if name in ("float32", "float64", "bool_") else [])
        elif name in _OF_FLOATS or (intrinsic and name != "float_from_bits"):
            kinds = ["float64"]
        elif name.startswith("u") or name == "mul_overflows":
            kinds = ["uint64"] if name != "mul_overflows" else ["int64", "uint64"]
        elif name == "mix64":
            kinds = ["int64", "uint64"]
        if not intrinsic and "z" in inspect.signature(function).parameters:
            yield _of_zone(name, function)
            continue
        for kind in kinds:
            with np.errstate(all="ignore"):
                sample = function(*(getattr(rowmath, kind)(1),) * count)
            results = tuple(_register(v) for v in (sample if isinstance(sample, tuple) else (sample,)))
            places = ", ".join(f"{{{k}}}" for k in range(count))
            yield Unit(f"rowmath {name}({kind})", f"{name}({places})", (kind,) * count, results, function)


def _of_zone(name: str, function: Callable[..., Any]) -> Unit:
    """A function that reads the table of a zone; all else is int64."""
    names = list(inspect.signature(function).parameters)
    at, count = names.index("z"), len(names) - 1

    def python(*arguments: Any) -> Any:
        return function(*arguments[:at], ZONE, *arguments[at:])

    sample = python(*(np.int64(1),) * count)
    results = tuple(_register(v) for v in (sample if isinstance(sample, tuple) else (sample,)))
    places = [f"{{{k}}}" for k in range(count)]
    call = f"{name}({', '.join([*places[:at], 'zone', *places[at:]])})"
    return Unit(f"rowmath {name}", call, ("int64",) * count, results, python)


def _register(value: Any) -> str:
    return "bool_" if isinstance(value, (bool, np.bool_)) else type(value).__name__


def units() -> list[Unit]:
    """All of them, each once."""
    every = (*rowmath_units(), *scalar_units(), *aggregation_units())
    return list({(u.body or u.call, u.args, u.results, "literal" in u.label): u for u in every}.values())


@dataclass(frozen=True)
class Batch:
    """One function ``run_k(n, inputs.., outputs..)`` for many units.

    `inputs` are (register type, position): the array that every unit with such an argument reads. Result arrays are
    two-dimensional, one row for each unit and result of that type; `places` says which.
    """

    name: str
    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[str, ...]
    places: tuple[tuple[Unit, tuple[tuple[str, int], ...]], ...]
    text: str


def batches(every: list[Unit], size: int = 70) -> list[Batch]:
    ordered = sorted(every, key=lambda u: (u.args, u.label))
    return [_batch(f"run_{k}", ordered[k : k + size]) for k in range(0, len(ordered), size)]


def split_arguments(text: str) -> list[str]:
    """The texts of a call's arguments."""
    return [ast.unparse(a) for a in ast.parse(f"f({text})", mode="eval").body.args]  # type: ignore[attr-defined]


def _batch(name: str, members: list[Unit]) -> Batch:
    counts: dict[str, int] = {}
    places, lines = [], []
    inputs = tuple(sorted({(a, k) for u in members for k, a in enumerate(u.args)}))
    for number, unit in enumerate(members):
        given = [f"x_{a}_{k}" for k, a in enumerate(unit.args)]
        names = [f"t{number}_{k}" for k in range(len(unit.results))]
        call = unit.call.format(*given)
        if unit.body is None:
            lines.append(f"{', '.join(names)} = {call}")
        else:  # pasted, as kernels have it: a function for each body takes four times as long to compile
            own, texts = inline(unit.body, tuple(split_arguments(call[len(unit.body.name) + 1 : -1])), f"b{number}_")
            lines += own + [f"{n} = {t}" for n, t in zip(names, texts, strict=True)]
        where = []
        for result, register in zip(names, unit.results, strict=True):
            row = counts.get(register, 0)
            counts[register] = row + 1
            where.append((register, row))
            lines.append(f"r_{register}[{row}, i] = {register}({result})")
        places.append((unit, tuple(where)))
    outputs = tuple(sorted(counts))
    params = ["n", "zone", *(f"a_{a}_{k}" for a, k in inputs), *(f"r_{o}" for o in outputs)]
    loads = [f"x_{a}_{k} = {a}(a_{a}_{k}[i])" for a, k in inputs]
    head = [f"def {name}({', '.join(params)}):", "    for i in range(n):"]
    return Batch(name, inputs, outputs, tuple(places), "\n".join([*head, *(f"        {line}" for line in loads + lines)]))


def module_text(target: str, made: list[Batch]) -> str:
    """The prelude and every batch."""
    text = "\n".join([rowmath.prelude(rowmath.NAMES, target), *(b.text for b in made)])
    return f"{PRODUCTS}\n{unfused(text)}" if target == "cuda" else text
