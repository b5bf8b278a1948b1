"""A pytest plugin: writes down every test the moment it ends, so that a run that is stopped, hangs or dies has a record.

It runs tests marked ``gpu`` first and those marked ``slow`` last.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest


def _write(**record: Any) -> None:
    with open(os.environ["GPUFLOW_TEST_RECORD"], "a") as file:
        file.write(json.dumps(record) + "\n")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: (item.get_closest_marker("gpu") is None, item.get_closest_marker("slow") is not None))


def pytest_collection_finish(session: pytest.Session) -> None:
    _write(event="collected", count=len(session.items))


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        _write(event="uncollected", name=report.nodeid, text=str(report.longrepr)[-2000:])


def pytest_runtest_logstart(nodeid: str) -> None:
    _write(event="start", name=nodeid)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or report.outcome != "passed":
        _write(event=report.outcome, name=report.nodeid, when=report.when)
    if report.when == "teardown":
        _write(event="end", name=report.nodeid)
