"""The seam to the device, on stand-ins for CuPy, Numba's kernels, RMM and NVTX."""

from __future__ import annotations

import subprocess
import sys
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import dask
import numpy as np
import pytest
from gpuflow_kernels.dtypes import INT64
from gpuflow_kernels.errors import ExecutionError, KernelCompileError
from gpuflow_kernels.primitives.cuda import memory, profiler_ranges, runtime
from gpuflow_kernels.primitives.cuda.streams import StreamPool
from gpuflow_kernels.target import CUDA

from gpuflow import config
from gpuflow.execute import dask as dask_layer
from gpuflow.execute import stage
from gpuflow.physical import tasks


def device_array(address: int, contiguous: bool = True) -> Any:
    flags = SimpleNamespace(c_contiguous=contiguous)
    return SimpleNamespace(data=SimpleNamespace(ptr=address), flags=flags, shape=(4,), strides=(16,))


class Kernel:
    """What `numba.cuda.jit` makes, as far as a launch sees it."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.configurations, self.launches = error, [], []  # type: ignore[var-annotated]
        self.py_func = lambda: None

    def __getitem__(self, configuration: tuple[Any, ...]) -> Callable[..., None]:
        from numba.core import config

        self.configurations.append((configuration, config.CUDA_LOW_OCCUPANCY_WARNINGS))

        def launch(*values: Any) -> None:
            if self.error:
                raise self.error
            self.launches.append(values)

        return launch


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> runtime.CudaRuntime:
    """A runtime on streams that are numbers."""
    found = runtime.CudaRuntime()
    found.stream = 7  # type: ignore[attr-defined]
    monkeypatch.setattr(found, "current_stream", lambda: found.stream)  # type: ignore[attr-defined]
    monkeypatch.setattr(found, "_stream", lambda handle: f"stream {handle}")
    return found


def test_arrays_become_addresses_and_scalars_stay_typed(device: runtime.CudaRuntime) -> None:
    kernel = Kernel()
    scalars = [np.int64(-3), np.uint32(3), np.float32(0.5), np.bool_(True)]
    device.launch(kernel, 12, [device_array(0x7F00_0000_0000), *scalars, device_array(4096)], threads=64)
    assert [c for c, _ in kernel.configurations] == [(12, 64, "stream 7")]
    (values,) = kernel.launches
    assert values == (0x7F00_0000_0000, -3, 3, 0.5, True, 4096)
    assert [type(v) for v in values] == [int, np.int64, np.uint32, np.float32, bool, int]


@pytest.mark.parametrize("wrong", [np.zeros(3), [1, 2], 1, "x", None, np.zeros(3).data])
def test_what_is_no_device_array_is_refused(device: runtime.CudaRuntime, wrong: Any) -> None:
    with pytest.raises(TypeError, match="a kernel takes device arrays and NumPy scalars, not"):
        device.launch(Kernel(), 1, [wrong])


def test_an_array_with_gaps_is_refused(device: runtime.CudaRuntime) -> None:
    with pytest.raises(TypeError, match=r"of \(4,\) with strides \(16,\) is not contiguous"):
        device.launch(Kernel(), 1, [device_array(1, contiguous=False)])


def test_configured_kernels_are_kept_by_shape_and_stream(device: runtime.CudaRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    from numba.core import config

    # Numba warns of small grids unless told otherwise; what a user has set comes back
    monkeypatch.setattr(config, "CUDA_LOW_OCCUPANCY_WARNINGS", 1, raising=False)
    kernel, other = Kernel(), Kernel()
    for blocks, threads, stream in [(4, 256, 7), (4, 256, 7), (5, 256, 7), (4, 128, 7), (4, 256, 8), (4, 256, 7)]:
        device.stream = stream  # type: ignore[attr-defined]
        device.launch(kernel, np.int64(blocks), [], threads)  # type: ignore[arg-type]
        device.launch(other, blocks, [], threads)
    assert [c for c, _ in kernel.configurations] == [
        (4, 256, "stream 7"),
        (5, 256, "stream 7"),
        (4, 128, "stream 7"),
        (4, 256, "stream 8"),
    ]
    assert {warns for _, warns in kernel.configurations} == {0}
    assert config.CUDA_LOW_OCCUPANCY_WARNINGS == 1
    assert len(kernel.launches) == len(other.launches) == 6


def test_configured_kernels_are_bounded_the_oldest_goes(device: runtime.CudaRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "CONFIGURED", 3)
    kernel = Kernel()
    for blocks in (1, 2, 3, 1, 4, 1, 2):  # 1 is used again, so 2 is the first to go
        device.launch(kernel, blocks, [])
    assert [c[0] for c, _ in kernel.configurations] == [1, 2, 3, 4, 2]
    assert len(device._configured) == 3


def test_a_kernel_that_does_not_compile_is_named(device: runtime.CudaRuntime) -> None:
    from numba.cuda.core.errors import TypingError

    with pytest.raises(KernelCompileError, match=rf"generated kernel {__file__} did not compile: no such thing"):
        device.launch(Kernel(TypingError("no such thing")), 1, [])
    with pytest.raises(ZeroDivisionError):
        device.launch(Kernel(ZeroDivisionError()), 1, [])


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Numba compiles for a device that is not there; what it and what `CudaCore` start is taken down."""
    import cuda.core
    from numba.cuda import codegen, dispatcher

    class Compiled:
        pass

    log: list[Any] = []
    compiled = Compiled()
    monkeypatch.setattr(dispatcher, "get_current_device", lambda: SimpleNamespace(compute_capability=(9, 0)))
    monkeypatch.setattr(codegen.CUDACodeLibrary, "_ensure_cc", lambda this, cc: cc or (9, 0))
    monkeypatch.setattr(codegen.CUDACodeLibrary, "get_cufunc", lambda this: SimpleNamespace(kernel=compiled))
    monkeypatch.setattr(dispatcher._Kernel, "bind", lambda this: None)
    monkeypatch.setattr(dispatcher.driver, "_to_core_stream", lambda stream: stream)
    monkeypatch.setattr(dispatcher, "launch", lambda stream, config, kernel, *values: log.append(("numba", kernel is compiled)))
    monkeypatch.setattr(cuda.core, "Kernel", Compiled)
    monkeypatch.setattr(cuda.core, "Stream", SimpleNamespace(from_handle=lambda handle: f"core stream {handle}"))

    def launch(stream: Any, config: Any, kernel: Any, *values: Any) -> None:
        log.append((stream, config.grid, config.block, kernel is compiled, *values))

    monkeypatch.setattr(cuda.core, "launch", launch)
    monkeypatch.setattr(runtime, "bind_context", lambda: log.append("context"))
    return log


