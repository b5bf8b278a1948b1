"""Bodies of text functions by themselves: compiled for CPUs they give what they give uncompiled, and they compile for GPUs."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np
import pytest
from gpuflow_kernels import rowmath
from gpuflow_kernels.body_source import Body
from gpuflow_kernels.codegen.common.inline_bodies import helper_text, names_used
from gpuflow_kernels.declare.scalar import PARTIAL, SCALARS
from gpuflow_kernels.dtypes import BOOL, DATE, INT8, INT64, STRING, UINT64, DType, decimal, timestamp
from gpuflow_kernels.ir.expressions import Call
from gpuflow_kernels.rowmath import NAMES, TEXT_NAMES, prelude

from tests.oracle import call
from tests.oracle.rows import constant, function_of

from .batch import constant_text
from .test_one_meaning import Device
from .values import ref

HEADS = {
    # called from Python here, unlike in kernels, and with checks of every place
    "cpu": "import numba\ndevice = numba.njit(error_model='numpy', boundscheck=True)\n",
    "cuda": "from numba import cuda\ndevice = cuda.jit(device=True)\n",
}
STRINGS = [
    "", "a", "aa", "żółw😀", "\0a\0", "-12", "+7f", "99999999999999999999", "%_a%", " x\t", "2020-02-29", "-0.05e1", "yes",
    "2020-02-29 12:34:56.789", "5 Mar 2021 01:02 pm", "ÄÖ\u3000", "-",
    "2020-02-29T12:34:56.7-01:30", "Sat Feb 29 12:34:56 2020", "2020-W09-6", "2020 08 6 CET",
]  # fmt: skip
PATTERNS = ["", "a", "%_", "%a%", "ó", "\0", "😀", "aaaaaaaaaaaaaaaaaaaaaaaaaaa"]
FORMATS = [
    "",
    "%Y-%m-%d",
    "%F %T%.f",
    "%d %b %Y %I:%M %p",
    "%",
    "iso",
    "%A %B %e %j %y %C %s %%%z%3f",
    "%c|%+|%:z|%::z|%:::z|%Z|%#z",
    "%+",
    "%c",
    "%G-W%V-%u",
    "%Y %U %w %Z",
    "%_Y",
]
WHOLE = [0, 1, 3, -1, -2, 2**63 - 1, -(2**63)]
SMALL = [0, 1, 3, 7, -1, -(2**63)]
US = timestamp("us")
ZONED = timestamp("us", "Africa/Monrovia")

CALLS: list[tuple[str, tuple[DType, ...], dict[str, Any]]] = [
    *((f"str.{n}", (STRING,), {}) for n in "len_chars len_bytes reverse to_lowercase to_uppercase to_titlecase".split()),
    *((f"str.{n}", (STRING, STRING), {}) for n in (
        "starts_with ends_with like ilike strip_prefix strip_suffix strip_chars strip_chars_start strip_chars_end").split()),
    *((f"str.{n}", (STRING, STRING), {"literal": True}) for n in ("contains", "find", "count_matches")),
    *((f"str.{n}", (STRING, INT64), {}) for n in ("head", "tail", "zfill")),
    *((f"str.{n}", (STRING, INT64), {"fill_char": "ż"}) for n in ("pad_start", "pad_end")),
    ("str.slice", (STRING, INT64, INT64), {}), ("str.split_part", (STRING, STRING, INT64), {}),
    ("str.replace", (STRING, STRING, STRING), {"literal": True, "n": 2}),
    ("str.replace_all", (STRING, STRING, STRING), {"literal": True}),
    ("add", (STRING, STRING), {}), ("concat_str", (STRING, STRING, STRING), {}), ("compare_text", (STRING, STRING), {}),
    *(("cast", (t,), {"to": STRING}) for t in (BOOL, INT8, INT64, UINT64, DATE, US, decimal(9, 3))),
    *(("cast", (STRING,), {"to": t, "strict": s})
      for t in (BOOL, INT8, INT64, UINT64, DATE, US, decimal(9, 3)) for s in (True, False)),
    *(("str.to_integer", (STRING,), {"base": 16, "dtype": t, "strict": s}) for t in (INT64, UINT64) for s in (True, False)),
    ("str.to_decimal", (STRING,), {"scale": 2}),
    *((f"str.{n}", (STRING, STRING), {"strict": s}) for n in ("to_date", "to_datetime") for s in (True, False)),
    *(("str.strptime", (STRING, STRING), {"dtype": t, "strict": s}) for t in (DATE, US) for s in (True, False)),
    *((f"dt.{n}", (t, STRING), {}) for n in ("strftime", "to_string") for t in (DATE, US, ZONED)),
    ("cast", (ZONED,), {"to": STRING}),
]  # fmt: skip


@dataclass(frozen=True)
class Unit:
    """One body of a call."""

    name: str
    call: Call
    body: Body

    @property
    def writes(self) -> bool:
        return self.body.params[:1] == ("out",)


def units() -> list[Unit]:
    found: dict[tuple[Any, ...], Unit] = {}
    for name, types, params in CALLS:
        made = call(name, *(ref(k, t) for k, t in enumerate(types)), **params)
        for body in (made.overload.body, made.overload.overflow):
            if body is not None:
                found.setdefault((body.name, made.constants), Unit(name, made, body))
    return list(found.values())


def compiled_units() -> list[Unit]:
    """All but those that read or write values by helpers that others use too: each would take a second, and adds nothing."""
    found: list[Unit] = []
    covered: list[set[str]] = []
    for unit in sorted(units(), key=lambda u: -len(names_used([u.body.text]) & TEXT_NAMES)):
        helpers = names_used([unit.body.text]) & TEXT_NAMES
        thin = unit.name == "cast" or unit.name.startswith(("str.to_date", "str.to_integer", "str.to_decimal", "str.strp", "dt."))
        if not (thin and any(helpers <= c for c in covered)):
            found.append(unit)
            covered += [helpers] if thin else []
    return found


def values(unit: Unit, position: int, dtype: DType) -> list[Any]:
    if dtype == STRING:
        if position == 0:
            return STRINGS
        return FORMATS if unit.name.startswith("dt.") or unit.name[4:] in ("to_date", "to_datetime", "strptime") else PATTERNS
    if dtype == BOOL:
        return [np.bool_(True), np.bool_(False)]
    if dtype == UINT64:
        return [np.uint64(v) for v in (0, 9, 10, 2**64 - 1)]
    if dtype in (DATE, US, ZONED):
        return [np.int64(v) for v in (0, -1, 18_321, -800_000, 9 if dtype == DATE else 1_614_949_321_120_000)]
    return [np.int64(v) for v in (SMALL if unit.writes or unit.name.startswith(("str.pad", "str.zfill")) else WHOLE)]


def arguments(unit: Unit) -> Iterator[list[Any]]:
    """Strings lie between other bytes, of which nothing may be read."""
    types = [a.dtype for a in unit.call.args]
    constants = [constant(c) for c in unit.call.constants]
    for row in itertools.product(*(values(unit, k, t) for k, t in enumerate(types))):
        given: list[Any] = []
        for value, dtype in zip(row, types, strict=True):
            if dtype == STRING:
                text = value.encode()
                given += [np.frombuffer(b"%a1" + text + b"1a%", np.uint8), np.int64(3), np.int64(3 + len(text))]
            else:
                given.append(value)
        yield [*given, *constants]


def answer(unit: Unit, function: Any, given: list[Any]) -> Any:
    """What a body answers, and the bytes that it puts."""
    if not unit.writes:
        result = function(*given)
        return tuple(int(r) for r in (result if isinstance(result, tuple) else (result,)))
    size = function(np.empty(0, np.uint8), np.int64(0), *given)
    size = int(size[0] if unit.call.overload.null == PARTIAL else size)
    out = np.full(size + 4, 7, np.uint8)
    again = function(out[: size + 2], np.int64(2), *given)
    assert int(again) == size + 2, (unit.name, given)
    assert list(out[:2]) == [7, 7] == list(out[size + 2 :]), (unit.name, given)
    return bytes(out[2 : size + 2])


def load(target: str, made: list[Unit], folder: Path, more: str = "") -> ModuleType:
    bodies = {u.body.name: f"@device\n{helper_text(u.body)}" for u in made}
    path = folder / f"text_{target}.py"
    path.write_text(HEADS[target] + prelude(NAMES, target) + "\n".join([*bodies.values(), more]))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_body_is_among_the_calls() -> None:
    declared = {o.body.name for f in SCALARS.values() for o in f.overloads if o.text and o.rule.__module__.startswith("gpuflow")}
    assert declared <= {u.body.name for u in units()}


@pytest.mark.slow
def test_compiled_equals_uncompiled(tmp_path: Path) -> None:
    made = compiled_units()
    module = load("cpu", made, tmp_path)
    wrong = []
    with np.errstate(all="ignore"):
        for unit in made:
            python, compiled = function_of(unit.body), getattr(module, unit.body.name)
            for given in itertools.islice(arguments(unit), 0, None, 1 if len(unit.call.args) < 3 else 5):
                ours, theirs = answer(unit, python, given), answer(unit, compiled, given)
                wrong += [(unit.name, given, ours, theirs)] if ours != theirs else []
    assert not wrong, "\n".join(map(str, wrong[:20]))


@pytest.mark.slow
def test_all_bodies_compile_for_cuda(tmp_path: Path) -> None:
    from numba import cuda, types

    made = compiled_units()
    calls = "\n".join(f"    a{k} = {u.body.name}({', '.join(_given(u))})" for k, u in enumerate(made))
    module = load("cuda", made, tmp_path, f"def every(text, n, whole, flag, zone):\n{calls}\n    return n\n")
    signature = (types.Array(types.uint8, 1, "C"), types.int64, types.uint64, types.boolean, types.Array(types.int64, 1, "C"))
    with mock.patch("numba.cuda.dispatcher.get_current_device", return_value=Device()):
        text, _ = cuda.compile_ptx(module.every, signature, device=True, cc=(8, 0), opt=False)
    missing = [u.body.name for u in made if u.body.name not in text]
    assert not missing


def _given(unit: Unit) -> list[str]:
    """Texts of arguments of the types of a call."""
    given = ["text", "n"] if unit.writes else []
    for a in unit.call.args:
        given += ["text", "n", "n"] if a.dtype == STRING else [{"bool_": "flag", "uint64": "whole"}.get(a.dtype.register, "n")]
    return given + [constant_text(c) for c in unit.call.constants]


# -- helpers -----------------------------------------------------------------------------------------------------------
def spread(text: str) -> tuple[Any, np.int64, np.int64]:
    encoded = text.encode()
    return np.frombuffer(b"\xc4" + encoded + b"\x80", np.uint8), np.int64(1), np.int64(1 + len(encoded))


@pytest.mark.parametrize("text", STRINGS)
def test_characters(text: str) -> None:
    s, s0, s1 = spread(text)
    assert rowmath.count_chars(s, s0, s1) == len(text)
    for n in range(len(text) + 2):
        assert rowmath.forward(s, s0, s1, n) == 1 + len(text[:n].encode())
        assert rowmath.backward(s, s0, s1, n) == s1 - len(text[len(text) - n :].encode() if n <= len(text) else text.encode())
    for c in text:
        out = np.zeros(4, np.uint8)
        size = rowmath.put_char(out, np.int64(0), np.int64(ord(c)))
        assert bytes(out[:size]) == c.encode()


@pytest.mark.parametrize("text", STRINGS)
def test_finding(text: str) -> None:
    s = spread(text)
    for part in PATTERNS:
        place = text.encode().find(part.encode())
        assert rowmath.find_bytes(*s, *spread(part)) == (place if place < 0 else place + 1)
        if part:
            place = text.encode().rfind(part.encode())
            assert rowmath.find_bytes_back(*s, *spread(part)) == (place if place < 0 else place + 1)


def test_helpers_have_names_of_their_own() -> None:
    assert {"put", "find_bytes", "parse_time", "put_time"} <= TEXT_NAMES < NAMES
