"""``make gpu-check``: the test suite on the CUDA target, and the benchmarks, where a device is.

Exit code 2 and "no CUDA device" where none is; otherwise 0 when everything passed, else 1. Results go to
``benchmarks/results/<device>/``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as Tree
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.runner import ROOT, folder_of
from gpuflow.doctor import Cuda, cuda

NO_DEVICE = 2


def main() -> int:
    found = cuda()
    if not found.devices:
        print(f"no CUDA device: {found.reason}")
        return NO_DEVICE
    device = found.devices[0]
    print(f"{device.name}, sm_{device.capability}")
    folder = folder_of(device.name)
    folder.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"DASK_GPUFLOW__TARGET": "cuda"}
    tests = suite(environment)
    (folder / "tests.json").write_text(json.dumps(tests | about(found), indent=1) + "\n")
    print(f"{tests['passed']} passed, {len(tests['failed'])} failed")
    measured = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", "--out", str(folder / "gpu.json")], env=environment, cwd=ROOT, check=False
    )
    print(f"results in {folder.relative_to(ROOT)}")
    return 0 if tests["exit_code"] == 0 and measured.returncode == 0 else 1


def suite(environment: dict[str, str]) -> dict[str, Any]:
    """Run all tests with the CUDA target: how many passed, and the names of those that did not."""
    with tempfile.TemporaryDirectory() as scratch:
        junit = Path(scratch) / "tests.xml"
        # One process: tests share the device.
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-n", "0", f"--junitxml={junit}"], env=environment, cwd=ROOT, check=False
        )
        cases = list(Tree.parse(junit).getroot().iter("testcase")) if junit.exists() else []
    failed = [
        f"{c.get('classname')}::{c.get('name')}" for c in cases if c.find("failure") is not None or c.find("error") is not None
    ]
    skipped = sum(c.find("skipped") is not None for c in cases)
    passed = len(cases) - len(failed) - skipped
    return {"exit_code": run.returncode, "passed": passed, "skipped": skipped, "failed": failed}


def about(found: Cuda) -> dict[str, Any]:
    """What the results were measured on, and when."""
    device = found.devices[0]
    described = {"device": device.name, "capability": device.capability, "memory_gib": round(device.memory / 2**30)}
    return described | {"driver_cuda": found.driver, "date": datetime.now(UTC).strftime("%Y-%m-%d")}


if __name__ == "__main__":
    sys.exit(main())