def add_up(a, b, c, d):  # type: ignore[no-untyped-def]
    """A kernel that does nothing."""


def test_what_numba_has_compiled_is_started_without_it(device: runtime.CudaRuntime, compiler: list[Any]) -> None:
    from numba import cuda

    kernel = cuda.jit(add_up)
    arguments = [device_array(0x7F00_0000_0000), np.float32(0.5), np.bool_(True), np.uint8(3)]
    for blocks in (4, 5):
        device.launch(kernel, blocks, arguments, threads=64)
    assert compiler == [
        ("numba", True),
        "context",
        ("core stream 7", (5, 1, 1), (64, 1, 1), True, 0x7F00_0000_0000, 0.5, True, 3),
    ]
    device.launch(kernel, 5, [*arguments[:3], np.int64(3)], threads=64)
    assert compiler[3:] == [("numba", True)], "other types are another kernel"
    thread = threading.Thread(target=device.launch, args=(kernel, 5, arguments, 64))
    thread.start()
    thread.join(120)
    assert compiler[4] == "context", "another thread has no context yet"


def test_numbers_travel_as_they_are() -> None:
    """What ``cuda.core`` makes of arguments: each at an address of its own, with the bytes of its type."""
    import ctypes

    handler = pytest.importorskip("cuda.core._kernel_arg_handler")
    scalars = [np.dtype(c).type(-5 if c in "bhilq" else 5) for c in "bhilqBHILQfd"]
    values = runtime.launch_values([device_array(0x7F00_0000_0000), *scalars, np.bool_(True)])
    holder = handler.ParamHolder(tuple(values))
    places = (ctypes.c_void_p * len(values)).from_address(holder.ptr)
    types_ = [np.dtype(np.int64), *(s.dtype for s in scalars), np.dtype(bool)]
    found = [np.frombuffer(ctypes.string_at(p, t.itemsize), t)[0] for p, t in zip(places, types_, strict=True)]
    assert found == [0x7F00_0000_0000, *scalars, True]


