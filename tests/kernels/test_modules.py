"""The cache of kernels: what compiles again and what does not, in this process and in the next; one query, one kernel."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest
from gpuflow_kernels.codegen import modules
from gpuflow_kernels.codegen.common.program import _null_keys
from gpuflow_kernels.codegen.cpu import skeletons
from gpuflow_kernels.declare.scalar import SCALARS
from gpuflow_kernels.errors import ExecutionError
from gpuflow_kernels.target import TARGETS, _generate

import gpuflow as gf
from gpuflow import col
from gpuflow.execute.dask import planned
from gpuflow.execute.explain import assumed_shape
from gpuflow.execute.graph import Graph
from gpuflow.optimize import optimize
from gpuflow.physical.planner import Planner
from gpuflow.physical.profile import Profile
from gpuflow.physical.tasks import Options, PipelineTask
from tests.support.shapes import SHAPES
from tests.support.tables import POOLS, frame, seeded


@pytest.fixture(autouse=True)
def nothing_in_memory() -> Iterator[None]:
    """Other tests' modules neither help nor count."""
    modules.forget()
    yield
    modules.forget()


@pytest.fixture
def empty_cache(tmp_path: Path) -> Iterator[Path]:
    """A kernel cache of this test's own."""
    with dask.config.set({"gpuflow.cache.folder": str(tmp_path / "cache"), "gpuflow.target": "cpu", "gpuflow.threads": 1}):
        yield tmp_path / "cache"


def table(*names: str, rows: int = 50) -> gf.Frame:
    rng = np.random.default_rng(len(names[0]))
    values: list[Any] = [rng.integers(0, 9, rows), rng.random(rows), rng.integers(0, 99, rows)]
    return gf.from_numpy(dict(zip(names, values, strict=True)))


def question(rows: gf.Frame, k: str, x: str, n: str, above: float = 0.25, factor: float = 2.0) -> gf.Frame:
    """Filter, compute, look up by a unique key, aggregate."""
    names = gf.from_numpy({k: np.arange(7), "weight": np.arange(7) * 1.5})
    kept = rows.filter(col(x) > above).with_columns(z=col(x) * factor + col(n))
    return kept.join(names, on=k).group_by(k).agg(m=col("z").mean(), w=(col("weight") + col("z")).max())


def test_only_new_text_compiles(empty_cache: Path) -> None:
    question(table("k", "x", "n"), "k", "x", "n").collect()
    compiled = modules.compilations()
    assert compiled >= 2
    again = {
        "the same": question(table("k", "x", "n"), "k", "x", "n"),
        "another literal": question(table("k", "x", "n"), "k", "x", "n", above=0.75, factor=-3.5),
        "other names": question(table("key", "some value", "import os"), "key", "some value", "import os"),
        "more rows": question(table("k", "x", "n", rows=77), "k", "x", "n"),
    }
    for what, query in again.items():
        assert len(query.collect()) > 0
        assert modules.compilations() == compiled, what
    table("k", "x", "n").select(col("x") - col("n") * 3).collect()
    assert modules.compilations() > compiled
    assert modules.cache_hits() == 0


def test_literals_of_every_kind_are_arguments(empty_cache: Path) -> None:
    rows = frame(seeded("isxdep", 20, 1))

    def query(i: int, s: str, x: float, members: list[int]) -> gf.Frame:
        chosen = gf.when(col("x") > x).then(col("i") + i).otherwise(i)
        return rows.filter((col("s") != s) & col("i").is_in(members)).select(a=chosen, b=col("s").fill_null(s))

    query(1, "a", 0.5, [1, 2, 3]).collect()
    compiled = modules.compilations()
    query(100, "no such text", -1e300, [19, -7]).collect()
    assert modules.compilations() == compiled


def test_other_literals_generate_no_text_and_are_not_kept() -> None:
    rows = frame(seeded("isxdep", 20, 1))

    def query(i: int, x: float, members: list[int]) -> gf.Frame:
        return rows.filter(col("i").is_in(members) & (col("x") > x)).group_by(k=col("i") * i).agg(m=(col("x") * x).max())

    with dask.config.set({"gpuflow.target": "python", "gpuflow.threads": 1}):
        query(2, 0.5, [1, 2, 3]).collect()
        before = _generate.cache_info(), _null_keys.cache_info()
        query(5, -1.5, [19, *range(10_000)]).collect()
        after = _generate.cache_info(), _null_keys.cache_info()
        assert [c.misses for c in after] == [c.misses for c in before]
        assert [c.hits for c in after] > [c.hits for c in before]
        query(70_000, 0.5, [1]).collect()  # too large for a check of the product to be needless
        assert _generate.cache_info().misses > after[0].misses


