"""What Tab offers in IPython: columns inside strings, methods of expressions and tables, with jedi and without."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import gpuflow as gf
from gpuflow.display.completion import column_names, register

FLIGHTS = gf.from_dict({"dep_delay": [1], "dest": ["LGA"], "it's": [1], "tail num": ["N1"]})
PLANES = gf.from_dict({"design": ["a"], "seats": [2]}).collect()
NAMESPACE = {"flights": FLIGHTS, "planes": PLANES, "de": 5, "_1": gf.from_dict({"delta": [1]}), "broken": gf.col("x")}


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ('gf.col("d', ["dep_delay", "dest", "design"]),
        ('col("de', ["dep_delay", "dest", "design"]),
        ("col('dep", ["dep_delay"]),
        ("col('it", ["it\\'s"]),
        ('col("it', ["it's"]),
        ('col("tail n', ["tail num"]),
        ('flights.filter(col("d', ["dep_delay", "dest"]),
        ('flights.filter(col("se', ["seats"]),
        ('flights.filter("d', ["dep_delay", "dest"]),
        ('flights.filter(\n    # it\'s late\n    col("dest") == "LGA",\n    col("de', ["dep_delay", "dest"]),
        ('flights.select("dest", "d', ["dep_delay", "dest"]),
        ('flights.select(["dest", "d', ["dep_delay", "dest"]),
        ('flights.select(late="d', ["dep_delay", "dest"]),
        ('flights.group_by("dest").agg(col("dep', ["dep_delay"]),
        ('flights.join(planes, on="d', ["dep_delay", "dest", "design"]),
        ('flights.join(planes, left_on=["de', ["dep_delay", "dest", "design"]),
        ('flights.rename({"de', ["dep_delay", "dest"]),
        ('flights.rename({"dest": "to", "de', ["dep_delay", "dest"]),
        ('planes["', ["design", "seats"]),
        ('planes[["design", "s', ["seats"]),
        ('flights.sort(r"de', ["dep_delay", "dest"]),
        ('gf.when(col("dest") == "LGA").then("d', ["dep_delay", "dest", "design"]),
        # other strings
        ('flights["', []),
        ('flights.filter(col("dest") == "d', []),
        ('flights.join(planes, on="dest", how="d', []),
        ('flights.rename({"dest": "d', []),
        ('col("x").cast("d', []),
        ('open("d', []),
        ('x = "d', []),
        ('col(f"d', []),
        ('col(b"d', []),
        ('col("""d', []),
        ('col("dest").d', []),
        ('# col("d', []),
        ('[col("a")]["d', []),
        ("", []),
        (")]}(\"'", []),
    ],
)
def test_columns(code, names):
    assert column_names(code, NAMESPACE)[1] == names


def test_ipython_is_not_needed():
    assert not register()
    assert not register(object())


SCRIPT = """
import json, sys
from traitlets.config import Config
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

settings = Config()
settings.HistoryManager.enabled = False
shell = InteractiveShell.instance(config=settings)
shell.run_cell("import gpuflow as gf\\nfrom gpuflow import col\\nimport gpuflow")
shell.run_cell('flights = gf.from_dict({"dep_delay": [1], "dest": ["LGA"]})\\ngroups = flights.group_by("dest")')
shell.run_cell("table = flights.collect()")
named = [getattr(m, "matcher_identifier", "") for m in shell.Completer.custom_matchers]
assert named == ["gpuflow.columns"], named
found = {}
for jedi in (False, True):
    shell.Completer.use_jedi = jedi
    for code in json.loads(sys.argv[1]):
        with provisionalcompleter():
            found[f"{jedi} {code}"] = [code[: c.start] + c.text for c in shell.Completer.completions(code, len(code))]
print(json.dumps(found))
"""

OFFERED = {
    'gf.col("x").mea': ['gf.col("x").mean'],
    'col("x").str.con': ['col("x").str.contains'],
    'col("x").dt.trunc': ['col("x").dt.truncate'],
    "gf.scan_par": ["gf.scan_parquet"],
    "flights.with_c": ["flights.with_columns"],
    "table.to_pan": ["table.to_pandas"],
    "groups.ag": ["groups.agg"],
    'col("de': ['col("dep_delay', 'col("dest'],
    'gf.col("dep': ['gf.col("dep_delay'],
    'flights.filter("de': ['flights.filter("dep_delay', 'flights.filter("dest'],
    'flights.select(\n  "dest",\n  "dep': ['flights.select(\n  "dest",\n  "dep_delay'],
    'table["dep': ['table["dep_delay'],
}


def test_a_shell_offers_methods_and_columns(python_environment):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(list(OFFERED))],
        capture_output=True, text=True, timeout=300, env=python_environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    for code, expected in OFFERED.items():
        for jedi in (False, True):
            assert [text.removesuffix('"').removesuffix('"]') for text in found[f"{jedi} {code}"]] == expected, (jedi, code)
