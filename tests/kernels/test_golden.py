"""The CUDA texts of ten pipelines, word for word. ``python -m tests.kernels.test_golden --write`` writes them anew."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from gpuflow_kernels.codegen.common.arguments import Argument, Role, pattern_of

from tests.support.golden import GOLDEN, Golden
from tests.support.launches import recorded

FOLDER = Path(__file__).parent / "golden"


def text_of(golden: Golden) -> str:
    """Its modules in the order in which they are first launched, each under the kernels launched of it."""
    launched: dict[str, list[str]] = {}
    for kernel in recorded(golden, golden.nulls).kernels:
        names = [a.arg for a in kernel.function.args.args]
        types = [f"{dtype}[]" if array else dtype for dtype, array in kernel.types]
        arguments = ", ".join(f"{n}: {t}" for n, t in zip(names, types, strict=True))
        launched.setdefault(kernel.text, []).append(f"# {kernel.name}({arguments})")
    return "\n\n".join("\n".join(["# " + "-" * 118, *heads, "", text]) for text, heads in launched.items())


def write() -> None:
    """Write all files, and remove those of pipelines that are gone."""
    FOLDER.mkdir(exist_ok=True)
    for file in FOLDER.iterdir():
        file.unlink()
    for golden in GOLDEN:
        (FOLDER / golden.file).write_text(text_of(golden), encoding="utf-8")


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda g: g.name)
def test_text_is_as_written(golden: Golden) -> None:
    written = (FOLDER / golden.file).read_text(encoding="utf-8")
    assert text_of(golden) == written, "if that is meant: python -m tests.kernels.test_golden --write, and read the difference"


def test_every_file_is_compared() -> None:
    assert sorted(f.name for f in FOLDER.iterdir()) == sorted(g.file for g in GOLDEN)


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit("usage: python -m tests.kernels.test_golden --write")
    write()


def test_every_role_is_spelled_in_its_own_way() -> None:
    """So that two arguments of a kernel cannot get one name, and what names are looked for in a text are those written."""
    names = [Argument(role, 3, "part").name for role in Role]
    assert len(set(names)) == len(Role)
    pattern = re.compile(pattern_of((Role.INPUT, Role.OUTPUT), ("gids",)))
    assert [n for n in [*names, "gids", "c12", "c"] if pattern.fullmatch(n)] == ["c3", "o3", "gids", "c12"]
