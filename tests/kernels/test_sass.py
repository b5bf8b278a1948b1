"""The machine code of generated GPU kernels, by ptxas and nvdisasm, keeps to the limits of `benchmarks.sass`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import assembling, sass
from benchmarks.assembling import ARCHITECTURES, Architecture, Kernel, MissingToolError, sm
from benchmarks.sass import ALLOWED, KIB_IN_FLIGHT, MOST_THREADS, Allowance, breaches, declared_loads, examine, failures, report
from benchmarks.sass_reading import Facts, blocks, loads_in_flight, parse
from tests.support.cuda_cases import CASES, Case
from tests.support.golden import GOLDEN
from tests.support.launches import named, recorded

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="numba-cuda and ptxas come for Linux")

Examine = Callable[[dict[Kernel, tuple[Architecture, ...]]], sass.Examined]


@pytest.fixture
def examined(request: pytest.FixtureRequest) -> Examine:
    """`examine`, which keeps what it finds between runs."""
    folder = Path(request.config.cache.mkdir("sass"))
    return lambda wanted: examine(wanted, folder)


# Golden pipelines are examined on every architecture. For other types, keys and nulls there are cases that do not take long
# to compile: the architectures take turns, and so do data without and with nulls. `python -m benchmarks.sass` looks at all
# cases on all architectures.
EXAMINED = (
    "dense by two keys",
    "dense, folded",
    "dense, runs",
    "hash of one word, hot",
    "packed hash",
    "hash of one word",
    "hash of natural, single and flag",
    "inner join, direct, unique, to rows",
    "left join, hash, unique, to groups",
    "semi join, hash, unique, to rows",
    "inner join, hash, repeated, to rows",
    "left join of equal nulls",
)
# Kernels of fifteen aggregations take half a minute to compile: that their allowances are needed is left to the tool, which
# fails over one that is not.
QUICK = [a for a in ALLOWED if a.case != "reduce*"]
BY_NAME = {case.name: case for case in CASES}
TURNS = [(BY_NAME[name], bool(k % 2), ARCHITECTURES[k % len(ARCHITECTURES)]) for k, name in enumerate(EXAMINED)]
BATCHES: dict[str, list[tuple[Case, bool, tuple[Architecture, ...]]]] = {
    **{f"golden, {k + 1} of 2": [(g, g.nulls, ARCHITECTURES) for g in GOLDEN[k::2]] for k in range(2)},
    **{sm(a): [(case, nulls, (a,)) for case, nulls, its in TURNS if its == a] for a in ARCHITECTURES},
}


@pytest.mark.slow
@pytest.mark.parametrize("batch", BATCHES.values(), ids=BATCHES)
def test_limits_hold(batch: list[tuple[Case, bool, tuple[Architecture, ...]]], examined: Examine) -> None:
    wanted: dict[Kernel, tuple[Architecture, ...]] = {}
    cases: dict[Kernel, str] = {}
    for case, nulls, architectures in batch:
        for kernel in recorded(case, nulls).kernels:
            wanted[kernel] = architectures
            cases.setdefault(kernel, named(case, nulls))
    found = examined(wanted)
    assert {k for k, _ in found} == set(wanted)
    assert all(f.instructions > 5 and f.registers > 0 for f in found.values())
    assert failures(found, cases)[0] == []


@pytest.mark.slow
@pytest.mark.parametrize("allowance", QUICK, ids=lambda a: f"{a.case}, {a.kernel}, {a.limit}")
def test_every_allowance_is_needed(allowance: Allowance, examined: Examine) -> None:
    for case, nulls in [(g, g.nulls) for g in GOLDEN] + [(c, n) for c in CASES for n in (False, True)]:
        for kernel in recorded(case, nulls).kernels:
            if allowance.covers(named(case, nulls), kernel, allowance.limit):
                found = examined({kernel: ARCHITECTURES})
                if any(allowance.limit in breaches(kernel, found[kernel, a], a) for a in ARCHITECTURES):
                    return
    pytest.fail(f"no kernel needs {allowance}")


# -- the check can fail -----------------------------------------------------------------------------------------------
HEAD = "from numba import cuda, float64, int64, uint64\n\nkernel = cuda.jit{options}\n\n\n@kernel\n"
LOCAL = """def run(rows, c0, o0):
    kept = cuda.local.array(64, float64)
    for k in range(64):
        kept[k] = c0[k]
    o0[0] = kept[int64(rows) & 63]
