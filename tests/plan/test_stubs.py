"""The checked-in type stub shows the methods that the built-in declarations make."""

from __future__ import annotations

import ast
import subprocess
import sys

from gpuflow.expr import Expr, stubs
from gpuflow.expr.methods import public_methods


def test_fresh(python_environment):
    """In a process of its own: other tests declare functions too."""
    done = subprocess.run(
        [sys.executable, "-m", "gpuflow.expr.stubs", "--check"], capture_output=True, text=True, env=python_environment
    )
    assert done.returncode == 0, done.stderr


def test_stale_is_said(monkeypatch, tmp_path, capsys):
    old = tmp_path / "methods.pyi"
    old.write_text("class Methods: ...\n")
    monkeypatch.setattr(stubs, "FILE", old)
    assert stubs.main(["--check"]) == 1
    assert "run python -m gpuflow.expr.stubs" in capsys.readouterr().err
    assert stubs.main([]) == 0
    assert stubs.main(["--check"]) == 0


def test_complete():
    classes = {n.name: n for n in ast.parse(stubs.stub()).body if isinstance(n, ast.ClassDef)}
    names = {name: {f.name for f in node.body if isinstance(f, ast.FunctionDef)} for name, node in classes.items()}
    for method in public_methods():
        space, _, short = method.rpartition(".")
        owner = names[f"_{space.capitalize()}Methods"] if space else names["Methods"] | set(vars(Expr))
        assert short in owner, method
