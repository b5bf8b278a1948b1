"""Methods of expressions are attributes of the class, made from what is declared."""

from __future__ import annotations

import ast
import inspect
import pydoc
import subprocess
import sys

import pytest
from gpuflow_kernels.declare.aggregate import AGGREGATIONS
from gpuflow_kernels.declare.scalar import SCALARS

import gpuflow as gf
from gpuflow import col
from gpuflow.errors import TypeMismatchError
from gpuflow.expr import stubs
from gpuflow.expr.methods import public_methods


def method(name: str) -> object:
    space, _, short = name.rpartition(".")
    return inspect.getattr_static(getattr(gf.Expr, space) if space else gf.Expr, short)


def test_every_declared_function_is_a_function_of_the_class():
    assert len(public_methods()) > 140
    for name in public_methods():
        function = method(name)
        assert inspect.isfunction(function), name
        assert function.__doc__, name


def test_signatures_are_those_of_the_stub():
    """Both are made of the same declarations: names, order, kinds, defaults, and the types that are known."""
    written = {}
    for node in ast.parse(stubs.stub()).body:
        if isinstance(node, ast.ClassDef) and node.name.endswith("Methods"):
            for f in node.body:
                if isinstance(f, ast.FunctionDef) and not f.decorator_list and not f.name.startswith("_"):
                    written[node.name, f.name] = f
    seen = 0
    for (owner, name), f in written.items():
        cls = gf.Expr if owner == "Methods" else getattr(gf.Expr, owner.removeprefix("_").removesuffix("Methods").lower())
        found = inspect.signature(getattr(cls, name))
        given = [*f.args.args, *f.args.kwonlyargs]
        assert [a.arg for a in given] == list(found.parameters), name
        defaults = [*[None] * (len(f.args.args) - len(f.args.defaults)), *f.args.defaults, *f.args.kw_defaults]
        for argument, default, p in zip(given, defaults, found.parameters.values(), strict=True):
            assert (default is None) == (p.default is p.empty), (name, argument.arg)
            if default is not None:
                assert ast.literal_eval(default) == p.default, (name, argument.arg)
            if p.annotation is not p.empty:
                assert ast.unparse(argument.annotation) == f"builtins.{p.annotation.__name__}"
            assert (p.kind is p.KEYWORD_ONLY) == (argument in f.args.kwonlyargs)
            seen += 1
    assert seen > 200


@pytest.mark.parametrize(
    ("function", "signature"),
    [
        (lambda: gf.Expr.round, "(self, digits: int = 0) -> 'Expr'"),
        (lambda: col("x").round, "(digits: int = 0) -> 'Expr'"),
        (lambda: gf.Expr.mean, "(self, *, filter=None, distinct: bool = False) -> 'Expr'"),
        (lambda: gf.Expr.first, "(self, *, ignore_nulls: bool = False, filter=None) -> 'Expr'"),
        (lambda: gf.Expr.str.contains, "(self, pattern, literal: bool = False, strict: bool = True) -> 'Expr'"),
        (lambda: gf.Expr.dt.truncate, "(self, every) -> 'Expr'"),
    ],
)
def test_signatures(function, signature):
    assert str(inspect.signature(function())) == signature


def test_help_shows_the_methods():
    text = pydoc.plain(pydoc.render_doc(gf.Expr))
    for line in (
        "mean(self, *, filter=None, distinct: bool = False) -> 'Expr'",
        "round(self, digits: int = 0) -> 'Expr'",
        "alias(self, name: 'str') -> 'Expr'",
    ):
        assert line in text
    assert "starts_with(self, prefix) -> 'Expr'" in pydoc.plain(pydoc.render_doc(gf.Expr.str))
    assert "rounded to a number of digits" in pydoc.plain(pydoc.render_doc(gf.Expr.round))