class StreamPair:
    """A pair that takes down what happens to it."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.uploads = SimpleNamespace(reclaim=lambda wait: self.log.append("reclaim"), upload=self.upload)

    def upload(self, values: Any) -> Any:
        self.log.append(f"upload {values.nbytes}")
        return "uploaded"

    @contextmanager
    def current(self) -> Iterator[None]:
        self.log.append("enter")
        yield
        self.log.append("leave")

    def finish(self) -> None:
        self.log.append("finish")


def test_a_task_has_a_lane_of_its_own_and_ends_with_its_work_done() -> None:
    pool = StreamPool(StreamPair)
    inside = threading.Barrier(3)
    mine: list[Any] = []

    def task() -> None:
        mine.append(pool.mine)
        assert pool.run(lambda: pool.mine) is pool.mine, "a task within a task uses the same pair"
        inside.wait(120)

    threads = [threading.Thread(target=pool.run, args=(task,)) for _ in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(120)
    assert len({id(pair) for pair in mine}) == 3
    assert all(pair.log == ["enter", "finish", "leave"] for pair in mine)
    assert pool.mine is None
    assert pool.run(lambda: pool.mine) in mine, "pairs are reused"
    pool.reclaim()
    assert all(pair.log[-1] == "reclaim" for pair in mine)


def test_a_task_that_fails_waits_for_its_work_and_tells_its_own_reason() -> None:
    class Broken(StreamPair):
        current = nullcontext  # type: ignore[assignment]

        def finish(self) -> None:
            super().finish()
            raise OSError("the device is gone")

    pool = StreamPool(Broken)

    def task() -> None:
        raise KeyError("the reason")

    with pytest.raises(KeyError, match="the reason"):
        pool.run(task)
    with pytest.raises(OSError, match="the device is gone"):
        pool.run(lambda: 1)
    assert pool.mine is None
    assert [pair.log for pair in pool._all] == [["finish", "finish"]]


def test_larger_host_arrays_go_through_the_uploader_of_the_running_task(monkeypatch: pytest.MonkeyPatch) -> None:
    device = runtime.CudaRuntime()
    monkeypatch.setattr(runtime, "device", device)
    device.streams = StreamPool(StreamPair)
    module = types.ModuleType("cupy")
    module.asarray = lambda values: "by cupy"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cupy", module)
    large = np.zeros(runtime.SMALL, np.uint8)
    assert CUDA.asarray(large) == "by cupy", "no task, no streams"
    assert runtime.run(lambda: CUDA.asarray(large)) == "uploaded"
    for values in (large[1:], large.astype("M8[s]"), large.astype(object), np.ma.array(large), [1, 2]):
        assert runtime.run(lambda values=values: CUDA.asarray(values)) == "by cupy"


class Pool:
    def __init__(self) -> None:
        self.limits: list[int] = []

    def set_limit(self, size: int) -> None:
        self.limits.append(size)

    def malloc(self, size: int) -> Any:
        raise AssertionError("only its name is used here")


@pytest.fixture
def pools(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """CuPy and RMM, as far as memory is configured; what became of it."""
    found = SimpleNamespace(pool=Pool(), allocators=[], resource="none", made=[])

    class CudaMemoryResource:
        pass

    def make(name: str) -> Callable[..., Any]:
        return lambda *a: found.made.append((name, *a)) or (name, *a)

    found.resource = CudaMemoryResource()
    mr = SimpleNamespace(
        CudaMemoryResource=CudaMemoryResource,
        CudaAsyncMemoryResource=make("async"),
        LimitingResourceAdaptor=make("limit"),
        get_current_device_resource=lambda: found.resource,
        set_current_device_resource=lambda r: setattr(found, "resource", r),
    )
    cupy, rmm, allocators, inner = (types.ModuleType(n) for n in ("cupy", "rmm", "rmm.allocators", "rmm.allocators.cupy"))
    cupy.get_default_memory_pool = lambda: found.pool  # type: ignore[attr-defined]
    cupy.cuda = SimpleNamespace(set_allocator=found.allocators.append)  # type: ignore[attr-defined]
    rmm.mr, inner.rmm_cupy_allocator = mr, "rmm's allocator"  # type: ignore[attr-defined]
    for module in (cupy, rmm, allocators, inner):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(memory, "_configured", [])
    return found


def test_the_limit_is_that_of_the_pool(pools: SimpleNamespace) -> None:
    for limit in (None, 5, 5, None):
        memory.configure("cupy", limit)
    assert pools.pool.limits == [0, 5, 0], "what is in force is not set again"
    assert pools.allocators == []


def test_rmm_is_used_when_asked_for(pools: SimpleNamespace) -> None:
    memory.configure("rmm", 100)
    assert pools.resource == ("limit", ("async",), 100), "nobody made a pool, so one is made"
    assert pools.allocators == ["rmm's allocator"]
    memory.configure("cupy", None)
    assert pools.allocators[1:] == [pools.pool.malloc]


def test_a_pool_that_rmm_has_is_left_as_it_is(pools: SimpleNamespace) -> None:
    pools.resource = mine = object()
    memory.configure("rmm", None)
    assert pools.resource is mine and pools.made == []


def test_without_rmm_the_way_to_it_is_told(pools: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rmm", None)
    with pytest.raises(ExecutionError, match=r"gpuflow\.cuda\.pool is rmm, but RMM is not installed: pip install rmm-cu13"):
        memory.configure("rmm", None)
    memory.configure("cupy", 3)
    assert pools.pool.limits == [3], "what failed is not taken for what is in force"


@pytest.fixture
def profiler(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    log: list[str] = []
    module = types.ModuleType("nvtx")
    module.push_range, module.pop_range = log.append, lambda: log.append("end")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "nvtx", module)
    profiler_ranges._functions.cache_clear()
    yield log
    profiler_ranges._functions.cache_clear()


def test_ranges_are_named_and_closed(profiler: list[str]) -> None:
    with profiler_ranges.marked("group", True), profiler_ranges.marked("write", True):
        profiler.append("inside")
    with pytest.raises(KeyError), profiler_ranges.marked("sort", True):
        raise KeyError
    assert profiler == ["group", "write", "inside", "end", "end", "sort", "end"]


def test_without_a_wish_or_a_profiler_there_is_no_range(profiler: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert profiler_ranges.marked("a", False) is profiler_ranges.marked("b", False)
    profiler_ranges._functions.cache_clear()
    monkeypatch.setitem(sys.modules, "nvtx", None)
    monkeypatch.setitem(sys.modules, "cupy", None)
    monkeypatch.setitem(sys.modules, "cupy.cuda", None)
    assert profiler_ranges.marked("a", True) is profiler_ranges.marked("a", False)
    assert profiler == []


def test_cupys_ranges_serve_where_nvtx_is_missing(monkeypatch: pytest.MonkeyPatch, profiler: list[str]) -> None:
    log: list[str] = []
    nvtx = SimpleNamespace(RangePush=log.append, RangePop=lambda: log.append("end"))
    cuda = types.ModuleType("cupy.cuda")
    cuda.nvtx = nvtx  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "nvtx", None)
    monkeypatch.setitem(sys.modules, "cupy", types.ModuleType("cupy"))
    monkeypatch.setitem(sys.modules, "cupy.cuda", cuda)
    with profiler_ranges.marked("x", True):
        pass
    assert log == ["x", "end"]


def test_the_seam_loads_no_device_library(python_environment: dict[str, str]) -> None:
    code = "import gpuflow_kernels.primitives.cuda.memory, gpuflow_kernels.primitives.cuda.profiler_ranges, sys; "
    code += "print(sorted({'numba', 'cupy', 'rmm', 'nvtx'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=python_environment)
    assert done.stdout.strip() == "[]"


def test_a_task_runs_in_a_lane_and_a_range_with_memory_as_configured(
    pools: SimpleNamespace, profiler: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    device = runtime.CudaRuntime()
    device.streams = StreamPool(StreamPair)
    monkeypatch.setattr(runtime, "device", device)
    monkeypatch.setattr(dask_layer, "choose_target", lambda *_: ("cuda", "it is said so"))
    with dask.config.set({"gpuflow.memory-limit": 5, "gpuflow.cuda.nvtx": True}):
        options, _ = dask_layer.options_of(config.resolve(), None)
    assert stage.run(tasks.EmptyTask(options, (INT64,)), ()).length == 0
    assert pools.pool.limits == [5]
    assert profiler == ["empty", "end"]
    assert [pair.log for pair in device.streams._all] == [["enter", "finish", "leave"]]
    monkeypatch.setattr(dask_layer, "choose_target", lambda *_: ("cpu", "it is said so"))
    with dask.config.set({"gpuflow.cuda.nvtx": True}):
        plain, _ = dask_layer.options_of(config.resolve(), None)
    on_device = plain.cuda_pool, plain.memory_limit, plain.cuda_nvtx
    assert on_device == ("cupy", None, False), "keys of other targets' tasks do not change"
