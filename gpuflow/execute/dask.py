"""Where queries meet Dask: the threaded scheduler in this process, or a cluster's client. The only graph code."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from functools import partial
from typing import Any, TypeVar

from gpuflow_kernels.column import Chunk

from gpuflow import config
from gpuflow.config import ConfigError, Settings
from gpuflow.io.in_memory.source import ChunkSource
from gpuflow.optimize import optimize
from gpuflow.physical import emit_tasks, lower  # noqa: F401  (register what is done with every node)
from gpuflow.physical.exchanges import insert_exchanges
from gpuflow.physical.nodes import Operator
from gpuflow.physical.planner import Planner
from gpuflow.physical.profile import LANES, Profile, device, host
from gpuflow.physical.runner import Ref, RemotePartition
from gpuflow.physical.tasks import Options
from gpuflow.plan.nodes import Plan, Scan
from gpuflow.plan.source import Source
from gpuflow.schema import Schema

from .client import Cluster, LostData, active_client, cuda_problem_of, device_memory_of
from .graph import Graph
from .persisted import ClusterSource
from .target_selection import choose_target, cuda_problem, device_memory
from .threads import Threads

ATTEMPTS = 3
"""How often a query is run whose rows get lost with workers."""
Result = TypeVar("Result")


def options_of(settings: Settings, client: Any, wait: bool = True) -> tuple[Options, str]:
    """What travels with tasks, and why this target was chosen."""
    there = cuda_problem if client is None else partial(cuda_problem_of, client, settings.workers_timeout, wait)
    target, reason = choose_target(settings.target, there)
    if target != "cuda" and settings.memory_limit is not None:
        raise ConfigError(
            f"setting gpuflow.memory-limit is {settings.memory_limit:,} bytes, which has no effect where queries run on {target} "
            f"({reason}); limit workers by gf.cluster(memory_limit=...)"
        )
    hostile = _hostile()
    return Options(**settings.of_tasks(target), tiny="tiny" in hostile, constant_hash="hash" in hostile), reason


def _hostile() -> frozenset[str]:
    """Hostile test settings in force: ``tiny`` tables and buffers, a ``hash`` that returns a constant."""
    import dask.config

    return frozenset(dask.config.get(f"{config.TESTS}.hostile", ()))


def planner_of(runner: Graph, settings: Settings, client: Any) -> Planner:
    """Make a planner with these settings; the choice of target is noted."""
    options, reason = options_of(settings, client, wait=runner.runs)
    runner.note("target", options.target, reason)
    return Planner(runner, options, settings.partition_rows, profile_of(runner, options, settings, client))


def profile_of(runner: Graph, options: Options, settings: Settings, client: Any) -> Profile:
    """The sizes for where tasks run, those that are set put in; noted where a device decides."""
    if options.target == "cuda":
        memory = device_memory() if client is None else device_memory_of(client, settings.workers_timeout, runner.runs)
        memory = min(filter(None, (memory, settings.memory_limit)), default=None)
        if client is not None and not runner.runs and not client.asynchronous:
            runner.workers = len(client.nthreads()) or 1
        found = device(memory, runner.local)
        runner.note("sizes", str(found), "its memory is not known" if memory is None else "by its free memory")
    else:
        found = host(runner.local)
    if not runner.local and not found.on_device and settings.broadcast_rows is not None:
        found = found.with_settings(exchange_rows=settings.broadcast_rows)
    return found.with_settings(**settings.sizes)


def _planned(runner: Graph, plan: Plan, settings: Settings, client: Any) -> tuple[Planner, Operator, list[Ref]]:
    planner, plan = planner_of(runner, settings, client), optimize(plan, settings.optimize_disable)
    if planner.profile.on_device and runner.local and not _decodes(plan):
        runner.threads = min(runner.threads, LANES)
    return planner, *planned(planner, plan)


def _tasks(runner: Graph, plan: Plan, settings: Settings, client: Any) -> list[Ref]:
    return _planned(runner, plan, settings, client)[2]


def planned(planner: Planner, plan: Plan) -> tuple[Operator, list[Ref]]:
    """Plan a query to the end: its operators, and the tasks of its partitions. A planner that runs stages runs them here."""
    operator = insert_exchanges(planner, planner.lower(plan))
    return operator, list(planner.finished(operator).parts)


def _decodes(plan: Plan) -> bool:
    """Whether a scan of the plan has work for cores before a device can begin."""
    seen: set[int] = set()
    stack = [plan]
    while stack:
        node = stack.pop()
        if id(node) not in seen:
            seen.add(id(node))
            if isinstance(node, Scan) and not node.source.decoded:
                return True
            stack += node.inputs
    return False


def _static(plan: Plan) -> tuple[Graph, list[Ref]]:
    """A plan lowered by estimates, without running anything."""
    settings, client = config.resolve(), active_client()
    runner = Graph(settings.threads, local=client is None)
    return runner, _tasks(runner, plan, settings, client)


def _on_cluster(client: Any, plan: Plan, settings: Settings, finish: Callable[[Cluster, list[Ref]], Result]) -> Result:
    """Run a plan on a cluster; again, when a worker took rows along that only this process has."""
    attempt = 1
    while True:
        runner = Cluster(client, settings.workers_timeout)
        try:
            return finish(runner, _tasks(runner, plan, settings, client))
        except LostData:
            if attempt == ATTEMPTS:
                raise
            attempt += 1
        finally:
            runner.release()


def collect(plan: Plan) -> list[Chunk]:
    """Run a plan stage by stage, on the active client or on this process's threads; its partitions, in order."""
    settings, client = config.resolve(), active_client()
    if client is not None:
        return _on_cluster(client, plan, settings, lambda runner, parts: runner.compute(parts))
    with Threads(settings.threads) as runner:
        return runner.compute(_tasks(runner, plan, settings, None))


