"""The saved notebook is what its cells give when they are run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_saved_output_is_real(python_environment: dict[str, str]) -> None:
    result = subprocess.run(
        [sys.executable, "notebooks/build.py", "--check"],
        capture_output=True,
        text=True,
        env=python_environment,
        cwd=ROOT,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_cell_has_run_without_error() -> None:
    notebook = nbformat.read(ROOT / "notebooks" / "flights.ipynb", as_version=4)
    cells = [c for c in notebook.cells if c.cell_type == "code"]
    assert [c.execution_count for c in cells] == list(range(1, len(cells) + 1))
    assert not [o for c in cells for o in c.outputs if o.output_type in ("error", "stderr")]
    assert any("image/png" in o.get("data", {}) for c in cells for o in c.outputs)
