"""Where queries meet Dask: the threaded scheduler in this process, or a cluster's client. The only graph code."""

from __future__ import annotations

import sys
from typing import Any

from dask._task_spec import DataNode
from gpuflow_kernels.column import Chunk
from gpuflow_kernels.errors import ExecutionError

from gpuflow import config
from gpuflow.config import Settings
from gpuflow.optimize import optimize
from gpuflow.physical import rules  # noqa: F401  (registers the lowering of every node)
from gpuflow.physical.lower import Lowering
from gpuflow.physical.runner import Facts, Finished, Ref
from gpuflow.physical.tasks import Options
from gpuflow.plan.nodes import Plan
from gpuflow.plan.source import Source

from .choice import choose_target
from .graph import Graph, facts_of


class Threads(Graph):
    """Runs on Dask's threaded scheduler in this process. Results that lowering asked about are kept until the end."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads, local=True)
        self.results: dict[str, Any] = {}

    def compute(self, refs: list[Ref]) -> list[Any]:
        """Results of these tasks."""
        from dask.threaded import get

        missing = [r.key for r in refs if r.key not in self.results]
        if missing:
            graph = self.needed(missing, self.results)
            used = {d for task in graph.values() for d in task.dependencies if d in self.results}
            graph |= {key: DataNode(key, self.results[key]) for key in used}
            for key, value in zip(missing, get(graph, missing, num_workers=self.threads), strict=True):
                self.results[key] = value
        return [self.results[r.key] for r in refs]

    def facts(self, refs: list[Ref]) -> list[Facts] | None:
        return [facts_of(r) for r in self.compute(refs)]


class Cluster(Graph):
    """Runs on a `distributed.Client`. Results that lowering asked about stay on the workers, held by their futures."""

    def __init__(self, client: Any) -> None:
        workers = client.scheduler_info(n_workers=-1)["workers"].values()
        super().__init__(sum(w["nthreads"] for w in workers) or 1, local=False)
        self.client = client
        self.futures: dict[str, Any] = {}

    def submit(self, refs: list[Ref]) -> list[Any]:
        """Futures of these tasks."""
        missing = [r.key for r in refs if r.key not in self.futures]
        if missing:
            futures = self.client.get(self.needed(missing, self.futures), missing, sync=False)
            self.futures |= dict(zip(missing, futures, strict=True))
        return [self.futures[r.key] for r in refs]

    def compute(self, refs: list[Ref]) -> list[Any]:
        """Results of these tasks, brought here."""
        return list(self.client.gather(self.submit(refs)))

    def facts(self, refs: list[Ref]) -> list[Facts] | None:
        futures = self.submit(refs)
        return list(self.client.gather([self.client.submit(facts_of, f, pure=False) for f in futures]))


def active_client() -> Any:
    """The `distributed.Client` in use, or None. Never imports distributed: without it there is no client."""
    if "distributed" not in sys.modules:
        return None
    from distributed import get_client

    try:
        return get_client()
    except ValueError:
        return None


def options_of(settings: Settings) -> tuple[Options, str]:
    """What tasks need of the settings, and why this target was chosen."""
    target, reason = choose_target(settings.target)
    hostile = _hostile()
    return Options(target, settings.morsel_rows, settings.cache_folder or None, "tiny" in hostile, "hash" in hostile), reason


def _hostile() -> frozenset[str]:
    """Hostile test settings in force: ``tiny`` tables and buffers, a ``hash`` that returns a constant."""
    import dask.config

    return frozenset(dask.config.get("gpuflow-tests.hostile", ()))


def lowering(runner: Graph, settings: Settings) -> Lowering:
    """A lowering with these settings; the choice of target is noted."""
    options, reason = options_of(settings)
    runner.note("target", options.target, reason)
    sizes = settings.broadcast_rows, settings.broadcast_bytes, settings.merge_rows, settings.sort_rows
    return Lowering(runner, options, settings.partition_rows, *sizes)


def _lowered(runner: Graph, plan: Plan, settings: Settings) -> tuple[Ref, ...]:
    low = lowering(runner, settings)
    return low.materialise(low.lower(optimize(plan, settings.optimize_disable))).parts


def _runner(settings: Settings) -> Threads | Cluster:
    client = active_client()
    return Threads(settings.threads) if client is None else Cluster(client)


def collect(plan: Plan) -> list[Chunk]:
    """Run a plan stage by stage, on the active client or on this process's threads; its partitions, in order."""
    settings = config.resolve()
    runner = _runner(settings)
    return runner.compute(list(_lowered(runner, plan, settings)))


def graph(plan: Plan) -> tuple[dict[str, Any], list[str]]:
    """The plan as one Dask graph, lowered with estimates only: nothing is read or run. (graph, keys of the partitions)"""
    settings = config.resolve()
    client = active_client()
    runner = Graph(settings.threads, local=client is None)
    parts = _lowered(runner, plan, settings)
    return dict(runner.tasks), [p.key for p in parts]


def persist(plan: Plan) -> Source:
    """Run a plan and keep its partitions where they are: in this process, or on the cluster's workers."""
    from .persisted import ClusterSource

    settings = config.resolve()
    runner = _runner(settings)
    refs = list(_lowered(runner, plan, settings))
    if isinstance(runner, Cluster):
        futures = runner.submit(refs)
        facts = runner.facts(refs)
        if facts is None:
            raise ExecutionError("a cluster tells the size of what it persists")
        splits = [Finished(r.key, f, plan.schema, fact) for r, f, fact in zip(refs, futures, facts, strict=True)]
        return ClusterSource(plan.schema, splits)
    from gpuflow.io.memory import ChunkSource

    return ChunkSource(plan.schema, runner.compute(refs))


def explain_physical(plan: Plan) -> str:
    """The tasks of a plan as they would be lowered from estimates, with the choices made and their reasons."""
    from .explain import physical_text

    settings = config.resolve()
    client = active_client()
    runner = Graph(settings.threads, local=client is None)
    _lowered(runner, plan, settings)
    return physical_text(runner)


def explain_kernel(plan: Plan) -> str:
    """The generated text of every pipeline of a plan."""
    from .explain import kernel_text

    settings = config.resolve()
    runner = Graph(settings.threads, local=active_client() is None)
    _lowered(runner, plan, settings)
    return kernel_text(runner)