def test_equal_literals_share_what_is_computed_from_them() -> None:
    rows = table("k", "x", "n")
    with dask.config.set({"gpuflow.target": "python"}):
        same = rows.select(a=(col("x") * 2.5).sqrt(), b=(col("x") * 2.5).exp()).explain("kernel")
        other = rows.select(a=(col("x") * 2.5).sqrt(), b=(col("x") * 3.5).exp()).explain("kernel")
    assert same.count(" * a") == 1 and "# a0: 2.5" in same
    assert other.count(" * a") == 2 and "# a1: 3.5" in other


def in_a_new_process(code: str, environment: dict[str, str], cache: Path) -> list[str]:
    settings = {"DASK_GPUFLOW__CACHE__FOLDER": str(cache), "DASK_GPUFLOW__TARGET": "cpu"}
    program = textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], env=environment | settings, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


COUNTED = """
    import numpy as np, gpuflow as gf
    from gpuflow_kernels.codegen import modules
    rows = gf.from_numpy({"k": np.arange(20) % 3, "x": np.arange(20.0)})
    found = rows.filter(gf.col("x") > 4).group_by("k").agg(gf.col("x").mean()).sort("k").collect()
    print(modules.compilations(), modules.cache_hits(), *found.to_numpy()["x"])
"""


def test_a_second_process_compiles_nothing(tmp_path: Path, python_environment: dict[str, str]) -> None:
    first = in_a_new_process(COUNTED, python_environment, tmp_path / "cache")
    second = in_a_new_process(COUNTED, python_environment, tmp_path / "cache")
    assert int(first[0]) > 0
    assert (first[1], second[0], second[1]) == ("0", "0", first[0])
    assert first[2:] == second[2:] == ["12.0", "13.0", "11.0"]


DECLARED = """
import gpuflow as gf
from gpuflow_kernels.declare.type_rules import same, integer

@gf.scalar(dtype=same(integer))
def changed(x):
    return x {change}
"""


def test_an_edited_function_is_never_answered_from_the_cache(tmp_path: Path, python_environment: dict[str, str]) -> None:
    code = """
        import numpy as np, gpuflow as gf, mine
        rows = gf.from_numpy({"x": np.arange(3)})
        print(*rows.select(gf.col("x").changed()).collect()["x"].to_pylist())
    """
    environment = python_environment | {"PYTHONDONTWRITEBYTECODE": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), environment["PYTHONPATH"]])
    for change, expected in (("+ 5", "5 6 7"), ("+ 6", "6 7 8"), ("+ 5", "5 6 7")):  # of the same length each time
        (tmp_path / "mine.py").write_text(DECLARED.format(change=change))
        assert in_a_new_process(code, environment, tmp_path / "cache") == expected.split()


def test_a_function_declared_again_in_the_same_process(empty_cache: Path, tmp_path: Path) -> None:
    rows, kept = gf.from_numpy({"x": np.arange(3)}), dict(SCALARS)
    try:
        for number, factor in enumerate((2, 3)):
            SCALARS.pop("changed", None)
            path = tmp_path / f"mine_{number}.py"
            path.write_text(DECLARED.format(change=f"* {factor}"))
            exec(compile(path.read_text(), str(path), "exec"), {"__name__": f"mine_{number}"})
            assert rows.select(col("x").changed()).collect()["x"].to_pylist() == [0, factor, 2 * factor]
    finally:
        SCALARS.clear()
        SCALARS.update(kept)


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_a_folder_that_others_may_write_to_is_refused(empty_cache: Path) -> None:
    (empty_cache / "kernels").mkdir(parents=True)
    (empty_cache / "kernels").chmod(0o777)
    with pytest.raises(ExecutionError, match=r"others may write to the kernel cache .*chmod 700"):
        question(table("k", "x", "n"), "k", "x", "n").collect()
    (empty_cache / "kernels").chmod(0o700)
    assert len(question(table("k", "x", "n"), "k", "x", "n").collect()) == 7