def test_docstrings_have_the_parameters():
    """Those of every declared method that has any, once and by name, before the examples."""
    seen = 0
    for name in public_methods():
        function = method(name)
        parameters = list(inspect.signature(function).parameters.values())[1:]
        section, _, examples = inspect.getdoc(function).partition("Examples\n--------\n")
        head, _, listed = section.partition("Parameters\n----------\n")
        assert head.strip(), name
        assert (len(listed) > 0) == (len(parameters) > 0), name
        found = [line.partition(" : ")[0] for line in listed.splitlines() if " : " in line and not line.startswith(" ")]
        assert ", ".join(found) == ", ".join(p.name for p in parameters), name
        assert not parameters or ">>> " in examples, name
        seen += len(parameters)
    assert seen > 80
    text = pydoc.plain(pydoc.render_doc(gf.Expr.str.contains))
    for line in ("pattern : expression or literal", "literal : bool, default False", "strict : bool, default True"):
        assert line in text
    assert "digits : int, default 0" in pydoc.plain(pydoc.render_doc(gf.Expr.round))
    assert "ignore_nulls : bool, default False" in gf.Expr.first.__doc__


def test_called_on_the_class_too():
    assert gf.Expr.round(col("x"), 2).equals(col("x").round(2))


def test_dir_of_expressions_and_namespaces():
    assert {"sum", "round", "alias", "str", "dt"} <= {n for n in dir(gf.Expr) if not n.startswith("_")}
    assert [n for n in dir(col("x").str) if not n.startswith("_")] == sorted(
        n.partition(".")[2] for n in SCALARS if n.startswith("str.") and SCALARS[n].method
    )
    assert repr(col("x").str) == 'col("x").str'


def test_declared_functions_come_and_go():
    try:

        @gf.scalar(dtype=gf.rules.real)
        def third_of(x):
            """A third of it."""
            return x / 3

        @gf.aggregation(dtype=gf.rules.always(gf.Float64), slots=(gf.Slot(gf.Float64, 0.0, "add"),))
        class sum_of_halves:
            """Sum of halves."""

            def lift(x):
                return (x / 2,)

            def finalize(total):
                return total

        @gf.scalar(dtype=gf.rules.real, namespace="geo")
        def halved(x):
            """Half of it."""
            return x / 2

        assert gf.Expr.third_of.__doc__.splitlines()[0] == "A third of it."
        assert str(inspect.signature(gf.Expr.sum_of_halves)) == "(self, *, filter=None, distinct: bool = False) -> 'Expr'"
        assert {"third_of", "sum_of_halves", "geo"} <= set(dir(col("x")))
        assert gf.Expr.geo.halved.__doc__.splitlines()[0] == "Half of it."
        assert repr(col("x").geo.halved()) == 'col("x").geo.halved()'
        before = col("x").third_of()

        @gf.scalar(dtype=gf.rules.real)
        def third_of(x, y):  # noqa: F811, as when a notebook's cell is run again
            """A third of both."""
            return (x + y) / 3

        assert str(inspect.signature(gf.Expr.third_of)) == "(self, y) -> 'Expr'"
        assert not col("x").third_of(1).equals(before)
    finally:
        for name in ("third_of", "third_of_2", "geo.halved"):
            SCALARS.pop(name, None)
        AGGREGATIONS.pop("sum_of_halves", None)
    for name in ("third_of", "third_of_2", "geo", "sum_of_halves"):
        assert not hasattr(gf.Expr, name)
        assert name not in dir(col("x"))


def test_wrong_arguments_name_the_signature():
    for call in (lambda: gf.Expr.round(col("x"), 1, 2), lambda: col("x").str.contains()):
        with pytest.raises(TypeMismatchError, match=r"(round|contains)\(.*does not take these"):
            call()


def test_names_of_the_package():
    """In a process of its own, where nothing else has been imported."""
    code = (
        "import sys, gpuflow as gf\n"
        "assert 'numba' not in sys.modules and 'pandas' not in sys.modules and 'IPython' not in sys.modules\n"
        "names = [n for n in dir(gf) if not (n.startswith('__') and n.endswith('__'))]\n"
        "assert names == sorted(n for n in gf.__all__ if n != '__version__'), set(names) ^ set(gf.__all__)\n"
        "import gpuflow.config, gpuflow.expr\n"
        "from gpuflow import display\n"
        "assert 'config' not in dir(gf)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