"""
SPILLING = "def run(rows, c0, o0):\n{loads}\n    cuda.syncthreads()\n{stores}\n".format(
    loads="\n".join(f"    x{k} = c0[rows + {k}]" for k in range(60)),
    stores="\n".join(f"    o0[{k}] = x{k} * x{59 - k}" for k in range(60)),
)
FILTERED = """def run(rows, c0, o0):
    i = cuda.grid(1)
    while i < rows:
        x = c0[i]
        if x > 0.5:
            cuda.atomic.add(o0, 0, x)
        i += {step}
"""
DECLARED = """def item(a, i):
    return a[i]


@kernel
def run(rows, c0, o0):
    i = cuda.grid(1)
    total = float64(0)
    while i < rows:
        x0 = item(c0, i)
        x1 = item(c0, i + 1)
        x2 = item(c0, i + 2)
        x3 = item(c0, i + 3)
        total += x0 + x1 + x2 + x3
        i += 1024
    o0[0] = total
"""
ARGUMENTS = (("int64", False), ("float64", True), ("float64", True))


def text(body: str, options: str = "") -> Kernel:
    return Kernel(HEAD.replace("{options}", options) + body, "run", ARGUMENTS)


def one(kernel: Kernel, architecture: Architecture = (9, 0)) -> Facts:
    return examine({kernel: (architecture,)})[kernel, architecture]


def test_an_array_of_a_thread_is_found() -> None:
    kernel = text(LOCAL)
    facts = one(kernel)
    assert facts.stack >= 512
    assert {"stack", "local"} <= set(breaches(kernel, facts, (9, 0)))


def test_spills_are_found() -> None:
    kernel = text(SPILLING, "(launch_bounds=(1024, 2))")
    facts = one(kernel)
    assert facts.registers <= 32 and facts.spills > 0
    assert {"spills", "local"} <= set(breaches(kernel, facts, (9, 0)))


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=sm)
def test_a_filter_in_a_loop_over_the_grid_keeps_one_load_in_flight(architecture: Architecture) -> None:
    kernel = text(FILTERED.format(step="cuda.gridsize(1)"))
    facts = one(kernel, architecture)
    assert (facts.in_flight, facts.bytes_in_flight) == (1, 8)
    assert facts.loads and set(facts.loads) == {8} and facts.atomics >= 1 and facts.swaps == 0
    together = 8 * MOST_THREADS[architecture] // 1024
    message = f"none: run on {sm(architecture)}: 1 loads in flight, not 4, and {together} KiB of a multiprocessor, not "
    found = [line.startswith(message) for line in failures({(kernel, architecture): facts}, {kernel: "none"}, ())[0]]
    assert any(found) == (together < KIB_IN_FLIGHT[architecture])


def test_division_of_an_index_is_found() -> None:
    kernel = text("def run(rows, c0, o0):\n    i = cuda.grid(1)\n    o0[i // rows] = c0[i % rows]\n")
    assert "division" in breaches(kernel, one(kernel), (9, 0))


def test_a_tile_that_asks_for_more_loads_than_are_made_is_found() -> None:
    kernel = text(DECLARED)
    assert declared_loads(kernel) == 4
    facts = one(replace(kernel, text=kernel.text.replace("@kernel\ndef item", "@cuda.jit(device=True)\ndef item")))
    assert facts.in_flight >= 4 and "in flight" not in breaches(kernel, facts, (9, 0))
    assert breaches(kernel, replace(facts, in_flight=3, bytes_in_flight=12), (9, 0)) == {
        "in flight": "3 loads in flight, not 4, and 24 KiB of a multiprocessor, not 32"
    }
    assert breaches(kernel, replace(facts, in_flight=3, bytes_in_flight=16), (9, 0)) == {}


def test_an_allowance_covers_only_what_it_names() -> None:
    kernel = text(LOCAL)
    found = {(kernel, (9, 0)): Facts(10, 0, 512, 0, 10, {}, {}, 4, 32, 0, 0, 0, 0, 0)}
    covering = Allowance("map*", "run", "stack", "a test")
    assert failures(found, {kernel: "map, nulls"}, (covering,)) == ([], {covering})
    for other in (replace(covering, case="compact"), replace(covering, kernel="fold"), replace(covering, limit="spills")):
        assert failures(found, {kernel: "map, nulls"}, (other,)) == (["map, nulls: run on sm_90: 512 bytes of stack"], set())


# -- reading ----------------------------------------------------------------------------------------------------------
LOOP = """
/*0000*/ LDG.E R9, desc[UR4][R2.64] ;
/*0010*/ LDG.E.64 R4, desc[UR4][R2.64] ;
/*0020*/ @!P1 LDG.E.128 R12, desc[UR4][R2.64+0x10] ;
/*0030*/ IADD3 R2, P0, R2, 0x20, RZ ;
/*0040*/ DADD R6, R6, R4 ;
/*0050*/ LDG.E.64 R4, desc[UR4][R2.64] ;
/*0060*/ @P0 BRA 0x10 ;
/*0070*/ IADD3 R7, R15, 0x1, RZ ;
/*0080*/ EXIT ;
/*0090*/ BRA 0x90 ;
"""


def test_loads_in_flight_end_where_one_is_read() -> None:
    code = [parse(line) for line in LOOP.strip().splitlines()]
    assert [sorted(i.writes) for i in code[:5]] == [[9], [4, 5], [12, 13, 14, 15], [2], [6, 7]]
    assert {4, 5, 6, 7} <= code[4].reads and 2 in code[1].reads and 3 in code[1].reads
    graph = blocks(code)
    assert [b.after for b in graph] == [[1], [1, 2], [], [3]]
    assert loads_in_flight(graph) == (2, 24)  # the first is before the loop, the last waits for the one before it
    straight = [i for i in code if i.name != "BRA"]
    assert loads_in_flight(blocks(straight)) == (3, 28)


def test_stores_and_atomics_read_what_they_are_given() -> None:
    store = parse("/*0a10*/  @P2 STG.E.128 desc[UR4][R2.64], R8 ;")
    assert not store.writes and {2, 3, 8, 9, 10, 11} <= store.reads and store.bytes == 16
    swap = parse("/*0a20*/  ATOMG.E.CAS.64.STRONG.GPU PT, R2, [R4], R6, R8 ;")
    assert swap.writes == {2, 3} and {4, 5, 6, 7, 8, 9} == swap.reads
    compare = parse("/*0a30*/  ISETP.GE.AND P0, PT, R3, UR5, PT ;")
    assert not compare.writes and compare.reads == {3}


# -- the command ------------------------------------------------------------------------------------------------------
def test_missing_tools_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assembling.tool.cache_clear()
    monkeypatch.setattr(assembling, "_wheels", list)
    monkeypatch.setenv("PATH", "")
    try:
        with pytest.raises(MissingToolError, match=r"nvdisasm is not installed: pip install 'nvidia-cuda-nvdisasm==\d"):
            assembling.tool("nvdisasm")
        ran = CliRunner().invoke(sass.main, ["--no-save"])
        assert ran.exit_code == 1 and "ptxas is not installed: pip install 'nvidia-cuda-nvcc==" in ran.output
    finally:
        assembling.tool.cache_clear()


def test_tools_of_another_version_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assembling.tool.cache_clear()
    monkeypatch.setattr(assembling, "version", lambda package: "12.9.1" if package == "nvidia-cuda-nvcc" else "13.5.37")
    try:
        with pytest.raises(MissingToolError, match=r"ptxas is of CUDA 12\.9, NVVM of 13\.5"):
            assembling.tool("ptxas")
    finally:
        assembling.tool.cache_clear()


def test_the_report_has_a_line_for_every_kernel() -> None:
    kernels = [text(LOCAL), text(FILTERED)]
    facts = Facts(40, 0, 0, 0, 100, {8: 4}, {16: 1}, 4, 32, 2, 0, 0, 1, 0, {"__cuda_sm20_div_s64": 1})
    found = {(k, a): replace(facts, in_flight=2 + a[0] % 2) for k in kernels for a in ARCHITECTURES}
    lines = report(found, dict(zip(kernels, ("one", "two"), strict=True))).splitlines()
    row = "run | 100 | 40 | 0/0/0 | 0 | 3 (32 B) | 48 | 4×8 | 1×16 | 2 | 0 | 0 | 1 | 1×div_s64 |"
    assert f"| one | {row}" in lines and f"| two | {row}" in lines
    assert "| sm_80 | 40 | 0 | 2 | 0 |" in lines and "| sm_75 | 40 | 0 | 0 | 0 |" in lines


def test_what_was_found_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = text(FILTERED.format(step="1024"))
    first = examine({kernel: ((9, 0),)}, tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    monkeypatch.setattr(sass, "assemble", None)
    assert examine({kernel: ((9, 0),)}, tmp_path) == first
    with pytest.raises(TypeError):
        examine({replace(kernel, text=kernel.text + "\n"): ((9, 0),)}, tmp_path)
