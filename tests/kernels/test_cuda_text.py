"""The CUDA text without a device: its rows are those of the other targets, and its PTX has the atomics it should have."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from gpuflow_kernels.codegen.common.float_products import POWER, PRODUCT
from gpuflow_kernels.codegen.cuda.snippets import MOST_LINES, tile_for
from gpuflow_kernels.target import CPU, PYTHON

from benchmarks.assembling import ARCHITECTURES, Compile, ptx_compiler, sm
from tests.support.cuda_cases import CASES, Case
from tests.support.golden import GOLDEN
from tests.support.launches import recorded


@pytest.mark.parametrize("most", [2, 4, 8])
@pytest.mark.parametrize("lines", [1, 30, 60, 500])
@pytest.mark.parametrize("columns", [0, 1, 2, 3, 5, 9, 40])
def test_a_thread_has_as_many_rows_as_it_loads_at_once(columns: int, lines: int, most: int) -> None:
    """Two at least: those that are loaded in pairs, of three columns or five too."""
    tile = tile_for(256, True, ["float64"] * columns, lines, most)
    assert tile.unroll in (2, 4, 8) and tile.unroll <= most
    assert tile.unroll == 2 or tile.unroll * lines <= MOST_LINES


@pytest.fixture
def compiler() -> Iterator[Compile]:
    with ptx_compiler() as compiled:
        yield compiled


def as_written(text: str) -> str:
    """A text for CUDA with its products as other targets have them (`test_products` holds what replaces them)."""

    class Plain(ast.NodeTransformer):
        def visit_Call(self, node: ast.Call) -> ast.expr:
            self.generic_visit(node)
            if isinstance(node.func, ast.Name) and node.func.id in (PRODUCT, POWER):
                return ast.BinOp(node.args[0], ast.Mult() if node.func.id == PRODUCT else ast.Pow(), node.args[1])
            return node

    lines = text.splitlines()
    for k, line in enumerate(lines):
        if f"{PRODUCT}(" in line or f"{POWER}(" in line:
            body = line.strip()
            tree = ast.parse(f"{body} pass" if body.endswith(":") else body)
            lines[k] = line[: len(line) - len(line.lstrip())] + ast.unparse(Plain().visit(tree)).replace("\n    pass", "")
    return "\n".join(lines)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_rows_are_the_same_on_every_target(case: Case) -> None:
    for nulls in (False, True):
        for pipeline, shape, generated in recorded(case, nulls, 32).modules:
            lines = generated.row_lines
            assert lines == PYTHON.generate(pipeline, shape).row_lines == CPU.generate(pipeline, shape).row_lines
            text = as_written(generated.text)
            # In every kernel that runs over rows; where each match of a join has a thread, no loop goes over the matches.
            for line in (x.strip() for x in lines):
                assert re.search(rf"^ +{re.escape(line)}$", text, re.MULTILINE) or line.startswith("for q"), line


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_every_generated_kernel_is_launched(case: Case) -> None:
    """What no case launches, nothing compiles or runs."""
    for nulls in (False, True):
        launched = {(k.text, k.name) for k in recorded(case, nulls, 32).kernels}
        for _, _, generated in recorded(case, nulls, 32).modules:
            for kernel in generated.kernels:
                assert (generated.text, kernel.name) in launched, f"{kernel.name} was not launched"


def ptx_of(compiler: Compile, name: str, part: str) -> str:
    """The PTX of the first kernel of a golden pipeline whose text has `part`."""
    golden = next(g for g in GOLDEN if g.name == name)
    found = next(k for k in recorded(golden, golden.nulls).kernels if part in ast.unparse(k.function))
    return compiler(found, ((9, 0),))[9, 0]


def test_one_pass_of_the_compiler_serves_every_architecture(compiler: Compile) -> None:
    for architecture, ptx in compiler(recorded(GOLDEN[0], False).kernels[0], ARCHITECTURES).items():
        assert f".target {sm(architecture)}" in ptx
        assert ptx.count(".entry") == 1


def test_tables_are_built_by_native_atomics(compiler: Compile) -> None:
    assert "atom.global.cas.b64" in ptx_of(compiler, "hash group of two words", "cuda.atomic.cas(")
    sums = ptx_of(compiler, "dense group", "cuda.atomic.add(")
    assert "red.global.add.f64" in sums or "atom.global.add.f64" in sums
    assert "red.global.add.u64" in sums or "atom.global.add.u64" in sums


def test_a_reduction_has_no_atomics(compiler: Compile) -> None:
    for kernel in ("def run(", "def fold("):
        assert not re.search(r"\b(atom|red)\.", ptx_of(compiler, "reduce", kernel))
