"""The interpreter of the CUDA model: correct kernels pass it under any schedule, and what each of its checks refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gpuflow_kernels.codegen.modules import load

from tests.cuda_model.faults import Fault
from tests.cuda_model.loading import planted
from tests.cuda_model.runtime import ModelRuntime, cuda_model
from tests.cuda_model.samples import HEADER, SAMPLES

SEEDS = range(8)


@pytest.mark.parametrize("relaxed", [False, True], ids=["ordered", "relaxed"])
@pytest.mark.parametrize("name", SAMPLES)
def test_correct_kernels_pass(name: str, relaxed: bool) -> None:
    for seed in SEEDS:
        with cuda_model(seed, relaxed, access_switches=0.2 * (seed % 2)) as model:
            SAMPLES[name].run(model)


# -- one thing at a time ----------------------------------------------------------------------------------------------
def kernel_of(body: str, parameters: str) -> Any:
    """A kernel of these lines."""
    lines = "".join(f"    {line}\n" for line in body.strip("\n").split("\n"))
    return load(f"{HEADER}@kernel\ndef k({parameters}):\n    t = cuda.threadIdx.x\n{lines}", "cuda").k


def run(body: str, *arrays: Any, threads: int = 32, blocks: int = 1, **options: Any) -> ModelRuntime:
    """Run a kernel whose parameters are ``a``, ``b`` …: arrays are copied to the device, unless they are there already."""
    with cuda_model(**options) as model:
        arguments = [model.xp.asarray(a) if isinstance(a, np.ndarray) else a for a in arrays]
        model.launch(kernel_of(body, ", ".join("abcdef"[: len(arrays)])), blocks, arguments, threads)
        return model


def fault_of(body: str, *arrays: Any, **options: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        run(body, *arrays, **options)
    return caught.value


def device_array(values: Any, dtype: str = "int64") -> Any:
    return ModelRuntime.xp.asarray(np.asarray(values, dtype=dtype))


def empty(count: int) -> Any:
    return ModelRuntime.xp.empty(count, dtype="int64")


def test_a_fault_quotes_the_text() -> None:
    fault = fault_of("a[t] = 1\na[31 - t] = 2", device_array([0] * 32))
    assert (fault.kind, fault.kernel) == ("race", "k")
    assert fault.lines == (13, 12)
    assert "a[31 - t] = 2" in str(fault)
    assert "by thread" in str(fault)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("a[t] = 1\nb[t] = a[31 - t]", "race"),
        ("a[0] = 7", "race"),  # one and the same value
        ("poke(a, 0, 7)", None),
        ("poke(a, 0, 7)\nb[t] = peek(a, 0)", None),
        ("poke(a, 0, 7)\nb[t] = a[0]", "race"),
        ("cuda.atomic.add(a, 0, 1)\nb[t] = a[0]", "race"),
        ("cuda.atomic.add(a, 0, 1)\nb[t] = peek(a, 0)", None),
        ("cuda.atomic.add(a, 0, 1)\ncuda.syncthreads()\nb[t] = a[0]", None),
        ("a[t] = 1\ncuda.syncthreads()\nb[t] = a[31 - t]", None),
        ("a[t] = 1\ncuda.syncwarp()\nb[t] = a[31 - t]", None),
        ("a[t] = 1\nx = cuda.ballot_sync(0xFFFFFFFF, True)\nb[t] = a[31 - t]", "race"),  # a vote is no memory barrier
        ("a[t] = 1\ncuda.syncwarp(0xFFFF if t < 16 else 0xFFFF0000)\nb[t] = a[31 - t]", "race"),
        ("a[t] = 1\ncuda.syncwarp(0xFFFF if t < 16 else 0xFFFF0000)\nb[t] = a[t ^ 1]", None),
        ("b[t] = a[0]\na[t] = 1", "race"),
        ("h = cuda.shared.array(1, int64)\npoke(h, 0, 7)\ncuda.syncthreads()\nb[t] = h[0]", None),
        ("h = cuda.shared.array(1, int64)\npoke(h, 0, 7)\nb[t] = h[0]", "race"),
    ],
)
def test_races(body: str, kind: str | None) -> None:
    for seed in range(4):
        arrays = device_array([0] * 32), device_array([0] * 32)
        if kind is None:
            run(body, *arrays, seed=seed)
        else:
            assert fault_of(body, *arrays, seed=seed).kind == kind


def test_blocks_and_warps_are_not_ordered_by_each_others_barriers() -> None:
    body = "cuda.syncthreads()\nif t == 0:\n    a[0] = 1\ncuda.syncthreads()"
    assert fault_of(body, device_array([0]), blocks=2).kind == "race"
    body = "a[t] = 1\ncuda.syncwarp()\nb[t] = a[(t + 32) % 64]"
    assert fault_of(body, device_array([0] * 64), device_array([0] * 64), threads=64).kind == "race"


def test_slices_and_views_are_one_memory() -> None:
    whole = device_array(range(64))
    assert fault_of("a[t] = 1\nb[t] = 2", whole[:32], whole[16:48]).kind == "race"
    assert fault_of("a[t] = 1\nb[31 - t] = 2", whole, whole.view("uint64")).kind == "race"
    run("a[t] = 1\nb[t] = 2", whole[:32], whole[32:])
    assert whole.tolist() == [1] * 32 + [2] * 32


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        ("a[t + 1] = 1", "bounds", r"a\[32\] of 32 items"),
        ("x = a[t - 1]", "bounds", r"a\[-1\] of 32"),
        ("x = peek(a, 32)", "bounds", "32"),
        ("x = cuda.atomic.add(a, -1, 1)", "bounds", "-1"),
        ("x = view_int64(a, 33)", "bounds", "33 items of a, that has 32"),
        ("v = view_int64(a, 8)\nx = v[t]", "bounds", "of 8 items"),
        ("x = a[t / 2]", "type", "float64"),
        ("x = a[uint64(t) + int64(1)]", "type", "float64"),  # compilers make an int64 of it, NumPy a float: never mixed
        ("x = view_int32(a, 32)", "type", "holds int64"),
        ("x = cuda.shfl_sync(0xFFFFFFFF, uint64(1), 0)", "type", "not uint64"),
        ("x = cuda.syncthreads_or(t > 3)", "type", "takes an integer"),
        ("h = cuda.shared.array(4, int64)\nx, y = pair(h, 0)", "type", "global memory"),
        ("x, y = pair(a, 1)", "misaligned", "8 bytes off"),
        ("h = cuda.shared.array(6200, int64)", "shared", "49600 bytes"),
        ("h = cuda.shared.array(32, int32)\nx = h[t]", "unwritten", "holds nothing"),
        ("if t < 31:\n    cuda.syncwarp(0x7FFFFFFF)\nelse:\n    cuda.syncthreads()", "barrier", "waits at syncthreads"),
        ("x = cuda.shfl_sync(0x1 << t, 1, 5)", "warp", "does not name"),
        ("m = 0x3 if t < 1 else 0xFFFFFFFF\nif t < 2:\n    cuda.syncwarp(m)", "warp", "of mask"),
        ("while peek(a, 0) < 99:\n    pass", "deadlock", "no end after 5000 steps"),
        ("while a[0] < 99:\n    pass", "deadlock", "no end after 5000 steps"),
    ],
)
def test_faults(body: str, kind: str, says: str) -> None:
    with pytest.raises(Fault, match=says) as caught:
        run(body, device_array(range(32)), budget=5000)
    assert caught.value.kind == kind


@pytest.mark.parametrize("dtype", ["bool", "int16"])
def test_atomics_need_four_or_eight_bytes(dtype: str) -> None:
    with pytest.raises(Fault, match=dtype):
        run("cuda.atomic.max(a, 0, 1)", device_array([0], dtype))
    with pytest.raises(Fault, match="no such atomic of float64"):
        run("cuda.atomic.cas(a, 0, 1, 2)", device_array([0], "float64"))


def test_a_pair_needs_an_aligned_array() -> None:
    run("put_pair(a, 2 * t, 1, 2)", device_array([0] * 66)[2:])
    assert fault_of("put_pair(a, 2 * t, 1, 2)", device_array([0] * 65)[1:]).kind == "misaligned"


@pytest.mark.parametrize("operation", ["add", "sub", "min", "max", "and_", "or_", "xor", "exch"])
@pytest.mark.parametrize("dtype", ["int32", "uint32", "int64", "uint64"])
def test_atomics_give_the_old_value_and_wrap(operation: str, dtype: str) -> None:
    high = np.iinfo(dtype).max
    a, b = device_array([high], dtype), device_array([0], dtype)
    run(f"if t == 0:\n    b[0] = cuda.atomic.{operation}(a, 0, 5)", a, b)
    change: dict[str, Any] = {"add": np.add, "sub": np.subtract, "min": np.minimum, "max": np.maximum, "xor": np.bitwise_xor}
    change |= {"and_": np.bitwise_and, "or_": np.bitwise_or, "exch": lambda x, y: y}
    five = np.array([5], dtype=dtype)
    assert b.tolist() == [high]
    assert a.tolist() == change[operation](np.array([high], dtype=dtype), five).tolist()


# -- numbers ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        # as Numba types them: 64 bits, unsigned if both are
        ("a[0] + a[0]", 8589934590, "uint64"),
        ("a[0] + 1", 4294967296, "int64"),
        ("a[0] * a[0]", 18446744065119617025, "uint64"),
        ("1 - a[0]", -4294967294, "int64"),
        ("a[0] >> 31", 1, "uint64"),
        ("uint32(a[0] + 1)", 0, "UInt32"),
        ("int32(a[0])", -1, "Int32"),
        ("b[0] - 1", -2147483649, "int64"),
        ("b[0] & a[0]", 2147483648, "int64"),
        ("cuda.popc(b[0])", 1, "Int32"),
        ("cuda.popc(int64(b[0]))", 33, "int64"),
        ("cuda.clz(uint32(1))", 31, "UInt32"),
        ("cuda.clz(int64(1))", 63, "int64"),
        ("cuda.ffs(b[0])", 32, "UInt32"),
        ("cuda.ffs(0)", 0, "UInt32"),
        ("cuda.ballot_sync(0xFFFFFFFF, t > 30)", -2147483648, "Int32"),
        ("int64(9223372036854775807) + int64(1)", -9223372036854775808, "int64"),
        ("uint64(-1)", 18446744073709551615, "uint64"),
        ("int64(uint64(18446744073709551615))", -1, "int64"),
        ("cuda.blockDim.x * cuda.gridDim.x", 32, "int64"),
    ],
)
def test_numbers_are_those_of_the_compiler(text: str, value: int, kind: str) -> None:
    with cuda_model() as model:
        a, b = model.xp.asarray(np.array([0xFFFFFFFF], "uint32")), model.xp.asarray(np.array([-(1 << 31)], "int32"))
        found: list[Any] = []
        k = kernel_of(f"x = {text}\nif t == 0:\n    cuda.keep(x)", "a, b")
        model.cuda.keep = found.append  # type: ignore[attr-defined]
        model.launch(k, 1, [a, b])
    assert (int(found[0]), type(found[0]).__name__) == (value, kind)


def test_the_compiler_types_numbers_so() -> None:
    """What `numbers` imitates, asked of Numba itself."""
    cuda = pytest.importorskip("numba.cuda")
    from numba import types

    def computed(u: Any, i: Any) -> Any:
        return (
            u + u,
            u + 1,
            ~u,
            u >> 31,
            u & i,
            i + i,
            cuda.popc(i),
            cuda.clz(u),
            cuda.ffs(i),
            cuda.ballot_sync(u, True),
            cuda.laneid,
        )

    _, result = cuda.compile_ptx(computed, (types.uint32, types.int32), device=True, cc=(9, 0))
    with cuda_model() as model:
        found: list[Any] = []
        model.cuda.keep = found.append  # type: ignore[attr-defined]
        names = "u + u, u + 1, ~u, u >> 31, u & i, i + i, cuda.popc(i), cuda.clz(u), cuda.ffs(i)"
        names += ", cuda.ballot_sync(-1, True), cuda.laneid"
        body = f"u = a[0]\ni = b[0]\nfor x in ({names}):\n    if t == 0:\n        cuda.keep(x)"
        model.launch(kernel_of(body, "a, b"), 1, [device_array([5], "uint32"), device_array([-5], "int32")])
    assert [type(x).__name__.lower() for x in found] == [str(t) for t in result]


# -- warps ------------------------------------------------------------------------------------------------------------
LANES = np.arange(32)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cuda.shfl_sync(0xFFFFFFFF, t * 10, 7)", [70] * 32),
        ("cuda.shfl_sync(0xFFFFFFFF, t * 10, t + 1)", (LANES + 1) % 32 * 10),
        ("cuda.shfl_up_sync(0xFFFFFFFF, t * 10, 3)", np.where(LANES < 3, LANES, LANES - 3) * 10),
        ("cuda.shfl_down_sync(0xFFFFFFFF, t * 10, 3)", np.where(LANES > 28, LANES, LANES + 3) * 10),
        ("cuda.shfl_xor_sync(0xFFFFFFFF, t * 10, 5)", (LANES ^ 5) * 10),
        ("cuda.ballot_sync(0xFFFFFFFF, t % 2 == 0)", [0x55555555] * 32),
        ("cuda.ballot_sync(0xF if t < 4 else -16, t != 2)", np.where(LANES < 4, 0xB, -16)),
        ("cuda.match_any_sync(0xFFFFFFFF, t // 16)", np.where(LANES < 16, 0xFFFF, -65536)),
        ("int64(cuda.all_sync(0xFFFFFFFF, t < 32)) + 2 * cuda.any_sync(0xFFFFFFFF, t > 32)", [1] * 32),
        ("cuda.lanemask_lt()", (1 << LANES) - 1),
        ("cuda.syncthreads_count(int32(t < 5))", [5] * 32),
        ("cuda.syncthreads_and(int32(t < 5)) * 2 + cuda.syncthreads_or(int32(t < 5))", [1] * 32),
    ],
)
def test_warp_and_block_operations(text: str, expected: Any) -> None:
    for seed in range(3):
        a = empty(32)
        run(f"a[t] = {text}", a, seed=seed)
        np.testing.assert_array_equal(a.get(), expected)


def test_active_lanes_agree_and_can_meet() -> None:
    body = "if t % 3 == 0:\n    m = cuda.activemask()\n    a[t] = cuda.ballot_sync(m, True)\n    b[t] = m"
    sizes = set()
    for seed in range(10):
        a, b = device_array([0] * 32), device_array([0] * 32)
        run(body, a, b, seed=seed)
        assert [x & 0xFFFFFFFF for x in a.tolist()] == b.tolist()
        assert all(m >> t & 1 for t, m in enumerate(b.tolist()) if t % 3 == 0)
        sizes |= {m.bit_count() for m in b.tolist() if m}
    assert len(sizes) > 2


# -- stores that are seen late ----------------------------------------------------------------------------------------
def seen(writer: str, relaxed: bool = True) -> set[tuple[int, int]]:
    """What thread 0 of block 1 sees of the flag and the value that block 0 writes."""
    pairs = set()
    for seed in range(40):
        a, b = device_array([0, 0]), device_array([0, 0])
        body = f"if cuda.blockIdx.x == 0 and t == 0:\n    {writer}\nif cuda.blockIdx.x == 1 and t == 0:\n"
        body += "    for k in range(40):\n        x = peek(a, 0)\n        if x != 0:\n            break\n"
        body += "    b[0] = x\n    b[1] = peek(a, 1)"
        run(body, a, b, blocks=2, seed=seed, relaxed=relaxed)
        assert a.tolist() == [1, 1]
        pairs.add(tuple(b.tolist()))
    return pairs


def test_stores_are_late_and_out_of_order_unless_fenced() -> None:
    assert (1, 0) in seen("poke(a, 1, 1); poke(a, 0, 1)")
    assert (1, 0) in seen("poke(a, 1, 1); cuda.atomic.add(a, 0, 1)")  # an atomic is no fence
    assert (1, 0) in seen("poke(a, 1, 1); cuda.threadfence_block(); poke(a, 0, 1)")  # of another block
    assert (1, 0) not in seen("poke(a, 1, 1); cuda.threadfence(); poke(a, 0, 1)")
    assert (1, 0) not in seen("poke(a, 1, 1); poke(a, 0, 1)", relaxed=False)


def test_a_thread_sees_its_own_stores_and_a_barrier_shows_them_to_the_block() -> None:
    for seed in range(10):
        a, b = device_array([0] * 32), device_array([0] * 32)
        body = "a[t] = t + 1\nx = a[t]\ncuda.syncthreads()\nb[t] = x * 100 + a[31 - t]\na[t] = 5\ncuda.atomic.add(a, t, 1)"
        with pytest.raises(Fault, match="race"):
            run(body, a, b, seed=seed, relaxed=True)  # the last store meets the loads of other threads
        run(body.replace("a[t] = 5", "cuda.syncthreads()\na[t] = 5"), a, b, seed=seed, relaxed=True)
        assert b.tolist() == [(t + 1) * 100 + 32 - t for t in range(32)]
        assert a.tolist() == [6] * 32


# -- arrays -----------------------------------------------------------------------------------------------------------
def test_host_arrays_stay_outside() -> None:
    a = device_array([1, 2])
    for mix in (lambda: a + np.ones(2), lambda: np.ones(2) + a, lambda: np.asarray(a), lambda: a[np.array([0])]):
        with pytest.raises(TypeError):
            mix()
    with pytest.raises(TypeError, match="concatenate"):
        ModelRuntime.xp.concatenate([a, np.ones(2)])
    with pytest.raises(Fault, match="ndarray"), cuda_model() as model:
        model.launch(kernel_of("pass", "a"), 1, [np.zeros(1)])


def test_unwritten_elements_are_followed() -> None:
    xp, a = ModelRuntime.xp, empty(8)
    for read in (lambda: xp.cumsum(a), lambda: a.sum(), lambda: int(a[3]), lambda: xp.sort(a)):
        with pytest.raises(Fault, match="holds nothing yet"):
            read()
    run("if t < 4:\n    a[t] = t", a)
    assert xp.cumsum(a[:4]).tolist() == [0, 1, 3, 6]
    assert (a[:4] + a[:4]).tolist() == [0, 2, 4, 6]
    valid = xp.arange(8) < 4
    assert int(xp.where(valid, a + 1, 0).sum()) == 10
    with pytest.raises(Fault, match=r"element 4 of 8"):
        (a + 1).sum()
    assert fault_of("x = a[t % 8]", a).kind == "unwritten"
    a[4:] = 9
    assert int(a.sum()) == 42
    b = xp.concatenate([a, xp.empty(2, dtype="int64")])
    assert int(b[:8].max()) == 9
    with pytest.raises(Fault, match="element 8 of 10"):
        b.max()


def test_launches_are_recorded_once() -> None:
    with cuda_model() as model:
        k = kernel_of("a[t] = b", "a, b")
        a = model.xp.zeros(32, dtype="int32")
        for b in (np.int64(1), np.int64(2), np.uint32(3)):
            model.launch(k, 1, [a, b])
        records = [(x.kernel, x.types) for x in model.launches]
    assert records == [("k", (("int32", True), (n, False))) for n in ("int64", "uint32")]
    assert all(x.text.startswith("from numba import cuda") for x in model.launches)
    assert a.tolist() == [3] * 32


def test_arguments_must_fit() -> None:
    with cuda_model() as model:
        k = kernel_of("pass", "a")
        launches: list[Callable[[], None]] = [
            lambda: model.launch(k, 1, []),
            lambda: model.launch(k, 0, [np.int64(1)]),
            lambda: model.launch(k, 1, [np.int64(1)], 33),
            lambda: model.launch(k, 1, [1]),
            lambda: model.launch(k, 1, [model.xp.zeros((4, 4))]),
            lambda: model.launch(k, 1, [model.xp.zeros(8)[::2]]),
        ]
        for launch in launches:
            with pytest.raises(Fault):
                launch()


def test_planting_must_replace_something() -> None:
    with pytest.raises(AssertionError, match="no text was loaded"), planted("no such text", "a", "b"), cuda_model() as model:
        SAMPLES["tiles"].run(model)
    with pytest.raises(AssertionError, match="nothing to replace"), planted("tiles", "no such line", "b"), cuda_model() as model:
        SAMPLES["tiles"].run(model)


def test_names_the_interpreter_lacks_are_told() -> None:
    with cuda_model(), pytest.raises(ImportError, match="has no ldcs"):
        load("from gpuflow_kernels.primitives.cuda.intrinsics import ldcs\n", "cuda")


def test_schedules_depend_on_the_seed_alone() -> None:
    def order(seed: int) -> list[int]:
        a, b = empty(64), device_array([0])
        run("a[cuda.atomic.add(b, 0, 1)] = cuda.grid(1)", a, b, blocks=2, seed=seed)
        return a.tolist()

    assert order(1) == order(1)
    assert len({tuple(order(seed)) for seed in range(5)}) == 5
    assert sorted(order(1)) == list(range(64))


def test_many_blocks_are_not_all_there_at_once() -> None:
    body = "if t == 0:\n    cuda.atomic.add(a, 0, 1)\n    while peek(a, 0) < cuda.gridDim.x:\n        pass"
    run(body, device_array([0]), blocks=2, budget=20_000, resident=2)
    assert fault_of(body, device_array([0]), blocks=5, budget=20_000, resident=4).kind == "deadlock"
