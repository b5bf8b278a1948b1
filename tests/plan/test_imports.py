"""Imports go one way. The graph is read from the sources: imports inside functions and for type checkers only are included."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

LAYERS = [
    ["gpuflow_kernels"],
    ["gpuflow.errors", "gpuflow.version", "gpuflow.schema", "gpuflow.config", "gpuflow.installing", "gpuflow.docstrings"],
    ["gpuflow.expr"],
    ["gpuflow.plan"],
    ["gpuflow.optimize"],
    ["gpuflow.arrow", "gpuflow.io", "gpuflow.physical", "gpuflow.execute"],
    ["gpuflow.frame.other_names"],
    ["gpuflow.frame.unsupported"],
    ["gpuflow.frame.tabular"],
    ["gpuflow.frame.group_by"],
    ["gpuflow.frame.query_methods", "gpuflow.frame.combine_methods", "gpuflow.frame.whole_frame", "gpuflow.frame.write_methods"],
    ["gpuflow.frame.preview", "gpuflow.frame.dask_collection", "gpuflow.frame.explain_methods"],
    ["gpuflow.frame.table_data", "gpuflow.frame.table_values", "gpuflow.frame.table_export"],
    ["gpuflow.display"],
    ["gpuflow.frame.frame"],
    ["gpuflow.frame.concat", "gpuflow.frame.ranges", "gpuflow.sql"],
    ["gpuflow.frame.reading", "gpuflow.frame"],
    ["gpuflow.doctor", "gpuflow.cluster"],
    ["gpuflow"],
    ["gpuflow.demo", "gpuflow.cli", "gpuflow.__main__"],
]
"""Packages and modules from the bottom to the top. A module imports from its own line and those above it here only."""

WITHIN = {
    "gpuflow.execute": {"gpuflow.arrow", "gpuflow.io", "gpuflow.physical"},
    "gpuflow.physical": set(),
    "gpuflow.io": {"gpuflow.arrow"},
    "gpuflow.arrow": set(),
}
"""Between the packages of the line that holds them, only these arrows."""

PLANNING = ("gpuflow.expr", "gpuflow.plan", "gpuflow.optimize")
PLAIN_KERNELS = (
    "dtypes",
    "dtype_like",
    "errors",
    "body_source",
    "column",
    "time_zone_tables",
    "declare",
    "rowmath",
    "functions",
    "aggregations",
    "ir",
)
ENGINES = {"numba", "cupy", "pyarrow", "dask", "distributed", "pandas", "polars"}


def modules(root: Path) -> dict[str, Path]:
    """Every module of both packages, by name."""
    found = {}
    for base in (root, root / "kernels"):
        for file in [*base.glob("gpuflow/**/*.py"), *base.glob("gpuflow_kernels/**/*.py")]:
            parts = file.relative_to(base).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imports(name: str, file: Path, known: set[str]) -> set[str]:
    """Return what a module and its stub import, wherever in their text, for type checkers too."""
    trees = [ast.parse(f.read_text(encoding="utf-8")) for f in (file, file.with_suffix(".pyi")) if f.exists()]
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    found: set[str] = set()
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                found.add(inner if inner in known else base)
    return found - {name}


def layer(name: str) -> tuple[int, str]:
    """The line of a module, and the entry that it belongs to: the longest that is a prefix."""
    entries = [(len(e), i, e) for i, line in enumerate(LAYERS) for e in line if name == e or name.startswith(e + ".")]
    _, line, entry = max(entries)
    if entry == "gpuflow" and name != "gpuflow":
        raise AssertionError(f"{name} stands in no layer; give it a line in LAYERS")
    return line, entry


def graph_of(root: Path) -> dict[str, set[str]]:
    """What every module imports."""
    known = modules(root)
    return {name: imports(name, file, set(known)) for name, file in known.items()}


def faults(graph: dict[str, set[str]]) -> list[str]:
    """Every arrow that goes the wrong way, and every circle."""
    wrong = []
    for name, targets in graph.items():
        line, entry = layer(name)
        for target in sorted(targets):
            top = target.split(".")[0]
            if top not in ("gpuflow", "gpuflow_kernels"):
                if top in ENGINES and entry in PLANNING:
                    wrong.append(f"{name} imports {target}: planning needs no engine")
                continue
            below, other = layer(target)
            if below > line or (below == line and other != entry and other not in WITHIN.get(entry, {other})):
                wrong.append(f"{name} imports {target}: {entry} stands below {other}")
            if entry in PLANNING and other == "gpuflow_kernels" and not _plain(target):
                wrong.append(f"{name} imports {target}: planning sees no arrays")
    ours = {n: {t for t in ts if t in graph} for n, ts in graph.items()}
    return wrong + [f"circle: {' -> '.join(c)}" for c in circles(ours)]


def _plain(target: str) -> bool:
    inner = target.split(".")[1:2]
    return not inner or inner[0] in PLAIN_KERNELS


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """One circle for every edge that closes one, by depth-first search."""
    found, state, path = [], dict.fromkeys(graph, 0), []

    def visit(name: str) -> None:
        state[name] = 1
        path.append(name)
        for target in sorted(graph[name]):
            if state[target] == 1:
                found.append([*path[path.index(target) :], target])
            elif state[target] == 0:
                visit(target)
        path.pop()
        state[name] = 2

    for name in sorted(graph):
        if state[name] == 0:
            visit(name)
    return found


@pytest.fixture(scope="module")
def graph():
    return graph_of(ROOT)


def test_imports_go_one_way(graph):
    assert faults(graph) == []


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("gpuflow/plan/a.py", "from gpuflow.optimize import b\n", "gpuflow.plan stands below gpuflow.optimize"),
        ("gpuflow/plan/a.py", "def f():\n    from gpuflow.frame import x\n", "gpuflow.plan stands below gpuflow.frame"),
        ("gpuflow/plan/a.py", "def f():\n    import numba\n", "planning needs no engine"),
        ("gpuflow/plan/a.py", "from gpuflow_kernels.algorithms import grouping\n", "planning sees no arrays"),
        ("gpuflow/io/a.py", "from ..physical import x\n", "gpuflow.io stands below gpuflow.physical"),
        ("kernels/gpuflow_kernels/a.py", "import gpuflow.schema\n", "gpuflow_kernels stands below gpuflow.schema"),
        ("gpuflow/plan/a.py", "def f():\n    from . import b\n", "circle: gpuflow.plan.a -> gpuflow.plan.b -> gpuflow.plan.a"),
    ],
)
def test_wrong_arrows_are_found(tmp_path, file, text, message):
    for package in (
        "gpuflow/plan",
        "gpuflow/optimize",
        "gpuflow/physical",
        "gpuflow/io",
        "gpuflow/frame",
        "kernels/gpuflow_kernels/algorithms",
    ):
        (tmp_path / package).mkdir(parents=True)
        (tmp_path / package / "__init__.py").write_text("")
    (tmp_path / "gpuflow" / "__init__.py").write_text("")
    (tmp_path / "gpuflow" / "schema.py").write_text("")
    (tmp_path / "gpuflow" / "optimize" / "b.py").write_text("from gpuflow.plan import a\n")
    (tmp_path / "gpuflow" / "plan" / "a.py").write_text("")
    (tmp_path / "gpuflow" / "plan" / "b.py").write_text("from .a import x\n")
    (tmp_path / "kernels" / "gpuflow_kernels" / "__init__.py").write_text("")
    (tmp_path / "kernels" / "gpuflow_kernels" / "algorithms" / "grouping.py").write_text("")
    assert faults(graph_of(tmp_path)) == []
    (tmp_path / file).write_text(text)
    found = faults(graph_of(tmp_path))
    assert any(message in fault for fault in found), found


def test_imports_of_type_checkers_count(tmp_path):
    file = tmp_path / "a.py"
    file.write_text("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import numba\n")
    (tmp_path / "a.pyi").write_text("import inspect\n")
    assert imports("a", file, set()) == {"typing", "numba", "inspect"}


def test_pyarrow_stays_at_the_edge(graph):
    """`arrow` and `io` alone read and write Arrow data; `table` hands out what it makes; tools prepare and report."""
    allowed = ("gpuflow.arrow", "gpuflow.io", "gpuflow.frame.table", "gpuflow.doctor", "gpuflow.demo", "gpuflow.cli")
    users = {name for name, targets in graph.items() if any(t.split(".")[0] == "pyarrow" for t in targets)}
    assert {n for n in users if not n.startswith(allowed)} == set()


@pytest.mark.parametrize("statement", ["import gpuflow", "import gpuflow as gf; gf.col('x').sum(); gf.Int64; gf.scan_parquet"])
def test_import_is_light(statement, python_environment):
    heavy = ["numba", "cupy", "distributed", "pandas", "pyarrow", "polars", "duckdb", "matplotlib", "sqlglot"]
    code = f"{statement}; import sys; print(*[m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=python_environment, check=True)
    assert done.stdout.split() == []


def test_a_query_on_cpus_enters_nothing_of_the_device(python_environment):
    """Memory that runs out is the engine's affair; what moves columns off a device is loaded where there is one."""
    query = "t.filter(gf.col('x') > 0).group_by('s').agg(gf.col('x').sum()).join(t, on='s').sort('s').collect()"
    code = f"""
import sys, dask, gpuflow as gf
with dask.config.set({{"gpuflow.target": "cpu"}}):
    t = gf.from_dict({{"x": [1, 2], "s": ["a", "b"]}})
    {query}
print(*[m for m in sys.modules if m.startswith("gpuflow_kernels.primitives.cuda")])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=python_environment, check=True)
    assert done.stdout.split() == []
