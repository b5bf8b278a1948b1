"""Errors keep their message, their kind and their attributes, also through pickle."""

from __future__ import annotations

import pickle

import pytest

from gpuflow import errors

CASES = [
    (errors.PlanError("no"), Exception, {}),
    (errors.ColumnNotFoundError("there is no column 'x'", column="x"), KeyError, {"column": "x"}),
    (errors.TypeMismatchError("types"), TypeError, {}),
    (errors.DuplicateNameError("twice", column="a"), ValueError, {"column": "a"}),
    (errors.UnsupportedError("not yet"), NotImplementedError, {}),
    (errors.ShapeError("two rows"), ValueError, {}),
    (errors.OutOfBoundsError("no row 7"), IndexError, {}),
    (errors.UnknownNameError("no such method"), AttributeError, {}),
    (errors.SQLError("parse"), ValueError, {}),
    (errors.DTypeError("no type"), ValueError, {}),
    (errors.ExtensionError("body"), errors.GpuflowError, {}),
    (errors.ReadError("cut", file="f.parquet", row_group=3, column="c"), OSError, {"file": "f.parquet", "row_group": 3}),
    (errors.WriteError("full", file="f.parquet"), OSError, {"file": "f.parquet"}),
    (errors.KernelCompileError("k.py"), errors.ExecutionError, {}),
    (errors.DeviceMemoryError("full"), MemoryError, {}),
    (errors.CastError("cast", expression="e", value="x", row=3), ValueError, {"expression": "e", "value": "x", "row": 3}),
    (errors.ArithmeticOverflowError("sum"), OverflowError, {}),
]


@pytest.mark.parametrize(("error", "base", "attributes"), CASES, ids=lambda c: type(c).__name__)
def test_pickles_and_prints_as_written(error, base, attributes):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert isinstance(error, base)
    assert isinstance(error, errors.GpuflowError)
    assert str(again) == str(error) == error.args[0]
    for name, value in attributes.items():
        assert getattr(again, name) == value


def test_plan_errors_are_plan_errors():
    for name in ("ColumnNotFoundError", "TypeMismatchError", "DuplicateNameError", "UnsupportedError", "SQLError"):
        assert issubclass(getattr(errors, name), errors.PlanError)


def test_message_with_quotes_and_newlines_is_not_a_repr():
    assert str(errors.ColumnNotFoundError("no 'a'\n\"b\"")) == "no 'a'\n\"b\""