def persist(plan: Plan) -> Source:
    """Run a plan and keep its partitions where they are: in this process, or on the cluster's workers."""
    settings, client = config.resolve(), active_client()
    if client is not None:
        return _on_cluster(client, plan, settings, lambda runner, parts: ClusterSource(plan.schema, _kept(runner, parts, plan)))
    with Threads(settings.threads) as runner:
        return ChunkSource(plan.schema, runner.compute(_tasks(runner, plan, settings, None)))


def _kept(runner: Cluster, parts: list[Ref], plan: Plan) -> list[RemotePartition]:
    facts = runner.facts(parts)
    assert facts is not None
    splits = [RemotePartition(p.key, runner.futures[p.key], plan.schema, f) for p, f in zip(parts, facts, strict=True)]
    for part in {p.key for p in parts}:
        del runner.futures[part]  # the source holds these from now on
    return splits


def graph(plan: Plan) -> tuple[dict[str, Any], list[str]]:
    """The plan as one Dask graph, lowered with estimates only: nothing is read or run. (graph, keys of the partitions)"""
    runner, parts = _static(plan)
    return dict(runner.tasks), [p.key for p in parts]


def situation() -> Hashable:
    """What a graph depends on besides its plan."""
    return config.resolve(), active_client() is None, _hostile()


def source_of(schema: Schema, keys: list[str], results: Mapping[str, Any]) -> Source:
    """The partitions that Dask made of a graph, in the order of `keys`: chunks at hand, or futures of a cluster."""
    parts = [results[key] for key in keys]
    if all(isinstance(part, Chunk) for part in parts):
        return ChunkSource(schema, parts)
    return ClusterSource(schema, [RemotePartition(part.key, part, schema) for part in parts])


def explain_physical(plan: Plan) -> str:
    """The operators of a plan as estimates place them, with the choices made and their reasons."""
    from .explain import physical_text

    settings, client = config.resolve(), active_client()
    runner = Graph(settings.threads, local=client is None)
    planner, operator, _ = _planned(runner, plan, settings, client)
    return physical_text(planner, operator, runner)


def explain_kernel(plan: Plan) -> str:
    """The generated text of every pipeline of a plan."""
    from .explain import kernel_text

    return kernel_text(_static(plan)[0])
