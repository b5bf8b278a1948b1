"""Two worker processes on loopback, started once for this folder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dask
import numpy as np
import pytest

import gpuflow as gf
from tests.dask.fleet import Fleet

ROWS = 8_000


@pytest.fixture(scope="package")
def workers() -> Iterator[Any]:
    """A LocalCluster of two worker processes with a thread each."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0") as cluster:
        yield cluster


@pytest.fixture(scope="package")
def client(workers: Any) -> Iterator[Any]:
    """Its client, which is active only inside ``with client.as_current():``."""
    from distributed import Client

    with Client(workers, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=300)
        yield client


@pytest.fixture
def active(client: Any) -> Iterator[Any]:
    """The client, active for this test."""
    with client.as_current():
        yield client


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was decided while queries were lowered."""
    from gpuflow.execute.graph import Graph

    told: list[str] = []
    note = Graph.note

    def noted(self: Graph, subject: str, decision: str, reason: str) -> None:
        told.append(f"{subject}: {decision}")
        note(self, subject, decision, reason)

    monkeypatch.setattr(Graph, "note", noted)
    return told


@pytest.fixture(scope="package")
def tables() -> dict[str, gf.Frame]:
    """Two tables in memory with nulls, NaN, strings and repeated keys."""
    import pyarrow as pa

    rng = np.random.default_rng(7)
    keys = rng.integers(0, 500, ROWS)
    words = np.array([f"word {k:03d}" for k in range(120)])
    floats = rng.normal(size=ROWS)
    floats[::97] = np.nan
    facts = pa.table(
        {
            "id": np.arange(ROWS),
            "k": pa.array(keys, mask=rng.random(ROWS) < 0.05),
            "x": pa.array(floats, mask=rng.random(ROWS) < 0.1),
            "y": rng.integers(-1000, 1000, ROWS).astype("int32"),
            "s": pa.array(words[rng.integers(0, 120, ROWS)], mask=rng.random(ROWS) < 0.05),
        }
    )
    names = pa.table({"k": np.arange(100, 450), "name": [f"name {k % 60}" for k in range(350)], "w": np.arange(350) * 0.5})
    twice = pa.table({"s": np.repeat(words, 2), "z": np.arange(240)})
    return {"facts": gf.from_arrow(facts), "names": gf.from_arrow(names), "twice": gf.from_arrow(twice)}


@pytest.fixture(scope="package")
def all_workers(python_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Workers that may be killed; one fleet serves all tests that kill some."""
    from distributed import Client, LocalCluster

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        fleet = Fleet(cluster, client, python_environment, tmp_path_factory.mktemp("workers"))
        try:
            yield fleet
        finally:
            fleet.end()


@pytest.fixture
def fleet(all_workers: Fleet) -> Iterator[Fleet]:
    """Two workers that may be killed, and their client active."""
    all_workers.complete()
    with all_workers.client.as_current():
        yield all_workers
