"""The Python in the documents runs beside the demo's data: in the README each block as a script of its own, as who copies it
would run it, in the others block after block."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
README = (ROOT / "README.md").read_text()
DOCUMENTS = sorted(path for path in (ROOT / "docs").glob("*.md") if BLOCK.search(path.read_text()))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_python_blocks_run(document: Path, flights_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "flights-2013").symlink_to(flights_folder)
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "document"}
    text = document.read_text()
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start(1))
        # Kernels are made from the source of user functions, which inspect finds through the file.
        script = tmp_path / f"{document.stem}_{line}.py"
        script.write_text("\n" * line + block[1])
        exec(compile(script.read_text(), str(script), "exec"), namespace)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(BLOCK.findall(README))))
def test_blocks_of_the_readme_are_scripts(
    number: int, flights_folder: Path, tmp_path: Path, python_environment: dict[str, str]
) -> None:
    (tmp_path / "flights-2013").symlink_to(flights_folder)
    (tmp_path / "block.py").write_text(BLOCK.findall(README)[number])
    command = [sys.executable, "block.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=python_environment, timeout=300)
    assert done.returncode == 0, done.stderr
    assert " rows × " in done.stdout


def test_readme_has_a_first_query_and_a_cluster() -> None:
    assert "gf.scan_parquet" in BLOCK.findall(README)[0]
    assert any("gf.cluster" in block for block in BLOCK.findall(README))


LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#]+)")


@pytest.mark.parametrize("document", sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]), ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    broken = [target for target in LINK.findall(document.read_text()) if not (document.parent / target).exists()]
    assert not broken