def test_the_folder_is_made_private(empty_cache: Path) -> None:
    question(table("k", "x", "n"), "k", "x", "n").collect()
    assert (empty_cache / "kernels").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with dask.config.set({"gpuflow.cache.folder": str(tmp_path / "file"), "gpuflow.target": "cpu"}):
        with pytest.raises(ExecutionError, match="cannot be made"):
            table("k", "x", "n").select(col("x") - 3).collect()


# -- one query, one kernel --------------------------------------------------------------------------------------------
def tasks_of(query: gf.Frame) -> list[tuple[PipelineTask, Any]]:
    """The pipelines of a query and their inputs."""
    graph = Graph(2, local=True)
    planned(Planner(graph, Options("python"), None, Profile()), optimize(query.plan))
    return [(task, inputs) for task, inputs, _ in graph.order if isinstance(task, PipelineTask)]


def test_one_function_does_all_of_it() -> None:
    with dask.config.set({"gpuflow.target": "cpu"}):
        text = question(table("k", "x", "n"), "k", "x", "n").explain("kernel")
    kernel, finish = text.split("\n\n# kernel 2 of 2: ")  # what follows only divides the sums by the counts
    said, head, *_ = kernel.splitlines()
    assert said == "# kernel 1 of 2: one function does filter, expressions, look-up and grouping; runs once per row"
    assert finish.startswith("finalizes groups (expressions); runs once per group, after partial results were merged\n# WRITE ")
    assert not any(word in finish for word in ("filter", "look up", "group by"))
    assert "filter gt(c1, 0.25)" in head
    assert "look up table 0 (inner)" in head
    assert "group by" in head and "mean(" in head and "max(" in head
    assert kernel.count("def run(") == 1
    assert "table 0 has unique keys" in kernel
    for said in ("> a0", "find_1(t0_slots", "t0_p0[", "hash_1(", "g0[at] +=", "> g2[at]"):
        assert said in kernel[kernel.index("def run(") :], said


def test_few_rows_expected_of_the_large_side_do_not_break_it_up() -> None:
    rows = table("k", "x", "n")
    for condition in (col("x") == 0.5, col("n").is_in([3]) & (col("x") == 0.5) & (col("k") == 2)):
        text = question(rows.filter(condition), "k", "x", "n").explain("kernel")
        assert text.count("def run(") == 2
        assert text.startswith("# kernel 1 of 2: one function does filter, expressions, look-up and grouping; ")


def test_headings_tell_kernels_apart() -> None:
    names = gf.from_numpy({"k": np.arange(7), "weight": np.arange(7) * 1.5}).filter(col("weight") > 1)
    joined = table("k", "x", "n").join(names, on="k").group_by("k").agg(m=col("x").mean()).filter(col("m") > 0.5)
    heads = [line for line in joined.explain("kernel").splitlines() if line.startswith("# kernel")]
    assert heads == [
        "# kernel 1 of 3: one function does look-up and grouping; runs once per row",
        "# kernel 2 of 3: finalizes groups (filter and expressions); runs once per group, after partial results were merged",
        "# kernel 3 of 3: prepares the rows of a look-up table (filter); runs before the look-up, once per row of that table",
    ]
    with dask.config.set({"gpuflow.broadcast-rows": 1}):  # the same behind an exchange
        exchanged = joined.explain("kernel")
    assert "prepares the rows of a look-up table (filter)" in exchanged


@pytest.mark.parametrize("name", SHAPES)
def test_rows_are_the_same_on_every_target(name: str) -> None:
    left, right = (frame(seeded("".join(POOLS), 5, 1)) for _ in range(2))
    for task, inputs in tasks_of(SHAPES[name](gf, left, right)):
        pipeline = task.strings.pipeline
        shape, _ = assumed_shape(task, inputs)
        for nullable in (False, True):
            shape = type(shape)((nullable,) * len(shape.nullable), shape.tables, shape.group)
            generated = {n: t.generate(pipeline, shape) for n, t in TARGETS.items()}
            assert generated["python"].row_lines == generated["cpu"].row_lines == generated["cuda"].row_lines
            assert generated["cpu"] == skeletons.generate(pipeline, shape, "cpu")  # with the literals in it
