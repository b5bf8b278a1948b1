"""Python's functions and NumPy's on expressions, comparisons with None, and a `when` without its `then`."""

from __future__ import annotations

import math
import warnings

import dask
import numpy as np
import pytest

import gpuflow as gf
from gpuflow import col
from gpuflow.errors import NullComparisonWarning, PlanError, TypeMismatchError, UnknownNameError, UnsupportedError
from gpuflow.expr.operators import UFUNCS


@pytest.fixture(autouse=True)
def uncompiled():
    with dask.config.set({"gpuflow.target": "python"}):
        yield


X = [0.3, -1.7, 2.5, 0.0, float("nan"), None]


def test_functions_of_python():
    x = col("x")
    assert round(x, 1).equals(x.round(1))
    assert round(x).equals(x.round(0))
    assert abs(x).equals(x.abs())
    assert (math.floor(x).equals(x.floor()), math.ceil(x).equals(x.ceil()), math.trunc(x).equals(x.truncate())) == (True,) * 3


@pytest.mark.parametrize(
    "name",
    """abs absolute fabs floor ceil trunc rint sign sqrt cbrt square reciprocal exp exp2 expm1 log log2 log10 log1p sin cos tan
    arcsin arccos arctan sinh cosh tanh deg2rad rad2deg radians degrees isnan isfinite isinf negative positive""".split(),
)
def test_ufuncs_of_one_argument_give_what_numpy_gives(name):
    """Null stays null; all else as for an array, in the last bits that math libraries differ by."""
    ufunc = getattr(np, name)
    ours = gf.from_dict({"x": X}).select(y=ufunc(col("x"))).collect().to_dict()["y"]
    assert ours[-1] is None
    with np.errstate(all="ignore"):
        theirs = ufunc(np.array(X[:-1]))
    np.testing.assert_allclose(np.array(ours[:-1]), theirs, rtol=1e-15)


@pytest.mark.parametrize(
    "name",
    """add subtract multiply divide true_divide floor_divide power float_power equal not_equal less less_equal greater
    greater_equal arctan2 hypot""".split(),
)
def test_ufuncs_of_two_arguments(name):
    ufunc, x = getattr(np, name), col("x")
    frame = gf.from_dict({"x": [0.5, 2.0, None]})
    for left, right in ((x, 2.0), (2.0, x), (np.float64(2.0), x)):
        ours = frame.select(y=ufunc(left, right)).collect().to_dict()["y"]
        values = np.array([0.5, 2.0])
        theirs = ufunc(*(values if v is x else v for v in (left, right)))
        np.testing.assert_allclose(np.array(ours[:-1]), theirs, rtol=1e-15)
        assert ours[-1] is None


def test_every_ufunc_here_is_one_of_numpy():
    assert all(isinstance(getattr(np, name), np.ufunc) for name in UFUNCS)
    assert (np.float64(2) * col("x")).equals(gf.lit(np.float64(2)) * col("x"))
    flags = gf.from_dict({"b": [True, False]}).select(a=np.logical_and(col("b"), True), n=np.logical_not(col("b")))
    assert flags.collect().to_dict() == {"a": [True, False], "n": [False, True]}


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: np.maximum(col("x"), 0), UnsupportedError, r"gf\.max_horizontal"),
        (lambda: np.fmod(col("x"), 2), UnsupportedError, "x % y"),
        (lambda: np.gcd(col("x"), 2), UnsupportedError, "@gf.scalar"),
        (lambda: np.add.reduce(col("x")), TypeMismatchError, "reduce"),
        (lambda: np.add(col("x"), np.arange(3)), TypeMismatchError, "make the array a column"),
        (lambda: np.arange(3) + col("x"), TypeMismatchError, "make the array a column"),
        (lambda: np.asarray(col("x")), TypeMismatchError, "is no array"),
        (lambda: np.where(col("x") > 1, 1, 2), TypeMismatchError, r"gf\.when"),
        (
            lambda: col("x").fill_null(strategy="mean"),
            UnsupportedError,
            r'frame\.select\(col\("x"\)\.mean\(\)\)\.collect\(\)\.item\(\)',
        ),
        (lambda: col("x").fill_null(strategy="forward"), UnsupportedError, "no window functions yet"),
        (lambda: col("x").fill_null(strategy="nearest"), PlanError, "'zero', 'one'"),
        (lambda: col("x").fill_null(0, strategy="one"), PlanError, "not both"),
    ],
)
def test_what_has_no_meaning(make, error, said):
    with pytest.raises(error, match=said):
        make()


def test_filled_by_a_strategy():
    frame = gf.from_dict({"x": [3, None], "y": [0.5, None]})
    assert frame.select(col("x", "y").fill_null(strategy="one")).collect().to_dict() == {"x": [3, 1], "y": [0.5, 1.0]}
    value = frame.select(col("y").max()).collect().item()
    assert frame.select(col("y").fill_null(value)).collect().to_dict() == {"y": [0.5, 0.5]}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: col("x") == None, r'col\("x"\)\.is_null\(\)'),  # noqa: E711
        (lambda: None != col("x") + 1, r'\(col\("x"\) \+ 1\)\.is_not_null\(\)'),  # noqa: E711
        (lambda: col("x") < None, "null in every row"),
        (lambda: np.equal(col("x"), None), "null in every row"),
    ],
    ids=["eq", "ne", "lt", "numpy"],
)
def test_comparisons_with_none_warn(make, said):
    with pytest.warns(NullComparisonWarning, match=said) as caught:
        made = make()
    assert gf.from_dict({"x": [1, None]}).select(a=made).collect().to_dict() == {"a": [None, None]}
    assert caught[0].filename.endswith(("test_operators.py", "operators.py"))


def test_comparisons_that_mean_null_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = gf.from_dict({"x": [1, None]}).select(a=col("x").eq_missing(None), b=col("x") == gf.lit(None, gf.Int64))
    assert found.collect().to_dict() == {"a": [False, True], "b": [None, None]}


@pytest.mark.parametrize(
    "use",
    [
        lambda w, f: f.select(w),
        lambda w, f: f.select(y=w),
        lambda w, f: f.with_columns(y=w + 1),
        lambda w, f: f.filter(w),
        lambda w, f: 2 * w,
        lambda w, f: w & True,
        lambda w, f: w == 1,
        lambda w, f: -w,
        lambda w, f: col("x") + w,
        lambda w, f: f.group_by("x").agg(n=w),
        lambda w, f: f.sort(w),
    ],
)
@pytest.mark.parametrize("again", [False, True])
def test_when_without_then(use, again):
    frame = gf.from_dict({"x": [1, 2]})
    waiting = gf.when(col("x") > 0)
    waiting = waiting.then(1).when(col("x") > 1) if again else waiting
    with pytest.raises(PlanError, match=r'when\(\(col\("x"\) > \d\)\) has no value yet: write when\(.*\)\.then\(value\)'):
        use(waiting, frame)


def test_when_without_then_says_so():
    waiting = gf.when(col("x") > 0)
    assert "has no value yet" in repr(waiting)
    with pytest.raises(UnknownNameError, match=r"\.then\(value\)"):
        waiting.otherwise(3)
    assert "then" in dir(waiting)
