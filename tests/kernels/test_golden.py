"""Texts of five pipelines for GPUs and for CPUs, word for word; ``python -m tests.kernels.test_golden --write`` renews them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from gpuflow_kernels import target as targets
from gpuflow_kernels.codegen.common.arguments import Argument, Role, pattern_of
from gpuflow_kernels.target import CPU

from tests.support.cuda_cases import Bindings, data
from tests.support.golden import WRITTEN, Golden
from tests.support.launches import recorded

FOLDER = Path(__file__).parent / "golden"
RULE = "# " + "-" * 118


def cuda_text(golden: Golden) -> str:
    """Join its modules in the order in which they are first launched, each under the kernels launched of it."""
    launched: dict[str, list[str]] = {}
    for kernel in recorded(golden, golden.nulls).kernels:
        names = [a.arg for a in kernel.function.args.args]
        types = [f"{dtype}[]" if array else dtype for dtype, array in kernel.types]
        arguments = ", ".join(f"{n}: {t}" for n, t in zip(names, types, strict=True))
        launched.setdefault(kernel.text, []).append(f"# {kernel.name}({arguments})")
    return "\n\n".join("\n".join([RULE, *heads, "", text]) for text, heads in launched.items())


def cpu_text(golden: Golden) -> str:
    """Join its modules in the order in which they are generated."""
    texts: dict[str, None] = {}
    generate = targets._generate

    def noted(*arguments: Any) -> Any:
        generated = generate(*arguments)
        texts[generated.text] = None
        return generated

    with mock.patch.object(targets, "_generate", noted):
        golden.run(CPU, data(60, golden.nulls, 3), Bindings())
    return "\n\n".join(f"{RULE}\n{text}" for text in texts)


FILES: dict[Path, tuple[Callable[[Golden], str], Golden]] = {
    FOLDER / name / golden.file: (text_of, golden)
    for name, text_of in (("cuda", cuda_text), ("cpu", cpu_text))
    for golden in WRITTEN
}


def write() -> None:
    """Write all files, and remove those of pipelines that are gone."""
    for path in FOLDER.glob("*/*"):
        path.unlink()
    for path, (text_of, golden) in FILES.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text_of(golden), encoding="utf-8")


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name} {p.stem}")
def test_text_is_as_written(path: Path) -> None:
    text_of, golden = FILES[path]
    written = path.read_text(encoding="utf-8")
    assert text_of(golden) == written, "if that is meant: python -m tests.kernels.test_golden --write, and read the difference"


def test_every_file_is_compared() -> None:
    assert sorted(p for p in FOLDER.rglob("*") if p.is_file()) == sorted(FILES)
    assert len(WRITTEN) == 5


def test_every_role_is_spelled_in_its_own_way() -> None:
    """So that two arguments of a kernel cannot get one name, and what names are looked for in a text are those written."""
    names = [Argument(role, 3, "part").name for role in Role]
    assert len(set(names)) == len(Role)
    pattern = re.compile(pattern_of((Role.INPUT, Role.OUTPUT), ("gids",)))
    assert [n for n in [*names, "gids", "c12", "c"] if pattern.fullmatch(n)] == ["c3", "o3", "gids", "c12"]


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit("usage: python -m tests.kernels.test_golden --write")
    write()
