"""The Python in the documents runs, block after block, beside the demo's data."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
DOCUMENTS = sorted(path for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")) if BLOCK.search(path.read_text()))


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


def test_readme_has_a_first_query() -> None:
    assert ROOT / "README.md" in DOCUMENTS
    assert "gf.scan_parquet" in "".join(BLOCK.findall((ROOT / "README.md").read_text()))


LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#]+)")


@pytest.mark.parametrize("document", sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]), ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    broken = [target for target in LINK.findall(document.read_text()) if not (document.parent / target).exists()]
    assert not broken
